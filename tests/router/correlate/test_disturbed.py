"""Processes that correlate are killed in mid-window, and partitions move: the alerts are exactly those of an undisturbed run."""

import asyncio
import json
import os
import random
import signal
import sys
from contextlib import AsyncExitStack

import pytest

from router.batch import MATCHES, SIGNALS, Batch, Span
from router.config import EmbeddedLog, KafkaLog
from router.correlate import Correlator
from router.correlate.lane import Lane
from router.log import open_log, standard_topics
from tests.router.correlate.member import CORRELATIONS, LATENESS, PARTITIONS, feed, matches, opened, worked_off


def undisturbed(count: int) -> dict[bytes, bytes]:
    """Id -> document of every alert, all matches being read at once."""
    found = {}
    for number, records in enumerate(matches(count)):
        lane = Lane(number, Correlator(CORRELATIONS, LATENESS), PARTITIONS)
        out = lane.run(Batch(records, Span(MATCHES, number, 0, len(records))), 0.0)
        found |= {record.id: record.body for record in out.signals}
    assert len(found) > count // 6
    return found


async def written(log) -> dict[bytes, bytes]:
    """Id -> document of what stands in `signals`; repeats must be the same."""
    found = {}
    for number, (start, end) in (await log.ends(SIGNALS)).items():
        for record in (await log.fetch(SIGNALS, number, start, end)).items if end > start else ():
            assert found.setdefault(record.id, record.body) == record.body
    return found


async def started(settings: str, *arguments: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.router.correlate.member", settings, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.timeout(600)
async def test_kill_9_in_mid_window_gives_the_alerts_of_an_undisturbed_run(tmp_path):
    settings = {"path": str(tmp_path / "log.db"), "partitions": PARTITIONS}
    log = open_log(EmbeddedLog(**settings))
    await log.start()
    await log.create(standard_topics(EmbeddedLog(**settings)))
    await log.close()
    chance, count = random.Random(3), 150
    for _ in range(3):
        process = await started(json.dumps(settings), "--feed", str(count))
        await asyncio.sleep(chance.uniform(0.05, 0.6))
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await started(json.dumps(settings), "--feed", str(count))
    assert await process.wait() == 0
    log = open_log(EmbeddedLog(**settings))
    await log.start()
    assert await written(log) == undisturbed(count)
    await log.close()


@pytest.mark.kafka
@pytest.mark.peer
@pytest.mark.timeout(600)
async def test_partitions_that_move_between_members_give_the_alerts_of_an_undisturbed_run(kafka):
    settings = {
        "kind": "kafka",
        "bootstrap": [kafka.bootstrap],
        "prefix": f"t{os.urandom(5).hex()}.",
        "partitions": PARTITIONS,
        "replication": 1,
    }
    count, text = 120, json.dumps(settings)
    async with AsyncExitStack() as stack:
        log = opened(text)
        await log.start()
        stack.push_async_callback(log.close)
        await log.create(standard_topics(KafkaLog(**settings)))
        feeding = asyncio.create_task(feed(log, count, 0.1))
        first = await started(text)
        second = await started(text)
        await asyncio.sleep(1)
        first.send_signal(signal.SIGKILL)
        third = await started(text)
        second.send_signal(signal.SIGTERM)
        await asyncio.gather(first.wait(), second.wait(), feeding)
        await worked_off(log)
        third.send_signal(signal.SIGTERM)
        assert await third.wait() == 0
        assert await written(log) == undisturbed(count)
