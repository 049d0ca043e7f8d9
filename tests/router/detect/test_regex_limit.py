"""How long a regular expression of a rule may be."""

import pytest

from router.detect.modifiers import MAX_REGEX_BYTES
from tests.router.detect.rules import holds, refused


@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_pattern_at_the_limit_matches_and_one_byte_more_is_refused(letter: str) -> None:
    longest = letter * (MAX_REGEX_BYTES // len(letter.encode()))
    assert holds({"field|re": longest}, {"field": longest})  # type: ignore[arg-type]  # a mapping is written out by str
    assert "more than 4096 bytes" in refused({"field|re": f"{longest}a"})  # type: ignore[arg-type]  # as above
