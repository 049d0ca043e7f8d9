"""What one delivery counts: the metrics of its sink, and a status for people who watch."""

from collections.abc import Iterable
from dataclasses import dataclass

from router.deliver.breaker import State
from router.telemetry import (
    BREAKER,
    CONCURRENCY,
    LAG_EVENTS,
    LAG_SECONDS,
    SINK_BYTES,
    SINK_DEAD_LETTERED,
    SINK_DONE,
    SINK_LEFT_OUT,
    SINK_LEFT_OUT_BYTES,
    SINK_READ,
    SINK_RETRIES,
    SINK_RETURNED,
    SINK_SECONDS,
    SINK_SHADOW,
    SINK_SHADOW_BYTES,
    UNACKED_BYTES,
    bound,
)

_MANY_REASONS = 50


@dataclass(slots=True)
class Status:
    """How a delivery stands, now. Counts are since the start of the process."""

    state: State = State.CLOSED
    why: str = ""
    """The last reason of the far end for not taking records; empty while all is well."""
    lag_events: int = 0
    lag_seconds: float = 0.0
    sent: int = 0
    left_out: int = 0
    dead_lettered: int = 0


class Tally:
    """Bound children of every metric of one sink, and the numbers of its status."""

    def __init__(self, sink: str) -> None:
        self.status = Status()
        self._read, self._returned = bound(SINK_READ.labels, sink), bound(SINK_RETURNED.labels, sink)
        self._done, self._retried = bound(SINK_DONE.labels, sink), bound(SINK_RETRIES.labels, sink)
        self._left_out, self._left_out_bytes = bound(SINK_LEFT_OUT.labels, sink), bound(SINK_LEFT_OUT_BYTES.labels, sink)
        self._shadow, self._shadow_bytes = bound(SINK_SHADOW.labels, sink), bound(SINK_SHADOW_BYTES.labels, sink)
        self._dead = bound(SINK_DEAD_LETTERED.labels, sink)
        self._bytes, self._seconds = SINK_BYTES.labels(sink), SINK_SECONDS.labels(sink)
        self._lag_events, self._lag_seconds = LAG_EVENTS.labels(sink), LAG_SECONDS.labels(sink)
        self._breaker, self._concurrency = BREAKER.labels(sink), CONCURRENCY.labels(sink)
        self._unacked = UNACKED_BYTES.labels(sink)
        self._reasons: set[str] = set()

    def read(self, topic: str, count: int) -> None:
        """Records came from the log."""
        self._read(topic).inc(count)

    def left_out(self, topic: str, rule: str, count: int, size: int) -> None:
        """Records are not sent because of a rule, or by choice."""
        self._left_out(topic, rule).inc(count)
        self._left_out_bytes(rule).inc(size)
        self.status.left_out += count

    def trimmed(self, rule: str, size: int) -> None:
        """A trim rule took bytes away."""
        self._left_out_bytes(rule).inc(size)

    def shadowed(self, rule: str, count: int, size: int) -> None:
        """Records are sent that a rule in shadow would leave out."""
        self._shadow(rule).inc(count)
        self._shadow_bytes(rule).inc(size)

    def done(self, topic: str, outcome: str, count: int, size: int) -> None:
        """The far end has them."""
        self._done(topic, outcome).inc(count)
        self._bytes.inc(size)
        self.status.sent += count

    def dead_lettered(self, topic: str, reason: str, count: int) -> None:
        """They are durable among the dead letters."""
        self._dead(topic, self._word(reason)).inc(count)
        self.status.dead_lettered += count

    def retried(self, reasons: Iterable[str]) -> None:
        """They have to be sent once more."""
        for reason in reasons:
            self._retried(self._word(reason)).inc()

    def returned(self, topic: str, count: int) -> None:
        """They were given back to the log."""
        if count:
            self._returned(topic).inc(count)

    def wrote(self, seconds: float) -> None:
        """One write has been answered."""
        self._seconds.observe(seconds)

    def flying(self, size: int) -> None:
        """Bytes in flight."""
        self._unacked.set(size)

    def limit(self, writes: int) -> None:
        """How many writes may be in flight."""
        self._concurrency.set(writes)

    def state(self, state: State) -> None:
        """Where the breaker stands."""
        self.status.state = state
        self._breaker.set(state)

    def lag(self, events: int, seconds: float) -> None:
        """What is not committed yet."""
        self.status.lag_events, self.status.lag_seconds = events, seconds
        self._lag_events.set(events)
        self._lag_seconds.set(seconds)

    def _word(self, reason: str) -> str:
        """A label: the reason up to its first colon, from a bounded set, for products put names of fields into reasons."""
        word = reason.partition(":")[0].strip()[:60] or "unknown"
        if word not in self._reasons and len(self._reasons) >= _MANY_REASONS:
            return "other"
        self._reasons.add(word)
        return word
