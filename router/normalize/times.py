"""Moments out of text and numbers: ISO 8601, epochs by digit count, syslog style. Integer arithmetic, no strptime."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache, partial
from time import gmtime
from typing import Any, NamedTuple

from router.normalize.remembered import Remembered
from router.normalize.zones import ABBREVIATIONS, NO_ZONE, UTC, Zone, resolve, zone

__all__ = ["NO_ZONE", "UTC", "Moment", "Zone", "bsd", "civil", "epoch", "infer_year", "instant", "iso", "stamp", "zone"]

_DAY = 86_400
_REMEMBERED = 23
"""Times shorter than this are whole seconds, and come again; those with fractions hardly do."""
_LAST = 253_402_300_799  # 9999-12-31T23:59:59Z
_EARLIEST_EPOCH = 100_000_000  # 1973: smaller numbers are counters, not times
_START = datetime(1970, 1, 1)
_MONTH_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTHS = {name: i for i, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_ISO = re.compile(
    r"(\d{4})[-/]?(\d\d)[-/]?(\d\d)(?:[Tt _]+(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9})\d*)?)?)?"
    r"\s*([Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*\Z",
    re.ASCII,
)
_AFTER_SECOND = re.compile(r"(?:[.,](\d{1,9})\d*)?\s*([Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*\Z", re.ASCII)
_ZONES = "|".join(sorted(ABBREVIATIONS - {"Z"}, key=len, reverse=True))
_YEAR = r"(?:\s((?:19|20)\d\d)(?=\s|\Z|:(?![0-9A-Fa-f]{0,4}:)))?"
"""A year behind the time; not the first four digits of an IPv6 address."""
_AFTER = (
    r"(?:[.,:](\d{1,9}))?(?:\s?([AaPp][Mm])\b)?"
    rf"{_YEAR}(?:\s?([+-]\d\d:?\d\d|(?:{_ZONES})(?:[+-]\d{{1,2}})?|Z)(?=[:\s]|\Z))?"
    rf"{_YEAR}"
)
AFTER_BSD = re.compile(_AFTER, re.IGNORECASE | re.ASCII)
"""What may follow the seconds of a `BSD` time."""
BSD = re.compile(
    r"[*.]?(?:((?:19|20)\d\d)\s{1,4})?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s{1,2})?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"[a-z]{0,6}\s{1,3}(\d{1,2})(?:,?\s{1,2}((?:19|20)\d\d))?,?\s{1,3}(\d{1,2}):(\d\d):(\d\d)" + _AFTER,
    re.IGNORECASE | re.ASCII,
)
_PLAIN = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ 0-3]\d) (\d\d):(\d\d):(\d\d)\Z", re.ASCII)
_RFC2822 = re.compile(
    r"(?:[A-Za-z]{3},?\s)?(\d{1,2})[\s/-]([A-Za-z]{3})[\s/-](\d{4})[\s:](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s*([+-]\d\d:?\d\d|[A-Z]{1,5})?\Z",
    re.ASCII,
)


class Moment(NamedTuple):
    """A point in time: whole seconds since 1970, further digits as they were given, and whether the zone was known."""

    seconds: int
    fraction: str = ""
    known: bool = True

    @property
    def iso(self) -> str:
        """ISO 8601 in UTC with Z."""
        return f"{_STAMPS[self.seconds]}.{self.fraction}Z" if self.fraction else f"{_STAMPS[self.seconds]}Z"

    @property
    def nanos(self) -> int:
        return self.seconds * 1_000_000_000 + int(self.fraction.ljust(9, "0")) if self.fraction else self.seconds * 1_000_000_000


_moment: Callable[[tuple[int, str, bool]], Moment] = partial(tuple.__new__, Moment)


def stamp(seconds: int) -> str:
    """Seconds since 1970 -> YYYY-MM-DDTHH:MM:SS in UTC."""
    return _STAMPS[seconds]


_STAMPS = Remembered[int, str](lambda seconds: (_START + timedelta(seconds=seconds)).isoformat(), 8192)


def civil(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int | None:
    """A calendar time -> seconds since 1970 as if in UTC; None for a date that does not exist. Second 60 is the next minute."""
    if not (1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month] and 1 <= year <= 9999):
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        return None
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return None
    y = year - (month <= 2)
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 719_469
    return days * _DAY + hour * 3600 + minute * 60 + second


def placed(local: int | None, fraction: str, where: Zone) -> Moment | None:
    """A local time in its zone; None outside of the years 1 to 9999."""
    if local is None:
        return None
    seconds = local - where.offset(local)
    return _moment((seconds, fraction, where.known)) if -62_135_596_800 <= seconds <= _LAST else None


def _second(text: str) -> int | None:
    """'2026-03-01T10:00:00' (any separator) -> seconds as if in UTC."""
    if not (text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]).isdecimal():
        return None
    numbers = (text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
    return civil(*map(int, numbers))


_SECONDS = Remembered[str, int | None](_second, 8192)


def _seconds_in(where: Zone) -> Remembered[str, int | None]:
    """'2026-03-01T10:00:00' or with a blank, local time of the zone -> seconds since 1970; None for all that is not simple."""

    def seconds(text: str) -> int | None:
        if text[4] != "-" or text[7] != "-" or text[10] not in "T " or text[13] != ":" or text[16] != ":":
            return None
        moment = placed(_SECONDS[text], "", where)
        return moment.seconds if moment is not None else None

    return Remembered(seconds, 8192)


_PLACED = Remembered[Zone, Remembered[str, int | None]](_seconds_in, 64)


def _zoned_seconds(text: str) -> int | None:
    """'2026-03-01T10:00:00+0100' -> seconds since 1970; None for all that is not simple."""
    if text[10] != "T" or text[13] != ":" or text[16] != ":" or text[4] != "-" or text[7] != "-" or not text[20:].isdecimal():
        return None
    there = zone(text[19:])
    moment = placed(_SECONDS[text[:19]], "", there) if there is not None else None
    return moment.seconds if moment is not None else None


_ZONED = Remembered[str, int | None](_zoned_seconds, 8192)


def iso(text: str, where: Zone) -> Moment | None:
    """ISO 8601 and its relatives (blank for T, slashes, comma, no separators); `where` holds when it names no zone."""
    length = len(text)
    if length < _REMEMBERED:
        return _known_iso(text, where)
    if length > 64 or not text.isascii():
        return None
    if length < 35 and text[19] == ".":  # the commonest, with fewer steps
        zoned = text[-1] == "Z"
        digits = text[20:-1] if zoned else text[20:]
        if zoned:
            where = UTC
        if digits.isdecimal() and len(digits) < 10 and (seconds := _PLACED[where][text[:19]]) is not None:
            return _moment((seconds, digits, where.known))
        if text[-5] in "+-" and (digits := text[20:-5]).isdecimal() and len(digits) < 10:
            seconds = _ZONED[text[:19] + text[-5:]]
            if seconds is not None:
                return _moment((seconds, digits, True))
    return _iso(text, where)


@lru_cache(16384)
def _known_iso(text: str, where: Zone) -> Moment | None:
    return _iso(text, where) if text.isascii() else None


def _iso(text: str, where: Zone) -> Moment | None:
    if len(text) >= 19 and text[4] in "-/" and text[10] in "T t" and text[13] == ":" == text[16]:
        if text[7] != text[4]:
            return None
        local = _SECONDS[text[:19]]
        end = text[19:]
        if not end or end == "Z":
            return placed(local, "", UTC if end else where)
        found = _AFTER_SECOND.match(text, 19)
        if found is None:
            return None
        fraction, offset = found.groups()
    else:
        found = _ISO.match(text.strip())
        if found is None:
            return None
        fraction, offset = found[7], found[8]
        local = civil(*(int(found[i] or 0) for i in range(1, 7)))
    return placed(local, fraction or "", (zone(offset) or where) if offset else where)


def epoch(value: Any) -> Moment | None:
    """Seconds, milli-, micro- or nanoseconds since 1970, told apart by their digits; text, int or float."""
    if type(value) is int:
        value = str(value) if abs(value) < 1 << 70 else ""
    elif type(value) is float:
        if _EARLIEST_EPOCH <= value < 1e11:
            text = f"{value:.6f}"
            if (seconds := int(text[:-7])) <= _LAST:
                return _moment((seconds, text[-6:], True))
        value = f"{value:.6f}" if abs(value) < 1e11 else str(int(value)) if abs(value) < 1e20 else ""
    elif type(value) is not str:
        return None
    elif value.isdecimal() and value.isascii():
        return _epoch_digits(value, "")
    whole, _, fraction = value.strip().partition(".")
    if not (whole.isascii() and whole.isdecimal()) or (fraction and not (fraction.isascii() and fraction.isdecimal())):
        return None
    return _epoch_digits(whole, fraction)


def _epoch_digits(whole: str, fraction: str) -> Moment | None:
    whole = whole.lstrip("0")
    length = len(whole)
    if length <= 11:
        seconds, rest = int(whole or 0), fraction[:9]
    elif length <= 20:
        sub = 3 if length <= 14 else 6 if length <= 17 else 9
        seconds, rest = int(whole[:-sub]), (whole[-sub:] + fraction)[:9]
    else:
        return None
    if not _EARLIEST_EPOCH <= seconds <= _LAST:
        return None
    return _moment((seconds, rest, True))


def infer_year(month: int, day: int, clock: int, where: Zone, receipt: float) -> int | None:
    """Local seconds of the newest such day and time that is not later than receipt + 24 h in its own zone."""
    latest = receipt + _DAY
    for midnight in _midnights(int(min(max(receipt, 0), _LAST - 400 * _DAY) // _DAY), month, day):
        if midnight + clock - where.offset(midnight + clock) <= latest:
            return midnight + clock
    return None


@lru_cache(4096)
def _midnights(today: int, month: int, day: int) -> tuple[int, ...]:
    """Local seconds of this day of the year in ten years, next year's first; `today`: days since 1970."""
    this = gmtime(today * _DAY).tm_year
    found = (civil(year, month, day) for year in range(this + 1, this - 9, -1))
    return tuple(midnight for midnight in found if midnight is not None)


@lru_cache(16384)
def plain_stamp(text: str) -> tuple[int, int, int] | None:
    """'Mar  1 10:00:00' in exactly this form -> month, day and second of the day; None for everything else."""
    found = _PLAIN.match(text)
    if found is None:
        return None
    clock = clock_of(int(found[3]), int(found[4]), int(found[5]), None)
    return None if clock is None else (MONTHS[found[1].lower()], int(found[2]), clock)


@lru_cache(16384)
def dated_stamp(text: str) -> int | None:
    """'Mar  1 2026 10:00:00' in exactly this form -> local seconds since 1970; None for everything else."""
    plain = plain_stamp(f"{text[:6]}{text[11:]}")
    if plain is None or not text[7:11].isdecimal():
        return None
    month, day, clock = plain
    return dated(int(text[7:11]), month, day, clock, UTC, 0)


def clock_of(hour: int, minute: int, second: int, half: str | None) -> int | None:
    """Seconds of the day; `half` is AM or PM."""
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    return hour * 3600 + minute * 60 + second if hour < 24 and minute < 60 and second <= 60 else None


def dated(year: int | None, month: int, day: int, clock: int | None, where: Zone, receipt: float) -> int | None:
    """Local seconds since 1970; a missing year is inferred."""
    if clock is None:
        return None
    if year is None:
        return infer_year(month, day, clock, where, receipt)
    midnight = civil(year, month, day)
    return None if midnight is None else midnight + clock


def bsd_match(found: re.Match[str], where: Zone, receipt: float) -> Moment | None:
    """The moment of a `BSD` match; a year or zone that stands in it outranks what is assumed."""
    before, month, day, between, hour, minute, second, fraction, half, after, offset, last = found.groups()
    year = before or between or after or last
    clock = clock_of(int(hour), int(minute), int(second), half)
    numbers = (int(year) if year else None, MONTHS[month.lower()[:3]], int(day), clock)
    if offset:
        guess = dated(*numbers, where, receipt)
        where = resolve(offset, where, guess or 0) or where
    return placed(dated(*numbers, where, receipt), fraction or "", where)


def bsd(text: str, where: Zone, receipt: float) -> Moment | None:
    """'Mar  1 10:00:00' and its relatives, the whole text."""
    found = BSD.match(text.strip()) if len(text) < 80 else None
    return bsd_match(found, where, receipt) if found is not None and not text.strip()[found.end() :].strip(": ") else None


def _rfc2822(text: str, where: Zone) -> Moment | None:
    found = _RFC2822.match(text.strip())
    if found is None or found[2].lower() not in MONTHS:
        return None
    clock = clock_of(int(found[4]), int(found[5]), int(found[6]), None)
    local = dated(int(found[3]), MONTHS[found[2].lower()], int(found[1]), clock, where, 0)
    if found[8]:
        where = resolve(found[8], where, local or 0) or where
    return placed(local, found[7] or "", where)


def instant(value: Any, where: Zone, receipt: float | None = None) -> Moment | None:
    """A guess by shape: epoch number, ISO 8601, mail and web server dates, syslog style (which needs `receipt`)."""
    if type(value) is not str:
        return epoch(value)
    if not 8 <= len(value) <= 80:
        return None
    if value[4] in "-/" and value[:4].isdecimal():
        return iso(value, where)
    if value.isdecimal() and len(value) != 14 and len(value) != 8:
        return epoch(value) if len(value) >= 9 else None
    if value[0].isdecimal():
        found = iso(value, where)
        if found is not None:
            return found
        if value.count(".") == 1 and value.partition(".")[0].isdecimal():
            return epoch(value)
    return _rfc2822(value, where) or (bsd(value, where, receipt) if receipt is not None else None)
