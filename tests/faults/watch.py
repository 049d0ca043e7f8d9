"""What is measured all along a run: how soon after each fault all is well again, and how much memory Logweir takes."""

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

from tests.faults.events import Key

if TYPE_CHECKING:
    from tests.faults.arena import Arena

_LOOK_SECONDS = 0.2
_MOST_WAITING = 20


class Watch:
    """Recovery: from a fault until an event that was sent after it has arrived at every sink. Resident memory: of all units."""

    def __init__(self, arena: "Arena") -> None:
        self._arena = arena
        self._waiting: list[tuple[float, Key]] = []
        self.recoveries: list[float] = []
        self.resident: list[tuple[float, int]] = []
        """Time in seconds since the start, and bytes of all units together."""
        self._began = time.monotonic()

    def struck(self) -> None:
        """A fault was applied now; the next event of the first sender tells when it is over."""
        if self._arena.senders and len(self._waiting) < _MOST_WAITING:
            first = self._arena.senders[0]
            self._waiting.append((time.monotonic(), Key(first.name, first.books.sent)))

    async def run(self) -> None:
        """Until cancelled."""
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            looks += 1
            self._arena.look()  # a little at a time
            if self._waiting:
                self._settle(time.monotonic())
            if looks % 5 == 0:
                total = sum(unit.resident_bytes() for unit in self._arena.fleet.units)
                self.resident.append((time.monotonic() - self._began, total))

    def _settle(self, now: float) -> None:
        sinks = self._arena.ledger.sinks.values()
        for began, key in list(self._waiting):
            if all(key in sink.first for sink in sinks):
                self._waiting.remove((began, key))
                self.recoveries.append(now - began)

    def figures(self) -> dict[str, Any]:
        """Seconds, and mebibytes of all units together."""
        found: dict[str, Any] = {"resident_mb": max((size for _, size in self.resident), default=0) >> 20}
        if len(self.recoveries) > 1:
            cuts = statistics.quantiles(self.recoveries, n=100, method="inclusive")
            found |= {"recovery_p50_seconds": round(cuts[49], 1), "recovery_p99_seconds": round(cuts[98], 1)}
        elif self.recoveries:
            found |= {"recovery_p50_seconds": round(self.recoveries[0], 1)}
        if (rise := slope(self.resident)) is not None:
            found["resident_mb_per_minute"] = round(rise * 60 / (1 << 20), 2)
        return found


def slope(points: list[tuple[float, int]]) -> float | None:
    """Theil-Sen over what comes after the first fifth: the median slope of pairs, which restarts do not bend. Bytes a second."""
    later = [p for p in points[len(points) // 5 :] if p[1]]
    if len(later) < 60:
        return None
    half = len(later) // 2
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(later, later[half:], strict=False))
