"""What pydantic finds wrong with a setting, in words for whoever wrote it: what it must be, and how to write that."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from router.registry import nearest

_LIST = ("must be a list", "write [VALUE], or a line with a dash for each")
_MAPPING = ("must be a mapping", "write its keys below it, indented, or leave it out")
_WHOLE = ("must be a whole number", "write digits only, without a unit")
_NUMBER = ("must be a number", "write digits only, without a unit: the key's name says which it is")
_BOOLEAN = ("must be true or false", "write one of these, without quotes")
_TEXT = ("must be text", 'put it in quotes: "..."')
_PATH = ("must be a path", 'put it in quotes: "..."')
_FIXED = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), _MAPPING),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _BOOLEAN),
    **dict.fromkeys(("path_type", "path_parsing"), _PATH),
    "string_type": _TEXT,
    "missing": ("is missing", "it has no default: add the key with its value"),
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def worded(detail: ErrorDetails) -> tuple[str, str]:
    """(what is wrong, the remedy) of one of pydantic's errors. The value itself is not told: it may be a secret."""
    kind, known = detail["type"], detail.get("ctx", {})
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {known[name]:g}", "correct the number"
    if kind in ("too_short", "string_too_short"):
        return "must not be empty" if known["min_length"] == 1 else f"needs at least {known['min_length']}", "name one or more"
    if kind in ("too_long", "string_too_long"):
        noun = "characters" if kind == "string_too_long" else "items"
        return f"must have at most {known['max_length']} {noun}", "shorten it"
    if kind == "string_pattern_mismatch":
        return f"does not have the form {known['pattern']}", "correct it"
    if kind == "literal_error":
        expected = str(known["expected"])
        return f"must be {expected}", "choose one of them" if " or " in expected else f"write {expected}"
    if kind == "union_tag_invalid":
        tags = [tag.strip("' ") for tag in str(known["expected_tags"]).split(",")]
        return f"unknown kind {known['tag']!r}", nearest(str(known["tag"]), tags)
    text, _, remedy = detail["msg"].removeprefix("Value error, ").partition("; ")
    return text[:1].lower() + text[1:], remedy


def one_line(text: str) -> str:
    """Text that a sender chose, for a terminal: what could move its cursor, break the line or turn its direction is escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, noun: str) -> str:
    """`1 sink`, `2 sinks`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def causes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from others: a list all of whose items are wrong is told to be too short."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short" or not any(_is_below(place, detail["loc"]) for place in places)
    ]


def _is_below(place: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def known_keys(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a place below a model, as pydantic tells it: of a union it names the kind that was chosen."""
    models = [model]
    for part in place:
        if isinstance(part, int):  # an item of a list
            continue
        models = _chosen(models, part) if len(models) > 1 else _below(models[0], part)
        if not models:
            return []
    return sorted({name for m in models for name in _keys(m)}) if len(models) > 1 else _keys(models[0])


def _chosen(models: Sequence[type[BaseModel]], kind: str) -> list[type[BaseModel]]:
    """Those of a union that are of this kind; none where it is told apart in another way, as a plugin's may be."""
    kinds = [(m, m.model_fields.get("kind")) for m in models]
    return [m for m, field in kinds if field is not None and kind in get_args(field.annotation)]


def _below(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    fields = model.model_fields.items()
    return [m for name, field in fields if key in (name, field.alias) for m in _models(field.annotation)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of: of `tuple[Token, ...] | None` it is Token."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in get_args(annotation) for m in _models(inner)]


def _keys(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]
