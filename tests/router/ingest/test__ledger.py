"""The brake: busy at 80 %, refused above 100 %."""

import pytest

from router.errors import Overloaded
from router.ingest._ledger import Ledger


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
