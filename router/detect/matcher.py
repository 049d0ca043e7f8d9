"""The exact matcher: a tree of atoms and a way to read fields -> one function of an event's values.

Plain string tests, RE2 for regular expressions, no memo and no index: what it says is what a rule means.
"""

# ruff: noqa: SIM110 (a generator costs more than the test in it)

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, Protocol, TypeAlias, cast

from router.detect import values as canonical
from router.detect.folding import fold
from router.detect.glob import compile_glob
from router.detect.ir import And, Atom, Not, Pattern, Tree
from router.detect.modifiers import compile_regex
from router.detect.probes import Probe, Values

Test: TypeAlias = Callable[[Values], bool]
_COMPARE = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq}
_MERGED = ("eq", "contains", "startswith", "endswith", "cidr", "wild")
_MAX_ADDRESSES = 8192


class View(Protocol):
    """How the fields of one log source are read."""

    def raw(self, field: str) -> Probe:
        """The value itself, MISSING if absent."""

    def texts(self, field: str | None) -> Probe:
        """Canonical texts of every element; of the full log message for None."""

    def folded(self, field: str | None) -> Probe:
        """The same, case folded."""


def compile_tree(tree: Tree, view: View) -> Test:
    """A function that is true exactly when the tree is, for the event whose values it is given."""
    if isinstance(tree, Atom):
        return _any_of((tree,), view)
    if isinstance(tree, Not):
        child = compile_tree(tree.child, view)
        return lambda values: not child(values)
    if isinstance(tree, And):
        return _expression([compile_tree(child, view) for child in tree.children], " and ")
    groups = _grouped(tree.children)
    return _expression([_any_of(g, view) if isinstance(g, tuple) else compile_tree(g, view) for g in groups], " or ")


def _grouped(children: Iterable[Tree]) -> Iterator[Tree | tuple[Atom, ...]]:
    """Atoms of an Or that ask the same of one field, together: one pass over its value answers them all."""
    groups: dict[object, list[Atom]] = {}
    for child in children:
        if isinstance(child, Atom) and child.kind in _MERGED:
            groups.setdefault((child.field, child.kind, child.cased), []).append(child)
        else:
            yield child
    yield from map(tuple, groups.values())


def _expression(tests: Sequence[Test], word: str) -> Test:
    """Written out as one expression: a generator per event would cost as much as the tests. No input is in its text."""
    if len(tests) == 1:
        return tests[0]
    names: dict[str, Any] = {f"t{i}": test for i, test in enumerate(tests)}
    return cast(Test, eval(f"lambda v: {word.join(f'{name}(v)' for name in names)}", names))


def _any_of(atoms: tuple[Atom, ...], view: View) -> Test:
    """One test for atoms of the same field, kind and case."""
    first = atoms[0]
    literals = [a.payload if first.cased else fold(a.payload) for a in atoms if isinstance(a.payload, str)]
    probe = view.texts(first.field) if first.cased else view.folded(first.field)
    match first.kind:
        case "eq":
            return _equals(frozenset(literals), probe)
        case "contains":
            return _contains(literals, probe)
        case "startswith" | "endswith":
            return _affix(tuple(literals), probe, at_end=first.kind == "endswith")
        case "wild":
            return _wild([cast(Pattern, a.payload) for a in atoms], probe, first.cased)
        case "cidr":
            return _networks([ip_network(cast(str, a.payload)) for a in atoms], view.texts(first.field))
        case _:
            return _single(first, view)


def _single(atom: Atom, view: View) -> Test:
    payload: Any = atom.payload
    if atom.kind == "re":
        return _regex(payload, view.texts(atom.field))
    field = atom.field or ""
    texts = view.texts(field)
    match atom.kind:
        case "num":
            compare, wanted = _COMPARE[payload[0]], payload[1]
            return lambda v: any((n := canonical.number(t)) is not None and compare(n, wanted) for t in v[texts])
        case "time":
            unit, compare, wanted = payload[0], _COMPARE[payload[1]], payload[2]
            return lambda v: any((m := canonical.moment(t)) and compare(canonical.part(m, unit), wanted) for t in v[texts])
        case "fieldref":
            return _field_reference(view.folded(field), view.folded(payload[0]), payload[1])
        case "empty":
            return lambda v: "" in v[texts]
        case _:
            return _presence(atom, view.raw(field))


def _presence(atom: Atom, raw: Probe) -> Test:
    missing, is_null = canonical.MISSING, canonical.is_null
    if atom.kind == "null":
        return lambda v: is_null(v[raw])
    if atom.payload:
        return lambda v: v[raw] is not missing
    return lambda v: v[raw] is missing


def _equals(literals: frozenset[str], probe: Probe) -> Test:
    def test(values: Values) -> bool:
        for text in values[probe]:
            if text in literals:
                return True
        return False

    return test


def _contains(literals: Sequence[str], probe: Probe) -> Test:
    if len(literals) == 1:
        return _contains_one(literals[0], probe)

    def test(values: Values) -> bool:
        for text in values[probe]:
            for literal in literals:
                if literal in text:
                    return True
        return False

    return test


def _contains_one(literal: str, probe: Probe) -> Test:
    def test(values: Values) -> bool:
        for text in values[probe]:
            if literal in text:
                return True
        return False

    return test


def _affix(literals: tuple[str, ...], probe: Probe, *, at_end: bool) -> Test:
    def starts(values: Values) -> bool:
        for text in values[probe]:
            if text.startswith(literals):
                return True
        return False

    def ends(values: Values) -> bool:
        for text in values[probe]:
            if text.endswith(literals):
                return True
        return False

    return ends if at_end else starts


def _wild(patterns: Sequence[Pattern], probe: Probe, cased: bool) -> Test:
    globs = [compile_glob(p if cased else _folded(p)) for p in patterns]
    return lambda values: any(glob(text) for text in values[probe] for glob in globs)


def _folded(pattern: Pattern) -> Pattern:
    return tuple(fold(part) if isinstance(part, str) else part for part in pattern)


def _regex(payload: tuple[str, str], probe: Probe) -> Test:
    search = compile_regex(*payload).search
    return lambda values: any(search(text.encode("utf-8", "replace")) for text in values[probe])


def _networks(networks: Sequence[IPv4Network | IPv6Network], probe: Probe) -> Test:
    def test(values: Values) -> bool:
        found = filter(None, map(_address, values[probe]))
        return any(address in network for address in found for network in networks)

    return test


_address = lru_cache(_MAX_ADDRESSES)(canonical.address)


def _field_reference(left: Probe, right: Probe, mode: str) -> Test:
    holds: Callable[[str, str], bool] = {
        "eq": str.__eq__,
        "contains": str.__contains__,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }[mode]
    return lambda values: any(holds(a, b) for a in values[left] for b in values[right])
