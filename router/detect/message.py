"""The full log message that keywords search: each decoded value of the event, then the message as it was received.

A payload that is JSON or XML is not searched as such: its values are there decoded, its key names and escapes are no message.
"""

import re
from typing import Any

from router.detect.probes import Values
from router.detect.values import text

OURS = frozenset({"@timestamp", "agent", "data_stream", "ecs", "event", "labels", "logweir", "related", "tags"})
"""What Logweir adds to a document. Facts about an event are no part of its message."""
_VENDORS_OWN = ("action", "code", "reason")
"""The exceptions below `event`: values that came with the event."""
_PRIORITY = re.compile(r"\s*<\d{1,3}>(?!\d* ?[{<])")
"""A syslog priority is no XML, unless what follows is a document again."""
_ORDERS: dict[tuple[str, ...], tuple[str, ...]] = {}
"""Keys of objects -> the same, sorted."""
_MAX_ORDERS, _LONG = 4096, 1024


def message(values: Values) -> tuple[str, ...]:
    """One text: the values in the order of their paths, one a line, so that a verdict does not hang on key order."""
    event = values.event
    parts: list[str] = []
    for key in _order(event):
        if key not in OURS:
            _add_leaves(event[key], parts)
    facts = event.get("event")
    if isinstance(facts, dict):
        for name in _VENDORS_OWN:
            _add_leaves(facts.get(name), parts)
        original: list[str] = []
        _add_leaves(facts.get("original"), original)
        parts += [t for t in original if not _structured(t)]
    raw = values.raw.decode("utf-8", "replace")
    return ("\n".join(parts if not raw or _structured(raw) else [*parts, raw]),)


def _structured(payload: str) -> bool:
    return payload.lstrip()[:1] in ("{", "[", "<") and not _PRIORITY.match(payload)


def _add_leaves(value: Any, parts: list[str]) -> None:
    """Add the texts of every value below, keys in order, without recursion: a sender chooses the depth."""
    stack = [value]
    pop = stack.pop
    while stack:
        item = pop()
        if item.__class__ is str:
            parts.append(item)
        elif isinstance(item, dict):
            stack += [item[key] for key in reversed(_order(item))]
        elif isinstance(item, (list, tuple)):
            stack += reversed(item)
        elif item is not None:
            parts.append(text(item))


def _order(item: dict[Any, Any]) -> tuple[Any, ...]:
    """The keys of an object, sorted. Objects with the same keys are many, so their order is remembered."""
    keys = tuple(item)
    known = _ORDERS.get(keys)
    if known is None:
        known = tuple(sorted(keys, key=str))
        if all(key.__class__ is str for key in keys) and sum(map(len, keys)) < _LONG:  # True is 1 to a dict
            if len(_ORDERS) >= _MAX_ORDERS:
                _ORDERS.clear()
            _ORDERS[keys] = known
    return known
