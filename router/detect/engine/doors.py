"""The ways into a bucket, and the walk from an event to its verdict.

Most events come by a door of their channel, event id and dataset, which routing has read already: rules that these exclude are
never asked about, nor is a field that only such rules read.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from router.batch import Event
from router.detect.engine.layouts import Layout, Step
from router.detect.engine.readings import Question, Verdict

if TYPE_CHECKING:
    from router.detect.engine.bucket import Bucket
    from router.detect.engine.keywords import Marks

_MAX_KNOWN = 4096


class Door:
    """Judges events of a bucket that have one channel and one event id, or, if these were not told, any."""

    __slots__ = ("__weakref__", "_bucket", "_first", "_is_told", "_layouts", "_starts", "_true", "marks")

    def __init__(self, bucket: "Bucket", *, told: bool) -> None:
        """`told` if channel, event id and dataset, where they are texts or integers, are the same in all events that come."""
        self._bucket, self._is_told = bucket, told
        self._layouts = bucket.layouts
        self._true: dict[int, tuple[int, ...]] = {}
        """What was told when the layouts became narrow: number of the field -> its true atoms."""
        self.marks: Marks | None = None
        """Tells for whole batches which events may hold a keyword of the bucket."""
        self._first: dict[tuple[str, ...], Question | Verdict | Step | None] = {}
        """Keys of a document -> what is asked first, or what is to be looked into first."""
        self._starts: dict[tuple[Layout, int], Question | Verdict] = {}
        """Layout, signature of the keywords in the message -> what is asked first."""

    def told(self) -> "Door":
        """One more, for events of one channel, event id and dataset."""
        return self._bucket.told()

    def forget(self) -> None:
        """Drop what holds numbers of signatures."""
        self._first.clear()
        self._starts.clear()

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> Verdict:
        """The rules that the event satisfies. `encoded` is the event as orjson writes it, if somebody did already."""
        keywords = self._bucket.keywords
        if keywords is not None and keywords.gate(event, raw, encoded):
            return self._walked(event, None, self._bucket.searched(event, raw))
        return self.judge(event)

    def judge(self, event: Event) -> Verdict:
        """The same, where it is known that no keyword that matters is in the message.

        The loop stands again in `_walked`: for documents that are flat no list of objects is made, and no call.
        """
        after: Any = self._first.get(tuple(event))
        while after.__class__ is Question:
            question, reading = after, after.reading
            reading.uses += 1
            try:
                key = reading.key(event)
            except TypeError:  # a list or an object is no key of a dict
                key = reading.of_any([event])
            if reading.more:
                key += self._bucket.more(reading, [event])
            after = question.next.get(key)
            if after is None:
                after = self._bucket.go_on(question, key)
        return after if after.__class__ is tuple else self._walked(event, after, 0)

    def _walked(self, event: Event, step: Step | None, found: int) -> Verdict:
        """The verdict about a document in which more than its top is looked into, or whose keys are new.

        `step` is what the top leads to, where that is known; `found` the signature of the keywords in the message."""
        bucket, layouts = self._bucket, self._layouts
        layout, objects = layouts.of(event, step)
        after: Any = self._starts.get((layout, found))
        if after is None:
            after = self._begin(layout, objects, found)
            if layouts is not self._layouts:
                return self._walked(event, None, found)
        if after.__class__ is Door:
            return after._walked(event, None, found)
        if step is None and not found:
            top = layouts.first(event)
            self._learn(event, after if isinstance(top, Layout) else top)
        given: Any = event if layout.flat else objects
        while after.__class__ is Question:
            question, reading = after, after.reading
            reading.uses += 1
            try:
                key = reading.key(given)
            except TypeError:
                key = reading.of_any(objects)
            if reading.more:
                key += bucket.more(reading, objects)
            after = question.next.get(key)
            if after is None:
                after = bucket.go_on(question, key)
        return after  # type: ignore[no-any-return]  # a Verdict

    def _begin(self, layout: Layout, objects: Sequence[Any], found: int) -> "Question | Verdict | Door":
        """What is asked first of documents of a layout, kept. Those that are told otherwise than others go by the common door."""
        bucket = self._bucket
        told = layout.told(objects) if self._is_told else {}
        true = bucket.true_of(told)
        if self._layouts is bucket.layouts:
            if told and (narrow := bucket.narrow(told)) is not bucket.layouts:
                self._layouts, self._true = narrow, true
                self.forget()
                return ()
        elif true != self._true:
            return bucket.door()
        after = bucket.begin(layout, found, told)
        if len(self._starts) >= _MAX_KNOWN:
            self.forget()
        self._starts[layout, found] = after
        return after

    def _learn(self, event: Event, after: Question | Verdict | Step) -> None:
        """Remember what documents with these keys begin with."""
        if len(self._first) >= _MAX_KNOWN:
            self._first.clear()
        self._first[tuple(event)] = after
