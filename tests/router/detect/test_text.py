"""Folding, wildcards and encodings against slow definitions of the same."""

import base64
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.detect.folding import fold
from router.detect.glob import compile_glob
from router.detect.ir import Wild
from router.detect.strings import base64_offsets, merged, parse


def test_folding_is_simple_folding_for_every_character():
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        full = char.casefold()
        expected = full if len(full) == 1 else char.lower() if len(char.lower()) == 1 else char
        assert fold(char) == expected, hex(code)


@pytest.mark.parametrize(
    ("one", "other"),
    [("K", "\u212a"), ("S", "ſ"), ("Σ", "ς"), ("É", "é"), ("Ж", "ж"), ("ẞ", "ß"), ("Ⅷ", "ⅷ"), ("Ａ", "ａ"), ("𐐀", "𐐨")],
)
def test_pairs_that_fold_alike(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("ß", "ss"), ("İ", "i"), ("é", "e"), ("ﬁ", "fi"), ("ı", "i")])
def test_pairs_that_do_not_fold_alike(one, other):
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_keeps_length_and_folds_once(text):
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


parts = st.lists(st.sampled_from(["a", "b", "ab", "\n", Wild.MANY, Wild.ONE]), max_size=7).map(merged)  # type: ignore[arg-type]  # of letters and wildcards


@given(parts, st.text("ab\n", max_size=12))
def test_a_glob_says_what_a_regular_expression_says(pattern, text):
    signs = {Wild.MANY: ".*", Wild.ONE: "."}
    regex = "".join(re.escape(p) if isinstance(p, str) else signs[p] for p in pattern)
    assert compile_glob(pattern)(text) is (re.fullmatch(regex, text, re.DOTALL) is not None)


def test_a_hostile_glob_is_quick():
    pattern = parse("*" + "a*" * 200 + "b")
    assert compile_glob(pattern)("a" * 100_000) is False


@given(st.binary(min_size=2, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_at_any_offset_contains_one_of_the_three(data, before, behind):
    whole = base64.b64encode(before + data + behind).decode()
    assert base64_offsets(data)[len(before) % 3] in whole


@given(st.text(r"\*?ab", max_size=10))
def test_a_pattern_is_read_as_the_specification_says(text):
    """One pass with one character of memory, as the rule format describes it."""
    expected, escaped = [], False
    for char in text:
        if escaped:
            expected += [char] if char in "*?\\" else ["\\", char]
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            expected.append(Wild(char) if char in "*?" else char)
    assert parse(text) == merged([*expected, "\\"] if escaped else expected)
