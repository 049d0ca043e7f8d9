"""Parts of a condition that exclude each other: ranges that do not meet, texts that no value is both, something and its `not`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple, cast

from router.authoring.blocks import items_of
from router.authoring.findings import Finding, Page
from router.detect import Rule
from router.detect.folding import fold
from router.detect.ir import And, Atom, Not, Or, Tree
from router.detect.values import number

_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "contains": str.__contains__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_UPPER, _LOWER = {"lt": False, "lte": True}, {"gt": False, "gte": True}
"""Whether the bound itself is in it."""
_NEED_A_VALUE = frozenset({"eq", "num", *_TEXTS})


class Contradiction(NamedTuple):
    """Two tests that must both hold, and cannot."""

    one: Atom
    other: Atom
    negated: bool
    """Whether it is the `not` of the other that must hold."""
    always: bool
    """False where an event with several values in the field could fulfil both."""


def contradicted(pages: Iterable[Page], rules: Iterable[Rule]) -> Iterator[Finding]:
    """What the conditions of rules can never fulfil, on the pages where these are written."""
    by_place = {(rule.file, rule.line): rule for rule in rules}
    for page in pages:
        rule = by_place.get((page.document.file, page.document.place(())[0]))
        for one, other, negated, always in contradictions(rule.tree) if rule is not None else ():
            both = f"{_said(one)} and {'not ' if negated else ''}{_said(other)}"
            who = "no event" if always else "no single value"
            text = f"{one.field or 'the message'}: {who} can be {both} at once"
            yield page.say(_place(page, other), "warning", "never-true", text, "join them with `or`, or correct one")


def contradictions(tree: Tree) -> Iterator[Contradiction]:
    """Of every `and` of a tree, except below a `not`; one for each pair of parts."""
    if isinstance(tree, Or):
        for child in tree.children:
            yield from contradictions(child)
    elif isinstance(tree, And):
        parts = list(_flat(tree))
        yield from _within(parts)
        for part in parts:
            yield from contradictions(part)


def _flat(tree: And) -> Iterator[Tree]:
    for child in tree.children:
        if isinstance(child, And):
            yield from _flat(child)
        else:
            yield child


def _within(parts: Sequence[Tree]) -> Iterator[Contradiction]:
    by_field: defaultdict[str | None, list[list[Atom]]] = defaultdict(list)
    denied: defaultdict[str | None, list[list[Atom]]] = defaultdict(list)
    for part in parts:
        negated = isinstance(part, Not)
        if alternatives := _alternatives(part.child if isinstance(part, Not) else part):
            (denied if negated else by_field)[alternatives[0].field].append(alternatives)
    for field, groups in by_field.items():
        for one, other in combinations(groups, 2) if field is not None else ():
            if all(_exclude(a, b) for a in one for b in other):
                yield Contradiction(one[0], other[0], negated=False, always=_absent(one) or _absent(other))
        for one in groups:
            yield from (Contradiction(one[0], no[0], negated=True, always=True) for no in denied[field] if {*one} <= {*no})


def _alternatives(tree: Tree) -> list[Atom]:
    """The tests of one field of which one must hold; none for what is more than that."""
    listed = [tree] if isinstance(tree, Atom) else tree.children if isinstance(tree, Or) else ()
    atoms = [one for one in listed if isinstance(one, Atom)]
    return atoms if len(atoms) == len(listed) and len({atom.field for atom in atoms}) == 1 else []


def _absent(alternatives: Sequence[Atom]) -> bool:
    return all(atom.kind == "exists" and not atom.payload for atom in alternatives)


def _exclude(one: Atom, other: Atom) -> bool:
    """Is there no value for which both hold? False in doubt."""
    for a, b in ((one, other), (other, one)):
        if a.kind == "exists" and not a.payload:
            return b.kind in _NEED_A_VALUE or (b.kind == "exists" and bool(b.payload))
        if a.kind == "null" and b.kind in _NEED_A_VALUE:
            return True
        if a.kind == "num" and b.kind == "num" and _apart(cast(Any, a.payload), cast(Any, b.payload)):
            return True
        if a.kind == "eq" and _differs(a, b):
            return True
    texts = fold(str(one.payload)), fold(str(other.payload))
    return one.kind == other.kind in ("startswith", "endswith") and not any(
        _TEXTS[one.kind](x, y) for x, y in (texts, texts[::-1])
    )


def _apart(one: tuple[str, Decimal], other: tuple[str, Decimal]) -> bool:
    """Is the first a lower bound above the second, an upper one?"""
    if one[0] not in _LOWER or other[0] not in _UPPER:
        return False
    both = _LOWER[one[0]] and _UPPER[other[0]]
    return one[1] > other[1] or (one[1] == other[1] and not both)


def _differs(equal: Atom, other: Atom) -> bool:
    """Does a value that equals a text fail the other test?"""
    text, payload = str(equal.payload), cast(Any, other.payload)
    if other.kind == "eq":
        return text != payload if equal.cased and other.cased else fold(text) != fold(payload)
    if other.kind in _TEXTS:
        return not _TEXTS[other.kind](fold(text), fold(payload))
    if other.kind != "num":
        return False
    exact = number(text)
    return exact is None or not _meets(exact, *payload)


def _meets(exact: Decimal, operator: str, wanted: Decimal) -> bool:
    upper, lower = exact < wanted, exact > wanted
    return {"lt": upper, "lte": not lower, "gt": lower, "gte": not upper, "eq": exact == wanted}[operator]


def _said(atom: Atom) -> str:
    payload = cast(Any, atom.payload)
    match atom.kind:
        case "num":
            return f"`{payload[0]} {payload[1]}`"
        case "exists":
            return f"`exists: {str(payload).lower()}`"
        case "eq" | "contains" | "startswith" | "endswith":
            return f"`{atom.kind} {payload!r}`"
    return f"`{atom.kind}`"


def _place(page: Page, atom: Atom) -> tuple[str | int, ...]:
    """Where a test is written: an item of its field with its value, else the condition."""
    payload = cast(Any, atom.payload)
    wanted = fold(str(payload[1] if atom.kind == "num" else payload))
    for item in items_of(page):
        written = item.chain.field == atom.field and wanted in [fold(str(value)) for value in item.values]
        if written and (atom.kind != "num" or payload[0] in item.chain.modifiers):
            return item.path
    return (page.kind, "condition")
