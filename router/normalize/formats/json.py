"""JSON text: an object, or a list of objects."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from router.normalize.remembered import RememberedNames

_MAX_DEPTH = 100
_FIRST_64_BIT = 19
_MANY = 100
_BEGINS = re.compile(r"""\s*(?:\{\s*["}]|\[\s*\{)""")
"""An object, or a list of some; everything else is none, and costs an exception to find out."""
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
    level = [value]
    for _ in range(depth + 1):
        level = [
            item
            for node in level
            for item in (node.values() if type(node) is dict else node if type(node) is list else ())
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return True
    return False


def expanded(value: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} -> {"a": {"b": 1}}. A key that collides stays as it is."""
    keys = tuple(value)
    plan = _PLANS[keys] if len(keys) < _MANY else None
    if plan is not None:
        return _by_plan(value, plan) if plan else value
    dotted = [key for key in keys if "." in key]
    if not dotted:
        return value
    out, own = value.copy(), dict[str, dict[str, Any]]()
    for key in dotted:
        item = out.pop(key)
        if not _placed(out, key, item, own):
            out[key] = item
    return out


def _plan(keys: tuple[str, ...]) -> tuple[tuple[str, str, str], ...] | None:
    """(key, object, name in it) of what `_placed` does when nothing is odd: keys of two parts, objects that are not there yet."""
    made = []
    for key in keys:
        if "." in key:
            name, _, leaf = key.partition(".")
            if not name or not leaf or "." in leaf or name in keys:
                return None
            made.append((key, name, leaf))
    return tuple(made)


_PLANS = RememberedNames[tuple[tuple[str, str, str], ...] | None](_plan, 1024)


def _by_plan(value: dict[str, Any], plan: tuple[tuple[str, str, str], ...]) -> dict[str, Any]:
    out = value.copy()
    for key, name, leaf in plan:
        if name in out:
            out[name][leaf] = out.pop(key)
        else:
            out[name] = {leaf: out.pop(key)}
    return out


def _placed(out: dict[str, Any], key: str, item: Any, own: dict[str, dict[str, Any]]) -> bool:
    """`own`: the objects at the top that were made here, or copied, and may be written to."""
    first, _, leaf = key.partition(".")
    parts: Sequence[str] = ()
    if "." in leaf:
        parts = leaf.split(".")
        if len(parts) >= _MAX_DEPTH or not all(parts):
            return False
    elif not leaf:
        return False
    if not first:
        return False
    node = own.get(first)
    if node is None:
        held = out.get(first, own)
        if type(held) is not dict:
            return False
        node = out[first] = own[first] = {} if held is own else held.copy()
    for part in parts[:-1]:
        below = node.setdefault(part, {})
        if type(below) is not dict:
            return False
        node = below
    leaf = parts[-1] if parts else leaf
    if leaf in node:
        return False
    node[leaf] = item
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
    if not text.startswith('{"'):
        first = text.lstrip()[:1]
        if first in ("{", "["):
            if _BEGINS.match(text) is None:
                return None
        else:
            start = text.find("{") if find else -1
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
