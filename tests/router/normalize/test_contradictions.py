"""Cases that no record reaches are named; those that one may reach are not."""

from pathlib import Path

import pytest

from router.documents import load_text
from router.normalize.compiler import compile_document

HEAD = "id: acme.x\nidentify: [{contains: ['acme']}]\nparse: [json]\nrest: acme.x\ntests: [{raw: x}]\n"
SET = "set: {event.action: x}"


def found(text: str) -> list[tuple[int, str]]:
    """Line and text of each problem of a file."""
    normalizer, problems = compile_document(load_text(HEAD + text.replace("SET", SET) + "\n", "x.yaml")[0], Path("."))
    assert (normalizer is None) == bool(problems)
    return [(problem.line, f"{problem.path}: {problem.text}") for problem in problems]


@pytest.mark.parametrize(
    ("text", "line", "path", "told"),
    [
        ("cases:\n  - when: {a: x, a|startswith: y}\n    SET", 7, "cases[0].when.a|startswith", '"y"` goes with no `a: "x"`'),
        ("cases:\n  - when: {a: 5,\n      a|gt: 7}\n    SET", 8, "cases[0].when.a|gt", "`a|gt: 7` goes with no `a: 5`"),
        ("cases:\n  - when: {a|exists: false, a|contains: y}\n    SET", 7, "cases[0].when.a|contains", "a|exists: false"),
        ("cases:\n  - when: {a: x, a|not: [x, y]}\n    SET", 7, "cases[0].when.a|not", 'goes with no `a: "x"`'),
        ("cases:\n  - when: {not: {a: x}, a: x}\n    SET", 7, "cases[0].when.a", 'goes with no `not a: "x"`'),
        ("cases:\n  - when: [{a: x}, {a: y, a|endswith: x}]\n    SET", 7, "cases[0].when[1].a|endswith", 'no `a: "y"`'),
        ("cases:\n  - when: {a: x, or: [{a: y}, {b: 1}]}\n    SET", 7, "cases[0].when.or[0].a", '`a: "y"` goes with'),
        (
            "cases:\n  - when: {a: x}\n    cases:\n      - when: {b: 1, a: [y, z]}\n        SET",
            9,
            "cases[0].cases[0].when.a",
            '["y","z"]',
        ),
        (
            "cases:\n  - when: {a: x}\n    switch:\n      on: a\n      cases:\n        y: {SET}",
            11,
            "cases[0].switch.cases.y",
            "`a: y`",
        ),
        (
            "switch:\n  on: a\n  cases:\n    1,2: {cases: [{when: {a: 3}, SET}]}",
            9,
            "switch.cases.1,2.cases[0].when.a",
            "`a: 1,2`",
        ),
        (
            "switch:\n  on: a\n  cases: {1: {SET}}\n  default: {cases: [{when: {a: 1}, SET}]}",
            9,
            "switch.default.cases[0].when.a",
            "another",
        ),
        (
            "switch:\n  - on: a\n    cases:\n      1: {cases: [{when: {a: null}, SET}]}",
            9,
            "switch[0].cases[1].cases[0].when.a",
            "null",
        ),
        ("accept: {a: [x, y]}\ncases:\n  - when: {a: z}\n    SET", 8, "cases[0].when.a", 'no `a: ["x","y"]`'),
        ("ignore: {a: z}\ncases:\n  - when: {a: z}\n    SET", 8, "cases[0].when.a", 'no `not a: "z"`'),
        (
            "cases:\n  - when: {a|i: Deny}\n    cases:\n      - when: {a|i: [drop, block]}\n        SET",
            9,
            "cases[0].cases[0].when.a|i",
            "Deny",
        ),
        (
            "cases:\n  - when: {$event.action: x, $event.action|endswith: y}\n    SET",
            7,
            "cases[0].when.$event.action|endswith",
            "",
        ),
    ],
)
def test_a_case_that_no_record_reaches_is_named(text: str, line: int, path: str, told: str) -> None:
    problems = found(text)
    assert [(at, said.partition(": ")[0]) for at, said in problems] == [(line, path)], problems
    assert "no record comes here" in problems[0][1]
    assert told in problems[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "cases:\n  - when: {a: x, a|startswith: [y, x]}\n    SET",
        "cases:\n  - when: {a: [x, y]}\n    cases:\n      - when: {a: [y, z]}\n        SET",
        "cases:\n  - when: {a: x}\n    cases:\n      - when: {a|all: [x, z]}\n        SET",
        "cases:\n  - when: {a.*.b: x}\n    cases:\n      - when: {a.*.b: z}\n        SET",
        "cases:\n  - when: {$event.type: end}\n    cases:\n      - when: {$event.type: denied}\n        SET",
        "cases:\n  - when: {$event.action: y}\n    SET\n    cases:\n      - when: {$event.action: x}\n        map: {message: m}",
        "cases:\n  - when: {a|i: Deny}\n    cases:\n      - when: {a: DENY}\n        SET\n      - when: {a|startswith: de}\n        SET",
        "cases:\n  - when: [{a: x}, {b: 1}]\n    cases:\n      - when: {a: y}\n        SET",
        "cases:\n  - when: {not: {a: x, b: y}, a: x}\n    SET",
        "cases:\n  - when: {a: [x, null]}\n    cases:\n      - when: {a|exists: false}\n        SET",
        "cases:\n  - when: {a: 5}\n    cases:\n      - when: {a|gte: 5, a|lt: 6}\n        SET",
        "switch:\n  on: a | lower\n  cases:\n    x: {cases: [{when: {a: X}, SET}]}",
        "switch:\n  on: a // b\n  cases:\n    x: {cases: [{when: {a: y}, SET}]}",
        "switch:\n  on: a\n  cases: {4624: {cases: [{when: {a: 4624}, SET}]}, true: {cases: [{when: {a: true}, SET}]}}",
        "accept: [{a: x}, {b|exists: true}]\ncases:\n  - when: {a: z}\n    SET",
    ],
)
def test_a_case_that_a_record_may_reach_is_let_through(text: str) -> None:
    assert found(text) == []


def test_a_condition_that_can_hold_in_very_many_ways_is_not_looked_into() -> None:
    many = ", ".join(f"{{or: [{{f{i}: 1}}, {{f{i}: 2}}]}}" for i in range(3))
    wide = ", ".join(f"{{a: v{i}}}" for i in range(40))
    assert (
        found(f"cases:\n  - when: {{or: [{wide}], not: {{b: 1}}}}\n    cases:\n      - when: {{or: [{many}]}}\n        SET") == []
    )
