"""A real embedded log, sinks that follow a script, and the sum that must come out even."""

import asyncio
import collections
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from router.batch import EVENTS, SIGNALS, Facts, Record
from router.config import EmbeddedLog
from router.deliver import Delivery
from router.deliver.dead_letters import DeadLetter, read_dead_letter
from router.deliver.pace import Pace
from router.log.embedded import SqliteLog
from router.protocols import Log, Outcome, SinkLimits, TopicSettings, WriteResult
from router.reduce import NoiseRules
from router.registry import Choice, SinkSettings
from router.telemetry import REGISTRY

FACTS = Facts("src", dataset="windows.security", kind="event", severity=20)
ALERT = Facts("src", dataset="logweir.alert", kind="alert", severity=70)
FAST = Pace(
    batch_seconds=0.02,
    alert_seconds=0.005,
    commit_seconds=0.02,
    read_seconds=0.05,
    log_seconds=0.05,
    retry_first_seconds=0.01,
    retry_last_seconds=0.05,
    probe_first_seconds=0.02,
    probe_last_seconds=0.1,
    revoke_seconds=2.0,
    drain_seconds=2.0,
    lag_seconds=0.05,
)

Script = Callable[[Sequence[Record]], Awaitable[WriteResult]]


def record(number: int, *, facts: Facts = FACTS, body: bytes | None = None) -> Record:
    """The record with this number: its id is the number."""
    return Record(number.to_bytes(16), body if body is not None else b'{"n":%d}' % number, 1_700_000_000.0, facts)


def records(count: int, start: int = 0, facts: Facts = FACTS) -> list[Record]:
    """Consecutive records."""
    return [record(start + i, facts=facts) for i in range(count)]


def number(of: Record) -> int:
    """Back from the id."""
    return int.from_bytes(of.id)


def all_delivered(count: int) -> WriteResult:
    """A far end that takes everything."""
    return WriteResult([Outcome.DELIVERED] * count)


class ScriptedSink:
    """Takes everything, unless its script says otherwise. Remembers every write, and what it took."""

    def __init__(self, script: Script | None = None, limits: SinkLimits | None = None) -> None:
        self.limits = limits or SinkLimits(max_records=100, max_concurrency=4)
        self.script = script
        self.writes: list[list[int]] = []
        self.taken: list[int] = []
        self.bodies: dict[int, bytes] = {}
        self.most_at_once = self.now = 0
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def write(self, batch: Sequence[Record]) -> WriteResult:
        self.writes.append([number(r) for r in batch])
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            result = await self.script(batch) if self.script else all_delivered(len(batch))
        finally:
            self.now -= 1
        for item, outcome in zip(batch, result.outcomes, strict=True):
            if outcome not in (Outcome.RETRY, Outcome.REJECTED):
                self.taken.append(number(item))
                self.bodies[number(item)] = item.body
        return result


@asynccontextmanager
async def open_log(folder: Path, partitions: int = 2, lease_seconds: float = 10.0) -> AsyncIterator[SqliteLog]:
    """A started log with the topics that sinks read."""
    log = SqliteLog(EmbeddedLog(path=folder / "log.db", partitions=partitions), lease_seconds=lease_seconds)
    await log.start()
    try:
        await log.create({EVENTS: TopicSettings(partitions, 3600), SIGNALS: TopicSettings(partitions, 3600)})
        yield log
    finally:
        await log.close()


def delivery(
    log: Any,
    sink: ScriptedSink,
    name: str = "soc",
    *,
    noise: NoiseRules | None = None,
    choose: Choice | None = None,
    read: tuple[Literal["events", "signals"], ...] = ("events", "signals"),
    pace: Pace = FAST,
) -> Delivery:
    """The loop around a scripted sink of the kind `splunk_hec`."""
    settings = SinkSettings(kind="splunk_hec", read=read, choose=choose or Choice())
    return Delivery(name, sink, settings, log, noise or NoiseRules(), pace=pace)


@asynccontextmanager
async def running(*deliveries: Delivery) -> AsyncIterator[None]:
    """Deliveries at work; stopped in order at the end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for one in deliveries:
            group.create_task(one.run(stop))
        try:
            yield
        finally:
            stop.set()


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that has to come true."""
    async with asyncio.timeout(seconds):
        while not condition():  # what is waited for has no event of its own
            await asyncio.sleep(0.005)


async def settled(log: Log, name: str = "soc", seconds: float = 20.0) -> None:
    """Wait until the sink's group has committed everything."""
    async with asyncio.timeout(seconds):
        while not await _is_settled(log, name):  # nor has a commit
            await asyncio.sleep(0.01)


async def _is_settled(log: Log, name: str) -> bool:
    marks = await log.committed(f"sink.{name}", (EVENTS, SIGNALS))
    committed = {(p.topic, p.number): mark.offset for p, mark in marks.items()}
    ends = {(t, n): end for t in (EVENTS, SIGNALS) for n, (_, end) in (await log.ends(t)).items()}
    return all(committed.get(place, 0) == end for place, end in ends.items())


async def letters(log: Log, name: str = "soc") -> list[DeadLetter]:
    """Every dead letter of a sink."""
    await log.partitions(f"dlq.{name}")
    return [read_dead_letter(r) for r in (await log.fetch(f"dlq.{name}", 0, 0, 100_000)).items]


def metrics(sink: str) -> Mapping[str, float]:
    """Sums of the counters of one sink over all other labels."""
    sums: dict[str, float] = collections.defaultdict(float)
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.labels.get("sink") == sink and sample.name.endswith("_total"):
                sums[sample.name.removeprefix("logweir_sink_").removesuffix("_events_total")] += sample.value
    return sums


def residual(sink: str) -> float:
    """What the conservation identity leaves over; 0 once everything is settled."""
    m = metrics(sink)
    return m["read"] - m["done"] - m["left_out"] - m["dead_lettered"] - m["returned"]


def numbers(of: Iterable[Record]) -> list[int]:
    """The numbers of records."""
    return [number(r) for r in of]
