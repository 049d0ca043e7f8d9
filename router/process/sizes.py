"""Keeps results within what a log takes: one event that grew too large must become a dead letter, not stop the stage for good."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from router.batch import Batch, Origin, Record
from router.deliver.burial import without_body
from router.errors import Malformed
from router.log.codec import MAX_BODY_BYTES
from router.process.stage import Output, bury


def fit(out: Output, batch: Batch[Record]) -> None:
    """Bury the raw record of every result with a larger body than any log takes; letters that are too large lose their body.

    A normalized document may be twice as large as what was received, because of escapes and what is kept of the original.
    """
    if _longest(out.events) > MAX_BODY_BYTES:
        out.events = _within(out.events, lambda record: out.dead.append(letter_of(record, batch, "too_large")))
    for partition, records in out.matches.items():
        if _longest(records) > MAX_BODY_BYTES:
            out.matches[partition] = _within(records, lambda record: out.dead.append(letter_of(record, batch, "alert_too_large")))
    out.dead = [without_body(letter) if _is_large(letter) else letter for letter in out.dead]


def _longest(records: Sequence[Record]) -> int:
    """Bytes of the longest body. Asked for each batch: no step of Python for a record."""
    return max(map(len, map(attrgetter("body"), records)), default=0)


def _is_large(record: Record) -> bool:
    return len(record.body) > MAX_BODY_BYTES


def _within(records: Sequence[Record], otherwise: Callable[[Record], None]) -> list[Record]:
    for record in filter(_is_large, records):
        otherwise(record)
    return [record for record in records if not _is_large(record)]


def letter_of(record: Record, batch: Batch[Record], reason: str) -> Record:
    """The dead letter of the raw record that a result was made from; of the result itself where that is not known (a summary)."""
    origin = record.origin or Origin(batch.span.partition, batch.span.start)
    raw = next((r for i, r in enumerate(batch.items) if batch.offset(i) == origin.offset), record)
    return bury(raw, Malformed(reason), origin)
