"""Correlations over the matches of one partition: windows, watermark, rising edges.

The state is a function of the sequence of matches alone. A restart reads again from `checkpoint().needed_from` on, says
so with `resume`, and has the same state; what was raised by records before the committed position is not raised again.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from router.correlate.match import Match, group_key
from router.correlate.window import EarlyCount, Edge, Sealed, Window
from router.detect import Correlation
from router.errors import ConfigError, Problem
from router.telemetry import LATE, bound

MAX_GROUPS = 100_000
MAX_SHOWN = 20
_not_counted = bound(LATE.labels)


class Firing(NamedTuple):
    """A correlation that became true for a group. `id` is derived, so a repeat of it has the same."""

    id: bytes
    correlation: Correlation
    group: tuple[str, ...]
    time: float
    size: int
    match: Match
    """The match that raised the edge."""
    window: tuple[Match, ...]
    """The first and the last matches in the window, at most 2 x 20, in order of time."""
    started: float
    """Time of the oldest match in the window."""
    degraded: bool


class Checkpoint(NamedTuple):
    """What a commit has to remember beside its own offset."""

    needed_from: int
    newest: float
    """The newest event time before that offset; -inf if there was none."""

    def text(self) -> str:
        """For `Mark.metadata`."""
        return f"{self.needed_from} {self.newest!r}"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint | None":
        """The checkpoint of a commit's metadata; None if it has none."""
        offset, _, newest = text.partition(" ")
        try:
            return cls(int(offset), float(newest))
        except ValueError:
            return None


class _Held(NamedTuple):
    offset: int
    time: float
    newest_before: float
    group: tuple[str, ...]


class Correlator:
    """The correlations of one partition of `matches`. Not thread-safe; no clock inside.

    committed: firings raised by records before this offset were written already and are not returned again.
    """

    def __init__(
        self,
        correlations: Sequence[Correlation],
        lateness_seconds: float,
        *,
        resume: Checkpoint | None = None,
        committed: int = 0,
    ) -> None:
        problems = [p for c in correlations for p in unsupported(c, correlations)]
        if problems:
            raise ConfigError(problems)
        self._correlations = {c.id: c for c in correlations}
        self._lateness, self._committed = lateness_seconds, committed
        self._newest = resume.newest if resume else -math.inf
        self._groups: dict[str, dict[tuple[str, ...], Window]] = {c.id: {} for c in correlations}
        self._held: dict[str, deque[_Held]] = {c.id: deque() for c in correlations}

    def feed(self, matches: Sequence[tuple[int, str, Match]]) -> list[Firing]:
        """Take (offset, correlation id, match) in the order of the log; return what became true.

        A match of a correlation that is no longer loaded, one that is too late, and one beyond a limit are counted.
        """
        again = next((i for i, (offset, _, _) in enumerate(matches) if offset >= self._committed), len(matches))
        if again:
            self._feed(matches[:again])
        return self._feed(matches[again:])

    def _feed(self, matches: Sequence[tuple[int, str, Match]]) -> list[Firing]:
        fired = [firing for offset, name, match in matches for firing in self._take(offset, name, match)]
        fired += self._advanced(self._newest - self._lateness)
        for name in self._groups:
            self._forget(name)
        return fired

    def _take(self, offset: int, name: str, match: Match) -> list[Firing]:
        correlation = self._correlations.get(name)
        if correlation is None:
            return self._refuse("unknown", "not_loaded")
        if match.time < self._newest - self._lateness:
            return self._refuse(name, "late")
        window = self._window(correlation, match.group)
        if window is None:
            return self._refuse(name, "group_limit")
        self._held[name].append(_Held(offset, match.time, self._newest, match.group))
        self._newest = max(self._newest, match.time)
        edges = list(window.add(match))
        return [_firing(correlation, match.group, edge, window) for edge in edges]

    def _refuse(self, name: str, reason: str) -> list[Firing]:
        _not_counted(name, reason).inc()
        return []

    def _window(self, correlation: Correlation, group: tuple[str, ...]) -> Window | None:
        groups = self._groups[correlation.id]
        window = groups.get(group)
        if window is None and len(groups) < MAX_GROUPS:
            window = groups[group] = _open(correlation)
        return window

    def _advanced(self, watermark: float) -> Iterator[Firing]:
        """Firings of windows that wait for the watermark."""
        for correlation in self._correlations.values():
            if not early(correlation):
                for group, window in self._groups[correlation.id].items():
                    yield from (_firing(correlation, group, edge, window) for edge in window.advance(watermark))

    def _forget(self, name: str) -> None:
        """Groups and records that no future answer needs."""
        held, groups = self._held[name], self._groups[name]
        watermark, timespan = self._newest - self._lateness, self._correlations[name].timespan_seconds
        while held and held[0].time + timespan < watermark:
            group = held.popleft().group
            window = groups.get(group)
            if window is not None and window.prune(watermark):
                del groups[group]

    def checkpoint(self, stop: int) -> Checkpoint:
        """What a commit at offset `stop` has to remember, so that a restart comes to this state."""
        oldest = self._oldest()
        return Checkpoint(oldest.offset, oldest.newest_before) if oldest else Checkpoint(stop, self._newest)

    def needed_from(self) -> int | None:
        """The oldest offset whose match an open window may still need."""
        oldest = self._oldest()
        return oldest.offset if oldest else None

    def _oldest(self) -> _Held | None:
        return min((held[0] for held in self._held.values() if held), default=None)

    def open_groups(self) -> dict[str, int]:
        """How many groups of each correlation have an open window."""
        return {name: len(groups) for name, groups in self._groups.items()}


def early(correlation: Correlation) -> bool:
    """Whether more matches can only make the condition truer."""
    return all(operator in ("gt", "gte") for operator, _ in correlation.condition)


def _open(correlation: Correlation) -> Window:
    timespan = correlation.timespan_seconds
    if early(correlation):
        bounds = [math.floor(n) + 1 if op == "gt" else math.ceil(n) for op, n in correlation.condition]
        return EarlyCount(timespan, max(bounds))
    return Sealed(timespan, correlation.holds)


def unsupported(correlation: Correlation, all_: Sequence[Correlation]) -> Iterator[Problem]:
    """Why a correlation that was read cannot be run."""
    line, column = correlation.place
    if correlation.type != "event_count":
        text, remedy = f"correlations of type {correlation.type} are read but not run yet", "use event_count, or disable it"
        yield Problem(correlation.file, line, "correlation.type", text, remedy, column)
    inner = {c.id for c in all_}.intersection(correlation.rules)
    if inner:
        text = f"a correlation over another correlation ({min(inner)}) is read but not run yet"
        yield Problem(correlation.file, line, "correlation.rules", text, "refer to rules, or disable it", column)


def _firing(correlation: Correlation, group: tuple[str, ...], edge: Edge, window: Window) -> Firing:
    digest = blake2b(group_key(correlation.id, group) + b"\0" + edge.match.id, digest_size=16).digest()
    shown = edge.window if len(edge.window) <= 2 * MAX_SHOWN else edge.window[:MAX_SHOWN] + edge.window[-MAX_SHOWN:]
    started = min(edge.window, key=lambda match: match.time).time
    return Firing(digest, correlation, group, edge.time, edge.size, edge.match, tuple(shown), started, window.degraded)
