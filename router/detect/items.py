"""A detection block as it is written, before it is a tree: items (`field: values`) in groups. Pipelines change these."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from router.detect.ir import Atom, Not, Tree, all_of, any_of
from router.documents import PathKey


@dataclass(slots=True)
class Item:
    """One field and its values."""

    field: str | None
    written: list[Any]
    """The values as they stand in the file."""
    values: list[list[Atom]]
    """For each of them the atoms of which one must be true."""
    path: PathKey
    every: bool = False
    """Whether all values must be there (`all`), or one."""
    negated: bool = False
    applied: frozenset[str] = frozenset()
    """Ids of the pipeline steps that changed it."""


@dataclass(slots=True)
class Group:
    """Items and groups of which all, or one, must be true."""

    children: list["Node"]
    every: bool


Node: TypeAlias = Item | Group


def tree_of(node: Node) -> Tree | None:
    """The tree of a node; None where nothing is left of it."""
    if isinstance(node, Group):
        return joined([tree_of(child) for child in node.children], every=node.every)
    tree = joined([any_of(list(atoms)) for atoms in node.values], every=node.every)
    return Not(tree) if tree is not None and node.negated else tree


def joined(trees: list[Tree | None], *, every: bool) -> Tree | None:
    """And, or Or, of what is left."""
    left = [tree for tree in trees if tree is not None]
    if not left:
        return None
    return all_of(left) if every else any_of(left)


def items(node: Node) -> Iterator[Item]:
    """Every item, in the order of the file."""
    if isinstance(node, Item):
        yield node
    else:
        for child in node.children:
            yield from items(child)
