"""A sink's result, sorted by what has to be done about each record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.deliver.parcel import Parcel
from router.protocols import Outcome, WriteResult

_DONE = (Outcome.DELIVERED, Outcome.REDIRECTED, Outcome.DUPLICATE)


@dataclass(slots=True)
class Answer:
    """Ascending indices into the parcel, by outcome."""

    done: dict[Outcome, Sequence[int]] = field(default_factory=dict)
    retry: Sequence[int] = ()
    rejected: Sequence[int] = ()
    reasons: Mapping[int, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None

    def reason(self, index: int) -> str:
        """Why a record was not taken."""
        return self.reasons.get(index, "no reason given")


def read_answer(sink: str, parcel: Parcel, result: WriteResult) -> Answer:
    """Raises RuntimeError where the sink did not answer for every record: which ones arrived cannot be told."""
    outcomes, count = result.outcomes, len(parcel)
    if len(outcomes) != count:
        raise RuntimeError(f"sink {sink}: {len(outcomes)} outcomes for {count} records")
    if outcomes.count(Outcome.DELIVERED) == count:
        return Answer({Outcome.DELIVERED: range(count)})
    indices: dict[Outcome, list[int]] = {}
    for i, outcome in enumerate(outcomes):
        indices.setdefault(outcome, []).append(i)
    retry, rejected = indices.pop(Outcome.RETRY, ()), indices.pop(Outcome.REJECTED, ())
    return Answer({o: indices[o] for o in _DONE if o in indices}, retry, rejected, result.reasons, result.retry_after_seconds)
