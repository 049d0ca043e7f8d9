"""Appends to Kafka under faults: what was acknowledged is there, and no partition stays poisoned."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from router.batch import Record
from router.config import KafkaLog
from router.errors import Misconfigured, Rejected, Retryable
from router.log.kafka import BrokerLog
from router.log.kafka.producer import Producer, _Line
from router.protocols import TopicSettings
from router.telemetry import REBUILDS
from tests.contract.log_process import QUICK
from tests.contract.log_scene import collect, numbers, record
from tests.peers.kafka import Cluster, Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]

Open = Callable[..., Any]


@pytest.fixture
async def open_on() -> AsyncIterator[Open]:
    """Opens logs on the brokers given; closes them."""
    logs: list[BrokerLog] = []

    async def make(*bootstrap: str, **rest: Any) -> BrokerLog:
        values: dict[str, Any] = {"bootstrap": bootstrap, "prefix": f"p{os.urandom(4).hex()}.", **rest}
        logs.append(BrokerLog(KafkaLog(kind="kafka", **values), timing=QUICK))
        await logs[-1].start()
        return logs[-1]

    yield make
    for log in logs:
        await log.close()


async def _make(bootstrap: str, name: str, replication: int = 1, partitions: int = 1, **configs: Any) -> None:
    """A topic as an administrator might have made it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, replication, topic_configs=configs)])
    finally:
        await admin.close()


async def _known(log: BrokerLog) -> None:
    """Until the brokers have told each other of the topic: which of them the log asks is chance."""
    async with asyncio.timeout(60):
        while True:
            try:
                await log.partitions("one")
                return
            except Misconfigured:
                await asyncio.sleep(0.1)


def _rebuilds() -> float:
    return float(REBUILDS.labels("producer")._value.get())


async def _persist(log: BrokerLog, partition: int, records: list[Record]) -> None:
    """What every caller does: the same again until it is durable."""
    while True:
        try:
            await log.append("one", partition, records)
            return
        except Retryable:
            await asyncio.sleep(0.1)


async def _everything(log: BrokerLog, topic: str = "one") -> list[int]:
    found: list[int] = []
    for partition, (start, end) in (await log.ends(topic)).items():
        offset = start
        while offset < end:
            batch = await log.fetch(topic, partition, offset, 1000)
            found += numbers([batch])
            offset = batch.span.stop
    return found


async def test_a_batch_that_the_topic_finds_too_large_is_split(kafka: Node, open_on: Open) -> None:
    log, before = await open_on(kafka.bootstrap), _rebuilds()
    await _make(kafka.bootstrap, log._settings.prefix + "one", **{"max.message.bytes": "20000"})  # type: ignore[arg-type]  # a name with dots fits none of the others
    written = [record(n, os.urandom(3000)) for n in range(40)]
    await log.append("one", 0, written[:1])
    await log.append("one", 0, written[1:])
    assert await _everything(log) == list(range(40))
    assert before < (found := _rebuilds())
    await log.append("one", 0, written[:40])
    assert _rebuilds() <= found + 1, "how much fits is found out with every append anew"


async def test_a_record_that_the_topic_finds_too_large_poisons_nothing(kafka: Node, open_on: Open) -> None:
    log = await open_on(kafka.bootstrap)
    await _make(kafka.bootstrap, log._settings.prefix + "one", **{"max.message.bytes": "20000"})  # type: ignore[arg-type]  # a name with dots fits none of the others
    await log.append("one", 0, [record(0)])
    with pytest.raises(Rejected, match=r"30,000 bytes.*max\.message\.bytes") as refusal:
        await log.append("one", 0, [record(1), record(2, os.urandom(30_000))])
    assert refusal.value.place == 1
    await log.append("one", 0, [record(3)])
    assert await _everything(log) == [0, 1, 3]


async def test_an_append_does_not_wait_for_a_producer_that_was_replaced(
    kafka: Node, open_on: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await open_on(kafka.bootstrap, send_deadline_seconds=25)
    await _make(kafka.bootstrap, log._settings.prefix + "one", **{"max.message.bytes": "20000"})  # type: ignore[arg-type]  # as above
    await log.create({"two": TopicSettings(1, 3600)})
    await log.append("one", 0, [record(0)])
    stuck: list[_Line] = []
    leads, led = _Line.leads, Producer._led

    def known(line: _Line, place: TopicPartition) -> bool:
        return leads(line, place) and not (place.topic.endswith("two") and stuck in ([], [line]))

    async def asked(producer: Producer, line: _Line, place: TopicPartition) -> None:
        if place.topic.endswith("two") and not stuck:
            stuck.append(line)
            await asyncio.Event().wait()  # as the client does, once it is closed
        await led(producer, line, place)

    monkeypatch.setattr(_Line, "leads", known)
    monkeypatch.setattr(Producer, "_led", asked)
    waiting = asyncio.create_task(log.append("two", 0, [record(1)]))
    while not stuck:
        await asyncio.sleep(0.01)
    with pytest.raises(Rejected):
        await log.append("one", 0, [record(2, os.urandom(30_000))])
    await waiting
    assert (await log.ends("two"))[0] == (0, 1)


async def test_facts_that_make_a_record_too_large_are_refused(kafka: Node, open_on: Open) -> None:
    log = await open_on(kafka.bootstrap)
    await log.create({"one": TopicSettings(1, 3600)})
    with pytest.raises(Rejected, match="key and facts"):
        await log.append("one", 0, [record(1, b"x" * 900_000, key=b"k" * 100_000)])
    await log.append("one", 0, [record(2)])
    assert await _everything(log) == [2]


async def test_a_frozen_broker_is_answered_within_the_deadline_and_nothing_is_lost(
    kafka_restartable: Node, open_on: Open
) -> None:
    log = await open_on(kafka_restartable.bootstrap, send_deadline_seconds=1.5)
    await log.create({"one": TopicSettings(1, 3600)})
    await log.append("one", 0, [record(0)])
    kafka_restartable.pause()
    try:
        with pytest.raises(Retryable, match=r"not durable within 1\.5 s"):
            await asyncio.wait_for(log.append("one", 0, [record(1)]), 20)
    finally:
        kafka_restartable.resume()
    await asyncio.wait_for(_persist(log, 0, [record(1)]), 60)
    await asyncio.wait_for(_persist(log, 0, [record(2)]), 60)
    found = await _everything(log)
    assert set(found) == {0, 1, 2}
    assert found[0] == 0


async def test_a_killed_broker_loses_nothing_that_was_acknowledged(kafka_restartable: Node, open_on: Open) -> None:
    log = await open_on(kafka_restartable.bootstrap, send_deadline_seconds=2)
    await log.create({"one": TopicSettings(2, 3600)})
    acknowledged: list[int] = []
    stop = asyncio.Event()

    async def write(partition: int) -> None:
        number = partition * 1_000_000
        while not stop.is_set():
            await _persist(log, partition, [record(n) for n in range(number, number + 10)])
            acknowledged.extend(range(number, number + 10))
            number += 10

    async with log.follow(["one"], group="g") as follower:
        writers = [asyncio.create_task(write(p)) for p in range(2)]
        seen = numbers(await collect(follower, 200))
        for _ in range(2):
            await asyncio.to_thread(kafka_restartable.kill)
            await asyncio.sleep(3)
            await asyncio.to_thread(kafka_restartable.start)
            before = len(acknowledged)
            async with asyncio.timeout(60):
                while len(acknowledged) < before + 200:
                    seen += numbers(await follower.read(max_records=1000, timeout_seconds=0.2))
        stop.set()
        await asyncio.wait_for(asyncio.gather(*writers), 60)
        async with asyncio.timeout(60):
            while not set(acknowledged) <= set(seen):
                seen += numbers(await follower.read(max_records=1000, timeout_seconds=0.2))
    assert len(acknowledged) > 600
    assert set(await _everything(log)) >= set(acknowledged)


async def test_closing_is_bounded_while_the_broker_is_away(kafka_restartable: Node, open_on: Open) -> None:
    log = await open_on(kafka_restartable.bootstrap, send_deadline_seconds=60)
    await log.create({"one": TopicSettings(1, 3600)})
    await log.append("one", 0, [record(0)])
    async with log.follow(["one"], group="g") as follower:
        await collect(follower, 1)
        await asyncio.to_thread(kafka_restartable.kill)
        waiting = asyncio.create_task(log.append("one", 0, [record(1)]))
        await asyncio.sleep(1)
    await asyncio.wait_for(log.close(), 12)
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_log_that_started_before_an_outage_reads_after_it(kafka_restartable: Node, open_on: Open) -> None:
    log = await open_on(kafka_restartable.bootstrap)
    await log.create({"one": TopicSettings(1, 3600)})
    await log.append("one", 0, [record(0)])
    await asyncio.to_thread(kafka_restartable.stop)
    async with log.follow(["one"], group="g") as follower:
        assert list(await follower.read(max_records=1, timeout_seconds=1)) == []
        await asyncio.to_thread(kafka_restartable.start)
        assert numbers(await collect(follower, 1)) == [0]


async def test_messages_of_others_get_an_id_that_stays(kafka: Node, open_on: Open) -> None:
    log = await open_on(kafka.bootstrap)
    await log.create({"one": TopicSettings(1, 3600)})
    written_ms = int(time.time()) * 1000 + 500
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        topic = log._settings.prefix + "one"
        for headers in ([], [("lw", b"what?")], [("other", b"x")]):
            await producer.send_and_wait(topic, b"foreign", key=b"k", timestamp_ms=written_ms, headers=headers)
    first, again = (await log.fetch("one", 0, 0, 10)).items, (await log.fetch("one", 0, 0, 10)).items
    assert first == again
    assert len({r.id for r in first}) == 3
    assert {(r.body, r.key, r.time) for r in first} == {(b"foreign", b"k", written_ms / 1000)}


async def test_topics_are_created_to_keep_their_promises(kafka: Node, open_on: Open) -> None:
    log = await open_on(kafka.bootstrap, replication=3)
    await log.create({"one": TopicSettings(4, 7200, 4 << 30)})
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        found = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, log._settings.prefix + "one")])
    finally:
        await admin.close()
    values = {entry[0]: entry[1] for entry in found[0].resources[0][4]}
    assert values["retention.ms"] == "7200000"
    assert values["retention.bytes"] == str(1 << 30)
    assert values["message.timestamp.type"] == "CreateTime"
    assert values["message.timestamp.after.max.ms"] == str(2**63 - 1)
    assert values["min.insync.replicas"] == "1"
    assert int(values["max.message.bytes"]) > 983_040


async def test_an_event_from_the_far_future_or_past_is_kept(kafka: Node, open_on: Open) -> None:
    log = await open_on(kafka.bootstrap)
    await log.create({"one": TopicSettings(1, 3600)})
    times = [0.0, -1.5, 1e12, time.time() + 86_400 * 365]
    await log.append("one", 0, [record(n)._replace(time=t) for n, t in enumerate(times)])
    assert [r.time for r in (await log.fetch("one", 0, 0, 10)).items] == times


async def test_one_of_three_brokers_may_die(kafka_cluster: Cluster, open_on: Open) -> None:
    log = await open_on(*kafka_cluster.bootstrap)
    await log.create({"one": TopicSettings(3, 3600)})
    sent: list[int] = []
    victim = kafka_cluster.brokers[0]
    for number in range(60):
        if number == 20:
            await asyncio.to_thread(victim.kill)
        await asyncio.gather(*[_persist(log, p, [record(number * 3 + p)]) for p in range(3)])
        sent += range(number * 3, number * 3 + 3)
    found = await _everything(log)
    await asyncio.to_thread(victim.start, 3)
    assert set(found) == set(sent)


async def test_a_partition_without_a_leader_costs_little_and_holds_up_no_other(kafka_cluster: Cluster, open_on: Open) -> None:
    log = await open_on(*kafka_cluster.bootstrap, send_deadline_seconds=6)
    full = log._settings.prefix + "one"
    await _make(kafka_cluster.bootstrap[0], full, replication=1, partitions=3, **{"min.insync.replicas": "1"})
    await _known(log)
    for partition in range(3):
        await _persist(log, partition, [record(partition)])
    await asyncio.to_thread(kafka_cluster.brokers[1].kill)
    cpu, wall = time.process_time(), time.monotonic()
    results = await asyncio.gather(*[log.append("one", p, [record(10 + p)]) for p in range(3)], return_exceptions=True)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    assert [type(r) for r in results].count(Retryable) == 1
    assert [type(r) for r in results].count(int) == 2
    assert share < 0.25
    await asyncio.to_thread(kafka_cluster.brokers[1].start, 3)
    for partition in range(3):
        await asyncio.wait_for(_persist(log, partition, [record(20 + partition)]), 60)
    assert set(await _everything(log)) >= {0, 1, 2, 20, 21, 22}
