"""Reading and removing a dotted field of an event, through lists and through keys that themselves hold dots."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

import orjson

from router.batch import Event

Getter: TypeAlias = Callable[[Event], Any]


def getter(name: str) -> Getter:
    """event -> the value at a dotted name: None if absent, a list where a list stands on the way."""
    parts = name.split(".")
    ways = _ways(tuple(parts))
    if len(parts) == 2:
        first, last = parts

        def get_below(event: Event) -> Any:
            value = event.get(first)
            return value[last] if value.__class__ is dict and last in value else _sought(event, ways)

        return get_below

    def get(event: Event) -> Any:
        value: Any = event
        for part in parts:
            if type(value) is dict and part in value:
                value = value[part]
            else:
                return _sought(event, ways)
        return value

    return get


Ways: TypeAlias = tuple[tuple[str, "Ways | None"], ...]
"""How a dotted name may go on below an object: each key that it may have there, and what follows; None: nothing."""


@cache
def _ways(parts: tuple[str, ...]) -> Ways:
    return tuple((".".join(parts[:i]), _ways(parts[i:]) if i < len(parts) else None) for i in range(1, len(parts) + 1))


def _sought(value: Any, ways: Ways) -> Any:
    """The slow way, for lists and dotted keys: the only value found, or a list of them, or None."""
    found: list[Any] = []
    _search(value, ways, found)
    return found[0] if len(found) == 1 else found or None


def _search(value: Any, ways: Ways, found: list[Any]) -> None:
    if type(value) is list:
        for item in value:
            _search(item, ways, found)
    elif type(value) is dict:
        for key, below in ways:
            if key not in value:
                continue
            if below is None:
                found.append(value[key])
            else:
                _search(value[key], below, found)


def hashable(value: Any) -> Any:
    """The value as part of a key; documents and lists become their canonical JSON."""
    if isinstance(value, (dict, list)):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return value


def change(value: Any, parts: Sequence[str], edit: Callable[[dict[str, Any], str], bool]) -> bool:
    """Call `edit(parent, key)` for every place that a dotted name has in an event. Whether any of them changed something."""
    if isinstance(value, list):
        return sum(change(item, parts, edit) for item in value) > 0
    changed = False
    for i in range(1, len(parts) + 1) if isinstance(value, dict) else ():
        key = ".".join(parts[:i])
        if key in value:
            changed |= edit(value, key) if i == len(parts) else change(value[key], parts[i:], edit)
    return changed


def place(document: Event, name: str, value: Any) -> None:
    """Set a dotted name in a nested document, unless something else stands on the way."""
    *parents, last = name.split(".")
    below: Any = document
    for part in parents:
        below = below.setdefault(part, {})
        if not isinstance(below, dict):
            return
    below.setdefault(last, value)
