"""JSON as devices send it."""

import orjson
import pytest

from router.normalize.formats.json import compile_json, loads


def test_dotted_keys_become_objects() -> None:
    assert compile_json(expand=True)('{"id.orig":1,"id.resp":2,"ts":3}') == {"id": {"orig": 1, "resp": 2}, "ts": 3}
    assert compile_json(expand=True)('{"a":1,"a.b":2}') == {"a": 1, "a.b": 2}
    assert compile_json()('{"id.orig":1}') == {"id.orig": 1}


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": "\\ud800"}', '{"a": "tab\there"}', '{"a": 123456789012345678901234567890}', '{"a": "\\u0000"}']
)
def test_odd_json_can_be_encoded_again(text: str) -> None:
    assert orjson.dumps(loads(text))


def test_big_integers_keep_their_digits() -> None:
    assert loads('{"a": 9007199254740993, "b": NaN}') == {"a": 9007199254740993, "b": "NaN"}


def test_deep_nesting_is_refused() -> None:
    assert loads("[" * 500 + "]" * 500) is None
    assert loads('{"a":' * 5000 + "1" + "}" * 5000) is None


def test_only_objects_are_records() -> None:
    parse = compile_json()
    assert parse('[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]
    assert parse('{"a": 1}\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert parse("[1, 2]") is None
    assert parse("text") is None
    assert parse('{"a": 1') is None


def test_text_before_the_object_is_skipped_on_request() -> None:
    assert compile_json(find=True)('app: {"a": 1}') == {"a": 1}
    assert compile_json()('app: {"a": 1}') is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a.b": 1, "a.c": 2, "d": 3}, {"d": 3, "a": {"b": 1, "c": 2}}),
        ({"a": {"x": 0}, "a.b": 1}, {"a": {"x": 0, "b": 1}}),
        ({"a": None, "a.b": 1}, {"a": None, "a.b": 1}),
        ({"a.b": 1, "a.b.c": 2}, {"a": {"b": 1}, "a.b.c": 2}),
        ({".a": 1, "b.": 2, "c..d": 3}, {".a": 1, "b.": 2, "c..d": 3}),
        ({"a.b.c": 1, "a.b.d": 2}, {"a": {"b": {"c": 1, "d": 2}}}),
    ],
)
def test_dotted_keys_are_read_alike_however_often_they_come(value: dict[str, object], expected: dict[str, object]) -> None:
    parse = compile_json(expand=True)
    text = orjson.dumps(value).decode()
    assert parse(text) == expected
    assert parse(text) == expected


@pytest.mark.parametrize("text", ['[action:"Accept"]', "{x}", "[1, 2]", "[]", '["a"]'])
def test_what_begins_like_json_and_holds_no_object_is_none(text: str) -> None:
    assert compile_json(find=True)(text) is None


@pytest.mark.parametrize(("depth", "read"), [(99, True), (100, True), (101, False)])
def test_objects_are_read_to_a_depth_of_a_hundred(depth: int, read: bool) -> None:
    assert (loads('{"a":' * depth + "{}" + "}" * depth) is not None) is read
