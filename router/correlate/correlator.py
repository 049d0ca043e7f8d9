"""Correlations over the matches of one partition: windows, watermarks, rising edges.

The state is a function of the sequence of matches and ticks alone. A restart reads again from `checkpoint().needed_from` on,
says so with `resume`, and has the same state; what was raised by records before the committed position is not raised again.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from router.correlate.clock import Checkpoint, Clock, Tick
from router.correlate.firing import Firing
from router.correlate.groups import Budget, Groups, Held
from router.correlate.match import Match
from router.correlate.plan import places, unsupported
from router.detect import Correlation
from router.errors import ConfigError
from router.telemetry import LATE, bound, logger

Read: TypeAlias = tuple[int, str, Match | Tick]
"""One record: its offset, the id of the correlation (empty for a tick), what it says."""
_not_counted = bound(LATE.labels)
_log = logger("correlate")
_TOLD = {
    "changed": "a correlation was changed; it starts with empty windows",
    "memory_limit": "matches do not count: windows hold what `limits.correlations_mb` allows; raise it, or shorten `timespan`",
}
"""Once for each correlation."""


class Correlator:
    """The correlations of one partition of `matches`. Not thread-safe; no clock inside.

    committed: firings raised by records before this offset were written already and are not returned again.
    most_bytes: what its windows may hold, roughly; what comes beyond that is counted and does not count.
    Raises ConfigError for correlations that cannot be run.
    """

    def __init__(
        self,
        correlations: Sequence[Correlation],
        lateness_seconds: float,
        *,
        resume: Checkpoint | None = None,
        committed: int = 0,
        most_bytes: float = math.inf,
    ) -> None:
        problems = [p for c in correlations for p in unsupported(c)]
        if problems:
            raise ConfigError(problems)
        chain = places(correlations, lateness_seconds)
        levels = max((place.level for place in chain.values()), default=0)
        self._budget = Budget(most_bytes)
        self._groups = {c.id: Groups(c, chain[c.id], lateness_seconds, self._budget) for c in correlations}
        self._clock = (resume.clock if resume else Clock()).sized(levels)
        self._committed, self.correlations = committed, correlations
        self._told: set[tuple[str, str]] = set()

    def feed(self, records: Sequence[Read]) -> list[Firing]:
        """Take records in the order of the log; return what became true.

        A match of a correlation that is no longer loaded, one that is too late, and one beyond a limit are counted.
        """
        again = next((i for i, (offset, _, _) in enumerate(records) if offset >= self._committed), len(records))
        if again:
            self._feed(records[:again])
        return self._feed(records[again:])

    def _feed(self, records: Sequence[Read]) -> list[Firing]:
        fired: list[Firing] = []
        for offset, name, record in records:
            if isinstance(record, Tick):
                self._clock = self._clock.tick(record)
            else:
                fired += self._take(offset, name, record)
        for groups in self._groups.values():
            fired += groups.advance(self._clock)
        return fired

    def _take(self, offset: int, name: str, match: Match) -> Iterator[Firing]:
        groups = self._groups.get(name)
        reason = "not_loaded" if groups is None else groups.refusal(match, self._clock)
        if groups is None or reason:
            self._refuse("unknown" if groups is None else name, reason)
            return
        before, self._clock = self._clock, self._clock.seen(match.time)
        yield from groups.take(offset, match, before)
        if lost := groups.lost(match.group):
            _not_counted(name, "match_limit").inc(lost)

    def _refuse(self, name: str, reason: str) -> None:
        _not_counted(name, reason).inc()
        if reason in _TOLD and (reason, name) not in self._told:
            self._told.add((reason, name))
            _log.warning(_TOLD[reason], rule=name)

    def checkpoint(self, stop: int) -> Checkpoint:
        """What a commit at offset `stop` has to remember, so that a restart comes to this state."""
        oldest = self._oldest()
        return Checkpoint(oldest.offset, oldest.before) if oldest else Checkpoint(stop, self._clock)

    def needed_from(self) -> int | None:
        """The oldest offset whose match an open window may still need."""
        oldest = self._oldest()
        return oldest.offset if oldest else None

    def _oldest(self) -> Held | None:
        return min((held for groups in self._groups.values() if (held := groups.oldest())), default=None)

    @property
    def time(self) -> float:
        """The time that the partition has come to; -inf before anything was read."""
        return self._clock.at(0, True)

    def wants(self, time: float) -> bool:
        """Whether a tick of this time would, now or after more of them, decide or forget something."""
        clock = self._clock.tick(Tick(time))
        return any(groups.wanting(clock) for groups in self._groups.values())

    @property
    def held_bytes(self) -> int:
        """What open windows take, roughly."""
        return self._budget.held

    def open_groups(self) -> dict[str, int]:
        """How many groups of each correlation have an open window."""
        return {name: len(groups) for name, groups in self._groups.items()}
