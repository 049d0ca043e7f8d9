"""Lengths of time as devices write them -> nanoseconds: `1:02:03`, `0h:01m:52s`, `1d 2h 3m`, `2 days 01:02:03`."""

import re
from typing import Any

_CLOCK = re.compile(r"(?:(\d{1,6})\s?(?:days?|d)[,:\s]*)?(\d{1,6}):([0-5]?\d):([0-5]?\d)(?:\.(\d{1,9}))?\Z")
_UNITS = re.compile(
    r"(?:(\d{1,6})\s?w[eks]*[:\s]*)?(?:(\d{1,6})\s?d[ays]*[:\s]*)?(?:(\d{1,8})\s?h[ours]*[:\s]*)?(?:(\d{1,8})\s?m[inutes]*[:\s]*)?(?:(\d{1,10})\s?s[econds]*)?\Z"
)
_SECOND = 1_000_000_000


def nanoseconds(value: Any) -> int | None:
    """None for what is no length of time, a bare number among it: its unit is not known."""
    if type(value) is not str or not value[:1].isdecimal() or len(value) > 64:
        return None
    found = _CLOCK.match(value)
    if found is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
        return ((days * 24 + hours) * 3600 + minutes * 60 + seconds) * _SECOND + int((found[5] or "").ljust(9, "0"))
    if value.isdecimal():
        return None
    found = _UNITS.match(value)
    if found is None:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((weeks * 7 + days) * 86_400 + hours * 3600 + minutes * 60 + seconds) * _SECOND
