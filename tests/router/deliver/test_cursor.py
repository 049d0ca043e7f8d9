"""How far redriving has come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch import Mark
from router.deliver.cursor import Cursor
from router.errors import LogweirError

REASONS = ["too_deep", "mapping: field a", "mapping: field b", ""]
steps = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["", "too_deep", "mapping"])), max_size=12)


def test_a_new_one_has_done_nothing() -> None:
    assert not Cursor(None).is_done(0, "too_deep")


def test_one_reason_is_done_and_the_others_are_not() -> None:
    cursor = Cursor(None)
    cursor.settle(10, "mapping")
    assert cursor.is_done(9, "mapping: field a")
    assert not cursor.is_done(10, "mapping: field a")
    assert not cursor.is_done(9, "too_deep")


@given(steps)
def test_it_comes_back_from_its_mark_and_never_forgets(steps: list[tuple[int, str]]) -> None:
    cursor, done = Cursor(None), set[tuple[int, str]]()
    for stop, reason in steps:
        cursor.settle(stop, reason)
        done |= {(o, r) for o in range(stop) for r in REASONS if not reason or r.partition(":")[0] == reason}
        cursor = Cursor(cursor.mark())
    assert done == {(o, r) for o in range(60) for r in REASONS if cursor.is_done(o, r)}


def test_reasons_that_the_whole_has_passed_take_no_room() -> None:
    cursor = Cursor(None)
    for i in range(10_000):
        cursor.settle(5, f"reason {i}")
    cursor.settle(5)
    assert cursor.mark() == Mark(5)


def test_more_reasons_than_a_mark_can_hold_are_refused() -> None:
    cursor = Cursor(None)
    for i in range(1000):
        cursor.settle(5, f"reason {i}")
    with pytest.raises(LogweirError, match="without --reason"):
        cursor.mark()
