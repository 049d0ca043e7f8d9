"""temporal_ordered: rules seen one after the other, told by the latest possible start of a chain that got so far.

A chain takes matches in order of time, at most one per rule, rules in the order of `rules`; equal times are in order. A
chain is in the window as long as its start is, so nothing but starts has to be remembered.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from router.correlate.match import Match
from router.detect.correlation import BoolCondition

MAX_WAYS = 100


class Longest:
    """The longest chain: in how many different rules, one after the other."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._stage = {rule: i for i, rule in enumerate(rules)}
        # [stage][length - 1]: the latest start of a chain of that length which ends with that stage
        self._starts = [[-math.inf] * (i + 1) for i in range(len(rules))]
        self._gone = -math.inf

    @property
    def value(self) -> int:
        lengths = (k + 1 for starts in self._starts for k, start in enumerate(starts) if start > self._gone)
        return max(lengths, default=0)

    def add(self, match: Match) -> None:
        stage = self._stage[match.rule]
        starts = self._starts[stage]
        starts[0] = match.time
        for before in self._starts[:stage]:
            for k, start in enumerate(before):
                starts[k + 1] = max(starts[k + 1], start)

    def remove(self, match: Match) -> None:
        self._gone = match.time

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        return (match.id,)


class Way(NamedTuple):
    """One way to satisfy a boolean condition: these rules in this order, and none of those."""

    rules: tuple[str, ...]
    without: frozenset[str]


class Ways:
    """How many of the ways of a boolean condition are satisfied."""

    def __init__(self, found: Sequence[Way]) -> None:
        self._ways = found
        self._starts = [[-math.inf] * len(way.rules) for way in found]
        self._present: Counter[str] = Counter()
        self._gone = -math.inf

    @property
    def value(self) -> int:
        return sum(self._holds(way, starts) for way, starts in zip(self._ways, self._starts, strict=True))

    def _holds(self, way: Way, starts: Sequence[float]) -> bool:
        there = not starts or starts[-1] > self._gone
        return there and not any(self._present[rule] for rule in way.without)

    def add(self, match: Match) -> None:
        self._present[match.rule] += 1
        for way, starts in zip(self._ways, self._starts, strict=True):
            if match.rule in way.rules:
                i = way.rules.index(match.rule)
                starts[i] = max(starts[i], starts[i - 1] if i else match.time)

    def remove(self, match: Match) -> None:
        self._present[match.rule] -= 1
        self._gone = match.time

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        return (match.id,)


def ways(expression: BoolCondition, rules: Sequence[str]) -> list[Way]:
    """The disjunctive normal form of a condition whose names are ids. Raises ValueError beyond MAX_WAYS."""
    found = dict.fromkeys(_ways(expression, True))
    sound = [terms for terms in found if not any((rule, not wanted) in terms for rule, wanted in terms)]
    return [
        Way(tuple(r for r in rules if (r, True) in terms), frozenset(r for r, wanted in terms if not wanted)) for terms in sound
    ]


def _ways(expression: BoolCondition, wanted: bool) -> list[frozenset[tuple[str, bool]]]:
    if expression.operator == "rule":
        return [frozenset({(str(expression.parts[0]), wanted)})]
    if expression.operator == "not":
        return _ways(expression.parts[0], not wanted)
    parts = [_ways(part, wanted) for part in expression.parts]
    if (expression.operator == "or") == wanted:
        return [way for part in parts for way in part]
    joined = [frozenset[tuple[str, bool]]()]
    for part in parts:
        joined = [one | other for one in joined for other in part]
        if len(joined) > MAX_WAYS:
            raise ValueError(f"more than {MAX_WAYS} combinations")
    return joined
