"""Time zones as devices write them: offsets in every spelling, IANA names, and abbreviations that are tagged when ambiguous."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"\A(?:UTC|GMT|Z)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?\Z", re.IGNORECASE)
_START = datetime(1970, 1, 1)
_HOUR = 3600
# Hours east of UTC of abbreviations that mean one thing in practice.
_NAMES = {
    **dict.fromkeys(("UTC", "GMT", "Z", "UCT", "WET", "ZULU"), 0.0),
    **dict.fromkeys(("CET", "MET", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "MEST", "EET", "SAST", "CAT"), 2.0),
    **dict.fromkeys(("EEST", "MSK", "EAT", "TRT"), 3.0),
    **dict.fromkeys(("PKT",), 5.0),
    **dict.fromkeys(("WIB", "ICT"), 7.0),
    **dict.fromkeys(("AWST", "HKT", "SGT", "MYT", "PHT"), 8.0),
    **dict.fromkeys(("JST", "KST"), 9.0),
    **dict.fromkeys(("AEST",), 10.0),
    **dict.fromkeys(("AEDT",), 11.0),
    **dict.fromkeys(("ACST",), 9.5),
    **dict.fromkeys(("ACDT",), 10.5),
    **dict.fromkeys(("NZST",), 12.0),
    **dict.fromkeys(("NZDT",), 13.0),
    **dict.fromkeys(("EDT",), -4.0),
    **dict.fromkeys(("CDT",), -5.0),
    **dict.fromkeys(("MDT",), -6.0),
    **dict.fromkeys(("PDT", "AKDT"), -7.0),
    "AKDT": -8.0,
    "AKST": -9.0,
    "HST": -10.0,
    "BRT": -3.0,
    "NST": -3.5,
}
# The usual reading of abbreviations that several places use; the reader is told (tag of doubt).
_AMBIGUOUS = {"EST": -5.0, "CST": -6.0, "MST": -7.0, "PST": -8.0, "IST": 5.5, "BST": 1.0, "AST": -4.0, "ADT": -3.0, "GST": 4.0}
ABBREVIATIONS = frozenset(_NAMES) | frozenset(_AMBIGUOUS)


class Zone:
    """Offset from UTC, fixed or by rules. `known` is False when it is only an assumption."""

    __slots__ = ("_fixed", "_rules", "known", "name")

    def __init__(self, name: str, fixed: int = 0, rules: ZoneInfo | None = None, known: bool = True) -> None:
        self.name, self._fixed, self._rules, self.known = name, fixed, rules, known

    def offset(self, local_seconds: int) -> int:
        """Seconds east of UTC at this local time (seconds since 1970 as if it were UTC)."""
        return self._fixed if self._rules is None else _ruled(self._rules, local_seconds // 900)

    def assumed(self) -> "Zone":
        """The same zone, marked as an assumption."""
        return Zone(self.name, self._fixed, self._rules, known=False)

    def abbreviates(self, name: str, local_seconds: int) -> bool:
        """Does this place use the abbreviation at that time?"""
        if self._rules is None:
            return False
        return (_START + timedelta(seconds=local_seconds)).replace(tzinfo=self._rules).tzname() == name


@lru_cache(8192)
def _ruled(rules: ZoneInfo, quarter: int) -> int:
    try:
        offset = rules.utcoffset(_START + timedelta(seconds=quarter * 900))
    except OverflowError:
        return 0
    return int(offset.total_seconds()) if offset is not None else 0


UTC = Zone("UTC")
NO_ZONE = Zone("UTC", known=False)
"""Nothing is known: UTC is assumed."""


@lru_cache(4096)
def zone(text: str) -> Zone | None:
    """'-0500', 'UTC-5:00', '+0530', 'CET', 'Europe/Paris' -> Zone; None for what is no zone."""
    text = text.strip()
    found = _OFFSET.match(text)
    if found:
        seconds = int(found[2]) * _HOUR + int(found[3] or 0) * 60
        return Zone(text, -seconds if found[1] == "-" else seconds) if seconds <= 18 * _HOUR else None
    upper = text.upper()
    if upper in _NAMES:
        return Zone(text, int(_NAMES[upper] * _HOUR))
    if upper in _AMBIGUOUS:
        return Zone(upper, int(_AMBIGUOUS[upper] * _HOUR), known=False)
    return _named(text)


def _named(text: str) -> Zone | None:
    if not text or len(text) > 64 or not text.isascii() or text[0] in "/.":
        return None
    try:
        return Zone(text, rules=ZoneInfo(text))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def resolve(text: str, site: Zone, local_seconds: int) -> Zone | None:
    """As `zone`, but an ambiguous abbreviation means the site's own zone where the site uses it."""
    found = zone(text)
    if found is not None and not found.known and site.abbreviates(found.name, local_seconds):
        return site
    return found
