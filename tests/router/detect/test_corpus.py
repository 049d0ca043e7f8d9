"""The whole public rule corpus: what is read exactly, and that pySigma reads the same. Skipped where the corpus is not."""

import tarfile
from pathlib import Path

import pytest

from router.detect.ir import And, Atom, Not, Or
from router.detect.matcher import compile_tree
from router.detect.ruleset import Ruleset
from router.detect.views import view

ARCHIVE = Path(__file__).parents[4] / "shared/data/sigma/rules/sigma-rules.tar.gz"
STANDARD = {"DomainControllers": ["dc1"], "Administrators": ["adm"], "Servers": ["srv"], "Workstations": ["ws"]}
pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the rule corpus is not at {ARCHIVE}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sigma")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def ruleset(corpus):
    return Ruleset.load([corpus], builtin=False, strict=False)


def test_every_rule_is_exact_or_refused_with_a_place_a_reason_and_a_remedy(ruleset):
    print(f"exact {len(ruleset.rules)}, refused {len(ruleset.refused)}")
    assert len(ruleset.rules) + len(ruleset.refused) == 3757
    assert len(ruleset.refused) == 2
    assert all("placeholder" in p.text and p.line > 1 and p.remedy for p in ruleset.refused)


def test_with_values_for_placeholders_every_rule_is_exact(corpus):
    folder = corpus / "rules-emerging-threats"
    assert not Ruleset.load([folder], builtin=False, placeholders=_every_placeholder(folder)).refused


def _every_placeholder(folder):
    import re

    text = "".join(p.read_text() for p in folder.rglob("*.yml") if "|expand" in p.read_text())
    return {name: ["x"] for name in re.findall(r"%(\w+)%", text)}


@pytest.mark.timeout(300)
def test_pysigma_reads_the_same_atoms_and_the_same_logic(ruleset):
    pytest.importorskip("sigma.rule", reason="pySigma is not installed")
    from tests.conformance.detection.frontend import compare

    found = compare(ruleset.rules, {}, each=3)
    print(f"compared {found.compared} rules, {found.truths} verdicts, {len(found.differing)} differences")
    assert found.compared > 3700
    assert found.differing == []


def test_every_rule_can_be_compiled_for_its_log_source(ruleset):
    for rule in ruleset.rules:
        assert compile_tree(rule.tree, view(rule.logsource, rule.taxonomy)) is not None
    assert isinstance(ruleset.rules[0].tree, Atom | And | Or | Not)
