"""key=value text in the wild."""

import time
from typing import Any

import pytest

from router.normalize.formats.kv import compile_kv

CASES = [
    ('a=1 b="x y" c=2', {"a": "1", "b": "x y", "c": "2"}),
    ('a="" b= c=1', {"a": "", "b": "", "c": "1"}),
    ('srcip=192.0.2.1 dstip=authid="krb" user="u"', {"srcip": "192.0.2.1", "dstip": "", "authid": "krb", "user": "u"}),
    ('msg="he said "hi" ok" b=2', {"msg": 'he said "hi" ok', "b": "2"}),
    (r'a="q\"q" b="C:\\x\\" c=3', {"a": 'q"q', "b": "C:\\x\\", "c": "3"}),
    ("msg=Built out bound src=1", {"msg": "Built out bound", "src": "1"}),
    ("free words a=1", {"_text": "free words", "a": "1"}),
    ("a=x=y b=2", {"a": "x=y", "b": "2"}),
    ('url="http://h/?a=1&b=2" c=3', {"url": "http://h/?a=1&b=2", "c": "3"}),
    ('a="open b=2', {"a": "open b=2"}),
    ("a=1 a=2 a=1", {"a": ["1", "2"]}),
    ("a=1\tb=2\r\nc=3", {"a": "1", "b": "2", "c": "3"}),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_pairs_are_read_whatever_is_malformed(text: str, expected: dict[str, object]) -> None:
    assert compile_kv()(text) == expected


def test_text_without_a_pair_is_refused() -> None:
    assert compile_kv()("no pair here") is None
    assert compile_kv()("") is None


def test_the_separator_of_a_line_is_recognised() -> None:
    parse = compile_kv(sep=[" ", ","])
    assert parse('a=1,b="x,y",c=d e,f=2') == {"a": "1", "b": "x,y", "c": "d e", "f": "2"}
    assert parse('a="1" b=x,y') == {"a": "1", "b": "x,y"}


def test_other_dialects() -> None:
    assert compile_kv(sep="; ", assign=":")("a: 1; b: x y; c") == {"a": "1", "b": "x y; c"}
    assert compile_kv(sep="|", quote="'")("a='x|y'|b=2") == {"a": "x|y", "b": "2"}


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, 'a="x y" b="z" sr', {"a": "x y", "b": "z", "_text": "sr"}),
        ({}, 'w a="x" b', {"a": "x", "_text": "w b"}),
        ({"sep": [" ", ","]}, 'a="x",b="y",sr', {"a": "x", "b": "y", "_text": "sr"}),
        ({"sep": ";", "assign": ":"}, 'a:"x"; b:"y; z"; sr', {"a": "x", "b": "y; z", "_text": "sr"}),
        ({"sep": "|", "quote": ""}, "a=x|b=y z|sr", {"a": "x", "b": "y z", "_text": "sr"}),
        ({"sep": "\t"}, "a=x\tb=y z\tsr", {"a": "x", "b": "y z", "_text": "sr"}),
        ({"sep": ", ", "quote": "", "strip": "<>"}, "a=<x>, sr", {"a": "x", "_text": "sr"}),
        ({"sep": ", ", "assign": ": ", "quote": ""}, "a: x, b: y,", {"a": "x", "b": "y"}),
        ({"sep": ", "}, 'a="x", b="y",', {"a": "x", "b": "y"}),
    ],
)
def test_of_a_text_that_was_cut_off_in_a_key_no_value_holds_its_beginning(
    options: dict[str, Any], text: str, expected: dict[str, object]
) -> None:
    parse = compile_kv(**options)
    assert [parse(text) for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=x b=y z", {"a": "x", "b": "y z"}),
        ('a="x" b=y z', {"a": "x", "b": "y z"}),
        ('a="x y" and more', {"a": "x y and more"}),
        ('a="x" b="y" 77%', {"a": "x", "b": "y 77%"}),
        ('a="x" free b="y"', {"a": "x free", "b": "y"}),
    ],
)
def test_words_that_may_belong_to_the_value_stay_with_it(text: str, expected: dict[str, object]) -> None:
    assert compile_kv()(text) == expected


def test_values_may_be_dropped_and_repeats_decided() -> None:
    assert compile_kv(drop_values=["N/A", ""])("a=N/A b= c=1") == {"c": "1"}
    assert compile_kv(repeat="first")("a=1 a=2") == {"a": "1"}
    assert compile_kv(repeat="last")("a=1 a=2") == {"a": "2"}


@pytest.mark.parametrize("text", ['a="' + '"x' * 30_000, '"=a' * 20_000, "a=" * 30_000, "a=1 " + "b " * 30_000, 'a "' * 20_000])
def test_hostile_text_takes_linear_time(text: str) -> None:
    parse = compile_kv()
    started = time.perf_counter()
    parse(text[: len(text) // 4])
    quarter = time.perf_counter() - started
    started = time.perf_counter()
    parse(text)
    assert time.perf_counter() - started < max(quarter * 40, 0.5)
