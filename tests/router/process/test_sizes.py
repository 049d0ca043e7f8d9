"""What no log takes becomes a dead letter; the rest of the batch is not touched."""

import os

from router.batch import Batch, Origin, Record, Span
from router.deliver.dead_letters import read_dead_letter
from router.errors import Malformed
from router.log.codec import MAX_BODY_BYTES
from router.process.sizes import fit
from router.process.stage import Output, bury
from tests.contract.log_scene import record

LIMIT = b"x" * MAX_BODY_BYTES
BATCH = Batch([record(n, b"raw %d" % n) for n in range(5)], Span("raw", 3, 100, 105))


def _made(number: int, body: bytes) -> Record:
    return record(number, body)._replace(origin=Origin(3, 100 + number))


def test_the_limit_passes_and_one_byte_more_is_buried_as_it_was_received() -> None:
    out = Output(events=[_made(0, LIMIT), _made(1, LIMIT + b"x"), _made(2, b"small")])
    fit(out, BATCH)
    assert [e.id for e in out.events] == [record(0).id, record(2).id]
    (letter,) = map(read_dead_letter, out.dead)
    assert (letter.reason, letter.offset, letter.partition) == ("too_large", 101, 3)
    assert letter.record.body == b"raw 1"


def test_an_alert_that_is_too_large_buries_its_event_and_leaves_the_other_matches() -> None:
    out = Output(matches={0: [_made(0, b"a"), _made(4, LIMIT + b"x")], 1: [_made(2, b"b")]})
    fit(out, BATCH)
    assert {p: [m.body for m in records] for p, records in out.matches.items()} == {0: [b"a"], 1: [b"b"]}
    assert [read_dead_letter(d).reason for d in out.dead] == ["alert_too_large"]


def test_a_letter_that_is_too_large_keeps_its_coordinates() -> None:
    raw = record(1, os.urandom(MAX_BODY_BYTES))
    out = Output(dead=[bury(raw, Malformed("unreadable"), Origin(3, 101))])
    assert len(out.dead[0].body) > MAX_BODY_BYTES
    fit(out, BATCH)
    letter = read_dead_letter(out.dead[0])
    assert (letter.complete, letter.offset, letter.reason) == (False, 101, "unreadable")
