"""Why a rule matched or did not: each of its tests, with the value that it saw."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from router.batch import Event
from router.detect.ir import And, Atom, Not, Or, Tree, Wild
from router.detect.matcher import View, compile_tree
from router.detect.probes import Values
from router.detect.rules import Rule
from router.detect.values import MISSING, text
from router.detect.views import view

_MAX_SEEN, _MAX_WANTED = 500, 200


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


def matched(rule: Rule, event: Event, raw: bytes = b"") -> list[Reason]:
    """The tests that made a matching rule true: those that hold and stand under no `not`."""
    seen = view(rule.logsource, rule.taxonomy)
    return list(dict.fromkeys(r for r in _positive(rule.tree, seen, Values(event, raw)) if r.holds))


def _positive(tree: Tree, fields: View, values: Values) -> Iterator[Reason]:
    if isinstance(tree, Atom):
        yield _reason([tree], fields, values)
    elif isinstance(tree, (And, Or)):
        for child in tree.children:
            if isinstance(tree, And) or compile_tree(child, fields)(values):
                yield from _positive(child, fields, values)


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
    first = atoms[0]
    wanted = " or ".join(filter(None, map(_wanted, atoms)))
    shown = wanted[:_MAX_WANTED] + ("..." if len(wanted) > _MAX_WANTED else "")
    holds = any(compile_tree(atom, fields)(values) for atom in atoms)
    return Reason(first.field or "", f"{first.kind} {shown}".rstrip(), seen_by(first, fields, values), holds)


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
    if atom.field is None:
        return "message"
    value = values[fields.raw(atom.field)]
    if value is MISSING:
        return "absent"
    shown = "null" if value is None else text(value)
    return shown if len(shown) <= _MAX_SEEN else shown[:_MAX_SEEN] + "..."
