"""What a risk correlation counts: every alert, once for each user, host and address in it, with a score.

A key of ours on a correlation, `logweir: {risk: {...}}`; with `rules: any` it is over every rule and correlation that raises
alerts. Its fields are `risk.object.type`, `risk.object.name`, `risk.score`, `risk.tactic`, `risk.rule` and `risk.level`. The
idea and the two usual correlations are those of Splunk's risk-based alerting.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from router.detect import values
from router.detect.rules import LEVELS, Metadata, Rule
from router.detect.selections import Reading
from router.documents import PathKey
from router.registry import nearest

SCORES = {"informational": 0, "low": 10, "medium": 25, "high": 50, "critical": 80}
"""By level, where the correlation gives no others: two alerts of level high and one more make 100, the usual threshold."""
OBJECTS = {
    "user": ("user.name", "source.user.name", "destination.user.name", "user.target.name"),
    "host": ("host.name",),
    "address": ("source.ip", "destination.ip", "client.ip"),
}
ONCE_SECONDS = 3600
_KEYS = ("scores", "rules", "objects", "ignore", "factors", "once")


@dataclass(frozen=True, slots=True)
class Factor:
    """A score is multiplied for some objects."""

    kind: str
    names: frozenset[str]
    """Lower case."""
    times: Decimal


@dataclass(frozen=True, slots=True)
class Risk:
    """How scores and objects are found."""

    scores: Mapping[str, Decimal]
    """By level."""
    rules: Mapping[str, Decimal]
    """By id or name of a rule."""
    objects: Mapping[str, tuple[str, ...]]
    """Kind of object -> ECS fields whose values are such objects."""
    ignore: frozenset[str]
    """Names that are no object, lower case."""
    factors: tuple[Factor, ...]
    once_seconds: int
    """One rule counts for one object once in each such stretch of the clock, an hour from its full to the next."""

    def score(self, rule: Metadata) -> Decimal:
        """What an alert of a rule adds, before it is raised or lowered for an object."""
        own = next((self.rules[key] for key in (rule.id, rule.name) if key in self.rules), None)
        score = own if own is not None else _said(rule)
        return score if score is not None else self.scores.get(rule.level, Decimal(0))

    def raised(self, score: Decimal, kind: str, name: str) -> Decimal:
        """What it adds for one object."""
        for factor in self.factors:
            if factor.kind == kind and name in factor.names:
                score *= factor.times
        return score


def _said(rule: Metadata) -> Decimal | None:
    """What a rule says of its own score: `logweir: {risk: 60}` in its file."""
    ours = rule.custom.get("logweir") if isinstance(rule, Rule) else None
    said = ours.get("risk") if isinstance(ours, Mapping) else getattr(rule, "risk_score", None)
    return _number(said)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return values.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def read(reading: Reading, value: Any, path: PathKey, timespan: Any) -> Risk | None:
    """The `risk` of a correlation; None and a problem where it is wrong. `timespan` reads `1h` (value, path) to seconds."""
    if not isinstance(value, Mapping):
        reading.problem(path, "`risk` is a mapping", "write `risk: {}` for what is usual")
        return None
    for key in value.keys() - set(_KEYS):
        reading.problem((*path, key), f"unknown key {key!r}", nearest(str(key), _KEYS))
    scores = {**{k: Decimal(v) for k, v in SCORES.items()}, **_numbers(reading, value.get("scores"), (*path, "scores"))}
    for level in scores.keys() - set(LEVELS):
        reading.problem((*path, "scores", level), f"unknown level {level!r}", nearest(str(level), LEVELS))
    return Risk(
        scores,
        _numbers(reading, value.get("rules"), (*path, "rules")),
        _objects(reading, value.get("objects", OBJECTS), (*path, "objects")),
        frozenset(text.lower() for text in _texts(reading, value.get("ignore", ()), (*path, "ignore"))),
        tuple(_factors(reading, value.get("factors", ()), (*path, "factors"))),
        timespan(value["once"], (*path, "once")) if "once" in value else ONCE_SECONDS,
    )


def _numbers(reading: Reading, value: Any, path: PathKey) -> dict[str, Decimal]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or any((number := _number(v)) is None or number < 0 for v in value.values()):
        reading.problem(path, f"`{path[-1]}` maps names to numbers that are not negative", "write for example `high: 50`")
        return {}
    return {str(key): _number(v) or Decimal(0) for key, v in value.items()}


def _texts(reading: Reading, value: Any, path: PathKey) -> tuple[str, ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(text, str) and text for text in listed):
        reading.problem(path, f"`{path[-1]}` is a list of texts", "write names")
        return ()
    return tuple(listed)


def _objects(reading: Reading, value: Any, path: PathKey) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping) or not value:
        reading.problem(path, "`objects` maps kinds to lists of fields", "write `user: [user.name]`")
        return {}
    return {str(kind): _texts(reading, listed, (*path, kind)) for kind, listed in value.items()}


def _factors(reading: Reading, value: Any, path: PathKey) -> Iterator[Factor]:
    for i, item in enumerate(value if isinstance(value, (list, tuple)) else [value]):
        times = _number(item.get("times")) if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or times is None or times < 0 or not {"type", "names", "times"}.issuperset(item):
            text = "a factor has `type`, `names` and `times`"
            reading.problem((*path, i), text, "write `{type: user, names: [root], times: 2}`")
            continue
        names = _texts(reading, item.get("names", ()), (*path, i, "names"))
        yield Factor(str(item.get("type")), frozenset(name.lower() for name in names), times)
