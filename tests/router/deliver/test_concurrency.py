"""How many writes run at once, for far ends that behave in different ways."""

from router.deliver.concurrency import Concurrency


def run(concurrency: Concurrency, rounds: int, seconds: float, *, refused: bool = False, now: float = 0.0) -> float:
    """Answers at full width, one after the other."""
    for _ in range(rounds):
        for _ in range(concurrency.limit):
            now += seconds / concurrency.limit
            concurrency.observe(seconds, refused=refused, saturated=True, now=now)
    return now


def test_it_starts_with_one_and_grows_while_the_sink_keeps_its_pace() -> None:
    concurrency = Concurrency(8)
    assert concurrency.limit == 1
    run(concurrency, 30, 0.05)
    assert concurrency.limit == 8


def test_it_does_not_grow_while_the_limit_is_not_reached() -> None:
    concurrency = Concurrency(8)
    for i in range(100):
        concurrency.observe(0.05, refused=False, saturated=False, now=float(i))
    assert concurrency.limit == 1


def test_refusals_bring_it_down_to_one() -> None:
    concurrency = Concurrency(200)
    now = run(concurrency, 400, 0.05)
    assert concurrency.limit > 100
    run(concurrency, 10, 0.05, refused=True, now=now)
    assert concurrency.limit == 1


def test_a_sink_twenty_times_as_slow_is_down_to_two_writes_within_a_round() -> None:
    concurrency = Concurrency(8)
    now = run(concurrency, 40, 0.05)
    run(concurrency, 1, 1.0, now=now)
    assert concurrency.limit <= 2


def test_it_recovers_when_the_sink_does() -> None:
    concurrency = Concurrency(8)
    now = run(concurrency, 40, 0.05)
    now = run(concurrency, 20, 1.0, now=now)
    run(concurrency, 60, 0.05, now=now)
    assert concurrency.limit == 8


def test_a_sink_that_stays_slow_becomes_normal_in_the_end() -> None:
    concurrency = Concurrency(8)
    now = run(concurrency, 40, 0.05)
    run(concurrency, 200, 1.0, now=now)
    assert concurrency.limit == 8


def test_an_ordered_sink_has_its_width_from_the_start() -> None:
    concurrency = Concurrency(3, fixed=True)
    run(concurrency, 5, 1.0, refused=True)
    assert concurrency.limit == 3


def test_it_never_passes_two_hundred() -> None:
    concurrency = Concurrency(10_000)
    run(concurrency, 900, 0.01)
    assert concurrency.limit == 200
