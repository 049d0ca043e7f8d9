"""The prefix tracker against a model: a commit never passes an offset that is still open."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.deliver.tracker import Tracker
from tests.contract.examples import examples


class TrackerMachine(RuleBasedStateMachine):
    """Offsets with holes are taken in order, and settled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = Tracker()
        self.open: set[int] = set()
        self.taken: list[int] = []
        self.end = 0
        self.has_begun = False
        self.positions: list[int] = []

    @rule(gaps=st.lists(st.integers(0, 3), max_size=8), tail=st.integers(0, 3))
    def take(self, gaps: list[int], tail: int) -> None:
        offsets, at = [], self.end
        for gap in gaps:
            offsets.append(at + gap)
            at += gap + 1
        self.end = at + tail
        self.has_begun = True
        self.tracker.take(offsets, self.end)
        self.open.update(offsets)
        self.taken += offsets

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        some = data.draw(st.lists(st.sampled_from(sorted(self.open)), unique=True, min_size=1))
        self.tracker.settle(some)
        self.open -= set(some)

    @invariant()
    def the_position_is_the_first_open_offset_or_the_end(self) -> None:
        expected = min(self.open, default=self.end if self.has_begun else None)
        assert self.tracker.position == expected

    @invariant()
    def the_position_never_goes_back(self) -> None:
        if self.tracker.position is not None:
            self.positions.append(self.tracker.position)
        assert self.positions == sorted(self.positions)

    @invariant()
    def it_holds_what_the_prefix_has_not_passed(self) -> None:
        first = min(self.open, default=self.end)
        assert len(self.tracker) == sum(1 for offset in self.taken if offset >= first)


TestTracker = TrackerMachine.TestCase
TestTracker.settings = settings(max_examples=examples(200), stateful_step_count=30, deadline=None)


def test_nothing_is_committed_before_anything_was_taken() -> None:
    assert Tracker().position is None


def test_a_span_of_which_nothing_is_wanted_moves_the_position() -> None:
    tracker = Tracker()
    tracker.take([], 50)
    assert tracker.position == 50
