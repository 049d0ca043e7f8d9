"""One partition of `matches`: what is read becomes signals, and matches for correlations over correlations. No I/O, no clock."""

from dataclasses import dataclass, field

import orjson

from router.batch import Batch, Facts, Origin, Record
from router.correlate.clock import Tick
from router.correlate.correlator import Correlator, Read
from router.correlate.firing import Firing, chained
from router.correlate.match import decode, home
from router.correlate.signals import signal_document
from router.detect.alerts import DATASET, SEVERITY
from router.errors import Malformed
from router.telemetry import ALERTS, CHAINED, CORRELATED, LATE, bound, logger

MATCH, TICK = "match", "tick"
"""`Facts.kind` of the records that are counted and of those that move time on; all others are signals already."""
_log = logger("correlate")


@dataclass(slots=True)
class Output:
    """What one batch became."""

    signals: list[Record] = field(default_factory=list)
    """In order: what passes through, then what fires."""
    matches: dict[int, list[Record]] = field(default_factory=dict)
    """By partition of `matches`."""


class Lane:
    """The correlations of one partition, and how much of it was written before.

    committed: the position up to which everything was written. written: the origin of the partition's last signal.
    now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        partition: int,
        correlator: Correlator,
        partitions: int,
        *,
        committed: int = 0,
        written: Origin | None = None,
        now: float = 0.0,
    ) -> None:
        self._partition, self.correlator, self.committed = partition, correlator, committed
        self._partitions = partitions
        self._written = written.offset if written is not None else -1
        self._since = now
        self._late, self._alerts, self._chained = bound(LATE.labels), bound(ALERTS.labels), bound(CHAINED.labels)

    def run(self, batch: Batch[Record], now: float) -> Output:
        """What a batch becomes; `now` is when it was read."""
        out, read = Output(), list[Read]()
        before = self.correlator.time
        for i, record in enumerate(batch.items):
            offset = batch.offset(i)
            if record.facts.kind in (MATCH, TICK):
                read += self._decoded(offset, record)
            elif offset >= self.committed and offset > self._written:
                out.signals.append(record._replace(key=b"", origin=Origin(self._partition, offset)))
        for fired in self.correlator.feed(read):
            self._fired(fired, batch.span.stop - 1, out)
        if self.correlator.time > before or any(name for _, name, _ in read):
            self._since = now
        return out

    def _decoded(self, offset: int, record: Record) -> list[Read]:
        try:
            if record.facts.kind == TICK:
                return [(offset, "", Tick(record.time))]
            return [(offset, *decode(record.id, record.body))]
        except Malformed as error:
            self._late("unknown", error.reason).inc()
            _log.error("a match cannot be read", partition=self._partition, offset=offset, reason=str(error))
            return []

    def _fired(self, fired: Firing, offset: int, out: Output) -> None:
        if fired.correlation.alerts:
            out.signals.append(self._signal(fired, offset))
        for key, body, match_id in chained(self.correlator.correlations, fired):
            record = Record(match_id, body, fired.time, Facts(kind=MATCH), key)
            out.matches.setdefault(home(key, self._partitions), []).append(record)
            self._chained(fired.correlation.id).inc()

    def _signal(self, fired: Firing, offset: int) -> Record:
        facts = Facts(dataset=DATASET, kind="alert", severity=SEVERITY.get(fired.correlation.level, 0))
        body = orjson.dumps(signal_document(fired))
        return Record(fired.id, body, fired.time, facts, b"", Origin(self._partition, offset))

    def tick(self, now: float, idle_seconds: float) -> float | None:
        """The time of the tick that the partition needs, if it needs one: as much later as it has been silent.

        A partition that has not been silent for `idle_seconds` keeps its time.
        """
        silent = now - self._since
        time = self.correlator.time + (silent if silent >= idle_seconds else 0.0)
        return time if self.correlator.wants(time) else None

    def count(self, batch: Batch[Record], out: Output) -> None:
        """Records read for the first time since the last commit, and signals by rule."""
        new = [r for i, r in enumerate(batch.items) if batch.offset(i) >= self.committed]
        CORRELATED.inc(sum(record.facts.kind != TICK for record in new))
        for record in out.signals:
            if record.facts.kind == "alert":
                rule = orjson.loads(record.body).get("rule", {})
                level = next((name for name, number in SEVERITY.items() if number == record.facts.severity), "unknown")
                self._alerts(str(rule.get("id", "")), level).inc()
