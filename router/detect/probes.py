"""Reading fields of one event, each at most once: `values[probe]` asks the probe, then remembers its answer."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from router.batch import Event
from router.detect.folding import fold
from router.detect.values import MISSING, elements, texts

Probe: TypeAlias = Callable[["Values"], Any]


class Values(dict[Probe, Any]):
    """What is known about one event so far: probe -> its answer."""

    __slots__ = ("event", "raw")

    def __init__(self, event: Event, raw: bytes = b"") -> None:
        self.event, self.raw = event, raw

    def __missing__(self, probe: Probe) -> Any:
        answer = self[probe] = probe(self)
        return answer


def root(values: Values) -> Any:
    """The event itself."""
    return values.event


class Path:
    """The value at a dotted path of a nested document; every level may be a list (all elements, and those of lists in it) or
    hold a dotted key.

    Absent is MISSING, which is not null.
    """

    __slots__ = ("_key", "_others", "_parent", "text")

    def __init__(self, text: str, probe: Callable[[str], Probe]) -> None:
        self.text = text
        parts = text.split(".")
        ways = [(probe(".".join(parts[:cut])) if cut else root, ".".join(parts[cut:])) for cut in range(len(parts) - 1, -1, -1)]
        (self._parent, self._key), self._others = ways[0], ways[1:]

    def __call__(self, values: Values) -> Any:
        parent = values[self._parent]
        if type(parent) is dict:
            found = parent.get(self._key, MISSING)
            if found is not MISSING:
                return found
        elif type(parent) is list and (listed := _each(parent, self._key)):
            return listed
        for other, key in self._others:
            parent = values[other]
            if type(parent) is dict and key in parent:
                return parent[key]
            if type(parent) is list and (listed := _each(parent, key)):
                return listed
        return MISSING


def _each(parents: Sequence[Any], key: str) -> list[Any]:
    return [parent[key] for parent in elements(parents) if isinstance(parent, dict) and key in parent]


class First:
    """The first of several probes that is there (null counts as there)."""

    __slots__ = ("probes",)

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.probes = probes

    def __call__(self, values: Values) -> Any:
        for probe in self.probes:
            answer = values[probe]
            if answer is not MISSING:
                return answer
        return MISSING


class Join:
    """The texts of several probes with a separator between; absent unless all are there."""

    __slots__ = ("probes", "separator")

    def __init__(self, probes: Sequence[Probe], separator: str) -> None:
        self.probes, self.separator = probes, separator

    def __call__(self, values: Values) -> Any:
        return self.of([values[probe] for probe in self.probes])

    def of(self, answers: Sequence[Any]) -> Any:
        """What it makes of the answers of its probes."""
        parts = [self.separator.join(texts(answer)) for answer in answers]
        return self.separator.join(parts) if all(parts) else MISSING


class Each:
    """The values of several probes as one list; absent only where none of them is there."""

    __slots__ = ("probes",)

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.probes = probes

    def __call__(self, values: Values) -> Any:
        return self.of([values[probe] for probe in self.probes])

    def of(self, answers: Sequence[Any]) -> Any:
        """What it makes of the answers of its probes."""
        return [answer for answer in answers if answer is not MISSING] or MISSING


class Item:
    """One element of a list, by its number from 0."""

    __slots__ = ("number", "probe")

    def __init__(self, probe: Probe, number: int) -> None:
        self.probe, self.number = probe, number

    def __call__(self, values: Values) -> Any:
        return self.of(values[self.probe])

    def of(self, answer: Any) -> Any:
        """What it makes of the answer of its probe."""
        return answer[self.number] if isinstance(answer, list) and len(answer) > self.number else MISSING


class Translate:
    """The answer of a probe through a table of texts; what the table does not know stays as it is."""

    __slots__ = ("probe", "table")

    def __init__(self, probe: Probe, table: dict[str, str]) -> None:
        self.probe, self.table = probe, table

    def __call__(self, values: Values) -> Any:
        return self.of(values[self.probe])

    def of(self, answer: Any) -> Any:
        """What it makes of the answer of its probe."""
        return self.table.get(answer, answer) if isinstance(answer, str) else answer


class Texts:
    """The canonical texts of a probe, as they are."""

    __slots__ = ("_probe",)

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def __call__(self, values: Values) -> tuple[str, ...]:
        return texts(values[self._probe])


class Folded:
    """The canonical texts of a probe, case folded."""

    __slots__ = ("_probe",)

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def __call__(self, values: Values) -> tuple[str, ...]:
        answer = values[self._probe]
        if type(answer) is str:
            return (answer.lower() if answer.isascii() else fold(answer),)
        return tuple(map(fold, texts(answer)))
