"""Values into the types of the ECS table: each function gives the right type or None, and never raises."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

import orjson

from router.normalize.remembered import Remembered
from router.normalize.times import NO_ZONE, instant

LIMIT = 1 << 63
"""Integers of ECS are less, and no less than its negative."""
_MAX_DIGITS = 40
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "1", "on"), True),
    **dict.fromkeys(("false", "no", "0", "off"), False),
}
_HEX12 = re.compile(r"\A[0-9a-fA-F]{12,16}\Z")
_MAC_SEPARATORS = str.maketrans("", "", ":-.")


def text(value: Any) -> str | None:
    """Keyword: text as it is, numbers and booleans as JSON writes them, a list of one as its item; objects are refused."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value) if -(10**_MAX_DIGITS) < value < 10**_MAX_DIGITS else None
    if kind is float:
        return real_text(value)
    if kind is list and len(value) == 1:
        return text(value[0])
    return None


def real_text(value: float) -> str | None:
    """The shortest text of a finite number, whole ones without a point."""
    if not math.isfinite(value):
        return None
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def one_of(allowed: frozenset[str]) -> Callable[[Any], str | None]:
    """Keyword with a fixed set of values."""

    def convert(value: Any) -> str | None:
        found = text(value)
        return found if found in allowed else None

    return convert


def lower(value: Any) -> str | None:
    """Keyword for which ECS asks for lower case."""
    found = text(value)
    return found.lower() if found is not None else None


def _address(value: str) -> str | None:
    bare = value.strip()
    if bare[:1] == "[" and bare[-1:] == "]":
        bare = bare[1:-1]
    bare = bare.partition("%")[0]
    try:
        inet_pton(AF_INET6 if ":" in bare else AF_INET, bare)
    except (OSError, ValueError):
        return None
    # a listener for both families writes an IPv4 peer as ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2); everybody else by its IPv4 address
    return bare[7:] if bare[:7].lower() == "::ffff:" and "." in bare else bare


ADDRESSES: Remembered[str, str | None] = Remembered(_address, 16_384)
"""Text shorter than 64 -> address."""


def ip(value: Any) -> str | None:
    """An IPv4 or IPv6 address without brackets and zone, an IPv4 address that is written as IPv6 as IPv4."""
    if type(value) is not str:
        return ip(value[0]) if type(value) is list and len(value) == 1 else None
    return ADDRESSES[value] if len(value) < 64 else None


def whole(value: Any) -> int | None:
    """A 64-bit integer, from decimal text too; a fraction of zero is fine."""
    kind = type(value)
    if kind is str:
        return WHOLES[value] if len(value) <= _MAX_DIGITS else None
    if kind is int:
        return int(value) if -LIMIT <= value < LIMIT else None
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < LIMIT else None
    if kind is list and len(value) == 1:
        return whole(value[0])
    return None


def _whole_text(value: str) -> int | None:
    if "_" in value or not value.isascii():
        return None
    try:
        number = int(value)
    except ValueError:
        found = real(value)
        return whole(found) if found is not None else None
    return number if -LIMIT <= number < LIMIT else None


WHOLES: Remembered[str, int | None] = Remembered(_whole_text, 16_384)
"""Text no longer than `_MAX_DIGITS` -> integer."""


def real(value: Any) -> float | None:
    """A finite floating-point number."""
    kind = type(value)
    if kind is str:
        if len(value) > 64 or "_" in value or not value.isascii():
            return None
    elif kind is list and len(value) == 1:
        return real(value[0])
    elif kind is not int and kind is not float:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def boolean(value: Any) -> bool | None:
    """True or false, also as true/false, yes/no, on/off, 1/0."""
    kind = type(value)
    if kind is bool:
        return bool(value)
    if kind is str:
        return _BOOLEANS.get(value.lower()) if len(value) < 6 else None
    if kind is int:
        return bool(value) if value in (0, 1) else None
    return boolean(value[0]) if kind is list and len(value) == 1 else None


def date(value: Any) -> str | None:
    """ISO 8601 in UTC, from ISO text or an epoch number; text without a zone is read as UTC."""
    if type(value) is list and len(value) == 1:
        return date(value[0])
    moment = instant(value, NO_ZONE)
    return moment.iso if moment is not None else None


def _mac_text(value: str) -> str | None:
    digits = value.strip().translate(_MAC_SEPARATORS)
    if not _HEX12.match(digits) or len(digits) % 2:
        return None
    return "-".join(digits[i : i + 2] for i in range(0, len(digits), 2)).upper()


_MACS: Remembered[str, str | None] = Remembered(_mac_text, 16_384)


def mac(value: Any) -> str | None:
    """A MAC address (or EUI-64) in upper case with hyphens, as RFC 7042 writes it."""
    if type(value) is not str:
        return mac(value[0]) if type(value) is list and len(value) == 1 else None
    return _MACS[value] if len(value) < 40 else None


def point(value: Any) -> Any:
    """A geo point: an object with lat and lon, or [lon, lat], or text."""
    if type(value) is dict:
        lat, lon = real(value.get("lat")), real(value.get("lon"))
        return {"lat": lat, "lon": lon} if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180 else None
    return None


def open_object(value: Any) -> Any:
    """An object, or a list of objects."""
    if type(value) is dict:
        return value
    if type(value) is list and value and all(type(item) is dict for item in value):
        return value
    return None


def open_json(value: Any) -> Any:
    """An object, a list of objects, or JSON text of one."""
    if type(value) is str and value[:1] in "{[":
        try:
            value = orjson.loads(value)
        except ValueError:
            return None
    return open_object(value)


_SCALARS = frozenset((int, float, bool))


def typed(members: Mapping[str, Callable[[Any], Any]], texts: Collection[str]) -> Callable[[Any], Any]:
    """The coercion of one item of a list of objects: those members in their types, numbers at `texts` as text; None where one
    does not fit."""

    def item(value: Any) -> Any:
        found = open_json(value)
        for name, convert in members.items() if type(found) is dict else ():
            held = found.get(name)
            if held is None:
                continue
            made = convert(held)
            if made is None:
                return None
            if made is not held:
                found = {**found, name: made}
        for name in texts if type(found) is dict else ():
            if type(found.get(name)) in _SCALARS:
                found = {**found, name: text(found[name])}
        return found

    return item


def free(value: Any) -> Any:
    """Anything: the field is not typed."""
    return value


COERCIONS: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "lower": lower,
    "ip": ip,
    "whole": whole,
    "real": real,
    "boolean": boolean,
    "date": date,
    "mac": mac,
    "point": point,
    "open": open_json,
    "free": free,
}


OF_TEXT: dict[str, tuple[Remembered[str, Any], int]] = {
    "whole": (WHOLES, _MAX_DIGITS + 1),
    "ip": (ADDRESSES, 64),
    "mac": (_MACS, 40),
}
"""What the coercion of this kind does with text shorter than the number: one look-up for known values."""


def each(coerce: Callable[[Any], Any], value: Any) -> tuple[list[Any], bool]:
    """Every item of a list (or the value alone) in its type; and whether all that say something were of that type."""
    if type(value) is not list:
        found = coerce(value)
        return ([found], True) if found is not None else ([], False)
    good = []
    complete = True
    for item in value:
        found = coerce(item) if item is not None else None
        if found is not None:
            good.append(found)
        elif item is not None and item != "":
            complete = False
    return good, complete
