"""A rule as a function of the set of its true atoms, and the sets of atoms that say when it is worth asking."""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias, cast

from router.detect.ir import And, Atom, Not, Or, Tree

Number: TypeAlias = Callable[[Atom], int]
Predicate: TypeAlias = Callable[[frozenset[int]], bool]
Witness: TypeAlias = frozenset[int]
_DEEP = 20


def predicate(tree: Tree, number: Number) -> Predicate:
    """True exactly when the tree is, given the numbers of all its atoms that are true. No input is in the generated text."""
    return _Writer(number).function(tree)


class _Writer:
    def __init__(self, number: Number) -> None:
        self._number, self._names, self._next = number, cast(dict[str, Any], {}), count()

    def function(self, tree: Tree) -> Predicate:
        return cast(Predicate, eval(f"lambda T: {self._code(tree, 0)}", self._names))

    def _name(self, value: Any) -> str:
        name = f"k{next(self._next)}"
        self._names[name] = value
        return name

    def _code(self, tree: Tree, depth: int) -> str:
        """A Python expression. What lies deep is a function of its own: the parser's stack is finite."""
        if isinstance(tree, Atom):
            return f"{self._number(tree)} in T"
        if depth > _DEEP:
            return f"{self._name(self.function(tree))}(T)"
        if isinstance(tree, Not):
            return f"not ({self._code(tree.child, depth + 1)})"
        return self._joined(tree, depth)

    def _joined(self, tree: And | Or, depth: int) -> str:
        """Atoms among the children are one set operation, and come first."""
        numbers = frozenset(self._number(child) for child in tree.children if isinstance(child, Atom))
        rest = [f"({self._code(child, depth + 1)})" for child in tree.children if not isinstance(child, Atom)]
        if len(numbers) == 1:
            rest.insert(0, f"({next(iter(numbers))} in T)")
        elif numbers:
            name = self._name(numbers)
            rest.insert(0, f"(T >= {name})" if isinstance(tree, And) else f"(not T.isdisjoint({name}))")
        return (" and " if isinstance(tree, And) else " or ").join(rest)


def witness(tree: Tree, of_atom: Callable[[Atom], Witness | None], cost: Callable[[Witness], float]) -> Witness | None:
    """Atoms of which one at least is true whenever the tree is: of several such sets the cheapest. None if there is none.

    `of_atom` gives the set for an atom, or None where it must not be in one.
    """
    if isinstance(tree, Atom):
        return of_atom(tree)
    if isinstance(tree, Not):
        return None
    found = [witness(child, of_atom, cost) for child in tree.children]
    if isinstance(tree, And):
        return min((w for w in found if w is not None), key=cost, default=None)
    return None if None in found else frozenset[int]().union(*(w for w in found if w))


def relevant(tree: Tree, of_atom: Callable[[Atom], Witness | None], cost: Callable[[Witness], float]) -> Witness:
    """Atoms of a kind without any of which it does not matter which others of that kind are true: of such sets a cheap one.

    `of_atom` gives the set for an atom of the kind, and None for others.
    """
    if isinstance(tree, Atom):
        return of_atom(tree) or frozenset()
    if isinstance(tree, Not):
        return relevant(tree.child, of_atom, cost)
    every = frozenset[int]().union(*(relevant(child, of_atom, cost) for child in tree.children))
    needed = witness(tree, of_atom, cost) if every and isinstance(tree, And) else None
    return needed if needed is not None and cost(needed) < cost(every) else every


def clauses(tree: Tree, of_atom: Callable[[Atom], tuple[Any, int]], cost: Callable[[Witness], float]) -> dict[Any, Witness]:
    """For a field: atoms of it of which one at least is true whenever the tree is, the cheapest such set.

    `of_atom` gives the field and the number of an atom.
    """
    if isinstance(tree, Atom):
        name, number = of_atom(tree)
        return {name: frozenset((number,))}
    if isinstance(tree, Not):
        return {}
    if isinstance(tree, Or) and all(isinstance(child, Atom) for child in tree.children):  # most values of rules stand so
        pairs = [of_atom(child) for child in tree.children if isinstance(child, Atom)]
        same = {name for name, _ in pairs}
        return {same.pop(): frozenset([number for _, number in pairs])} if len(same) == 1 else {}
    found = [clauses(child, of_atom, cost) for child in tree.children]
    if isinstance(tree, Or):
        names = [name for name in found[0] if all(name in one for one in found)]
        return {name: frozenset[int]().union(*(one[name] for one in found)) for name in names}
    best = found[0]
    for one in found[1:]:
        for name, atoms in one.items():
            if name not in best or cost(atoms) < cost(best[name]):
                best[name] = atoms
    return best
