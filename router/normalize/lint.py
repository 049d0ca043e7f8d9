"""What is wrong in a file although each part is right: pairs that ECS forbids, fields both mapped and dropped, missing tests."""

import re
from typing import Any

from pydantic import ValidationError

from router.documents import PathKey
from router.ingest._multiline import Multiline
from router.normalize import schema
from router.normalize.contradictions import lint_reach
from router.normalize.definition import Definition, flat
from router.normalize.expressions import Path, parse, path
from router.normalize.lint_tests import lint_tests
from router.normalize.overwriting import blocks
from router.registry import nearest
from router.wording import known_keys, worded

_ID = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_SCHEMAS = frozenset(("ecs", "ocsf"))


def lint(definition: Definition) -> None:
    """Add the problems to the definition."""
    _pairs(definition, definition.value, (), _listed(definition.value.get("const"), "event.category"))
    _dropped(definition)
    _multiline(definition)
    _head(definition)
    _unused(definition)
    lint_reach(definition)
    lint_tests(definition)


def _head(definition: Definition) -> None:
    """Keys whose value is read as it stands."""
    value = definition.value
    if value.get("id") and not _ID.fullmatch(definition.id):
        definition.problem(("id",), f"{definition.id!r} is no id", "write vendor.product in lower case, with digits and _")
    if not isinstance(value.get("null_values", []), list):
        definition.problem(("null_values",), "must be a list of texts", "write ['-', N/A]")
    each = value.get("each")
    try:
        if each is not None:
            if not isinstance(each, str):
                raise ValueError("each names one list of the record")
            path(each)
    except ValueError as error:
        definition.problem(("each",), str(error), "write each: Records")
    if "schema" in value and definition.check_keys(value["schema"], _SCHEMAS, ("schema",)):
        written = str(value["schema"].get("ecs", schema.VERSION))
        if written != schema.VERSION:
            text = f"the file is for ECS {written}; this router writes ECS {schema.VERSION}"
            definition.problem(("schema", "ecs"), text, f"look through its fields, then write {schema.VERSION}")


def _multiline(definition: Definition) -> None:
    """How a source that reads lines joins them; the same keys as in its settings."""
    if "multiline" in definition.value:
        try:
            Multiline.model_validate(definition.value["multiline"])
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                at: PathKey = ("multiline", *detail["loc"])
                known = nearest(str(at[-1]), known_keys(Multiline, ()))
                text, remedy = ("unknown key", known) if detail["type"] == "extra_forbidden" else worded(detail)
                definition.problem(at, text, remedy or "write multiline: {first: '^pattern of a first line'}")


def _unused(definition: Definition) -> None:
    """Tables that nothing looks into: mostly the other half of a change. (What cannot be read might do so.)"""
    tables = definition.value.get("tables")
    for name in tables if isinstance(tables, dict) and not definition.problems else ():
        if name not in definition.used_tables:
            definition.problem(
                ("tables", name), f"nothing uses the table {name!r}", f"write `field | table {name}`, or remove it"
            )


def _listed(block: Any, name: str) -> list[str]:
    if not isinstance(block, dict):
        return []
    for key, value in flat(block, lambda name: False):
        if key == name:
            return [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return []


def _pairs(definition: Definition, block: dict[Any, Any], at: PathKey, above: list[str]) -> None:
    """event.type against event.category, where both are written down in one block or its parents."""
    own = block.get("set", block.get("const"))
    categories = _listed(own, "event.category") or above
    appended = block.get("append")
    types = _listed(own, "event.type")
    if isinstance(appended, dict) and isinstance(appended.get("event.type"), list):
        types = [*types, *map(str, appended["event.type"])]
        more = appended.get("event.category")
        categories = [*categories, *map(str, more)] if isinstance(more, list) else categories
    known = schema.fields()["event.category"].allowed or {}
    for kind in types:
        if categories and all(c in known for c in categories) and not any(schema.pair_allowed(c, kind) for c in categories):
            allowed = sorted({k for c in categories for k in known[c]})
            text = f"event.type {kind!r} does not go with event.category {categories}"
            definition.problem((*at, "set") if at else ("const",), text, f"allowed: {' '.join(allowed)}")
    cases = block.get("cases")
    for i, case in enumerate(cases if isinstance(cases, list) else ()):
        if isinstance(case, dict):
            _pairs(definition, case, (*at, "cases", i), categories)
    switches = block.get("switch")
    for i, switch in enumerate(switches if isinstance(switches, list) else [switches]):
        if isinstance(switch, dict) and isinstance(switch.get("cases"), dict):
            place: PathKey = (*at, "switch", i) if isinstance(switches, list) else (*at, "switch")
            for key, inner in switch["cases"].items():
                if isinstance(inner, dict):
                    _pairs(definition, inner, (*place, "cases", key), categories)


def _is_path(name: str) -> bool:
    try:
        return bool(path(name))
    except ValueError:
        return False


def _dropped(definition: Definition) -> None:
    """A field that is thrown away, and mapped all the same: it, or what is below it, anywhere in the file."""
    held = definition.value.get("drop")
    dropped = held if isinstance(held, list) else []
    names = {i: path(str(name)) for i, name in enumerate(dropped) if _is_path(str(name))}
    for block in [definition.value, *blocks(definition.value)] if names else ():
        for key in ("map", "append"):
            part = block.get(key)
            for target, text in flat(part, lambda name: False) if isinstance(part, dict) else ():
                read = () if key == "append" and isinstance(text, list) else _record_paths(text)  # a list holds literals there
                for i, name in names.items():
                    if any(found[: len(name)] == name for found in read):
                        problem = f"{dropped[i]} is dropped, and mapped to {target}"
                        definition.problem(("drop", i), problem, "use consume, or take it out of one")


def _record_paths(text: Any) -> tuple[Path, ...]:
    try:
        return parse(text).record_paths
    except ValueError:
        return ()
