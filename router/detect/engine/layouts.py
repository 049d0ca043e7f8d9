"""From a document to the places of its fields: a walk over its keys, as far as the bucket's rules look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from router.batch import Event
from router.detect.engine.memo import ValueMemo
from router.detect.engine.places import Found, Known, Need, Place, Search, Shape, keys_asked, keys_of
from router.detect.probes import Probe, Values
from router.detect.values import MISSING

_MAX_CHILDREN, _MAX_LAYOUTS = 4096, 4096
Pick = Callable[[Any], tuple[Any, ...]]
Read = Callable[[Sequence[Any]], Any]


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


@dataclass(slots=True, eq=False)
class Layout:
    """What is to be done for documents that have the same keys wherever the bucket's rules look."""

    number: int
    """Tells layouts apart that have other atoms in `absent`; 0 is nobody's."""
    absent: frozenset[int]
    """Atoms that are true because of what is not there."""
    alone: bool = True
    """Whether every value stands at the top."""
    pick: Pick = _nothing
    """Takes the values of `memos`, if `alone`."""
    picks: list[tuple[int, Pick]] = field(default_factory=list)
    """Takes them from objects of the walk, by their number in it."""
    memos: tuple[ValueMemo, ...] = ()
    reads: list[tuple[Read, ValueMemo]] = field(default_factory=list)
    """Values that hang on more than keys."""
    references: list[tuple[int, Read, Read, str]] = field(default_factory=list)
    """Comparisons of two fields that are both there: atom, one, other, mode."""
    more: bool = False
    """Whether there are `reads` or `references`."""
    uses: int = 0
    verdicts: dict[tuple[int, ...], Any] = field(default_factory=dict)
    """Signatures, in the order of `memos` and `reads` -> verdict."""

    def values(self, objects: Sequence[Any]) -> list[Any]:
        """The values of `memos`, in their order."""
        return [value for number, pick in self.picks for value in pick(objects[number])]


@dataclass(frozen=True, slots=True)
class Fields:
    """What a bucket's rules ask of documents."""

    memos: dict[Probe, ValueMemo]
    absent: dict[Probe, tuple[int, ...]]
    """Atoms true where the probe finds nothing."""
    references: list[tuple[int, Probe, Probe, str]]
    """Comparisons of two fields: atom, one, other, mode."""

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
        self._absences: dict[frozenset[int], int] = {}
        self.made: list[Layout] = []
        self.top = Step(self, {}, ((),))

    def of(self, event: Event) -> tuple[Layout, list[Any]]:
        """The layout of a document, and the objects walked over, the document first."""
        objects: list[Any] = [event]
        node: Step | Layout = self.top.children.get(tuple(event)) or self.top.grow(event)
        while node.__class__ is Step:
            value = objects[node.index][node.key]
            objects.append(value)
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
        layout = self._laid(found, objects)
        self.made.append(layout)
        for memo in (*layout.memos, *(m for _, m in layout.reads)):
            memo.users.append(layout)
        return layout

    def _laid(self, found: dict[Probe, Place | Found], objects: tuple[Place, ...]) -> Layout:
        fields = self._fields
        absent = frozenset(n for p, numbers in fields.absent.items() if found[p] is Found.ABSENT for n in numbers)
        layout = Layout(self._absences.setdefault(absent, len(self._absences) + 1), absent)
        self._place(layout, found, objects)
        layout.reads = [(_read(p, found[p], objects), memo) for p, memo in fields.memos.items() if _is_aside(found[p], memo)]
        layout.references = [
            (number, _read(one, found[one], objects), _read(other, found[other], objects), mode)
            for number, one, other, mode in fields.references
            if Found.ABSENT not in (found[one], found[other])
        ]
        layout.more = bool(layout.reads or layout.references)
        return layout

    def _place(self, layout: Layout, found: dict[Probe, Place | Found], objects: tuple[Place, ...]) -> None:
        """Order what has a place by the object that it stands in, and make one look-up per object of it."""
        by_object: dict[int, list[tuple[str, ValueMemo]]] = {}
        for probe, memo in self._fields.memos.items():
            place = found[probe]
            if isinstance(place, tuple) and not _is_aside(place, memo):
                by_object.setdefault(objects.index(place[:-1]), []).append((place[-1], memo))
        layout.picks = [(number, _pick([key for key, _ in listed])) for number, listed in by_object.items()]
        layout.memos = tuple(memo for listed in by_object.values() for _, memo in listed)
        layout.alone = not by_object.keys() - {0}
        layout.pick = layout.picks[0][1] if layout.alone and layout.picks else _nothing


def _is_aside(found: Place | Found, memo: ValueMemo) -> bool:
    """Is the value read by itself? What is only asked for being there is often an object, and no key of a memo."""
    return found is Found.READ or (memo.present_only and isinstance(found, tuple))


def _pick(keys: list[str]) -> Pick:
    if len(keys) == 1:
        key = keys[0]
        return lambda value: (value[key],)
    pick: Pick = itemgetter(*keys)
    return pick


def _read(probe: Probe, found: Place | Found, objects: Iterable[Place]) -> Read:
    """Reads a value from the objects of the walk."""
    if isinstance(found, tuple):
        number, key = list(objects).index(found[:-1]), found[-1]
        return lambda walked: walked[number].get(key, MISSING)
    return lambda walked: Values(walked[0])[probe]
