"""Batches through all rules, with counters and clocks that lie."""

from uuid import uuid4

from router.batch import Event
from router.detect import Joint
from router.detect.engine import Options
from router.reduce import Reducer
from router.reduce.judge import Picker
from router.telemetry import REGISTRY
from tests.router.reduce.noise import noise


def event(**fields: object) -> Event:
    """An event of dataset d."""
    return {"event": {"dataset": "d"}, **fields}


def judge(reducer: Reducer, events: list[Event], times: list[float]) -> tuple[list[tuple[tuple[str, ...], tuple[str, ...]]], int]:
    """Rows, and how many events summaries count."""
    joint = Joint[Picker]([], reducer.selections, Options())
    found = [
        reducer.row(joint.match(event)[1], event, i.to_bytes(16), time, matched=False)
        for i, (event, time) in enumerate(zip(events, times, strict=True))
    ]
    return found, sum(s.count for s in reducer.close(times))


def matches(rule: str, shadow: str) -> float:
    """The counter of a rule."""
    return REGISTRY.get_sample_value("logweir_noise_matches_total", {"rule": rule, "shadow": shadow}) or 0.0


def test_matches_are_counted_by_rule_and_shadow() -> None:
    live, shadow = f"l-{uuid4().hex[:8]}", f"s-{uuid4().hex[:8]}"
    text = (
        f"id: {live}\ntitle: t\nkind: drop\ndatasets: [d]\n---\nid: {shadow}\ntitle: t\nkind: drop\nshadow: true\ndatasets: [d]\n"
    )
    judge(Reducer(noise(text)), [event(), event(), {}], [0.0, 1.0, 2.0])
    assert (matches(live, "false"), matches(shadow, "true")) == (2, 2)


def test_an_empty_batch_is_fine() -> None:
    assert judge(Reducer(noise("id: a\ntitle: t\nkind: dedupe\nby: [k]\nwindow_seconds: 60\ndatasets: [d]\n")), [], []) == ([], 0)


def test_one_clock_that_is_years_ahead_does_not_end_the_windows_of_others() -> None:
    reducer = Reducer(noise("id: a\ntitle: t\nkind: dedupe\nby: [k]\nwindow_seconds: 60\ndatasets: [d]\n"))
    judge(reducer, [event(k=1), event(k=2), event(k=1)], [100.0, 100.0, 101.0])
    said, summed = judge(reducer, [event(k=9), event(k=1), event(k=1)], [4e9, 102.0, 103.0])
    assert [bool(n) for n, _ in said] == [False, True, True]
    assert summed == 0


def test_what_was_held_back_is_summed_up_to_the_event_in_the_end() -> None:
    reducer = Reducer(noise("id: a\ntitle: t\nkind: dedupe\nby: [k]\nwindow_seconds: 60\nmax_groups: 5\ndatasets: [d]\n"))
    left_out = summed = 0
    for batch in range(50):
        events = [event(k=(batch * 7 + i) % 11) for i in range(100)]
        said, count = judge(reducer, events, [batch * 10.0 + i * 0.1 for i in range(100)])
        left_out += sum(1 for n, _ in said if n)
        summed += count
    summed += sum(s.count for s in reducer.finish())
    assert left_out > 200
    assert summed == left_out
    assert REGISTRY.get_sample_value("logweir_noise_evicted_groups_total", {"rule": "a"})
