"""Moments out of text and numbers."""

import calendar
from datetime import UTC as DATETIME_UTC
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.normalize.timeformats import compile_format
from router.normalize.times import civil, epoch, infer_year, instant, stamp
from router.normalize.zones import UTC, resolve, zone

RECEIPT = float(calendar.timegm((2026, 3, 2, 0, 0, 0)))
PARIS = zone("Europe/Paris") or UTC


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_civil_and_stamp_agree_with_the_calendar(seconds: int) -> None:
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    assert civil(*moment.timetuple()[:6]) == seconds
    assert stamp(seconds) == moment.isoformat()


CASES = [
    ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
    ("2026-03-01t10:00:00z", "2026-03-01T10:00:00Z"),
    ("2026-03-01 10:00:00.123456789+01:00", "2026-03-01T09:00:00.123456789Z"),
    ("2026-03-01T10:00:00,5-0330", "2026-03-01T13:30:00.5Z"),
    ("2026-03-01T10:00:00.820360-0400", "2026-03-01T14:00:00.820360Z"),
    ("2026-03-01T10:00:00.8+0530", "2026-03-01T04:30:00.8Z"),
    ("2026/03/01 10:00:00", "2026-03-01T09:00:00Z"),
    ("20260301T100000Z", "2026-03-01T10:00:00Z"),
    ("2026-07-01T10:00:00", "2026-07-01T08:00:00Z"),
    ("2026-03-01", "2026-02-28T23:00:00Z"),
    ("Sun, 01 Mar 2026 10:00:00 GMT", "2026-03-01T10:00:00Z"),
    ("01/Mar/2026:10:00:00 +0000", "2026-03-01T10:00:00Z"),
    ("Mar  1 10:00:00", "2026-03-01T09:00:00Z"),
    ("Dec 31 23:59:59", "2025-12-31T22:59:59Z"),
    ("1772359200", "2026-03-01T10:00:00Z"),
    ("1772359200123", "2026-03-01T10:00:00.123Z"),
    ("1772359200123456", "2026-03-01T10:00:00.123456Z"),
    ("1772359200123456789", "2026-03-01T10:00:00.123456789Z"),
    ("1772359200.000001", "2026-03-01T10:00:00.000001Z"),
    ("2026-02-30T10:00:00Z", None),
    ("2026-13-01T10:00:00Z", None),
    ("2026-03-01T25:00:00Z", None),
    ("0", None),
    ("12345", None),
    ("not a time at all", None),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_time_is_recognised_by_its_shape(text: str, expected: str | None) -> None:
    moment = instant(text, PARIS, RECEIPT)
    assert (moment.iso if moment else None) == expected


@given(st.text(max_size=60))
def test_no_text_makes_a_reader_raise(text: str) -> None:
    instant(text, PARIS, RECEIPT)
    zone(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("-0500", -5),
        ("UTC-5:00", -5),
        ("+0530", 5.5),
        ("GMT+2", 2),
        ("Z", 0),
        ("CET", 1),
        ("America/New_York", -5),
        ("+19:00", None),
        ("Nowhere/X", None),
        ("../etc/passwd", None),
    ],
)
def test_zones_in_every_spelling(text: str, hours: float | None) -> None:
    found = zone(text)
    assert (None if found is None else found.offset(int(RECEIPT)) / 3600) == hours


def test_an_ambiguous_abbreviation_means_the_site_or_is_only_assumed() -> None:
    sydney, found = zone("Australia/Perth"), zone("CST")
    assert found is not None
    assert sydney is not None
    assert not found.known
    chicago = zone("America/Chicago")
    assert chicago is not None
    assert resolve("CST", chicago, int(RECEIPT)) is chicago
    assert resolve("CST", sydney, int(RECEIPT)) is found


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%d/%b/%Y:%H:%M:%S %z", "01/Mar/2026:10:00:00 +0100", "2026-03-01T09:00:00Z"),
        ("%m/%d/%y %I:%M:%S %p", "03/01/26 10:00:00 PM", "2026-03-01T21:00:00Z"),
        ("%b %e %H:%M:%S", "Mar  1 10:00:00", "2026-03-01T09:00:00Z"),
        ("%Y%m%d %H%M", "20260301 1000", "2026-03-01T09:00:00Z"),
        ("[%s]", "[1772359200.5]", "2026-03-01T10:00:00.5Z"),
        ("%Y-%m-%d %H:%M:%S.%f %Z", "2026-03-01 10:00:00.25 UTC", "2026-03-01T10:00:00.25Z"),
        ("%Y-%m-%d", "2026-02-29", None),
        ("%Y-%m-%d", "text", None),
    ],
)
def test_formats(pattern: str, text: str, expected: str | None) -> None:
    moment = compile_format(pattern)(text, PARIS, RECEIPT)
    assert (moment.iso if moment else None) == expected


@pytest.mark.parametrize("pattern", ["%Q", "%d %d", "%H:%M"])
def test_a_wrong_format_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"directive|twice|no day"):
        compile_format(pattern)


@given(st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1)), st.integers(0, 363))
def test_the_inferred_year_is_the_newest_one_within_a_day_of_receipt(receipt: datetime, days_ago: int) -> None:
    sent = receipt - timedelta(days=days_ago)
    clock = sent.hour * 3600 + sent.minute * 60 + sent.second
    found = infer_year(sent.month, sent.day, clock, UTC, receipt.replace(tzinfo=DATETIME_UTC).timestamp())
    assert found == calendar.timegm(sent.timetuple())


def test_epochs_lose_no_digit() -> None:
    moment = epoch(1772359200123456789)
    assert moment is not None
    assert moment.nanos == 1772359200123456789


@pytest.mark.parametrize(
    "text", ["Mar  1 10:00:00.\u0661\u0662", "2026-03-01T10:00:00.\u0661\u0662Z", "Sun, 01 Mar 2026 10:00:00.\u0661\u0662 +0000"]
)
def test_digits_of_other_scripts_are_no_part_of_a_time(text: str) -> None:
    found = instant(text, UTC, 1.8e9)
    assert found is None or found.iso.isascii()


def test_digits_of_other_scripts_do_not_fit_a_format() -> None:
    assert compile_format("%d/%b/%Y:%H:%M:%S.%f")("01/Mar/2026:10:00:00.\u0661\u0662", UTC, 1.8e9) is None


@given(st.integers(100_000_000, 99_999_999_999), st.integers(0, 999))
def test_an_epoch_with_a_fraction_is_read_alike_as_number_and_as_text(seconds: int, thousandths: int) -> None:
    number = float(f"{seconds}.{thousandths:03d}")
    assert epoch(number) == epoch(f"{number:.6f}")
