"""How many records may become dead letters."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.deliver.brake import Brake
from tests.contract.examples import examples


def test_one_bad_record_of_a_quiet_stream_is_buried() -> None:
    assert Brake().allow(1, 1, 0.0) == 1


def test_a_steady_half_percent_is_buried_for_ever() -> None:
    brake = Brake()
    assert all(brake.allow(200, 1, float(second * 2)) == 1 for second in range(5000))


def test_more_than_a_percent_of_ten_thousand_brakes_however_slow_they_come() -> None:
    brake = Brake()
    allowed = [brake.allow(50, 1, second * 3600.0) for second in range(300)]
    assert allowed.index(0) == 100


def test_more_than_a_hundred_in_a_minute_brake_however_many_records_there_were() -> None:
    brake = Brake()
    allowed = sum(brake.allow(1_000_000, 10, second * 1.0) for second in range(59))
    assert allowed == 100


def test_thirty_percent_are_stopped_at_a_hundred() -> None:
    brake = Brake()
    assert brake.allow(2000, 600, 0.0) == 100
    assert brake.allow(2000, 600, 1.0) == 0


def test_a_minute_later_it_lets_through_as_many_again_once_reopened() -> None:
    brake = Brake()
    brake.allow(2000, 600, 0.0)
    assert brake.allow(500, 500, 61.0) == 0
    brake.reopen()
    assert brake.allow(500, 500, 61.0) == 100


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 5000), st.floats(0, 40)), max_size=80))
def test_no_minute_has_more_than_the_limit(steps: list[tuple[int, int, float]]) -> None:
    brake, now, buried = Brake(), 0.0, list[tuple[float, int]]()
    for records, rejected, seconds in steps:
        now += seconds
        allowed = brake.allow(records, min(records, rejected), now)
        assert 0 <= allowed <= min(records, rejected)
        buried.append((now, allowed))
    for start, _ in buried:
        assert sum(n for t, n in buried if start <= t < start + 60) <= 100
