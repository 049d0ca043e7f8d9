"""The rules that can see one kind of event, and the event's verdict by them.

fields -> signatures (a memo a field) -> the next fields, or the verdict; what misses is decided exactly, and kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from router.batch import Event
from router.detect.engine.doors import Door
from router.detect.engine.field import FieldMatcher
from router.detect.engine.index import Index
from router.detect.engine.keywords import Gate, Marks, Pieces, gate, pieces_of
from router.detect.engine.layouts import Fields, Layout, Layouts
from router.detect.engine.literals import Build
from router.detect.engine.memo import Budget, Memo, ValueMemo
from router.detect.engine.numbers import REFERENCES, Asked, Numbers
from router.detect.engine.prepared import Prepared, asked_of
from router.detect.engine.readings import Key, Question, Reading, Verdict
from router.detect.engine.tables import field_table
from router.detect.folding import fold
from router.detect.message import message
from router.detect.probes import Probe, Values
from router.detect.rules import Rule
from router.detect.values import texts

_SIGNATURE_BYTES, _QUESTION_BYTES, _ANSWER_BYTES, _ATOM_BYTES, _KEY_BYTES = 400, 600, 200, 60, 8
_MODES = {"eq": str.__eq__, "contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}


class Signatures(Memo):
    """Sorted tuple of true atoms -> its number. Emptying is only noted: others hold the numbers, and go with them."""

    __slots__ = ("atoms", "clauses", "full", "hits")

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
        self.atoms: list[tuple[int, ...]] = [()]
        self.clauses, self.hits = [0], [0]
        """By number: the rules whose clause of the field is fulfilled, and those that are hit."""
        self.full = False


class Verdicts(Memo):
    """(layout, open rules and what matters to them, fields to read) -> what follows; all that leads there goes with it."""

    __slots__ = ("doors",)
    doors: WeakSet[Door]

    def forget(self) -> None:
        super().forget()
        for door in self.doors:
            door.forget()


class Bucket:
    """Judges events of one kind."""

    def __init__(self, rules: Sequence[Prepared], numbers: Numbers, build: Build, budget: Budget) -> None:
        self.rules, self._budget = rules, budget
        asked = asked_of(rules, numbers)
        self._index = Index(rules, asked)
        self._references = self._index.number.get(REFERENCES, -1)
        self._signatures, self._verdicts = Signatures(budget), Verdicts(budget)
        fields = _fields(asked, build, self._signature, budget, self._index)
        self.memos = list(fields.memos.values())
        self.layouts = Layouts(fields, lambda: budget.flush(self._verdicts))
        self._door = Door(self, told=False)
        self._doors = self._verdicts.doors = WeakSet([self._door])
        budget.memos += [self._signatures, self._verdicts, *self.memos]
        self.keywords = _keywords(rules, asked, build)
        self.pieces = self.keywords.pieces if self.keywords else None
        self.verdict_misses = self.candidates = 0

    def door(self) -> Door:
        """The way in for events of which nothing was told."""
        return self._door

    def told(self) -> Door:
        """One more way in, for events of one channel and event id."""
        door = Door(self, told=True)
        door.marks = self._door.marks
        self._doors.add(door)
        return door

    def mark(self, marks: Marks | None) -> None:
        """`marks` tells for whole batches which events may hold a keyword of this bucket."""
        for door in self._doors:
            door.marks = marks

    def more(self, reading: Reading, objects: Sequence[Any]) -> Key:
        """Signatures of what hangs on more than the keys of the document, and on more than one field."""
        read = tuple([memo.of(read(objects)) for read, memo in reading.reads])
        return (*read, self._compared(reading, objects)) if reading.references else read

    def _signature(self, true: tuple[int, ...]) -> int:
        signatures = self._signatures
        number = signatures.get(true)
        if number is None:
            number = signatures[true] = len(signatures.atoms)
            signatures.atoms.append(true)
            signatures.clauses.append(self._index.clause_of(true))
            signatures.hits.append(self._index.hit_by(true))
            self._budget.take(signatures, _SIGNATURE_BYTES + _ATOM_BYTES * len(true))
        return int(number)

    def _compared(self, reading: Reading, objects: Sequence[Any]) -> int:
        true = [atom for atom, one, other, mode in reading.references if _holds(_MODES[mode], one(objects), other(objects))]
        return self._signature(tuple(sorted(true)))

    def searched(self, event: Event, raw: bytes) -> int:
        """The signature of the keywords that are in the message."""
        assert self.keywords is not None
        (text,) = message(Values(event, raw))
        return self._signature(tuple(sorted(self.keywords.matcher.of_text(text))))

    def true_of(self, told: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
        """The true atoms of fields of which the signatures are known."""
        return {field: self._signatures.atoms[number] for field, number in told.items()}

    def narrow(self, told: Mapping[int, int]) -> Layouts:
        """Layouts for events of which some fields are known: rules that these exclude are not asked about."""
        rules = self._index.all
        for field, number in told.items():
            rules &= self._index.free[field] | self._signatures.clauses[number]
        return self.layouts.narrow(rules, frozenset(told))

    def begin(self, layout: Layout, found: int, told: Mapping[int, int]) -> Question | Verdict:
        """What is to be asked of documents of a layout. `found`: the keywords in the message; `told`: signatures by field."""
        index, signatures = self._index, self._signatures
        rules, hit, true = layout.rules, layout.hit | signatures.hits[found], [*layout.settled, *signatures.atoms[found]]
        if None in index.number:
            rules &= index.free[index.number[None]] | signatures.clauses[found]
        for field, number in told.items():
            rules &= index.free[field] | signatures.clauses[number]
            hit |= signatures.hits[number]
            true += signatures.atoms[number]
        return self._follow(layout, rules, hit, true, tuple([field for field in layout.fields if field not in told]))

    def go_on(self, question: Question, key: Key) -> Question | Verdict:
        """What follows from an answer that was not given to the question before."""
        self.verdict_misses += 1
        signatures, free = self._signatures, self._index.free
        rules, hit = question.rules, question.hit
        for field, number in zip(question.reading.fields, key, strict=True):
            rules &= free[field] | signatures.clauses[number]
            hit |= signatures.hits[number]
        true = [atom for atoms in (question.true, *(signatures.atoms[number] for number in key)) for atom in atoms]
        after = question.next[key] = self._follow(question.layout, rules, hit, true, question.unread)
        self._budget.take(self._verdicts, _ANSWER_BYTES + _KEY_BYTES * len(key))
        if signatures.full and after.__class__ is not Question:
            self._renew()
        return after

    def _follow(self, layout: Layout, rules: int, hit: int, atoms: Iterable[int], unread: tuple[int, ...]) -> Question | Verdict:
        """The next question about the rules that are open, or the verdict. The same for all answers that leave the same open."""
        index = self._index
        rules = index.possible(rules, hit, unread)
        if not rules:
            return ()
        true, hit = index.relevant(rules, atoms), hit & rules
        same = (layout, rules, hit, true, unread)
        after: Question | Verdict | None = self._verdicts.get(same)
        if after is None:
            after = self._verdicts[same] = self._ask(layout, rules, hit, true, unread)
            self._budget.take(self._verdicts, _QUESTION_BYTES + _ATOM_BYTES * len(true))
        return after

    def _ask(self, layout: Layout, rules: int, hit: int, true: frozenset[int], unread: tuple[int, ...]) -> Question | Verdict:
        fields = self._index.next(rules, hit, unread)
        if not fields:
            return tuple(self._true(rules, true))
        reading = layout.reading(fields, self._references)
        return Question(layout, reading, tuple([f for f in unread if f not in fields]), rules, hit, true)

    def _true(self, candidates: int, true: frozenset[int]) -> Iterator[Rule]:
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
        self.layouts.forget()

    def close(self) -> None:
        """Give the memory back to the budget."""
        self.forget()
        gone = {id(memo) for memo in (self._signatures, self._verdicts, *self.memos)}
        self._budget.memos = [memo for memo in self._budget.memos if id(memo) not in gone]


def _fields(asked: dict[int, Asked], build: Build, intern: Any, budget: Budget, index: Index) -> Fields:
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
    return Fields(memos, {probe: matcher.absent for probe, matcher in matchers.items()}, references, index)


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
