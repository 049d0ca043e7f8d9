"""What a correlation needs to run: its window, when it is decided, how far down its chain goes, which matches it can use."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from router.correlate.early import Early
from router.correlate.lone import Lone
from router.correlate.match import Match
from router.correlate.order import Longest, Ways, ways
from router.correlate.tally import (
    MAX_VALUES_PER_MATCH,
    Both,
    Count,
    Distinct,
    Percentile,
    Sum,
    Tally,
    Truth,
    numbers,
    tuples_of,
)
from router.correlate.window import Holds, Quiet, Sealed, Weighed, Window
from router.detect import Correlation
from router.detect.correlation import BoolCondition
from router.errors import Problem
from router.telemetry import SUPPRESSED, bound

MAX_REMEMBERED = 10_000
"""Matches that one group of a condition that fires on arrival remembers."""
_suppressed = bound(SUPPRESSED.labels)


def early(correlation: Correlation) -> bool:
    """Whether it is decided on arrival: where more matches can only make the condition truer."""
    if correlation.type == "temporal" and correlation.expression is not None:
        return not _negates(correlation.expression)
    lower = all(operator in ("gt", "gte") for operator, _ in correlation.condition)
    return lower and correlation.type in ("event_count", "value_count", "value_sum", "temporal")


def waits(correlation: Correlation) -> bool:
    """Whether the passing of time alone can decide something (in a sum: when a negative number leaves)."""
    return not early(correlation) or correlation.type == "value_sum"


def _negates(expression: BoolCondition) -> bool:
    if expression.operator == "rule":
        return False
    return expression.operator == "not" or any(_negates(part) for part in expression.parts)


def opener(correlation: Correlation) -> Callable[[], Window]:
    """Makes the window of a group."""
    timespan, holds, make = correlation.timespan_seconds, _holds(correlation), _tally(correlation)
    stage = {rule: i for i, rule in enumerate(correlation.rules)}

    def order(match: Match) -> tuple[float, int, bytes]:
        return match.time, stage.get(match.rule, 0), match.id

    def opened() -> Window:
        if early(correlation):
            bound = (lambda: Sum(positive=True)) if correlation.type == "value_sum" else make
            return Early(timespan, make, holds, _keep(correlation), bound)
        return Sealed(Weighed(timespan, make(), holds), order, timespan)

    silenced, seconds = _suppressed(correlation.id).inc, correlation.suppress_seconds

    def quiet() -> Window:
        return Quiet(opened(), seconds, silenced)

    one = quiet if seconds else opened
    may_decide = correlation.type != "event_count" or holds(1)
    return (lambda: Lone(one, timespan, may_decide=may_decide)) if early(correlation) else one


def _keep(correlation: Correlation) -> int:
    """Four times as many as decide; of an event count these decide as well as all."""
    least = max([1, *(math.floor(number) + 1 for _, number in correlation.condition)])
    if correlation.type == "event_count":
        return max(1000, 4 * least)
    return max(MAX_REMEMBERED, 4 * least) if correlation.type == "value_count" else MAX_REMEMBERED


def _holds(correlation: Correlation) -> Holds:
    if correlation.expression is not None:
        return bool
    if correlation.condition:
        return correlation.holds
    every = len(correlation.rules)
    return lambda value: value >= every


def _tally(correlation: Correlation) -> Callable[[], Tally]:
    expression = None if correlation.expression is None else _named(correlation.expression, correlation.names)
    match correlation.type:
        case "event_count":
            return Count
        case "value_count" if (also := correlation.also) is not None:
            return lambda: Both(len(correlation.fields), also.holds)
        case "value_count":
            return Distinct
        case "value_sum":
            return Sum
        case "value_avg":
            return lambda: Sum(mean=True)
        case "temporal_ordered":
            return _ordered(expression, correlation.rules)
        case "temporal":
            return (lambda: Distinct(rules=True)) if expression is None else (lambda: Truth(expression))
    percent = Decimal(50) if correlation.percentile is None else correlation.percentile
    return lambda: Percentile(percent)


def _ordered(expression: BoolCondition | None, rules: Sequence[str]) -> Callable[[], Tally]:
    if expression is None:
        return lambda: Longest(rules)
    found = ways(expression, rules)
    return lambda: Ways(found)


def _named(expression: BoolCondition, names: Mapping[str, str]) -> BoolCondition:
    """With ids for the references as written."""
    if expression.operator == "rule":
        name = str(expression.parts[0])
        return BoolCondition("rule", (names.get(name, name),))
    return BoolCondition(expression.operator, tuple(_named(part, names) for part in expression.parts))


def unusable(correlation: Correlation, match: Match) -> str:
    """Why a match cannot count, as a constant word; empty if it can."""
    shape = (len(match.group), len(match.values))
    wanted = (len(correlation.group_by), len(correlation.fields) + (correlation.also is not None))
    if match.version not in ("", correlation.version()) or shape != wanted:
        return "changed"
    if not correlation.refers_to(match.rule):
        return "changed"
    if not all(match.values):
        return "value_missing"
    if tuples_of(match) > MAX_VALUES_PER_MATCH:
        return "too_many_values"
    numeric = correlation.fields and correlation.type != "value_count"
    return "not_a_number" if numeric and next(numbers(match), None) is None else ""


class Place(NamedTuple):
    """Where a correlation stands in its chain."""

    level: int
    """How many correlations lie one below the other under it; 0 for one over rules alone."""
    delay: float
    """How many seconds of event time behind the newest match its edges may come."""


def places(correlations: Collection[Correlation], lateness_seconds: float) -> dict[str, Place]:
    """By id. Correlations that refer to each other in a circle must have been refused before."""
    known = {c.id: c for c in correlations}
    found: dict[str, Place] = {}

    def place(correlation: Correlation) -> Place:
        if correlation.id not in found:
            below = [place(known[r]) for r in correlation.rules if r in known]
            own = lateness_seconds if waits(correlation) else 0.0
            level, delay = max([p.level + 1 for p in below], default=0), max([p.delay for p in below], default=0.0)
            found[correlation.id] = Place(level, own + delay)
        return found[correlation.id]

    for correlation in correlations:
        place(correlation)
    return found


def unsupported(correlation: Correlation, all_: Collection[Correlation] = ()) -> Iterator[Problem]:
    """Why a correlation that was read cannot be run."""
    (line, column), text = correlation.place, ""
    if correlation.type == "temporal_ordered" and correlation.expression is not None:
        try:
            named = _named(correlation.expression, correlation.names)
            text = "" if ways(named, correlation.rules) else "the condition can never be true"
        except ValueError as error:
            text = f"the condition has {error}"
    if text:
        yield Problem(correlation.file, line, "correlation.condition", text, "write it more simply", column)
