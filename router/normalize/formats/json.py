"""JSON text: an object, or a list of objects."""

import json
from collections.abc import Callable
from typing import Any

import orjson

_MAX_DEPTH = 100
_FIRST_64_BIT = 19
Parsed = dict[str, Any] | list[Any]


def loads(text: str) -> Any:
    """The value, or None for what is not JSON or is nested deeper than 100. NaN and integers beyond 64 bits come as text."""
    try:
        value = orjson.loads(text)
    except ValueError:
        value = _odd(text)
    opened = text.count("{") + (text.count("[") if "[" in text else 0)
    return value if opened <= _MAX_DEPTH or shallow(value) else None


def _odd(text: str) -> Any:
    """What orjson refuses and devices send: NaN, raw control characters, halves of surrogate pairs."""
    if len(text) > 1 << 20:
        return None
    try:
        return _clean(json.loads(text, parse_constant=str, parse_int=_whole, strict=False), 0)
    except (ValueError, RecursionError):
        return None


def _whole(digits: str) -> int | str:
    if len(digits) < _FIRST_64_BIT:
        return int(digits)
    return int(digits) if len(digits) < 21 and -(1 << 63) <= int(digits) < 1 << 64 else digits


def _clean(value: Any, depth: int) -> Any:
    """The same without lone surrogates, which no encoder takes."""
    if type(value) is str:
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if depth > _MAX_DEPTH:
        return None
    if type(value) is dict:
        return {_clean(key, depth): _clean(item, depth + 1) for key, item in value.items()}
    return [_clean(item, depth + 1) for item in value] if type(value) is list else value


def shallow(value: Any, depth: int = _MAX_DEPTH) -> bool:
    """Is it nested no deeper than `depth`?"""
    stack = [(value, 0)]
    while stack:
        node, level = stack.pop()
        if level > depth:
            return False
        if type(node) is dict:
            stack.extend((child, level + 1) for child in node.values() if type(child) in (dict, list))
        elif type(node) is list:
            stack.extend((child, level + 1) for child in node if type(child) in (dict, list))
    return True


def expanded(value: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} -> {"a": {"b": 1}}. A key that collides stays as it is."""
    if not any("." in key for key in value):
        return value
    out = {key: item for key, item in value.items() if "." not in key}
    for key, item in value.items():
        if "." in key and not _placed(out, key.split("."), item):
            out[key] = item
    return out


def _placed(out: dict[str, Any], parts: list[str], item: Any) -> bool:
    if len(parts) > _MAX_DEPTH or not all(parts):
        return False
    node = out
    for i, part in enumerate(parts[:-1]):
        below = node.get(part)
        if below is None and part not in node:
            below = node[part] = {}
        elif type(below) is not dict:
            return False
        elif i == 0:
            below = node[part] = dict(below)
        node = below
    if parts[-1] in node:
        return False
    node[parts[-1]] = item
    return True


def compile_json(expand: bool = False, find: bool = False) -> Callable[[Any], Parsed | None]:
    """A parser. It takes text, or a value that is parsed already; a list gives its objects."""

    def parse(text: Any) -> Parsed | None:
        value = _of_text(text, find) if type(text) is str else text
        if type(value) is dict:
            return expanded(value) if expand else value
        if type(value) is list and value and all(type(item) is dict for item in value):
            return [expanded(item) for item in value] if expand else value
        return None

    return parse


def _of_text(text: str, find: bool) -> Any:
    start = 0
    first = text.lstrip()[:1]
    if first not in ("{", "["):
        if not find:
            return None
        start = text.find("{")
        if start < 0:
            return None
    value = loads(text[start:] if start else text)
    if value is None:
        value = _lines(text[start:])
    return value


def _lines(text: str) -> Any:
    """Several documents, one a line."""
    if "\n" not in text.strip():
        return None
    values = [loads(line) for line in text.splitlines() if line.strip()]
    return values if values and all(type(value) is dict for value in values) else None
