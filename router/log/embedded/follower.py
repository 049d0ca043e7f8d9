"""One member of a consumer group of the embedded log."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from sqlite3 import Connection
from typing import NamedTuple, Protocol

from router.batch import Batch, Mark, Partition, Record, Span
from router.errors import Retryable
from router.log.embedded import groups, store
from router.log.embedded.block import Damaged
from router.log.embedded.database import Database, is_damage
from router.log.embedded.groups import Member, Place
from router.log.embedded.recent import Recent
from router.log.gaps import count_expired
from router.protocols import Lag, Listener
from router.telemetry import logger

_BALANCE_SECONDS = 0.5
_MAX_METADATA_BYTES = 4096
_log = logger("log")


class Signals(Protocol):
    """Wakes followers of one process: of new records in a topic, and of members that come or go."""

    def watch(self, topics: Iterable[int], wake: asyncio.Event) -> None: ...
    def unwatch(self, wake: asyncio.Event) -> None: ...
    def shuffle(self) -> None: ...


class _Taken(NamedTuple):
    place: Place
    position: int
    run: store.Run


class SqliteFollower:
    """Everything that a listener is told happens inside `read`, in the task of the reader."""

    def __init__(
        self,
        database: Database,
        recent: Recent,
        signals: Signals,
        member: Member,
        topics: Mapping[int, str],
        listener: Listener | None,
    ) -> None:
        self._database, self._recent, self._signals = database, recent, signals
        self._member, self._listener = member, listener
        self._names = dict(topics)
        self._ids = {name: id for id, name in topics.items()}
        self._positions: dict[Place, int] = {}
        self._paused: set[Place] = set()
        self._wake = asyncio.Event()
        self._unsettled = True
        self._balanced = 0.0
        self._turn = 0
        self._reading = asyncio.Lock()

    async def join(self) -> None:
        """Become a member; partitions come with the first `read`."""
        await self._database.write(lambda c: groups.join(c, self._member, time.monotonic()))
        self._signals.watch(self._names, self._wake)
        self._signals.shuffle()

    async def leave(self) -> None:
        """Give up all partitions, so that others need not wait for the lease to end."""
        self._signals.unwatch(self._wake)
        self._positions.clear()
        try:
            await self._database.write(lambda c: groups.leave(c, self._member))
        except Retryable as error:
            _log.warning("could not leave the group; the lease has to end", group=self._member.team, reason=str(error))
        self._signals.shuffle()

    async def keep_lease(self) -> None:
        """Renew for ever. A file that cannot be written is tried again: the lease may still be long enough."""
        while True:
            await asyncio.sleep(self._member.lease_seconds / 4)
            try:
                alive = await self._database.write(lambda c: groups.renew(c, self._member, time.monotonic()))
            except Retryable as error:
                _log.warning("lease not renewed", group=self._member.team, reason=str(error))
                continue
            if not alive:
                self.shuffle()

    def shuffle(self) -> None:
        """Look at the group again with the next read, or in the current one."""
        self._unsettled = True
        self._wake.set()

    @property
    def assigned(self) -> frozenset[Partition]:
        """What this member holds."""
        return frozenset(map(self._partition, self._positions))

    def _partition(self, place: Place) -> Partition:
        return Partition(self._names[place[0]], place[1])

    def _place(self, partition: Partition) -> Place:
        return self._ids[partition.topic], partition.number

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Batch[Record]]:
        """See Follower. Records are handed out once: cancelling a read loses none."""
        deadline = time.monotonic() + timeout_seconds
        async with self._reading:
            while True:
                await self._balance()
                self._wake.clear()
                batches = self._hand_out(await self._database.read(self._query(max_records)))
                left = deadline - time.monotonic()
                if batches or left <= 0:
                    return batches
                await self._sleep(min(left, _BALANCE_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _query(self, max_records: int) -> "partial[list[_Taken]]":
        active = [(place, at) for place, at in self._positions.items() if place not in self._paused]
        if active:
            self._turn = (self._turn + 1) % len(active)  # so that a busy partition does not starve those behind it
        return partial(_take, recent=self._recent, wanted=active[self._turn :] + active[: self._turn], max_records=max_records)

    def _hand_out(self, taken: Iterable[_Taken]) -> list[Batch[Record]]:
        """What was sought elsewhere, paused or lost while the query ran is left for later."""
        batches = []
        for place, position, (start, records) in taken:
            if self._positions.get(place) != position or place in self._paused:
                continue
            name, stop = self._names[place[0]], start + len(records)
            count_expired(self._member.team, name, place[1], start - position)
            self._positions[place] = stop
            batches.append(Batch(records, Span(name, place[1], start, stop)))
        return batches

    async def _balance(self) -> None:
        """Let go of what is lost or too much, take what is due; at most once in a while unless something happened."""
        if not self._unsettled and time.monotonic() - self._balanced < _BALANCE_SECONDS:
            return
        self._unsettled = False
        standing = await self._database.read(lambda c: groups.look(c, self._member, time.monotonic()))
        mine = frozenset(self._positions)
        if going := mine & standing.surplus | mine - standing.held:
            await self._let_go(going)
        if stray := standing.held - mine:  # claimed by a read that was cancelled before it knew
            await self._database.write(lambda c: groups.release(c, self._member, stray))
        if standing.wanted or stray or not standing.alive:
            await self._claim()
        self._balanced = time.monotonic()

    async def _let_go(self, places: frozenset[Place]) -> None:
        if self._listener is not None:
            await self._listener.revoked([self._partition(p) for p in sorted(places)])
        for place in places:
            del self._positions[place]
        self._paused -= places
        await self._database.write(lambda c: groups.release(c, self._member, places))
        self._signals.shuffle()

    async def _claim(self) -> None:
        taken = await self._database.write(self._join_and_claim)
        self._positions.update({place: mark.offset if mark else 0 for place, mark in taken.items()})
        try:
            if taken and self._listener is not None:
                await self._listener.assigned({self._partition(p): mark for p, mark in taken.items()})
        except BaseException:
            for place in taken:
                del self._positions[place]
            raise

    def _join_and_claim(self, connection: Connection) -> Mapping[Place, Mark | None]:
        now = time.monotonic()
        groups.join(connection, self._member, now)
        groups.renew(connection, self._member, now)
        return groups.claim(connection, self._member, now)

    async def commit(self, marks: Mapping[Partition, Mark]) -> None:
        """See Follower."""
        for mark in marks.values():
            if len(mark.metadata.encode()) > _MAX_METADATA_BYTES:
                raise ValueError(f"metadata of a mark is longer than {_MAX_METADATA_BYTES} bytes")
        held = [(self._place(p), m) for p, m in marks.items() if p.topic in self._ids and self._place(p) in self._positions]
        if held:
            await self._database.write(lambda c: groups.commit(c, self._member, held))

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See Follower; partitions that are not held are ignored."""
        self._paused.update(p for p in map(self._place, partitions) if p in self._positions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See Follower."""
        self._paused.difference_update(map(self._place, partitions))
        self._wake.set()

    def seek(self, partition: Partition, offset: int) -> None:
        """See Follower. Raises KeyError for a partition that is not held."""
        place = self._place(partition)
        if place not in self._positions:
            raise KeyError(partition)
        self._positions[place] = offset
        self._wake.set()

    async def lag(self) -> Mapping[Partition, Lag]:
        """See Follower."""
        places, now = sorted(self._positions), time.time()
        found = await self._database.read(lambda c: {p: _lag(c, self._member.team, p, now) for p in places})
        return {self._partition(p): lag for p, lag in found.items() if p in self._positions}


def _take(connection: Connection, recent: Recent, wanted: Sequence[tuple[Place, int]], max_records: int) -> list[_Taken]:
    """A partition that is damaged holds up no other one; it is told of when the others have nothing."""
    ends = {topic: store.ends(connection, topic) for topic in {place[0] for place, _ in wanted}}
    taken, left, damage = list[_Taken](), max_records, list[Exception]()
    for (topic, number), position in wanted:
        if left > 0 and ends[topic][number] > position:
            try:
                run = store.read(connection, topic, number, position, left, recent)
            except (Damaged, sqlite3.DatabaseError) as error:
                if not is_damage(error):
                    raise
                damage.append(error)
                continue
            if run is not None:
                taken.append(_Taken((topic, number), position, run))
                left -= len(run.records)
    if damage and not taken:
        raise damage[0]
    return taken


def _lag(connection: Connection, team: str, place: Place, now: float) -> Lag:
    topic, number = place
    mark, end = store.cursors(connection, team, topic).get(number), store.ends(connection, topic)[number]
    oldest = store.oldest(connection, topic, number)
    start = max(mark.offset if mark else 0, end if oldest is None else oldest)
    since = store.appended_at(connection, topic, number, start) if start < end else None
    return Lag(max(0, end - start), 0.0 if since is None else max(0.0, now - since))
