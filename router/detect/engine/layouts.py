"""From a document to the places of its fields: a walk over its keys, as far as the bucket's rules look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.batch import Event
from router.detect.engine.index import Index
from router.detect.engine.memo import ValueMemo
from router.detect.engine.numbers import REFERENCES
from router.detect.engine.places import Found, Known, Need, Place, Search, Shape, keys_asked, keys_of
from router.detect.engine.readings import Placed, Question, Read, Reading, Verdict
from router.detect.probes import Probe, Values
from router.detect.values import MISSING

_MAX_CHILDREN, _MAX_LAYOUTS = 4096, 4096


@dataclass(slots=True, eq=False)
class Layout:
    """What is to be done for documents that have the same keys wherever the bucket's rules look."""

    settled: frozenset[int]
    """Atoms that are true because of what is there and what is not."""
    rules: int
    """The rules that may be true in spite of that, a bit a rule;"""
    hit: int
    """those of them of which one atom of several fields is true."""
    places: dict[int, Placed]
    """Values that have a place, by number of their field."""
    reads: dict[int, tuple[Read, ValueMemo]]
    """Values that hang on more than keys."""
    references: list[tuple[int, Read, Read, str]]
    """Comparisons of two fields that are both there: atom, one, other, mode."""
    fields: tuple[int, ...]
    """Numbers of all fields that are there."""
    flat: bool
    """Whether only the document itself is looked into."""
    roots: dict[int, Question | Verdict] = field(default_factory=dict)
    """By the signature of the keywords that were found."""
    readings: dict[tuple[int, ...], Reading] = field(default_factory=dict)

    def reading(self, fields: tuple[int, ...], references: int) -> Reading:
        """How to read some of the fields. `references` is the number of those that two fields decide."""
        reading = self.readings.get(fields)
        if reading is None:
            reading = self.readings[fields] = self._reading(fields, references)
        return reading

    def _reading(self, fields: tuple[int, ...], references: int) -> Reading:
        placed = sorted((number for number in fields if number in self.places), key=lambda number: self.places[number][0])
        aside = [number for number in fields if number in self.reads]
        compared = references in fields
        return Reading(
            (*placed, *aside, *((references,) if compared else ())),
            [self.places[number] for number in placed],
            [self.reads[number] for number in aside],
            self.references if compared else (),
            flat=self.flat,
        )


@dataclass(frozen=True, slots=True)
class Fields:
    """What a bucket's rules ask of documents."""

    memos: dict[Probe, ValueMemo]
    absent: dict[Probe, tuple[int, ...]]
    """Atoms true where the probe finds nothing."""
    references: list[tuple[int, Probe, Probe, str]]
    """Comparisons of two fields: atom, one, other, mode."""
    index: Index

    def probes(self) -> list[Probe]:
        """Every probe."""
        return list(dict.fromkeys([*self.memos, *(p for _, one, other, _ in self.references for p in (one, other))]))


class Step:
    """An object to look into: its keys lead to the next step, or to the layout."""

    __slots__ = ("_known", "_layouts", "_objects", "_reduced", "children", "index", "key")

    def __init__(self, layouts: "Layouts", known: Known, objects: tuple[Place, ...]) -> None:
        """`objects` are the places looked into so far and, last, the one to look into."""
        self._layouts, self._known, self._objects = layouts, known, objects
        place = objects[-1]
        self.index = objects.index(place[:-1]) if place else 0
        self.key = place[-1] if place else ""
        self.children: dict[object, Step | Layout] = {}
        self._reduced: dict[object, Step | Layout] = {}

    def grow(self, value: Any) -> "Step | Layout":
        """What follows for an object whose keys, in their order, were not seen yet."""
        keys = keys_of(value, self._layouts.asked)
        child = self._reduced.get(keys)
        if child is None:
            child = self._reduced[keys] = self._next({**self._known, self._objects[-1]: keys})
        if len(self.children) >= _MAX_CHILDREN:
            self.children.clear()
        self.children[tuple(value) if value.__class__ is dict else value.__class__] = child
        return child

    def _next(self, known: Known) -> "Step | Layout":
        try:
            return self._layouts.make(known, self._objects)
        except Need as need:
            return Step(self._layouts, known, (*self._objects, need.place))


class Layouts:
    """The layouts of a bucket, found by walking over documents."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._probes = fields.probes()
        self._keys = {probe: keys_asked([probe]) for probe in self._probes}
        self.asked = frozenset[str]().union(*self._keys.values())
        self.made: list[Layout] = []
        self.top = Step(self, {}, ((),))

    def of(self, event: Event, step: "Step | None" = None) -> tuple[Layout, list[Any]]:
        """The layout of a document, and the objects walked over, the document first. `step`: what its own keys lead to."""
        objects: list[Any] = [event]
        node: Step | Layout = step or self.top.children.get(tuple(event)) or self.top.grow(event)
        add = objects.append
        while node.__class__ is Step:
            value = objects[node.index][node.key]
            add(value)
            node = node.children.get(tuple(value) if value.__class__ is dict else value.__class__) or node.grow(value)
        return node, objects  # type: ignore[return-value]  # no Step any more

    def forget(self) -> None:
        """Start anew."""
        self.made.clear()
        for memo in self._fields.memos.values():
            memo.forget_users()
        self.top = Step(self, {}, ((),))

    def make(self, known: Known, objects: tuple[Place, ...]) -> Layout:
        """The layout of documents with these keys. Raises Need."""
        search, there = Search(known), frozenset[str]().union(*(keys for keys in known.values() if not isinstance(keys, Shape)))
        found: dict[Probe, Place | Found] = {}
        for probe, keys in self._keys.items():
            nowhere = bool(keys) and keys.isdisjoint(there)  # the quick answer for most
            found[probe] = Found.ABSENT if nowhere else search.find(probe)
        if len(self.made) >= _MAX_LAYOUTS:
            self.forget()
        layout = self._laid(found, objects, [probe for probe in found if self._is_surely_there(found[probe], probe, known)])
        self.made.append(layout)
        return layout

    def _is_surely_there(self, place: Place | Found, probe: Probe, known: Known) -> bool:
        """Does nothing but being there count, and are there keys in the object that stands there?"""
        memo = self._fields.memos.get(probe)
        if memo is None or not memo.present_only or not isinstance(place, tuple):
            return False
        keys = known.get(place)
        return bool(keys) and not isinstance(keys, Shape)

    def _laid(self, found: dict[Probe, Place | Found], objects: tuple[Place, ...], there: Sequence[Probe]) -> Layout:
        """`there`: probes whose answer is known already, as that of the absent ones is."""
        fields, number = self._fields, self._fields.index.number
        places: dict[int, Placed] = {}
        reads: dict[int, tuple[Read, ValueMemo]] = {}
        for probe, memo in fields.memos.items():
            place = found[probe]
            if probe in there:
                continue
            if _is_aside(place, memo):
                reads[number[probe]] = (_read(probe, place, objects), memo)
            elif isinstance(place, tuple):
                places[number[probe]] = (objects.index(place[:-1]), place[-1], memo)
        references = [
            (atom, _read(one, found[one], objects), _read(other, found[other], objects), mode)
            for atom, one, other, mode in fields.references
            if Found.ABSENT not in (found[one], found[other])
        ]
        open_ = (*places, *reads, *((number[REFERENCES],) if references else ()))
        settled = {probe: atoms for probe, atoms in fields.absent.items() if found[probe] is Found.ABSENT}
        settled |= {probe: fields.memos[probe].present for probe in there}
        return Layout(*self._settled(settled, open_), places, reads, references, open_, len(objects) == 1)

    def _settled(self, atoms_of: Mapping[Probe, tuple[int, ...]], open_: Sequence[int]) -> tuple[frozenset[int], int, int]:
        """Atoms that the keys alone make true, and what they make of the rules."""
        index, true = self._fields.index, list[int]()
        rules = index.all
        for probe, atoms in atoms_of.items():
            true += atoms
            rules &= index.free[index.number[probe]] | index.clause_of(atoms)
        if REFERENCES in index.number and index.number[REFERENCES] not in open_:
            rules &= index.free[index.number[REFERENCES]]
        return frozenset(true), rules, index.hit_by(true)


def _is_aside(found: Place | Found, memo: ValueMemo) -> bool:
    """Is the value read by itself? What is only asked for being there is often an object, and no key of a memo."""
    return found is Found.READ or (memo.present_only and isinstance(found, tuple))


def _read(probe: Probe, found: Place | Found, objects: Iterable[Place]) -> Read:
    """Reads a value from the objects of the walk."""
    if isinstance(found, tuple):
        number, key = list(objects).index(found[:-1]), found[-1]
        return lambda walked: walked[number].get(key, MISSING)
    return lambda walked: Values(walked[0])[probe]
