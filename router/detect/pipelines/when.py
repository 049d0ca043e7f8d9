"""When a step of a pipeline applies: conditions on the rule, on an item, on a field's name (pySigma, "Conditions")."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.detect import conditions
from router.detect.ir import Refused, Wild
from router.detect.items import Item
from router.detect.pipelines.subject import Subject
from router.detect.rules import LEVELS
from router.registry import nearest

RuleTest: TypeAlias = Callable[[Subject], bool]
ItemTest: TypeAlias = Callable[[Subject, Item], bool]
NameTest: TypeAlias = Callable[[Subject, str | None], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
_STATUSES = ("unsupported", "deprecated", "experimental", "test", "stable")


@dataclass(frozen=True, slots=True)
class When:
    """All three kinds of conditions of one step."""

    rule: RuleTest
    item: ItemTest
    name: NameTest
    on_document_alone: bool
    """Whether the rule's conditions hang on nothing that other steps do."""


def when(step: Mapping[str, Any]) -> When:
    """The conditions of a step. Raises Refused."""
    by_rule = _joined(step, "rule", _RULE)
    by_item = _joined(step, "detection_item", _ITEM)
    by_name, by_names = _joined(step, "field_name", _NAME), _joined(step, "field_name", _OF_ITEM)
    alone = {"logsource", "tag", "rule_attribute", "is_sigma_rule", "is_sigma_correlation_rule"}
    return When(
        lambda subject: by_rule((subject,)),
        lambda subject, item: by_item((subject, item)) and by_names((subject, item)),
        lambda subject, name: by_name((subject, name)),
        all(condition.get("type") in alone for condition in _listed(step, "rule").values()),
    )


Test: TypeAlias = Callable[[tuple[Any, ...]], bool]
Maker: TypeAlias = Callable[[Mapping[str, Any]], Callable[..., bool]]


def _listed(step: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    given = step.get(f"{kind}_conditions", ())
    named = given.items() if isinstance(given, Mapping) else enumerate(given, 1) if isinstance(given, Sequence) else None
    if named is None or isinstance(given, str):
        raise Refused(f"`{kind}_conditions` is a list, or a mapping of names", "write a list of conditions")
    found = {str(name): condition for name, condition in named}
    if not all(isinstance(condition, Mapping) for condition in found.values()):
        raise Refused(f"`{kind}_conditions` holds mappings", "write `- type: ...` for each")
    return found


def _joined(step: Mapping[str, Any], kind: str, known: Mapping[str, Maker]) -> Test:
    """One test of all conditions of a kind; without any it is true."""
    tests = {name: _test(condition, known) for name, condition in _listed(step, kind).items()}
    if not tests:
        return lambda asked: True
    expression, word = step.get(f"{kind}_cond_expr"), step.get(f"{kind}_cond_op", "and")
    if word not in ("and", "or"):
        raise Refused(f"`{kind}_cond_op` is `and` or `or`, not {word!r}", "write one of them")
    every = any if word == "or" else all
    whole = _expression(str(expression), tests) if expression else lambda asked: every(test(asked) for test in tests.values())
    return (lambda asked: not whole(asked)) if step.get(f"{kind}_cond_not") else whole


def _expression(text: str, tests: Mapping[str, Test]) -> Test:
    def name(token: conditions.Token) -> Test:
        if token.text not in tests:
            raise Refused(f"no condition is named {token.text!r}", nearest(token.text, list(tests)), token.offset)
        return tests[token.text]

    build = conditions.Operators[Test](
        name=name,
        of=None,
        negate=lambda test: lambda asked: not test(asked),
        all_of=lambda parts: lambda asked: all(part(asked) for part in parts),
        any_of=lambda parts: lambda asked: any(part(asked) for part in parts),
    )
    return conditions.Grammar(text, build).parse()


def _test(condition: Mapping[str, Any], known: Mapping[str, Maker]) -> Test:
    kind = str(condition.get("type"))
    if kind not in known:
        raise Refused(f"unknown condition {kind!r}", nearest(kind, list(known)))
    try:
        made = known[kind]({key: value for key, value in condition.items() if key != "type"})
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise Refused(f"condition {kind!r} is not complete: {error!r}", "see pySigma's documentation of it") from error
    return lambda asked: made(*asked)


def _logsource(c: Mapping[str, Any]) -> RuleTest:
    wanted = {part: str(name).lower() for part, name in c.items() if name is not None}
    if not wanted or wanted.keys() - {"category", "product", "service"}:
        raise ValueError("name a category, product or service")
    return lambda subject: any(all(getattr(s, part) == name for part, name in wanted.items()) for s in subject.logsources)


def _contains_field(c: Mapping[str, Any]) -> RuleTest:
    wanted = _plain(c["field"])
    return lambda subject: any(item.field is not None and item.field == wanted for item in subject.items())


def _contains_item(c: Mapping[str, Any]) -> RuleTest:
    wanted, value = _plain(c["field"]), c["value"]
    return lambda subject: any(
        i.field == wanted and any(_same(i, n, value) for n in range(len(i.values))) for i in subject.items()
    )


def _plain(field: Any) -> str:
    return str(field).replace(" ", "")


def _attribute(c: Mapping[str, Any]) -> RuleTest:
    """Texts are equal or not; levels and statuses have an order; of a list, `in` and `not_in` say what it holds."""
    name, value, how = c["attribute"], c["value"], c.get("op", "eq")
    scale = {"level": LEVELS, "status": _STATUSES}.get(name)
    if (
        how not in (*_COMPARE, "in", "not_in")
        or (scale and value not in scale)
        or (not scale and how in ("gt", "gte", "lt", "lte"))
    ):
        raise ValueError(f"{how} {value!r} of {name!r}")

    def test(subject: Subject) -> bool:
        there = subject.document.get(name)
        if there is None:
            return False
        if isinstance(there, list):
            return {"in": value in there, "not_in": value not in there, "ne": True}.get(how, False)
        if scale:
            return there in scale and _COMPARE[how](scale.index(there), scale.index(value))
        return _COMPARE[how](str(there), str(value)) if how in _COMPARE else False

    return test


def _tag(c: Mapping[str, Any]) -> RuleTest:
    wanted = str(c["tag"]).lower()
    return lambda subject: wanted in [str(tag).lower() for tag in subject.document.get("tags") or ()]


def _state(c: Mapping[str, Any]) -> Callable[..., bool]:
    key, value, compare = c["key"], c["val"], _COMPARE[c.get("op", "eq")]
    return lambda subject, *_: key in subject.state and compare(subject.state[key], value)


def _applied(c: Mapping[str, Any]) -> RuleTest:
    wanted = c["processing_item_id"]
    return lambda subject: wanted in subject.applied


def _item_applied(c: Mapping[str, Any]) -> ItemTest:
    wanted = c["processing_item_id"]
    return lambda subject, item: wanted in item.applied


_RULE: dict[str, Maker] = {
    "logsource": _logsource,
    "contains_field": _contains_field,
    "contains_detection_item": _contains_item,
    "is_sigma_rule": lambda c: lambda subject: not subject.is_correlation,
    "is_sigma_correlation_rule": lambda c: lambda subject: subject.is_correlation,
    "rule_attribute": _attribute,
    "tag": _tag,
    "processing_state": _state,
    "processing_item_applied": _applied,
}


def text_of(item: Item, number: int) -> str | None:
    """One value as a Sigma string, wildcards as signs; None where it is none."""
    atoms = item.values[number]
    if not isinstance(item.written[number], str) or len(atoms) != 1:
        return None
    payload: Any = atoms[0].payload
    match atoms[0].kind:
        case "eq":
            return str(payload)
        case "contains":
            return f"*{payload}*"
        case "startswith":
            return f"{payload}*"
        case "endswith":
            return f"*{payload}"
        case "wild":
            return "".join(part.value if isinstance(part, Wild) else part for part in payload)
        case "empty":
            return ""
    return None


def _same(item: Item, number: int, value: Any) -> bool:
    """Whether a value is this very one, of the same type."""
    given = item.written[number]
    if isinstance(value, str):
        return text_of(item, number) == value
    return type(given) is type(value) and given == value and [a.kind for a in item.values[number]] in (["eq"], ["null"])


def _of_values(c: Mapping[str, Any], test: Callable[[Item, int], bool]) -> ItemTest:
    every = {"any": any, "all": all}[c["cond"]]
    return lambda subject, item: every(test(item, n) for n in range(len(item.values)))


def _match_string(c: Mapping[str, Any]) -> ItemTest:
    pattern, negated = re.compile(c["pattern"]), bool(c.get("negate", False))
    return _of_values(c, lambda item, n: bool((text := text_of(item, n)) is not None and pattern.match(text)) is not negated)


def _wildcard(item: Item, number: int) -> bool:
    text = text_of(item, number)
    return text is not None and item.values[number][0].kind not in ("eq", "empty")


_ITEM: dict[str, Maker] = {
    "match_string": _match_string,
    "match_value": lambda c: _of_values(c, lambda item, n, value=c["value"]: _same(item, n, value)),  # type: ignore[misc]  # bound
    "contains_wildcard": lambda c: _of_values(c, _wildcard),
    "is_null": lambda c: _of_values(c, lambda item, n: item.written[n] is None),
    "processing_state": _state,
    "processing_item_applied": _item_applied,
}


def _fields(c: Mapping[str, Any]) -> NameTest:
    """Names as they are, or regular expressions that match from the start on."""
    fields = c["fields"]
    if not isinstance(fields, list) or c.get("mode", "plain") not in ("plain", "re"):
        raise ValueError("`fields` is a list, `mode` is plain or re")
    if c.get("mode") == "re":
        patterns = [re.compile(field) for field in fields]
        return lambda subject, name: name is not None and any(pattern.match(name) for pattern in patterns)
    known = frozenset(map(_plain, fields))
    return lambda subject, name: name in known


def _not_fields(c: Mapping[str, Any]) -> NameTest:
    among = _fields(c)
    return lambda subject, name: not among(subject, name)


_NAME: dict[str, Maker] = {"include_fields": _fields, "exclude_fields": _not_fields, "processing_state": _state}


def _of_item(maker: Maker) -> Maker:
    """A condition on names, asked about an item: of its field, and of the fields that it is compared with."""

    def made(c: Mapping[str, Any]) -> ItemTest:
        test = maker(c)
        return lambda subject, item: any(test(subject, name) for name in (item.field, *referred(item)))

    return made


def referred(item: Item) -> list[str]:
    """The fields that an item is compared with."""
    payloads: list[Any] = [atom.payload for listed in item.values for atom in listed if atom.kind == "fieldref"]
    return [payload[0] for payload in payloads]


_OF_ITEM = {kind: _of_item(maker) for kind, maker in _NAME.items()}
