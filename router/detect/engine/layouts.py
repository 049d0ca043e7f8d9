"""From a document to the places of its fields: a walk over its keys, as far as the bucket's rules look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.batch import Event
from router.detect.engine.index import Index
from router.detect.engine.memo import ValueMemo
from router.detect.engine.numbers import REFERENCES
from router.detect.engine.places import Found, Known, Need, Place, Search, keys_asked, keys_of
from router.detect.engine.readings import Placed, Read, Reading
from router.detect.engine.reads import read
from router.detect.engine.routes import HEADER, told_places
from router.detect.probes import Probe

_MAX_CHILDREN, _MAX_LAYOUTS, _MAX_NARROW = 4096, 4096, 256
_Told: TypeAlias = tuple[Sequence[int], int, int]
"""True atoms of a field, the rules that they leave, and those that they hit."""


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
    """Numbers of all fields that are there and have to be read."""
    routed: list[int]
    """Those of `places` that routing has read."""
    flat: bool
    """Whether only the document itself is looked into."""
    readings: dict[tuple[int, ...], Reading] = field(default_factory=dict)

    def reading(self, fields: tuple[int, ...], references: int) -> Reading:
        """How to read some of the fields. `references` is the number of those that two fields decide."""
        reading = self.readings.get(fields)
        if reading is None:
            reading = self.readings[fields] = self._reading(fields, references)
        return reading

    def told(self, objects: Sequence[Any]) -> dict[int, int]:
        """Signatures of what routing has read, by number of the field. Texts, and integers, which `1.0` equals and reads as."""
        read = ((number, *self.places[number]) for number in self.routed)
        known = ((number, objects[at][key], memo) for number, at, key, memo in read)
        return {number: memo.of(value) for number, value, memo in known if value.__class__ in (str, int)}

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

    def of(self, rules: int, told: Iterable[int]) -> "Fields":
        """What some of the rules ask, and the fields with the numbers `told`."""
        index, asked = self.index, frozenset(told)
        probes = {probe for probe in self.memos if index.number[probe] in asked or index.uses[index.number[probe]] & rules}
        return Fields(
            {probe: memo for probe, memo in self.memos.items() if probe in probes},
            {probe: atoms for probe, atoms in self.absent.items() if probe in probes},
            [reference for reference in self.references if index.owners[reference[0]] & rules],
            index,
        )

    def probes(self) -> list[Probe]:
        """Every probe."""
        return list(dict.fromkeys([*self.memos, *(p for _, one, other, _ in self.references for p in (one, other))]))


class Step:
    """An object to look into: its keys lead to the next step, or to the layout."""

    __slots__ = ("_known", "_layouts", "_objects", "_reduced", "_search", "children", "index", "key")

    def __init__(self, layouts: "Layouts", known: Known, objects: tuple[Place, ...], search: Search) -> None:
        """`objects` are the places looked into so far and, last, the one to look into. `search` is as far as `known` leads."""
        self._layouts, self._known, self._objects, self._search = layouts, known, objects, search
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
        search = self._search.further(known)
        try:
            return self._layouts.make(search, self._objects)
        except Need as need:
            return Step(self._layouts, known, (*self._objects, need.place), search)


class Layouts:
    """The layouts of a bucket, found by walking over documents."""

    def __init__(self, fields: Fields, forgotten: Callable[[], None]) -> None:
        """`forgotten` is called when layouts are replaced by others."""
        self._fields, self._forgotten = fields, forgotten
        self._probes = fields.probes()
        self._keys = {probe: keys_asked([probe]) for probe in self._probes}
        self._absent = {probe: self._tells(probe, atoms) for probe, atoms in fields.absent.items()}
        self._present = {probe: self._tells(probe, memo.present) for probe, memo in fields.memos.items() if memo.present_only}
        self.asked = frozenset(HEADER).union(*self._keys.values())
        self._made = 0
        self._all, self._narrow = self, dict[tuple[int, frozenset[int]], Layouts]()
        self.top = self._start()

    def narrow(self, rules: int, told: frozenset[int]) -> "Layouts":
        """Layouts that tell no more than what some of the rules ask, and the fields `told`. Itself, if there are too many."""
        narrow = self._narrow.get((rules, told))
        if narrow is None:
            if len(self._narrow) >= _MAX_NARROW:
                return self
            narrow = self._narrow[rules, told] = Layouts(self._fields.of(rules, told), self._forgotten)
            narrow._all = self
        return narrow

    def first(self, event: Event) -> "Step | Layout":
        """What the keys of a document lead to."""
        return self.top.children.get(tuple(event)) or self.top.grow(event)

    def of(self, event: Event, step: "Step | None") -> tuple[Layout, list[Any]]:
        """The layout of a document, and the objects walked over, the document first. `step`: what its own keys lead to."""
        objects: list[Any] = [event]
        node = step or self.first(event)
        add = objects.append
        while node.__class__ is Step:
            value = objects[node.index][node.key]
            add(value)
            node = node.children.get(tuple(value) if value.__class__ is dict else value.__class__) or node.grow(value)
        return node, objects  # type: ignore[return-value]  # no Step any more

    def forget(self) -> None:
        """Start anew."""
        self._made = 0
        self._forgotten()
        for memo in self._fields.memos.values():
            memo.forget_users()
        for layouts in (self, *self._narrow.values()):
            layouts.top = layouts._start()

    def _start(self) -> Step:
        return Step(self, {}, ((),), Search({}))

    def make(self, search: Search, objects: tuple[Place, ...]) -> Layout:
        """The layout of documents with the keys that a search knows. Raises Need."""
        there, found = search.keys(), search.found
        for probe, keys in self._keys.items():
            if probe not in found:
                nowhere = bool(keys) and keys.isdisjoint(there)  # the quick answer for most
                found[probe] = Found.ABSENT if nowhere else search.find(probe)
        if self._all._made >= _MAX_LAYOUTS:
            self._all.forget()
        self._all._made += 1
        return self._laid(search, objects)

    def _laid(self, search: Search, objects: tuple[Place, ...]) -> Layout:
        fields, number, found = self._fields, self._fields.index.number, search.found
        places: dict[int, Placed] = {}
        reads: dict[int, tuple[Read, ValueMemo]] = {}
        told = [self._absent[probe] for probe in fields.absent if found[probe] is Found.ABSENT]
        for probe, memo in fields.memos.items():
            place = found[probe]
            if memo.present_only and search.is_object(place):
                told.append(self._present[probe])
            elif _is_aside(place, memo):
                reads[number[probe]] = (read(probe, search, objects), memo)
            elif isinstance(place, tuple):
                places[number[probe]] = (objects.index(place[:-1]), place[-1], memo)
        references = [
            (atom, read(one, search, objects), read(other, search, objects), mode)
            for atom, one, other, mode in fields.references
            if Found.ABSENT not in (found[one], found[other])
        ]
        routed = set(told_places(search.known))
        told_by_route = [number[probe] for probe in fields.memos if number[probe] in places and found[probe] in routed]
        there = (*places, *reads, *((number[REFERENCES],) if references else ()))
        return Layout(*self._settled(told, there), places, reads, references, there, told_by_route, len(objects) == 1)

    def _settled(self, told: Sequence[_Told], there: Sequence[int]) -> tuple[frozenset[int], int, int]:
        """What is told by keys, of all fields together."""
        index = self._fields.index
        true, rules, hit = list[int](), index.all, 0
        for atoms, left, hit_by in told:
            true += atoms
            rules &= left
            hit |= hit_by
        if REFERENCES in index.number and index.number[REFERENCES] not in there:
            rules &= index.free[index.number[REFERENCES]]
        return frozenset(true), rules, hit

    def _tells(self, probe: Probe, atoms: Sequence[int]) -> _Told:
        """What it makes of the rules that these are the true atoms of a field."""
        index = self._fields.index
        return atoms, index.free[index.number[probe]] | index.clause_of(atoms), index.hit_by(atoms)


def _is_aside(found: Place | Found, memo: ValueMemo) -> bool:
    """Is the value read by itself? What is only asked for being there is often an object, and no key of a memo."""
    return found is Found.READ or (memo.present_only and isinstance(found, tuple))
