"""The detections and correlations that ship with Logweir keep what they promise."""

import re

import pytest

from router import correlate, detect
from router.detect import Ruleset
from router.detect.rules import LEVELS
from rules import ROOT

RULESET = Ruleset.load([])
TESTED = [*RULESET.rules, *RULESET.correlations]
RESULTS = [*detect.run_tests([ROOT / "detect"]), *correlate.run_tests([ROOT / "correlate", ROOT / "risk"])]


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: r.name)
def test_a_test_in_a_rule_file_passes(result):
    assert result.passed, f"{result.file}:{result.line}: {result.detail}"


@pytest.mark.parametrize("rule", RULESET.rules, ids=lambda r: r.title)
def test_a_rule_has_an_example_on_each_side(rule):
    assert {test["match"] for _, test in rule.tests} == {True, False}


@pytest.mark.parametrize("rule", TESTED, ids=lambda r: r.title)
def test_a_rule_says_what_it_is(rule):
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", rule.id)
    assert rule.author == "Logweir"
    assert rule.license == "Apache-2.0"
    assert rule.level in LEVELS
    assert rule.description
    assert rule.falsepositives
    assert rule.references
    assert getattr(rule, "risk", None) or any(tag.startswith("attack.") for tag in rule.tags)


def test_nothing_is_odd_about_them():
    assert RULESET.lints == []


def test_only_the_rules_of_correlations_raise_nothing_of_their_own():
    quiet = sorted(rule.title for rule in RULESET.rules if not rule.alerts)
    assert quiet == ["Remote Desktop Logon Succeeded", "SSH Login Failed", "SSH Login Succeeded", "Windows Logon Failed"]
