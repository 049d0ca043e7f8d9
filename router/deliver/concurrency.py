"""How many writes run at once: more while the far end keeps its pace, fewer as soon as it does not."""

from math import sqrt

_WEIGHT, _DEVIATIONS, _SHRINK, _CAP = 0.4, 2.5, 0.9, 200


class Concurrency:
    """Additive increase, multiplicative decrease; adjusted once per round trip (Vector's adaptive request concurrency).

    Starts at 1. One more when the limit was reached and the round trip is not rising; a tenth fewer on back-pressure (429,
    5xx, time-outs) or when the round trip is above its moving average by 2.5 deviations. While it is that slow the average
    does not learn before the limit is down to 2, or a sink that stays slow would soon count as normal at full width.
    """

    def __init__(self, most: int, *, fixed: bool = False) -> None:
        self._most = max(1, min(most, _CAP))
        self.limit = self._most if fixed else 1
        self._fixed = fixed
        self._mean: float | None = None
        self._variance = 0.0
        self._next_at = 0.0
        self._begin_round()

    def observe(self, seconds: float, *, refused: bool, saturated: bool, now: float) -> None:
        """One answer: its round trip, whether it was back-pressure, and whether the limit was reached when it came."""
        if self._fixed:
            return
        self._refused |= refused
        self._saturated |= saturated
        self._total += seconds
        self._count += 1
        if now >= self._next_at or refused:
            self._adjust(self._total / self._count)
            self._next_at = now + (self._mean or 0.0)
            self._begin_round()

    def _adjust(self, seconds: float) -> None:
        mean, deviation = self._mean, sqrt(self._variance)
        slow = mean is not None and seconds > mean + max(_DEVIATIONS * deviation, mean * 0.05)
        if self._refused or slow:
            self.limit = max(1, int(self.limit * _SHRINK))
        elif self._saturated and mean is not None and seconds <= mean + deviation:
            self.limit = min(self.limit + 1, self._most)
        if not self._refused and (not slow or self.limit <= 2):
            self._learn(seconds)

    def _learn(self, seconds: float) -> None:
        if self._mean is None:
            self._mean = seconds
            return
        difference = seconds - self._mean
        self._mean += _WEIGHT * difference
        self._variance = (1 - _WEIGHT) * (self._variance + _WEIGHT * difference * difference)

    def _begin_round(self) -> None:
        self._refused = self._saturated = False
        self._total, self._count = 0.0, 0
