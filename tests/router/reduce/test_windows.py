"""Windows against a model: nothing is left out unless enough of its kind was kept in the window around it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.reduce.windows import Windows

events = st.lists(st.tuples(st.integers(0, 3), st.floats(-30, 30)), max_size=120)


@settings(max_examples=300, deadline=None)
@given(limit=st.integers(1, 3), groups=st.integers(1, 4), events=events)
def test_an_event_is_left_out_only_if_the_limit_was_kept_within_a_window_of_it(
    limit: int, groups: int, events: list[tuple[int, float]]
) -> None:
    windows, kept, now = Windows(limit, 60.0, groups), dict[int, list[float]](), 1000.0
    left_out = 0
    for i, (group, seconds) in enumerate(events):
        now += seconds
        if windows.is_full((group,), now):
            near = [t for t in kept.get(group, []) if abs(t - now) < 120.0]
            assert len(near) >= limit
            windows.leave_out((group,), now, i.to_bytes(16))
            left_out += 1
        else:
            windows.keep((group,), now, i.to_bytes(16), "d")
            kept.setdefault(group, []).append(now)
        assert len(windows) <= groups
    windows.close_all()
    assert sum(closed.group.left_out for closed in windows.ended()) == left_out


def test_a_window_begins_with_its_first_event_and_does_not_move() -> None:
    windows = Windows(1, 60.0, 10)
    windows.keep(("a",), 0.0, b"1", "d")
    assert windows.is_full(("a",), 59.9)
    windows.leave_out(("a",), 59.9, b"2")
    assert not windows.is_full(("a",), 60.0)


def test_an_event_from_before_the_window_is_kept_and_changes_nothing() -> None:
    windows = Windows(1, 60.0, 10)
    windows.keep(("a",), 1000.0, b"1", "d")
    assert not windows.is_full(("a",), 900.0)
    windows.keep(("a",), 900.0, b"2", "d")
    assert windows.is_full(("a",), 1001.0)


def test_the_group_seen_least_recently_goes_first_and_is_counted() -> None:
    windows = Windows(1, 60.0, 2)
    windows.keep(("a",), 0.0, b"1", "d")
    windows.keep(("b",), 0.0, b"2", "d")
    windows.leave_out(("a",), 1.0, b"3")
    windows.keep(("c",), 2.0, b"4", "d")
    assert windows.evicted == 1
    assert windows.is_full(("a",), 3.0)
    assert not windows.is_full(("b",), 3.0)


def test_a_window_that_left_nothing_out_ends_in_silence() -> None:
    windows = Windows(1, 60.0, 2)
    windows.keep(("a",), 0.0, b"1", "d")
    windows.close_before(100.0)
    assert len(windows) == 0
    assert list(windows.ended()) == []


def test_a_flood_of_groups_is_bounded() -> None:
    windows = Windows(1, 60.0, 100)
    for i in range(10_000):
        windows.keep((i,), 0.0, b"1", "d")
    assert len(windows) == 100
    assert windows.evicted == 9_900
