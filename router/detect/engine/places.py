"""Where in a document a probe finds its value, told from the keys of the document alone.

Documents of one kind have the same keys again and again. What is found once for their keys need not be searched again: all that
is left to do per event is to take the values from their places.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from router.detect.probes import Each, First, Item, Join, Path, Probe, Translate

Place: TypeAlias = tuple[str, ...]
"""Keys from the top of the document down to a value; a key may hold dots."""


class Shape(Enum):
    """What stands at a place, if it is no object."""

    LIST = "list"
    OTHER = "other"


Keys: TypeAlias = frozenset[str] | Shape
Known: TypeAlias = dict[Place, Keys]
"""The objects looked into so far. The document itself is at ()."""


class Found(Enum):
    """The answers of `find` that are no place."""

    ABSENT = "absent"
    READ = "read"
    """It hangs on more than keys: the probe itself must be asked."""


class Need(Exception):
    """It hangs on the keys of an object that was not looked into: the one at `place`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


class Search:
    """Looks for the places of probes in documents with the keys that are known. Raises Need."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._paths: dict[str, Place | Found] = {"": ()}
        self.found: dict[Probe, Place | Found] = {}
        """For whoever asks for many: the answers so far."""

    def further(self, known: Known) -> "Search":
        """A search that knows more: what this one found stands."""
        more = Search(known)
        more._paths, more.found = self._paths.copy(), self.found.copy()
        return more

    def is_object(self, found: Place | Found) -> bool:
        """Whether it is certain that an object stands at a place."""
        return isinstance(found, tuple) and isinstance(self.known.get(found), frozenset)

    def keys(self) -> frozenset[str]:
        """All keys of the objects looked into."""
        return frozenset[str]().union(*(keys for keys in self.known.values() if not isinstance(keys, Shape)))

    def find(self, probe: Probe) -> Place | Found:
        """The place of a probe's value."""
        if isinstance(probe, Path):
            return self._path(probe.text)
        if isinstance(probe, First):
            for p in probe.probes:
                found = self.find(p)
                if found is not Found.ABSENT:
                    return found
            return Found.ABSENT
        parts = parts_of(probe)
        lacking = all if isinstance(probe, Each) else any
        return Found.ABSENT if parts and lacking(self.find(p) is Found.ABSENT for p in parts) else Found.READ

    def _path(self, path: str) -> Place | Found:
        found = self._paths.get(path)
        if found is None:
            found = self._paths[path] = self._look(path)
        return found

    def _look(self, path: str) -> Place | Found:
        """As `probes.Path`: the nearest parent first, and at every level a key with dots in it as well."""
        for n, (above, key) in enumerate(_cuts(path)):
            parent = self._path(above)
            if parent is Found.READ:
                return Found.READ
            if parent is Found.ABSENT:
                continue
            assert isinstance(parent, tuple)
            keys = self.known.get(parent)
            if keys is None:
                raise Need(parent)
            if keys is Shape.LIST and not n:
                return Found.READ
            if not isinstance(keys, Shape) and key in keys:
                return (*parent, key)
        return Found.ABSENT


@lru_cache(65_536)
def _cuts(path: str) -> list[tuple[str, str]]:
    """The ways to split a path into that of a parent and a key, nearest parent first."""
    parts = path.split(".")
    return [(".".join(parts[:cut]), ".".join(parts[cut:])) for cut in range(len(parts) - 1, -1, -1)]


def parts_of(probe: Probe) -> list[Probe]:
    """The probes that a probe builds on; it is absent where one of them is, unless it is a First or an Each."""
    if isinstance(probe, (First, Join, Each)):
        return list(probe.probes)
    return [probe.probe] if isinstance(probe, (Item, Translate)) else []


def keys_asked(probes: Iterable[Probe]) -> frozenset[str]:
    """Every key that `find` may look for: others make no difference to it."""
    return frozenset(key for probe in probes for key in _keys(probe))


def _keys(probe: Probe) -> Iterator[str]:
    if isinstance(probe, Path):
        parts = probe.text.split(".")
        yield from (".".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1))
    for part in parts_of(probe):
        yield from _keys(part)


def keys_of(value: Any, asked: frozenset[str]) -> Keys:
    """What `Known` holds about a value."""
    if value.__class__ is dict:
        return asked.intersection(value)
    return Shape.LIST if value.__class__ is list else Shape.OTHER
