"""Why a rule matched or did not: each of its tests, with the value that it saw."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from router.batch import Event
from router.detect.ir import And, Atom, Not, Or, Tree, Wild, any_of
from router.detect.matcher import Test, View, compile_tree
from router.detect.probes import Probe, Values
from router.detect.rules import Rule
from router.detect.values import MISSING, text
from router.detect.views import view

_MAX_SEEN, _MAX_WANTED, _MAX_RULES = 500, 200, 4096


class Reason(NamedTuple):
    """One test of a rule. A list of alternatives that all failed is one reason."""

    field: str
    """Empty for keywords."""
    modifier: str
    """The kind of test and what it wants: `endswith '\\\\cmd.exe'`."""
    seen: str
    """The value as text, shortened; `absent` and `null` for those."""
    holds: bool


def why(rule: Rule, event: Event, raw: bytes = b"") -> list[Reason]:
    """The tests of a rule over an event, from left to right. Under a `not`, `holds` is the truth of the test itself."""
    return list(_reasons(rule.tree, view(rule.logsource, rule.taxonomy), Values(event, raw)))


def matched(rule: Rule, values: Values) -> list[Reason]:
    """The tests that made a matching rule true: those that hold and stand under no `not`."""
    found: dict[Reason, None] = {}
    _ask(_positive(rule), values, found)
    return list(found)


class _Question(NamedTuple):
    """One test of a rule, ready to be asked of many events."""

    field: str
    modifier: str
    probe: Probe | None
    """Reads the value; None for keywords."""
    test: Test

    def answer(self, values: Values) -> Reason:
        """What it asked, and what it saw."""
        return Reason(self.field, self.modifier, _shown(self.probe, values), self.test(values))


_Branch: TypeAlias = "_Question | tuple[tuple[Test | None, _Branch], ...]"
"""A question; or branches, each with what must hold for it to be taken (None where the questions below tell)."""


@lru_cache(_MAX_RULES)
def _positive(rule: Rule) -> _Branch:
    """The tests of a rule that stand under no `not`. Kept, since a rule that matches once tends to match often."""
    return _branch(rule.tree, view(rule.logsource, rule.taxonomy))


def _branch(tree: Tree, fields: View) -> _Branch:
    if isinstance(tree, Atom):
        return _question([tree], fields)
    if isinstance(tree, Not):
        return ()
    always = isinstance(tree, And)
    return tuple(
        (None if always or isinstance(child, Atom) else compile_tree(child, fields), _branch(child, fields))
        for child in tree.children
    )


def _ask(branch: _Branch, values: Values, found: dict[Reason, None]) -> None:
    """Add the questions that hold."""
    if isinstance(branch, _Question):
        if branch.test(values):
            found[Reason(branch.field, branch.modifier, _shown(branch.probe, values), True)] = None
        return
    for test, child in branch:
        if test is None or test(values):
            _ask(child, values, found)


def _reasons(tree: Tree, fields: View, values: Values) -> Iterator[Reason]:
    if isinstance(tree, Atom):
        yield _reason([tree], fields, values)
    elif isinstance(tree, Not):
        yield from _reasons(tree.child, fields, values)
    elif isinstance(tree, Or) and (same := _one_field(tree.children)):
        true = [atom for atom in same if compile_tree(atom, fields)(values)]
        yield from ([_reason([atom], fields, values) for atom in true] if true else [_reason(same, fields, values)])
    else:
        for child in tree.children:
            yield from _reasons(child, fields, values)


def _one_field(children: Iterable[Tree]) -> list[Atom]:
    atoms = [child for child in children if isinstance(child, Atom)]
    same = len({(a.field, a.kind) for a in atoms}) == 1
    return atoms if same and len(atoms) == len(list(children)) else []


def _reason(atoms: list[Atom], fields: View, values: Values) -> Reason:
    return _question(atoms, fields).answer(values)


def _question(atoms: list[Atom], fields: View) -> _Question:
    """Do any of these tests of one field hold?"""
    first = atoms[0]
    wanted = " or ".join(filter(None, map(_wanted, atoms)))
    shown = wanted[:_MAX_WANTED] + ("..." if len(wanted) > _MAX_WANTED else "")
    probe = None if first.field is None else fields.raw(first.field)
    return _Question(first.field or "", f"{first.kind} {shown}".rstrip(), probe, compile_tree(any_of([*atoms]), fields))


def _wanted(atom: Atom) -> str:
    payload: Any = atom.payload
    match atom.kind:
        case "wild":
            return repr("".join(p.value if isinstance(p, Wild) else p for p in payload))
        case "num":
            return f"{payload[0]} {payload[1]}"
        case "time":
            return " ".join(map(str, payload))
        case "re":
            return repr(payload[0]) + (f" ({payload[1]})" if payload[1] else "")
        case "fieldref":
            return f"{payload[1]} {payload[0]}"
        case "null" | "empty":
            return ""
        case _:
            return text(payload) if isinstance(payload, bool) else repr(payload)


def seen_by(atom: Atom, fields: View, values: Values) -> str:
    """The value that a test sees, as text, shortened."""
    return _shown(None if atom.field is None else fields.raw(atom.field), values)


def _shown(probe: Probe | None, values: Values) -> str:
    if probe is None:
        return "message"
    value = values[probe]
    if value is MISSING:
        return "absent"
    shown = "null" if value is None else text(value)
    return shown if len(shown) <= _MAX_SEEN else shown[:_MAX_SEEN] + "..."
