"""Rule files that are wrong, and what is said about them."""

from pathlib import Path

import pytest

from router.errors import ConfigError
from router.reduce import NoiseRules, run_tests
from tests.router.reduce.noise import noise, problems_of, write

GOOD = """
id: quiet
title: t
kind: drop
datasets: [d]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a list", "a noise rule is a mapping"),
        ("id: a\ntitle: t", "`kind` is missing"),
        ("id: a\ntitle: t\nkind: drp", "did you mean 'drop'?"),
        ("id: 'no spaces'\ntitle: t\nkind: drop\ndatasets: [d]", "rules.yaml:1:1: id: does not have the form"),
        (f"id: a\ntitle: {'t' * 201}\nkind: drop\ndatasets: [d]", "title: must have at most 200 characters; shorten it"),
        ("title: t\nkind: drop\ndatasets: [d]", "id: is missing; it has no default: add the key with its value"),
        ("id: a\ntitle: t\nkind: drop\ndataset: [d]\ndatasets: [d]", "did you mean 'datasets'?"),
        ("id: a\ntitle: t\nkind: drop", "selects every event of every dataset"),
        ("id: a\ntitle: t\nkind: drop\ndatasets: ['a*b']", "only a trailing `*` is understood"),
        (
            "id: a\ntitle: t\nkind: sample\nrate: 1.5\ndatasets: [d]",
            "rules.yaml:4:1: rate: must be less than 1; correct the number",
        ),
        ("id: a\ntitle: t\nkind: dedupe\nby: []\nwindow_seconds: 5\ndatasets: [d]", "rules.yaml:4"),
        ("id: a\ntitle: t\nkind: throttle\nby: [a]\nwindow_seconds: 5\ndatasets: [d]", "limit: is missing"),
        ("id: a\ntitle: t\nkind: trim\nfields: [message]\nkeep_characters: 0\ndatasets: [d]", "rules.yaml:5"),
        ("id: a\ntitle: t\nkind: drop\ndetection:\n  s: {a: 1}\n  condition: t", "rules.yaml:6"),
        ("id: a\ntitle: t\nkind: drop\ndetection: 5", "rules.yaml:4"),
        (GOOD + "tests:\n  - {name: n, expect: kept}", "needs either `event` or `events`"),
        (GOOD + "tests:\n  - {name: n, event: {}, expect: [kept, kept]}", "expects 2 answers for 1 events"),
        (GOOD + "tests:\n  - {name: n, event: {}, expect: gone}", "rules.yaml:7"),
        (GOOD + "tests:\n  - {name: n, event: {}, expect: kept, match: true}", "did you mean 'matched'?"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(text: str, expected: str) -> None:
    problems = problems_of(text)
    assert any(expected in p for p in problems), problems
    assert all(p.startswith("rules.yaml:") for p in problems)


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "id: a\ntitle: t\nkind: drp\n---\nid: b\ntitle: t\nkind: drop\n")
    write(tmp_path, "b.yaml", "id: [")
    with pytest.raises(ConfigError) as caught:
        NoiseRules.load([tmp_path, tmp_path / "missing"], builtin=False)
    assert sorted({Path(p.file).name for p in caught.value.problems}) == ["a.yaml", "b.yaml", "missing"]
    assert len(caught.value.problems) == 4


def test_two_rules_with_one_id_are_a_problem(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD)
    write(tmp_path, "b.yaml", GOOD)
    with pytest.raises(ConfigError, match="is taken by"):
        NoiseRules.load([tmp_path], builtin=False)


def test_a_rule_of_ones_own_replaces_the_built_in_one(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "id: zeek-dns-repeats\ntitle: mine\nkind: drop\ndatasets: [d]\n")
    found = {r.id: r.settings.title for r in NoiseRules.load([tmp_path]).rules}
    assert found["zeek-dns-repeats"] == "mine"
    assert len(found) == len(NoiseRules.load().rules)


def test_a_disabled_rule_is_not_loaded() -> None:
    assert "zeek-dns-repeats" not in {r.id for r in NoiseRules.load(disable=["zeek-dns-repeats"]).rules}


def test_a_rule_applies_to_sinks_by_name_kind_or_pattern() -> None:
    rules = noise(GOOD.replace("title: t", "title: t\nsinks: [siem, splunk_*]"))
    assert rules.applies("quiet", "siem", "elasticsearch")
    assert rules.applies("quiet", "other", "splunk_hec")
    assert not rules.applies("quiet", "other", "elasticsearch")


def test_a_rule_without_sinks_applies_to_all_and_one_in_shadow_to_none() -> None:
    assert noise(GOOD).applies("quiet", "any", "thing")
    shadowed = noise(GOOD + "shadow: true\n")
    assert not shadowed.applies("quiet", "any", "thing")
    assert shadowed.scope("any", "thing").shadow == {"quiet"}


def test_an_id_that_is_not_known_applies_nowhere() -> None:
    assert not noise(GOOD).applies("stranger", "any", "thing")


def test_the_rules_that_ship_pass_their_own_tests_and_have_them_on_both_sides() -> None:
    rules = NoiseRules.load().rules
    assert len(rules) >= 8
    for rule in rules:
        words = {word for example in rule.settings.tests for word in example.expect}
        assert "kept" in words, rule.id
        assert len(words) == 2, rule.id
        assert rule.settings.description, rule.id
        assert rule.settings.sinks is not None, rule.id
    results = run_tests(sorted({Path(rule.document.file) for rule in rules}))
    assert [r for r in results if not r.passed] == []
    assert len(results) >= 2 * len(rules)


def test_a_test_that_does_not_hold_says_what_happened(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", GOOD + "tests:\n  - {name: n, events: [{}, {a: 1}], expect: [left_out, kept]}\n")
    (result,) = run_tests([path])
    assert (result.passed, result.line, result.name) == (False, 7, "quiet: n")
    assert result.detail == "event 2: expected kept, got left_out"
