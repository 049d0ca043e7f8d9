"""How far the time of a partition of `matches` has come, told by what was read from it and nothing else.

Matches move it to the newest event time. A *tick* is a record that the loop writes where a partition has fallen silent: it
moves the time on for conditions that wait, and stands in the log, so that reading again comes to the same state.

A correlation over correlations sees its matches later than its partition sees others of the same time, since they come by
way of another partition. Its time therefore follows by ticks: what the level below had reached two ticks ago. Between two
ticks the loop makes sure that everything that lay in the log at the first was worked off.
"""

import math
from typing import NamedTuple


class Tick(NamedTuple):
    """Time has come to `time` (seconds since the epoch), although no match says so."""

    time: float


class Clock(NamedTuple):
    """Times that are known to be reached. -inf before anything was read."""

    newest: float = -math.inf
    """The newest event time of a match."""
    ticked: float = -math.inf
    """The newest time of a tick."""
    levels: tuple[tuple[float, float], ...] = ()
    """By level of a chain, from 1: the time in force, and the one that the next tick puts in force."""

    def seen(self, time: float) -> "Clock":
        """After a match of this time."""
        return self._replace(newest=time) if time > self.newest else self

    def tick(self, tick: Tick) -> "Clock":
        """After a tick."""
        ticked = max(self.ticked, tick.time)
        below, levels = max(self.newest, ticked), []
        for _, pending in self.levels:
            levels.append((pending, below))
            below = pending
        return Clock(self.newest, ticked, tuple(levels))

    def at(self, level: int, waits: bool) -> float:
        """The time for a correlation of a level. Ticks say nothing to one of level 0 that does not wait for the watermark."""
        if level:
            return self.levels[level - 1][0]
        return max(self.newest, self.ticked) if waits else self.newest

    def sized(self, levels: int) -> "Clock":
        """With so many levels: what is not known is not reached."""
        known = self.levels[:levels]
        return self._replace(levels=known + ((-math.inf, -math.inf),) * (levels - len(known)))


class Checkpoint(NamedTuple):
    """What a commit has to remember beside its own offset."""

    needed_from: int
    clock: Clock
    """Before that offset."""

    def text(self) -> str:
        """For `Mark.metadata`; at most 500 characters."""
        times = (self.clock.newest, self.clock.ticked, *(time for level in self.clock.levels for time in level))
        return " ".join([str(self.needed_from), *map(repr, times)])

    @classmethod
    def parse(cls, text: str) -> "Checkpoint | None":
        """The checkpoint of a commit's metadata; None if it has none."""
        offset, *words = text.split(" ")
        try:
            newest, ticked, *levels = [float(word) for word in words] if len(words) > 1 else [float(words[0]), -math.inf]
            return cls(int(offset), Clock(newest, ticked, tuple(zip(levels[::2], levels[1::2], strict=True))))
        except (ValueError, IndexError):
            return None
