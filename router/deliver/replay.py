"""Sends what is stored in `events` and `signals` to one sink once more: a stretch of time, some datasets, some values.

Reads without a group, so nothing that runs is disturbed. The sink's own `choose` and shape hold; noise rules do not: what they
left out is what is wanted back. What the sink has already it gets again, with the same ids.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from router.batch import Batch, Partition, Record
from router.deliver.handover import Handover, parcel_of
from router.deliver.reshape import reshaping
from router.protocols import Log
from router.registry import Choice
from router.route import compile_choice
from router.shapes import Shape

_PAGE, _AT_ONCE = 2000, 4
Seen = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records: all conditions hold. Times are those of the events, in seconds since the epoch; `until` is not included."""

    choice: Choice = field(default_factory=Choice)
    since: float = float("-inf")
    until: float = float("inf")
    datasets: tuple[str, ...] = ()
    """One of these, exact or with a trailing `*`; empty: any."""
    values: tuple[tuple[str, str], ...] = ()
    """Dotted name and value; a trailing `*` stands for any rest, and one item of a list is enough."""
    shape: Shape = "ecs"
    """In which the sink wants them. Conditions are about documents as they are stored."""

    def compiled(self) -> Callable[[Record], bool]:
        """The test of one record; decodes a body only for `values`, and only if all else holds."""
        chosen, named = compile_choice(self.choice), compile_choice(Choice(datasets=self.datasets))
        values = [(name.split("."), value) for name, value in self.values]

        def wanted(record: Record) -> bool:
            if not (self.since <= record.time < self.until and chosen(record.facts) and named(record.facts)):
                return False
            return not values or _holds(record.body, values)

        return wanted

    def taker(self) -> Callable[[Batch[Record]], list[tuple[Record, tuple[Partition, int]]]]:
        """What is wanted of a batch, as the sink gets it, and where each of it lies."""
        reshape, wanted = reshaping(self.shape), self.compiled()

        def taken(batch: Batch[Record]) -> list[tuple[Record, tuple[Partition, int]]]:
            partition = Partition(batch.span.topic, batch.span.partition)
            chosen = [(record, (partition, batch.offset(i))) for i, record in enumerate(batch.items) if wanted(record)]
            return chosen if reshape is None else [(reshape(record), place) for record, place in chosen]

        return taken


def _holds(body: bytes, values: Sequence[tuple[Sequence[str], str]]) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return all(any(_is(v, wanted) for v in _found(document, path)) for path, wanted in values)


def _found(value: Any, path: Sequence[str]) -> list[Any]:
    """The values below a name, whether its dots are levels or part of keys."""
    if isinstance(value, list):
        return [found for item in value for found in _found(item, path)]
    if not path:
        return [value]
    if not isinstance(value, Mapping):
        return []
    heads = ((".".join(path[:n]), path[n:]) for n in range(1, len(path) + 1))
    return [found for key, rest in heads if key in value for found in _found(value[key], rest)]


def _is(value: Any, wanted: str) -> bool:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text.startswith(wanted[:-1]) if wanted.endswith("*") else text == wanted


async def ends(log: Log, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
    """The oldest offset and the end of every partition, now."""
    return {Partition(t, number): pair for t in topics for number, pair in (await log.ends(t)).items()}


async def _pages(log: Log, places: Mapping[Partition, tuple[int, int]]) -> AsyncIterator[Batch[Record]]:
    for partition, (oldest, stop) in places.items():
        offset = oldest
        while offset < stop:
            batch = await log.fetch(*partition, offset, min(_PAGE, stop - offset))
            if not batch.items:
                break
            yield batch
            offset = batch.span.stop


async def count(
    log: Log, places: Mapping[Partition, tuple[int, int]], selection: Selection, seen: Seen
) -> tuple[Counter[str], int]:
    """How many records of each dataset are wanted, and the bytes of their bodies."""
    taken, counts, size = selection.taker(), Counter[str](), 0
    async for batch in _pages(log, places):
        chosen = [record for record, _ in taken(batch)]
        counts.update(record.facts.dataset or "unknown" for record in chosen)
        size += sum(len(record.body) for record in chosen)
        seen(len(batch.items))
    return counts, size


async def replay(
    log: Log, places: Mapping[Partition, tuple[int, int]], selection: Selection, handover: Handover, width: int, seen: Seen
) -> bool:
    """Send them, up to `width` writes at once. False if the sink took no more; `handover` says why and how many it took."""
    taken = selection.taker()
    async for batch in _pages(log, places):
        chosen = taken(batch)
        if chosen and not await _send(chosen, handover, min(width, _AT_ONCE)):
            return False
        seen(len(batch.items))
    return True


async def _send(chosen: Sequence[tuple[Record, tuple[Partition, int]]], handover: Handover, width: int) -> bool:
    share = -(-len(chosen) // width)
    parts = [chosen[i : i + share] for i in range(0, len(chosen), share)]
    left = await asyncio.gather(*[handover.send(parcel_of([r for r, _ in p], [place for _, place in p])) for p in parts])
    return not any(left)
