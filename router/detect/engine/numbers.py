"""Atoms as numbers: equal questions about an event have one number, whichever rules ask them."""

from typing import Any, NamedTuple

from router.detect.folding import fold
from router.detect.ir import Atom, Pattern
from router.detect.probes import Probe
from router.detect.views import EcsView


class Asked(NamedTuple):
    """One atom in the form in which it is compared: texts are folded already unless `cased`."""

    probe: Probe | None
    """Reads the value; None for the full log message."""
    kind: str
    payload: Any
    """As of `ir.Atom`; of a fieldref (probe of the other field, mode)."""
    cased: bool


REFERENCES = "references"
"""Stands for the field of what two fields decide."""


def field_of(asked: Asked) -> Any:
    """What is read to decide an atom: a probe, REFERENCES, or None for the full log message."""
    return REFERENCES if asked.kind == "fieldref" else asked.probe


_TEXT = frozenset({"eq", "contains", "startswith", "endswith"})


class Numbers:
    """Gives numbers out, from 0. One instance a rule set."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._numbers: dict[Asked, int] = {}

    def number(self, atom: Atom, view: EcsView) -> int:
        """The number of an atom as the rules of a view mean it."""
        asked = _asked(atom, view)
        number = self._numbers.get(asked)
        if number is None:
            number = self._numbers[asked] = len(self.asked)
            self.asked.append(asked)
        return number


def _asked(atom: Atom, view: EcsView) -> Asked:
    probe = None if atom.field is None else view.raw(atom.field)
    payload: Any = atom.payload
    if atom.kind == "fieldref":
        return Asked(probe, atom.kind, (view.raw(payload[0]), payload[1]), False)
    if not atom.cased and atom.kind in _TEXT:
        return Asked(probe, atom.kind, fold(payload), False)
    if not atom.cased and atom.kind == "wild":
        return Asked(probe, atom.kind, _folded(payload), False)
    return Asked(probe, atom.kind, payload, atom.cased)


def _folded(pattern: Pattern) -> Pattern:
    return tuple(fold(part) if isinstance(part, str) else part for part in pattern)
