"""Plays the vectors of correlations, and the rows of the product's own table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.detection.bench import Bench, Restart, Step
from tests.conformance.detection.vectors import VECTORS, Vector
from tests.router.correlate.correlations import of, run
from tests.router.correlate.test_vectors import ROWS, Row, made

GROUPS = range(1, 18)
_MOST_CUTS = 8


@dataclass
class Played:
    """How many vectors of each group there are, and every one that came out otherwise."""

    by_group: Counter[int] = field(default_factory=Counter)
    rows: int = 0
    disturbed: int = 0
    """Runs of a vector with a restart or a kill in the middle."""
    wrong: list[str] = field(default_factory=list)


def play(every: int = 1) -> Played:
    """All vectors and rows, then one in `every` of the vectors with a restart, and with a kill, at each of its steps."""
    played = Played(Counter(vector.group for vector in VECTORS), len(ROWS))
    played.wrong = list(_wrong())
    for vector in VECTORS[::every]:
        for steps in _with_restarts(vector.steps):
            played.disturbed += 1
            if said := wrong(vector._replace(steps=steps, why=f"{vector.why}, disturbed: {steps}")):
                played.wrong.append(said)
    return played


def _with_restarts(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Committed before, or killed before the commit, at each step; and both kinds in turn at all of them."""
    for cut in range(1, min(len(steps), _MOST_CUTS) + 1):
        yield from ((*steps[:cut], Restart(commit), *steps[cut:]) for commit in (True, False))
    yield tuple(one for n, step in enumerate(steps) for one in (step, Restart(n % 3 != 0)))


def first_wrong() -> str:
    """The first vector or row that comes out otherwise; empty if none does."""
    return next(_wrong(), "")


def _wrong() -> Iterator[str]:
    for vector in VECTORS:
        if said := wrong(vector):
            yield said
    for row in ROWS:
        if (found := row_of(row)) != row.expected:
            yield f"{row.kind} {row.condition}, {row.why}: fires at {found}, not {row.expected}"


def wrong(vector: Vector) -> str:
    """What is wrong with one vector; empty if nothing is."""
    with TemporaryDirectory() as folder:
        found = Bench(Path(folder), vector.documents).play(vector.steps)
    return "" if found == vector.alerts else f"group {vector.group}, {vector.why}: {found} instead of {vector.alerts}"


def row_of(row: Row) -> list[float]:
    """When a row of the product's table fires."""
    correlator, matches = made(row)
    return of(run(correlator, matches, name="it"))
