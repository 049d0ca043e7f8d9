"""Waits with a fault beside waits without."""

import os

import pytest

from tests.faults.neighbours import Neighbours
from tests.faults.outcome import Outcome
from tests.faults.windows import Windows


class _Others(Neighbours):
    def __init__(self, share: float) -> None:
        self._share = share

    @property
    def share(self) -> float:
        return self._share


def holds(calm: list[float], sick: list[float], others: float) -> bool:
    outcome = Outcome("X", 1, 1)
    windows = Windows([[wait] * 200 for wait in calm], [[wait] * 200 for wait in sick], _Others(others))
    windows.judge(outcome, "claim", 2.0, 0.025)
    return outcome.holds


@pytest.mark.parametrize(
    ("calm", "sick", "others", "expected"),
    [
        ([0.02, 0.02], [0.04, 0.04], 0.0, True),
        ([0.02, 0.02], [0.041, 0.041], 0.0, False),
        ([0.001, 0.001], [0.024, 0.024], 0.0, True),
        ([0.02, 9.0], [0.05, 0.05], 0.0, False),
        ([0.02, 0.02, 0.02], [0.03, 0.03, 9.0], 0.0, True),
        ([0.01, 0.02, 0.05, 0.12], [0.09, 0.09], 0.0, True),
        ([0.01, 0.02, 0.05, 0.12], [0.13, 0.13], 0.0, False),
        ([0.02, 0.02], [0.5, 0.5], 0.5, True),
        ([0.02, 0.02], [0.6, 0.6], 0.5, False),
        ([1.0, 1.0], [2.1, 2.1], 0.5, False),
    ],
    ids=[
        "twice",
        "more",
        "below the floor",
        "a bad calm window excuses nothing",
        "a bad window is no proof",
        *("restless",) * 2,
        *("shared",) * 3,
    ],
)
def test_the_median_window_with_a_fault_is_within_bounds(
    calm: list[float], sick: list[float], others: float, expected: bool
) -> None:
    assert holds(calm, sick, others) is expected


def test_what_this_process_uses_is_not_what_others_take() -> None:
    neighbours = Neighbours()
    before = neighbours._own[os.getpid()]
    sum(n * n for n in range(3_000_000))
    assert Neighbours()._own[os.getpid()] > before
    assert 0 <= neighbours.share <= 1
