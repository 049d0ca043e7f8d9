"""The budget against every window of its period."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.deliver.budget import Budget
from tests.contract.examples import examples

steps = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 300), st.booleans()), max_size=60)


@settings(max_examples=examples(400), deadline=None)
@given(rate=st.one_of(st.floats(0.05, 5), st.integers(1, 1000).map(float)), share=st.floats(0, 0.9), steps=steps)
def test_no_window_of_a_second_holds_more_than_the_budget(
    rate: float, share: float, steps: list[tuple[float, int, bool]]
) -> None:
    budget, now = Budget(rate, share), 100.0
    period = budget.capacity / rate
    grants: list[tuple[float, int, bool]] = []
    for seconds, wanted, alert in steps:
        now += seconds
        count = min(wanted, budget.available(alert, now))
        if count > 0:
            budget.take(count, alert, now)
            grants.append((now, count, alert))
    for start, _, _ in grants:
        window = [g for g in grants if start <= g[0] < start + period * (1 - 1e-9)]
        assert sum(n for _, n, _ in window) <= budget.capacity
        assert sum(n for _, n, alert in window if not alert) <= budget.capacity - budget.reserved


@settings(max_examples=examples(300), deadline=None)
@given(rate=st.integers(2, 500).map(float), steps=steps)
def test_events_never_use_what_is_reserved_for_alerts(rate: float, steps: list[tuple[float, int, bool]]) -> None:
    budget, now = Budget(rate, 0.5), 0.0
    for seconds, wanted, _ in steps:
        now += seconds
        count = min(wanted, budget.available(False, now))
        if count:
            budget.take(count, False, now)
        assert budget.available(True, now) >= budget.reserved


@settings(max_examples=examples(300), deadline=None)
@given(rate=st.floats(0.05, 500), share=st.floats(0, 0.9), steps=steps)
def test_waiting_as_long_as_it_says_is_enough_in_the_end(rate: float, share: float, steps: list[tuple[float, int, bool]]) -> None:
    budget, now = Budget(rate, share), 0.0
    for seconds, wanted, alert in steps:
        now += seconds
        count = min(wanted, budget.most(alert))
        for _ in range(200):
            wait = budget.wait(count, alert, now)
            if wait <= 0:
                break
            now += wait
        assert budget.available(alert, now) >= count
        budget.take(count, alert, now)


def test_a_rest_is_not_saved_up() -> None:
    budget = Budget(100, 0)
    budget.available(False, 0.0)
    assert budget.available(False, 1e6) == 100
    budget.take(100, False, 1e6)
    assert budget.available(False, 1e6 + 0.99) == 0
    assert budget.available(False, 1e6 + 1.0) == 100


def test_less_than_one_record_a_second_is_possible() -> None:
    budget = Budget(0.5, 0.2)
    budget.take(budget.available(False, 0.0), False, 0.0)
    assert budget.wait(1, False, 0.0) == pytest.approx(2.0)


def test_without_a_budget_nothing_waits() -> None:
    budget = Budget(None)
    assert budget.unlimited
    assert budget.wait(10**9, False, 0.0) == 0
