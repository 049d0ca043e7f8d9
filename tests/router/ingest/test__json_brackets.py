"""The end of a JSON object from its brackets, compared with a reader that looks at one byte after the other."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import Malformed
from router.ingest import _json_brackets
from router.ingest._json_brackets import MAX_DEPTH, Brackets


def slow(data: bytes) -> int | str:
    """The end of the object at 0; 0 if it is not there."""
    depth, is_in_string, at = 0, False, 0
    while at < len(data):
        byte = data[at : at + 1]
        if is_in_string and byte == b"\\":
            at += 1
        elif byte == b'"':
            is_in_string = not is_in_string
        elif not is_in_string and byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return "too_deep"
        elif not is_in_string and byte in b"}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return 0


def found(data: bytes, cuts: list[int]) -> int | str:
    """What is told when it comes in pieces: as soon as it is known."""
    brackets = Brackets()
    places = [0, *sorted({min(cut, len(data)) for cut in cuts})]
    try:
        return next((end for a, b in pairwise(places) if (end := brackets.feed(b"##" + data[a:b], 2))), 0)
    except Malformed as error:
        return error.reason


PIECES = st.sampled_from([b"{", b"}", b"[", b"]", b'"a"', b'"}"', b'"{\\"["', b'"\\\\"', b" ", b"1,", b'"x":'])


@given(st.lists(PIECES, max_size=60), st.lists(st.integers(0, 200), max_size=5), st.integers(1, 40))
@settings(max_examples=800, deadline=None)
def test_the_end_is_where_a_slow_reader_finds_it(pieces: list[bytes], cuts: list[int], step: int) -> None:
    data = b"{" + b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json_brackets, "_FIRST_STEP", step)
        patch.setattr(_json_brackets, "_LAST_STEP", 2 * step)
        assert found(data, [*cuts, len(data)]) == slow(data)


@given(st.lists(st.text('{}[]",\\ aé', max_size=20), max_size=8), st.integers(1, 20))
@settings(max_examples=400, deadline=None)
def test_strings_may_hold_anything(texts: list[str], step: int) -> None:
    data = json.dumps({text: [text, {}] for text in texts}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json_brackets, "_FIRST_STEP", step)
        patch.setattr(_json_brackets, "_LAST_STEP", 2 * step)
        assert found(data + b"{" * 100, list(range(1, len(data) + 100))) == len(data)


def test_depth_at_the_limit_passes_and_one_more_does_not_wherever_a_step_ends() -> None:
    for lead in (0, 1000, 20_000, 60_000):
        head = b'{"a":[' + b"1," * lead + b'"'
        deep = b"{" * (MAX_DEPTH - 2) + b"}" * (MAX_DEPTH - 2)
        whole = head + b'",' + deep + b"]}"
        assert found(whole, [len(whole)]) == len(whole)
        assert found(head + b'",{' + deep + b"}]}", [10**9]) == "too_deep"
        assert found(whole + b"{" * 100, [10**9]) == len(whole), "what comes after the end is not its own"


@pytest.mark.parametrize("unit", [b"{}", b"{},", b'\\"', b'"k":1,', b"[[]]", b'""'], ids=repr)
def test_an_object_that_comes_in_pieces_costs_time_in_proportion_to_its_size(unit: bytes) -> None:
    def seconds(size: int) -> float:
        body = b'{"a":[' + unit * (size // len(unit))
        began, brackets = time.thread_time(), Brackets()
        for cut in range(0, size, 64 << 10):
            assert not brackets.feed(body[cut : cut + (64 << 10)])
        return time.thread_time() - began

    small, large = (min(seconds(size) for _ in range(3)) for size in (200_000, 1_600_000))
    assert large < 30 * small  # eight times the size; its square would be 64
