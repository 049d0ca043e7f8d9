"""Finds the few rules that can select an event, so that the others need not be asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from router.batch import Event
from router.detect.folding import fold
from router.detect.ir import And, Atom, Or, Tree
from router.reduce.fields import getter

Needs = Mapping[str, frozenset[str]]
"""Field -> folded values, one of which an event must have there to be selected."""


class _Needing(Protocol):
    needs: Needs


R = TypeVar("R", bound=_Needing)


def needs_of(tree: Tree) -> Needs:
    """What must be true of an event for the tree to be; only what plain equality says, the rest is left to the tree."""
    if isinstance(tree, Atom):
        is_plain = tree.kind == "eq" and tree.field is not None and isinstance(tree.payload, str)
        return {str(tree.field): frozenset({fold(str(tree.payload))})} if is_plain else {}
    if isinstance(tree, And):
        return {field: values for child in tree.children for field, values in needs_of(child).items()}
    if isinstance(tree, Or):
        first, *others = [needs_of(child) for child in tree.children]
        shared = [f for f in first if all(f in other for other in others)]
        return {f: first[f].union(*[other[f] for other in others]) for f in shared}
    return {}


class Bucket(Generic[R]):
    """The rules of one dataset, by the values of the field that most of them need."""

    def __init__(self, rules: Sequence[R]) -> None:
        self._all = tuple(rules)
        counts = Counter(field for rule in rules for field in rule.needs)
        field = max(counts, key=lambda f: (counts[f], f)) if counts else ""
        self._get = getter(field) if field else None
        values = {v for rule in rules for v in rule.needs.get(field, ())}
        self._rest = tuple(r for r in rules if field not in r.needs)
        self._by_value = {v: tuple(r for r in rules if field not in r.needs or v in r.needs[field]) for v in values}

    def candidates(self, event: Event) -> Sequence[R]:
        """A superset of the rules that select the event."""
        if self._get is None:
            return self._all
        value = self._get(event)
        if type(value) is str:
            return self._by_value.get(fold(value), self._rest)
        # Other types have texts of their own in a selection, and a list is any of its elements: the tree knows.
        return self._all
