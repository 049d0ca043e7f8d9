"""One field's atoms, decided: a value in, the numbers of the atoms that are true for it out. Exact, and without memory."""

from collections.abc import Callable, Iterator
from operator import eq, ge, gt, le, lt
from typing import Any

from router.detect import values
from router.detect.engine.literals import Build, Finder
from router.detect.engine.networks import Networks
from router.detect.engine.tables import FieldTable, Literals, Regex
from router.detect.folding import fold

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq}


class FieldMatcher:
    """Decides the atoms of a table."""

    def __init__(self, table: FieldTable, build: Build) -> None:
        self._table = table
        self._folded = _Form(table.folded, build)
        self._cased = _Form(table.cased, build)
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
        hits = self._decide(text.lower() if ascii_only else fold(text), true)
        if self._cased.used:
            self._cased.decide(text, true)
        if self._regexes and (hits or self._asked or not ascii_only):
            true += self._matching(text, hits)
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

    def __init__(self, literals: Literals, build: Build) -> None:
        self.used = bool(literals.equal or literals.patterns or literals.always)
        self._equal = literals.equal
        self._atoms, self._gates, self._always = literals.atoms, literals.gates, literals.always
        self._find: Finder | None = build(literals.patterns) if literals.patterns else None
        self._some = -1 in self._atoms
        """Whether there are patterns that decide no atom by themselves."""

    def decide(self, text: str, true: list[int]) -> list[int]:
        """Append the atoms true for the text; return the indexes of the patterns found in it."""
        atom = self._equal.get(text)
        if atom is not None:
            true.append(atom)
        if self._always:
            true += [number for number, test in self._always if test(text)]
        if self._find is None:
            return []
        hits = self._find(text)
        if not hits:
            return hits
        found = [self._atoms[hit] for hit in hits]
        true += [atom for atom in found if atom >= 0] if self._some else found
        if self._gates and not self._gates.keys().isdisjoint(hits):
            true += {number for hit in hits for number, test in self._gates.get(hit, ()) if test(text)}
        return hits
