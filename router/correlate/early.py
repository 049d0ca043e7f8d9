"""Windows that decide on arrival, for conditions that more matches can only make truer.

An order of arrival within lateness does not change how many alerts there are: more matches only widen and merge the times at
which the condition holds, so a stretch of truth that has an edge reported in it never needs a second one. (A negative number
in a sum is the exception: what was reported stays reported.)
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from router.correlate.match import Match, size_of
from router.correlate.tally import Number, Tally
from router.correlate.window import Change, Edge, Holds, Slide

_WINDOW_BYTES = 1500


class _Rise(NamedTuple):
    """Where the condition became true: its edge, without the matches, which are those from `low` to `high`."""

    time: float
    cause: Match
    value: Number
    low: int
    high: int


class Early:
    """A condition over a tally. Of a crowded window it remembers `keep` matches, one of each kind before all others."""

    __slots__ = (
        *("_bound", "_holds", "_ids", "_keep", "_make", "_make_bound", "_matches", "_slide", "_times", "_timespan", "_told"),
        *("degraded", "lost", "size"),
    )

    def __init__(
        self, timespan: float, make: Callable[[], Tally], holds: Holds, keep: int, bound: Callable[[], Tally] | None = None
    ) -> None:
        """`bound` makes a tally that no added match lowers and that is never below that of `make`."""
        self._timespan, self._make, self._holds, self._keep = timespan, make, holds, keep
        self._make_bound = bound or make
        self._bound = self._make_bound()  # over all matches, so above every window
        self._matches: list[Match] = []
        self._times: list[float] = []
        self._ids: set[bytes] = set()
        self._told: list[tuple[float, float]] = []
        self._slide = self._new()
        self.degraded, self.lost, self.size = False, 0, _WINDOW_BYTES

    def _new(self) -> Slide:
        return Slide(self._timespan, self._make(), self._holds)

    def knows(self, match_id: bytes) -> bool:
        return match_id in self._ids

    def forget(self, match_id: bytes) -> None:
        self._ids.discard(match_id)

    def add(self, match: Match) -> Iterator[Edge]:
        if match.id in self._ids:
            return
        self._ids.add(match.id)
        in_order = not self._times or match.time >= self._times[-1]
        at = len(self._times) if in_order else bisect_right(self._times, match.time)
        self._matches.insert(at, match)
        self._times.insert(at, match.time)
        self.size += size_of(match)
        self._bound.add(match)
        if in_order:
            yield from self._follow(at)
        elif not self._widens(match):
            yield from self._replay()
        if len(self._times) > self._keep + self._keep // 8:
            self._trim()

    def _follow(self, at: int) -> Iterator[Edge]:
        """The newest match: only the truth since the one before can have changed."""
        match = self._matches[at]
        yield from self._turn(self._slide.enter(match), at, match)

    def _turn(self, changes: Iterator[Change], at: int, entered: Match | None) -> Iterator[Edge]:
        for change in changes:
            if change.on and self._told and self._told[-1][1] >= change.time:
                self._told[-1] = (self._told[-1][0], math.inf)  # it fell at this very instant: it never did
            elif change.on:
                self._told.append((change.time, math.inf))
                yield self._edge(self._rise(self._slide, change, at, entered))
            elif self._told:
                self._told[-1] = (self._told[-1][0], change.time)

    def _widens(self, match: Match) -> bool:
        """Whether a match out of order only adds to the stretch of truth that lasts, or cannot make anything true."""
        if self._slide.on:
            return match.time >= self._told[-1][0] and self._slide.join(match)
        return not self._holds(self._bound.value) and not self._slide.join(match)

    def _replay(self) -> Iterator[Edge]:
        """Every stretch of truth anew; those that touch no reported one are reported."""
        found: list[tuple[_Rise, float]] = []
        slide = self._slide = self._new()
        for i, match in enumerate(self._matches):
            for change in slide.enter(match):
                if change.on:
                    found.append((self._rise(slide, change, i, match), math.inf))
                else:
                    found[-1] = (found[-1][0], change.time)
        for rise, fall in found:
            touched = {t for t in self._told if t[0] <= fall and t[1] >= rise.time}
            merged = (min([rise.time, *(t[0] for t in touched)]), max([fall, *(t[1] for t in touched)]))
            self._told = sorted({*self._told} - touched | {merged})
            if not touched:
                yield self._edge(rise)
        if not slide.on and self._told and self._told[-1][1] == math.inf:  # a negative number took it back
            self._told[-1] = (self._told[-1][0], self._times[-1])

    def _rise(self, slide: Slide, change: Change, at: int, entered: Match | None) -> _Rise:
        high = at + 1 if change.match is entered else at
        return _Rise(change.time, change.match, change.value, high - len(slide.matches), high)

    def _edge(self, rise: _Rise) -> Edge:
        return Edge(rise.time, rise.cause, rise.value, self._matches[max(0, rise.low) : rise.high])

    def _trim(self) -> None:
        """Back to `keep` matches: without those of which a newer one is of the same kind, then without the oldest."""
        tally, seen, kept = self._make(), set[Hashable](), list[Match]()
        for match in reversed(self._matches):
            kinds = tally.kinds(match)
            if not seen.issuperset(kinds):
                kept.append(match)
                seen.update(kinds)
        self._lose(kept[self._keep - 1 :: -1])

    def _lose(self, kept: list[Match]) -> None:
        self.lost += len(self._matches) - len(kept)
        self.degraded = True
        self._matches, self._times = kept, [match.time for match in kept]
        self.size = _WINDOW_BYTES + sum(map(size_of, kept))
        on, self._slide = self._slide.on, self._new()
        self._bound = self._make_bound()
        for match in kept:
            self._bound.add(match)
            for _ in self._slide.enter(match):
                pass
        if self._slide.on and not on:
            self._told.append((self._times[-1], math.inf))
        elif on and not self._slide.on:
            self._told[-1] = (self._told[-1][0], self._times[-1])

    def advance(self, watermark: float) -> Iterator[Edge]:
        yield from self._turn(self._slide.expire(watermark), len(self._matches), None)

    def due(self) -> float:
        return self._slide.matches[0].time + self._timespan if self._slide.matches else math.inf

    def prune(self, watermark: float) -> bool:
        old = bisect_left(self._times, watermark - self._timespan)
        if old:
            for match in self._matches[:old]:
                self._bound.remove(match)
                self.size -= size_of(match)
            del self._matches[:old], self._times[:old]
            oldest = self._times[0] if self._times else math.inf
            self._told = [told for told in self._told if told[1] >= oldest]
        return not self._times
