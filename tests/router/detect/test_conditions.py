"""The condition grammar: precedence, patterns, and refusals with their place."""

import json
from itertools import product

import pytest

from tests.router.detect.rules import problems, whole

SELECTIONS = "a1: {a: x}\na2: {b: x}\n_hidden: {c: x}\nb-1: {d: x}\n"


def value(condition: str, **fields: bool) -> bool:
    event = {name: "x" for name, true in fields.items() if true}
    return whole(f"{SELECTIONS}condition: {json.dumps(condition)}", event)


@pytest.mark.parametrize(
    ("condition", "meaning"),
    [
        ("a1", lambda a, b, c, d: a),
        ("a1 or a2 and b-1", lambda a, b, c, d: a or (b and d)),
        ("(a1 or a2) and b-1", lambda a, b, c, d: (a or b) and d),
        ("not a1 and a2", lambda a, b, c, d: not a and b),
        ("not (a1 and a2)", lambda a, b, c, d: not (a and b)),
        ("not not a1", lambda a, b, c, d: a),
        ("a1 and not a2 or b-1", lambda a, b, c, d: (a and not b) or d),
        ("A1 AND NOT A2".replace("A1", "a1").replace("A2", "a2"), lambda a, b, c, d: a and not b),
        ("1 of a*", lambda a, b, c, d: a or b),
        ("any of a*", lambda a, b, c, d: a or b),
        ("all of a*", lambda a, b, c, d: a and b),
        ("ALL OF a*", lambda a, b, c, d: a and b),
        ("1 of *1", lambda a, b, c, d: a or d),
        ("1 of a1", lambda a, b, c, d: a),
        ("1 of them", lambda a, b, c, d: a or b or d),
        ("all of them", lambda a, b, c, d: a and b and d),
        ("all of Them", lambda a, b, c, d: a and b and d),
        ("1 of _*", lambda a, b, c, d: c),
        ("not 1 of a*", lambda a, b, c, d: not (a or b)),
        ("not 1 of a* and b-1", lambda a, b, c, d: not (a or b) and d),
        ("_hidden", lambda a, b, c, d: c),
        ("((((a1))))", lambda a, b, c, d: a),
        ("a1\n  and a2", lambda a, b, c, d: a and b),
    ],
)
def test_meaning(condition, meaning):
    for a, b, c, d in product((False, True), repeat=4):
        assert value(condition, a=a, b=b, c=c, d=d) == meaning(a, b, c, d)


def test_a_list_of_conditions_is_their_or():
    block = SELECTIONS + "condition: [a1, a2 and b-1]"
    assert whole(block, {"a": "x"})
    assert whole(block, {"b": "x", "d": "x"})
    assert not whole(block, {"b": "x"})


def test_names_that_begin_like_operators_are_names():
    assert whole("notes: {a: x}\nandroid: {a: x}\ncondition: notes and android", {"a": "x"})


@pytest.mark.parametrize(
    ("condition", "column", "reason"),
    [
        ("nobody", 12, "no selection is named 'nobody'"),
        ("a1 and a3", 19, "known: a1, a2"),
        ("1 of z*", 17, "no selection matches 'z*'"),
        ("2 of a*", 12, "`2 of` is not in the language"),
        ("a1 a2", 15, "unexpected 'a2'"),
        ("(a1", 12, "never closed"),
        ("a1)", 14, "unexpected ')'"),
        ("a1 and", 18, "ends where a selection should stand"),
        ("and a1", 12, "where a selection should stand"),
        ("a*", 12, "where a selection should stand"),
        ("1 of", 16, "needs `them` or a pattern"),
        ("a1 & a2", 15, "unexpected character '&'"),
        ("a1 | count() > 5", 15, "correlation of type event_count"),
        ("a1 | near a2", 15, "correlation of type temporal"),
        ("", 13, "ends where a selection should stand"),
        ("'a1 and a3'", 20, "known: a1, a2"),
        ('"a1 and a3"', 20, "known: a1, a2"),
        ("   a1 and a3", 22, "known: a1, a2"),
        ("[a1, 'a1 and a3']", 25, "known: a1, a2"),
        ("(" * 60 + "a1" + ")" * 60, 63, "nested deeper"),
    ],
)
def test_refusals_say_where(condition, column, reason):
    text = f"condition: {condition}" if condition else "condition: ''"
    found = problems(text + "\n" + SELECTIONS)
    assert len(found) == 1
    assert reason in found[0]
    assert found[0].startswith(f"r.yml:1:{column}:")


@pytest.mark.parametrize("condition", ["5", "[]", "{a: b}", "null"])
def test_a_condition_is_text(condition):
    assert "a condition" in problems(f"{SELECTIONS}condition: {condition}")[0]


def test_the_old_timeframe_is_refused():
    assert "`timeframe` left the language" in problems(SELECTIONS + "timeframe: 5m\ncondition: a1")[0]


def test_every_problem_of_a_block_is_reported():
    assert len(problems("a: {f|foo: 1}\nb: {g|cidr: x}\nc: {h|re: '('}\ncondition: a")) == 3


@pytest.mark.parametrize("condition", ["1 of them", "selection"])
def test_a_condition_without_any_selection_says_that_there_are_none(condition):
    [problem] = problems(f"condition: {condition}")
    assert "there are none" in problem
