"""JSON Schema of settings -> a table with every key, its type, default and description."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from router.reference.markdown import code, table

Schema = Mapping[str, Any]
_HEAD = ("key", "type", "default", "what it is")
_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "object": "mapping"}
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}
_SIZES = {"minItems": "at least", "maxItems": "at most"}


def settings_table(block: Schema, definitions: Mapping[str, Schema]) -> str:
    """The keys of one mapping; those of mappings inside it follow with a dotted name. `definitions`: what `$ref` names."""
    return table(_HEAD, _rows(block, definitions, ""))


def _rows(block: Schema, definitions: Mapping[str, Schema], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    needed = frozenset(block.get("required", ()))
    for name, value in block.get("properties", {}).items():
        default = "needed" if name in needed else _default(value)
        yield code(prefix + name), type_of(value), default, value.get("description", "")
        inner, suffix = _inner(value, definitions)
        if inner is not None:
            yield from _rows(inner, definitions, f"{prefix}{name}{suffix}.")


def _default(value: Schema) -> str:
    if value.get("default") is None or isinstance(value["default"], dict):
        return ""
    return code(json.dumps(value["default"], ensure_ascii=False))


def _inner(value: Schema, definitions: Mapping[str, Schema]) -> tuple[Schema | None, str]:
    """The mapping that a key holds, or a list of which it holds; None where it holds something plain, or a choice of mappings."""
    if "items" in value:
        inner, _ = _inner(value["items"], definitions)
        return inner, "[]"
    for option in (value, *value.get("anyOf", ())):
        if "$ref" in option:
            return definitions[option["$ref"].rpartition("/")[2]], ""
    return None, ""


def type_of(value: Schema) -> str:
    """A type in words."""
    if "anyOf" in value:
        return " or ".join(type_of(option) for option in value["anyOf"] if option.get("type") != "null")
    if "enum" in value or "const" in value:
        return " or ".join(code(choice) for choice in value.get("enum", [value.get("const")]))
    if "items" in value:
        return f"list of {type_of(value['items'])}{_bounds(value, _SIZES)}"
    if "$ref" in value or "oneOf" in value:
        return "mapping"
    return _plain(value)


def _plain(value: Schema) -> str:
    if value.get("format") == "password":
        return "secret: `${NAME}` or `${file:PATH}`"
    if value.get("format") == "path":
        return "path"
    if isinstance(value.get("additionalProperties"), dict) and value["additionalProperties"].get("type"):
        return f"mapping to {type_of(value['additionalProperties'])}"
    name = _NAMES.get(str(value.get("type")), "any")
    return name + (f" like {code(value['pattern'])}" if "pattern" in value else "") + _bounds(value, _BOUNDS)


def _bounds(value: Schema, words: Mapping[str, str]) -> str:
    found = [
        f"{word} {value[key]:g}" if value[key] < 1e6 else f"{word} {value[key]}" for key, word in words.items() if key in value
    ]
    return f", {', '.join(found)}" if found else ""


def variants(value: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The mappings that a key may hold, by the value of what tells them apart."""
    mapping = value.get("discriminator", {}).get("mapping", {})
    return {word: definitions[ref.rpartition("/")[2]] for word, ref in mapping.items()}
