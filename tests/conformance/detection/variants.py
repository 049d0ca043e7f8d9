"""Variants of an event that a matcher gets wrong sooner than the event itself: case, types, lists, look-alikes, length."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, TypeAlias

from router.batch import Event
from tests.conformance.detection.corpus import Received

_DASHES = "-/–—―"
_ALIKE = {"k": "\u212a", "s": "ſ", "å": "\u212b", "σ": "ς", "i": "ı", "I": "İ", "a": "а", "e": "é", "ß": "ẞ", "f": "ﬁ", "o": "Ο"}
_BEYOND_A_KEY = 5000
Change: TypeAlias = Callable[[Any, random.Random], Any]
"""One value -> another."""


def variants(received: Received, count: int, chance: random.Random) -> Iterator[Received]:
    """Copies of an event, each changed in one or two ways."""
    for _ in range(count):
        event = deepcopy(received.event)
        raw = received.raw
        for _ in range(chance.choice((1, 1, 2))):
            change = chance.choice(_WHOLE) if chance.random() < 0.35 else None
            if change is not None:
                event = change(event, chance)
            else:
                _change_leaves(event, chance.choice(_VALUES), chance)
        if raw and chance.random() < 0.5:
            raw = chance.choice((raw.upper(), b"<34>" + raw, b"{" + raw, raw + b"\xff", b"<Event>" + raw))
        yield Received(event, raw)


def _change_leaves(event: Event, change: Change, chance: random.Random) -> None:
    """Change one leaf, or all of them; what routes the event stays."""
    leaves = list(_leaves(event))
    for parent, key in leaves if chance.random() < 0.3 else [chance.choice(leaves)] if leaves else []:
        parent[key] = change(parent[key], chance)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    if path in _ROUTES:
        return
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _leaves(below, (*path, key))
        elif (*path, key) not in _ROUTES:
            yield value, key


_ROUTES = {
    ("winlog", "channel"),
    ("winlog", "event_id"),
    ("event", "dataset"),
    ("logweir",),
    ("event", "category"),
    ("event", "type"),
}


def _any_case(value: Any, chance: random.Random) -> Any:
    return "".join(chance.choice((c.lower(), c.upper())) for c in value) if isinstance(value, str) else value


def _look_alike(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(_ALIKE.get(c, _ALIKE.get(c.lower(), c)) if chance.random() < 0.4 else c for c in value)


def _dashed(value: Any, chance: random.Random) -> Any:
    return "".join(chance.choice(_DASHES) if c in _DASHES else c for c in value) if isinstance(value, str) else value


def _as_number(value: Any, chance: random.Random) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return chance.choice((int(value), float(value), value + ".0", "0" + value))
    if value in ("true", "false"):
        return value == "true"
    return value


def _listed(value: Any, chance: random.Random) -> Any:
    return chance.choice(
        ([value], ["junk", value], [value, None], [[value], "x"], [value, value], [], ["junk"], [value, 7, True])
    )


def _object(value: Any, chance: random.Random) -> Any:
    return chance.choice(({"a": value}, [{"a": value}], {}))


def _long(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, str):
        return value
    pad = "pad " * (_BEYOND_A_KEY // 4)
    return chance.choice((pad + value, value + pad, value[: len(value) // 2] + pad + value[len(value) // 2 :]))


def _surrounded(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, str):
        return value
    return chance.choice(("", " ", "\n", "x", "é", "\0")) + value + chance.choice(("", "\n", " ", "\r\n", "\u2028", "y", "\0"))


def _split(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, str) or not value:
        return value
    at = chance.randrange(len(value))
    return value[:at] + chance.choice(("\n", "\0", "€", "\\", "*")) + value[at:]


def _nothing(value: Any, chance: random.Random) -> Any:
    return chance.choice((None, "", " ", "-", []))


def _of_another_type(value: Any, chance: random.Random) -> Any:
    return chance.choice((0, 1, True, False, 1.5, -0.0, 2**53 + 1, "0x1", "1e3", "null"))


_VALUES: tuple[Change, ...] = (
    _any_case,
    _look_alike,
    _dashed,
    _as_number,
    _listed,
    _object,
    _long,
    _surrounded,
    _split,
    _nothing,
    _of_another_type,
)


def _more_fields(event: Event, chance: random.Random) -> Event:
    return {**event, "labels": {"zone": "a"}, "zz": chance.choice((None, 1.5, [{"deep": {"er": ["x"]}}], "text", {}))}


def _shuffled(event: Any, chance: random.Random) -> Any:
    if not isinstance(event, dict):
        return event
    return {key: _shuffled(event[key], chance) for key in chance.sample(list(event), len(event))}


def _dropped(event: Event, chance: random.Random) -> Event:
    leaves = list(_leaves(event))
    if leaves:
        parent, key = chance.choice(leaves)
        del parent[key]
    return event


def _flat(event: Event, chance: random.Random) -> Event:
    """One object's keys written with dots."""
    objects = [key for key, value in event.items() if isinstance(value, dict) and key not in ("winlog", "event", "logweir")]
    if objects:
        name = chance.choice(objects)
        event |= {f"{name}.{key}": value for key, value in event.pop(name).items()}
    return event


_WHOLE: tuple[Callable[[Event, random.Random], Event], ...] = (_more_fields, _shuffled, _dropped, _flat)
