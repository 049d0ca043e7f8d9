"""The body of a HEC request cut into objects, compared with the standard library's decoder."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ingest._hec_objects import HecObjects
from router.ingest._json_brackets import MAX_DEPTH


def read(pieces: list[bytes], limit: int = 900_000) -> tuple[list[bytes], str]:
    codec = HecObjects(limit)
    found = [e for piece in pieces for e in codec.feed(piece)] + codec.finish()
    for raw, value in found:
        assert json.loads(raw) == value
    return [raw for raw, _ in found], codec.problem


GOOD = {
    "back to back": (b'{"a":1}{"b":2}', [b'{"a":1}', b'{"b":2}']),
    "with space": (b' {"a":1}\r\n\t{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    "one array": (b'[{"a":1},\n{"b":2}]', [b'{"a":1}', b'{"b":2}']),
    "an empty array": (b" [ ] ", []),
    "two arrays and an object": (b'[{"a":1}] [{"b":2}]{"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
    "brackets in strings": (b'{"a":"}{"}{"b":"] , }\\"{"}', [b'{"a":"}{"}', b'{"b":"] , }\\"{"}']),
    "items in items": (b'[{"a":[{"x":1},{"y":2}]},{"b":[]}]', [b'{"a":[{"x":1},{"y":2}]}', b'{"b":[]}']),
    "a backslash at the end of a string": (b'{"a":"\\\\"}{"b":"}\\\\\\"{"}', [b'{"a":"\\\\"}', b'{"b":"}\\\\\\"{"}']),
    "a lone surrogate": (b'{"a":"\\ud800"}{"b":1}', [b'{"a":"\\ud800"}', b'{"b":1}']),
    "nothing": (b" \n", []),
}
BAD = {
    "no object": (b'{"a":1}5', 1),
    "a string": (b'"x"', 0),
    "cut short": (b'{"a":1}{"b":', 1),
    "an open string": (b'{"a":1}{"b":"x', 1),
    "an array left open": (b'[{"a":1},{"b":2}', 2),
    "a comma too many": (b'[{"a":1},]', 1),
    "a comma missing": (b'[{"a":1}{"b":2}]', 1),
    "a comma outside": (b'{"a":1},{"b":2}', 1),
    "a bracket too many": (b'{"a":1}]', 1),
    "a number in an array": (b'[{"a":1},2]', 1),
    "an array in an array": (b'[[{"a":1}]]', 0),
    "not JSON between brackets": (b'{"a":1}{b}{"c":3}', 1),
    "single quotes": (b"{'a':1}", 0),
    "NaN": (b'{"a":NaN}', 0),
    "bytes that are no UTF-8": (b'{"a":1}{"b":"\xff"}', 1),
    "a mismatch": (b'{"a":[1}]', 0),
}


@pytest.mark.parametrize(("body", "objects"), GOOD.values(), ids=GOOD.keys())
def test_objects_are_told_apart_however_the_body_is_cut(body: bytes, objects: list[bytes]) -> None:
    for cut in range(len(body) + 1):
        assert read([body[:cut], body[cut:]]) == (objects, "")


@pytest.mark.parametrize(("body", "good"), BAD.values(), ids=BAD.keys())
def test_the_first_bad_object_ends_it_and_the_ones_before_are_kept(body: bytes, good: int) -> None:
    for cut in range(len(body) + 1):
        found, problem = read([body[:cut], body[cut:]])
        assert (len(found), problem) == (good, "json")


def test_the_cut_may_fall_where_a_look_is_taken() -> None:
    """Bodies above 64 KiB are looked at in between; wherever that happens, the objects are the same."""
    objects = [b'{"n":%d,"s":"%s"}' % (i, b'}{ \\" ,' * (i % 50)) for i in range(2000)]
    for body in (b"\n".join(objects), b"[" + b" , ".join(objects) + b"]"):
        for step in (65_536, 65_537, 70_001, 10_007):
            assert read([body[i : i + step] for i in range(0, len(body), step)]) == (objects, "")


def test_depth_at_the_limit_passes_and_one_more_does_not() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert read([nested(MAX_DEPTH)]) == ([nested(MAX_DEPTH)], "")
    assert read([b"{}" + nested(MAX_DEPTH + 1)]) == ([b"{}"], "too_deep")
    assert read([nested(100_000)], 10 << 20) == ([], "too_deep")
    wide = b'{"a":[' + b",".join([b"{}"] * 200) + b"]}"
    assert read([wide]) == ([wide], "")


def test_an_object_at_the_size_limit_passes_and_one_byte_more_does_not() -> None:
    whole = b'{"a":"' + b"x" * 92 + b'"}'
    assert len(whole) == 100
    long = whole.replace(b"xx", b"xxx", 1)
    assert read([whole + whole], 100) == ([whole, whole], "")
    for body in (long, whole + long, long + whole, b"[" + long + b"]"):
        assert read([body], 100)[1] == "too_large"


def test_an_object_that_never_ends_is_given_up_when_it_is_too_large() -> None:
    codec = HecObjects(100_000)
    codec.feed(b'{"a":"')
    for _ in range(50):
        codec.feed(b"}{" * 5_000)
    assert codec.problem == "too_large"


def test_hostile_bodies_cost_time_in_proportion_to_their_size() -> None:
    """Strings full of what looks like boundaries, in small pieces."""

    def seconds(count: int) -> float:
        body = b'{"a":"' + b"}{" * count + b'"}'
        began = time.process_time()
        assert read([body[i : i + 500] for i in range(0, len(body), 500)]) == ([body], "")
        return time.process_time() - began

    small, large = (min(seconds(count) for _ in range(3)) for count in (50_000, 400_000))
    assert large < 40 * small  # eight times the size; its square would be 64


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('}{[],"\\ aé\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('}{"', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text("ab}{", max_size=3), JSON, max_size=3), max_size=6),
    st.sampled_from(["", " ", "\n"]),
    st.booleans(),
    st.lists(st.integers(0, 500), max_size=4),
)
@settings(max_examples=400, deadline=None)
def test_what_the_standard_library_writes_comes_back(values: list[Any], space: str, array: bool, cuts: list[int]) -> None:
    texts = [json.dumps(v, ensure_ascii=False).encode() for v in values]
    body = b"[" + f"{space},{space}".encode().join(texts) + b"]" if array else space.encode().join(texts)
    places = [0, *sorted(min(c, len(body)) for c in cuts), len(body)]
    assert read([body[a:b] for a, b in pairwise(places)]) == (texts, "")


@given(st.text('{}[]",:\\ a1', max_size=40))
@settings(max_examples=600, deadline=None)
def test_any_text_gives_what_a_slow_reader_finds(text: str) -> None:
    found, problem = read([text.encode()])
    expected, rest = slow(text)
    if rest is not None:  # arrays are beyond the slow reader
        assert ([f.decode() for f in found], bool(problem)) == (expected, rest)


def slow(text: str) -> tuple[list[str], bool | None]:
    """Objects back to back by the standard library; whether something bad follows."""
    decoder, at, found = json.JSONDecoder(parse_constant=lambda _: 1 / 0), 0, []
    if text.strip(" ").startswith("["):
        return [], None
    while (at := len(text) - len(text[at:].lstrip(" \t\r\n"))) < len(text):
        if text[at] == "[":
            return [], None
        if text[at] != "{":
            return found, True
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            return found, True
        found.append(text[at:end])
        at = end
    return found, False
