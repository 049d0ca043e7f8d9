"""How a value that hangs on more than keys is read: from the places of its parts, without asking each probe anew."""

from collections.abc import Iterator, Sequence
from typing import Any

from router.detect.engine.places import Found, Need, Place, Search
from router.detect.engine.readings import Read
from router.detect.probes import Each, First, Item, Join, Probe, Translate, Values
from router.detect.values import MISSING


def read(probe: Probe, search: Search, objects: Sequence[Place]) -> Read:
    """Reads the value of a probe from the objects of a walk, which stand at `objects`."""
    try:
        return _read(probe, search, objects)
    except Need:  # to look into one more object of every document costs more than to ask the probe
        return lambda walked: Values(walked[0])[probe]


def _read(probe: Probe, search: Search, objects: Sequence[Place]) -> Read:
    found = search.find(probe)
    if isinstance(found, tuple):
        return _placed(objects.index(found[:-1]), found[-1])
    if isinstance(probe, First):
        return _first([_read(p, search, objects) for p in _in_question(probe, search)])
    if isinstance(probe, Join) and found is Found.READ:
        return _joined(probe, [_read(p, search, objects) for p in probe.probes])
    if isinstance(probe, Each) and found is Found.READ:
        return _gathered(probe, [_read(p, search, objects) for p in probe.probes if search.find(p) is not Found.ABSENT])
    if isinstance(probe, (Item, Translate)) and found is Found.READ:
        return _changed(probe, _read(probe.probe, search, objects))
    return lambda walked: Values(walked[0])[probe]


def _in_question(first: First, search: Search) -> Iterator[Probe]:
    """The probes that may give the answer: those up to the first that is there for certain."""
    for probe in first.probes:
        found = search.find(probe)
        if found is not Found.ABSENT:
            yield probe
        if isinstance(found, tuple):
            return


def _placed(number: int, key: str) -> Read:
    return lambda walked: walked[number].get(key, MISSING)


def _first(reads: Sequence[Read]) -> Read:
    if len(reads) == 1:
        return reads[0]

    def first(walked: Sequence[Any]) -> Any:
        for one in reads:
            answer = one(walked)
            if answer is not MISSING:
                return answer
        return MISSING

    return first


def _joined(probe: Join, reads: Sequence[Read]) -> Read:
    return lambda walked: probe.of([one(walked) for one in reads])


def _gathered(probe: Each, reads: Sequence[Read]) -> Read:
    return lambda walked: probe.of([one(walked) for one in reads])


def _changed(probe: Item | Translate, one: Read) -> Read:
    return lambda walked: probe.of(one(walked))
