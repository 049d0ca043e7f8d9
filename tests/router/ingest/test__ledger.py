"""The brake: busy at 80 %, refused above 100 %."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import Overloaded
from router.ingest._ledger import HIGH_WATER, Ledger
from tests.contract.examples import examples


def test_it_is_busy_from_eighty_percent_on() -> None:
    ledger = Ledger(1000)
    ledger.take(799)
    assert not ledger.busy
    ledger.take(1)
    assert ledger.busy
    ledger.give(1)
    assert not ledger.busy


def test_the_limit_passes_and_one_byte_more_is_refused_and_not_held() -> None:
    ledger = Ledger(1000)
    ledger.take(400)
    ledger.take(600)
    with pytest.raises(Overloaded):
        ledger.take(1)
    assert ledger.held == 1000


def test_one_that_could_never_fit_passes_when_nothing_else_is_held() -> None:
    ledger = Ledger(1000)
    ledger.take(5000)
    ledger.give(5000)
    assert ledger.held == 0


@settings(max_examples=examples(300), deadline=None)
@given(limit=st.integers(10, 1000), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 1500)), max_size=40))
def test_it_holds_what_was_taken_and_never_more_than_the_limit_unless_one_holder_alone_does(
    limit: int, steps: list[tuple[bool, int]]
) -> None:
    told: list[float] = [0]
    ledger, holders = Ledger(limit, told.append), list[int]()
    for is_taking, size in steps:
        if is_taking:
            fits = not sum(holders) or sum(holders) + size <= limit
            try:
                ledger.take(size)
                holders.append(size)
                assert fits
            except Overloaded:
                assert not fits
        elif holders:
            ledger.give(holders.pop(size % len(holders)))
        assert ledger.held == sum(holders) == told[-1]
        assert ledger.held <= limit or len([h for h in holders if h]) == 1
        assert ledger.busy == (ledger.held >= int(limit * HIGH_WATER))
