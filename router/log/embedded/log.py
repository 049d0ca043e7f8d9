"""The embedded log: topics, appends, groups, retention over one SQLite file."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from operator import itemgetter
from sqlite3 import Connection
from typing import NamedTuple

from router.batch import DEAD_LETTERS, Batch, Mark, Partition, Record, Span
from router.config import EmbeddedLog
from router.errors import LogweirError, Misconfigured
from router.log.codec import check_sizes
from router.log.embedded import mend, retention, store
from router.log.embedded.block import encode
from router.log.embedded.database import Database
from router.log.embedded.follower import SqliteFollower
from router.log.embedded.groups import Member, fresh_name
from router.log.embedded.recent import Recent
from router.log.embedded.store import Piece, Topic
from router.protocols import Listener, TopicSettings
from router.telemetry import logger

_POLL_SECONDS = 0.04
_RETENTION_SECONDS = 10.0
_SHRINK_STEPS = 64
_LARGEST_WAL_BYTES = 256 << 20
_RECORDS_PER_BLOCK = 2000
_BYTES_PER_BLOCK = 2 << 20
_SMALL_BYTES = 16 << 10  # encoded sooner than a thread is asked
_body = itemgetter(Record._fields.index("body"))
_log = logger("log")


class Torn(NamedTuple):
    """What cannot be read of one partition."""

    partition: Partition
    stretches: list[mend.Stretch]
    blocks: list[int]
    """Ids of what stands in the way."""


class SqliteLog:
    """See Log. Several processes may open the same file; one object belongs to one event loop."""

    def __init__(
        self,
        settings: EmbeddedLog,
        *,
        lease_seconds: float = 6.0,
        retention_every_seconds: float = _RETENTION_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._lease, self._clock = settings, lease_seconds, clock
        self._retention_every = retention_every_seconds
        self._database, self._recent = Database(settings.path), Recent()
        self._topics: dict[str, Topic] = {}
        self._wakes: dict[asyncio.Event, frozenset[int]] = {}
        self._followers: set[SqliteFollower] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open or create the file."""
        await self._database.open()
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._retain())]

    async def close(self) -> None:
        """See Log."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._database.close()

    async def create(self, topics: Mapping[str, TopicSettings]) -> None:
        """See Log."""
        full = {self._settings.prefix + name: settings for name, settings in topics.items()}
        await self._database.write(lambda c: store.create_topics(c, full))

    async def topics(self, beginning: str) -> Collection[str]:
        """See Log."""
        prefix = self._settings.prefix
        names = await self._database.read(store.topic_names)
        return [name.removeprefix(prefix) for name in names if name.startswith(prefix + beginning)]

    async def partitions(self, topic: str) -> int:
        """See Log. Raises Misconfigured for an unknown topic."""
        try:
            return (await self._topic(topic)).partitions
        except Misconfigured:
            if not topic.startswith(DEAD_LETTERS):
                raise
        kept = TopicSettings(1, self._settings.retention_hours * 3600, self._settings.retention_bytes)
        await self.create({topic: kept})
        return (await self._topic(topic)).partitions

    async def _topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            full = self._settings.prefix + name
            topic = await self._database.read(lambda c: store.find_topic(c, full))
            if topic is None:
                raise Misconfigured(f"embedded log {self._settings.path}: no topic {full!r}; it has to be created first")
            self._topics[name] = topic
        return topic

    async def _partition(self, name: str, number: int) -> Topic:
        await self.partitions(name)  # makes a topic for dead letters with its first one
        topic = await self._topic(name)
        if not 0 <= number < topic.partitions:
            raise ValueError(f"topic {name} has no partition {number}, but {topic.partitions}")
        return topic

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """See Log."""
        found = await self._partition(topic, partition)
        if records:
            check_sizes(topic, records)
        size = sum(map(len, map(_body, records)))
        pieces = _pieces(records, size) if size <= _SMALL_BYTES else await self._database.compute(partial(_pieces, records, size))
        first = await self._database.write(lambda c: store.append(c, found.id, partition, pieces, self._clock()))
        self._keep(found.id, partition, first, pieces)
        self._wake(found.id)
        return first

    def _keep(self, topic: int, partition: int, start: int, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._recent.put((topic, partition, start), piece.records, piece.body_bytes)
            start += len(piece.records)

    def follow(
        self, topics: Sequence[str], *, group: str, listener: Listener | None = None, alone: bool = False
    ) -> AbstractAsyncContextManager[SqliteFollower]:
        """See Log."""
        return self._follow(topics, group, listener, alone)

    @asynccontextmanager
    async def _follow(
        self, topics: Sequence[str], group: str, listener: Listener | None, alone: bool
    ) -> AsyncIterator[SqliteFollower]:
        ids = {(await self._topic(name)).id: name for name in topics}
        member = Member(group, fresh_name(), tuple(ids), self._lease, alone)
        follower = SqliteFollower(self._database, self._recent, self, member, ids, listener)
        self._followers.add(follower)
        await follower.join()
        lease = asyncio.create_task(follower.keep_lease())
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            lease.cancel()
            await asyncio.wait([lease])
            await follower.leave()

    async def ends(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """See Log."""
        found = await self._topic(topic)
        return await self._database.read(lambda c: _ends(c, found.id))

    async def fetch(self, topic: str, partition: int, offset: int, max_records: int) -> Batch[Record]:
        """See Log."""
        found = await self._partition(topic, partition)
        run = await self._database.read(lambda c: store.read(c, found.id, partition, offset, max_records, self._recent))
        start, records = run or (offset, [])
        return Batch(records, Span(topic, partition, start, start + len(records)))

    async def committed(self, group: str, topics: Sequence[str]) -> Mapping[Partition, Mark]:
        """See Log."""
        ids = {name: (await self._topic(name)).id for name in topics}
        found = await self._database.read(lambda c: {n: store.cursors(c, group, id) for n, id in ids.items()})
        return {Partition(name, number): mark for name, marks in found.items() for number, mark in marks.items()}

    async def damaged(self) -> Sequence[Torn]:
        """Look at every block that is stored, and change nothing. Takes a while."""
        found = list[Torn]()
        for name in await self.topics(""):
            topic = await self._topic(name)
            for number in range(topic.partitions):
                torn = Torn(Partition(name, number), [], [])
                position, is_end = None, False
                while not is_end:
                    looked = await self._database.read(partial(mend.look, topic=topic.id, partition=number, position=position))
                    torn.stretches.extend(looked.damaged)
                    torn.blocks.extend(looked.blocks)
                    position, is_end = looked.position, looked.is_end
                found += [torn] if torn.stretches or torn.blocks else []
        return found

    async def let_pass(self, torn: Torn) -> None:
        """Readers pass what was found damaged, from now on, and count it as what retention removed before they read it."""
        topic = (await self._topic(torn.partition.topic)).id
        args = topic, torn.partition.number, torn.stretches, torn.blocks, self._clock()
        await self._database.write(lambda c: mend.let_pass(c, *args))

    def watch(self, topics: Iterable[int], wake: asyncio.Event) -> None:
        """Set `wake` whenever one of the topics (ids) has new records."""
        self._wakes[wake] = frozenset(topics)

    def unwatch(self, wake: asyncio.Event) -> None:
        """Undo `watch`."""
        self._wakes.pop(wake, None)

    def _wake(self, topic: int) -> None:
        for wake, topics in self._wakes.items():
            if topic in topics:
                wake.set()

    def shuffle(self) -> None:
        """Members came or went in this process: let all others look."""
        for follower in self._followers:
            follower.shuffle()

    async def _poll(self) -> None:
        """Notice what other processes append: a look at shared memory per interval, nothing while nobody follows."""
        watch = await self._database.watch()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self._wakes and watch.changed():
                for wake in self._wakes:
                    wake.set()

    def _wal_bytes(self) -> int:
        wal = self._settings.path.with_name(f"{self._settings.path.name}-wal")
        return wal.stat().st_size if wal.exists() else 0

    async def _shrink(self) -> None:
        for _ in range(_SHRINK_STEPS):
            pages = await self._database.read(retention.surplus_pages)
            if not pages:
                return
            await self._database.maintain(partial(retention.shrink, pages=pages))

    async def _retain(self) -> None:
        while True:
            with _logged("retention failed; it is tried again"):
                removed = 1
                while removed:
                    removed = await self._database.write(lambda c: retention.trim(c, self._clock()))
                await self._shrink()
                if self._wal_bytes() > _LARGEST_WAL_BYTES:
                    await self._database.maintain(retention.truncate_wal)
            await asyncio.sleep(self._retention_every)


def _pieces(records: Sequence[Record], total: int) -> list[Piece]:
    """Blocks of a bounded size, so that reading a few records never decodes a huge one. `total` bytes of bodies."""
    if 0 < len(records) <= _RECORDS_PER_BLOCK and total <= _BYTES_PER_BLOCK:
        return [_piece(records, total)]
    pieces, start, size = list[Piece](), 0, 0
    for place, length in enumerate(map(len, map(_body, records))):
        if place > start and (place - start >= _RECORDS_PER_BLOCK or size + length > _BYTES_PER_BLOCK):
            pieces.append(_piece(records[start:place], size))
            start, size = place, 0
        size += length
    return [*pieces, _piece(records[start:], size)] if records else pieces


def _piece(records: Sequence[Record], size: int) -> Piece:
    return Piece(encode(records), list(records), size)


def _ends(connection: Connection, topic: int) -> dict[int, tuple[int, int]]:
    found = {}
    for number, end in store.ends(connection, topic).items():
        oldest = store.oldest(connection, topic, number)
        found[number] = (end if oldest is None else oldest, end)
    return found


@contextmanager
def _logged(text: str) -> Iterator[None]:
    """Errors of background work: the next appends and reads meet the same ones and raise them to somebody."""
    try:
        yield
    except LogweirError as error:
        _log.warning(text, reason=str(error))
