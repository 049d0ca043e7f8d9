"""What stands behind a header that a relay has put in front of a message that is not syslog itself, or of another header."""

from router.normalize.formats.syslog import outer
from router.normalize.line import NO_HEADER, Line

GENERAL = -20
"""Priority of normalizers that take what no product's file takes; before they are asked, a relay's header is looked behind."""


LEAST = -100
"""Priority of what takes any syslog line: asked only for what has a header of its own."""


def has_header(x: Line) -> bool:
    """Is this a syslog line by itself?"""
    return outer(x)[0] is not NO_HEADER


def inner(x: Line) -> Line | None:
    """The message behind the header of a line, as a line of its own; None where there is no header, or nothing behind it."""
    if x.data is not None:
        return None
    head, body, when = outer(x)
    if head is NO_HEADER or not body:
        return None
    found = Line(body, x.receipt, x.site, x.source, x.peer, x.meta)
    found.head, found.header_time, found.hint_time, found.hint_host = head, when, x.hint_time, x.hint_host
    return found


def adopt(x: Line, found: Line) -> None:
    """What the header said that counts: that of the message, else that of the relay. The text as it was received stays."""
    x.head, x.header_time, x.body, x.syslog_read = found.head, found.header_time, found.body, True
    x.hint_time, x.hint_host = found.hint_time or x.hint_time, found.hint_host or x.hint_host
