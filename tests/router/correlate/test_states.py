"""Every type against a slow truth, and through restarts, repeats, limits, suppression and changed definitions."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.correlate import Checkpoint, Clock, Correlator, Match, Tick
from router.correlate.plan import early
from router.telemetry import LATE, SUPPRESSED
from tests.router.correlate.correlations import correlation, end, match, of, run, times

RULES = "[a, b, z]"
KINDS = [
    ("value_count", "{gte: 3, field: n}"),
    ("value_count", "{eq: 2, field: n}"),
    ("value_sum", "{gte: 6, field: n}"),
    ("value_sum", "{lt: 3, field: n}"),
    ("value_avg", "{gt: 2, field: n}"),
    ("value_median", "{gte: 2.5, field: n}"),
    ("value_percentile", "{lt: 1.5, field: n, percentile: 30}"),
    ("temporal", ""),
    ("temporal", "{gte: 2}"),
    ("temporal", "a and not z"),
    ("temporal", "a or (b and z)"),
    ("temporal_ordered", ""),
    ("temporal_ordered", "{gte: 2}"),
    ("temporal_ordered", "a and (b or z)"),
]


def of_kind(kind, condition, **more):
    return correlation(kind, condition, rules=RULES, timespan="6s", **more)


def longest(window):
    """The longest chain in order, by trying every start (matches sorted by time and stage)."""
    best = [0] * 3
    for m in window:
        stage = "abz".index(m.rule)
        best[stage] = max(best[stage], 1 + max(best[:stage], default=0))
    return max(best)


def chained(window, names):
    found = 0
    for m in window:
        found += found < len(names) and m.rule == names[found]
    return found == len(names)


def holds(one, window):
    """The specification, read slowly."""
    rules = {m.rule for m in window}
    numbers = sorted(int(m.values[0][0]) for m in window if m.values)
    if one.type == "value_count":
        return one.holds(len(set(numbers)))
    if one.type == "value_sum":
        return one.holds(sum(numbers))
    if one.type == "value_avg":
        mean = Fraction(sum(numbers), len(numbers))
        return mean > int(one.condition[0][1])
    if one.type in ("value_median", "value_percentile"):
        rank = Fraction(50 if one.type == "value_median" else 30, 100) * (len(numbers) - 1)
        low = int(rank)
        high = min(low + 1, len(numbers) - 1)
        exact = numbers[low] + (rank - low) * (numbers[high] - numbers[low])
        return one.holds(Decimal(exact.numerator) / Decimal(exact.denominator))
    if one.expression is None:
        found = longest(window) if one.type == "temporal_ordered" else len(rules)
        return one.holds(found) if one.condition else found == 3
    if one.type == "temporal_ordered":
        return chained(window, "ab") or chained(window, "az")
    return "a" in rules and "z" not in rules if "not" in repr(one.expression) else "a" in rules or {"b", "z"} <= rules


def brute_force(one, matches):
    """Rising edges: the condition at every entry and at every instant of expiry, over windows cut anew each time.

    What falls and rises at one instant did not fall.
    """
    matches = sorted(matches, key=lambda m: (m.time, "abz".index(m.rule), m.id))
    steps = [(m.time, 1, i) for i, m in enumerate(matches)]
    steps += [(t + 6, 0, -1) for t in {m.time for m in matches} if t + 6 not in {m.time for m in matches}]
    edges, on, fell = [], False, None
    for now, enters, i in sorted(steps):
        seen = matches[: i + 1] if enters else [m for m in matches if m.time <= now]
        window = [m for m in seen if now - 6 < m.time <= now]
        true = bool(window) and holds(one, window)
        if true and not on and now != fell:
            edges.append(now)
        fell = now if on and not true else fell
        on = true
    return edges


def matches_of(one, steps):
    field = bool(one.fields)
    return [
        match(float(t), n, rule="abz"[which], values=((str(value),),) if field else ())
        for n, (t, which, value) in enumerate(steps)
    ]


steps = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, 4)), max_size=25)


@pytest.mark.parametrize(("kind", "condition"), KINDS)
@given(steps=steps)
@settings(max_examples=80)
def test_the_edges_are_those_of_brute_force(kind, condition, steps):
    one = of_kind(kind, condition)
    matches = matches_of(one, sorted(steps, key=lambda s: s[0]))
    fired = run(Correlator([one], 5), [*matches, last(one)])
    assert of(fired) == brute_force(one, matches)


def last(one):
    return end(rule="a", values=(("0",),) if one.fields else ())


@pytest.mark.parametrize(("kind", "condition"), KINDS)
@given(steps=steps, chance=st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_order_of_arrival_within_lateness_does_not_lose_or_double_a_stretch(kind, condition, steps, chance):
    one = of_kind(kind, condition)
    matches = matches_of(one, steps)
    expected = brute_force(one, matches)
    chance.shuffle(matches)
    fired = of(run(Correlator([one], 100), [*matches, last(one)]))
    if early(one):
        assert len(fired) >= len(expected)
        assert all(any(edge <= f for f in fired) for edge in expected)
    else:
        assert fired == expected


@pytest.mark.parametrize(("kind", "condition"), KINDS)
@given(data=st.data())
@settings(max_examples=60)
def test_a_restart_anywhere_raises_what_an_unbroken_run_raises(kind, condition, data):
    """Times go forward with jitter, ticks come in between; the run is cut at any record and goes on from its checkpoint."""
    one = of_kind(kind, condition)
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 4), st.sampled_from("xy")), max_size=30)
    )
    records: list[Any] = []
    for i, (jitter, which, value, group) in enumerate(steps):
        if which == 3:
            records.append((i, "", Tick(i + jitter / 4)))
        else:
            values = ((str(value),),) if one.fields else ()
            records.append((i, "c", match(i + jitter / 4, i, (group,), rule="abz"[which], values=values)))
    cut = data.draw(st.integers(0, len(records)))
    whole = [f for record in records for f in Correlator.feed(unbroken, [record])] if (unbroken := Correlator([one], 5)) else []
    first = Correlator([one], 5)
    before = [f for record in records[:cut] for f in first.feed([record])]
    mark = Checkpoint.parse(first.checkpoint(cut).text())
    assert mark is not None
    after = Correlator([one], 5, resume=mark, committed=cut).feed([r for r in records if r[0] >= mark.needed_from])
    assert sorted(f.id for f in before + after) == sorted(f.id for f in whole)


def test_a_partition_that_fell_silent_is_decided_by_a_tick():
    one = Correlator([correlation("temporal_ordered", rules="[a, b]")], 5)
    fed = [(0, "c", match(0, rule="a")), (1, "c", match(1, rule="b"))]
    assert one.feed(fed) == []
    assert not one.wants(5)
    assert one.wants(6.5)
    assert times(one.feed([(2, "", Tick(6.5))])) == [1]


def test_a_negative_number_that_comes_late_takes_back_the_truth_and_not_the_alert():
    one = Correlator([correlation("value_sum", "{gte: 10, field: n}")], 5)
    numbers = [(0, "6"), (2, "6"), (1, "-5"), (3, "4"), (4, "1")]
    assert times(run(one, [match(t, i, values=((n,),)) for i, (t, n) in enumerate(numbers)])) == [2, 3]


def test_a_tick_makes_nothing_late_that_fires_on_arrival():
    one = Correlator([correlation("event_count", "{gte: 2}")], 5)
    assert times(one.feed([(0, "c", match(0)), (1, "", Tick(1000)), (2, "c", match(1))])) == [1]


def test_nothing_that_fires_on_arrival_asks_for_ticks():
    one = Correlator([correlation("event_count", "{gte: 2}")], 5)
    one.feed([(0, "c", match(0))])
    assert not one.wants(1e9)


def test_the_same_match_delivered_twice_counts_once_in_every_type():
    for kind, condition in KINDS:
        one = of_kind(kind, condition)
        matches = matches_of(one, [(0, 0, 4), (1, 1, 1), (2, 2, 2)])
        twice = [m for m in matches for _ in range(2)]
        once = run(Correlator([one], 5), [*matches, last(one)])
        assert [f.id for f in run(Correlator([one], 5), [*twice, last(one)])] == [f.id for f in once]


def test_alerts_of_a_match_that_enters_and_of_it_as_it_leaves_have_different_ids():
    fired = run(Correlator([correlation("event_count", "{eq: 1}")], 5), [match(0), match(1), end()])
    assert of(fired) == [0, 10]
    assert len({f.id for f in fired}) == len(fired)


@pytest.mark.parametrize(
    ("values", "reason"),
    [(((),), "value_missing"), ((("x",),), "not_a_number"), ((("1e41",),), "not_a_number"), ((("1",), ("2",)), "changed")],
)
def test_a_match_without_a_value_that_counts_is_counted_apart(values, reason):
    before = LATE.labels("c", reason)._value.get()
    assert run(Correlator([correlation("value_sum", "{gte: 0, field: n}")], 5), [match(0, values=values)]) == []
    assert LATE.labels("c", reason)._value.get() == before + 1


def test_more_values_in_one_match_than_the_limit_are_counted_apart():
    before = LATE.labels("c", "too_many_values")._value.get()
    many = match(0, values=(tuple(map(str, range(1001))),))
    assert run(Correlator([correlation("value_count", "{gte: 1, field: n}")], 5), [many]) == []
    assert LATE.labels("c", "too_many_values")._value.get() == before + 1


def test_matches_made_for_another_version_of_the_correlation_do_not_count_for_the_changed_one():
    before = LATE.labels("c", "changed")._value.get()
    old, new = correlation("event_count", "{gte: 1}"), correlation("event_count", "{gte: 1}", timespan="20s")
    assert old.version() != new.version()
    made = match(0)._replace(version=old.version())
    assert len(run(Correlator([old], 5), [made])) == 1
    assert run(Correlator([new], 5), [made]) == []
    assert LATE.labels("c", "changed")._value.get() == before + 1


def test_suppress_holds_back_an_edge_that_follows_another_within_its_time():
    before = SUPPRESSED.labels("c")._value.get()
    one = correlation("event_count", "{gte: 2}", own="logweir: {suppress: 1m}")
    matches = [match(t + s) for t in (0, 30, 80, 150) for s in (0, 1)]
    assert times(run(Correlator([one], 5), matches)) == [1, 151]
    assert SUPPRESSED.labels("c")._value.get() == before + 2


def test_suppress_survives_a_restart():
    one = correlation("event_count", "{gte: 2}", own="logweir: {suppress: 1m}")
    matches = [match(t + s) for t in (0, 40) for s in (0, 1)]
    first = Correlator([one], 5)
    assert times(run(first, matches[:2])) == [1]
    run(first, [match(25)], 2)
    mark = first.checkpoint(3)
    again = Correlator([one], 5, resume=mark, committed=3)
    records = [*matches[:2], match(25), *matches[2:]]
    assert run(again, records[mark.needed_from :], mark.needed_from) == []


@pytest.mark.parametrize("kind", ["value_count", "temporal"])
def test_a_flood_of_one_kind_does_not_push_out_the_others(kind, monkeypatch):
    monkeypatch.setattr("router.correlate.plan.MAX_REMEMBERED", 10)
    before = LATE.labels("c", "match_limit")._value.get()
    one = correlation(kind, "{gte: 2, field: n}" if kind == "value_count" else "", rules="[a, b]", timespan="1h")
    field = kind == "value_count"
    flood = [match(t + 1, t, rule="b", values=(("same",),) if field else ()) for t in range(500)]
    rare = match(0, -7, rule="b" if field else "a", values=(("rare",),) if field else ())
    fired = run(Correlator([one], 5), [rare, *flood])
    assert times(fired) == [1]
    first, late = Correlator([one], 5), match(900, -8, rule="a", values=(("late",),) if field else ())
    assert [f.degraded for f in run(first, [*flood, late])] == [True]
    assert LATE.labels("c", "match_limit")._value.get() > before


def test_a_crowded_window_that_waits_lets_its_oldest_go_and_says_so(monkeypatch):
    monkeypatch.setattr("router.correlate.window.MAX_MATCHES", 10)
    before = LATE.labels("c", "match_limit")._value.get()
    one = correlation("temporal_ordered", rules="[a, b]", timespan="1h")
    matches = [match(float(t), t, rule="a") for t in range(30)] + [match(30.0, 30, rule="b")]
    fired = run(Correlator([one], 1), [*matches, end(rule="a")])
    assert [(f.time, f.degraded) for f in fired] == [(30, True)]
    assert LATE.labels("c", "match_limit")._value.get() > before


def test_more_matches_than_a_partition_may_hold_are_counted(monkeypatch):
    monkeypatch.setattr("router.correlate.groups.MAX_HELD", 2)
    before = LATE.labels("c", "partition_limit")._value.get()
    assert run(Correlator([correlation("event_count", "{gte: 3}")], 5), [match(t) for t in (0, 1, 2)]) == []
    assert LATE.labels("c", "partition_limit")._value.get() == before + 1


def test_windows_hold_no_more_than_they_may_and_groups_that_have_begun_go_on() -> None:
    refused = LATE.labels("c", "memory_limit")._value.get
    before = refused()
    one = Correlator([correlation("event_count", "{gte: 3}", timespan="1h")], 5, most_bytes=100_000)
    run(one, [match(0, -1, ("old",))])
    run(one, [match(n / 1000, n, (f"g{n}",)) for n in range(1000)])
    new = refused()
    assert 800 < new - before < 1000
    assert 80_000 <= one.held_bytes < 82_000
    [fired] = run(one, [match(2, -2, ("old",)), match(3, -3, ("old",))])
    assert fired.group == ("old",)
    run(one, [match(n, 5000 + n, ("old",)) for n in range(4, 100)])
    assert 100_000 <= one.held_bytes < 102_000
    assert refused() > new


@pytest.mark.parametrize(
    ("kind", "condition"), [("event_count", "{gte: 3}"), ("event_count", "{lt: 3}"), ("value_count", "{gte: 2, field: n}")]
)
@pytest.mark.parametrize("own", ["", "logweir: {suppress: 30s}"])
def test_what_windows_held_is_given_back(kind: str, condition: str, own: str) -> None:
    one = Correlator([correlation(kind, condition, own=own)], 5)
    values = (("1",), ("2",))
    matches = [
        match(t, n, (str(n % 7),), values=(values[n % 2],) if "field" in condition else ())
        for n, t in enumerate((*range(50), 20, 49, 48))
    ]
    run(one, matches)
    assert one.held_bytes > 0
    run(one, [match(10_000, -1, ("z",), values=(("1",),) if "field" in condition else ())])
    run(one, [match(90_000, -2, ("z",), values=(("1",),) if "field" in condition else ())])
    assert one.open_groups() == {"c": 1}
    assert one.held_bytes < 3000


def test_a_clock_with_fewer_levels_than_needed_waits():
    assert Clock(5.0).sized(2).at(2, True) == float("-inf")


def test_a_match_of_a_rule_that_the_correlation_no_longer_names_does_not_count():
    assert run(Correlator([correlation("temporal_ordered", rules="[a, b]")], 5), [match(0, rule="x"), end(rule="a")]) == []


def test_a_match_keeps_what_decode_made_of_it():
    assert Match(b"", "r", 0.0, (), b"{}").carried == {}


def test_repeats_of_a_match_take_no_room_and_a_restart_still_knows_the_first():
    one = correlation("event_count", "{gte: 2}")
    first = Correlator([one], 5)
    again = match(0, 7)._replace(time=3.0)
    assert run(first, [match(0, 7), *[again] * 1000]) == []
    assert len(first._groups["c"]._held) == 1
    mark = first.checkpoint(1001)
    assert mark.needed_from == 0
    after = Correlator([one], 5, resume=mark, committed=1001)
    assert run(after, [match(0, 7), *[again] * 1000, again]) == []
    assert times(run(after, [match(4, 8)], 1002)) == [4]


@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal", "temporal_ordered"])
def test_of_matches_that_were_pushed_out_nothing_is_left_after_their_time(kind, monkeypatch):
    monkeypatch.setattr("router.correlate.plan.MAX_REMEMBERED", 10)
    monkeypatch.setattr("router.correlate.window.MAX_MATCHES", 10)
    condition = {"event_count": "{gte: 5}", "value_count": "{gte: 9, field: n}"}.get(kind, "")
    one = correlation(kind, condition, rules="[a, b]", timespan="1m")
    values = (("same",),) if kind == "value_count" else ()
    flooded = Correlator([one], 1)
    run(flooded, [match(t / 100, t, rule="a", values=values) for t in range(20_000)])
    groups = flooded._groups["c"]
    (window,) = groups._groups.values()
    known = [t for t in range(20_000) if window.knows(match(t / 100, t, rule="a").id)]
    assert known[-1] == 19_999
    assert len(known) <= len(groups._held) + 1 < 7_000
