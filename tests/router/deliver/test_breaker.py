"""The breaker against what it promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from router.deliver.breaker import Breaker, State
from tests.contract.examples import examples


class BreakerMachine(RuleBasedStateMachine):
    """Writes start when it lets them, and end in any order and in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(), 1000.0
        self.flying: list[bool] = []
        self.in_a_row = 0
        self.recent: list[bool] = []

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def start(self) -> None:
        if self.breaker.wait(self.now) <= 0:
            was_closed = self.breaker.closed
            probe = self.breaker.start()
            assert probe is not was_closed
            self.flying.append(probe)

    @rule(index=st.integers(0, 1000), how=st.sampled_from(["succeed", "fail", "pause"]))
    def land(self, index: int, how: str) -> None:
        if not self.flying:
            return
        probe = self.flying.pop(index % len(self.flying))
        was_closed = self.breaker.closed
        if how == "succeed":
            self.breaker.succeed(probe)
            assert self.breaker.closed or not (probe or was_closed)
        elif how == "fail":
            self.breaker.fail(probe, self.now)
            assert not (probe and self.breaker.closed)
        else:
            self.breaker.pause(probe, self.now)
            assert not self.breaker.closed
        self._remember(how, was_closed, probe)

    def _remember(self, how: str, was_closed: bool, probe: bool) -> None:
        if probe or how == "pause" or not was_closed:
            self.in_a_row, self.recent = 0, []
            return
        self.in_a_row = 0 if how == "succeed" else self.in_a_row + 1
        self.recent = [*self.recent, how == "succeed"][-20:]
        should_open = self.in_a_row >= 5 or (len(self.recent) == 20 and self.recent.count(False) >= 10)
        assert self.breaker.closed is not should_open
        if should_open:
            self.in_a_row, self.recent = 0, []

    @rule()
    def trip(self) -> None:
        self.breaker.trip(self.now)
        self.flying = [False for _ in self.flying]
        self.in_a_row, self.recent = 0, []
        assert self.breaker.state is State.OPEN

    @invariant()
    def at_most_one_probe_is_out(self) -> None:
        assert sum(self.flying) <= 1
        assert (self.breaker.state is State.HALF_OPEN) is (sum(self.flying) == 1)

    @invariant()
    def the_next_probe_is_never_further_than_a_minute(self) -> None:
        if self.breaker.state in (State.OPEN, State.PAUSED):
            assert self.breaker.wait(self.now) <= 60


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=examples(300), stateful_step_count=60, deadline=None)


def test_probes_come_after_1_2_4_and_at_most_60_seconds() -> None:
    breaker, now, waits = Breaker(), 0.0, []
    for _ in range(5):
        breaker.fail(False, now)
    for _ in range(9):
        waits.append(breaker.wait(now))
        now += waits[-1]
        breaker.fail(breaker.start(), now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_paused_sink_is_tried_slowly() -> None:
    breaker, now, waits = Breaker(), 0.0, []
    breaker.pause(False, now)
    for _ in range(6):
        assert breaker.state is State.PAUSED
        waits.append(breaker.wait(now))
        now += waits[-1]
        breaker.pause(breaker.start(), now)
    assert waits == [5, 10, 20, 40, 60, 60]


def test_a_write_that_was_under_way_when_it_opened_does_not_close_it() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.fail(False, 0.0)
    breaker.succeed(False)
    assert breaker.state is State.OPEN


def test_after_it_closed_the_count_begins_anew() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.fail(False, 0.0)
    breaker.succeed(breaker.start())
    for _ in range(4):
        breaker.fail(False, 2.0)
    assert breaker.closed


def test_a_probe_that_never_got_an_answer_is_repeated_at_once() -> None:
    breaker = Breaker()
    breaker.pause(False, 0.0)
    assert breaker.start()
    breaker.release(7.0)
    assert breaker.state is State.PAUSED
    assert breaker.wait(7.0) == 0
