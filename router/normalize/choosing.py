"""Which normalizer reads a payload: the sender's last ones first, then candidates by what stands in it, then what stands inside.

Objects of which the first kilobyte does not tell who reads them, or their message, are remembered by their keys: of the next such
object of the sender whoever has read the last one is asked at once, and nobody looks for others who might. The same holds for
what stands behind a relay's header and is read without it, such as JSON.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import TypeAlias

from router.batch import Event
from router.normalize.container import written
from router.normalize.deferred import Candidate, compiled
from router.normalize.explained import Asking
from router.normalize.identify import HEAD
from router.normalize.line import Line
from router.normalize.marks import Asker, finder
from router.normalize.normalizer import Ignored, Normalizer
from router.normalize.products import product
from router.normalize.recall import Recall, Sender, Shape
from router.normalize.relayed import GENERAL, LEAST, has_header, inner
from router.normalize.remembered import Remembered
from router.normalize.sealing import FAILED, failed, unknown
from router.normalize.wrapped import WINLOG, Held, held_in, kept, message, opened

Answer: TypeAlias = list[Event] | Ignored | None
BEHIND: Shape = ()
"""Stands for the keys of an object where there is none, but a header."""
_MAX_ORDERS = 1024
_FAR = 16 * HEAD
"""How much of an object that nobody knows by its first kilobyte is looked through."""


class Chooser:
    """Asks normalizers until one accepts."""

    def __init__(self, normalizers: Iterable[Candidate], forced: Mapping[str, str]) -> None:
        """`forced`: the only normalizer that is asked for a source."""
        self.normalizers = {n.id: n for n in normalizers}
        self._places = tuple(self.normalizers.values())
        self._forced = forced
        self._asker: Asker | None = None
        self._weigh = Remembered[int, Callable[[str, Mapping[str, str]], int]](
            lambda place: self._places[place].identity.weigher(), len(self._places)
        )
        self._orders = Remembered(self._order, _MAX_ORDERS)
        self.recall = Recall()
        self.ignored: Counter[str] = Counter()
        """Payloads that were noise of the protocol, by normalizer."""

    def asker(self) -> Asker:
        """What finds candidates; made when it is first needed. Raises ConfigError."""
        if self._asker is None:
            self._asker = finder([n.identity for n in self._places])
        return self._asker

    def fresh(self) -> "Chooser":
        """The same without what it remembers."""
        made = copy(self)
        made.recall, made.ignored = Recall(), Counter()
        return made

    def compiled(self) -> tuple[Normalizer, ...]:
        """All normalizers."""
        return tuple(map(compiled, self._places))

    def made(self, x: Line) -> list[Event] | Ignored:
        """The answer for a line: its documents, those of an unknown line at least."""
        if (held := written(x)) is None:
            return self._made(x)
        made = self._made(held[0])
        kept(made, x, *held)
        return made

    def _made(self, x: Line) -> list[Event] | Ignored:
        forced = self._forced.get(x.source)
        if forced is not None:
            return self._run_forced(self.normalizers[forced], x)
        key = (x.source, x.peer)
        made = self._remembered(x, key)
        return self._found(x, key) if made is None else made

    def _remembered(self, x: Line, key: Sender) -> Answer:
        """The answer of whoever has read a line like this one of the sender; asked in the way that helped last."""
        by_keys = self.recall.last_by_keys(key)
        if by_keys is None:
            return self._again(x, key)
        if x.data is None and x.raw[:1] != "{":
            made = self._again(x, key)
            return self._behind_again(x, key) if made is None else made
        made = self._by_keys(x, key) if by_keys else self._again(x, key)
        if made is None:
            made = self._again(x, key) if by_keys else self._by_keys(x, key)
            if made is not None:
                self.recall.turn(key)
        return made

    def _found(self, x: Line, key: Sender) -> list[Event] | Ignored:
        """The answer of whoever accepts, where nothing that is remembered of the sender does."""
        candidates = self.candidates(x.raw[:HEAD], x.meta)
        asked = {n.id for n in self.recall.recent(key)}
        made, _ = self._first([n for n in candidates if n.identity.priority > GENERAL and n.id not in asked], x, key)
        if made is None:
            made = self._relayed(x, key)
        if made is None:
            made = self._by_far(x, key)
        if made is None:
            made, _ = self._first([n for n in candidates if n.identity.priority <= GENERAL], x, key)
        return [unknown(x)] if made is None else made

    def _again(self, x: Line, key: Sender, keys: Shape | None = None) -> Answer:
        """The answer of a normalizer that has read lines of this sender, or of this product of it.

        `keys`: only of those that have read the message in such an object of it.
        """
        head = x.raw[:HEAD]
        recent, read = self.recall.recent(key), self.recall.read
        for normalizer in recent:
            if (keys is None or read(key, keys, normalizer.id, "message")) and normalizer.wants(head, x.meta):
                made = self._try(normalizer, x)
                if made is not None:
                    if normalizer is not recent[0]:
                        self.recall.remember(key, normalizer)
                    return made
        named = product(head)
        general = self.recall.general(key, named) if named is not None else None
        if general is None or (keys is not None and not read(key, keys, general.id, "message")):
            return None
        return self._try(general, x)

    def _by_keys(self, x: Line, key: Sender) -> Answer:
        """The answer for an object of a normalizer that has read one with the same keys of this sender, or the message in it."""
        value = opened(x)
        if value is None:
            return None
        keys, read = tuple(value), self.recall.read
        for normalizer in self.recall.recent(key):
            if read(key, keys, normalizer.id, "whole"):
                made = self._try(normalizer, x)
                if made is not None:
                    return made
        held = held_in(value, x) if WINLOG not in value else None
        if held is None:
            return None
        made = self._again(held.line, key, keys)
        if made is None:
            candidates = self.candidates(held.line.raw[:HEAD], held.line.meta)
            if any(n.identity.priority > GENERAL for n in candidates):
                return None
            general = [n for n in candidates if n.identity.priority >= held.least and read(key, keys, n.id, "message")]
            made, _ = self._first(general, held.line, key)
        return kept(made, x, held.line, held.beside)

    def _behind_again(self, x: Line, key: Sender) -> Answer:
        """The answer for what stands behind a header, of a normalizer that has read such of this sender."""
        found = inner(x)
        return kept(self._again(found, key, BEHIND), x, found, {}) if found is not None else None

    def _first(self, candidates: Iterable[Candidate], x: Line, key: Sender) -> tuple[Answer, str]:
        """The answer of the first that accepts, and its id. It is remembered for the sender; a general one, for this product."""
        for normalizer in candidates:
            made = self._try(normalizer, x)
            if made is not None:
                if normalizer.identity.priority >= 0:
                    self.recall.remember(key, normalizer)
                elif normalizer.identity.priority <= GENERAL and (named := product(x.raw[:HEAD])) is not None:
                    self.recall.remember_general(key, named, normalizer)
                return made, normalizer.id
        return None, ""

    def _relayed(self, x: Line, key: Sender) -> Answer:
        """The answer for what stands behind a relay's header, or in the object of a shipper."""
        inside = self._inside(x)
        if inside is None:
            return None
        found = inside.line
        if WINLOG in inside.beside:  # Winlogbeat's: the message only renders what stands beside it, far behind where it is long
            whole, name = self._first(self.candidates(f'"{WINLOG}"', x.meta), x, key)
            if whole is not None:
                self.recall.remember_object(key, inside.keys, name, "whole")
                return whole
        candidates = self._behind(x.raw, inside)
        made, name = self._first([n for n in candidates if n.identity.priority > GENERAL], found, key)
        if made is None and inside.beside:
            made = self._behind_header(found, key)
        if made is None:
            made, name = self._first([n for n in candidates if n.identity.priority <= GENERAL], found, key)
        if made is None:
            made, name = self._first(self._far(found), found, key)
        if name and not self.recall.read(key, inside.keys, name, "message"):
            # its marks may stand too far behind in the object
            whole = None if inside.closed else self._whole(self.normalizers[name], x)
            self.recall.remember_object(key, inside.keys, name, "message" if whole is None else "whole")
            if whole is not None:
                return whole
        return kept(made, x, found, inside.beside)

    def _whole(self, normalizer: Candidate, x: Line) -> Answer:
        """The answer of one that has read what stands inside, for all of it; a failure inside of it is none."""
        made = self._try(normalizer, x)
        return None if isinstance(made, list) and made[0]["event"].get("kind") == FAILED else made

    def _behind_header(self, found: Line, key: Sender) -> Answer:
        """The answer of a product's file for what stands behind the header of a line in an object."""
        line = inner(found)
        if line is None:
            return None
        made, _ = self._first(self._behind(found.raw, Held(line, {}, GENERAL + 1)), line, key)
        return kept(made, found, line, {})

    def _inside(self, x: Line) -> Held | None:
        """What stands behind a header or in an object."""
        found = inner(x)
        if found is None:
            return message(x)
        twice = found.raw[:1] == "<" and has_header(found)
        return Held(found, {}, LEAST if twice else GENERAL + 1, BEHIND)  # CEF and LEEF of any product are read with the header

    def _by_far(self, x: Line, key: Sender) -> Answer:
        """The answer of whoever is told by what stands far behind in an object."""
        made, name = self._first(self._far(x), x, key)
        if made is not None and (value := opened(x)) is not None:
            self.recall.remember_object(key, tuple(value), name, "whole")
        return made

    def _far(self, x: Line) -> list[Candidate]:
        """Candidates for an object whose telling keys stand far behind: keys have no order, and some encoders sort them."""
        if x.raw[:1] != "{" or len(x.raw) <= HEAD:
            return []
        return [n for n in self.candidates(x.raw[:_FAR], x.meta) if n.identity.priority > GENERAL]

    def candidates(self, head: str, meta: Mapping[str, str]) -> list[Candidate]:
        """The normalizers whose identity holds for the first kilobyte; the most telling first."""
        return self._ranked(self.asker()(head, meta), head, meta)

    def _behind(self, outer: str, inside: Held) -> list[Candidate]:
        """Candidates for what stands in a line, which is mostly its end and has been searched with it."""
        found = inside.line
        head = found.raw[:HEAD]
        if outer.endswith(found.raw):
            places = self.asker().behind(head, outer, len(outer) - len(found.raw), found.meta)
        else:
            places = self.asker()(head, found.meta)
        return self._ranked(
            [place for place in places if self._places[place].identity.priority >= inside.least], head, found.meta
        )

    def _ranked(self, places: list[int], head: str, meta: Mapping[str, str]) -> list[Candidate]:
        known = self._orders[tuple(places)]
        if known is not None:
            return [*known]

        def rank(place: int) -> tuple[int, int, str]:
            held = self._places[place]
            return -held.identity.priority, -self._weigh[place](head, meta), held.id

        return [self._places[place] for place in sorted(places, key=rank)]

    def _order(self, places: tuple[int, ...]) -> list[Candidate] | None:
        """The normalizers at these places by priority; None where some have the same, so that it takes the text to rank them."""
        found = sorted((self._places[place] for place in places), key=lambda held: -held.identity.priority)
        return found if len({held.identity.priority for held in found}) == len(found) else None

    def _try(self, normalizer: Candidate, x: Line) -> Answer:
        """The answer of one normalizer; a failure inside of it keeps the event."""
        body, header = x.body, x.head
        try:
            made = normalizer.run(x)
        except Exception as error:  # a defect in generated code must not cost an event
            x.restart()
            return [failed(x, normalizer.id, f"{type(error).__name__}: {error}"[:500])]
        if made is None:
            x.restart()
            if not x.syslog_read:
                x.body, x.head = body, header
        elif isinstance(made, Ignored):
            self.ignored[normalizer.id] += 1
        return made

    def _run_forced(self, normalizer: Candidate, x: Line) -> list[Event] | Ignored:
        made = self._try(normalizer, x)
        if made is None and (found := inner(x)) is not None:
            made = kept(self._try(normalizer, found), x, found, {})
        if made is None and (held := message(x)) is not None:
            made = kept(self._try(normalizer, held.line), x, held.line, held.beside)
        return [failed(x, normalizer.id, f"not accepted by {normalizer.id}")] if made is None else made

    def stages(self, x: Line) -> Iterator[Asking]:
        """Who is asked, for which text, and why: in the order of `made`, but for what is remembered of a sender."""
        forced = self._forced.get(x.source)
        if forced is not None:
            yield "set for the source", x, [self.normalizers[forced]]
            return
        telling = "most telling candidate that accepts"
        candidates = self.candidates(x.raw[:HEAD], x.meta)
        yield telling, x, [n for n in candidates if n.identity.priority > GENERAL]
        inside = self._inside(x)
        if inside is not None:
            found = inside.line
            if WINLOG in inside.beside:
                yield "what stands beside the message is Winlogbeat's", x, self.candidates(f'"{WINLOG}"', x.meta)
            within = self._behind(x.raw, inside)
            yield f"{telling} what stands inside", found, [n for n in within if n.identity.priority > GENERAL]
            if inside.beside and (line := inner(found)) is not None:
                behind = self._behind(found.raw, Held(line, {}, GENERAL + 1))
                yield f"{telling} what stands behind the header inside", line, behind
            general = [n for n in within if n.identity.priority <= GENERAL]
            yield "general: no product's file accepts what stands inside", found, general
            yield f"{telling} what stands inside, by more than its first kilobyte", found, self._far(found)
        yield f"{telling}, by more than its first kilobyte", x, self._far(x)
        yield "general: no product's file accepts", x, [n for n in candidates if n.identity.priority <= GENERAL]
