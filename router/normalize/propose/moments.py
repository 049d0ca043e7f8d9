"""Which keys of a sample say when: one by its name or its values, or a day and a time of day beside it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from router.normalize.propose.candidates import is_time
from router.normalize.propose.written import path_text, quoted
from router.normalize.times import instant
from router.normalize.zones import UTC

Path = tuple[str, ...]
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\Z")
_DAY = re.compile(r"(?:\d{4}[-/]\d\d[-/]\d\d|\d\d\.\d\d\.\d{4})\Z")
_WHOLE = re.compile(r"\d{4}([-/])\d\d\1\d\d[T ]\d\d:\d\d:\d\d|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d")
_NAMELESS = re.compile(r"column\d+\Z")


def time_of(columns: Mapping[Path, Sequence[Any]]) -> tuple[tuple[Path, ...], str]:
    """The keys that hold the time of an event, and how `time` reads them; nothing where there are none."""
    named = [path for path, values in columns.items() if is_time(path) and _reads(values)]
    whole = [path for path in named if not _all(_DAY, columns[path])]
    if whole:
        return (whole[0],), quoted(path_text(whole[0]))
    day = next((path for path, values in columns.items() if _all(_DAY, values)), None)
    clock = next((path for path, values in columns.items() if _all(_CLOCK, values)), None)
    if day is not None and clock is not None:
        both = ", ".join(quoted(path_text(path)) for path in (day, clock))
        dotted = any("." in str(value) for value in columns[day])
        how = ", format: '%d.%m.%Y %H:%M:%S'" if dotted else ""
        return (day, clock), f"{{join: [{both}]{how}}}"
    told = [path for path, values in columns.items() if _NAMELESS.match(path[-1]) and _all(_WHOLE, values) and _reads(values)]
    found = (named or told)[:1]
    return tuple(found), quoted(path_text(found[0])) if found else ""


def _said(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value not in (None, "", "-")]


def _reads(values: Sequence[Any]) -> bool:
    """Is every value read as a time?"""
    said = _said(values)
    return bool(said) and all(instant(value, UTC, 1_780_272_000.0) is not None for value in said)


def _all(pattern: re.Pattern[str], values: Sequence[Any]) -> bool:
    said = _said(values)
    return bool(said) and all(isinstance(value, str) and pattern.match(value) for value in said)
