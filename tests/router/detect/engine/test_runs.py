"""Rows and signs of regular expressions: never more than is true."""

import random

import pytest

from router.detect.engine.runs import run, signs
from router.detect.ir import Refused
from router.detect.modifiers import compile_regex

ROWS = {
    r" [0-7]{3,13}": r"\ [0-7][0-7][0-7]",
    r":[^ \\]": r":[^ \\]",
    r"x[a-z]+\.[ab]c": r"\.[ab]c",
    r"^a\d{2}$": r"a[0-9][0-9]",
    r"a.[bc]\s": r"[bc][\t\n\f\r ]",
    r"a\w*[0-9]b": r"[0-9]b",
    r"x[+\-]y(?:z|q)": None,
    r"x[+-]y(?:z)": r"x[+-]y",
    r"plain": None,
    r"[+-/]x": None,
    r"[\w-z]x": None,
    r"(?i)a[bc]": None,
    r"a[bc]|d": None,
    r"[^]a]{2}": None,
    r"[]a]-": None,
    r"[ab]-(?s)*": None,
    r"[ab]-\Q\E?": None,
    r"": None,
}


@pytest.mark.parametrize("pattern", ROWS)
def test_the_most_telling_row_is_read_from_an_expression(pattern):
    row = run(pattern, "")
    assert (row and row.__self__.pattern) == ROWS[pattern]  # type: ignore[attr-defined]  # a bound method of a pattern


def test_a_row_says_nothing_where_case_does_not_matter():
    assert run(r"a[bc]\.", "i") is None


def test_signs_are_counted():
    assert signs(r"\{.*\{x+-{2}a?\+*(?:\})") == {"{": 2, "-": 2}
    assert signs(r"^$") == {}
    assert signs(r"-|x") == {}


def test_whatever_matches_holds_its_row_and_its_signs():
    """Random expressions over few letters, and random texts: a match without them would be a lost detection."""
    chance, matched = random.Random(12), 0
    pieces = [
        "a",
        "-",
        "[ab]",
        "[^a]",
        r"\.",
        "a?",
        "-{2}",
        "[a-b]{1,2}",
        "-+",
        r"\s",
        r"\W",
        r"\d*",
        "^",
        "$",
        ".",
        r"\b",
        "(b)",
        "é",
        "[]a]",
        "[^]a]{2}",
        "(?s)*",
        "(?-i)?",
        "\\Q\\E*",
        "\\Q-*\\E",
    ]
    for _ in range(14_000):
        pattern = "".join(chance.choice(pieces) for _ in range(chance.randint(2, 6)))
        flags = chance.choice(["", "i", "s", "m"])
        try:
            search = compile_regex(pattern, flags).search
        except Refused:  # two repetitions in a row
            continue
        row, counted = run(pattern, flags), signs(pattern)
        if row is None and not counted:
            continue
        for _ in range(12):
            text = "".join(chance.choice("aAb--. \né1") for _ in range(chance.randint(0, 9)))
            if search(text.encode()):
                matched += 1
                assert row is None or row(text), (pattern, flags, text)
                assert all(text.count(sign) >= often for sign, often in counted.items()), (pattern, flags, text)
    assert matched > 2000
