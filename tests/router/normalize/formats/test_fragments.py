"""Named pieces of patterns."""

import pytest

from router.normalize.formats.regex import expanded


def test_a_fragment_may_hold_others() -> None:
    assert expanded("^@{a}$", {"a": "x@{b}", "b": r"\d"}) == r"^x\d$"


def test_an_unknown_fragment_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no fragment 'ab'; did you mean 'abc'"):
        expanded("^@{ab}", {"abc": "x"})


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="hold one another"):
        expanded("^@{a}", {"a": "@{a}"})
