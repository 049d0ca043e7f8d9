"""Every role as a process of its own, on one embedded file and on Kafka: together they do what one process does."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.deployment import Deployment, Search, Sender, numbers_in, until


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The log block of a configuration, for each kind of log."""
    if request.param == "embedded":
        return {"kind": "embedded", "path": str(tmp_path / "log.db")}
    node = request.getfixturevalue("kafka")
    return {"kind": "kafka", "bootstrap": [node.bootstrap], "prefix": f"{tmp_path.name}.", "partitions": 4, "replication": 1}


@pytest.mark.timeout(180)
async def test_roles_in_processes_of_their_own_deliver_everything(log: dict[str, Any], tmp_path: Path) -> None:
    async with Search() as search, AsyncExitStack() as stack:
        sinks = {
            "archive": {"kind": "file", "path": str(tmp_path / "out/events.ndjson")},
            "search": {"kind": "elasticsearch", "urls": [search.url]},
        }
        roles = {
            "ingest": ("--role", "ingest"),
            "process": ("--role", "process"),
            "correlate": ("--role", "correlate"),
            "archive": ("--role", "deliver", "--sink", "archive"),
            "search": ("--role", "deliver", "--sink", "search"),
        }
        deployments = {}
        for name, options in roles.items():
            (tmp_path / name).mkdir()
            deployments[name] = Deployment(tmp_path / name, log, sinks)
            await deployments[name].start(*options)
            stack.push_async_callback(deployments[name].__aexit__)
        sender, stop = Sender(deployments["ingest"]), asyncio.Event()
        sending = asyncio.create_task(sender.run(stop))
        await until(lambda: len(sender.acknowledged) > 500)
        await deployments["process"].kill()
        await until(lambda: len(sender.acknowledged) > 1500)
        await deployments["process"].start(*roles["process"])
        stop.set()
        await sending
        await until(lambda: sender.acknowledged <= numbers_in(tmp_path / "out/events.ndjson"), 90)
        await until(lambda: sender.acknowledged <= search.numbers, 90)
        assert search.arrivals.repeats == 0
        for name in roles:
            assert await deployments[name].stop() == 0, deployments[name].tail()
