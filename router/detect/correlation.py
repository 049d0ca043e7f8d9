"""Correlation documents: all eight types are read and checked here; `router.correlate` runs them (Sigma 2.1, correlations)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeAlias

from router.detect import conditions, risk, values
from router.detect.ir import Refused
from router.detect.risk import Risk
from router.detect.rules import Metadata, alone, fields_of, metadata
from router.detect.selections import Reading
from router.documents import PathKey
from router.registry import nearest

TYPES = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
)
_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
_TIMESPAN = re.compile(r"([1-9][0-9]{0,8})([smhdwMy])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2629746, "y": 31556952}
_KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")

Comparison: TypeAlias = tuple[tuple[str, Decimal], ...]
"""Operators and their numbers, all of which must hold."""


@dataclass(frozen=True, slots=True)
class BoolCondition:
    """A boolean expression over rules, for the temporal types: ("rule", id), ("not", x), ("and", xs) or ("or", xs)."""

    operator: str
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Also:
    """So many different values of a field, beside the condition itself."""

    field: str
    condition: Comparison

    def holds(self, number: int) -> bool:
        """Whether so many are enough."""
        return all(_COMPARE[operator](number, wanted) for operator, wanted in self.condition)


@dataclass(slots=True, eq=False)
class Correlation(Metadata):
    """One correlation. `rules` are references as written until the rule set resolves them to ids."""

    type: str
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: Mapping[str, Mapping[str, str]]
    """Alias -> (rule -> the field of that rule's events)."""
    timespan_seconds: int
    condition: Comparison
    fields: tuple[str, ...]
    """What `field` names: values that are counted (several: distinct tuples), summed, averaged."""
    percentile: Decimal | None
    expression: BoolCondition | None
    generate: bool
    has_level: bool
    place: tuple[int, int]
    listed: tuple[str, ...] = ()
    """What stands under `rules`, as written; a boolean condition may name rules without it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Reference as written -> id, once resolved."""
    alerts: bool = True
    """False where only another correlation refers to it and none of those says `generate: true`."""
    suppress_seconds: int = 0
    """An edge of a group that follows another within so long raises nothing (a key of ours: `logweir: {suppress: 1h}`)."""
    carries: tuple[str, ...] = ()
    """Fields of its matches that correlations over this one need."""
    risk: Risk | None = None
    """Where it counts risk (a key of ours: `logweir: {risk: {...}}`)."""
    is_over_all: bool = False
    """`rules: any`: over whatever raises alerts; `rules` has their ids once the rule set is linked."""
    also: "Also | None" = None
    """A second condition over the same window (a key of ours: `logweir: {also: {field: f, gte: n}}`)."""
    risk_score: Decimal | None = None
    """What its alerts add to a risk (`logweir: {risk: 60}`)."""
    members: frozenset[str] = frozenset()

    digest: str = ""

    def refers_to(self, rule: str) -> bool:
        """Whether a rule, by its id, is one of `rules`."""
        if len(self.members) != len(self.rules):
            self.members = frozenset(self.rules)
        return rule in self.members

    def version(self) -> str:
        """Told from what says which matches count and when; asked only once everything is linked, then remembered."""
        if not self.digest:
            aliases = sorted((alias, sorted(table.items())) for alias, table in self.aliases.items())
            names, condition = (
                sorted(self.names.items()),
                (self.condition, self.percentile, self.expression, self.suppress_seconds),
            )
            matches = (self.type, self.rules, self.group_by, self.timespan_seconds, self.fields, self.carries)
            told: tuple[Any, ...] = (matches, condition, aliases, names)
            if self.is_over_all:  # another rule in the set is no other correlation
                told = ((self.type, self.group_by, self.timespan_seconds, self.fields), condition, aliases)
            if self.risk is not None or self.also is not None:
                told = (*told, _settled(self.risk), self.also)
            self.digest = blake2b(repr(told).encode(), digest_size=6).hexdigest()
        return self.digest

    def holds(self, number: Decimal | int) -> bool:
        """Whether a count (or sum, ...) satisfies every comparison."""
        return all(_COMPARE[operator](number, wanted) for operator, wanted in self.condition)


def _settled(risk: Risk | None) -> object:
    """In an order of its own, so that the version does not hang on that of keys or on a process."""
    if risk is None:
        return None
    factors = [(f.kind, sorted(f.names), f.times) for f in risk.factors]
    tables = [sorted(table.items()) for table in (risk.scores, risk.rules, risk.objects)]
    return tables, sorted(risk.ignore), factors, risk.once_seconds


_COMPARE: dict[str, Any] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
}


def correlation(reading: Reading) -> Correlation | None:
    """A correlation, or None and the problems in `reading`."""
    value = reading.document.value["correlation"]
    alone(reading, "correlation")
    about = metadata(reading)
    if not isinstance(value, Mapping):
        reading.problem(("correlation",), "must be a mapping", "see the Sigma correlation specification")
        return None
    for key in value.keys() - set(_KEYS):
        reading.problem(("correlation", key), f"unknown key {key!r}", nearest(str(key), _KEYS))
    kind = value.get("type")
    if kind not in TYPES:
        reading.problem(("correlation", "type"), f"unknown type {kind!r}", nearest(str(kind), TYPES))
        return None
    found = _read(reading, about, value, str(kind))
    _ours(reading, found)
    return None if reading.problems else found


def _read(reading: Reading, about: Metadata, value: Mapping[str, Any], kind: str) -> Correlation:
    condition, fields, percentile, expression = _condition(reading, value.get("condition"), kind)
    listed = _names(reading, value, "rules")
    rules = tuple(dict.fromkeys((*listed, *in_expression(expression))))
    if not rules:
        reading.problem(("correlation", "rules"), "a correlation needs `rules`", "list the ids or names of rules")
    generate = value.get("generate", False)
    if not isinstance(generate, bool):
        reading.problem(("correlation", "generate"), "`generate` is true or false", "remove the quotes")
    return Correlation(
        **fields_of(about),
        type=kind,
        rules=rules,
        listed=listed,
        group_by=_names(reading, value, "group-by"),
        aliases=_aliases(reading, value.get("aliases")),
        timespan_seconds=_timespan(reading, value.get("timespan")),
        condition=condition,
        fields=fields,
        percentile=percentile,
        expression=expression,
        generate=generate is True,
        has_level="level" in reading.document.value,
        place=reading.document.place(("correlation", "rules")),
    )


def _names(reading: Reading, value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    listed = value.get(key)
    listed = listed if isinstance(listed, list) else [] if listed is None else [listed]
    if not all(isinstance(name, str) and name for name in listed):
        reading.problem(("correlation", key), f"`{key}` is a list of names", "write texts")
        return ()
    return tuple(name if key == "rules" else name.replace(" ", "") for name in listed)


def _timespan(reading: Reading, value: Any, path: PathKey = ("correlation", "timespan")) -> int:
    match = _TIMESPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        reading.problem(path, f"bad {path[-1]} {value!r}", "write a number and s, m, h or d, such as 5m")
        return 0
    return int(match.group(1)) * _SECONDS[match.group(2)]


_OURS = ("suppress", "risk", "also")


def _ours(reading: Reading, found: Correlation) -> None:
    """The key `logweir`, which no specification knows."""
    ours, path = reading.document.value.get("logweir", {}), ("logweir",)
    if not isinstance(ours, Mapping):
        reading.problem(path, "`logweir` is a mapping", "write `logweir: {suppress: 1h}`")
        return
    for key in ours.keys() - set(_OURS):
        reading.problem((*path, key), f"unknown key {key!r}", nearest(str(key), _OURS))
    if "suppress" in ours:
        found.suppress_seconds = _timespan(reading, ours["suppress"], (*path, "suppress"))
    if "also" in ours:
        found.also = _also(reading, ours["also"], found, (*path, "also"))
    said = ours.get("risk")
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        found.risk_score = values.number(said)
    elif "risk" in ours:
        found.risk = risk.read(reading, said, (*path, "risk"), lambda value, at: _timespan(reading, value, at))
    if found.rules == ("any",):
        found.is_over_all, found.rules = True, ()
        if found.risk is None:
            reading.problem(
                ("correlation", "rules"), "`any` is for correlations of risk", "list rules, or add `logweir: {risk: {}}`"
            )


def _also(reading: Reading, value: Any, found: Correlation, path: PathKey) -> Also | None:
    named = value.get("field") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(named, str) or not {"gt", "gte", "field"}.issuperset(value):
        reading.problem(path, "`also` has a `field`, and `gt` or `gte`", "write `also: {field: risk.rule, gte: 4}`")
        return None
    limits = tuple((op, n) for op in ("gt", "gte") if op in value and (n := values.number(value[op])) is not None)
    only_more = all(operator in ("gt", "gte") for operator, _ in found.condition)
    if not limits or found.type != "value_count" or not only_more:
        reading.problem(path, "`also` is a number of values beside a value_count with `gt` or `gte`", "write `gte: 4`")
    return Also(named.replace(" ", ""), limits)


def _aliases(reading: Reading, value: Any) -> dict[str, dict[str, str]]:
    if value is None:
        return {}
    whole = isinstance(value, Mapping) and all(
        isinstance(table, Mapping) and all(isinstance(field, str) for field in table.values()) for table in value.values()
    )
    if not whole:
        reading.problem(("correlation", "aliases"), "aliases map a name to {rule: field}", "see the specification")
        return {}
    return {str(a): {str(r): f.replace(" ", "") for r, f in table.items()} for a, table in value.items()}


def _condition(
    reading: Reading, value: Any, kind: str
) -> tuple[Comparison, tuple[str, ...], Decimal | None, BoolCondition | None]:
    path = ("correlation", "condition")
    temporal = kind.startswith("temporal")
    if temporal and isinstance(value, str):
        return (), (), None, _expression(reading, value)
    if temporal and value is None:
        return (), (), None, None
    if not isinstance(value, Mapping):
        reading.problem(path, f"`{kind}` needs a condition", "write for example `condition: {gte: 10}`")
        return (), (), None, None
    for key in value.keys() - {*_OPERATORS, "field", "percentile"}:
        reading.problem((*path, key), f"unknown key {key!r}", nearest(str(key), (*_OPERATORS, "field", "percentile")))
    comparison = tuple(
        (op, number) for op in _OPERATORS if op in value and (number := _number(reading, op, value[op])) is not None
    )
    if not comparison:
        reading.problem(path, "the condition compares with nothing", f"use one of {', '.join(_OPERATORS)}")
    return comparison, _value_fields(reading, value.get("field"), kind), _percentile(reading, value, kind), None


def _number(reading: Reading, operator: str, value: Any) -> Decimal | None:
    number = None if isinstance(value, (bool, str)) or not isinstance(value, (int, float)) else values.number(value)
    if number is None:
        reading.problem(("correlation", "condition", operator), f"{value!r} is no number", "write a number without quotes")
    return number


def _value_fields(reading: Reading, value: Any, kind: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    path = ("correlation", "condition", "field") if value is not None else ("correlation", "condition")
    if not all(isinstance(name, str) and name for name in listed):
        reading.problem(path, "`field` names a field", "write its name")
        return ()
    if kind.startswith("value_") and not listed:
        reading.problem(path, f"`{kind}` needs `field`", "name the field whose values count")
    if not kind.startswith("value_") and listed:
        reading.problem(path, f"`{kind}` has no `field`", "use value_count to count distinct values")
    if len(listed) > 1 and kind != "value_count":
        reading.problem(path, "only value_count takes several fields", "name one field")
    return tuple(name.replace(" ", "") for name in listed)


def _percentile(reading: Reading, value: Mapping[str, Any], kind: str) -> Decimal | None:
    path = ("correlation", "condition", "percentile")
    wanted = value.get("percentile")
    if kind != "value_percentile":
        if wanted is not None:
            reading.problem(path, f"`{kind}` has no percentile", "use value_percentile")
        return None
    number = values.number(wanted) if isinstance(wanted, (int, float)) and not isinstance(wanted, bool) else None
    if number is None or not 0 <= number <= 100:
        reading.problem(
            path if wanted is not None else path[:-1], "value_percentile needs `percentile`", "a number from 0 to 100"
        )
    return number


def _expression(reading: Reading, text: str) -> BoolCondition | None:
    operators = conditions.Operators[BoolCondition](
        name=lambda token: BoolCondition("rule", (token.text,)),
        of=None,
        negate=lambda child: BoolCondition("not", (child,)),
        all_of=lambda parts: parts[0] if len(parts) == 1 else BoolCondition("and", tuple(parts)),
        any_of=lambda parts: parts[0] if len(parts) == 1 else BoolCondition("or", tuple(parts)),
    )
    try:
        return conditions.Grammar(text, operators).parse()
    except Refused as refused:
        at = f" (character {refused.offset + 1})" if refused.offset is not None else ""
        reading.problem(("correlation", "condition"), refused.text + at, refused.remedy)
        return None


def in_expression(expression: BoolCondition | None) -> tuple[str, ...]:
    """The rules that a boolean condition names, as written."""
    if expression is None:
        return ()
    if expression.operator == "rule":
        return (str(expression.parts[0]),)
    return tuple(name for part in expression.parts for name in in_expression(part))
