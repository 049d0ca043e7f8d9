"""Blocks of columns: whatever goes in comes out, and damage is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch import Facts, Record
from router.log.embedded.block import Damaged, decode, encode
from tests.router.log.test_codec import records


@given(st.lists(records, min_size=1, max_size=12))
def test_a_block_gives_its_records_back(batch: list[Record]) -> None:
    assert decode(encode(batch)) == batch


@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_a_flipped_bit_is_noticed(batch: list[Record], data: st.DataObject) -> None:
    block = bytearray(encode(batch))
    place = data.draw(st.integers(0, len(block) - 1))
    block[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert decode(bytes(block)) == batch  # a bit of the frame's header that means nothing here
    except Damaged:
        pass


@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_a_block_that_is_cut_off_is_noticed(batch: list[Record], data: st.DataObject) -> None:
    block = encode(batch)
    with pytest.raises(Damaged):
        decode(block[: data.draw(st.integers(0, len(block) - 1))])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_block_or_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode(data)


def test_facts_that_are_shared_are_stored_once() -> None:
    facts = Facts("edge", noise=tuple(f"rule-{n}" for n in range(500)))
    many = encode([Record(bytes(16), b"", 0.0, facts) for _ in range(1000)])
    assert len(many) < 5000
