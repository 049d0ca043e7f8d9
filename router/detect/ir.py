"""What a rule comes down to: a tree of and, or, not over atoms. Reader and matcher share this and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal, TypeAlias


class Wild(Enum):
    """The two wildcards of a Sigma string."""

    MANY = "*"
    ONE = "?"


Pattern: TypeAlias = tuple[str | Wild, ...]
"""A Sigma string: literal parts (never empty, never two in a row) and wildcards."""

Kind: TypeAlias = Literal[
    "eq", "contains", "startswith", "endswith", "wild", "re", "cidr", "num", "null", "empty", "exists", "fieldref", "time"
]
Payload: TypeAlias = str | bool | Pattern | tuple[str, str] | tuple[str, Decimal] | tuple[str, str, Decimal] | None


@dataclass(frozen=True, slots=True)
class Atom:
    """One test of one field (`field` None: of the full log message).

    payload by kind: the text as written (eq, contains, startswith, endswith, cidr), a Pattern (wild), (pattern, flags of
    "ims") for re, (operator, number) for num, None for null and empty, a bool for exists, (other field, eq | contains |
    startswith | endswith) for fieldref, (unit, operator, number) for time, with "eq" beside the operators of num.
    """

    field: str | None
    kind: Kind
    payload: Payload
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """True when its child is false."""

    child: "Tree"


@dataclass(frozen=True, slots=True)
class And:
    """True when every child is; two at least."""

    children: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one child is; two at least."""

    children: tuple["Tree", ...]


Tree: TypeAlias = Atom | Not | And | Or


class Refused(Exception):
    """A piece of a rule cannot be done exactly. The reader knows the place and makes a Problem of it."""

    def __init__(self, text: str, remedy: str = "", offset: int | None = None) -> None:
        self.text, self.remedy, self.offset = text, remedy, offset
        super().__init__(text)


def all_of(trees: list[Tree]) -> Tree:
    """And, where one tree stands for itself."""
    return trees[0] if len(trees) == 1 else And(tuple(trees))


def any_of(trees: list[Tree]) -> Tree:
    """Or, where one tree stands for itself."""
    return trees[0] if len(trees) == 1 else Or(tuple(trees))


def atoms(tree: Tree) -> Iterator[Atom]:
    """Every atom of a tree, from left to right, repeats included."""
    if isinstance(tree, Atom):
        yield tree
    elif isinstance(tree, Not):
        yield from atoms(tree.child)
    else:
        for child in tree.children:
            yield from atoms(child)


def without(tree: Tree, gone: Atom) -> Tree | None:
    """A tree without one atom: what is empty then goes too, and what is left alone stands for itself."""
    if isinstance(tree, Atom):
        return None if tree is gone else tree
    if isinstance(tree, Not):
        child = without(tree.child, gone)
        return None if child is None else tree if child is tree.child else Not(child)
    left = [child for child in (without(c, gone) for c in tree.children) if child is not None]
    if not left:
        return None
    return all_of(left) if isinstance(tree, And) else any_of(left)
