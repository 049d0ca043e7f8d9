"""What of a rule does not hang on its company: its atoms by number, its predicate, its witnesses. Made once a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.detect.engine.numbers import Asked, Numbers, field_of
from router.detect.engine.predicates import Predicate, Witness, clauses, predicate, relevant, witness
from router.detect.ir import Atom, atoms
from router.detect.rules import Rule
from router.detect.views import EcsView, view

_DULL = ("EventID", "Channel", "Provider_Name")
"""Fields whose value is the same in most events of a bucket."""


@dataclass(slots=True, eq=False)
class Prepared:
    """One rule, ready for every bucket that it is in."""

    rule: Rule
    atoms: frozenset[int]
    clauses: dict[Any, Witness]
    """For a field (as of `field_of`): atoms of it of which one at least is true whenever the rule is."""
    mixed: Witness
    """The same of several fields, where that tells more than any clause; else empty."""
    keywords: Witness
    """Without one of these keywords it does not matter which other keywords of the rule are in the message."""
    view: EcsView
    numbers: Numbers
    worked: int = 0
    """How often it was worked out, because no memo knew the verdict of an event."""
    _predicate: Predicate | None = None

    def holds(self, true: frozenset[int]) -> bool:
        """The verdict for a set of true atoms. The predicate is written when it is first asked: most rules never are."""
        if self._predicate is None:
            self._predicate = predicate(self.rule.tree, lambda atom: self.numbers.number(atom, self.view))
        return self._predicate(true)


def prepare(rule: Rule, numbers: Numbers) -> Prepared:
    """Number the atoms of a rule."""
    seen = view(rule.logsource, rule.taxonomy)
    by_atom = {atom: numbers.number(atom, seen) for atom in atoms(rule.tree)}
    cost = {by_atom[atom]: _cost(atom) for atom in by_atom}

    def total(listed: Witness) -> float:
        return sum(map(cost.__getitem__, listed))

    fields = {atom: (field_of(numbers.asked[number]), number) for atom, number in by_atom.items()}
    found = witness(rule.tree, lambda atom: frozenset((by_atom[atom],)), total) or frozenset()
    mixed = found if len({field_of(numbers.asked[number]) for number in found}) > 1 else frozenset[int]()
    one_each = clauses(rule.tree, fields.__getitem__, total)
    needed = relevant(rule.tree, lambda atom: frozenset((by_atom[atom],)) if atom.field is None else None, total)
    return Prepared(rule, frozenset(by_atom.values()), one_each, mixed, needed, seen, numbers)


def _cost(atom: Atom) -> float:
    """How often an atom is true, guessed: long texts seldom, names of programs at the end of a path often."""
    payload: Any = atom.payload
    length = len(payload) if isinstance(payload, str) else 8
    cost = {"null": 50, "exists": 50, "empty": 20}.get(atom.kind, 0) + 0.05
    cost += 1000 if atom.field in _DULL else 0
    often: float = 40 / (length + 1) ** 1.5 * (2 if atom.kind == "endswith" else 1)
    return cost + often


def asked_of(rules: Sequence[Prepared], numbers: Numbers) -> dict[int, Asked]:
    """Every atom of the rules."""
    return {number: numbers.asked[number] for number in frozenset[int]().union(*(r.atoms for r in rules))}
