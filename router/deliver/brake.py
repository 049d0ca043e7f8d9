"""Keeps a change of mapping at the far end from emptying a stream into the dead letters."""

from collections import deque


class Brake:
    """At most `limit` dead letters in the last `window` records, and as many in any `seconds`.

    The defaults are 1 % of 10,000 and 100 in a minute. Being a count, it lets single bad events of a quiet stream pass.
    Times are monotonic seconds given by the caller.
    """

    def __init__(self, limit: int = 100, window: int = 10_000, seconds: float = 60.0) -> None:
        self._limit, self._window, self._seconds = limit, window, seconds
        self._by_count: deque[tuple[int, int]] = deque()
        self._by_time: deque[tuple[float, int]] = deque()
        self._seen = self._in_window = self._in_time = 0

    def allow(self, records: int, rejected: int, now: float) -> int:
        """How many of `rejected` (out of `records` answered) may become dead letters; fewer than all means: brake."""
        self._seen += records
        self._forget(now)
        allowed = max(0, min(rejected, self._limit - self._in_window, self._limit - self._in_time))
        if allowed:
            self._by_count.append((self._seen, allowed))
            self._by_time.append((now, allowed))
            self._in_window += allowed
            self._in_time += allowed
        return allowed

    def reopen(self) -> None:
        """After a pause the window of records begins anew; the one of time does not."""
        self._by_count.clear()
        self._in_window = 0

    def _forget(self, now: float) -> None:
        while self._by_count and self._by_count[0][0] <= self._seen - self._window:
            self._in_window -= self._by_count.popleft()[1]
        while self._by_time and self._by_time[0][0] <= now - self._seconds:
            self._in_time -= self._by_time.popleft()[1]
