"""When a sink may be written to: closed, open with probes, or paused until a person mends something."""

from collections import deque
from enum import IntEnum


class State(IntEnum):
    """Values are those of the metric `logweir_sink_breaker_state`."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2
    PAUSED = 3


class Breaker:
    """Opens after `consecutive` failed writes or half of the last `window`; then lets one write through at a time.

    Probes come 1, 2, 4 ... 60 s after the opening and after each failed probe; while paused 5, 10 ... 60 s. Times are
    monotonic seconds given by the caller. What was in flight when it opened changes nothing: only a probe can close it.
    """

    def __init__(self, consecutive: int = 5, window: int = 20, first_seconds: float = 1.0, last_seconds: float = 60.0) -> None:
        self._consecutive, self._outcomes = consecutive, deque[bool](maxlen=window)
        self._first, self._last = first_seconds, last_seconds
        self._wait, self._probe_at = first_seconds, 0.0
        self._in_a_row = 0
        self.state = State.CLOSED
        self._resting = State.OPEN

    @property
    def closed(self) -> bool:
        """Writes may start freely."""
        return self.state is State.CLOSED

    def wait(self, now: float) -> float:
        """Seconds until a write may start: 0 if one may start now, infinity while a probe is out."""
        if self.state is State.CLOSED:
            return 0.0
        return float("inf") if self.state is State.HALF_OPEN else max(0.0, self._probe_at - now)

    def start(self) -> bool:
        """A write starts (`wait` said 0). True if it is a probe."""
        if self.state is State.CLOSED:
            return False
        self._resting, self.state = self.state, State.HALF_OPEN
        return True

    def succeed(self, probe: bool) -> None:
        """The far end answered and took something."""
        if probe:
            self.state, self._in_a_row = State.CLOSED, 0
            self._outcomes.clear()
        elif self.state is State.CLOSED:
            self._in_a_row = 0
            self._outcomes.append(True)

    def fail(self, probe: bool, now: float) -> None:
        """A write failed in a way that may pass."""
        if probe:
            self._rest(self._resting, now, min(self._wait * 2, self._last))
        elif self.state is State.CLOSED:
            self._in_a_row += 1
            self._outcomes.append(False)
            if self._in_a_row >= self._consecutive or self._half_failed():
                self.trip(now)

    def trip(self, now: float, probe: bool = False) -> None:
        """Open, whatever was counted; once more for longer if it was a probe that showed the need."""
        self._rest(State.OPEN, now, min(self._wait * 2, self._last) if probe else self._first)

    def pause(self, probe: bool, now: float) -> None:
        """The far end refuses us for a reason that only a person can remove."""
        if probe or self.state in (State.CLOSED, State.OPEN):
            doubled = probe and self._resting is State.PAUSED
            self._rest(State.PAUSED, now, min(self._wait * 2, self._last) if doubled else min(5 * self._first, self._last))

    def release(self, now: float) -> None:
        """A probe came back without an answer (cancelled, or its records were given back): probe again at once."""
        if self.state is State.HALF_OPEN:
            self.state, self._probe_at = self._resting, now

    def _half_failed(self) -> bool:
        outcomes = self._outcomes
        return len(outcomes) == outcomes.maxlen and outcomes.count(False) * 2 >= len(outcomes)

    def _rest(self, state: State, now: float, wait: float) -> None:
        self.state, self._wait, self._probe_at = state, wait, now + wait
        self._in_a_row = 0
        self._outcomes.clear()
