"""A second meaning of every atom, written from the specification for the tests alone: neither engine nor oracle is used.

Text tests are regular expressions of RE2 (its own case folding, its own anchors), fields are read by `places`, trees may be
those of pySigma. It answers one pair in some ten microseconds, so it judges the oracle on samples and makes generated events.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias

import orjson
import re2

from router.batch import Event
from router.detect.ir import And, Atom, Not, Tree, Wild
from router.detect.message import OURS
from router.detect.views import Logsource
from tests.conformance.detection.places import ABSENT, read, steps

Read: TypeAlias = Callable[[str], Any]
"""A field's name -> its value, ABSENT where it is not there."""
_COMPARE = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq}
_EPOCH = datetime(1970, 1, 1)


def texts(value: Any) -> list[str]:
    """Every scalar in a value, as the text it is compared by; lists are opened, null and absent have none."""
    if value is None or value is ABSENT:
        return []
    if isinstance(value, (list, tuple)):
        return [text for element in value for text in texts(element)]
    return [scalar(value)]


def scalar(value: Any) -> str:
    """true and false as words, whole numbers without a point, objects as JSON."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case float() if value == value // 1:
            return f"{value + 0.0:.0f}"  # -0.0 is 0
        case int() | float():
            return repr(value)
    return orjson.dumps(value).decode()


def verdict(tree: Tree, fields: Read, message: str) -> bool:
    """Whether a tree is true, its atoms asked one by one."""
    if isinstance(tree, Atom):
        return true_of_field(tree, fields, message)
    if isinstance(tree, Not):
        return not verdict(tree.child, fields, message)
    every = all if isinstance(tree, And) else any
    return every(verdict(child, fields, message) for child in tree.children)


def true_of_field(atom: Atom, fields: Read, message: str) -> bool:
    """Whether one atom is true of an event."""
    value = message if atom.field is None else fields(atom.field)
    if atom.kind == "exists":
        return (value is not ABSENT) is atom.payload
    if atom.kind == "null":
        empty = isinstance(value, (list, tuple)) and (not value or None in value)
        return value is None or value is ABSENT or empty
    if atom.kind == "fieldref":
        payload: Any = atom.payload
        others = texts(fields(payload[0]))
        return any(of_text(Atom(None, payload[1], o), t) for o in others for t in texts(value))
    return any(of_text(atom, text) for text in texts(value))


def of_text(atom: Atom, text: str) -> bool:
    """Whether one atom is true of one text."""
    payload: Any = atom.payload
    match atom.kind:
        case "cidr":
            return _in_network(text, payload)
        case "num":
            number = _number(text)
            return number is not None and bool(_COMPARE[payload[0]](number, payload[1]))
        case "time":
            when = _moment(text)
            return when is not None and bool(_COMPARE[payload[1]](_part(when, payload[0]), payload[2]))
        case "empty":
            return not text
    return _pattern(atom.kind, payload, atom.cased).search(_bytes(text)) is not None


@lru_cache(1000)
def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


@lru_cache(200_000)
def _pattern(kind: str, payload: Any, cased: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    if kind == "re":
        source, flags = payload
        return re2.compile(f"(?{flags}){source}" if flags else source, options)
    parts = payload if isinstance(payload, tuple) else (payload,)
    body = "".join(_SIGNS[p] if isinstance(p, Wild) else re2.escape(p) for p in parts)
    start = r"\A" if kind in ("eq", "startswith", "wild") else ""
    end = r"\z" if kind in ("eq", "endswith", "wild") else ""
    return re2.compile(f"(?{'' if cased else 'i'}s){start}(?:{body}){end}", options)


_SIGNS = {Wild.MANY: ".*", Wild.ONE: "."}


def _in_network(text: str, network: str) -> bool:
    try:
        address, wanted = ip_address(text), ip_network(network)
    except ValueError:
        return False
    bits = wanted.max_prefixlen - wanted.prefixlen
    same = address.version == wanted.version
    return same and int(address) >> bits == int(wanted.network_address) >> bits


def _number(text: str) -> Decimal | None:
    """Decimal notation, nothing else: no underscores, no foreign digits, no infinity."""
    allowed = text.isascii() and text.strip() == text and "_" not in text and not set(text.lower()) - set("0123456789+-.e")
    try:
        return Decimal(text) if allowed else None
    except InvalidOperation:
        return None


def _moment(text: str) -> datetime | None:
    """As written, the zone left where it is; digits alone are an epoch."""
    digits = text.partition(".")[0]
    if text.replace(".", "", 1).isdigit() and text.isascii() and 9 <= len(digits) <= 19:
        scale = 10 ** ((len(digits) - 9) // 3 * 3)
        return _EPOCH + timedelta(microseconds=int(Decimal(text) / scale * 10**6))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _part(when: datetime, unit: str) -> int:
    return when.isocalendar()[1] if unit == "week" else int(getattr(when, unit))


def message_of(event: Event, raw: bytes) -> str:
    """The full log message: the values, one a line, by their paths; what Logweir adds is none of it."""
    facts = event.get("event")
    parts = [t for key in sorted(event, key=str) if key not in OURS for t in _leaves(event[key])]
    if isinstance(facts, dict):
        parts += [t for key in ("action", "code", "reason") for t in _leaves(facts.get(key))]
        parts += [t for t in _leaves(facts.get("original")) if not _is_document(t)]
    received = raw.decode("utf-8", "replace")
    return "\n".join(parts if not received or _is_document(received) else [*parts, received])


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _leaves(value[key])
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _leaves(element)
    elif value is not None:
        yield scalar(value)


def _is_document(payload: str) -> bool:
    """JSON and XML are searched by their values. `<34>` before text is a syslog priority."""
    start = payload.lstrip()
    number, closed, behind = start[1:].partition(">")
    syslog = start.startswith("<") and closed and 1 <= len(number) <= 3 and number.isascii() and number.isdigit()
    return start[:1] in ("{", "[") or (start.startswith("<") and not (syslog and not _document_behind(behind)))


def _document_behind(behind: str) -> bool:
    rest = behind.lstrip("0123456789")
    return (rest[1:] if rest.startswith(" ") else rest)[:1] in ("{", "<")


def reader(event: Event, source: Logsource, taxonomy: str) -> Read:
    """How rules of a log source read an event, each field once."""
    return cache(lambda field: read(event, _steps(source, taxonomy, field)))


_steps = lru_cache(20_000)(steps)
