"""A topic that takes less than it did: what does not fit is a counted dead letter, and the stage goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.batch import EVENTS, RAW, Facts, Record
from router.deliver.dead_letters import read_dead_letter
from router.detect import Ruleset
from router.process import Process
from router.process.stage import Stage
from router.reduce import NoiseRules, Reducer
from router.telemetry import DEAD_LETTERED
from tests.contract.log_scene import Narrow, narrow


class _Catalogue:
    """A document around each payload."""

    ignored: dict[str, int] = {}  # noqa: RUF012  # nothing is ever ignored here

    def normalize(self, body: bytes, facts: Facts, time: float) -> list[dict[str, object]]:
        return [{"message": body.decode()}]

    def received(self) -> bytes:
        return b""


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Narrow]:
    async with narrow(tmp_path / "log.db") as opened:
        yield opened


async def _processed(log: Narrow) -> None:
    """Run the stage until it has come to the end of `raw`."""
    stage = Stage(_Catalogue(), Ruleset([], []), Reducer(NoiseRules([])), 1)  # type: ignore[arg-type]  # what it asks of one
    part, stop = Process(log, stage), asyncio.Event()
    running = asyncio.create_task(part.run(stop))
    async with asyncio.timeout(60):
        while not running.done() and (await log.committed("process", (RAW,))) == {}:
            await asyncio.sleep(0.02)
    stop.set()
    await running


def _raw(number: int, size: int = 5) -> Record:
    return Record(number.to_bytes(16), b"%d " % number + b"x" * size, 1.0, Facts("s"))


def _buried() -> float:
    return DEAD_LETTERED.labels("too_large")._value.get()  # type: ignore[no-any-return]  # of the client library


async def test_a_document_that_the_topic_takes_no_more_is_a_dead_letter_and_the_others_arrive(log: Narrow) -> None:
    before = _buried()
    await log.append(RAW, 0, [_raw(n, 900 if n in (0, 4, 5, 9) else 5) for n in range(10)])
    log.most = {EVENTS: 500}
    await _processed(log)
    events = (await log.fetch(EVENTS, 0, 0, 100)).items
    letters = [read_dead_letter(r) for r in (await log.fetch("dlq.process", 0, 0, 100)).items]
    assert [int.from_bytes(r.id) for r in events] == [1, 2, 3, 6, 7, 8]
    assert [(w.offset, w.reason, w.record.body[:1]) for w in letters] == [(n, "too_large", b"%d" % n) for n in (0, 4, 5, 9)]
    assert _buried() == before + 4


async def test_a_dead_letter_that_the_topic_takes_no_more_keeps_its_coordinates(log: Narrow) -> None:
    await log.append(RAW, 0, [_raw(0, 900), _raw(1)])
    log.most = {EVENTS: 500, "dlq.process": 700}
    await _processed(log)
    (letter,) = [read_dead_letter(r) for r in (await log.fetch("dlq.process", 0, 0, 100)).items]
    assert (letter.complete, letter.partition, letter.offset) == (False, 0, 0)
    assert [int.from_bytes(r.id) for r in (await log.fetch(EVENTS, 0, 0, 100)).items] == [1]
