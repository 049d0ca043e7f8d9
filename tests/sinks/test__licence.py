"""The licence against every second, when what leaves may be late."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sinks._licence import Licence
from tests.contract.examples import examples

lateness = st.lists(st.tuples(st.floats(0, 1.5), st.floats(0, 0.4), st.integers(1, 300)), min_size=1, max_size=60)


@settings(max_examples=examples(400), deadline=None)
@given(rate=st.one_of(st.floats(0.05, 5), st.integers(1, 1000).map(float)), steps=lateness)
def test_no_second_holds_more_than_the_licence(rate: float, steps: list[tuple[float, float, int]]) -> None:
    """Wherever in its time under way a part really arrives."""
    licence, now = Licence(rate), 50.0
    capacity = max(1, int(rate))
    period = capacity / rate
    under_way: list[tuple[float, float, int]] = []
    for pause, late, count in steps:
        now += pause
        for part in licence.parts([b""] * count):
            while (wait := licence.wait(len(part), now)) > 0:
                now += max(wait, 1e-6)
            began, now = now, now + late
            licence.spend(len(part), now)
            under_way.append((began, now, len(part)))
    for began, _, _ in under_way:  # all that may have arrived in the period that ends there
        assert sum(n for b, e, n in under_way if e > began - period * (1 - 1e-9) and b <= began) <= capacity


@given(rate=st.integers(1, 5000).map(float), count=st.integers(1, 9000))
def test_parts_are_all_the_lines_in_their_order(rate: float, count: int) -> None:
    lines = [b"%d" % n for n in range(count)]
    parts = list(Licence(rate).parts(lines))
    assert [line for part in parts for line in part] == lines
    assert max(map(len, parts)) <= max(1, -(-int(rate) // 4))


def test_nothing_is_lost_of_the_licence_when_nothing_is_late() -> None:
    licence, now, sent = Licence(900), 0.0, 0
    while now < 10:
        if (wait := licence.wait(225, now)) > 0:
            now += max(wait, 1e-6)
            continue
        licence.spend(225, now)
        sent += 225
    assert sent == 9000


def test_less_than_one_line_a_second_is_possible() -> None:
    licence = Licence(0.5)
    licence.spend(1, 0.0)
    assert licence.wait(1, 0.5) == 1.5
