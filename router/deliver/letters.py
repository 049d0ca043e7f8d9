"""Walks through the dead letters of one stage or sink, each with what the cursor says about it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from router.batch import DEAD_LETTERS, Partition, Record
from router.deliver.cursor import GROUP, Cursor
from router.deliver.dead_letters import DeadLetter, read_dead_letter
from router.deliver.handover import reason_word
from router.errors import Malformed
from router.protocols import Log

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """One record of a topic of dead letters. `letter` is None where it cannot be read as one."""

    offset: int
    raw: Record
    letter: DeadLetter | None

    @property
    def reason(self) -> str:
        """The reason in full; empty where it cannot be read."""
        return self.letter.reason if self.letter else ""


async def stages(log: Log) -> list[str]:
    """Stages and sinks that have a topic of dead letters; a sink that is not configured any more among them."""
    return sorted(name.removeprefix(DEAD_LETTERS) for name in await log.topics(DEAD_LETTERS))


def is_about(reason: str, wanted: str) -> bool:
    """Whether a letter's reason is the wanted one: its first words, up to the colon. Nothing wanted: all."""
    return not wanted or reason_word(reason) == reason_word(wanted)


async def ends(log: Log, stage: str) -> Mapping[Partition, tuple[int, int]]:
    """The oldest offset and the end of each partition of the stage's dead letters, now."""
    topic = DEAD_LETTERS + stage
    await log.partitions(topic)  # makes it where there is none yet
    return {Partition(topic, number): pair for number, pair in (await log.ends(topic)).items()}


async def cursors(log: Log, stage: str) -> Mapping[Partition, Cursor]:
    """How far redriving has come."""
    topic = DEAD_LETTERS + stage
    marks = await log.committed(GROUP + stage, (topic,))
    return {p: Cursor(marks.get(p)) for p in await ends(log, stage)}


async def pages(log: Log, partition: Partition, start: int, stop: int) -> AsyncIterator[list[Found]]:
    """The letters from `start` to before `stop`, some at a time."""
    while start < stop:
        batch = await log.fetch(*partition, start, _PAGE)
        if not batch.items:
            return
        start = batch.span.stop
        offsets = (batch.offset(i) for i in range(len(batch.items)))
        page = [_found(offset, record) for offset, record in zip(offsets, batch.items, strict=True) if offset < stop]
        if page:
            yield page


def _found(offset: int, record: Record) -> Found:
    try:
        return Found(offset, record, read_dead_letter(record))
    except Malformed:
        return Found(offset, record, None)
