"""One field's atoms, decided: a value in, the numbers of the atoms that are true for it out. Exact, and without memory."""

from collections.abc import Callable, Collection, Iterator
from operator import eq, ge, gt, le, lt
from typing import Any

from router.detect import values
from router.detect.engine.literals import Build, Finder
from router.detect.engine.native import Decide, sieve
from router.detect.engine.networks import Networks
from router.detect.engine.tables import FieldTable, Literals, Regex
from router.detect.folding import fold

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq}


class FieldMatcher:
    """Decides the atoms of a table."""

    def __init__(self, table: FieldTable, build: Build) -> None:
        self._table = table
        required = {index for regex in table.regexes for gate in regex.gates for index in gate}
        self._folded = _Form(table.folded, build, required, folds=True)
        self._cased = _Form(table.cased, build, (), folds=False)
        self._decide = self._folded.decide
        self._regexes, self._asked = bool(table.regexes), bool(table.regex_always)
        self._networks = Networks(table.networks)
        self._special = bool(table.networks or table.numbers or table.times)
        self.present_only = not (self._folded.used or self._cased.used or self._regexes or self._special or table.empty)
        """Does nothing but being there count? Then the text of an object need not be written."""
        self.present = tuple(table.present)
        self.absent = tuple(sorted([*table.null, *table.absent]))
        self.null = tuple(sorted([*table.null, *table.present]))

    def of(self, value: Any) -> tuple[int, ...]:
        """The atoms true for a value as the view reads it, sorted; of a list, those true for any of its elements."""
        if value is values.MISSING:
            return self.absent
        true = set(self.present)
        if values.is_null(value):
            true.update(self._table.null)
        for text in values.texts(value):
            true.update(self.of_text(text))
        return tuple(sorted(true))

    def of_text(self, text: str) -> list[int]:
        """The atoms true for a text that is there, in any order."""
        true = list(self.present)
        if not text:
            true += self._table.empty
        ascii_only = text.isascii()
        hits = self._decide(text if ascii_only else fold(text), true)
        if self._cased.used:
            self._cased.decide(text, true)
        if self._regexes and (hits or self._asked or not ascii_only):
            true += self._matching(text, hits or [])
        if self._special:
            true += self._specials(text)
        return true

    def _matching(self, text: str, hits: list[int]) -> Iterator[int]:
        """Regular expressions: those whose requirements are met. In a text that is no Unicode, all are asked."""
        found, gates = frozenset(hits), self._table.regex_gates
        asked = self._table.regex_always
        if not gates.keys().isdisjoint(hits):
            asked = [*asked, *{regex.atom: regex for hit in found if hit in gates for regex in gates[hit]}.values()]
        asked = [regex for regex in asked if _worth(regex, text, found)]
        if not asked and text.isascii():
            return
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data, asked = text.encode("utf-8", "replace"), self._table.regexes
        for regex in asked:
            if regex.search(data) is not None:
                yield regex.atom

    def _specials(self, text: str) -> Iterator[int]:
        table = self._table
        if table.networks:
            yield from self._networks.of(text)
        if table.numbers and (exact := values.number(text)) is not None:
            yield from (atom for atom, operator, wanted in table.numbers if _COMPARE[operator](exact, wanted))
        if table.times and (moment := values.moment(text)) is not None:
            for atom, unit, operator, wanted in table.times:
                if _COMPARE[operator](values.part(moment, unit), wanted):
                    yield atom


def _worth(regex: Regex, text: str, found: frozenset[int]) -> bool:
    """Whether the text fulfils what the expression requires, cheapest first."""
    _, _, gates, characters, signs, row = regex
    if characters > len(text):
        return False
    for sign, often in signs:
        if sign not in text or (often > 1 and text.count(sign) < often):
            return False
    for gate in gates:
        if found.isdisjoint(gate):
            return False
    return row is None or row(text) is not None


class _Form:
    """The texts of one form, folded or as they are."""

    def __init__(self, literals: Literals, build: Build, required: Collection[int], *, folds: bool) -> None:
        """`required`: indexes of patterns that decide whether something else is asked."""
        self.used = bool(literals.equal or literals.patterns or literals.always)
        self._gates, self._always, self._folds = literals.gates, literals.always, folds
        told = literals.gates.keys() | set(required)
        native = sieve(literals, told, folds=folds) if literals.patterns else None
        self._empty = literals.equal.get("") if native is not None else None
        self._decide: Decide = native or _found(literals, build, folds=folds)
        self._alone = not (self._gates or self._always or self._empty is not None)

    def decide(self, text: str, true: list[int]) -> list[int] | None:
        """Append the atoms true for the text, which is folded where it is not ASCII; what is told of the patterns in it."""
        hits = self._decide(text, true)
        if self._alone:
            return hits
        if not text and self._empty is not None:
            true.append(self._empty)
        if self._always or (hits and not self._gates.keys().isdisjoint(hits)):
            plain = text.lower() if self._folds and text.isascii() else text
            true += {number for hit in hits or () for number, test in self._gates.get(hit, ()) if test(plain)}
            true += [number for number, test in self._always if test(plain)]
        return hits


def _found(literals: Literals, build: Build, *, folds: bool) -> Decide:
    """The same as the native matcher, with a finder of patterns; it tells of every pattern."""
    equal, atoms = literals.equal, literals.atoms
    find: Finder = build(literals.patterns) if literals.patterns else _nothing
    some = -1 in atoms

    def decide(text: str, true: list[int]) -> list[int]:
        if folds and text.isascii():
            text = text.lower()
        atom = equal.get(text)
        if atom is not None:
            true.append(atom)
        hits = find(text)
        if hits:
            found = [atoms[hit] for hit in hits]
            true += [atom for atom in found if atom >= 0] if some else found
        return hits

    return decide


def _nothing(_text: str) -> list[int]:
    return []
