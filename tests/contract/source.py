"""What every source promises. A source's test class inherits `SourceContract` and says how to build it and send to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router import telemetry
from router.batch import Record
from router.config import SOURCES, EmbeddedLog
from router.ingest._append import Intake
from router.log import open_log, standard_topics
from router.protocols import Emit, Log, Source
from tests.contract.memory_log import MemoryLog


def counted(source: str) -> dict[str, float]:
    """received, appended, and rejected by reason."""
    found = {
        "received": telemetry.RECEIVED.labels(source)._value.get(),
        "appended": telemetry.APPENDED.labels(source)._value.get(),
    }
    for (name, reason), child in telemetry.REJECTED._metrics.items():
        if name == source:
            found[reason] = child._value.get()  # type: ignore[attr-defined]  # the library has no types for what is below a metric
    return found


def doubted(source: str, reason: str) -> float:
    """Events kept although something was odd."""
    return telemetry.DOUBTS.labels(source, reason)._value.get()  # type: ignore[no-any-return]  # a counter is a float


def build(kind: str, name: str, **settings: Any) -> Source:
    """A source as the configuration would make it."""
    spec = SOURCES.spec(kind)
    return spec.build(name, spec.settings.model_validate({"kind": kind, **settings}))


class Running:
    """A source at work; `log` holds what arrived."""

    def __init__(self, source: Source, log: MemoryLog, emit: Emit) -> None:
        self.source, self.log, self.emit, self.stop = source, log, emit, asyncio.Event()
        self.task: asyncio.Task[None]

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        return self.source.addresses

    async def arrived(self, count: int, seconds: float = 10) -> list[bytes]:
        """The bodies, once `count` of them are durable."""
        return await self.until(lambda: len(self.log.bodies) >= count, seconds)

    async def until(self, true: Callable[[], bool], seconds: float = 10) -> list[bytes]:
        """The bodies, once something is true."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pytest.fail(f"after {seconds} s only {len(self.log.bodies)} events: {self.log.bodies[-3:]}")
        return self.log.bodies

    async def finish(self, seconds: float = 10) -> list[bytes]:
        """Stop it, wait until it returned; the bodies."""
        self.stop.set()
        async with asyncio.timeout(seconds):
            await self.task
        return self.log.bodies


@asynccontextmanager
async def running(source: Source, log: MemoryLog | None = None, **intake: Any) -> AsyncIterator[Running]:
    """Run a source into a log in memory; afterwards it has returned, and its counts balance."""
    log, name = log or MemoryLog(), source._name  # type: ignore[attr-defined]  # every source has one
    before = counted(name)
    async with Intake(log, **{"linger_seconds": 0.001, **intake}) as way, asyncio.TaskGroup() as tasks:
        one = Running(source, log, way.emit_for(name))
        one.task = tasks.create_task(source.run(one.emit, one.stop))
        await asyncio.wait([asyncio.create_task(source.ready.wait()), one.task], timeout=20, return_when="FIRST_COMPLETED")
        yield one
        one.stop.set()
    grown = {key: value - before.get(key, 0) for key, value in counted(name).items()}
    assert grown.pop("received") == grown.pop("appended") + sum(grown.values())


class SourceContract:
    """Inherit, and say `make` and `send`. Payloads are lines that any source can carry."""

    name = "contract"
    acknowledges = False
    """True where `send` returns only once the source has said that it has the payloads."""
    bad_reason = ""
    """The reason under which `send_bad` is counted; empty where nothing that can be sent is bad."""

    def make(self, folder: Path) -> Source:
        """A source that listens on a free port of the loopback, or reads below `folder`."""
        raise NotImplementedError

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        """As one sender, in order."""
        raise NotImplementedError

    async def send_bad(self, source: Source, folder: Path) -> None:
        """Something that has to be refused."""
        raise NotImplementedError

    def payload(self, number: int) -> bytes:
        """As it must stand in the log."""
        return b"<13>Jan  2 03:04:05 host app: event %d" % number

    def records(self, log: MemoryLog) -> list[Record]:
        return log.all

    async def test_payloads_arrive_byte_for_byte_in_order_with_source_and_peer(self, tmp_path: Path) -> None:
        payloads = [self.payload(i) for i in range(1000)]
        async with running(self.make(tmp_path)) as one:
            await self.send(one.source, tmp_path, payloads)
            assert await one.arrived(1000) == payloads
            assert {r.facts.source for r in one.log.all} == {self.name}
            assert all(r.facts.peer for r in one.log.all)
            assert len({r.id for r in one.log.all}) == 1000

    async def test_records_that_agree_in_their_facts_share_the_object(self, tmp_path: Path) -> None:
        async with running(self.make(tmp_path)) as one:
            await self.send(one.source, tmp_path, [self.payload(i) for i in range(100)])
            await one.arrived(100)
            assert len({id(r.facts) for r in one.log.all}) < 10

    async def test_stop_hands_over_what_had_arrived_and_returns(self, tmp_path: Path) -> None:
        payloads = [self.payload(i) for i in range(500)]
        async with running(self.make(tmp_path)) as one:
            await self.send(one.source, tmp_path, payloads)
            if not self.acknowledges:
                await asyncio.sleep(0.05)
            assert await one.finish() == payloads

    async def test_while_the_log_fails_nothing_is_lost_or_reordered(self, tmp_path: Path) -> None:
        payloads = [self.payload(i) for i in range(50)]
        async with running(self.make(tmp_path), deadline_seconds=30) as one:
            one.log.failures = 3
            await self.send(one.source, tmp_path, payloads)
            assert await one.arrived(50) == payloads

    async def test_bad_input_is_counted_and_what_follows_arrives(self, tmp_path: Path) -> None:
        if not self.bad_reason:
            pytest.skip("nothing that can be sent this way is bad")
        before = counted(self.name)
        async with running(self.make(tmp_path)) as one:
            await self.send_bad(one.source, tmp_path)
            await one.until(lambda: counted(self.name).get(self.bad_reason, 0) > before.get(self.bad_reason, 0))
            await self.send(one.source, tmp_path, [self.payload(1)])
            assert self.payload(1) in await one.until(lambda: self.payload(1) in one.log.bodies)

    async def test_it_writes_to_the_embedded_log(self, tmp_path: Path) -> None:
        settings = EmbeddedLog(path=tmp_path / "log.db")
        log: Log = open_log(settings)
        await log.start()
        try:
            await log.create(standard_topics(settings))
            source, stop = self.make(tmp_path), asyncio.Event()
            async with Intake(log) as intake, asyncio.TaskGroup() as tasks:
                tasks.create_task(source.run(intake.emit_for(self.name), stop))
                await source.ready.wait()
                await self.send(source, tmp_path, [self.payload(i) for i in range(10)])
                await asyncio.sleep(0.5)
                stop.set()
            ends = await log.ends("raw")
            found = [r for n in ends for r in (await log.fetch("raw", n, 0, 100)).items]
            assert [r.body for r in found] == [self.payload(i) for i in range(10)]
        finally:
            await log.close()


class AcknowledgingSourceContract(SourceContract):
    """For protocols with an acknowledgement: `send` returns once it has come."""

    acknowledges = True

    async def test_nothing_is_acknowledged_before_it_is_durable(self, tmp_path: Path) -> None:
        async with running(self.make(tmp_path)) as one:
            one.log.gate.clear()
            sent = asyncio.create_task(self.send(one.source, tmp_path, [self.payload(1)]))
            await asyncio.sleep(0.3)
            assert not sent.done()
            one.log.gate.set()
            await sent
            assert one.log.bodies == [self.payload(1)]
