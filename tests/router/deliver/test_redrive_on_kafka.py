"""Redriving and replaying with a real broker: the cursor is a group's commit and its metadata."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from router.batch import EVENTS, SIGNALS, Record
from router.config import KafkaLog, load
from router.deliver.cursor import GROUP
from router.deliver.dead_letters import dead_letter
from router.deliver.handover import Handover
from router.deliver.redrive import Redrive, ToSink, survey
from router.deliver.replay import Selection, count, ends, replay
from router.log.kafka import BrokerLog
from router.protocols import SinkLimits, TopicSettings, WriteResult
from router.topology import existing
from tests.contract.log_process import QUICK
from tests.peers.kafka import Node
from tests.router.deliver.scene import FAST, ScriptedSink, all_delivered, number, records

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


@pytest.fixture
async def log(kafka: Node) -> AsyncIterator[BrokerLog]:
    """A log of its own on the shared broker, with two partitions."""
    settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=f"r{os.urandom(5).hex()}.", partitions=2)
    one = BrokerLog(settings, timing=QUICK)
    await one.start()
    await one.create({EVENTS: TopicSettings(2, 3600), SIGNALS: TopicSettings(2, 3600)})
    yield one
    await one.close()


async def bury(log: BrokerLog, wanted: Sequence[Record], reason: str) -> None:
    await log.partitions("dlq.soc")
    about = {"stage": "soc", "reason": reason, "topic": EVENTS, "partition": 0, "attempts": 1}
    await log.append("dlq.soc", 0, [dead_letter(r, offset=number(r), **about) for r in wanted])  # type: ignore[arg-type]  # by name


async def redrive(log: BrokerLog, sink: ScriptedSink, **rest: object) -> None:
    await Redrive(log, "soc", ToSink(Handover("soc", sink, log, pace=FAST)), **rest).run()  # type: ignore[arg-type]  # by name


async def test_each_letter_goes_once_by_reason_by_number_and_then_all(log: BrokerLog) -> None:
    sink = ScriptedSink()
    await bury(log, records(700), "mapping: a")
    await bury(log, records(50, 1000), "too old")
    await redrive(log, sink, reason="too old")
    assert sink.taken == list(range(1000, 1050))
    assert (await survey(log, "soc")).waiting == {"mapping": 700}
    await redrive(log, sink, limit=3)
    assert sink.taken[50:] == [0, 1, 2]
    await redrive(log, sink)
    await redrive(log, sink)
    assert sink.taken[50:] == list(range(700))
    [mark] = (await log.committed(GROUP + "soc", ("dlq.soc",))).values()
    assert (mark.offset, mark.metadata) == (750, "")


async def test_a_replay_reads_all_partitions_once(log: BrokerLog) -> None:
    sink, told = ScriptedSink(), []
    await log.append(EVENTS, 0, records(3000))
    await log.append(EVENTS, 1, records(500, 5000))
    places = await ends(log, (EVENTS,))
    assert (await count(log, places, Selection(), told.append))[0].total() == 3500
    assert await replay(log, places, Selection(), Handover("soc", sink, log, pace=FAST), 4, told.append)
    assert sorted(sink.taken) == [*range(3000), *range(5000, 5500)]
    assert sum(told) == 7000


async def test_who_began_goes_on_whoever_joins(log: BrokerLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.deliver.redrive._JOIN_SECONDS", 3.0)
    gate, entered = asyncio.Event(), asyncio.Event()

    async def slow(batch: Sequence[Record]) -> WriteResult:
        entered.set()
        await gate.wait()
        return all_delivered(len(batch))

    sink, other = ScriptedSink(slow), ScriptedSink()
    await bury(log, records(1000), "mapping: a")
    first = asyncio.create_task(redrive(log, sink))
    await entered.wait()
    ended = await asyncio.gather(*[redrive(log, other) for _ in range(3)], return_exceptions=True)
    assert ["another redrive of soc is under way" in str(end) for end in ended] == [True] * 3
    gate.set()
    await first
    assert (sink.taken, other.taken) == (list(range(1000)), [])


async def test_two_commands_of_one_deployment_do_not_redrive_the_same_letters(
    log: BrokerLog, kafka: Node, tmp_path: Path
) -> None:
    """The instance that is configured names one process that runs. Kafka does not fence: under one name both would get all."""
    prefix = log._settings.prefix
    (tmp_path / "logweir.yaml").write_text(
        f'log: {{kind: kafka, bootstrap: ["{kafka.bootstrap}"], prefix: {prefix}, partitions: 2, replication: 1, instance: pod-0}}\n'
        f"sinks: {{soc: {{kind: file, path: {tmp_path}/soc.ndjson}}}}\n"
    )
    await bury(log, records(1000), "mapping: a")

    async def slowly(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(0.5)
        return all_delivered(len(batch))

    async def command(sink: ScriptedSink) -> None:
        async with existing(load(tmp_path / "logweir.yaml")) as theirs:
            await Redrive(theirs, "soc", ToSink(Handover("soc", sink, theirs, pace=FAST))).run()

    sinks = [ScriptedSink(slowly, SinkLimits(max_records=100)) for _ in range(2)]
    ended = await asyncio.gather(*map(command, sinks), return_exceptions=True)
    assert sorted(sinks[0].taken + sinks[1].taken) == list(range(1000)), ended
