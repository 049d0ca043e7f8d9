"""The high-water mark against a model of crashes and zombies: nothing is left out, and without zombies nothing is there twice."""

from types import SimpleNamespace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.batch import Batch, Facts, Record, Span
from router.detect import Ruleset
from router.process.stage import Stage
from router.reduce import NoiseRules, Reducer
from tests.contract.examples import examples


class _Catalogue:
    """Makes of a payload as many documents as its first byte says."""

    ignored: dict[str, int] = {}  # noqa: RUF012  # nothing is ever ignored here

    def normalize(self, body: bytes, facts: Facts, time: float) -> list[dict[str, object]]:
        return [{"message": f"{body.hex()}/{sub}"} for sub in range(body[0])]

    def received(self) -> bytes:
        return b""


def _stage() -> Stage:
    return Stage(_Catalogue(), Ruleset([], []), Reducer(NoiseRules([])), 1)  # type: ignore[arg-type]  # what it asks of one


class HighWater(RuleBasedStateMachine):
    """One partition of `raw`, its `events`, a commit, and owners of which each may die or come back late."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: list[Record] = []
        self.events: list[Record] = []
        self.committed = 0
        self.had_zombie = False
        self._take_over()

    def _take_over(self) -> None:
        """What `Process.assigned` does."""
        self.position = self.committed
        self.done = self.events[-1].origin if self.events else None

    @rule(counts=st.lists(st.integers(0, 3), min_size=1, max_size=6))
    def receive(self, counts: list[int]) -> None:
        for count in counts:
            number = len(self.raw)
            self.raw.append(Record(number.to_bytes(16), bytes([count]) + number.to_bytes(4), 1.0, Facts("s")))

    def _read(self, count: int) -> tuple[Batch[Record], list[Record]]:
        items = self.raw[self.position : self.position + count]
        batch = Batch(items, Span("raw", 0, self.position, self.position + len(items)))
        return batch, _stage().run(batch, self.done).events

    @precondition(lambda self: self.position < len(self.raw))
    @rule(count=st.integers(1, 8), fate=st.sampled_from(["committed", "written", "lost"]))
    def batch(self, count: int, fate: str) -> None:
        """A batch is written and committed, or the process dies after the one or before the other."""
        batch, made = self._read(count)
        if fate == "lost":
            return self._take_over()
        self.events += made
        if fate == "written":
            return self._take_over()
        self.position = self.committed = batch.span.stop
        self.done = None if made else self.done

    @precondition(lambda self: self.position < len(self.raw))
    @rule(mine=st.integers(1, 8), others=st.integers(1, 8))
    def zombie(self, mine: int, others: int) -> None:
        """A frozen owner read a batch; another one takes over, writes and commits; then the frozen one's append lands."""
        _, late = self._read(mine)
        self._take_over()
        if self.position < len(self.raw):
            batch, made = self._read(others)
            self.events += made
            self.position = self.committed = batch.span.stop
        self.had_zombie = True
        self.events += late
        self._take_over()

    @rule()
    def everything_is_done_in_the_end(self) -> None:
        while self.position < len(self.raw):
            self.batch(3, "committed")
        wanted = [f"{r.body.hex()}/{sub}" for r in self.raw for sub in range(r.body[0])]
        there = [record.body.decode() for record in self.events]
        assert all(any(text in body for body in there) for text in wanted)

    @invariant()
    def nothing_before_the_commit_is_missing(self) -> None:
        there = {record.id for record in self.events}
        assert all(record.id in there for record in self.raw[: self.committed] if record.body[0])

    @invariant()
    def without_zombies_nothing_is_there_twice(self) -> None:
        if not self.had_zombie:
            assert len({record.id for record in self.events}) == len(self.events)


TestHighWater = HighWater.TestCase
TestHighWater.settings = settings(max_examples=examples(150), stateful_step_count=30, deadline=None)


def test_the_model_itself_can_fail() -> None:
    """A mark that is too far ahead loses events: the machine would see it."""
    machine = HighWater()
    machine.receive([1, 1, 1])
    machine.done = SimpleNamespace(offset=2, partition=0, sub=0)  # type: ignore[assignment]  # what a wrong mark would say
    _, made = machine._read(2)
    assert made == []
