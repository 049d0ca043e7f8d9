"""Several workers under one parent: ports and partitions are shared, and a worker that dies takes nothing with it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.journeys.deployment import TOKEN, Deployment, Sender, numbers_in, total, until
from tests.journeys.test_isolation import _settled as settled
from tests.journeys.test_kill import _events_hold_no_record_twice as events_hold_no_record_twice

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The log block of a configuration, for each kind of log."""
    if request.param == "embedded":
        return {"kind": "embedded", "path": str(tmp_path / "log.db")}
    node = request.getfixturevalue("kafka")
    block = {"kind": "kafka", "bootstrap": [node.bootstrap], "prefix": f"{tmp_path.name}.", "instance": "journey"}
    return block | {"partitions": 4, "replication": 1}


def embedded(folder: Path) -> dict[str, Any]:
    return {"kind": "embedded", "path": str(folder / "log.db")}


def archive(folder: Path) -> dict[str, Any]:
    return {"archive": {"kind": "file", "path": str(folder / "out/archive.ndjson")}}


def workers_of(deployment: Deployment) -> list[int]:
    """The process numbers of the workers, in the order they were started."""
    assert deployment.process is not None
    number = deployment.process.pid
    try:
        return [int(n) for n in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@asynccontextmanager
async def knocking(port: int) -> AsyncIterator[list[str]]:
    """Connects again and again; what was refused."""
    refused: list[str] = []

    async def knock() -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
            except ConnectionRefusedError as error:
                refused.append(str(error))
            except OSError:
                pass  # it was taken by the worker that was just killed
            await asyncio.sleep(0.02)

    task = asyncio.create_task(knock())
    try:
        yield refused
    finally:
        task.cancel()


def balanced(metrics: dict[str, float]) -> None:
    """Every stage balances to the event."""
    received = total(metrics, "ingest_received_events_total")
    assert received == total(metrics, "ingest_appended_events_total") + total(metrics, "ingest_rejected_events_total")
    read = total(metrics, "process_read_events_total") + total(metrics, "process_split_events_total")
    assert read == sum(total(metrics, f"process_{o}_events_total") for o in ("written", "dead_lettered", "ignored", "repeated"))
    outcomes = ("done", "dead_lettered", "left_out", "returned")
    for topic in ("events", "signals"):
        labels = ('sink="archive"', f'topic="{topic}"')
        ends = sum(total(metrics, f"sink_{outcome}_events_total", *labels) for outcome in outcomes)
        assert total(metrics, "sink_read_events_total", *labels) == ends


async def test_nothing_acknowledged_is_lost_when_workers_are_killed(log: dict[str, Any], tmp_path: Path) -> None:
    async with Deployment(tmp_path, log, archive(tmp_path), workers=2) as deployment:
        senders, stop = [_Numbered(deployment, n * 1_000_000) for n in range(4)], asyncio.Event()
        sending = [asyncio.create_task(sender.run(stop)) for sender in senders]

        def acknowledged() -> set[int]:
            return set[int]().union(*(sender.told() for sender in senders))

        async with knocking(deployment.syslog_port) as refused:
            for kill in range(2):
                before = len(acknowledged())
                await until(lambda before=before: len(acknowledged()) > before + 400)
                victim, other = workers_of(deployment)[:: 1 if kill % 2 else -1]
                os.kill(victim, signal.SIGKILL)
                await until(lambda victim=victim: not is_running(victim))
                before = len(acknowledged())
                await until(lambda before=before: len(acknowledged()) > before + 200)  # while one is away
                assert is_running(other)
                await until(lambda: len(workers_of(deployment)) == 2)
                await _all_ready(deployment)
        assert not refused
        stop.set()
        await asyncio.gather(*sending)
        assert any(sender.failures for sender in senders), "no kill hit a request"
        await until(lambda: acknowledged() <= numbers_in(tmp_path / "out/archive.ndjson"))
        metrics = await settled(deployment)
        balanced(metrics)
        assert total(await deployment.metrics(), "worker_restarts_total") == 2
        assert await deployment.stop() == 0, deployment.tail()
    await events_hold_no_record_twice(deployment.config)


class _Numbered(Sender):
    """A sender among others: its numbers begin with `first`."""

    def __init__(self, deployment: Deployment, first: int) -> None:
        super().__init__(deployment)
        self._first = first

    async def _post(self, session: aiohttp.ClientSession, numbers: range) -> bool:
        return await super()._post(session, range(numbers.start + self._first, numbers.stop + self._first))

    def told(self) -> set[int]:
        """What was acknowledged, by the numbers that were sent."""
        return {number + self._first for number in self.acknowledged}


async def _all_ready(deployment: Deployment) -> None:
    async with asyncio.timeout(150), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{deployment.admin_port}/readyz") as answer:
                if not (await answer.json())["waiting_for"]:
                    return
            await asyncio.sleep(0.1)


async def test_one_signal_to_the_whole_group_drains_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """As a terminal or a service manager sends it."""
    async with Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2) as deployment:
        assert deployment.process is not None
        _, writer = await asyncio.open_connection("127.0.0.1", deployment.syslog_port)
        writer.write(b"".join(b"<13>1 2026-01-01T00:00:00Z h a - - - journey %d\n" % n for n in range(1000)))
        await writer.drain()
        folder = _folder(workers_of(deployment)[0])
        os.killpg(deployment.process.pid, signal.SIGTERM)
        async with asyncio.timeout(150):
            assert await deployment.process.wait() == 0, deployment.tail()
        writer.close()
        assert not folder.exists()
        await deployment.start()  # what was received last may have stayed in the log
        await until(lambda: numbers_in(tmp_path / "out/archive.ndjson") == set(range(1000)))
        assert await deployment.stop() == 0


def _folder(worker: int) -> Path:
    """The folder that workers have in common."""
    environment = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    return Path(next(v for v in environment if v.startswith(b"LOGWEIR_WORKER=")).partition(b":")[2].decode())


async def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    async with Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2) as deployment:
        assert deployment.process is not None
        numbers = workers_of(deployment)
        for number in numbers:
            os.kill(number, signal.SIGSTOP)  # so that none can drain
        deployment.process.send_signal(signal.SIGTERM)
        await until(lambda: '"draining"' in deployment.tail())
        deployment.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(80):
            assert await deployment.process.wait() == 130
        await until(lambda: not any(map(is_running, numbers)))


async def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    async with Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2) as deployment:
        assert deployment.process is not None
        numbers = workers_of(deployment)
        deployment.process.kill()
        await deployment.process.wait()
        await until(lambda: not any(map(is_running, numbers)))
        await deployment.start()
        assert await deployment.stop() == 0


async def test_what_keeps_workers_from_starting_is_said_once(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=3)
    text = deployment.config.read_text().replace(f":{deployment.syslog_port}", ":0")
    deployment.config.write_text(text)
    with pytest.raises(AssertionError):
        await deployment.start()
    assert deployment.process is not None
    assert await deployment.process.wait() not in (0, None)
    assert (tmp_path / "out.log").read_text().count("give a fixed port") == 1
    assert '"worker": 1' not in (tmp_path / "out.log").read_text()


async def test_every_worker_takes_new_rules(tmp_path: Path) -> None:
    async with Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2) as deployment:
        assert deployment.process is not None
        await _all_ready(deployment)
        asked = time.time()
        deployment.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(150):
            while total(await deployment.metrics(), "config_loaded_timestamp_seconds") < asked:
                await asyncio.sleep(0.1)
        assert await deployment.stop() == 0


async def test_a_file_has_one_reader_and_another_when_that_one_is_killed(tmp_path: Path) -> None:
    lines = tmp_path / "lines.log"
    lines.write_text("".join(f"journey {n}\n" for n in range(100)))
    deployment = Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2)
    follow = {"kind": "file", "paths": [str(lines)], "state": str(tmp_path / "cursors")}
    deployment.config.write_text(deployment.config.read_text().replace("sources:", f"sources:\n  lines: {json.dumps(follow)}"))
    async with deployment:
        await _all_ready(deployment)
        await until(lambda: len(numbers_in(tmp_path / "out/archive.ndjson")) == 100)
        os.kill(workers_of(deployment)[0], signal.SIGKILL)
        with lines.open("a") as more:
            more.writelines(f"journey {n}\n" for n in range(100, 200))
        await until(lambda: len(numbers_in(tmp_path / "out/archive.ndjson")) == 200)
        metrics = await settled(deployment)
        # again comes at most what was read since the last save
        assert 200 <= total(metrics, "ingest_appended_events_total", 'source="lines"') <= 300
        assert await deployment.stop() == 0, deployment.tail()


async def test_an_acknowledgement_may_be_asked_of_any_worker(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, embedded(tmp_path), archive(tmp_path), workers=2)
    text = deployment.config.read_text()
    deployment.config.write_text(text.replace("name: t\n", "name: t\n      ack: true\n"))
    async with deployment:
        await _all_ready(deployment)
        url = f"http://127.0.0.1:{deployment.hec_port}/services/collector"
        head = {"Authorization": f"Splunk {TOKEN}", "X-Splunk-Request-Channel": "11111111-2222-4333-8444-555555555555"}
        ids = []
        for _ in range(16):  # each on a connection of its own
            ids.append((await _posted(head, f"{url}/event", b'{"event": "x"}'))["ackId"])
        assert len(set(ids)) == 16
        for _ in range(8):
            answer = await _posted(head, f"{url}/ack", json.dumps({"acks": ids}).encode())
            assert all(answer["acks"].values())
        assert await deployment.stop() == 0


async def _posted(head: dict[str, str], url: str, body: bytes) -> Any:
    """The answer to one request, on a connection of its own."""
    async with aiohttp.ClientSession(headers=head) as session, session.post(url, data=body) as answer:
        return await answer.json()
