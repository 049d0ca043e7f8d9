"""Facts and record headers survive, also those of other versions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch import NO_FACTS, Facts, Origin, Record
from router.log.codec import HeaderWriter, coordinates_id, decode_facts, encode_facts, unpack

_text = st.text(st.characters(), max_size=8)  # lone surrogates included
_words = st.lists(_text, max_size=3).map(tuple)
_meta = st.lists(st.tuples(_text, _text), max_size=3).map(tuple)
facts = st.builds(Facts, _text, _text, _text, _meta, _text, _text, st.integers(0, 100), _words, _words)
origins = st.none() | st.builds(Origin, st.integers(0, 2**32 - 1), st.integers(0, 2**62), st.integers(0, 2**31))
records = st.builds(
    Record,
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=40),
    st.floats(allow_nan=False),
    facts,
    st.binary(max_size=9),
    origins,
)


@given(facts)
def test_facts_survive(value: Facts) -> None:
    assert decode_facts(encode_facts(value)) == value


@given(records)
def test_a_header_gives_the_record_back(record: Record) -> None:
    assert unpack(HeaderWriter().pack(record), record.body, record.key) == record


@given(st.binary(max_size=60))
def test_foreign_headers_are_told_apart(header: bytes) -> None:
    try:
        unpack(header, b"", b"")
    except ValueError:
        return
    assert header[:1] in (b"\x01", b"\x02")


def test_equal_bytes_give_the_same_object() -> None:
    data = encode_facts(Facts("edge", "10.0.0.1"))
    assert decode_facts(data) is decode_facts(bytes(bytearray(data)))


def test_empty_facts_are_the_one_that_everybody_shares() -> None:
    assert decode_facts(encode_facts(Facts())) is NO_FACTS


def test_facts_of_a_newer_version_are_read_without_what_is_new() -> None:
    row = [*json.loads(encode_facts(Facts("edge", severity=70, noise=("n",)))), "new", {"newer": 1}]
    assert decode_facts(json.dumps(row).encode()) == Facts("edge", severity=70, noise=("n",))


def test_facts_of_an_older_version_have_defaults() -> None:
    assert decode_facts(b'["edge","10.0.0.1","",[]]') == Facts("edge", "10.0.0.1")


def test_an_id_made_of_coordinates_depends_on_each_of_them() -> None:
    made = {coordinates_id(t, p, o) for t in ("a", "b") for p in (0, 1) for o in (0, 1)}
    assert len(made) == 8
    assert coordinates_id("a", 0, 1) == coordinates_id("a", 0, 1)


def test_a_record_header_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="version 9"):
        unpack(b"\x09" + bytes(40), b"", b"")
