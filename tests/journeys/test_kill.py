"""kill -9 in the middle of a stream, on both logs: nothing that was acknowledged is missing at any sink."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.config import load
from router.log import open_log
from tests.journeys.deployment import TOKEN, Deployment, Search, Sender, numbers_in, until


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The log block of a configuration, for each kind of log."""
    if request.param == "embedded":
        return {"kind": "embedded", "path": str(tmp_path / "log.db")}
    node = request.getfixturevalue("kafka")
    block = {"kind": "kafka", "bootstrap": [node.bootstrap], "prefix": f"{tmp_path.name}.", "instance": "journey"}
    return block | {"partitions": 4, "replication": 1}


@pytest.fixture
async def elastic() -> AsyncIterator[Search]:
    async with Search() as far_end:
        yield far_end


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    log: dict[str, Any], tmp_path: Path, elastic: Search
) -> None:
    sinks = {
        "archive": {"kind": "file", "path": str(tmp_path / "out/archive.ndjson")},
        "search": {"kind": "elasticsearch", "urls": [elastic.url]},
    }
    async with Deployment(tmp_path, log, sinks) as deployment:
        sender, stop = Sender(deployment), asyncio.Event()
        sending = asyncio.create_task(sender.run(stop))
        for _ in range(3):
            before = len(sender.acknowledged)
            await until(lambda before=before: len(sender.acknowledged) > before + 400)
            await deployment.kill()
            await deployment.start()
        before = len(sender.acknowledged)
        await until(lambda: len(sender.acknowledged) > before + 200)
        stop.set()
        await sending
        assert sender.failures > 0, "no kill hit a request"
        await until(lambda: sender.acknowledged <= numbers_in(tmp_path / "out/archive.ndjson"))
        await until(lambda: sender.acknowledged <= elastic.numbers)
        assert await deployment.stop() == 0, deployment.tail()
    await _events_hold_no_record_twice(deployment.config)


async def _events_hold_no_record_twice(path: Path) -> None:
    """A kill between append and commit must put no second copy into the events topic."""
    log = open_log(load(path, {"HEC_TOKEN": TOKEN}).log)
    await log.start()
    try:
        ids = []
        for partition, (start, end) in (await log.ends("events")).items():
            offset = start
            while offset < end:
                batch = await log.fetch("events", partition, offset, 1000)
                ids += [record.id for record in batch.items]
                offset = batch.span.stop
        assert len(ids) == len(set(ids))
    finally:
        await log.close()
