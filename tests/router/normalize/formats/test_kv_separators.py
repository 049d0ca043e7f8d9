"""A tab or a newline between pairs is exactly that; only a blank stands for any white space."""

import pytest

from router.normalize.formats.kv import compile_kv


@pytest.mark.parametrize("sep", ["\t", "\n"])
def test_values_between_tabs_or_newlines_keep_their_blanks(sep):
    parse = compile_kv(sep=sep, quote="", escape="")
    assert parse(sep.join(["user=Ann Lee", "path=C:\\Program Files\\x", "empty="])) == {
        "user": "Ann Lee",
        "path": "C:\\Program Files\\x",
        "empty": "",
    }


def test_an_assignment_of_two_characters_leaves_the_same_inside_of_values():
    parse = compile_kv(assign=": ", sep="\n", quote="", escape="")
    assert parse("Image: C:\\x.exe\nCommandLine: echo a: b\nUser: EXAMPLE\\bob") == {
        "Image": "C:\\x.exe",
        "CommandLine": "echo a: b",
        "User": "EXAMPLE\\bob",
    }


def test_a_blank_still_stands_for_any_white_space():
    assert compile_kv()("a=1\tb=2\nc=3") == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "#012 ", "\\n ", "\x1b[31m "])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_blank_of_a_separator_of_two_characters_may_be_any_other(blank, quote):
    parse = compile_kv(sep=", ")
    text = f",{blank}".join(f"{key}={quote}{value}{quote}" for key, value in (("client", "web"), ("user", "u1"), ("at", "a,b")))
    assert parse(text) == {"client": "web", "user": "u1", "at": "a,b"}


def test_a_first_value_with_commas_does_not_hide_the_separator():
    parse = compile_kv(sep=["|", " "])
    assert parse("id={0x1,0x2} origin=192.0.2.1") == {"id": "{0x1,0x2}", "origin": "192.0.2.1"}
    assert parse("id={0x1,0x2}|origin=a b") == {"id": "{0x1,0x2}", "origin": "a b"}


@pytest.mark.parametrize(("repeat", "kept"), [("list", ["1", "3"]), ("last", "3"), ("first", "1")])
def test_a_key_that_repeats_among_quoted_pairs_is_kept_as_the_file_says(repeat, kept):
    parse = compile_kv(assign=":", sep=";", repeat=repeat)
    assert parse('a:"1"; b:"2"; a:"3"') == {"a": kept, "b": "2"}
