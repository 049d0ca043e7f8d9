"""The lint that keeps patterns linear."""

import pytest

from router.normalize.formats.regex import compile_regex, faults


@pytest.mark.parametrize("pattern", [r'^(\w+=("\w+|\w*)*)+$', r"^(?:(?:a|b)+c)*", r"^(?>(?:a+)+)b", r"^(a*)*$", r"^.*a.*b.*c"])
def test_patterns_that_may_explode_are_refused(pattern: str) -> None:
    assert faults(pattern)


@pytest.mark.parametrize("pattern", [r"^(?P<a>\w+) (?P<b>.*)$", r"^a++(?:b*+c)*$", r"\Aabc", r"^(?:a|b) x", r"(?:^a|^b)"])
def test_linear_patterns_pass(pattern: str) -> None:
    assert faults(pattern) == []


@pytest.mark.parametrize("pattern", ["abc", "(?:^a|b)", "("])
def test_unanchored_and_broken_patterns_are_refused(pattern: str) -> None:
    assert faults(pattern)


def test_the_first_pattern_that_fits_gives_its_groups() -> None:
    parse = compile_regex([r"^a (?P<x>\d+)", r"^(?P<y>\w+)(?: (?P<z>\w+))?$"])
    assert parse("a 1") == {"x": "1"}
    assert parse("word") == {"y": "word"}
    assert parse("!") is None
