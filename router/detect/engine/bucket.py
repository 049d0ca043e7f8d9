"""The rules that can see one kind of event, and the event's verdict by them.

fields -> signatures (a memo a field) -> verdict (a memo a layout); what misses is decided exactly, and kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any

from router.batch import Event
from router.detect.engine.field import FieldMatcher
from router.detect.engine.keywords import Gate, Marks, Pieces, gate, pieces_of
from router.detect.engine.layouts import Fields, Layout, Layouts
from router.detect.engine.literals import Build
from router.detect.engine.memo import Budget, Memo, ValueMemo
from router.detect.engine.numbers import Asked, Numbers
from router.detect.engine.prepared import Prepared, asked_of
from router.detect.engine.tables import field_table
from router.detect.folding import fold
from router.detect.message import message
from router.detect.probes import Probe, Values
from router.detect.rules import Rule
from router.detect.values import texts

_SIGNATURE_BYTES, _VERDICT_BYTES, _ATOM_BYTES, _KEY_BYTES = 400, 250, 60, 8
_MODES = {"eq": str.__eq__, "contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}


class Signatures(Memo):
    """Sorted tuple of true atoms -> its number. Emptying is only noted: others hold the numbers, and go with them."""

    __slots__ = ("atoms", "full", "masks")

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.forget()
        self.renew()

    def forget(self) -> None:
        self.full = True

    def renew(self) -> None:
        """Drop every signature but the empty one, which is 0."""
        self.clear()
        self[()] = 0
        self.atoms: list[frozenset[int]] = [frozenset()]
        self.masks = [0]
        self.full = False


class Verdicts(Memo):
    """(layout's absences, set of signatures) -> verdict; the memos of the layouts before it are counted and emptied with it."""

    __slots__ = ("layouts",)
    layouts: Layouts

    def forget(self) -> None:
        super().forget()
        for layout in self.layouts.made:
            layout.verdicts.clear()


class Bucket:
    """Judges events of one kind."""

    def __init__(self, rules: Sequence[Prepared], numbers: Numbers, build: Build, budget: Budget) -> None:
        self.rules, self._budget = rules, budget
        asked = asked_of(rules, numbers)
        self._witnesses, self._always = _index(rules)
        self._signatures, self._verdicts = Signatures(budget), Verdicts(budget)
        fields = _fields(asked, build, self._signature, budget)
        self.memos = list(fields.memos.values())
        self._layouts = self._verdicts.layouts = Layouts(fields)
        budget.memos += [self._signatures, self._verdicts, *self.memos]
        self.keywords = _keywords(rules, asked, build)
        self.marks: Marks | None = None
        """Tells for whole batches which events may hold a keyword of this bucket."""
        self.pieces = self.keywords.pieces if self.keywords else None
        self.verdict_misses = self.candidates = 0

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> tuple[Rule, ...]:
        """The rules that the event satisfies. `encoded` is the event as orjson writes it, if somebody did already."""
        keywords = self.keywords
        if keywords is not None and keywords.gate(event, raw, encoded):
            return self.judge(event, (self._searched(keywords, event, raw),))
        return self.judge(event)

    def judge(self, event: Event, found: tuple[int, ...] = ()) -> tuple[Rule, ...]:
        """The same, where it is known which keywords are in the message: `found` has their signature, if there are any."""
        layout: Any = self._layouts.top.children.get(tuple(event))
        try:
            if layout.__class__ is Layout and layout.alone:
                objects: list[Any] = [event]
                key = tuple(map(getitem, layout.memos, layout.pick(event))) + found
            else:
                layout, objects = self._layouts.of(event)
                key = tuple(map(getitem, layout.memos, layout.values(objects))) + found
        except TypeError:  # a list or an object is no key of a dict
            key = tuple([memo.of(value) for memo, value in zip(layout.memos, layout.values(objects), strict=True)]) + found
        layout.uses += 1
        if layout.more:
            key += self._more(layout, objects)
        verdict: tuple[Rule, ...] | None = layout.verdicts.get(key)
        return self._solve(layout, key) if verdict is None else verdict

    def _more(self, layout: Layout, objects: Sequence[Any]) -> tuple[int, ...]:
        """Signatures of what hangs on more than the keys of the document, and on more than one field."""
        read = tuple([memo.of(read(objects)) for read, memo in layout.reads])
        return (*read, self._compared(layout, objects)) if layout.references else read

    def _signature(self, true: tuple[int, ...]) -> int:
        signatures = self._signatures
        number = signatures.get(true)
        if number is None:
            number = signatures[true] = len(signatures.atoms)
            signatures.atoms.append(frozenset(true))
            signatures.masks.append(self._mask(true))
            self._budget.take(signatures, _SIGNATURE_BYTES + _ATOM_BYTES * len(true))
        return int(number)

    def _mask(self, true: Iterable[int]) -> int:
        """The rules, as bits, for which one of the atoms is a witness."""
        mask, witnesses = 0, self._witnesses
        for atom in true:
            mask |= witnesses.get(atom, 0)
        return mask

    def _compared(self, layout: Layout, objects: Sequence[Any]) -> int:
        true = [atom for atom, one, other, mode in layout.references if _holds(_MODES[mode], one(objects), other(objects))]
        return self._signature(tuple(sorted(true)))

    def _searched(self, keywords: "Keywords", event: Event, raw: bytes) -> int:
        (text,) = message(Values(event, raw))
        return self._signature(tuple(sorted(keywords.matcher.of_text(text))))

    def _solve(self, layout: Layout, key: tuple[int, ...]) -> tuple[Rule, ...]:
        """The verdict for signatures that were not seen together in this layout."""
        self.verdict_misses += 1
        same = (layout.number, frozenset(key))
        verdict: tuple[Rule, ...] | None = self._verdicts.get(same)
        if verdict is None:
            verdict = self._verdicts[same] = tuple(self._true(layout.absent, same[1]))
            self._budget.take(self._verdicts, _VERDICT_BYTES + 2 * _KEY_BYTES * len(key))
        layout.verdicts[key] = verdict
        self._budget.take(self._verdicts, _VERDICT_BYTES + _KEY_BYTES * len(key))
        if self._signatures.full:
            self._renew()
        return verdict

    def _true(self, absent: frozenset[int], key: frozenset[int]) -> Iterator[Rule]:
        atoms, masks = self._signatures.atoms, self._signatures.masks
        true = absent.union(*[atoms[number] for number in key])
        candidates = self._always | self._mask(absent)
        for number in key:
            candidates |= masks[number]
        while candidates:
            bit = candidates & -candidates
            candidates ^= bit
            self.candidates += 1
            prepared = self.rules[bit.bit_length() - 1]
            prepared.worked += 1
            if prepared.holds(true):
                yield prepared.rule

    def _renew(self) -> None:
        """Drop all signatures, and whatever holds their numbers."""
        for memo in (self._verdicts, *self.memos):
            self._budget.flush(memo)
        self._signatures.renew()

    def forget(self) -> None:
        """Drop what was learned from events, as if no event had been seen."""
        self._budget.flush(self._signatures)
        self._renew()
        self._layouts.forget()

    def close(self) -> None:
        """Give the memory back to the budget."""
        self.forget()
        gone = {id(memo) for memo in (self._signatures, self._verdicts, *self.memos)}
        self._budget.memos = [memo for memo in self._budget.memos if id(memo) not in gone]


def _index(rules: Sequence[Prepared]) -> tuple[dict[int, int], int]:
    """Atom -> rules (as bits) for which it is a witness; and the rules that have none."""
    witnesses: dict[int, int] = {}
    always = 0
    for n, prepared in enumerate(rules):
        if prepared.witness is None:
            always |= 1 << n
        for atom in prepared.witness or ():
            witnesses[atom] = witnesses.get(atom, 0) | 1 << n
    return witnesses, always


def _fields(asked: dict[int, Asked], build: Build, intern: Any, budget: Budget) -> Fields:
    by_probe: dict[Probe, list[tuple[int, Asked]]] = {}
    references = []
    for number, atom in asked.items():
        if atom.kind == "fieldref":
            assert atom.probe is not None
            references.append((number, atom.probe, *atom.payload))
        elif atom.probe is not None:
            by_probe.setdefault(atom.probe, []).append((number, atom))
    matchers = {probe: FieldMatcher(field_table(listed), build) for probe, listed in by_probe.items()}
    memos = {probe: ValueMemo(matcher, intern, budget) for probe, matcher in matchers.items()}
    return Fields(memos, {probe: matcher.absent for probe, matcher in matchers.items()}, references)


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of a bucket's rules."""

    pieces: Pieces | None
    """What to look for before the message is searched; None if that would not tell."""
    gate: Gate
    matcher: FieldMatcher


def _keywords(rules: Sequence[Prepared], asked: dict[int, Asked], build: Build) -> Keywords | None:
    listed = [(number, atom) for number, atom in asked.items() if atom.probe is None]
    if not listed:
        return None
    needed = frozenset[int]().union(*(prepared.keywords for prepared in rules))
    pieces = pieces_of([asked[number] for number in sorted(needed)])
    return Keywords(pieces, gate(pieces), FieldMatcher(field_table(listed), build))


def _holds(mode: Any, one: Any, other: Any) -> bool:
    if one.__class__ is str and other.__class__ is str:
        return bool(mode(fold(one), fold(other)))
    ones, others = [fold(t) for t in texts(one)], [fold(t) for t in texts(other)]
    return any(mode(a, b) for a in ones for b in others)
