"""Logs of programs: what a logging library writes before the message (when, how grave, who), and access logs of web servers."""

import re
from collections.abc import Sequence

_TIME = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_LEVEL = (
    r"(?i:trace|debug|verbose|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|severe|crit(?:ical)?|alert|fatal|panic"
    r"|emerg(?:ency)?)"
)
_LOGGER = r"[A-Za-z_$][\w$./\-]*+"
_BEHIND = r" *+(?:[|:,]|-+(?= ))?+ *+"
"""What parts one piece from the next."""
_PIECES: Sequence[tuple[str, str]] = (
    ("time", rf"(?P<time>{_TIME}){_BEHIND}"),
    ("time", rf"\[(?P<time>{_TIME})\]{_BEHIND}"),
    ("level", rf"(?P<level>{_LEVEL})\b{_BEHIND}"),
    ("level", rf"\[ *+(?P<level>{_LEVEL}) *+\]{_BEHIND}"),
    ("level", rf"<(?P<level>{_LEVEL})>{_BEHIND}"),
    ("pid", rf"(?P<pid>\d{{1,7}})(?= ){_BEHIND}"),
    ("pid", rf"\[(?P<pid>\d{{1,7}})\]{_BEHIND}"),
    ("logger", rf"\[(?P<logger>[\w$\-]++\.[\w$.\-]++)\]{_BEHIND}"),
    ("thread", rf"\[ *+(?P<thread>[^\[\]]{{1,80}})\]{_BEHIND}"),
    ("logger", rf"(?P<logger>{_LOGGER})(?: *+[:|] ?| +- +)"),
)
_PARTS: Sequence[tuple[str, re.Pattern[str]]] = [(name, re.compile(text)) for name, text in _PIECES]
_ACCESS = (
    r"^(?:(?P<vhost>[\w.\-]+:\d+) )?(?P<client_ip>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<method>[A-Z]+) (?P<url>\S+)(?: (?P<version>HTTP/[\d.]+))?" (?P<status>\d{3}) (?P<body_bytes_sent>\d+|-)'
    r'(?: "(?P<referrer>[^"]*)" "(?P<user_agent>[^"]*)")?(?: (?P<extra>.*))?$'
)


def beginning(lines: Sequence[str], enough: float, least: int) -> str | None:
    """A pattern with named groups for these lines, of which `enough` (a part) must fit.

    None where a level is not among the pieces that they begin with, or they begin with fewer than `least` pieces.
    """
    found: list[tuple[str, str]] = []
    rests = list(lines)
    while (piece := _next(rests, {name for name, _ in found}, enough * len(lines))) is not None:
        name, pattern, rests = piece
        found.append((name, pattern))
    names = [name for name, _ in found]
    if "level" not in names or len(names) < least:
        return None
    return "^" + "".join(pattern for _, pattern in found) + r"(?P<message>(?s:.*))$"


def _next(rests: Sequence[str], known: set[str], enough: float) -> tuple[str, str, list[str]] | None:
    """The piece with which enough of these texts go on: its name, its pattern, and what stands behind it in those that fit."""
    for name, part in _PARTS:
        if name not in known:
            left = [rest[match.end() :] for rest in rests if (match := part.match(rest))]
            if len(left) >= enough:
                return name, part.pattern, left
    return None


def access(lines: Sequence[str], enough: float) -> str | None:
    """The pattern of the common log format, with the two columns of the combined one and what an own format adds behind them."""
    fits = sum(re.match(_ACCESS, line) is not None for line in lines)
    return _ACCESS if fits >= enough * len(lines) else None
