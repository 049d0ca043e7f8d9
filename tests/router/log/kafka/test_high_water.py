"""How far a stage has come, where others write into its topics, too."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from router.batch import Origin
from router.config import KafkaLog
from router.log.checkpoint import high_water
from router.log.kafka import BrokerLog
from router.protocols import TopicSettings
from tests.contract.log_process import QUICK
from tests.contract.log_scene import record
from tests.peers.kafka import Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


@pytest.fixture
async def log(kafka: Node) -> AsyncIterator[BrokerLog]:
    """A log with a topic of one partition."""
    settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=f"h{os.urandom(5).hex()}.")
    opened = BrokerLog(settings, timing=QUICK)
    await opened.start()
    await opened.create({"one": TopicSettings(1, 3600)})
    yield opened
    await opened.close()


async def _written_by_others(kafka: Node, topic: str, count: int, **how: Any) -> None:
    """Messages without our header; in a transaction, they end with a mark that is no message and takes an offset."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **how) as producer:
        if not how:
            for number in range(count):
                await producer.send_and_wait(topic, b"hello %d" % number, partition=0)
            return
        async with producer.transaction():
            for number in range(count):
                await producer.send(topic, b"hello %d" % number, partition=0)


async def test_the_mark_is_found_behind_what_others_wrote(kafka: Node, log: BrokerLog) -> None:
    await log.append("one", 0, [record(n, origin=Origin(0, n, 0)) for n in range(3)])
    await _written_by_others(kafka, log._full("one"), 2)
    assert await high_water(log, "one", 0) == Origin(0, 2, 0)


async def test_the_mark_is_found_behind_the_end_of_a_transaction(kafka: Node, log: BrokerLog) -> None:
    await log.append("one", 0, [record(7, origin=Origin(0, 7, 0))])
    await _written_by_others(kafka, log._full("one"), 1, transactional_id=os.urandom(5).hex())
    assert await high_water(log, "one", 0) == Origin(0, 7, 0)
