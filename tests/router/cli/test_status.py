"""`logweir status`, with and without a running router."""

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from router.batch import EVENTS, RAW, SIGNALS, Batch, Mark, Partition, Record, Span
from router.cli.standing import _reading, received, router_at
from router.cli.status import duration, table
from router.config import EmbeddedLog
from router.deliver import State
from router.deliver.dead_letters import dead_letter
from router.deliver.tally import Tally
from router.log import standard_topics
from router.log.embedded import SqliteLog
from router.protocols import Log
from router.serve import Service, admin
from tests.router.cli.process import logweir

CONFIG = """
log: {kind: embedded, path: log.db, partitions: 2, retention_hours: 10}
sinks:
  soc: {kind: file, path: soc.ndjson, read: [events]}
  idle: {kind: file, path: idle.ndjson, read: [signals]}
  far: {kind: splunk_hec, urls: ["https://splunk:8088"], token: "${NOT_SET_HERE}", read: [signals]}
admin: {listen: "127.0.0.1:1"}
"""


def record(number: int, age_seconds: float) -> Record:
    """Received so long ago, whatever the event's own time says."""
    received_ms = int((time.time() - age_seconds) * 1000)
    return Record(received_ms.to_bytes(6) + number.to_bytes(10), b'{"n":%d}' % number, 1_000.0)


async def commit(log: Log, group: str, partition: Partition, offset: int) -> None:
    async with log.follow((partition.topic,), group=group) as follower:
        while partition not in follower.assigned:
            await follower.read(max_records=1, timeout_seconds=0.05)
        await follower.commit({partition: Mark(offset)})


async def fill(folder: Path) -> None:
    (folder / "logweir.yaml").write_text(CONFIG)
    settings = EmbeddedLog(path=folder / "log.db", partitions=2, retention_hours=10)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    await log.append(RAW, 0, [record(i, 7200) for i in range(5)])
    await log.append(EVENTS, 1, [record(i, 3600 if i == 6 else 60) for i in range(10)])
    await commit(log, "process", Partition(RAW, 0), 5)
    await commit(log, "sink.soc", Partition(EVENTS, 1), 6)
    await log.partitions("dlq.soc")
    await log.append(
        "dlq.soc", 0, [dead_letter(record(1, 1), stage="soc", reason="x", topic=EVENTS, partition=1, offset=1, attempts=1)]
    )
    await log.close()


def stages(folder: Path) -> dict[str, dict[str, Any]]:
    done = logweir("status", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return {stage["name"]: stage for stage in orjson.loads(done.stdout)["stages"]}


async def test_lag_age_and_headroom_come_from_the_log_alone(tmp_path: Path) -> None:
    await fill(tmp_path)
    found = stages(tmp_path)
    assert list(found) == ["process", "correlate", "soc", "idle", "far"]
    assert found["process"]["lag_events"] == found["idle"]["lag_events"] == 0
    assert found["process"]["headroom_seconds"] == 36_000
    soc = found["soc"]
    assert soc["lag_events"] == 4
    assert 3600 <= soc["lag_seconds"] < 3700
    assert 36_000 - 3700 < soc["headroom_seconds"] <= 36_000 - 3600
    assert soc["unread_share"] == 0.4
    assert soc["dead_letters"] == 1
    assert soc["breaker"] is None


async def test_the_table_is_for_people_and_says_that_no_router_answers(tmp_path: Path) -> None:
    await fill(tmp_path)
    done = logweir("status", folder=tmp_path)
    text = done.stdout.decode()
    assert "no router answers at http://127.0.0.1:1" in text
    [line] = [line for line in text.splitlines() if line.startswith("soc ")]
    assert line.split()[1:3] == ["events", "4"]
    assert "1 h 0 min" in line


async def test_a_running_router_tells_its_breakers() -> None:
    service = Service([], 1.0)
    Tally("status-test").state(State.PAUSED)
    async with admin("127.0.0.1:0", service) as url:
        router = await router_at(url.removeprefix("http://"))
    assert router.is_running
    assert router.version
    assert router.breakers["status-test"] == "paused"


async def test_what_answers_otherwise_is_no_router() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(nonsense, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not (await router_at(f"127.0.0.1:{port}")).is_running
    assert not (await router_at("")).is_running


def test_receipt_is_told_by_the_id_and_else_by_the_event() -> None:
    now = 1_767_268_800.0
    given = Record(int((now - 5) * 1000).to_bytes(6) + bytes(10), b"", 1.0)
    assert received(given, now) == pytest.approx(now - 5, abs=0.002)
    assert received(Record(b"\xff" * 16, b"", now - 9), now) == now - 9
    assert received(Record(b"\xff" * 16, b"", now + 9), now) == now


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (65, "1 min 5 s"), (7260, "2 h 1 min"), (86_400 * 2 + 3600 * 23, "2 d 23 h")]
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_columns_stand_side_by_side() -> None:
    assert table([("", "lag"), ("soc", "12")]) == ["     lag", "soc  12"]


def test_a_question_makes_no_log(tmp_path: Path) -> None:
    (tmp_path / "logweir.yaml").write_text("log: {path: log.db}\n")
    for question in (["status"], ["dlq", "list"]):
        done = logweir(*question, folder=tmp_path)
        assert done.returncode == 2
        assert b"there is no log at log.db" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["logweir.yaml"]


class Trimmed:
    """A log of one partition, of which retention has left nothing but its numbers."""

    def __init__(self, marks: dict[Partition, Mark]) -> None:
        self._marks = marks

    async def committed(self, group: str, topics: Any) -> dict[Partition, Mark]:
        return self._marks

    async def ends(self, topic: str) -> dict[int, tuple[int, int]]:
        return {0: (500, 500)}

    async def fetch(self, topic: str, partition: int, offset: int, max_records: int) -> Batch[Record]:
        return Batch([], Span(topic, partition, offset, offset))


@pytest.mark.parametrize(("marks", "lost"), [({}, 0), ({Partition(SIGNALS, 0): Mark(480)}, 20)])
async def test_a_sink_has_lost_what_went_after_its_beginning_and_not_what_was_before(
    marks: dict[Partition, Mark], lost: int
) -> None:
    reading = await _reading(cast(Log, Trimmed(marks)), "soc", "sink.soc", (SIGNALS,), 3600.0, 1e9)
    assert (reading.lost_events, reading.lag_events) == (lost, 0)
