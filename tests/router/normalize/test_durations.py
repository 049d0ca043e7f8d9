"""Lengths of time of devices in nanoseconds."""

import pytest

from router.normalize.durations import nanoseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:02:05", 125),
        ("92:24:20", 332_660),
        ("0h:01m:52s", 112),
        ("1d 02:00:01", 93_601),
        ("2 days 01:00:00", 176_400),
        ("1d12h", 129_600),
        ("90s", 90),
    ],
)
def test_every_spelling_gives_nanoseconds(text: str, seconds: int) -> None:
    assert nanoseconds(text) == seconds * 1_000_000_000


def test_a_fraction_is_kept() -> None:
    assert nanoseconds("0:00:01.25") == 1_250_000_000


@pytest.mark.parametrize("value", ["", "30", "1:2", "x", "-1:00:00", "1:99:00", None, 5, "9" * 80])
def test_what_is_no_length_of_time_gives_nothing(value: object) -> None:
    assert nanoseconds(value) is None
