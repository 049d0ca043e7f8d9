"""Canaries: sent for every source, found or missed at every sink, and counted."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from router import telemetry
from router.batch import Record
from router.canary import DATASET, Canaries
from router.errors import Retryable
from router.ingest._append import Intake
from router.normalize import Catalogue
from sinks.file import File, FileSettings
from tests.contract.memory_log import MemoryLog

_catalogue = Catalogue.load(())


class Destination:
    """Holds what it is given, and says so when asked, unless it is told to be away."""

    def __init__(self) -> None:
        self.held: set[bytes] = set()
        self.is_away = False
        self.asked = 0

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    async def found(self, wanted: Mapping[bytes, str]) -> set[bytes]:
        self.asked += 1
        if self.is_away:
            raise Retryable("away")
        return self.held & set(wanted)


class Counts:
    """What the metrics of one sink say, of all receivers together."""

    def __init__(self, receivers: tuple[str, ...], sink: str) -> None:
        self._receivers, self._sink = receivers, sink

    def __getattr__(self, name: str) -> float:
        counter = {"seen": telemetry.CANARY_SEEN, "missing": telemetry.CANARY_MISSING, "late": telemetry.CANARY_LATE}[name]
        return sum(float(counter.labels(receiver, self._sink)._value.get()) for receiver in self._receivers)

    @property
    def sent(self) -> float:
        return sum(float(telemetry.CANARY_SENT.labels(receiver)._value.get()) for receiver in self._receivers)


@asynccontextmanager
async def flying(log: MemoryLog, destination: Destination, deadline_seconds: float = 60) -> AsyncIterator[Counts]:
    receivers, sink = (f"hec-{uuid4().hex}", f"syslog-{uuid4().hex}"), f"soc-{uuid4().hex}"
    async with Intake(log) as intake:  # type: ignore[arg-type]  # just what an Intake asks of one
        emit = intake.emit_for("logweir.canary")
        part = Canaries(
            emit, receivers, {sink: destination}, every_seconds=0.02, deadline_seconds=deadline_seconds, look_seconds=0.01
        )
        stop = asyncio.Event()
        task = asyncio.create_task(part.run(stop))
        try:
            yield Counts(receivers, sink)
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)


async def until(true: object) -> None:
    async with asyncio.timeout(20):
        while not true():  # type: ignore[operator]  # a plain function
            await asyncio.sleep(0.005)


async def test_what_arrives_is_seen_once() -> None:
    log, destination = MemoryLog(), Destination()
    async with flying(log, destination) as counts:
        await until(lambda: len(log.all) >= 10)
        destination.held = {record.id for record in log.all}
        await until(lambda: counts.seen == len(destination.held))
        asked = destination.asked
        await until(lambda: destination.asked > asked + 3)
        assert counts.seen == len(destination.held) <= counts.sent
        assert counts.missing == counts.late == 0


async def test_every_source_has_its_own_and_they_are_marked() -> None:
    log = MemoryLog()
    async with flying(log, Destination()) as counts:
        await until(lambda: counts.sent >= 4)
    for record in log.all:
        (event,) = _catalogue.normalize(record.body, record.facts, record.time)
        assert event["event"]["dataset"] == DATASET
        assert event["event"]["id"] == f"canary-{record.id.hex()}"
        assert event["observer"]["name"] == record.facts.peer
    assert len({record.facts.peer for record in log.all}) == 2


async def test_what_does_not_arrive_is_missing_once_and_late_when_it_does() -> None:
    log, destination = MemoryLog(), Destination()
    async with flying(log, destination, deadline_seconds=0.05) as counts:
        await until(lambda: counts.missing >= 4)
        lost = {record.id for record in log.all[:]}
        await until(lambda: counts.missing >= len(lost))
        destination.held = lost
        await until(lambda: counts.late + counts.seen == len(lost))
        assert counts.late > 0
        assert counts.missing >= counts.late


async def test_nothing_is_missing_at_a_sink_that_cannot_be_asked() -> None:
    log, destination = MemoryLog(), Destination()
    destination.is_away = True
    async with flying(log, destination, deadline_seconds=0.01) as counts:
        await until(lambda: counts.sent >= 6 and destination.asked > 10)
        assert counts.missing == 0
        destination.is_away = False
        await until(lambda: counts.missing > 0)


async def test_what_the_log_refuses_is_not_sent_and_so_not_missed() -> None:
    log, destination = MemoryLog(), Destination()
    log.is_forbidden = True
    async with flying(log, destination, deadline_seconds=0.01) as counts:
        await asyncio.sleep(0.2)
        assert counts.sent == counts.missing == 0


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File("archive", FileSettings(kind="file", path=tmp_path / "events.ndjson", rotate_bytes=2048))


def canary(number: int) -> tuple[Record, str]:
    id = number.to_bytes(16)
    return Record(id, b'{"event":{"id":"canary-%s"},"x":"%s"}' % (id.hex().encode(), b"x" * 500), 1.0), f"canary-{id.hex()}"


async def test_a_file_is_asked_across_rotations(file: File, tmp_path: Path) -> None:
    made = [canary(n) for n in range(1, 31)]
    wanted = {record.id: text for record, text in made}
    await file.write([canary(99)[0]])
    assert await file.found(wanted) == set()
    for record, _ in made[:15]:
        await file.write([record])
    assert len(list(tmp_path.iterdir())) > 1, "no rotation"
    await file.found(wanted)
    for record, _ in made[15:]:
        await file.write([record])
        await file.found(wanted)
    before, text = canary(99)
    assert await file.found({before.id: text}) == set(), "what stood there before is not looked at"
    found = await file.found(wanted)
    assert {record.id for record, _ in made[15:]} <= found
    await file.close()


async def test_a_mark_that_is_cut_by_two_reads_is_found(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    file = File("archive", FileSettings(kind="file", path=path))
    record, text = canary(5)
    path.write_bytes(b"")
    assert await file.found({record.id: text}) == set()
    with path.open("ab") as out:
        for byte in record.body:
            out.write(bytes([byte]))
            out.flush()
            found = await file.found({record.id: text}) if out.tell() % 7 == 0 or out.tell() > 60 else set()
    assert found == {record.id}
    await file.close()
