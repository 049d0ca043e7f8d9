"""What is left over: every leaf that no expression took, verbatim, under its own name."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from router.normalize.expressions import Path

Tree: TypeAlias = dict[str, Any]
"""Key -> True (taken whole) or a tree of what is taken below."""


def tree(paths: Iterable[Path]) -> Tree:
    """The paths as a tree. Items of lists are never taken: a list stays whole."""
    root: Tree = {}
    for path in paths:
        if any(type(step) is int or step == "*" for step in path):
            continue
        node = root
        for step in path[:-1]:
            held = node.setdefault(str(step), {})
            if held is True:
                break
            node = held
        else:
            node[str(path[-1])] = True
    return root


class Telling:
    """The values of a record of text that say something; the record itself where all do."""

    def __init__(self, nulls: Iterable[str]) -> None:
        self._nulls = tuple(nulls)
        self._none_of = frozenset((*self._nulls, "", None)).isdisjoint

    def __call__(self, src: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._none_of(src.values()):
                return src
        except TypeError:
            pass  # a list or an object among them
        nulls = self._nulls
        return {key: value for key, value in src.items() if value and value not in nulls}


class Rest:
    """The leftovers of a record, given which groups of expressions took their values (bits of a mask)."""

    def __init__(
        self, taken: Iterable[Path], groups: list[set[Path]], dropped: Iterable[Path], kept: Iterable[Path], nulls: Iterable[str]
    ):
        self._always, self._groups = frozenset(taken), groups
        self._dropped, self._kept = tree(dropped), frozenset(kept)
        self._nulls = tuple(nulls)
        self._gone = tuple(key for key, value in self._dropped.items() if value is True)
        self._dropped_whole = frozenset(self._gone)
        self._trees: dict[int, tuple[frozenset[str], frozenset[str], Tree, tuple[str, ...]]] = {}

    def __call__(self, src: dict[str, Any], mask: int, telling: dict[str, Any] | None = None) -> dict[str, Any]:
        """`telling`: of a record of text, what `Telling` gave for it."""
        known = self._trees.get(mask)
        if known is None:
            known = self._learn(mask)
        whole, removed, taken, partly = known
        if telling is None and 2 * len(whole) > len(src):
            found = self._chosen(src, removed)
        else:
            found = src.copy()
            if telling is None:
                nulls = self._nulls
                for key in whole:
                    if key in found and ((value := found[key]) or value == 0) and value not in nulls:
                        del found[key]
            else:
                for key in telling.keys() & whole:
                    del found[key]
            for key in self._gone:
                found.pop(key, None)
        for key in partly:
            if key in found:
                self._pruned(found, key, taken.get(key, MISSING_TREE), self._dropped.get(key, MISSING_TREE))
        return found

    def _chosen(self, src: dict[str, Any], removed: frozenset[str]) -> dict[str, Any]:
        """What was not taken, or says nothing, and is not dropped; quicker than taking out what goes where most of it goes."""
        gone, nulls = self._dropped_whole, self._nulls
        if not nulls:
            return {k: v for k, v in src.items() if k not in removed or (not v and v != 0 and k not in gone)}
        return {k: v for k, v in src.items() if k not in removed or (((not v and v != 0) or v in nulls) and k not in gone)}

    def _pruned(self, found: dict[str, Any], key: str, taken: Any, dropped: Any) -> None:
        value = found[key]
        if type(value) is not dict or taken is True or dropped is True:
            if taken is True and value not in self._nulls and (value or value == 0):
                del found[key]
            return
        left = prune(value, taken, dropped, self._nulls)
        if left or not value:
            found[key] = left
        else:
            del found[key]

    def _learn(self, mask: int) -> tuple[frozenset[str], frozenset[str], Tree, tuple[str, ...]]:
        """What this mask takes: keys taken whole, the same and those that are dropped, all that is taken as a tree, keys of which
        only parts are taken or dropped."""
        paths = set(self._always)
        for bit, group in enumerate(self._groups):
            if mask >> bit & 1:
                paths |= group
        taken = tree(path for path in paths if not any(path[:n] in self._kept for n in range(1, len(path) + 1)))
        partly = {key for key, value in taken.items() if value is not True}
        partly |= {key for key, value in self._dropped.items() if value is not True}
        if len(self._trees) > 4096:
            self._trees.clear()
        whole = frozenset(key for key, value in taken.items() if value is True and key not in partly)
        self._trees[mask] = whole, whole | self._dropped_whole, taken, tuple(partly)
        return self._trees[mask]


MISSING_TREE: Tree = {}


def prune(node: dict[str, Any], taken: Tree, dropped: Tree, nulls: tuple[str, ...]) -> dict[str, Any]:
    """An object without the leaves that were taken or dropped; values that say nothing were not taken."""
    left = {}
    for key, value in node.items():
        drop = dropped.get(key, MISSING_TREE)
        take = taken.get(key, MISSING_TREE)
        if drop is True or (take is True and (value or value == 0) and value not in nulls):
            continue
        if type(value) is dict and type(take) is dict and (take or drop):
            below = prune(value, take, drop, nulls)
            if below or not value:
                left[key] = below
        else:
            left[key] = value
    return left
