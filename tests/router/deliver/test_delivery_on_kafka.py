"""The same loop on a real broker: rebalances, pauses and commits as Kafka does them."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest

from router.batch import EVENTS, SIGNALS, Record
from router.config import KafkaLog
from router.deliver import State
from router.errors import Retryable
from router.log.kafka import BrokerLog
from router.protocols import Outcome, SinkLimits, TopicSettings, WriteResult
from tests.contract.log_process import QUICK
from tests.peers.kafka import Node
from tests.router.deliver.scene import (
    ScriptedSink,
    all_delivered,
    delivery,
    letters,
    number,
    records,
    residual,
    running,
    settled,
    until,
)

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


@pytest.fixture
async def log(kafka: Node) -> AsyncIterator[BrokerLog]:
    """A log of its own on the shared broker, with four partitions."""
    settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=f"d{os.urandom(5).hex()}.", partitions=4)
    one = BrokerLog(settings, timing=QUICK)
    await one.start()
    await one.create({EVENTS: TopicSettings(4, 3600), SIGNALS: TopicSettings(4, 3600)})
    yield one
    await one.close()


async def test_members_that_come_and_go_lose_nothing_and_the_sum_stays_even(log: BrokerLog) -> None:
    name = f"s-{uuid4().hex[:12]}"

    async def slow(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(0.005)
        return all_delivered(len(batch))

    limits = SinkLimits(max_records=50, max_concurrency=2)
    first, second = ScriptedSink(slow, limits), ScriptedSink(slow, limits)
    written = 0
    async with running(delivery(log, first, name, read=("events",))):
        await until(lambda: first.is_open)
        async with running(delivery(log, second, name, read=("events",))), asyncio.timeout(60):
            while min(len(first.taken), len(second.taken)) < 500:
                for p in range(4):
                    await log.append(EVENTS, p, records(100, written))
                    written += 100
                await asyncio.sleep(0.02)
        await settled(log, name, 60)
    assert set(first.taken) | set(second.taken) == set(range(written))
    assert residual(name) == 0


async def test_a_sink_that_is_away_during_a_rebalance_gets_everything_later_and_once(log: BrokerLog) -> None:
    name, is_up = f"s-{uuid4().hex[:12]}", False

    async def script(batch: Sequence[Record]) -> WriteResult:
        if not is_up:
            raise Retryable("connection refused")
        return WriteResult([Outcome.REJECTED if number(r) == 1234 else Outcome.DELIVERED for r in batch])

    first, second = ScriptedSink(script), ScriptedSink(script)
    # of one topic, for the assignor may give all partitions of `signals` to one member and those of `events` to the other
    one, other = delivery(log, first, name, read=("events",)), delivery(log, second, name, read=("events",))
    for p in range(4):
        await log.append(EVENTS, p, records(1000, p * 1000))
    async with running(one):
        await until(lambda: one.status.state is State.OPEN, 60)
        async with running(other):
            await until(lambda: other.status.state is State.OPEN, 60)
            is_up = True
            await settled(log, name, 60)
        (letter,) = await letters(log, name)
    assert (letter.topic, letter.partition, letter.offset) == (EVENTS, 1, 234)
    assert sorted([*first.taken, *second.taken]) == [n for n in range(4000) if n != 1234]
    assert residual(name) == 0
