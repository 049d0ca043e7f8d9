"""Values as detection sees them: every scalar has one canonical text, and a list is any of its elements."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import orjson

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_EPOCH = re.compile(r"\d{9,19}(?:\.\d+)?", re.ASCII)


class Missing:
    """The one value that stands for a field that is not there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


MISSING: Final = Missing()


def text(value: Any) -> str:
    """Canonical text of one value: 11 and 11.0 are "11", True is "true", an object is its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else _object(value)


def _object(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # integers beyond 64 bits, text that is no Unicode, nested deeper than 254
        return _plain(value)


def _plain(value: Any) -> str:
    try:
        return str(value)
    except RecursionError:
        return ""


def texts(value: Any) -> tuple[str, ...]:
    """Canonical texts of every element; none for what is absent or null."""
    if type(value) is str:
        return (value,)
    if value is None or value is MISSING:
        return ()
    return tuple(text(v) for v in elements(value)) if isinstance(value, (list, tuple)) else (text(value),)


def elements(value: Iterable[Any]) -> Iterator[Any]:
    """What is in a list and in the lists below it, without recursion: a sender chooses the depth."""
    stack = [iter(value)]
    while stack:
        for element in stack[-1]:
            if isinstance(element, (list, tuple)):
                stack.append(iter(element))
                break
            if element is not None:
                yield element
        else:
            stack.pop()


def is_null(value: Any) -> bool:
    """Absent, null, or a list with nothing in it or a null in it."""
    if value is None or value is MISSING:
        return True
    return isinstance(value, (list, tuple)) and (not value or any(v is None for v in value))


def number(value: str | int | float) -> Decimal | None:
    """The exact decimal number of a text such as `-12`, `3.5` or `1e3`; hexadecimal and everything else is none."""
    written = value if isinstance(value, str) else text(value)
    if not _NUMBER.fullmatch(written):
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def address(value: str) -> IPv4Address | IPv6Address | None:
    """The IP address of a text, or none."""
    try:
        return ip_address(value)
    except ValueError:
        return None


def moment(value: str) -> datetime | None:
    """The date and time of a text, as written (ISO 8601, no conversion of zones), or of an epoch in s, ms, us or ns (UTC)."""
    try:
        if _EPOCH.fullmatch(value):
            return datetime.fromtimestamp(_seconds(value), UTC)
        return datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None


def _seconds(epoch: str) -> float:
    digits = len(epoch.partition(".")[0])
    return float(epoch) / 10 ** (0 if digits <= 11 else 3 if digits <= 14 else 6 if digits <= 17 else 9)


def part(when: datetime, unit: str) -> int:
    """One number of a time: minute, hour, day (of the month), week (ISO 8601), month, year."""
    return when.isocalendar().week if unit == "week" else int(getattr(when, unit))
