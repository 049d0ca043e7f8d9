"""Noise rules at work on batches: `row` for each event, `close` once per batch."""

from collections.abc import Sequence
from typing import Any

from router.batch import Event
from router.detect.ir import Tree
from router.reduce.judge import NOTHING, Grouper, Judge, Picker, Row
from router.reduce.rules import NoiseRules
from router.reduce.summary import Summary
from router.telemetry import NOISE_EVICTED, NOISE_GROUPS, NOISE_MATCHES, label


class Reducer:
    """Says of each event which rules would have it left out or trimmed, and sums up what windows held back.

    One per process. Its windows are memory only: after a restart they begin anew, so that a little more is kept.
    """

    def __init__(self, rules: NoiseRules) -> None:
        self._judge = Judge(rules.rules)
        self._matches = {p: _matches(p.id, p.shadow) for p in self._judge.pickers}
        self._groupers = [p for p in self._judge.pickers if isinstance(p, Grouper)]
        self._gauges = {p: NOISE_GROUPS.labels(label(p.id)) for p in self._groupers}
        self._evictions = {p: NOISE_EVICTED.labels(label(p.id)) for p in self._groupers}
        self._evicted = dict.fromkeys(self._groupers, 0)

    @property
    def selections(self) -> list[tuple[Picker, Tree | None]]:
        """Each rule with what it asks of an event; None: nothing."""
        return [(p, p.selection) for p in self._judge.pickers]

    def row(self, selected: tuple[Picker, ...], event: Event, event_id: bytes, time: float, matched: bool) -> Row:
        """(noise ids, trim ids) of one event, given the rules whose selection it satisfies; equal rows are one object.

        `time` in seconds since the epoch; `matched` says whether a detection matched the event.
        Ids of rules in shadow are among the noise ids: a sink's scope holds them apart (`NoiseRules.scope`).
        """
        return self._judge.row(selected, event, event_id, time, matched) if selected else NOTHING

    def close(self, times: Sequence[float]) -> list[Summary]:
        """After a batch, given the times of all its events: the summaries of windows that ended before."""
        summaries = self._judge.close(_middle(times)) if self._groupers and times else []
        self._count()
        return summaries

    def finish(self) -> list[Summary]:
        """End every window: the summaries of those that held something back. Call it before the process ends."""
        summaries = self._judge.close(None)
        self._count()
        return summaries

    def _count(self) -> None:
        for p, count in self._judge.tally.items():
            self._matches[p].inc(count)
        self._judge.tally.clear()
        for g in self._groupers:
            self._gauges[g].set(len(g.windows))
            self._evictions[g].inc(g.windows.evicted - self._evicted[g])
            self._evicted[g] = g.windows.evicted


def _matches(rule: str, shadow: bool) -> Any:
    return NOISE_MATCHES.labels(label(rule), "true" if shadow else "false")


def _middle(times: Sequence[float]) -> float:
    """The middle time of a batch: one sender whose clock is years ahead must not end everybody's windows."""
    return sorted(times)[len(times) // 2]
