"""Records per second that a sink may be sent, with a part that only alerts may use."""

from collections import deque
from math import floor, inf


class Budget:
    """Never more than `records_per_second` in any second, bursts included.

    A bucket of tokens in which each token comes back one period after it was taken: a full bucket may be spent at once,
    and still no window of one period holds more than the budget. (A bucket that refills steadily lets twice as many through
    in the second after a rest, which is what makes QRadar spill.) Below one record per second the period is longer.
    Times are monotonic seconds given by the caller, so that a step of the wall clock neither stalls nor bursts.
    """

    def __init__(self, records_per_second: float | None, alert_share: float = 0.2) -> None:
        rate = inf if records_per_second is None else records_per_second
        self.unlimited = rate == inf
        self.capacity = 0 if self.unlimited else max(1, floor(rate))
        self._period = 0.0 if self.unlimited else self.capacity / rate
        self.reserved = min(floor(self.capacity * alert_share), self.capacity - 1) if not self.unlimited else 0
        self._alerts, self._others = _Grants(), _Grants()

    def available(self, alert: bool, now: float) -> int:
        """How many records may be sent now."""
        self._expire(now)
        total = self.capacity - self._alerts.count - self._others.count
        if alert:
            return total
        # Alerts take what is reserved for them first; only what they took beyond it narrows the rest.
        return max(0, min(total, self.capacity - self.reserved - self._others.count))

    def take(self, count: int, alert: bool, now: float) -> None:
        """Spend; `count` must be available."""
        if not self.unlimited:
            (self._alerts if alert else self._others).add(now, count)

    def wait(self, count: int, alert: bool, now: float) -> float:
        """Seconds until `count` (at most the capacity of its kind) may be available."""
        if self.unlimited or self.available(alert, now) >= count:
            return 0.0
        times = [g.oldest for g in (self._alerts, self._others) if g.oldest is not None]
        return max(0.001, min(times, default=now) + self._period - now)

    def most(self, alert: bool) -> int:
        """The largest number of records that can ever be sent at once."""
        return self.capacity if alert else self.capacity - self.reserved

    def _expire(self, now: float) -> None:
        self._alerts.expire(now - self._period)
        self._others.expire(now - self._period)


class _Grants:
    """What was taken within the period."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()
        self.count = 0

    @property
    def oldest(self) -> float | None:
        return self._taken[0][0] if self._taken else None

    def add(self, now: float, count: int) -> None:
        self._taken.append((now, count))
        self.count += count

    def expire(self, until: float) -> None:
        while self._taken and self._taken[0][0] <= until:
            self.count -= self._taken.popleft()[1]
