"""Loop 3: matches -> correlations -> signals. Alerts and summaries pass through; matches are counted in windows.

A commit's metadata says from where the open windows began. After a restart the loop reads from there, so that the windows
hold what they held; what was raised before the commit is not raised again, and what is raised twice has the same id.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import orjson

from router.batch import MATCHES, SIGNALS, Batch, Facts, Mark, Origin, Partition, Record
from router.correlate.correlator import Checkpoint, Correlator, Firing
from router.correlate.match import Match, decode
from router.correlate.signals import signal_document
from router.detect import Correlation
from router.detect.alerts import DATASET, SEVERITY
from router.errors import Malformed, Retryable
from router.log.checkpoint import high_water, persist
from router.protocols import Follower, Log
from router.telemetry import ALERTS, CORRELATED, GROUPS, LATE, bound, logger

GROUP = "correlate"
MATCH = "match"
"""`Facts.kind` of the records that are counted; all others are signals already."""
_log = logger("correlate")


class Lane:
    """One partition: what is read becomes signals of the same partition. No I/O, no clock."""

    def __init__(self, partition: int, correlator: Correlator, committed: int, written: Origin | None) -> None:
        self._partition, self.correlator, self.committed = partition, correlator, committed
        self._written = written.offset if written is not None else -1
        self._late, self._alerts = bound(LATE.labels), bound(ALERTS.labels)

    def signals(self, batch: Batch[Record]) -> list[Record]:
        """The signals of a batch, in order: what passes through, then what fires."""
        passed, matches = [], []
        for i, record in enumerate(batch.items):
            offset = batch.offset(i)
            if record.facts.kind == MATCH:
                matches += self._decoded(offset, record)
            elif offset >= self.committed and offset > self._written:
                passed.append(record._replace(key=b"", origin=Origin(self._partition, offset)))
        fired = self.correlator.feed(matches)
        return passed + [self._signal(firing, batch.span.stop - 1) for firing in fired]

    def _decoded(self, offset: int, record: Record) -> list[tuple[int, str, Match]]:
        try:
            return [(offset, *decode(record.id, record.body))]
        except Malformed as error:
            self._late("unknown", error.reason).inc()
            _log.error("a match cannot be read", partition=self._partition, offset=offset, reason=str(error))
            return []

    def _signal(self, firing: Firing, offset: int) -> Record:
        facts = Facts(dataset=DATASET, kind="alert", severity=SEVERITY.get(firing.correlation.level, 0))
        body = orjson.dumps(signal_document(firing))
        return Record(firing.id, body, firing.time, facts, b"", Origin(self._partition, offset))

    def mark(self, stop: int) -> Mark:
        """What to commit once everything before `stop` is durable."""
        return Mark(stop, self.correlator.checkpoint(stop).text())

    def fresh(self, batch: Batch[Record]) -> int:
        """How many records of a batch are read for the first time since the last commit."""
        return sum(batch.offset(i) >= self.committed for i in range(len(batch.items)))

    def count(self, signals: Sequence[Record]) -> None:
        """Signals by rule."""
        for record in signals:
            if record.facts.kind == "alert":
                rule = orjson.loads(record.body).get("rule", {})
                level = next((name for name, number in SEVERITY.items() if number == record.facts.severity), "unknown")
                self._alerts(str(rule.get("id", "")), level).inc()


class Correlate:
    """The loop around the lanes."""

    name, stage = "correlate", 3

    def __init__(
        self, log: Log, correlations: Sequence[Correlation], lateness_seconds: float, *, max_records: int = 1000
    ) -> None:
        Correlator(correlations, lateness_seconds)  # refuses now what it cannot run
        self._log, self._max_records = log, max_records
        self._open: Callable[[Checkpoint | None, int], Correlator] = lambda checkpoint, committed: Correlator(
            correlations, lateness_seconds, resume=checkpoint, committed=committed
        )
        self.ready = asyncio.Event()
        self._groups = bound(GROUPS.labels)
        self._lanes: dict[int, Lane] = {}
        self._seek: dict[Partition, int] = {}
        self._marks: dict[Partition, Mark] = {}

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        """Open a lane at the committed mark (Listener)."""
        for partition, mark in marks.items():
            checkpoint = Checkpoint.parse(mark.metadata) if mark else None
            committed = mark.offset if mark else 0
            written = await self._last_written(partition.number)
            lane = Lane(partition.number, self._open(checkpoint, committed), committed, written)
            self._lanes[partition.number] = lane
            if checkpoint is not None and checkpoint.needed_from < committed:
                self._seek[partition] = checkpoint.needed_from

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
                batches = await follower.read(max_records=self._max_records, timeout_seconds=0.5)
                ready = [batch for batch in batches if not self._rewound(batch)]
                self._rewind(follower)
                await asyncio.gather(*[self._batch(batch, stop) for batch in ready])
                self._measure()
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
        lane = self._lanes[batch.span.partition]
        signals = lane.signals(batch)
        if signals:
            await persist(self._log, SIGNALS, batch.span.partition, signals, stop)
        CORRELATED.inc(lane.fresh(batch))
        lane.count(signals)
        if batch.span.stop > lane.committed:
            self._marks[Partition(batch.span.topic, batch.span.partition)] = lane.mark(batch.span.stop)

    def _measure(self) -> None:
        totals: Counter[str] = Counter()
        for lane in self._lanes.values():
            totals.update(lane.correlator.open_groups())
        for name, groups in totals.items():
            self._groups(name).set(groups)

    async def _commit(self, follower: Follower) -> float:
        try:
            await follower.commit(dict(self._marks))
            self._marks.clear()
        except Retryable as error:
            _log.warning("commit failed; the next one covers it", reason=str(error))
        return time.monotonic()
