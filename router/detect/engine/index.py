"""Which rules may still be true, given what was read of an event, and what to read next.

Sets of rules are integers, a bit a rule. Most rules ask something of a field that must hold whatever else does: a clause. A field
is read where it may rule out what nothing before it did, so that most events are done with after a few fields.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from router.detect.engine.numbers import Asked, field_of
from router.detect.engine.prepared import Prepared

_FEW = 2
"""So many fields more are read at once: asking twice costs as much."""
_SMALL, _MAX_KNOWN = 16, 1024
"""Of so few rules the atoms are put together, for so many sets of rules."""
_SEARCHED, _PLAIN = 1.0, 1.5
"""What a field is worth: one whose texts must be searched costs more than one that is looked up."""
_LOOKED_UP = frozenset({"eq", "null", "empty", "exists"})


class Index:
    """The rules of a bucket by their atoms and fields."""

    def __init__(self, rules: Sequence[Prepared], asked: dict[int, Asked]) -> None:
        self.all = (1 << len(rules)) - 1
        self.fields: list[Any] = list(dict.fromkeys(map(field_of, asked.values())))
        self.number = {field: n for n, field in enumerate(self.fields)}
        self.owners: dict[int, int] = dict.fromkeys(asked, 0)
        """Atom -> the rules that have it;"""
        self.clauses: dict[int, int] = {}
        """those for which it fulfils the clause of its field;"""
        self.hits: dict[int, int] = {}
        """those that are true only if this atom is, or another one of several fields."""
        self.clause_in, self.mixed_in, self.uses = ([0] * len(self.fields) for _ in range(3))
        """By number of a field: rules with a clause for it, with such an atom of it, with any atom of it."""
        self.mixed = 0
        self._rules = rules
        self._atoms: dict[int, frozenset[int]] = {}
        self._next: dict[tuple[int, int, tuple[int, ...]], tuple[int, ...]] = {}
        numbers = {atom: self.number[field_of(a)] for atom, a in asked.items()}
        for n, prepared in enumerate(rules):
            self._add(1 << n, prepared, numbers)
        self.free = [self.all & ~clause for clause in self.clause_in]
        searched = {field_of(a) for a in asked.values() if a.kind not in _LOOKED_UP}
        self._worth = [_SEARCHED if field in searched else _PLAIN for field in self.fields]

    def _add(self, bit: int, prepared: Prepared, numbers: dict[int, int]) -> None:
        for atom in prepared.atoms:
            self.owners[atom] |= bit
        for field in {numbers[atom] for atom in prepared.atoms}:
            self.uses[field] |= bit
        for field, clause in prepared.clauses.items():
            self.clause_in[self.number[field]] |= bit
            for atom in clause:
                self.clauses[atom] = self.clauses.get(atom, 0) | bit
        for atom in prepared.mixed:
            self.mixed |= bit
            self.mixed_in[numbers[atom]] |= bit
            self.hits[atom] = self.hits.get(atom, 0) | bit

    def clause_of(self, atoms: Iterable[int]) -> int:
        """The rules whose clause of the atoms' field these atoms fulfil."""
        rules, clauses = 0, self.clauses
        for atom in atoms:
            rules |= clauses.get(atom, 0)
        return rules

    def hit_by(self, atoms: Iterable[int]) -> int:
        """The rules of which one of the atoms is true that one must be."""
        rules, hits = 0, self.hits
        for atom in atoms:
            rules |= hits.get(atom, 0)
        return rules

    def possible(self, rules: int, hit: int, unread: Iterable[int]) -> int:
        """Without those that no atom of several fields made possible, nor can any field that is still to be read."""
        dead = rules & self.mixed & ~hit
        if dead:
            for field in unread:
                dead &= ~self.mixed_in[field]
        return rules ^ dead

    def relevant(self, rules: int, atoms: Iterable[int]) -> frozenset[int]:
        """Those of the atoms that matter to any of the rules."""
        if rules.bit_count() > _SMALL:
            owners = self.owners
            return frozenset([atom for atom in atoms if owners[atom] & rules])
        known = self._atoms.get(rules)
        if known is None:
            if len(self._atoms) >= _MAX_KNOWN:
                self._atoms.clear()
            listed = [self._rules[n].atoms for n in range(rules.bit_length()) if rules >> n & 1]
            known = self._atoms[rules] = frozenset[int]().union(*listed)
        return known.intersection(atoms)

    def next(self, rules: int, hit: int, unread: tuple[int, ...]) -> tuple[int, ...]:
        """The fields to read next; none if nothing that is still to be read matters to the rules."""
        asked = rules, hit, unread
        known = self._next.get(asked)
        if known is None:
            if len(self._next) >= _MAX_KNOWN:
                self._next.clear()
            known = self._next[asked] = self._chosen(rules, hit, unread)
        return known

    def _chosen(self, rules: int, hit: int, unread: Iterable[int]) -> tuple[int, ...]:
        needed = [field for field in unread if self.uses[field] & rules]
        if len(needed) <= _FEW:
            return tuple(needed)
        chosen, left = self._cover(needed, rules)
        waiting = left & self.mixed & ~hit
        rest = left ^ waiting
        chosen += [f for f in needed if f not in chosen and (self.mixed_in[f] & waiting or self.uses[f] & rest)]
        return tuple(needed if len(needed) - len(chosen) <= _FEW else chosen)

    def _cover(self, fields: Iterable[int], rules: int) -> tuple[list[int], int]:
        """Few fields with clauses of many of the rules, and the rules that have none."""
        pool, chosen = list(fields), list[int]()
        while pool and rules:
            best = max(pool, key=lambda field: (self.clause_in[field] & rules).bit_count() * self._worth[field])
            if not self.clause_in[best] & rules:
                break
            chosen.append(best)
            pool.remove(best)
            rules &= self.free[best]
        return chosen, rules
