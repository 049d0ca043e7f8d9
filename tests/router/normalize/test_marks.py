"""One pass over the first kilobyte finds the same candidates as asking one normalizer after another."""

import random

import pytest

from router.normalize import Catalogue, marks
from router.normalize.identify import HEAD, Identity, Mark, selector
from tests.conformance.foreign import LINES

ABC = [
    Identity((Mark(("ab", "c"), ("x", "y")), Mark(starts=("Z",)))),
    Identity((Mark(any=("ä€", "q=")), Mark(meta=(("path", ("/a*",)),)))),
]
FEW = [*ABC, *(Identity((Mark((f"nothing {i}",)),)) for i in range(marks._FEW))]


@pytest.mark.parametrize(
    ("head", "meta", "places"),
    [
        ("ab c x", {}, [0]),
        ("ab c", {}, []),
        ("Zab", {}, [0]),
        ("abZ", {}, []),
        ("ä€", {}, [1]),
        ("q= ab c y", {"path": "/b"}, [0, 1]),
        ("", {"path": "/ab"}, [1]),
        ("\ud800 q=", {}, [1]),
        ("nothing 3", {}, [5]),
    ],
)
def test_a_mark_holds_where_all_of_it_does(head: str, meta: dict[str, str], places: list[int]) -> None:
    assert marks.finder(FEW)(head, meta) == places


def test_both_ways_agree_on_everything_at_hand() -> None:
    identities = [n.identity for n in Catalogue.load()._chooser._places]
    quick, slow = marks.finder(identities), selector(identities)
    literals = [text for i in identities for m in i.marks for text in (*m.contains, *m.any, *m.starts)]
    chance = random.Random(3)
    for _ in range(2000):
        head = (" ".join(chance.sample(literals, 5)) + chance.choice(LINES))[:HEAD]
        meta = {"sourcetype": chance.choice(("aws:waf", "x", ""))}
        assert quick(head, meta) == sorted(slow(head, meta))


def test_what_stands_behind_a_header_is_found_without_a_second_search() -> None:
    identities = [n.identity for n in Catalogue.load()._chooser._places]
    quick, slow = marks.finder(identities), selector(identities)
    literals = [text for i in identities for m in i.marks for text in (*m.contains, *m.any, *m.starts)]
    chance = random.Random(4)
    for _ in range(1000):
        header = f"<13>Mar  1 10:00:00 {'relay' * chance.randrange(30)} "
        pieces = [*chance.sample(literals, 4), "x" * chance.randrange(1100), *chance.sample(literals, 4)]
        body = " ".join(pieces) + chance.choice(LINES)
        outer = header + body
        quick(outer[:HEAD], {})
        assert quick.behind(body[:HEAD], outer, len(header), {}) == sorted(slow(body[:HEAD], {}))


def test_a_search_for_another_text_does_not_count_for_this_one() -> None:
    finder = marks.finder(FEW)
    finder("nothing 2", {})
    assert finder.behind("nothing 3", "a: nothing 3", 3, {}) == [5]
