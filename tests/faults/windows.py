"""Whether waits grew, on a machine that other work may share: windows of a few seconds with a fault are compared with such without."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.neighbours import QUIET_SHARE, Neighbours
from tests.faults.outcome import Outcome

_SHARED_FLOOR_SECONDS = 0.5
"""Differences below this are noise of a machine of which others take a part."""
_RESTLESS_TIMES = 2.0
"""Windows without a fault that differ by more than this are those of a restless disk."""


@dataclass(slots=True)
class Windows:
    """Seconds that requests or events took. Other work comes and goes, and may hit either kind of window."""

    calm: list[list[float]] = field(default_factory=list)
    sick: list[list[float]] = field(default_factory=list)
    neighbours: Neighbours = field(default_factory=Neighbours)

    @property
    def sizes(self) -> tuple[int, int]:
        """How much was looked at, with and without."""
        return sum(map(len, self.sick)), sum(map(len, self.calm))

    def judge(self, outcome: Outcome, claim: str, times: float, floor_seconds: float) -> None:
        """With a fault, the p99 of the median window is at most `times` that without: what a fault does it does all the time, what
        others do comes and goes. The disk is shared as well: where more than one window without it is above twice the best such
        window, the worst of them is the measure. Less than `floor_seconds` is not looked at; where others share the processors, a
        difference of half a second is not either."""
        without = [p99(window) for window in self.calm] or [0.0]
        calm = statistics.median_low(without)
        sick = statistics.median([p99(window) for window in self.sick] or [0.0])
        share = self.neighbours.share
        floor = floor_seconds if share <= QUIET_SHARE else max(floor_seconds, calm + _SHARED_FLOOR_SECONDS)
        outcome.figures |= {"p99_ms": round(1000 * sick), "p99_calm_ms": round(1000 * calm)}
        outcome.figures |= {"p99_ms_of_windows": self._in_milliseconds(), "processors_of_others": f"{share:.0%}"}
        is_restless = sum(window > _RESTLESS_TIMES * min(without) for window in without) > 1
        most = max(times * calm, floor, max(without) if is_restless else 0.0)
        detail = f"p99 {sick:.3f} s, {most:.3f} s are allowed; windows {self._in_milliseconds()} ms; others took {share:.0%}"
        outcome.check(claim, sick <= most, detail)

    def _in_milliseconds(self) -> str:
        calm, sick = (" ".join(f"{1000 * p99(window):.0f}" for window in kind) for kind in (self.calm, self.sick))
        return f"{sick}, without {calm}"


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 2 else max(seconds, default=0.0)
