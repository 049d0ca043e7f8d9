"""The open windows of one correlation on one partition."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from router.correlate.clock import Clock
from router.correlate.firing import Firing, firing
from router.correlate.match import Match
from router.correlate.plan import Place, opener, unusable, waits
from router.correlate.window import Edge, Window
from router.detect import Correlation

MAX_GROUPS = 100_000
MAX_HELD = 1_000_000
"""Matches of one correlation on one partition."""
_GROUP_BYTES = 250
_FOR_KNOWN_GROUPS = 0.2
"""Of the budget: when the rest is full no group begins, and those that have begun go on. Else whoever fills it with groups of one
match would blind the others at once."""


@dataclass(slots=True)
class Budget:
    """What the windows of one partition may take together, in bytes."""

    most: float = math.inf
    held: int = 0

    def refuses(self, *, is_new: bool) -> bool:
        """Whether there is no room for a match, of a group that is new or one that has begun."""
        return self.held >= self.most * (1 - _FOR_KNOWN_GROUPS * is_new)


class Held(NamedTuple):
    """A match that an open window may still need, and the clock before it was read."""

    offset: int
    time: float
    before: Clock
    group: tuple[str, ...]
    id: bytes


class Groups:
    """Takes the matches of one correlation in the order of the log; time is told by the clock that comes with them."""

    def __init__(self, correlation: Correlation, place: Place, lateness_seconds: float, budget: Budget) -> None:
        self.correlation, self.level, self._waits = correlation, place.level, waits(correlation)
        self._budget = budget
        self._lateness = place.delay + (0.0 if self._waits else lateness_seconds)
        self._horizon = correlation.timespan_seconds + correlation.suppress_seconds
        if correlation.risk is not None:  # a restart reads the first of an hour too, or another of it would count in its place
            self._horizon += correlation.risk.once_seconds
        self._open = opener(correlation)
        self._groups: dict[tuple[str, ...], Window] = {}
        self._held: deque[Held] = deque()
        self._due: list[tuple[float, tuple[str, ...]]] = []
        self._scheduled: dict[tuple[str, ...], float] = {}

    def _watermark(self, clock: Clock) -> float:
        return clock.at(self.level, self._waits) - self._lateness

    def refusal(self, match: Match, clock: Clock) -> str:
        """Why a match does not count, as a constant word; empty if it does."""
        reason = unusable(self.correlation, match)
        if reason:
            return reason
        if match.time < self._watermark(clock):
            return "late"
        window = self._groups.get(match.group)
        reason = self._limit(is_new=window is None)
        if reason and window is not None:
            window.degraded = True
        return reason

    def _limit(self, *, is_new: bool) -> str:
        if len(self._held) >= MAX_HELD:
            return "partition_limit"
        if self._budget.refuses(is_new=is_new):
            return "memory_limit"
        return "group_limit" if is_new and len(self._groups) >= MAX_GROUPS else ""

    def take(self, offset: int, match: Match, clock: Clock) -> Iterator[Firing]:
        """Count a match that is not refused; `clock` is that before it. Of a repeat nothing is kept: of risks, which count once
        an hour, nearly all are."""
        window = self._groups.get(match.group)
        if window is None:
            window = self._groups[match.group] = self._open()
            self._budget.held += _GROUP_BYTES
        elif window.knows(match.id):
            return
        self._held.append(Held(offset, match.time, clock, match.group, match.id))
        before = window.size
        yield from self._fired(match.group, window, window.add(match))
        self._budget.held += window.size - before
        self._schedule(match.group, window)

    def _fired(self, group: tuple[str, ...], window: Window, edges: Iterator[Edge]) -> Iterator[Firing]:
        return (firing(self.correlation, group, edge, window.degraded) for edge in edges)

    def _schedule(self, group: tuple[str, ...], window: Window) -> None:
        due = window.due()
        if due < self._scheduled.get(group, math.inf):
            self._scheduled[group] = due
            heappush(self._due, (due, group))

    def lost(self, group: tuple[str, ...]) -> int:
        """How many matches of a group were left out since the last question, since there were too many."""
        window = self._groups[group]
        count, window.lost = window.lost, 0
        return count

    def advance(self, clock: Clock) -> Iterator[Firing]:
        """Decide what the watermark has passed, and forget what no future answer needs."""
        watermark = self._watermark(clock)
        while self._due and self._due[0][0] < watermark:
            due, group = heappop(self._due)
            window = self._groups.get(group)
            if window is not None and self._scheduled.get(group) == due:
                del self._scheduled[group]
                before = window.size
                yield from self._fired(group, window, window.advance(watermark))
                self._budget.held += window.size - before
                self._schedule(group, window)
        self._forget(watermark)

    def _forget(self, watermark: float) -> None:
        held, stale = self._held, dict[tuple[str, ...], Window]()
        while held and held[0].time + self._horizon < watermark:
            gone = held.popleft()
            if (window := self._groups.get(gone.group)) is not None:
                window.forget(gone.id)
                stale[gone.group] = window
        for group, window in stale.items():
            before, is_empty = window.size, window.prune(watermark)
            self._budget.held -= before if is_empty else before - window.size
            if is_empty:
                self._budget.held -= _GROUP_BYTES
                del self._groups[group]
                self._scheduled.pop(group, None)

    def oldest(self) -> Held | None:
        """The match from which on a restart has to read."""
        return self._held[0] if self._held else None

    def wanting(self, clock: Clock) -> bool:
        """Whether time, were it as late as the clock of level 0 says, would decide or forget something."""
        if not self._waits and not self.level:
            return False
        watermark = clock.at(0, True) - self._lateness
        decides = bool(self._due) and self._due[0][0] < watermark
        return decides or (bool(self._held) and self._held[0].time + self._horizon < watermark)

    def __len__(self) -> int:
        return len(self._groups)
