"""Reads an ECS document for another schema, in that schema's types; remembers what was taken, so that the rest can be kept."""

import calendar
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from router.batch import Event

_MOST = 2.0**63
Convert = Callable[[Any], Any]
"""A value in the type that is wanted; None where it does not fit."""

_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\Z")
_EMAIL = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9.-]+\Z")


class Reading:
    """One document. `get` looks; `take` looks and marks as represented."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._nodes: dict[str, Event | None] = {"": event}
        self._taken: list[str] = []
        self.told: dict[str, Any] = {}
        """What was worked out about the document and is asked again: its action's words, its types."""

    def get(self, path: str) -> Any:
        """The value at a dotted path; None where there is none."""
        prefix, leaf = _CUTS.get(path) or _cut(path)
        node = self.node(prefix)
        return node.get(leaf) if node is not None else None

    def node(self, prefix: str) -> Event | None:
        """The object at a dotted path; None where there is none. Looked up once."""
        if prefix in self._nodes:
            return self._nodes[prefix]
        above, leaf = _CUTS.get(prefix) or _cut(prefix)
        parent = self.node(above)
        found = parent.get(leaf) if parent is not None else None
        node = self._nodes[prefix] = found if type(found) is dict else None
        return node

    def take(self, path: str, convert: Convert | None = None) -> Any:
        """The value in a type. A list of one counts as its item where a single value is wanted."""
        value = self.get(path)
        if value is None:
            return None
        if convert is not None:
            whole = convert(value)
            if whole is None and type(value) is list and value:
                whole = convert(value[0])
                if len(value) > 1:
                    return whole  # the other items are not represented
            value = whole
        if value is not None:
            self._taken.append(path)
        return value

    def first(self, paths: Iterable[str], convert: Convert | None = None) -> Any:
        """The first of several fields that holds something that fits."""
        return next((value for path in paths if (value := self.take(path, convert)) is not None), None)

    def used(self, *paths: str) -> None:
        """These are represented (or follow from what is)."""
        self._taken += paths

    def mark(self) -> int:
        """A point to which `reset` can return."""
        return len(self._taken)

    def reset(self, mark: int) -> None:
        """Nothing taken since `mark` counts."""
        del self._taken[mark:]

    def left(self) -> Event:
        """What was not taken, as a document of its own; the one read is not changed."""
        taken = _tree(self._taken)
        return _without(self.event, taken)


_CUTS: dict[str, tuple[str, str]] = {}
"""Paths cut before their last name. They come from code alone, so there are only so many."""


def _cut(path: str) -> tuple[str, str]:
    prefix, _, leaf = path.rpartition(".")
    _CUTS[path] = prefix, leaf
    return prefix, leaf


@lru_cache(4096)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _tree(paths: Iterable[str]) -> dict[str, Any]:
    """{"a": {"b": None}}; None: all of it."""
    tree: dict[str, Any] = {}
    for path in paths:
        *parents, leaf = _steps(path)
        node = tree
        for step in parents:
            below = node.setdefault(step, {})
            if below is None:
                break
            node = below
        else:
            node[leaf] = None
    return tree


def _without(node: Event, taken: dict[str, Any]) -> Event:
    kept: Event = {}
    for key, value in node.items():
        if key not in taken:
            kept[key] = value
        elif taken[key] is not None:
            below = _without(value, taken[key]) if type(value) is dict else value
            if below != {}:
                kept[key] = below
    return kept


def text(value: Any) -> str | None:
    """Text that says something; numbers and truth values as JSON writes them."""
    if type(value) is str:
        return value or None
    if type(value) is bool:
        return "true" if value else "false"
    return str(value) if type(value) in (int, float) else None


def integer(value: Any) -> int | None:
    """A whole number, from its text too; none that JSON writers cannot write."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) < _MOST:
        return int(value)
    if type(value) is str and len(value) < 20 and value.isascii() and value.lstrip("-").isdigit():
        try:
            return int(value)
        except ValueError:
            return None
    return None


def number(value: Any) -> float | None:
    """A number, not a truth value."""
    return value if type(value) in (int, float) else None


def boolean(value: Any) -> bool | None:
    """A truth value."""
    return value if type(value) is bool else None


def port(value: Any) -> int | None:
    """0 to 65535."""
    found = integer(value)
    return found if found is not None and 0 <= found <= 65_535 else None


@lru_cache(8192)
def _is_address(value: str) -> bool:
    try:
        inet_pton(AF_INET6 if ":" in value else AF_INET, value)
    except (OSError, ValueError):
        return False
    return len(value) <= 40


def ip(value: Any) -> str | None:
    """An address of version 4 or 6, without a zone."""
    return value if type(value) is str and _is_address(value) else None


def not_ip(value: Any) -> str | None:
    """Text that is no address: a name."""
    found = text(value)
    return found if found is not None and not _is_address(found) else None


def mac(value: Any) -> str | None:
    """A hardware address of 48 bits."""
    return value if type(value) is str and _MAC.match(value) else None


def email(value: Any) -> str | None:
    """An address as `local@domain.tld`."""
    return value if type(value) is str and _EMAIL.match(value) else None


def texts(value: Any) -> list[str] | None:
    """A list of texts, all of them."""
    items = value if type(value) is list else [value]
    found = [t for item in items if (t := text(item)) is not None]
    return found if found and len(found) == len(items) else None


def millis(value: Any) -> int | None:
    """ISO 8601 to milliseconds since the epoch; without a zone it is UTC."""
    if type(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return calendar.timegm(moment.utctimetuple()) * 1000 + moment.microsecond // 1000
    except (ValueError, OverflowError):
        return None


def table(rows: dict[str, Any]) -> Convert:
    """Looks a text up, in lower case."""

    def convert(value: Any) -> Any:
        return rows.get(value.lower()) if type(value) is str else None

    return convert
