"""A rule in plain words: its condition as a list with levels, and a correlation as a sentence."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from router.detect import Correlation
from router.detect.correlation import BoolCondition
from router.detect.ir import And, Atom, Not, Or, Tree, Wild

_MAX_VALUES, _MAX_LENGTH = 12, 100
_VERBS = {
    "eq": "is",
    "contains": "contains",
    "startswith": "begins with",
    "endswith": "ends with",
    "wild": "is like",
    "re": "matches",
    "cidr": "is in",
}
_COMPARED = {"lt": "below", "lte": "at most", "gt": "above", "gte": "at least", "eq": "exactly", "neq": "not"}


class Line(NamedTuple):
    """One line and how far it is moved in."""

    depth: int
    text: str
    part: Tree | list[Atom] | None = None
    """What it speaks of: a part of the condition, or atoms of which one must be true."""


def condition(tree: Tree) -> list[Line]:
    """The condition of a rule, outermost first."""
    return list(_lines(tree, 0))


def _lines(tree: Tree, depth: int) -> Iterator[Line]:
    if isinstance(tree, Atom):
        yield Line(depth, _sentence([tree]), tree)
    elif isinstance(tree, Not):
        yield from _negated(tree, depth)
    elif isinstance(tree, And):
        yield Line(depth, "all of these:", tree)
        for child in _flat(tree, And):
            yield from _lines(child, depth + 1)
    else:
        yield from _any_of(tree, depth)


def _any_of(tree: Or, depth: int) -> Iterator[Line]:
    parts = _alternatives(tree)
    several = len(parts) > 1
    if several:
        yield Line(depth, "one of these:", tree)
    for part in parts:
        below = depth + several
        yield from [Line(below, _sentence(part), part)] if isinstance(part, list) else _lines(part, below)


def _negated(tree: Not, depth: int) -> Iterator[Line]:
    first, *others = _lines(tree.child, depth)
    double = not others and first.text.startswith("not ")
    yield Line(depth, first.text.removeprefix("not ") if double else f"not {first.text}", tree)
    yield from others


def _flat(tree: And | Or, kind: type[And] | type[Or]) -> Iterator[Tree]:
    for child in tree.children:
        if isinstance(child, kind):
            yield from _flat(child, kind)
        else:
            yield child


def _alternatives(tree: Or) -> list[list[Atom] | Tree]:
    """Atoms that ask the same of one field together, in the place of the first."""
    groups: dict[object, list[Atom]] = {}
    parts: list[list[Atom] | Tree] = []
    for child in _flat(tree, Or):
        if not isinstance(child, Atom) or child.kind not in _VERBS:
            parts.append(child)
            continue
        key = child.field, child.kind, child.cased
        if key not in groups:
            groups[key] = []
            parts.append(groups[key])
        groups[key].append(child)
    return parts


def _sentence(atoms: list[Atom]) -> str:
    """What atoms of one field and kind, of which one must be true, ask."""
    first = atoms[0]
    name, payload = first.field or "the message", first.payload
    match first.kind:
        case "null":
            return f"{name} is absent or null"
        case "empty":
            return f"{name} is there and empty"
        case "exists":
            return f"{name} is there" if payload else f"{name} is not there"
        case "num" if isinstance(payload, tuple):
            return f"{name} is {_COMPARED[str(payload[0])]} {payload[1]}"
        case "time" if isinstance(payload, tuple):
            return f"the {payload[0]} of {name} is {_COMPARED[str(payload[1])]} {payload[2]}"  # type: ignore[misc]  # of three
        case "fieldref" if isinstance(payload, tuple):
            return f"{name} {_VERBS[str(payload[1])]} the value of {payload[0]}"
    case = " (upper and lower case as written)" if first.cased and first.kind != "re" else ""
    return f"{name} {_VERBS[first.kind]} {_listed([_value(a) for a in atoms])}{case}"


def _listed(values: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`, `a, b, or 17 others`."""
    if len(values) > _MAX_VALUES:
        return ", ".join(values[:_MAX_VALUES]) + f", or {len(values) - _MAX_VALUES} others"
    return " or ".join(filter(None, [", ".join(values[:-1]), values[-1]]))


def _value(atom: Atom) -> str:
    payload: Any = atom.payload
    if atom.kind == "wild":
        payload = "".join(p.value if isinstance(p, Wild) else p for p in payload)
    if atom.kind == "re":
        text = f"/{payload[0]}/{payload[1]}"
        return text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + "..."
    if atom.kind == "cidr":
        return str(payload)
    shown = str(payload) if len(str(payload)) <= _MAX_LENGTH else str(payload)[:_MAX_LENGTH] + "..."
    return "'" + shown + "'"


_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: int) -> str:
    """`5 minutes`, `1 day`."""
    size, name = next((size, name) for size, name in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {name}" + ("s" if count != 1 else "")


def correlation(found: Correlation, titles: Mapping[str, str]) -> list[Line]:
    """What a correlation waits for. `titles`: of rules, by id."""
    group = f"with the same {' and '.join(found.group_by)}, " if found.group_by else ""
    lines = [Line(0, f"{_what(found)}, {group}within {span(found.timespan_seconds)}, of:")]
    if found.is_over_all:
        return [*lines, Line(1, "whatever raises alerts"), *_besides(found, titles)]
    rules = found.rules[:_MAX_VALUES]
    lines += [Line(1, f"{titles.get(rule, 'unknown rule')} ({rule})") for rule in rules]
    if len(found.rules) > len(rules):
        lines.append(Line(1, f"and {len(found.rules) - len(rules)} others"))
    return [*lines, *_besides(found, titles)]


def _besides(found: Correlation, titles: Mapping[str, str]) -> list[Line]:
    lines = []
    if found.also is not None:
        number = " and ".join(f"{_COMPARED[operator]} {wanted}" for operator, wanted in found.also.condition)
        lines.append(Line(0, f"and {number} different values of {found.also.field} in them"))
    if found.expression is not None:
        lines.append(Line(0, f"so that: {_boolean(found.expression, {**titles, **_by_name(found, titles)})}"))
    for alias, table in found.aliases.items():
        places = ", ".join(f"{field} of {titles.get(rule, rule)}" for rule, field in table.items())
        lines.append(Line(0, f"{alias} is {places}"))
    if found.suppress_seconds:
        lines.append(Line(0, f"and again only after {span(found.suppress_seconds)} of quiet"))
    return lines


def _by_name(found: Correlation, titles: Mapping[str, str]) -> dict[str, str]:
    return {name: titles.get(rule, name) for name, rule in found.names.items()}


def _what(found: Correlation) -> str:
    number = " and ".join(f"{_COMPARED[operator]} {wanted}" for operator, wanted in found.condition)
    fields = ", ".join(found.fields)
    match found.type:
        case "event_count":
            return f"{number} matches"
        case "value_count":
            return f"{number} different values of {fields} in matches"
        case "value_sum" | "value_avg" | "value_median":
            noun = {"value_sum": "sum", "value_avg": "average", "value_median": "median"}[found.type]
            return f"a {noun} of {fields} {number} in matches"
        case "value_percentile":
            return f"a percentile {found.percentile} of {fields} {number} in matches"
    order = ", in this order" if found.type == "temporal_ordered" else ""
    if found.expression is not None:
        return f"matches{order}"
    return f"{number} different rules" + order if number else f"a match of each{order}"


def _boolean(expression: BoolCondition, titles: Mapping[str, str]) -> str:
    if expression.operator == "rule":
        return f"[{titles.get(str(expression.parts[0]), expression.parts[0])}]"
    parts: Iterable[str] = [_boolean(part, titles) for part in expression.parts]
    if expression.operator == "not":
        return f"not {next(iter(parts))}"
    return "(" + f" {expression.operator} ".join(parts) + ")"
