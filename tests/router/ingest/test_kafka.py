"""Topics of a real broker as a source."""

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from router.protocols import Source
from tests.contract.memory_log import MemoryLog
from tests.contract.source import SourceContract, build, counted, running
from tests.peers.kafka import Node

pytestmark = pytest.mark.kafka


async def make_topic(bootstrap: str, partitions: int = 1) -> str:
    topic = f"theirs-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()
    return topic


async def produce(bootstrap: str, topic: str, values: Sequence[bytes | None], partition: int = 0) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        sent = [await producer.send(topic, v, key=b"k", partition=partition, headers=[("app", b"x")]) for v in values]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


class TestContract(SourceContract):
    name = "contract-kafka"
    bad_reason = "empty"

    @pytest.fixture(autouse=True)
    async def _topic(self, kafka: Node) -> None:
        self.bootstrap = kafka.bootstrap
        self.topic = await make_topic(kafka.bootstrap)

    def make(self, folder: Path) -> Source:
        return build("kafka", self.name, bootstrap=[self.bootstrap], topics=[self.topic], group=f"g-{self.topic}")

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        await produce(self.bootstrap, self.topic, payloads)
        await asyncio.sleep(3)  # a new member waits for others before it is given partitions

    async def send_bad(self, source: Source, folder: Path) -> None:
        await produce(self.bootstrap, self.topic, [None])


def source(kafka: Node, topic: str, **settings: Any) -> Source:
    return build("kafka", "kafka", bootstrap=[kafka.bootstrap], topics=[topic], group=f"g-{topic}", **settings)


async def test_a_message_that_is_read_again_has_the_same_id(kafka: Node) -> None:
    topic = await make_topic(kafka.bootstrap, 2)
    await produce(kafka.bootstrap, topic, [b"a", b"b"])
    await produce(kafka.bootstrap, topic, [b"c"], partition=1)
    found = []
    for group in ("one", "two"):
        async with running(build("kafka", "kafka", bootstrap=[kafka.bootstrap], topics=[topic], group=f"{group}-{topic}")) as one:
            await one.arrived(3, seconds=30)
            found.append({r.id: (r.body, r.facts.peer, r.facts.meta) for r in one.log.all})
    assert found[0] == found[1]
    assert set(found[0].values()) == {(v, f"{topic}/{p}", (("topic", topic),)) for v, p in ((b"a", 0), (b"b", 0), (b"c", 1))}


async def test_a_place_is_committed_only_after_the_log_has_the_messages(kafka: Node) -> None:
    topic, log = await make_topic(kafka.bootstrap), MemoryLog()
    await produce(kafka.bootstrap, topic, [b"a", b"b"])
    before = counted("kafka").get("log_unavailable", 0)
    async with running(source(kafka, topic), log, deadline_seconds=0.05) as one:
        log.failures = 1 << 30
        await one.until(lambda: counted("kafka").get("log_unavailable", 0) > before, seconds=30)
        await one.finish(seconds=30)
    log.failures = 0
    async with running(source(kafka, topic), log) as one:
        assert await one.arrived(2, seconds=30) == [b"a", b"b"]
    async with running(source(kafka, topic), log) as one:
        await produce(kafka.bootstrap, topic, [b"c"])
        assert await one.arrived(3, seconds=30) == [b"a", b"b", b"c"]


async def test_brokers_that_are_away_harm_nobody_and_are_waited_for(
    kafka_restartable: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.ingest.kafka._LAST_PAUSE_SECONDS", 1.0)
    node = kafka_restartable
    topic = await make_topic(node.bootstrap)
    await produce(node.bootstrap, topic, [b"a"])
    await asyncio.to_thread(node.stop)
    made, stop = source(node, topic), asyncio.Event()
    log = MemoryLog()
    from router.ingest._append import Intake

    async with Intake(log) as intake, asyncio.TaskGroup() as tasks:
        tasks.create_task(made.run(intake.emit_for("kafka"), stop))
        await asyncio.sleep(1)
        assert not made.ready.is_set()
        await asyncio.to_thread(node.start)
        async with asyncio.timeout(60):
            while log.bodies != [b"a"]:
                await asyncio.sleep(0.1)
        stop.set()
