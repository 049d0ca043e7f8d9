"""Answers of pure functions, remembered for a while.

A hit is one look-up. (`functools.lru_cache` also moves the entry to the front of a list, which touches four more places in
memory; with thousands of entries that costs more than most of these functions.)
"""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_LONG = 100
_MANY_NAMES = 2048


class Remembered(dict[K, V], Generic[K, V]):
    """`answers[argument]`; all are forgotten when there are too many."""

    __slots__ = ("_function", "_limit")

    def __init__(self, function: Callable[[K], V], limit: int) -> None:
        super().__init__()
        self._function, self._limit = function, limit

    def __missing__(self, argument: K) -> V:
        answer = self._function(argument)
        if len(self) >= self._limit:
            self.clear()
        self[argument] = answer
        return answer


class RememberedScalar(Remembered[str | int, V]):
    """The same for text and integers; long text is not kept, but asked for each time."""

    __slots__ = ()

    def __missing__(self, argument: str | int) -> V:
        if type(argument) is str and len(argument) > _LONG:
            return self._function(argument)
        return super().__missing__(argument)


class RememberedText(Remembered[str, V]):
    """The same for text."""

    __slots__ = ()

    def __missing__(self, argument: str) -> V:
        return self._function(argument) if len(argument) > _LONG else super().__missing__(argument)


class RememberedNames(Remembered[tuple[str, ...], V]):
    """The same for the names in a record; of many or long ones the answer is not kept, but asked for each time."""

    __slots__ = ()

    def __missing__(self, argument: tuple[str, ...]) -> V:
        if sum(map(len, argument)) > _MANY_NAMES:
            return self._function(argument)
        return super().__missing__(argument)


SCALARS = frozenset((str, int))
"""The types that it takes. (`True` is no `int` here: as keys of a dict they are one.)"""
