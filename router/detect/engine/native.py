"""The matcher of literals that is written in C (`sieve.c`), where it could be built.

It does what `field` does with a `Finder`, with one call for a value: the case of letters, texts that are equal, literals at the
beginning, at the end and inside. It knows nothing of rules: literals and the atoms that they decide go in, true atoms come out.
"""

from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any, TypeAlias

from router.detect.engine.tables import Literals
from router.telemetry import logger

try:
    from router.detect.engine._sieve import Sieve
except ImportError:  # pragma: no cover (no compiler where Logweir was installed)
    Sieve = None  # type: ignore[assignment,misc]  # told once, by `_kind`

Decide: TypeAlias = Callable[[str, list[int]], list[int] | None]
"""A text, and a list that the atoms true for it are appended to -> the indexes of the patterns found that were to be told."""
_log = logger("detect")


@cache
def _kind() -> Any:
    """The type, None where there is none. That it is missing is told once."""
    if Sieve is None:
        _log.warning(
            "the native matcher was not built: detection is as exact, but slower where values are new; "
            "install a C compiler with Python's headers, and Logweir again"
        )
    return Sieve


def sieve(literals: Literals, told: Collection[int], *, folds: bool) -> Decide | None:
    """Decides what literals decide alone. Of the patterns at `told` it is told whether they were found. None: there is none.

    `folds`: texts come as they are where they are ASCII, and the case of letters does not matter.
    """
    kind = _kind()
    if kind is None:
        return None
    decide: Decide = kind(list(_listed(literals, told)), folds=folds).decide
    return decide


def _listed(literals: Literals, told: Collection[int]) -> Iterator[tuple[str, str, int | None, int | None]]:
    for index, (pattern, atom) in enumerate(zip(literals.patterns, literals.atoms, strict=True)):
        yield pattern.side, pattern.text, atom if atom >= 0 else None, index if index in told else None
    for text, atom in literals.equal.items():
        if text:
            yield "q", text, atom, None
