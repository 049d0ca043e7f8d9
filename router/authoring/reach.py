"""Can a rule fire at all? Its condition is worked out with what is known: a field that nobody provides is absent."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from router.authoring.supply import Feed, Field, Supply
from router.detect import Rule
from router.detect.ir import And, Atom, Not, Tree, atoms

Verdict: TypeAlias = Literal["can fire", "not shown", "never", "no source"]
"""can fire: every field it needs is provided; not shown: only with fields that a sender may write and no example has; never:
it is false whatever happens; no source: nobody feeds its log source yet."""


class Reach(NamedTuple):
    """What is known about one rule."""

    verdict: Verdict
    feeds: tuple[Feed, ...]
    fields: tuple[Field, ...]
    """Every field of the rule, by name."""
    missing: tuple[str, ...]
    """Fields that nobody provides (or that no example shows) and for which the rule is false."""


def reach(rule: Rule, supply: Supply) -> Reach:
    """Work a rule out."""
    feeds = tuple(supply.feeds(rule.logsource))
    fields = {name: supply.field(rule.logsource, rule.taxonomy, name) for name in sorted(set(names(rule.tree)))}
    known = tuple(fields.values())
    if not feeds:
        return Reach("no source", feeds, known, ())
    absent = {f.name for f in known if f.state == "nobody"}
    if truth(rule.tree, absent) is False:
        return Reach("never", feeds, known, tuple(sorted(absent)))
    unseen = absent | {f.name for f in known if f.state == "kept"}
    if truth(rule.tree, unseen) is False:
        return Reach("not shown", feeds, known, tuple(sorted(unseen)))
    return Reach("can fire", feeds, known, ())


def names(tree: Tree) -> Iterator[str]:
    """The fields that a tree reads, those that `fieldref` compares with included."""
    for atom in atoms(tree):
        if atom.field is not None:
            yield atom.field
        if atom.kind == "fieldref" and isinstance(atom.payload, tuple):
            yield str(atom.payload[0])


def truth(tree: Tree, absent: set[str]) -> bool | None:
    """Of a tree where some fields are absent; None where it hangs on the others."""
    if isinstance(tree, Atom):
        return _atom(tree, absent)
    if isinstance(tree, Not):
        below = truth(tree.child, absent)
        return None if below is None else not below
    answers = [truth(child, absent) for child in tree.children]
    decided, join = (False, all) if isinstance(tree, And) else (True, any)
    if decided in answers:
        return decided
    return None if None in answers else _joined(join, answers)


def _joined(join: Callable[[list[bool | None]], bool], answers: list[bool | None]) -> bool:
    return join(answers)


def _atom(atom: Atom, absent: set[str]) -> bool | None:
    other = str(atom.payload[0]) if atom.kind == "fieldref" and isinstance(atom.payload, tuple) else None
    if atom.field in absent or other in absent:
        return atom.kind == "null" or (atom.kind == "exists" and atom.payload is False)
    return None
