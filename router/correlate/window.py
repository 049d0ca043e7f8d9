"""The matches of one group, exact over a sliding window `(t - timespan, t]` of event time.

Everything is decided by rising edge: one alert when the condition becomes true, armed again once it has fallen. `Sealed`
decides when the watermark has passed, as nothing that could change the answer is to come; `early` has what decides at once.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from router.correlate.match import Match, size_of
from router.correlate.tally import Number, Tally

MAX_MATCHES = 100_000
Holds = Callable[[Number], bool]
"""Whether a value satisfies the condition."""


class Edge(NamedTuple):
    """The condition became true: when, through which match, with what value, over which matches."""

    time: float
    match: Match
    """The one that entered or, where `time` is later than its own, the one that left."""
    value: Number
    window: list[Match]


class Window(Protocol):
    """One group's state."""

    degraded: bool
    """Matches had to be left out of the count."""
    lost: int
    """How many, since whoever counts them set it to 0."""

    @property
    def size(self) -> int:
        """Bytes that its matches take, about."""

    def knows(self, match_id: bytes) -> bool:
        """Whether a match of this id came before. Another one would not count."""

    def add(self, match: Match) -> Iterator[Edge]:
        """Take a match that is not late, and report the edges that can be decided now."""

    def forget(self, match_id: bytes) -> None:
        """A match of this id would be late by now."""

    def advance(self, watermark: float) -> Iterator[Edge]:
        """Report what the new watermark decides."""

    def due(self) -> float:
        """The watermark has to pass this before `advance` has anything to do; inf where it never has."""

    def prune(self, watermark: float) -> bool:
        """Forget what no future answer needs. True if nothing is left."""


class Change(NamedTuple):
    """The condition became true or false, as a match entered or left."""

    on: bool
    time: float
    match: Match
    value: Number


class Slide:
    """A window that slides over matches in order of time and tells each change of the condition.

    It looks at the condition when a match enters and when one expires; where both happen at one instant, they are one
    step. A group without a match does not exist, so an empty window satisfies nothing.
    """

    __slots__ = ("_holds", "_tally", "_timespan", "matches", "on")

    def __init__(self, timespan: float, tally: Tally, holds: Holds) -> None:
        self._timespan, self._tally, self._holds = timespan, tally, holds
        self.matches: deque[Match] = deque()
        self.on = False

    def enter(self, match: Match) -> Iterator[Change]:
        """A match that is not older than the newest."""
        if self.matches and self.matches[0].time + self._timespan <= match.time:
            yield from self.expire(match.time)
            while self.matches and self.matches[0].time + self._timespan <= match.time:
                self.leave()
        self.matches.append(match)
        self._tally.add(match)
        yield from self._look(match.time, match)

    def expire(self, before: float) -> Iterator[Change]:
        """Matches leave at their own time plus the timespan, those of one instant together."""
        while self.matches and self.matches[0].time + self._timespan < before:
            gone = self.leave()
            if not self.matches or self.matches[0].time > gone.time:
                yield from self._look(gone.time + self._timespan, gone)

    def leave(self) -> Match:
        """The oldest goes, whatever that does to the condition."""
        gone = self.matches.popleft()
        self._tally.remove(gone)
        return gone

    def join(self, match: Match) -> bool:
        """A match that is older than the newest. Whether the condition holds at the newest, which has to be as before."""
        if self.matches and match.time + self._timespan > self.matches[-1].time:
            self.matches.insert(bisect_right(self.matches, match.time, key=_time), match)
            self._tally.add(match)
            self.on = self._holds(self._tally.value)
        return self.on

    def _look(self, time: float, cause: Match) -> Iterator[Change]:
        value = self._tally.value if self.matches else 0
        on = bool(self.matches) and self._holds(value)
        if on != self.on:
            self.on = on
            yield Change(on, time, cause, value)


def _time(match: Match) -> float:
    return match.time


class Weighed(Slide):
    """One that knows how many bytes have left it."""

    __slots__ = ("left",)

    def __init__(self, timespan: float, tally: Tally, holds: Holds) -> None:
        super().__init__(timespan, tally, holds)
        self.left = 0

    def leave(self) -> Match:
        gone = super().leave()
        self.left += size_of(gone)
        return gone


class Sealed:
    """Any condition, decided in order of `order` up to the watermark."""

    def __init__(self, slide: Weighed, order: Callable[[Match], tuple[float, int, bytes]], timespan: float) -> None:
        self._slide, self._order, self._timespan = slide, order, timespan
        self._waiting: list[Match] = []
        self._came = 0
        self._ids: set[bytes] = set()
        self._fell = -math.inf
        self.degraded, self.lost = False, 0

    @property
    def size(self) -> int:
        return self._came - self._slide.left

    def knows(self, match_id: bytes) -> bool:
        return match_id in self._ids

    def forget(self, match_id: bytes) -> None:
        self._ids.discard(match_id)

    def add(self, match: Match) -> Iterator[Edge]:
        if match.id not in self._ids:
            if len(self._waiting) + len(self._slide.matches) >= MAX_MATCHES and not self._make_room():
                return iter(())
            self._ids.add(match.id)
            insort(self._waiting, match, key=self._order)
            self._came += size_of(match)
        return iter(())

    def _make_room(self) -> bool:
        """The oldest match goes early; where all still wait, the new one is refused."""
        self.degraded = True
        self.lost += 1
        if self._slide.matches:
            self._ids.discard(self._slide.leave().id)
            return True
        return False

    def advance(self, watermark: float) -> Iterator[Edge]:
        ready = bisect_left(self._waiting, watermark, key=_time)
        for match in self._waiting[:ready]:
            yield from self._edges(self._slide.enter(match))
        del self._waiting[:ready]
        yield from self._edges(self._slide.expire(watermark))

    def _edges(self, changes: Iterator[Change]) -> Iterator[Edge]:
        for on, time, match, value in changes:
            if not on:
                self._fell = time
            elif time != self._fell:  # what falls and rises at one instant never fell
                yield Edge(time, match, value, list(self._slide.matches))

    def due(self) -> float:
        first = self._waiting[0].time if self._waiting else math.inf
        leaves = self._slide.matches[0].time + self._timespan if self._slide.matches else math.inf
        return min(first, leaves)

    def prune(self, watermark: float) -> bool:
        return not self._waiting and not self._slide.matches


class Quiet:
    """Another window, of whose edges only those count that have no other within `seconds` before."""

    def __init__(self, window: Window, seconds: float, silenced: Callable[[], None]) -> None:
        self._window, self._seconds, self._silenced = window, seconds, silenced
        self._edges: list[float] = []

    @property
    def degraded(self) -> bool:
        return self._window.degraded

    @degraded.setter
    def degraded(self, is_so: bool) -> None:
        self._window.degraded = is_so

    @property
    def lost(self) -> int:
        return self._window.lost

    @lost.setter
    def lost(self, count: int) -> None:
        self._window.lost = count

    @property
    def size(self) -> int:
        return self._window.size

    def knows(self, match_id: bytes) -> bool:
        return self._window.knows(match_id)

    def forget(self, match_id: bytes) -> None:
        self._window.forget(match_id)

    def add(self, match: Match) -> Iterator[Edge]:
        yield from filter(self._first, self._window.add(match))

    def advance(self, watermark: float) -> Iterator[Edge]:
        yield from filter(self._first, self._window.advance(watermark))

    def _first(self, edge: Edge) -> bool:
        at = bisect_right(self._edges, edge.time)
        first = not at or self._edges[at - 1] + self._seconds <= edge.time
        self._edges.insert(at, edge.time)
        if not first:
            self._silenced()
        return first

    def due(self) -> float:
        return self._window.due()

    def prune(self, watermark: float) -> bool:
        del self._edges[: bisect_left(self._edges, watermark - self._seconds)]
        return self._window.prune(watermark) and not self._edges
