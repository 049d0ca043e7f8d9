"""Reads for one sink: partitions come and go, lanes are filled and paused, what is settled is committed."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from router.batch import Batch, Mark, Partition, Record
from router.deliver.health import Health
from router.deliver.lane import Lane
from router.deliver.pace import Pace
from router.deliver.parcel import Segment
from router.deliver.schedule import Schedule
from router.deliver.sender import Sender
from router.deliver.sort import Sorter
from router.deliver.tally import Tally
from router.errors import Misconfigured, Retryable
from router.protocols import Follower
from router.telemetry import logger

_LEAST_BYTES = 1 << 18


class Progress:
    """Told by the sender, watched by the reader: how much was settled, and that a write has landed."""

    def __init__(self) -> None:
        self.settled = 0
        self.landed = asyncio.Event()
        self.then: Callable[[], None] = lambda: None

    def __call__(self, count: int) -> None:
        self.settled += count
        self.landed.set()
        self.then()


class Feed:
    """Reader and listener of one member of the sink's consumer group."""

    def __init__(
        self,
        name: str,
        sorter: Sorter,
        schedule: Schedule,
        sender: Sender,
        health: Health,
        tally: Tally,
        pace: Pace,
        progress: Progress,
    ) -> None:
        self._sorter, self._schedule, self._sender, self._health = sorter, schedule, sender, health
        self._tally, self._pace, self._progress = tally, pace, progress
        progress.then = self._resume
        self._lanes: dict[Partition, Lane] = {}
        self._follower: Follower | None = None
        self._committed_at = 0.0
        self._mean_bytes = 1_000.0
        self._logger = logger("deliver").bind(sink=name)

    async def run(self, follower: Follower, stop: asyncio.Event) -> None:
        """Read until `stop`."""
        self._follower = follower
        self._committed_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_at_lag(follower))
            await self._read(follower, stop)
            looking.cancel()

    async def _read(self, follower: Follower, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._flow(follower)
            try:
                batches = await follower.read(max_records=self._read_records(), timeout_seconds=self._patience())
                for batch in batches:
                    self._take(batch)
                await self._commit_if_due()
            except (Retryable, Misconfigured) as error:
                self._logger.warning("the log does not answer; trying again", reason=str(error))
                await asyncio.sleep(self._pace.log_seconds)

    def _patience(self) -> float:
        """A read is short while something waits to be committed, or soon may."""
        is_busy = self._progress.settled or self._sender.flying
        return min(self._pace.read_seconds, self._pace.commit_pause_seconds) if is_busy else self._pace.read_seconds

    def renew(self, sorter: Sorter) -> None:
        """Sort what is read from now on by this."""
        self._sorter = sorter

    async def finish(self) -> None:
        """Commit what is settled and give back the rest."""
        lanes = list(self._lanes.values())
        self._lanes.clear()
        await self._let_go(lanes, wait_seconds=0)

    # Partitions come and go (Listener)

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        """New lanes, paused at once while the far end is unwell: a log may forget pauses when partitions move."""
        is_held = self._is_held()
        for partition in marks:
            lane = self._lanes[partition] = Lane(partition)
            lane.is_paused = is_held
        if self._follower is not None:
            (self._follower.pause if is_held else self._follower.resume)(marks)

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Start nothing more of these, let what is in flight land, commit, give back the rest."""
        lanes = [self._lanes.pop(p) for p in partitions if p in self._lanes]
        await self._let_go(lanes, wait_seconds=self._pace.revoke_seconds)

    async def _let_go(self, lanes: list[Lane], wait_seconds: float) -> None:
        for lane in lanes:
            lane.is_leaving = True
        self._schedule.give_back(lanes)
        try:
            async with asyncio.timeout(wait_seconds):
                while any(lane.in_flight for lane in lanes):
                    self._progress.landed.clear()
                    await self._progress.landed.wait()
        except TimeoutError:
            self._logger.warning("writes are still in flight; their records will be sent again", partitions=len(lanes))
        await self._commit(lanes)
        for lane in lanes:
            self._tally.returned(lane.partition.topic, lane.close())

    # Reading

    def _take(self, batch: Batch[Record]) -> None:
        partition = Partition(batch.span.topic, batch.span.partition)
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane(partition)
        wanted = self._sorter.sort(batch)
        whole = Segment(lane, wanted.offsets, wanted.records)
        lane.take(whole.offsets, whole.size, batch.span.stop)
        now = time.monotonic()
        for segment, is_alert in _apart(whole, wanted.alerts):
            self._schedule.add(segment, now, is_alert=is_alert)
        if len(whole):
            self._mean_bytes += (whole.size / len(whole) - self._mean_bytes) / 4
        self._sender.nudge()

    def _read_records(self) -> int:
        """Fewer at once where records are large, so that a read cannot burst the window by much."""
        return max(1, min(self._pace.read_records, int(self._pace.window_bytes / 2 / max(self._mean_bytes, 1.0))))

    def _flow(self, follower: Follower) -> None:
        """Pause lanes that are full, and all of them while the far end is unwell; resume the others."""
        is_held = self._is_held()
        for lane in self._lanes.values():
            if not lane.is_paused and (is_held or self._is_full(lane)):
                lane.is_paused = True
                follower.pause((lane.partition,))
        self._resume()

    def _resume(self) -> None:
        """Resume lanes that have room again, even in the middle of a read: it goes on with them."""
        if self._follower is None or self._is_held():
            return
        for lane in self._lanes.values():
            if lane.is_paused and not self._is_full(lane):
                lane.is_paused = False
                self._follower.resume((lane.partition,))

    def _is_held(self) -> bool:
        """The far end is unwell, and there is something to try it with."""
        return not self._health.is_well and bool(len(self._schedule) or self._sender.flying)

    def _is_full(self, lane: Lane) -> bool:
        """Half of the window must be free again before a paused lane goes on; pausing costs the log's prefetch."""
        share = 0.5 if lane.is_paused else 1.0
        records, size = self._room()
        return lane.held > records * share or lane.bytes > size * share

    def _room(self) -> tuple[int, int]:
        """Records and bytes that one lane may hold: less where there are many, yet as much as keeps it going."""
        pace, lanes = self._pace, max(1, len(self._lanes))
        records = min(pace.window_records - pace.read_records, max(pace.sink_records // lanes, pace.read_records // 4))
        return records, min(pace.window_bytes // 2, max(pace.sink_bytes // 2 // lanes, _LEAST_BYTES))

    # Committing

    async def _commit_if_due(self) -> None:
        since = time.monotonic() - self._committed_at
        many = self._progress.settled >= self._pace.commit_records and since >= self._pace.commit_pause_seconds
        if many or since >= self._pace.commit_seconds:
            await self._commit(self._lanes.values())

    async def _commit(self, lanes: Iterable[Lane]) -> None:
        marks = {lane: mark for lane in lanes if (mark := lane.mark()) is not None}
        self._committed_at, self._progress.settled = time.monotonic(), 0
        if not marks or self._follower is None:
            return
        try:
            await self._follower.commit({lane.partition: mark for lane, mark in marks.items()})
        except (Retryable, Misconfigured) as error:
            self._logger.warning("commit failed; the next one covers it", reason=str(error))
            return
        for lane, mark in marks.items():
            lane.committed(mark)

    async def _look_at_lag(self, follower: Follower) -> None:
        """For ever, beside the reading: on Kafka it is several questions for each partition, and a rebalance that waits for this
        member to let go must not wait for them."""
        while True:
            try:
                lags = (await follower.lag()).values()
                self._tally.lag(sum(lag.events for lag in lags), max((lag.seconds for lag in lags), default=0.0))
            except (Retryable, Misconfigured) as error:
                self._logger.warning("lag is not known now", reason=str(error))
            await asyncio.sleep(self._pace.lag_seconds)


def _apart(segment: Segment, alerts: Sequence[int]) -> Iterable[tuple[Segment, bool]]:
    """The alerts (their indices are given) and the others."""
    if not len(segment):
        return []
    if not alerts or len(alerts) == len(segment):
        return [(segment, bool(alerts))]
    chosen = frozenset(alerts)
    return [(segment.pick(alerts), True), (segment.pick([i for i in range(len(segment)) if i not in chosen]), False)]
