"""Documents without some of their fields."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.reduce.trim import Cut, compile_trim


def test_a_field_is_taken_out_and_the_rest_stays() -> None:
    body = orjson.dumps({"message": "long", "winlog": {"event_data": {"A": "1"}, "x": 2}})
    assert orjson.loads(compile_trim([Cut("message"), Cut("winlog.event_data")])(body)) == {"winlog": {"x": 2}}


def test_long_text_is_cut_and_short_text_is_not() -> None:
    trim = compile_trim([Cut("message", 5)])
    assert trim(b'{"message":"abcdefgh"}') == b'{"message":"abcde"}'
    assert trim(b'{"message":"abc"}') == b'{"message":"abc"}'


def test_a_value_that_is_no_text_is_not_cut() -> None:
    assert compile_trim([Cut("a", 1)])(b'{"a":12345}') == b'{"a":12345}'


@pytest.mark.parametrize("body", [b"", b"no json", b"[1,2]", b'"text"', b"\xff\xfe", b'{"other": 1}'])
def test_what_does_not_have_the_field_comes_back_byte_for_byte(body: bytes) -> None:
    assert compile_trim([Cut("message")])(body) == body


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)


@given(st.dictionaries(st.text(), json), json)
def test_nothing_but_the_field_is_lost(document: dict[str, object], value: object) -> None:
    document.pop("field", None)
    whole = orjson.dumps({**document, "field": value})
    assert orjson.loads(compile_trim([Cut("field")])(whole)) == document
