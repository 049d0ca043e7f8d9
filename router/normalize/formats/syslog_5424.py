"""Syslog headers of RFC 5424, section 6, and what devices take for such. What is odd stays in the body."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from router.normalize.formats.structured_data import structured_data
from router.normalize.line import Header
from router.normalize.remembered import Remembered
from router.normalize.times import Moment, Zone, epoch, iso

Read: TypeAlias = tuple[Header, str, Callable[[Zone, float], Moment | None] | None]
"""A header, the text behind it, and what reads its time in a zone, as seen at a receipt time."""
LAST_PRIORITY = 191
_STAMP_5424 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")
_EPOCH_TOKEN = re.compile(r"\d{10}(?:\.\d{1,9})?\s")
_USUAL = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d[^ ]*+) ([^ ]*+)"
    r" (?!CEF:|LEEF:|[{<])([^ ]*+) (?!CEF:|LEEF:|[{<])([^ ]*+) (?!CEF:|LEEF:|[{<])([^ ]*+) ",
    re.ASCII,
)
"""Headers in which nothing is odd, up to the structured data."""
_NILS = ("-", "")


def _of_priority(digits: str) -> Header | None:
    """Facility and severity, where the number is one of syslog's."""
    number = int(digits)
    return Header(number, number >> 3, number & 7) if number <= LAST_PRIORITY else None


PRIORITIES = Remembered[str, Header | None](_of_priority, 2048)
header_of: Callable[[tuple[Any, ...]], Header] = partial(tuple.__new__, Header)


def at_iso(text: str, zone: Zone, _: float) -> Moment | None:
    return iso(text, zone)


def numbered(text: str) -> Read | None:
    """A priority and the header behind it, by one search; None where `rfc5424` has to look closer."""
    found = _USUAL.match(text)
    if found is None:
        return None
    pri, stamp, host, app, process, kind = found.groups()
    head = PRIORITIES[pri]
    if head is None:
        return None
    data, message = structured_data(text[found.end() :])
    new = (
        *head[:3],
        "1",
        None if host in _NILS else host,
        None if app in _NILS else app,
        None if process in _NILS else process,
        None if kind in _NILS else kind,
        data,
    )
    return header_of(new), message.removeprefix("\ufeff"), partial(at_iso, stamp)


def rfc5424(head: Header, rest: str) -> Read | None:
    """None when what follows the version is not a header of RFC 5424 (or of Meraki, which sends an epoch there)."""
    if rest[6:7] != "-" and _EPOCH_TOKEN.match(rest, 2):
        _, sent, host, *body = [*rest.split(" ", 3), "", ""][:4]
        return head._replace(version="1", hostname=_nil(host)), body[0], lambda zone, receipt: epoch(sent)
    parts = rest.split(" ", 6)
    if len(parts) < 4 or (parts[1] != "-" and not _STAMP_5424.match(parts[1])):
        return None
    if (begin := _body_at(parts)) or len(parts) < 6:
        return _short(head, parts, rest, begin) if begin else None
    data, message = structured_data(parts[6]) if len(parts) > 6 else (None, "")
    stamp = parts[1]
    names = (None if part in ("-", "") else part for part in parts[2:6])
    new = header_of((*head[:3], "1", *names, data))
    return new, message.removeprefix("\ufeff"), None if stamp == "-" else lambda zone, receipt: iso(stamp, zone)


_BODIES = ("CEF:", "LEEF:", "{", "<")


def _body_at(parts: list[str]) -> int:
    """Where a body begins that came before its header was complete (vendors leave APP-NAME, PROCID, MSGID out); else 0."""
    for i, part in enumerate(parts[3:6], 3):
        if part.startswith(_BODIES):
            return i
    return 0


def _short(head: Header, parts: list[str], rest: str, begin: int) -> Read:
    """A header that ends with the host, the program or the process; the rest is the body."""
    stamp, app, process = parts[1], *[_nil(part) for part in (*parts[3:begin], "", "")[:2]]
    new = Header(head.priority, head.facility, head.severity, "1", _nil(parts[2]), app, process)
    body = rest.split(" ", begin)[begin]
    return new, body, None if stamp == "-" else lambda zone, receipt: iso(stamp, zone)


def _nil(text: str) -> str | None:
    return None if text in ("-", "") else text
