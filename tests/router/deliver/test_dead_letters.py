"""A dead letter keeps every byte."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.batch import NO_FACTS, Facts, Origin, Record
from router.deliver.dead_letters import dead_letter, read_dead_letter
from router.errors import Malformed

texts = st.text(max_size=20)
facts = st.builds(
    Facts,
    source=texts,
    peer=texts,
    envelope=st.sampled_from(["", "splunk_hec"]),
    meta=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    dataset=texts,
    kind=texts,
    severity=st.integers(0, 90),
    noise=st.lists(texts, max_size=3).map(tuple),
    trim=st.lists(texts, max_size=3).map(tuple),
)
records = st.builds(
    Record,
    id=st.binary(min_size=16, max_size=16),
    body=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))),
    time=st.floats(0, 4e9),
    facts=facts,
    key=st.binary(max_size=10),
    origin=st.none() | st.builds(Origin, st.integers(0, 99), st.integers(0, 2**62), st.integers(0, 99)),
)


def letter_of(record: Record, **changed: object) -> Record:
    """A letter from partition 3, offset 77 of `events`."""
    about = {"stage": "soc", "reason": "no", "topic": "events", "partition": 3, "offset": 77, "attempts": 2, **changed}
    return dead_letter(record, **about)  # type: ignore[arg-type]  # keywords of many types


@settings(max_examples=400, deadline=None)
@given(records)
def test_the_record_comes_back_as_it_was(record: Record) -> None:
    letter = read_dead_letter(letter_of(record))
    assert letter.record == record
    assert (letter.stage, letter.reason, letter.attempts) == ("soc", "no", 2)
    assert (letter.topic, letter.partition, letter.offset) == ("events", 3, 77)
    assert letter.complete


@pytest.mark.parametrize(
    "body",
    [b"x" * 899_999, b"\x00" * 899_999, bytes(range(256)) * 3500, "\u20ac".encode() * 299_999, b"\x01" * 200_000],
    ids=["text", "nul", "bytes", "euro", "control"],
)
def test_a_large_body_comes_back_and_the_letter_is_hardly_larger(body: bytes) -> None:
    record = Record(b"i" * 16, body, 1.0)
    letter = letter_of(record)
    assert read_dead_letter(letter).record == record
    assert len(letter.body) <= 610_000


def test_a_text_body_can_be_read_by_people() -> None:
    letter = orjson.loads(letter_of(Record(b"i" * 16, b'{"a":"\xc3\xa4"}', 1.0)).body)
    assert (letter["encoding"], letter["body"]) == ("utf-8", '{"a":"ä"}')


def test_the_letter_has_the_id_and_the_facts_of_its_record() -> None:
    record = Record(b"i" * 16, b"{}", 5.0, Facts("src", dataset="d"))
    letter = letter_of(record)
    assert (letter.id, letter.time, letter.facts) == (record.id, record.time, record.facts)


def test_without_its_body_the_coordinates_still_lead_to_it() -> None:
    letter = read_dead_letter(letter_of(Record(b"i" * 16, b"{}", 1.0), keep_body=False))
    assert not letter.complete
    assert letter.record.body == b""
    assert letter.offset == 77


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'"x"', b"\xff", b'{"encoding":"rot13"}'])
def test_what_is_no_dead_letter_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_dead_letter(Record(b"i" * 16, body, 1.0, NO_FACTS))


def test_a_reason_that_is_no_proper_text_does_no_harm() -> None:
    assert read_dead_letter(letter_of(Record(b"i" * 16, b"{}", 1.0), reason="bad \ud800")).reason == "bad ?"
