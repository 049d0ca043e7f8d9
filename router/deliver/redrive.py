"""Sends dead letters on their way again: those of `process` into `raw`, those of a sink to that sink and to no other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeVar

from router.batch import DEAD_LETTERS, RAW, Mark, Partition, Record
from router.deliver.cursor import GROUP, Cursor
from router.deliver.dead_letters import DeadLetter
from router.deliver.handover import Handover, parcel_of, reason_word
from router.deliver.letters import Found, cursors, ends, is_about, pages
from router.deliver.reshape import reshaping, shape_of
from router.errors import LogweirError, Rejected
from router.log.checkpoint import persist
from router.protocols import Follower, Log
from router.shapes import Shape

_JOIN_SECONDS = 45.0  # Kafka takes 30 s to miss a member that was killed
_STAY_SECONDS, _PAUSE_SECONDS = 1.0, 0.2
T = TypeVar("T")


class Target(Protocol):
    """Where letters go."""

    counts: Counter[str]
    """Records by what became of them."""

    def fits(self, record: Record) -> bool:
        """Whether what a letter holds is what the target wants; if not, what lies in the log is `fitted`."""

    def fitted(self, record: Record) -> Record:
        """A record out of the log as the target wants it."""

    async def send(self, letters: Sequence[DeadLetter]) -> list[Record]:
        """Settle the records of some letters. Returns the records (the very objects) that cannot be sent now."""


class ToRaw:
    """Back to where it was received: the same id, the same partition, the same facts."""

    def __init__(self, log: Log) -> None:
        self._log, self.counts = log, Counter[str]()

    def fits(self, record: Record) -> bool:
        """Payloads have no shape."""
        return True

    def fitted(self, record: Record) -> Record:
        """As it was received."""
        return record

    async def send(self, letters: Sequence[DeadLetter]) -> list[Record]:
        """Waits for the log for as long as it takes."""
        count, by_partition = await self._log.partitions(RAW), dict[int, list[Record]]()
        for letter in letters:
            by_partition.setdefault(letter.partition % count, []).append(letter.record)
        for number, records in by_partition.items():
            await self._append(number, records)
        return []

    async def _append(self, number: int, records: Sequence[Record]) -> None:
        try:
            await persist(self._log, RAW, number, records, asyncio.Event())
        except Rejected:
            if len(records) == 1:
                self.counts["too large"] += 1
                return
            for record in records:
                await self._append(number, [record])
        else:
            self.counts["sent to raw"] += len(records)


class ToSink:
    """To one sink, by default that which refused it. What it refuses (again) is a new dead letter of its own."""

    def __init__(self, handover: Handover, shape: Shape = "ecs", *, of_another: bool = False) -> None:
        """`of_another`: the letters are those of another sink, which may have got documents in another shape."""
        self._handover, self.counts = handover, handover.counts
        self._shape, self._of_another, self._reshape = shape, of_another, reshaping(shape)

    def fits(self, record: Record) -> bool:
        """A letter holds the document in the shape of the sink that refused it."""
        return not self._of_another or shape_of(record.body) == self._shape

    def fitted(self, record: Record) -> Record:
        """The stored document in the sink's shape."""
        return self._reshape(record) if self._reshape else record

    async def send(self, letters: Sequence[DeadLetter]) -> list[Record]:
        """See Handover."""
        places = [(Partition(letter.topic, letter.partition), letter.offset) for letter in letters]
        attempts = max(letter.attempts for letter in letters)
        return await self._handover.send(parcel_of([letter.record for letter in letters], places, attempts))


class Survey(NamedTuple):
    """What a redrive would do."""

    done: int
    """Letters that were redriven earlier."""
    waiting: Counter[str]
    """Letters that would be redriven, by reason up to the colon."""
    expired: int = 0
    """Letters that retention removed before a redrive of all letters came to them."""


async def survey(log: Log, stage: str, reason: str = "") -> Survey:
    """Look at all letters of a stage and change nothing."""
    done, expired, counts, places = 0, 0, Counter[str](), await ends(log, stage)
    for partition, cursor in (await cursors(log, stage)).items():
        expired += max(0, places[partition][0] - cursor.first)
        async for page in pages(log, partition, *places[partition]):
            waiting = [f for f in page if not cursor.is_done(f.offset, f.reason)]
            done += len(page) - len(waiting)
            counts.update(reason_word(f.reason) for f in waiting if is_about(f.reason, reason))
    return Survey(done, counts, expired)


class Redrive:
    """One run over the letters that are there when it begins. `seen` is told how many more were looked at.

    What was sent is not sent by a later run, nor by one at the same time. A run that is killed, or frozen until the log takes it
    for dead (30 s), may have sent up to 500 letters that the next one repeats.
    """

    def __init__(
        self,
        log: Log,
        stage: str,
        target: Target,
        *,
        reason: str = "",
        limit: int | None = None,
        seen: Callable[[int], object] = lambda count: None,
    ) -> None:
        self._log, self._stage, self._target, self._reason, self._left = log, stage, target, reason, limit
        self._seen = seen
        self.unreadable = 0
        """Letters that cannot be sent: no letters, or so large (or in another shape) that only their coordinates help, which lead
        nowhere now."""
        self.is_stuck = False
        """True where it ended early because the target takes no more; what is left can be redriven later."""

    async def run(self) -> None:
        """Raises LogweirError where another redrive of the stage is under way."""
        places = await ends(self._log, self._stage)
        async with self._alone(places) as follower:
            for partition, (_, stop) in places.items():
                await self._partition(follower, partition, stop)

    @asynccontextmanager
    async def _alone(self, places: Collection[Partition]) -> AsyncIterator[Follower]:
        """A member of the group that holds all partitions, so that nobody else redrives the same letters."""
        topic, group = DEAD_LETTERS + self._stage, GROUP + self._stage
        async with self._log.follow((topic,), group=group, alone=True) as follower:
            try:
                async with asyncio.timeout(_JOIN_SECONDS):
                    while not follower.assigned >= set(places):
                        await follower.read(max_records=1, timeout_seconds=0.2)
            except TimeoutError:
                raise LogweirError(f"another redrive of {self._stage} is under way; wait until it has ended") from None
            follower.pause(places)
            yield follower

    async def _partition(self, follower: Follower, partition: Partition, stop: int) -> None:
        before = await self._committed(partition)
        cursor = Cursor(before)
        async for page in pages(self._log, partition, cursor.first, stop):
            if self.is_stuck or self._left == 0:
                return
            chosen, end = self._choose(page, cursor)
            if chosen and not await _staying(follower, self._send(partition, chosen)):
                return
            cursor.settle(end, self._reason)
            mark = cursor.mark()
            await self._commit(follower, partition, before, mark)
            before = mark
            self._seen(len(page))

    def _choose(self, page: Sequence[Found], cursor: Cursor) -> tuple[list[Found], int]:
        """What is to be redriven of a page, and the offset before which nothing is left to do then."""
        chosen = [f for f in page if not cursor.is_done(f.offset, f.reason) and is_about(f.reason, self._reason)]
        if self._left is None:
            return chosen, page[-1].offset + 1
        within, beyond = chosen[: self._left], chosen[self._left :]
        self._left -= len(within)
        return within, beyond[0].offset if beyond else page[-1].offset + 1

    async def _send(self, partition: Partition, chosen: Sequence[Found]) -> bool:
        """False if nothing was settled, so that the letters have to stay before the cursor."""
        whole = [(found, letter) for found in chosen if (letter := await self._whole(found.letter)) is not None]
        left = await self._target.send([letter for _, letter in whole]) if whole else []
        self.unreadable += len(chosen) - len(whole)
        if not left:
            return True
        self.is_stuck = True
        if len(left) == len(chosen):
            return False
        await self._put_back(partition, whole, left)
        return True

    async def _put_back(self, partition: Partition, whole: Sequence[tuple[Found, DeadLetter]], left: Sequence[Record]) -> None:
        """Letters that were not sent, among others that were, lie at the end again: the cursor can pass these."""
        objects = {id(record) for record in left}
        again = [found.raw for found, letter in whole if id(letter.record) in objects]
        await persist(self._log, partition.topic, partition.number, again, asyncio.Event())

    async def _whole(self, letter: DeadLetter | None) -> DeadLetter | None:
        """The letter as the target wants it: by its coordinates, where it was too large to be kept or has another shape."""
        if letter is None or (letter.complete and self._target.fits(letter.record)):
            return letter
        items = (await self._log.fetch(letter.topic, letter.partition, letter.offset, 1)).items
        if not items or items[0].id != letter.record.id:
            return None
        return replace(letter, record=self._target.fitted(items[0]), complete=True)

    async def _committed(self, partition: Partition) -> Mark | None:
        return (await self._log.committed(GROUP + self._stage, (partition.topic,))).get(partition)

    async def _commit(self, follower: Follower, partition: Partition, before: Mark | None, mark: Mark) -> None:
        """Until it counts: commits are dropped while members come and go. Raises LogweirError where somebody else has committed,
        or has the partition."""
        try:
            async with asyncio.timeout(_JOIN_SECONDS):
                while (found := await self._committed(partition)) == before != mark:
                    await follower.read(max_records=1, timeout_seconds=0)
                    await follower.commit({partition: mark})
                    if partition not in follower.assigned:
                        await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            found = None
        if found != mark:
            raise LogweirError(f"another redrive of {self._stage} took over; letters of the last page may be sent twice")


async def _staying(follower: Follower, doing: Coroutine[Any, Any, T]) -> T:
    """Do something long as a member of the group: what is held is paused, and nothing comes of the reads."""
    task = asyncio.create_task(doing)
    try:
        while not (await asyncio.wait([task], timeout=_STAY_SECONDS))[0]:
            await follower.read(max_records=1, timeout_seconds=0)
    finally:
        task.cancel()
        await asyncio.wait([task])
    return task.result()
