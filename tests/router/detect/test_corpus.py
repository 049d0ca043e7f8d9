"""The whole public rule corpus: what is read exactly, and that pySigma reads the same. Skipped where the corpus is not."""

import random
import tarfile
from pathlib import Path

import pytest
import yaml

from router.detect.ir import And, Atom, Not, Or, Tree, atoms
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


def truth(tree: Tree, true: set[Atom]) -> bool:
    if isinstance(tree, Atom):
        return tree in true
    if isinstance(tree, Not):
        return not truth(tree.child, true)
    join = all if isinstance(tree, And) else any
    return join(truth(child, true) for child in tree.children)


def test_pysigma_reads_the_same_atoms_and_the_same_logic(ruleset, corpus):
    sigma_rule = pytest.importorskip("sigma.rule", reason="pySigma is not installed").SigmaRule
    from tests.router.detect.pysigma import tree_of

    chance, differing, compared, truths = random.Random(7), [], 0, 0
    for rule in ruleset.rules:
        documents = yaml.load_all(Path(rule.file).read_text("utf-8"), Loader=yaml.CSafeLoader)
        theirs = tree_of(sigma_rule.from_dict(next(d for d in documents if d.get("id") == rule.id)))
        ours, known = set(atoms(rule.tree)), set(atoms(theirs))
        compared += 1
        if ours != known:
            differing.append((rule.file, sorted(map(str, ours ^ known))[:4]))
            continue
        ordered = sorted(ours, key=str)
        for density in (0.02, 0.1, 0.3, 0.5, 0.8, 0.98):
            for _ in range(10):
                true = {a for a in ordered if chance.random() < density}
                truths += 1
                if truth(rule.tree, true) != truth(theirs, true):
                    differing.append((rule.file, "verdict"))
                    break
    print(f"compared {compared} rules, {truths} verdicts, {len(differing)} differences")
    assert compared > 3700
    assert differing == []


def test_every_rule_can_be_compiled_for_its_log_source(ruleset):
    for rule in ruleset.rules:
        assert compile_tree(rule.tree, view(rule.logsource, rule.taxonomy)) is not None
    assert isinstance(ruleset.rules[0].tree, Atom | And | Or | Not)
