"""What a regular expression requires: never more than is true."""

import random

import pytest

from router.detect.engine.required import required
from router.detect.folding import fold
from router.detect.modifiers import compile_regex

CASES = {
    r"foo.*bar": ({"foo"}, {"bar"}),
    r"(?i)STRASSE": ({"strasse"},),
    r"\s-[eE]\s": ({f"{a}-e{b}" for a in "\t\n\f\r " for b in "\t\n\f\r "},),
    r"(cmd|powershell)\.exe": ({"cmd.exe", "powershell.exe"},),
    r"colou?r": ({"colour", "color"},),
    r"[0-9]{3}x+y": ({"y"}, {"x"}),
    r"(?:ab|.)c": ({"c"},),
    r"a|.": (),
    r"x*": (),
    r"[[:alpha:]]lpha": (),
    r"[]x]abc": (),
    r"\Qa.b\E": (),
    r"\x41bc": (),
    r"Größe": ({"gr"}, {"e"}),
}


@pytest.mark.parametrize("pattern", CASES)
def test_literals_are_read_from_an_expression(pattern):
    found = required(pattern).sets
    assert set(found) == set(map(frozenset, CASES[pattern]))


@pytest.mark.parametrize(
    ("pattern", "least"), [(r"a{3}.b?", 4), (r"\bx\b", 1), (r"(ab|c)+", 1), (r".{1000,}", 1000), (r"a*", 0), (r"é\d", 2)]
)
def test_the_shortest_match_is_known(pattern, least):
    assert required(pattern).characters == least


def test_whatever_matches_fulfils_what_is_required():
    """Random expressions over few letters, and random texts: a match without its literals would be a lost detection."""
    chance, matched = random.Random(11), 0
    pieces = [
        "a",
        "b",
        "K",
        "s",
        ".",
        "[ab]",
        "[^a]",
        "(a|bb)",
        "(?i)",
        "a?",
        "b+",
        "(ab)*",
        "s{2}",
        "a{0,2}",
        "\\s",
        "\\w",
        "^",
        "$",
        "|",
        "\\.",
        "[^]a]",
        "(?s)*",
        "(?-i){0,2}",
        "\\Q\\E*",
        "\\Qa*\\E",
    ]
    for _ in range(3000):
        pattern = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6)))
        try:
            search, needs = compile_regex(pattern, chance.choice(["", "i", "s"])).search, required(pattern)
        except Exception:
            continue
        for _ in range(10):
            text = "".join(chance.choice("abBkKsSſ\u212a. \n") for _ in range(chance.randint(0, 8)))
            if search(text.encode()):
                matched += 1
                assert len(text) >= needs.characters, (pattern, text)
                assert all(any(literal in fold(text) for literal in literals) for literals in needs.sets), (pattern, text)
    assert matched > 5000
