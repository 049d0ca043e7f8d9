"""Lists that stand beside each other as one list of objects: Zeek's answers and TTLs are the records of one answer section."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any


def compile_zip(names: Sequence[str]) -> Callable[..., list[dict[str, Any]] | None]:
    """A function of one list for each name. The first list counts: it gives an object for each of its items; where another one is
    shorter, or says null, its key is left out. None where the first holds nothing. A value that is no list is a list of one."""

    def zipped(*lists: Any) -> list[dict[str, Any]] | None:
        first, *others = map(_listed, lists)
        rows = zip_longest(first, *(other[: len(first)] for other in others))
        return [{name: item for name, item in zip(names, row, strict=True) if item is not None} for row in rows] or None

    return zipped


def _listed(value: Any) -> list[Any]:
    return value if type(value) is list else [] if value is None else [value]
