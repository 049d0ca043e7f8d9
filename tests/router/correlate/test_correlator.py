"""The vectors of event_count: windows, order, repeats, edges, groups, limits, restarts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.correlate import Checkpoint, Clock, Correlator, Match
from router.telemetry import LATE
from tests.router.correlate.correlations import event_count, match, run, times


def late(reason: str, name: str = "c") -> float:
    return LATE.labels(name, reason)._value.get()


def correlator(condition: str = "{gte: 3}", lateness: float = 5, **settings: str) -> Correlator:
    return Correlator([event_count(condition, **settings)], lateness)


def test_a_burst_across_a_clock_boundary_fires():
    assert times(run(correlator(timespan="60s"), [match(t) for t in (55, 59, 61)])) == [61]


def test_a_match_exactly_a_timespan_old_is_out():
    assert run(correlator(), [match(t) for t in (0, 5, 10)]) == []


def test_a_match_one_tick_younger_than_the_timespan_is_in():
    assert times(run(correlator(), [match(t) for t in (0.001, 5, 10)])) == [10]


@pytest.mark.parametrize(("count", "alerts"), [(2, 0), (3, 1), (4, 1)])
def test_the_threshold_itself_fires_once(count, alerts):
    assert len(run(correlator(), [match(t / 10) for t in range(count)])) == alerts


def test_a_long_plateau_is_one_alert():
    assert len(run(correlator(), [match(float(t)) for t in range(500)])) == 1


def test_a_plateau_held_by_matches_that_expire_as_others_enter_is_one_alert():
    assert times(run(correlator("{gte: 2}"), [match(float(t)) for t in range(0, 100, 5)])) == [5]


def test_a_second_rise_after_a_fall_fires_again():
    assert times(run(correlator(), [match(t) for t in (0, 1, 2, 30, 31, 32)])) == [2, 32]


def test_the_condition_falls_when_matches_expire_although_none_enters():
    assert times(run(correlator(), [match(t) for t in (0, 1, 2, 11.5, 11.6, 11.7)])) == [2, 11.6]


def test_order_within_lateness_does_not_matter():
    assert times(run(correlator(), [match(t) for t in (2, 0, 1)])) == [2]


def test_a_match_beyond_lateness_is_counted_as_late_and_not_applied():
    before = late("late")
    assert run(correlator(), [match(t) for t in (10, 10.5, 4.9)]) == []
    assert late("late") == before + 1


def test_partitions_do_not_hold_each_other():
    busy, idle = correlator(), correlator()
    run(busy, [match(1000)])
    assert times(run(idle, [match(t) for t in (0, 1, 2)])) == [2]


def test_the_same_match_delivered_twice_counts_once():
    assert run(correlator(), [match(0, 1), match(1, 2), match(1, 2), match(0, 1)]) == []


def test_groups_are_counted_apart():
    matches = [match(t, i, (user,)) for i, (t, user) in enumerate([(0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "A")])]
    assert run(correlator(), matches) == []


def test_two_group_fields_are_one_tuple():
    two = correlator(group_by="[user, source.ip]")
    fired = run(two, [match(t, t, ("a", ip)) for t, ip in enumerate(["1", "2", "1", "1"])])
    assert [f.group for f in fired] == [("a", "1")]


def test_without_group_by_all_matches_are_one_group():
    assert len(run(correlator(group_by="[]"), [match(t, group=()) for t in (0, 1, 2)])) == 1


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{gt: 2}", [2]),
        ("{gte: 2}", [1]),
        ("{gte: 2, lte: 2}", [1, 10]),  # 3 at 2 s; 2 again when the first expires at 10 s
        ("{lt: 2}", [0, 11]),
        ("{lte: 2}", [0, 10]),
        ("{eq: 2}", [1, 10]),
        ("{neq: 2}", [0, 2, 11]),
    ],
)
def test_every_operator_and_a_range(condition, expected):
    fired = run(correlator(condition), [match(t) for t in (0, 1, 2)] + [match(100, group=("z",))])
    assert [f.time for f in fired if f.group == ("a",)] == expected


def test_equal_times_count_each():
    assert times(run(correlator(), [match(5, n) for n in (1, 2, 3)])) == [5]


def test_an_alert_has_the_same_id_when_the_records_are_read_again():
    matches = [match(float(t)) for t in range(5)]
    assert [f.id for f in run(correlator(), matches)] == [f.id for f in run(correlator(), matches)]


def test_alerts_of_different_groups_have_different_ids():
    fired = run(correlator("{gte: 1}"), [match(0, 7, ("a",)), match(0, 7, ("b",))])
    assert len({f.id for f in fired}) == 2


def test_a_restart_in_the_middle_of_a_window_counts_what_came_before():
    first = correlator()
    run(first, [match(0), match(1)])
    mark = first.checkpoint(2)
    again = Correlator([event_count()], 5, resume=mark, committed=2)
    fired = run(again, [match(0), match(1), match(2)][mark.needed_from :], mark.needed_from)
    assert times(fired) == [2]


def test_a_restart_does_not_raise_an_alert_a_second_time():
    first, matches = correlator(), [match(float(t)) for t in range(200)]
    run(first, matches)
    mark = first.checkpoint(200)
    again = Correlator([event_count()], 5, resume=mark, committed=200)
    assert run(again, matches[mark.needed_from :], mark.needed_from) == []
    assert run(again, [match(200.0)], 200) == []
    assert 180 <= mark.needed_from <= 190


def test_old_records_read_again_do_not_wake_closed_windows():
    first = correlator()
    run(first, [match(t) for t in (0, 1, 2, 1000)])
    before = late("late")
    assert run(first, [match(t) for t in (0, 1, 2)], 4) == []
    assert late("late") == before + 3


def test_an_event_from_1970_is_late_and_harms_nobody():
    one = correlator()
    assert times(run(one, [match(1e9), match(0), match(1e9 + 1), match(1e9 + 2)])) == [1e9 + 2]


def test_a_match_of_a_correlation_that_is_not_loaded_is_counted():
    before = late("not_loaded", "unknown")
    assert correlator().feed([(0, "gone", match(0))]) == []
    assert late("not_loaded", "unknown") == before + 1


def test_a_new_group_beyond_the_limit_is_refused_and_counted(monkeypatch):
    monkeypatch.setattr("router.correlate.groups.MAX_GROUPS", 2)
    before = late("group_limit")
    fired = run(correlator("{gte: 1}"), [match(0, n, (str(n),)) for n in range(3)])
    assert [f.group for f in fired] == [("0",), ("1",)]
    assert late("group_limit") == before + 1


def test_a_crowded_window_stays_right_and_says_that_it_forgot():
    one = correlator("{gte: 2}")
    fired = run(one, [match(t / 1000, t) for t in range(3000)] + [match(50, -1), match(51, -2)])
    assert times(fired) == [0.001, 51]
    assert [f.degraded for f in fired] == [False, True]


def test_windows_that_closed_are_forgotten():
    one = correlator()
    run(one, [match(t, group=(str(t),)) for t in range(100)])
    assert 16 <= one.open_groups()["c"] <= 18


def test_a_checkpoint_survives_its_text():
    for clock in (Clock(1700000000.125), Clock(), Clock(1.5, 2.5, ((3.5, float("-inf")), (0.1, 0.2)))):
        assert Checkpoint.parse(Checkpoint(17, clock).text()) == Checkpoint(17, clock)
    assert Checkpoint.parse("17 5.0") == Checkpoint(17, Clock(5.0))
    assert Checkpoint.parse("") is None
    assert Checkpoint.parse("17 5.0 6.0 7.0") is None


def brute_force(moments: list[int], timespan: int, least: int) -> list[float]:
    """Rising edges by counting at every tick and half tick: slow, and plainly what the specification says."""
    edges, on = [], False
    for half in range(0, 2 * (max(moments, default=0) + timespan) + 2):
        now = half / 2
        holds = sum(now - timespan < t <= now for t in moments) >= least
        if holds and not on:
            edges.append(now)
        on = holds
    return edges


arrivals = st.lists(st.integers(0, 60), max_size=30)


@given(arrivals, st.integers(1, 12), st.integers(1, 5))
def test_in_order_the_edges_are_those_of_brute_force(moments, timespan, least):
    moments.sort()
    one = correlator(f"{{gte: {least}}}", timespan=f"{timespan}s")
    assert times(run(one, [match(t, i) for i, t in enumerate(moments)])) == brute_force(moments, timespan, least)


@given(arrivals, st.integers(1, 12), st.integers(1, 5), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_order_within_lateness_gives_an_alert_for_each_stretch_and_no_more(moments, timespan, least, chance):
    chance.shuffle(moments)
    one = correlator(f"{{gte: {least}}}", lateness=100, timespan=f"{timespan}s")
    fired = run(one, [match(t, i) for i, t in enumerate(moments)])
    assert len(fired) >= len(brute_force(moments, timespan, least))
    for edge in brute_force(moments, timespan, least):
        assert any(edge <= f.time for f in fired)


@given(arrivals, st.integers(1, 12), st.sampled_from(["{eq: 2}", "{lte: 2}", "{gte: 2, lte: 3}", "{neq: 1}"]))
@settings(max_examples=200)
def test_what_waits_for_the_watermark_does_not_hang_on_the_order_of_arrival(moments, timespan, condition):
    matches = [match(t, i) for i, t in enumerate(moments)]
    shuffled = random.Random(len(moments)).sample(matches, len(matches))
    end = [match(10_000, -1, ("end",))]
    one, other = (correlator(condition, lateness=100, timespan=f"{timespan}s") for _ in range(2))
    assert [f.id for f in run(one, matches + end)] == [f.id for f in run(other, shuffled + end)]


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=40), st.data())
@settings(max_examples=300)
def test_a_restart_anywhere_raises_what_an_unbroken_run_raises(steps, data):
    """Times go forward with jitter; the run is cut at any record and goes on from its checkpoint."""
    matches = [Match(i.to_bytes(16), "r", i * 2 + jitter / 4, (group,), b"{}", "") for i, (jitter, group) in enumerate(steps)]
    cut = data.draw(st.integers(0, len(matches)))
    condition = data.draw(st.sampled_from(["{gte: 3}", "{gte: 2, lte: 3}"]))
    whole = run(correlator(condition), matches)
    first = correlator(condition)
    before = run(first, matches[:cut])
    mark = first.checkpoint(cut)
    again = Correlator([event_count(condition)], 5, resume=mark, committed=cut)
    after = [*again.feed([(i, "c", m) for i, m in enumerate(matches) if i >= mark.needed_from])]
    assert sorted(f.id for f in before + after) == sorted(f.id for f in whole)
