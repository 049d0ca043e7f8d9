"""pySigma's reading of a rule as a tree of ours: the independent half of the comparison. Only tests import this."""

from decimal import Decimal
from typing import Any

from sigma import conditions as ps
from sigma import types as pt
from sigma.rule import SigmaRule

from router.detect.ir import And, Atom, Not, Or, Tree, Wild

_WILD = {pt.SpecialChars.WILDCARD_MULTI: Wild.MANY, pt.SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_FLAGS = {"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}


def tree_of(rule: SigmaRule) -> Tree:
    """The OR of the rule's conditions."""
    trees = [_tree(condition.parsed) for condition in rule.detection.parsed_condition]
    return trees[0] if len(trees) == 1 else Or(tuple(trees))


def _tree(node: Any) -> Tree:
    if isinstance(node, ps.ConditionNOT):
        return Not(_tree(node.args[0]))
    if isinstance(node, ps.ConditionAND):
        return And(tuple(map(_tree, node.args)))
    if isinstance(node, ps.ConditionOR):
        return Or(tuple(map(_tree, node.args)))
    field = node.field.replace(" ", "") if isinstance(node, ps.ConditionFieldEqualsValueExpression) else None
    return _value(field, node.value)


def _value(field: str | None, value: Any) -> Tree:
    match value:
        case pt.SigmaExpansion():
            return Or(tuple(_value(field, v) for v in value.values))
        case pt.SigmaString():
            return _string(field, value)
        case pt.SigmaTimestampPart():
            return _time(field, "eq", value)
        case pt.SigmaNumber():
            return Atom(field, "eq" if field else "contains", str(value.number))
        case pt.SigmaBool():
            return Atom(field, "eq", str(value.boolean).lower())
        case pt.SigmaNull():
            return Atom(field, "null", None)
        case pt.SigmaExists():
            return Atom(field, "exists", value.exists)
        case pt.SigmaRegularExpression():
            flags = "".join(sorted(_FLAGS[f.name] for f in value.flags))
            return Atom(field, "re", (value.regexp.original, flags), cased=True)
        case pt.SigmaCIDRExpression():
            return Atom(field, "cidr", str(value.network))
        case pt.SigmaCompareExpression() if isinstance(value.number, pt.SigmaTimestampPart):
            return _time(field, value.op.name.lower(), value.number)
        case pt.SigmaCompareExpression():
            return Atom(field, "num", (value.op.name.lower(), Decimal(str(value.number.number))))
        case pt.SigmaFieldReference():
            sides = (value.starts_with, value.ends_with)
            mode = {(False, False): "eq", (True, False): "startswith", (False, True): "endswith", (True, True): "contains"}[sides]
            return Atom(field, "fieldref", (value.field, mode))
    raise AssertionError(f"not mapped: {value!r}")


def _time(field: str | None, operator: str, part: Any) -> Atom:
    return Atom(field, "time", (part.timestamp_part.name.lower(), operator, Decimal(str(part.number))))


def _string(field: str | None, value: Any) -> Atom:
    parts: list[str | Wild] = [_WILD.get(p, p) for p in value.s]
    stars = [p for i, p in enumerate(parts) if not (p is Wild.MANY and i and parts[i - 1] is Wild.MANY)]
    if field is None:
        stars = [Wild.MANY, *(p for p in stars[:1] if p is not Wild.MANY), *stars[1:]]
        stars += [] if stars[-1] is Wild.MANY else [Wild.MANY]
    cased = isinstance(value, pt.SigmaCasedString)
    literals = [p for p in stars if isinstance(p, str)]
    shape = "".join("l" if isinstance(p, str) else p.value for p in stars)
    kind = {"": "empty", "l": "eq", "*l": "endswith", "l*": "startswith", "*l*": "contains"}.get(shape)
    if kind == "empty":
        return Atom(field, "empty", None)
    return Atom(field, kind, literals[0], cased) if kind else Atom(field, "wild", tuple(stars), cased)  # type: ignore[arg-type]  # a Kind
