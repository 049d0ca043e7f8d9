"""What is read of a document together, and where each answer leads: to the next question, or to the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeAlias

from router.detect.engine.memo import ValueMemo
from router.detect.rules import Rule

Pick = Callable[[Any], tuple[Any, ...]]
Read = Callable[[Sequence[Any]], Any]
Verdict: TypeAlias = tuple[Rule, ...]
Key: TypeAlias = tuple[int, ...]
"""Signatures, in the order of the fields of a reading."""


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


@dataclass(slots=True, eq=False)
class Reading:
    """How some fields are read from documents of one layout."""

    fields: tuple[int, ...]
    """By their number, in the order of keys."""
    alone: bool = True
    """Whether every value stands at the top."""
    pick: Pick = _nothing
    """Takes the values of `memos`, if `alone`."""
    picks: list[tuple[int, Pick]] = field(default_factory=list)
    """Takes them from objects of the walk, by their number in it."""
    memos: tuple[ValueMemo, ...] = ()
    reads: list[tuple[Read, ValueMemo]] = field(default_factory=list)
    """Values that hang on more than keys."""
    references: list[tuple[int, Read, Read, str]] = field(default_factory=list)
    """Comparisons of two fields that are both there: atom, one, other, mode."""
    more: bool = False
    """Whether there are `reads` or `references`."""
    uses: int = 0

    def values(self, objects: Sequence[Any]) -> list[Any]:
        """The values of `memos`, in their order."""
        return [value for number, pick in self.picks for value in pick(objects[number])]


@dataclass(slots=True, eq=False)
class Question:
    """A reading, after answers that left some rules open."""

    reading: Reading
    unread: tuple[int, ...]
    """The fields of the layout that neither it nor what came before it reads."""
    rules: int
    """What may still be true, a bit a rule;"""
    hit: int
    """those of them of which one atom of several fields is true;"""
    true: frozenset[int]
    """the true atoms that matter to them."""
    next: dict[Key, "Question | Verdict"] = field(default_factory=dict)


def picking(keys: Sequence[str]) -> Pick:
    """Takes the values of some keys from a dict that has them all."""
    if len(keys) == 1:
        key = keys[0]
        return lambda value: (value[key],)
    pick: Pick = itemgetter(*keys)
    return pick
