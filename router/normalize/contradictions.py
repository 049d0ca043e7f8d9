"""Cases that no record reaches: what they ask for cannot hold together, or not inside of the case or branch around them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any, NamedTuple

import orjson

from router.documents import PathKey
from router.normalize import coerce, schema
from router.normalize.conditions import KINDS, MODIFIERS, ORDERS, key_parts, ordering, text_test
from router.normalize.definition import Definition
from router.normalize.expressions import Ref, parse, reference
from router.normalize.steps import keys_of

_MOST = 64
"""Ways in which a condition can hold; one with more is not looked into."""


class Asked(NamedTuple):
    """What a condition asks of one field."""

    field: Ref
    holds: Callable[[str | None], bool]
    """For this text; None: it is not there."""
    only: frozenset[str] | None
    """The texts for which it can hold, absent and empty aside; None: any."""
    folded: bool
    at: PathKey
    said: str
    """As the file has it."""


Way = tuple[Asked, ...]
"""All of these hold."""


def lint_reach(definition: Definition) -> None:
    """Add the problems to the definition."""
    value = definition.value
    kept = _of_key("not", value["ignore"], ("ignore",)) if "ignore" in value else [()]
    accepted = _inside(definition, list(kept), list(_ways(value.get("accept"), ("accept",))))
    _block(definition, value, (), accepted)


def _block(definition: Definition, block: dict[Any, Any], at: PathKey, around: Sequence[Way]) -> None:
    cases = block.get("cases")
    for i, case in enumerate(cases if isinstance(cases, list) else ()):
        if isinstance(case, dict):
            place = (*at, "cases", i)
            _block(definition, case, place, _inside(definition, around, list(_ways(case.get("when"), (*place, "when")))))
    switches = block.get("switch")
    for i, switch in enumerate(switches if isinstance(switches, list) else [switches]):
        if isinstance(switch, dict) and isinstance(switch.get("cases"), dict):
            _switch(definition, switch, (*at, "switch", i) if isinstance(switches, list) else (*at, "switch"), around)


def _switch(definition: Definition, switch: dict[Any, Any], at: PathKey, around: Sequence[Way]) -> None:
    field = _one_field(switch.get("on"))
    known: list[str] = []
    for key, inner in switch["cases"].items():
        place = (*at, "cases", key)
        texts = keys_of(key)
        known += texts
        way = (_among(field, texts, False, place, f"{switch['on']}: {key}"),) if field is not None else ()
        if isinstance(inner, dict):
            _block(definition, inner, place, _inside(definition, around, [way]))
    if isinstance(switch.get("default"), dict):
        place = (*at, "default")
        other = _among(field, known, True, place, f"{switch['on']}: another value") if field is not None else None
        _block(definition, switch["default"], place, _inside(definition, around, [(other,) if other else ()]))


def _one_field(on: Any) -> Ref | None:
    """The field of the record that a switch goes by, as it is written there."""
    try:
        (choice,) = parse(on).choices
        (field,) = choice.refs
    except ValueError:
        return None
    return field if field.kind == "record" and not choice.pipes and "*" not in field.path else None


def _inside(definition: Definition, around: Sequence[Way], own: Sequence[Way]) -> list[Way]:
    """The ways to be in a case; a problem for each of its own that leads nowhere."""
    outer = [tuple(asked for asked in way if asked.field.kind != "document") for way in around]  # blocks change the document
    reached: list[Way] = []
    for way in own:
        ways = [(*before, *way) for before in outer]
        clashes = [_clash(asked) for asked in ways]
        reached += [asked for asked, clash in zip(ways, clashes, strict=True) if clash is None]
        if clashes and None not in clashes:
            _tell(definition, clashes[0] or ())
    return reached[:_MOST] if 0 < len(reached) <= _MOST else [()]


def _tell(definition: Definition, clash: Way) -> None:
    *others, last = clash
    text = f"no record comes here: `{last.said}` goes with no `{others[0].said}`" if others else "no record comes here"
    name = last.said.partition(":")[0].partition("|")[0]
    definition.problem(last.at, text, f"correct one of them, or take it out; where {name} is a list, ask {name}|all: [...]")


def _clash(way: Way) -> Way | None:
    """Of what is asked, what cannot hold together; None where all of it can."""
    for field in dict.fromkeys(asked.field for asked in way):
        of_field = [asked for asked in way if asked.field == field]
        if not _possible(of_field):
            return next((pair for pair in combinations(of_field, 2) if not _possible(pair)), tuple(of_field))
    return None


def _possible(asked: Sequence[Asked]) -> bool:
    """Is there a value of the field for which all of it holds? True where that is not certain."""
    folded = all(one.folded for one in asked)
    listed = [one.only for one in asked if one.only is not None and (folded or not one.folded or not one.only)]
    candidates: list[str | None] = [None, "", *min(listed, key=len)] if listed else []
    return not listed or any(all(one.holds(value) for one in asked) for value in candidates)


def _ways(when: Any, at: PathKey) -> Iterable[Way]:
    """The ways in which a condition can hold."""
    if isinstance(when, list):
        return [way for i, item in enumerate(when) for way in _ways(item, (*at, i))]
    if not isinstance(when, dict):
        return [()]
    parts = [list(_of_key(key, value, (*at, key))) for key, value in when.items()]
    found: list[Way] = []
    for chosen in product(*parts):
        found.append(tuple(asked for way in chosen for asked in way))
        if len(found) > _MOST:
            return [()]
    return found


def _of_key(key: Any, value: Any, at: PathKey) -> Iterable[Way]:
    if key == "or":
        return _ways(value if isinstance(value, list) else [value], at)
    if key == "not":
        inner = list(_ways(value, at))
        single = inner[0] if len(inner) == 1 and len(inner[0]) == 1 and isinstance(value, dict) and len(value) == 1 else ()
        return [tuple(_negated(asked, f"not {asked.said}") for asked in single)]
    asked = _asked(str(key), value, at)
    return [(asked,) if asked is not None else ()]


def _negated(asked: Asked, said: str) -> Asked:
    holds = asked.holds
    return asked._replace(holds=lambda text: not holds(text), only=None, said=said)


def _asked(key: str, value: Any, at: PathKey) -> Asked | None:
    """What one line of a condition asks; None where that says nothing about what else can hold, or is wrong."""
    name, *modifiers = key_parts(key)
    values = value if isinstance(value, list) else [value]
    if not MODIFIERS.issuperset(modifiers) or "all" in modifiers or len(KINDS.intersection(modifiers)) > 1:
        return None
    try:
        field = reference(name.strip())
        if "*" in field.path or _is_list(field) or any(isinstance(v, (dict, list)) for v in values):
            return None
        said = f"{key}: {orjson.dumps(value, default=str).decode()}"
        found = _test(field, values, modifiers, at, said)
    except (ValueError, TypeError):
        return None
    return _negated(found, said) if "not" in modifiers else found


def _is_list(field: Ref) -> bool:
    held = schema.field(".".join(map(str, field.path))) if field.kind == "document" else None
    return held is not None and held.array


def _test(field: Ref, values: Sequence[Any], modifiers: Sequence[str], at: PathKey, said: str) -> Asked:
    kind = next((m for m in modifiers if m in KINDS), "")
    if kind == "exists":
        there = values[0] is True
        return Asked(field, lambda text: (text is not None) is there, None if there else frozenset(), True, at, said)
    fold = "i" in modifiers
    told = [coerce.text(v) or "" for v in values if v is not None]
    if kind == "":
        return _among(field, [text.lower() for text in told] if fold else told, False, at, said, fold, None in values)
    if kind in ORDERS:
        orders = [ordering(kind, v) for v in values if v is not None]
        tests: list[Callable[[str], bool]] = [partial(_compares, order=order) for order in orders]
    else:
        tests = [text_test(kind, text, fold) for text in told]
    empty = None in values
    return Asked(field, lambda text: any(t(text) for t in tests) if text else empty, None, fold, at, said)


def _compares(text: str, order: Callable[[float], bool]) -> bool:
    number = coerce.real(text)
    return number is not None and order(number)


def _among(
    field: Ref, texts: Sequence[str], other: bool, at: PathKey, said: str, fold: bool = False, empty: bool = False
) -> Asked:
    """One of these texts, or `other` than these; `empty`: or none at all."""
    known = frozenset(texts)

    def holds(text: str | None) -> bool:
        if not text and empty:
            return True
        return (text is not None and (text.lower() if fold else text) in known) is not other

    return Asked(field, holds, None if other else known, fold, at, said)
