"""Loop 3: matches -> correlations -> signals. Alerts and summaries pass through; matches are counted in windows.

A commit's metadata says from where the open windows began. After a restart the loop reads from there, so that the windows
hold what they held; what was raised before the commit is not raised again, and what is raised twice has the same id. What a
correlation means to another one over it goes back into `matches`, on the partition of that one's group.
"""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from router.batch import DEAD_LETTERS, MATCHES, SIGNALS, Batch, Mark, Origin, Partition, Record
from router.correlate.clock import Checkpoint
from router.correlate.correlator import Correlator
from router.correlate.lane import Lane
from router.correlate.ticks import GROUP, Barrier, tick
from router.detect import Correlation
from router.errors import Misconfigured, Rejected, Retryable
from router.log.checkpoint import high_water, persist, persist_each, read
from router.protocols import Follower, Log
from router.telemetry import CORRELATE_DEAD, GROUPS, WINDOW_BYTES, bound, logger

TICK_SECONDS = 5.0
"""Time is moved on by hand no more often than this, and never while what was received is not through."""
IDLE_SECONDS = 10.0
"""A partition that had no match for so long takes its time from the clock, as far as that goes on from then."""
_log = logger("correlate")


Letter = Callable[[Record, Partition, int, bool], Record]
"""(result, partition and offset that it came of, whether to keep the body) -> the dead letter."""


class Correlate:
    """The loop around the lanes. most_bytes: what open windows of all partitions of the log may hold, each its share."""

    name, stage = "correlate", 3

    def __init__(
        self,
        log: Log,
        correlations: Sequence[Correlation],
        lateness_seconds: float,
        *,
        most_bytes: float = math.inf,
        max_records: int = 1000,
        idle_seconds: float = IDLE_SECONDS,
        tick_seconds: float = TICK_SECONDS,
        letter: Letter = lambda record, _partition, _offset, _keep_body: record,
    ) -> None:
        Correlator(correlations, lateness_seconds)  # refuses now what it cannot run
        self._most_bytes = most_bytes
        self._log, self._max_records, self._correlations, self._lateness = log, max_records, correlations, lateness_seconds
        self._idle, self._tick_seconds, self._ticked = idle_seconds, tick_seconds, time.monotonic()
        self._barrier, self._letter = Barrier(log), letter
        self.ready = asyncio.Event()
        self._groups, self._dead = bound(GROUPS.labels), CORRELATE_DEAD.labels("alert_too_large")
        self._lanes: dict[int, Lane] = {}
        self._seek: dict[Partition, int] = {}
        self._marks: dict[Partition, Mark] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        """Open a lane at the committed mark (Listener)."""
        partitions = await self._log.partitions(MATCHES)
        for partition, mark in marks.items():
            checkpoint = Checkpoint.parse(mark.metadata) if mark else None
            committed = mark.offset if mark else 0
            written = await self._last_written(partition.number)
            self._lanes[partition.number] = Lane(
                partition.number,
                self._correlator(checkpoint, committed, partitions),
                partitions,
                committed=committed,
                written=written,
                now=time.monotonic(),
            )
            if checkpoint is not None and checkpoint.needed_from < committed:
                self._seek[partition] = checkpoint.needed_from

    def _correlator(self, checkpoint: Checkpoint | None, committed: int, partitions: int) -> Correlator:
        most = self._most_bytes / partitions
        return Correlator(self._correlations, self._lateness, resume=checkpoint, committed=committed, most_bytes=most)

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Windows are built again wherever the partition goes (Listener)."""
        for partition in partitions:
            self._lanes.pop(partition.number, None)
            self._seek.pop(partition, None)
            self._marks.pop(partition, None)

    async def _last_written(self, partition: int) -> Origin | None:
        """The origin of the partition's last signal; None if the matches topic was made anew since."""
        last = await high_water(self._log, SIGNALS, partition)
        _, end = (await self._log.ends(MATCHES)).get(partition, (0, 0))
        return last if last is None or last.offset < end else None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in hand is written and committed."""
        async with self._log.follow((MATCHES,), group=GROUP, listener=self) as follower:
            self.ready.set()
            committed = time.monotonic()
            while not stop.is_set():
                batches = await read(follower, self._max_records, 0.5)
                ready = [batch for batch in batches if not self._rewound(batch)]
                self._rewind(follower)
                await asyncio.gather(*[self._batch(batch, stop) for batch in ready])
                self._measure()
                await self._tick(time.monotonic())
                if self._marks and (time.monotonic() - committed > 1 or not batches):
                    committed = await self._commit(follower)
            await self._commit(follower)

    def _rewound(self, batch: Batch[Record]) -> bool:
        """Whether a batch has to wait until its partition was read from where its windows began."""
        return Partition(batch.span.topic, batch.span.partition) in self._seek

    def _rewind(self, follower: Follower) -> None:
        for partition, offset in self._seek.items():
            follower.seek(partition, offset)
        self._seek.clear()

    async def _batch(self, batch: Batch[Record], stop: asyncio.Event) -> None:
        """Write order: matches for other correlations, then signals, then the commit. A repeat of either has the same ids."""
        lane = self._lanes[batch.span.partition]
        out = lane.run(batch, time.monotonic())
        for partition, records in out.matches.items():
            async with self._turns[partition]:
                await persist_each(self._log, MATCHES, partition, records, stop, partial(self._bury, batch, stop))
        if out.signals:

            async def signal_refused(record: Record, reason: str) -> None:
                out.signals.remove(record)
                await self._bury(batch, stop, record, reason)

            await persist_each(self._log, SIGNALS, batch.span.partition, tuple(out.signals), stop, signal_refused)
        lane.count(batch, out)
        if batch.span.stop > lane.committed:
            checkpoint = lane.correlator.checkpoint(batch.span.stop)
            self._marks[Partition(batch.span.topic, batch.span.partition)] = Mark(batch.span.stop, checkpoint.text())

    async def _bury(self, batch: Batch[Record], stop: asyncio.Event, record: Record, reason: str) -> None:
        """What the log takes no more for its size becomes a dead letter of this stage, and is found by `logweir dlq`."""
        _log.error("the log takes a result no more; it is a dead letter now", reason=reason)
        place = record.origin or Origin(batch.span.partition, batch.span.start)
        partition = Partition(MATCHES, place.partition)
        try:
            await self._insist(self._letter(record, partition, place.offset, True), stop)
        except Rejected as error:
            _log.error("a dead letter is too large; keeping its coordinates alone", reason=str(error))
            await self._insist(self._letter(record, partition, place.offset, False), stop)
        self._dead.inc()

    async def _insist(self, letter: Record, stop: asyncio.Event) -> None:
        await persist(self._log, DEAD_LETTERS + GROUP, 0, [letter], stop)

    async def _tick(self, now: float) -> None:
        """Move the time of partitions on whose correlations wait for it, unless something is still under way."""
        if now - self._ticked < self._tick_seconds:
            return
        wanted = {p: moment for p, lane in self._lanes.items() if (moment := lane.tick(now, self._idle)) is not None}
        if not wanted or not await self._barrier.passed():
            return
        self._ticked = now
        for partition, moment in wanted.items():
            try:
                async with self._turns[partition]:
                    await self._log.append(MATCHES, partition, [tick(partition, moment)])
            except (Retryable, Misconfigured) as error:
                _log.warning("time was not moved on; the next attempt covers it", partition=partition, reason=str(error))

    def _measure(self) -> None:
        totals: Counter[str] = Counter()
        for lane in self._lanes.values():
            totals.update(lane.correlator.open_groups())
        for name, groups in totals.items():
            self._groups(name).set(groups)
        WINDOW_BYTES.set(sum(lane.correlator.held_bytes for lane in self._lanes.values()))

    async def _commit(self, follower: Follower) -> float:
        try:
            await follower.commit(dict(self._marks))
            self._marks.clear()
        except (Retryable, Misconfigured) as error:
            _log.warning("commit failed; the next one covers it", reason=str(error))
        return time.monotonic()
