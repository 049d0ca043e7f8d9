"""A group of one match, of which most groups consist where somebody tries one name after the other."""

import math
from collections.abc import Callable, Iterator

from router.correlate.match import Match, size_of
from router.correlate.window import Edge, Window


class Lone:
    """A window that is made when a second match comes; until then a group takes a fifth of the memory.

    For windows that decide on arrival: what one match does not make true as it comes, it does not make true later.
    may_decide: whether one match may make the condition true.
    """

    __slots__ = ("_degraded", "_first", "_make", "_may_decide", "_timespan", "_window")

    def __init__(self, make: Callable[[], Window], timespan: float, *, may_decide: bool) -> None:
        self._make, self._timespan, self._may_decide, self._degraded = make, timespan, may_decide, False
        self._first: Match | None = None
        self._window: Window | None = None

    @property
    def degraded(self) -> bool:
        return self._degraded if self._window is None else self._window.degraded

    @degraded.setter
    def degraded(self, is_so: bool) -> None:
        if self._window is None:
            self._degraded = is_so
        else:
            self._window.degraded = is_so

    @property
    def lost(self) -> int:
        return 0 if self._window is None else self._window.lost

    @lost.setter
    def lost(self, count: int) -> None:
        if self._window is not None:
            self._window.lost = count

    @property
    def size(self) -> int:
        if self._window is not None:
            return self._window.size
        return 0 if self._first is None else size_of(self._first)

    def knows(self, match_id: bytes) -> bool:
        if self._window is not None:
            return self._window.knows(match_id)
        return self._first is not None and self._first.id == match_id

    def add(self, match: Match) -> Iterator[Edge]:
        if self._window is not None:
            return self._window.add(match)
        return iter(self._begin(match) if self._first is None else self._second(match, self._first))

    def _begin(self, match: Match) -> list[Edge]:
        if self._may_decide:
            window = self._make()
            if edges := list(window.add(match)):
                self._window = window
                return edges
        self._first = match
        return []

    def _second(self, match: Match, first: Match) -> list[Edge]:
        self._window, self._first = self._make(), None
        self._window.degraded = self._degraded
        return [*self._window.add(first), *self._window.add(match)]

    def forget(self, match_id: bytes) -> None:
        if self._window is not None:
            self._window.forget(match_id)

    def advance(self, watermark: float) -> Iterator[Edge]:
        return iter(()) if self._window is None else self._window.advance(watermark)

    def due(self) -> float:
        return math.inf if self._window is None else self._window.due()

    def prune(self, watermark: float) -> bool:
        if self._window is not None:
            return self._window.prune(watermark)
        return self._first is None or self._first.time < watermark - self._timespan
