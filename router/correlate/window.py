"""The matches of one group, exact over a sliding window `(t - timespan, t]` of event time.

Two ways to decide, both by rising edge: one alert when the condition becomes true, armed again once it has fallen.
`EarlyCount` serves lower bounds on a count, which more matches can only make truer: it decides on arrival. `Sealed` serves
every other comparison: it decides when the watermark has passed, as nothing that could change the answer is to come.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from router.correlate.match import Match

MAX_MATCHES = 100_000


class Edge(NamedTuple):
    """The condition became true: when, through which match, with how many in the window."""

    time: float
    match: Match
    size: int
    window: list[Match]


class Window(Protocol):
    """One group's state."""

    degraded: bool
    """Matches had to be left out of the count; it says at least so many."""

    def add(self, match: Match) -> Iterator[Edge]:
        """Take a match that is not late, and report the edges that can be decided now."""

    def advance(self, watermark: float) -> Iterator[Edge]:
        """Report what the new watermark decides."""

    def prune(self, watermark: float) -> bool:
        """Forget what no future answer needs. True if nothing is left."""


def _order(match: Match) -> tuple[float, bytes]:
    return match.time, match.id


class EarlyCount:
    """Count >= `least`, decided on arrival; an order of arrival within lateness does not change how many alerts there are.

    More matches only widen and merge the times at which the condition holds, so a stretch of truth that has an edge
    reported in it never needs a second one. Of a crowded window the newest `keep` matches decide as well as all.
    """

    def __init__(self, timespan: float, least: int) -> None:
        self._timespan, self._least = timespan, max(1, least)
        self._keep = max(1000, 4 * self._least)
        self._matches: list[Match] = []
        self._times: list[float] = []
        self._ids: set[bytes] = set()
        self._reported: list[tuple[float, float]] = []
        self._on_since: float | None = None
        self.degraded = False

    def add(self, match: Match) -> Iterator[Edge]:
        if match.id in self._ids:
            return
        in_order = not self._times or match.time >= self._times[-1]
        at = len(self._times) if in_order else bisect_right(self._times, match.time)
        self._matches.insert(at, match)
        self._times.insert(at, match.time)
        self._ids.add(match.id)
        if in_order:
            yield from self._append(match.time)
        elif self._on_since is None or match.time < self._on_since:
            yield from self._replay()
        if len(self._times) > self._keep:
            self._forget(len(self._times) - self._keep)
            self.degraded = True

    def _append(self, time: float) -> Iterator[Edge]:
        """The newest match: only the truth since the one before can have changed."""
        last = len(self._times) - 1
        if self._on_since is not None and self._lowest_before(last) < self._least:
            self._on_since = None
        if self._on_since is not None:
            self._reported[-1] = (self._reported[-1][0], time)
        elif self._count(last) >= self._least:
            self._on_since = time
            self._reported.append((time, time))
            yield self._edge(last)

    def _replay(self) -> Iterator[Edge]:
        """Every stretch of truth anew; those that touch no reported one are reported."""
        since = None
        for start, end in list(self._stretches()) if len(self._times) >= self._least else ():
            first, falls = self._times[start], self._times[end + 1 - self._least] + self._timespan
            touched = [(low, high) for low, high in self._reported if low < falls and high >= first]
            merged = (min([first, *(low for low, _ in touched)]), max([self._times[end], *(high for _, high in touched)]))
            self._reported = sorted({*self._reported} - {*touched} | {merged})
            if end == len(self._times) - 1:
                since = merged[0]
            if not touched:
                yield self._edge(start)
        self._on_since = since

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """(index of the match that makes it true, index of the last match in it) of each stretch of truth."""
        start = None
        for i in range(len(self._times)):
            if start is not None and self._lowest_before(i) < self._least:
                yield start, i - 1
                start = None
            if start is None and self._count(i) >= self._least:
                start = i
        if start is not None:
            yield start, len(self._times) - 1

    def _count(self, at: int) -> int:
        """Matches in the window that ends with match `at`."""
        return at + 1 - bisect_right(self._times, self._times[at] - self._timespan)

    def _lowest_before(self, at: int) -> int:
        """The lowest count between match `at - 1` and match `at`; one that expires just as `at` enters is still in it."""
        if at and self._times[at] == self._times[at - 1]:
            return self._least
        return at - bisect_left(self._times, self._times[at] - self._timespan, 0, at)

    def _edge(self, at: int) -> Edge:
        window = self._matches[bisect_right(self._times, self._times[at] - self._timespan) : at + 1]
        return Edge(self._times[at], self._matches[at], len(window), window)

    def advance(self, watermark: float) -> Iterator[Edge]:
        return iter(())

    def prune(self, watermark: float) -> bool:
        self._forget(bisect_left(self._times, watermark - self._timespan))
        return not self._times

    def _forget(self, count: int) -> None:
        if count:
            self._ids.difference_update(match.id for match in self._matches[:count])
            del self._matches[:count], self._times[:count]
            oldest = self._times[0] if self._times else float("inf")
            self._reported = [r for r in self._reported if r[1] >= oldest]


class Sealed:
    """Any comparison with a count, decided in order of (event time, id) up to the watermark.

    The condition is looked at when a match enters and when one expires; where both happen at one instant, they are one
    step. A group without a match does not exist, so an empty window satisfies nothing.
    """

    def __init__(self, timespan: float, holds: Callable[[int], bool]) -> None:
        self._timespan, self._holds = timespan, holds
        self._waiting: list[Match] = []
        self._window: deque[Match] = deque()
        self._ids: set[bytes] = set()
        self._on = False
        self.degraded = False

    def add(self, match: Match) -> Iterator[Edge]:
        if match.id not in self._ids and len(self._ids) < MAX_MATCHES:
            self._ids.add(match.id)
            insort(self._waiting, match, key=_order)
        elif match.id not in self._ids:
            self.degraded = True
        return iter(())

    def advance(self, watermark: float) -> Iterator[Edge]:
        ready = bisect_left(self._waiting, watermark, key=lambda match: match.time)
        for match in self._waiting[:ready]:
            yield from self._expire(match.time)
            while self._window and self._window[0].time + self._timespan <= match.time:
                self._leave()
            self._window.append(match)
            yield from self._look(match.time, match)
        del self._waiting[:ready]
        yield from self._expire(watermark)

    def _expire(self, before: float) -> Iterator[Edge]:
        """Matches leave at their own time plus the timespan, those of one instant together."""
        while self._window and self._window[0].time + self._timespan < before:
            gone = self._leave()
            if not self._window or self._window[0].time > gone.time:
                yield from self._look(gone.time + self._timespan, gone)

    def _leave(self) -> Match:
        gone = self._window.popleft()
        self._ids.discard(gone.id)
        return gone

    def _look(self, time: float, cause: Match) -> Iterator[Edge]:
        was, self._on = self._on, bool(self._window) and self._holds(len(self._window))
        if self._on and not was:
            yield Edge(time, cause, len(self._window), list(self._window))

    def prune(self, watermark: float) -> bool:
        return not self._waiting and not self._window
