"""From a rule to fields that make it true (or false): choose which atoms shall be true, then put values together.

The solver only proposes. It looks at nothing but its own choice of atoms; what the proposal means, the oracle says.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from router.detect.ir import And, Atom, Not, Tree
from tests.conformance.detection.judge import true_of_field
from tests.conformance.detection.places import ABSENT
from tests.conformance.detection.samples import Fragment, filler, fragment

_TRIES = 30
Fields: TypeAlias = dict[str, Any]
"""Field -> value; ABSENT where it must not be there."""


class Wish(NamedTuple):
    """One atom and what it shall be."""

    atom: Atom
    true: bool


class Proposal(NamedTuple):
    """Fields and message lines, and the wishes that they are for."""

    fields: Fields
    lines: tuple[str, ...]
    wishes: tuple[Wish, ...]


def propose(tree: Tree, wanted: bool, chance: random.Random) -> Proposal | None:
    """One way to make a tree what is wanted; None if the choice of atoms contradicts itself or no value was found."""
    wishes = tuple(dict.fromkeys(_wishes(tree, wanted, chance)))
    return satisfy(wishes, chance)


def _wishes(tree: Tree, wanted: bool, chance: random.Random) -> Iterator[Wish]:
    """An And that shall be true needs all its children, an Or one of them; false is the other way round."""
    if isinstance(tree, Atom):
        yield Wish(tree, wanted)
    elif isinstance(tree, Not):
        yield from _wishes(tree.child, not wanted, chance)
    else:
        every = isinstance(tree, And) is wanted
        for child in tree.children if every else (chance.choice(tree.children),):
            yield from _wishes(child, wanted, chance)


def satisfy(wishes: Sequence[Wish], chance: random.Random) -> Proposal | None:
    """Fields for which every wish comes true, as far as they are about one field each."""
    by_field: defaultdict[str | None, list[Wish]] = defaultdict(list)
    for wish in wishes:
        by_field[wish.atom.field].append(wish)
    keywords = by_field.pop(None, [])
    references = [w for w in wishes if w.atom.kind == "fieldref"]
    fields: Fields = {}
    for field, about in by_field.items():
        value = _value([w for w in about if w.atom.kind != "fieldref"], chance)
        if value is None:
            return None
        fields[str(field)] = value[0]
    _refer(references, fields, chance)
    found = [fragment(w.atom, chance) for w in keywords if w.true]
    return Proposal(fields, tuple(f.text for f in found if f), tuple(wishes))


def _refer(references: Sequence[Wish], fields: Fields, chance: random.Random) -> None:
    for atom, true in references:
        payload: Any = atom.payload
        left, (right, mode) = str(atom.field), payload
        value = fields.get(left, ABSENT)
        base = value if isinstance(value, str) else fields.get(right, ABSENT)
        base = base if isinstance(base, str) and base else f"same{chance.randint(0, 99)}"
        if true:
            fields[right] = base
            fields[left] = base if mode == "eq" or isinstance(value, str) else f"{base}" + ("" if mode == "endswith" else "x")
        else:
            fields[left], fields[right] = base, base + "-other"


def _value(wishes: Sequence[Wish], chance: random.Random) -> tuple[Any] | None:
    """A value (in a tuple, as it may be None or ABSENT) for which all wishes about one field come true."""
    for attempt in range(_TRIES):
        candidate = _candidate(wishes, chance, attempt)
        if all(true_of_field(w.atom, lambda _, c=candidate: c, "") is w.true for w in wishes):  # type: ignore[misc]  # a default binds it
            return (candidate,)
    return None


def _candidate(wishes: Sequence[Wish], chance: random.Random, attempt: int) -> Any:
    wanted = [w.atom for w in wishes if w.true]
    kinds = {a.kind for a in wanted}
    if "null" in kinds or any(a.kind == "exists" and a.payload is False for a in wanted):
        return chance.choice((None, ABSENT)) if "exists" not in kinds else ABSENT if attempt % 2 else None
    if any(w.atom.kind == "exists" and w.atom.payload is True and not w.true for w in wishes):
        return ABSENT
    pieces = [f for a in wanted if (f := fragment(a, chance)) is not None]
    if not pieces:
        return _nothing(wishes, chance, attempt)
    if attempt > 2 * _TRIES // 3:
        return [_whole([piece], chance, attempt) for piece in pieces]
    return _whole(pieces, chance, attempt)


def _nothing(wishes: Sequence[Wish], chance: random.Random, attempt: int) -> Any:
    """Nothing is wanted of the field, or only that it is there."""
    there = any(w.true or w.atom.kind == "null" for w in wishes) or attempt % 3 == 2
    return "q" + filler(chance) if there else ABSENT


def _whole(pieces: Sequence[Fragment], chance: random.Random, attempt: int) -> str:
    """Fragments side by side: those of the start first (the longest says all), those of the end last."""
    whole = [p for p in pieces if p.start and p.end]
    if whole:
        return chance.choice(whole).text
    starts = max((p.text for p in pieces if p.start), key=len, default="" if attempt % 2 else filler(chance))
    ends = max((p.text for p in pieces if p.end), key=len, default="" if attempt % 2 else filler(chance))
    middle = [p.text for p in pieces if not p.start and not p.end]
    chance.shuffle(middle)
    joint = ("", " ", "x")[attempt % 3]
    inner = joint.join(t for t in middle if t.lower() not in (starts + ends).lower() or attempt % 2)
    return joint.join(t for t in (starts, inner, ends) if t)
