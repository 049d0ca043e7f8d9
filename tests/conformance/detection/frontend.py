"""Our reading of every rule against pySigma's: the same atoms, and the same truth for every assignment that is tried."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.rule import SigmaRule

from router.detect import Rule
from router.detect.ir import And, Atom, Not, Tree, atoms
from tests.router.detect.pysigma import tree_of

_DENSITIES = (0.02, 0.1, 0.3, 0.5, 0.8, 0.98)


@dataclass
class Reading:
    """What came of comparing the front ends."""

    compared: int = 0
    truths: int = 0
    differing: list[str] = field(default_factory=list)


def compare(rules: Sequence[Rule], placeholders: Mapping[str, Sequence[str]], seed: int = 7, each: int = 10) -> Reading:
    """Each rule by both front ends; `each` random assignments of truth for every density of true atoms."""
    reading, chance = Reading(), random.Random(seed)
    for rule in rules:
        theirs = peer_tree(rule, placeholders)
        reading.compared += 1
        reading.differing += [
            f"{rule.file}:{rule.line}: {text}" for text in _differences(rule.tree, theirs, chance, each, reading)
        ]
    return reading


def peer_tree(rule: Rule, placeholders: Mapping[str, Sequence[str]]) -> Tree:
    """What pySigma makes of the file of a rule."""
    documents = yaml.load_all(Path(rule.file).read_text("utf-8"), Loader=yaml.CSafeLoader)
    return read_by_pysigma(next(d for d in documents if d.get("id") == rule.id), placeholders)


def read_by_pysigma(document: Mapping[str, object], placeholders: Mapping[str, Sequence[str]]) -> Tree:
    """A rule document -> pySigma's tree, in our form."""
    read = SigmaRule.from_dict(dict(document))
    if placeholders:
        items = [ProcessingItem(ValueListPlaceholderTransformation())]
        ProcessingPipeline(items=items, vars={name: list(v) for name, v in placeholders.items()}).apply(read)
    return tree_of(read)


def _differences(ours: Tree, theirs: Tree, chance: random.Random, each: int, reading: Reading) -> Iterator[str]:
    known, other = set(atoms(ours)), set(atoms(theirs))
    if known != other:
        yield f"atoms differ: {sorted(map(str, known ^ other))[:4]}"
        return
    ordered = sorted(known, key=str)
    for density in _DENSITIES:
        for _ in range(each):
            true = {atom for atom in ordered if chance.random() < density}
            reading.truths += 1
            if truth(ours, true) != truth(theirs, true):
                yield f"the condition differs, {len(true)} of {len(ordered)} atoms being true"
                return


def truth(tree: Tree, true: set[Atom]) -> bool:
    """The truth of a tree where exactly these atoms are true."""
    if isinstance(tree, Atom):
        return tree in true
    if isinstance(tree, Not):
        return not truth(tree.child, true)
    join = all if isinstance(tree, And) else any
    return join(truth(child, true) for child in tree.children)
