"""The full log message that keywords search: each decoded value of the event, then the message as it was received.

A payload that is JSON or XML is not searched as such: its values are there decoded, its key names and escapes are no message.
"""

import re
from collections.abc import Iterator
from typing import Any

from router.detect.probes import Values
from router.detect.values import text

OURS = frozenset({"@timestamp", "agent", "data_stream", "ecs", "event", "labels", "logweir", "related", "tags"})
"""What Logweir adds to a document. Facts about an event are no part of its message."""
_VENDORS_OWN = ("action", "code", "reason")
"""The exceptions below `event`: values that came with the event."""
_PRIORITY = re.compile(r"\s*<\d{1,3}>(?!\d* ?[{<])")
"""A syslog priority is no XML, unless what follows is a document again."""


def message(values: Values) -> tuple[str, ...]:
    """One text: the values in the order of their paths, one a line, so that a verdict does not hang on key order."""
    event = values.event
    parts = [t for key in sorted(event, key=str) if key not in OURS for t in _leaves(event[key])]
    facts = event.get("event")
    if isinstance(facts, dict):
        parts += [t for name in _VENDORS_OWN for t in _leaves(facts.get(name))]
        parts += [t for t in _leaves(facts.get("original")) if not _structured(t)]
    raw = values.raw.decode("utf-8", "replace")
    return ("\n".join(parts if not raw or _structured(raw) else [*parts, raw]),)


def _structured(payload: str) -> bool:
    return payload.lstrip()[:1] in ("{", "[", "<") and not _PRIORITY.match(payload)


def _leaves(value: Any) -> Iterator[str]:
    """Texts of every value below, keys in order, without recursion: a sender chooses the depth."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack += [item[key] for key in sorted(item, key=str, reverse=True)]
        elif isinstance(item, (list, tuple)):
            stack += reversed(item)
        elif item is not None:
            yield text(item)
