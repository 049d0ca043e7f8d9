"""What is read of a document together, and where each answer leads: to the next question, or to the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from router.detect.engine.memo import ValueMemo
from router.detect.rules import Rule

if TYPE_CHECKING:
    from router.detect.engine.layouts import Layout

Read = Callable[[Sequence[Any]], Any]
Verdict: TypeAlias = tuple[Rule, ...]
Key: TypeAlias = tuple[int, ...]
"""Signatures, in the order of the fields of a reading."""
Placed = tuple[int, str, ValueMemo]
"""Number of an object of the walk, a key in it, and who knows the value that stands there."""


class Reading:
    """How some fields are read from documents of one layout."""

    __slots__ = ("_placed", "fields", "key", "more", "reads", "references", "uses")

    def __init__(
        self,
        fields: tuple[int, ...],
        placed: Sequence[Placed],
        reads: Sequence[tuple[Read, ValueMemo]],
        references: Sequence[tuple[int, Read, Read, str]],
        *,
        flat: bool,
    ) -> None:
        """`flat` if the document itself is the only object of the walk."""
        self.fields = fields
        """By their number, in the order of keys: those with a place, those without, comparisons."""
        self._placed = placed
        self.key: Callable[[Any], Key] = _reader(placed, flat)
        """Signatures of values that have a place, from the objects of the walk, or from the document if it is flat.

        Raises TypeError where a list or an object is among the values: `of_any` takes those too."""
        self.reads = reads
        """Values that hang on more than keys."""
        self.references = references
        """Comparisons of two fields that are both there: atom, one, other, mode."""
        self.more = bool(reads or references)
        """Whether there are any of the two."""
        self.uses = 0
        for memo in (*(memo for _, _, memo in placed), *(memo for _, memo in reads)):
            memo.users.append(self)

    def of_any(self, objects: Sequence[Any]) -> Key:
        """As `key`, for values of every kind."""
        return tuple([memo.of(objects[number][key]) for number, key, memo in self._placed])


def _reader(placed: Sequence[Placed], flat: bool) -> Callable[[Any], Key]:
    """One expression for all look-ups: half the cost of calling for each."""
    make = _maker(tuple([number for number, _, _ in placed]), flat)
    return make([key for _, key, _ in placed], [memo for _, _, memo in placed])


@lru_cache(4096)
def _maker(numbers: tuple[int, ...], flat: bool) -> Callable[[list[str], list[ValueMemo]], Callable[[Any], Key]]:
    """Writes it for objects with these numbers. No input is in the generated text."""
    each = range(len(numbers))
    keys, memos = "".join(f"k{n}," for n in each), "".join(f"m{n}," for n in each)
    objects = [] if flat else [f"        o{n} = objects[{n}]" for n in sorted(set(numbers))]
    lines = [
        "def make(keys, memos):",
        *([f"    {keys} = keys", f"    {memos} = memos"] if numbers else []),
        f"    def key({'o0' if flat else 'objects'}):",
        *objects,
        f"        return ({''.join(f'm{n}[o{number}[k{n}]],' for n, number in enumerate(numbers))})",
        "    return key",
    ]
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    return cast(Callable[[list[str], list[ValueMemo]], Callable[[Any], Key]], names["make"])


@dataclass(slots=True, eq=False)
class Question:
    """A reading, after answers that left some rules open."""

    layout: "Layout"
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
