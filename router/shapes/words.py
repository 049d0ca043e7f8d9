"""What an event says it did: its ECS types, and the words of its action where the types are too coarse."""

import re
from collections.abc import Sequence
from functools import lru_cache

from router.shapes.reading import Reading

_BREAKS = re.compile(r"[^0-9a-zA-Z]+|(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(4096)
def split(action: str) -> tuple[str, ...]:
    """`DeleteBucket`, `user-account-enabled`, `Add member to role.` -> lower-case words."""
    return tuple(word.lower() for word in _BREAKS.split(action[:300]) if word)


def action(r: Reading) -> tuple[str, ...]:
    """The words of event.action."""
    found = r.get("event.action")
    return split(found) if type(found) is str and found else ()


def names(r: Reading, path: str) -> frozenset[str]:
    """The values of a list field such as event.category."""
    held: frozenset[str] | None = r.told.get(path)
    if held is None:
        found = r.get(path)
        items = found if type(found) is list else [found]
        held = r.told[path] = frozenset([item for item in items if type(item) is str])
    return held


def told(words: Sequence[str], rows: Sequence[tuple[str, int]], otherwise: int) -> int:
    """The number of the first row of which a word begins with one of the row's stems (blank between them)."""
    for stems, number in rows:
        if any(word.startswith(tuple(stems.split())) for word in words):
            return number
    return otherwise


def by_type(r: Reading, rows: Sequence[tuple[str, int]], otherwise: int) -> int:
    """The number of the first event.type that is there."""
    types = names(r, "event.type")
    return next((number for name, number in rows if name in types), otherwise)
