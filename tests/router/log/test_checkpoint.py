"""Reads and appends that do not give up, whatever the log answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from router.batch import Batch, Origin, Record, Span
from router.config import EmbeddedLog
from router.errors import Misconfigured, Rejected, Retryable
from router.log import checkpoint
from router.log.embedded import SqliteLog
from router.protocols import Log, TopicSettings
from tests.contract.log_scene import record
from tests.contract.memory_log import MemoryLog

TROUBLES = (Retryable("the disk is full"), Misconfigured("no right to read"))


class _Follower:
    """Raises what it is given, one after the other; then reads a batch."""

    def __init__(self, troubles: Sequence[Exception]) -> None:
        self._troubles = list(troubles)

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Batch[Record]]:
        if self._troubles:
            raise self._troubles.pop(0)
        return [Batch([record(1)], Span("raw", 0, 0, 1))]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_FAILED_SECONDS", 0.01)
    monkeypatch.setattr(checkpoint, "_REFUSED_SECONDS", 0.01)


async def test_a_read_that_fails_reads_nothing_and_the_next_one_reads_on() -> None:
    follower = _Follower(TROUBLES)
    found = [await checkpoint.read(follower, 10, 0.1) for _ in range(3)]  # type: ignore[arg-type]  # a stand-in for it
    assert [len(batches) for batches in found] == [0, 0, 1]


async def test_a_bug_of_the_log_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await checkpoint.read(_Follower([ZeroDivisionError()]), 10, 0.1)  # type: ignore[arg-type]  # a stand-in for it


async def test_an_append_waits_until_a_right_is_given_back() -> None:
    log, stop = MemoryLog(1), asyncio.Event()
    log.is_forbidden = True
    writing = asyncio.create_task(checkpoint.persist(log, "events", 0, [record(1)], stop))  # type: ignore[arg-type]  # a stand-in for it
    await asyncio.sleep(0.2)
    assert not writing.done()
    log.is_forbidden = False
    await asyncio.wait_for(writing, 10)
    assert log.all == [record(1)]


async def test_an_append_that_is_forbidden_gives_up_when_the_process_stops() -> None:
    log, stop = MemoryLog(1), asyncio.Event()
    log.is_forbidden = True
    stop.set()
    with pytest.raises(Misconfigured):
        await checkpoint.persist(log, "events", 0, [record(1)], stop)  # type: ignore[arg-type]  # a stand-in for it


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    """A log with a topic of one partition."""
    opened = SqliteLog(EmbeddedLog(path=tmp_path / "log.db"))
    await opened.start()
    await opened.create({"one": TopicSettings(1, 3600)})
    yield opened
    await opened.close()


def derived(number: int) -> Record:
    """A record as stages write them."""
    return record(number, origin=Origin(0, number, 0))


def foreign(count: int) -> list[Record]:
    """Records that somebody else wrote into a topic of ours."""
    return [record(1_000_000 + number) for number in range(count)]


async def test_a_partition_that_holds_nothing_has_no_mark(log: Log) -> None:
    assert await checkpoint.high_water(log, "one", 0) is None


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1700])
async def test_the_mark_is_found_behind_what_others_wrote(log: Log, count: int) -> None:
    await log.append("one", 0, [derived(n) for n in range(5)])
    await log.append("one", 0, foreign(count))
    assert await checkpoint.high_water(log, "one", 0) == Origin(0, 4, 0)


async def test_the_mark_is_that_of_the_last_record_of_ours(log: Log) -> None:
    await log.append("one", 0, [*foreign(2), derived(1), *foreign(3), derived(2), *foreign(4)])
    assert await checkpoint.high_water(log, "one", 0) == Origin(0, 2, 0)


async def test_the_mark_is_not_looked_for_without_end(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_LOOKS_BACK", 100)
    await log.append("one", 0, [derived(1), *foreign(3000)])
    assert await checkpoint.high_water(log, "one", 0) is None


class Narrow:
    """A topic that takes no body of more than ten bytes. With `tells` it takes what stands before, and says which one it was."""

    def __init__(self, tells: bool) -> None:
        self.taken: list[Record] = []
        self._tells = tells

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        place = next((i for i, r in enumerate(records) if len(r.body) > 10), None)
        if place is None:
            self.taken += records
            return 0
        if self._tells:
            self.taken += records[:place]
        raise Rejected("more than max.message.bytes", place if self._tells else None)


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("large", [(), (0,), (7,), (3, 4, 12), range(13)])
async def test_what_a_topic_finds_too_large_is_dealt_with_before_what_lies_behind_it(tells: bool, large: Sequence[int]) -> None:
    log, seen = Narrow(tells), list[tuple[int, int]]()

    async def refused(refusal: Record, reason: str) -> None:
        seen.append((int.from_bytes(refusal.id), len(log.taken)))

    wanted = [record(n, b"x" * (11 if n in large else 3)) for n in range(13)]
    await checkpoint.persist_each(log, "events", 0, wanted, asyncio.Event(), refused)  # type: ignore[arg-type]  # a stand-in for it
    assert [int.from_bytes(r.id) for r in log.taken] == [n for n in range(13) if n not in large]
    assert seen == [(n, sum(m not in large for m in range(n))) for n in large]
