"""What a member of a Kafka group does when brokers, other members or the library itself misbehave."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from router.batch import Mark, Partition
from router.config import KafkaLog
from router.errors import LogweirError, Misconfigured, Retryable
from router.log.kafka import BrokerLog, clients
from router.log.kafka.clients import Timing
from router.log.kafka.watchdog import Watchdog
from router.protocols import Follower, TopicSettings
from router.telemetry import REBUILDS
from tests.contract.log_process import QUICK
from tests.contract.log_scene import Diary, collect, numbers, record, settle
from tests.peers.kafka import Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]

Open = Callable[..., Any]
_ONE = Partition("one", 0)


@pytest.fixture
async def open_one(kafka: Node) -> AsyncIterator[Open]:
    """Opens logs of one prefix with a topic `one` of two partitions; closes them."""
    logs: list[BrokerLog] = []
    prefix = f"f{os.urandom(4).hex()}."

    async def make(timing: Timing = QUICK, **rest: Any) -> BrokerLog:
        settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=prefix, **rest)
        logs.append(BrokerLog(settings, timing=timing))
        await logs[-1].start()
        await logs[-1].create({"one": TopicSettings(2, 3600)})
        return logs[-1]

    yield make
    for log in logs:
        await log.close()


async def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(open_one: Open) -> None:
    first, second = await open_one(instance="pod-0"), await open_one(instance="pod-1")
    stays = Diary()
    async with second.follow(["one"], group="g", listener=stays) as there:
        async with first.follow(["one"], group="g") as here:
            await settle(here, there, until=lambda: len(here.assigned) == len(there.assigned) == 1)
            mine = here.assigned
        entries = len(stays.entries)
        async with first.follow(["one"], group="g") as here:
            await settle(here, there, until=lambda: here.assigned == mine)
        assert len(stays.entries) == entries


_LONG = QUICK._replace(session_ms=300_000)
"""No test waits for the end of such a session."""


async def test_a_member_that_was_killed_comes_back_to_its_partitions_though_nobody_named_it(open_one: Open) -> None:
    first, second, stays = await open_one(_LONG), await open_one(_LONG), Diary()
    async with second.follow(["one"], group="g", listener=stays) as there:
        async with first.follow(["one"], group="g") as here:
            await settle(here, there, until=lambda: len(here.assigned) == len(there.assigned) == 1)
            mine = here.assigned
            here._seat.close()
            here._seat = None  # as when it is killed: the seat is free, and nobody says goodbye
        entries = len(stays.entries)
        async with first.follow(["one"], group="g") as here:
            await settle(here, there, until=lambda: here.assigned == mine)
            assert len(stays.entries) == entries


async def test_a_member_that_leaves_in_its_own_way_is_not_waited_for(open_one: Open) -> None:
    first, second = await open_one(_LONG), await open_one(_LONG)
    async with second.follow(["one"], group="g") as there:
        async with first.follow(["one"], group="g") as here:
            await settle(here, there, until=lambda: len(here.assigned) == len(there.assigned) == 1)
        await settle(there, until=lambda: len(there.assigned) == 2)


@pytest.mark.timeout(240)
async def test_two_members_with_one_name_repeat_and_lose_nothing(open_one: Open) -> None:
    """Kafka does not fence them for this client: names have to be unique, and where they are not, no harm beyond repeats is done."""
    first, second = await open_one(instance="pod-0"), await open_one(instance="pod-0")
    seen: set[int] = set()
    async with first.follow(["one"], group="g") as here, second.follow(["one"], group="g") as there:
        for number in range(12):
            await first.append("one", number % 2, [record(number)])
            for follower in (here, there):
                for batch in await follower.read(max_records=100, timeout_seconds=0.1):
                    seen |= set(numbers([batch]))
                    await follower.commit({Partition("one", batch.span.partition): Mark(batch.span.stop)})
        async with asyncio.timeout(60):
            while seen != set(range(12)):
                for follower in (here, there):
                    for batch in await follower.read(max_records=100, timeout_seconds=0.2):
                        seen |= set(numbers([batch]))


async def test_a_consumer_that_stands_still_is_replaced(open_one: Open) -> None:
    log, diary = await open_one(QUICK._replace(stall_seconds=1.0)), Diary()
    before = REBUILDS.labels("consumer")._value.get()
    async with log.follow(["one"], group="g", listener=diary) as follower:
        await log.append("one", 0, [record(0)])
        await collect(follower, 1)
        await follower.commit({_ONE: Mark(1)})
        follower._consumer._fetcher._fetch_task.cancel()
        await asyncio.sleep(1)  # until the fetch that was under way has ended
        await log.append("one", 0, [record(1)])
        assert numbers(await collect(follower, 1)) == [1]
    assert REBUILDS.labels("consumer")._value.get() > before
    assert [what for what, _ in diary.entries] == ["assigned", "revoked", "assigned"]


async def test_nothing_is_handed_out_of_what_is_let_go_with_a_consumer_that_stood_still(open_one: Open) -> None:
    """One partition flows and another one does not: replacing the consumer takes both away, and both are read again."""
    log, diary = await open_one(), Diary()
    async with log.follow(["one"], group="g", listener=diary) as follower:
        await settle(follower, until=lambda: len(follower.assigned) == 2)
        await log.append("one", 1, [record(1)])
        await collect(follower, 1)
        stuck = TopicPartition(follower._full["one"], 1)
        follower._positions[stuck] = 0  # as if it had not come yet
        find, follower._watchdog.still = follower._watchdog.still, lambda positions, paused: [stuck]
        await log.append("one", 0, [record(0)])
        seen = list[int]()
        while len(diary.entries) < 2:
            for batch in await follower.read(max_records=100, timeout_seconds=0.2):
                assert follower.assigned, "a batch of a partition that was revoked"
                seen += numbers([batch])
            if len(diary.entries) >= 2:
                follower._watchdog.still = find
        seen += numbers(await collect(follower, 2 - len(set(seen))))
    assert set(seen) == {0, 1}


async def test_an_idle_or_paused_consumer_is_left_alone(open_one: Open) -> None:
    log, diary = await open_one(QUICK._replace(stall_seconds=0.4)), Diary()
    async with log.follow(["one"], group="g", listener=diary) as follower:
        await settle(follower, until=lambda: len(follower.assigned) == 2)
        await follower.read(max_records=1, timeout_seconds=1.5)
        follower.pause([_ONE])
        await log.append("one", 0, [record(1)])
        assert list(await follower.read(max_records=1, timeout_seconds=1.5)) == []
    assert len(diary.entries) == 1


async def test_a_consumer_that_does_not_stop_in_its_own_way_still_closes_its_connections(open_one: Open) -> None:
    """A fetch that failed waits before it is tried again; ended in that pause, it makes the library's `stop` give up halfway."""
    log = await open_one()
    async with log.follow(["one"], group="g") as follower:
        await settle(follower, until=lambda: len(follower.assigned) == 2)
        consumer = follower._consumer
        consumer._fetcher._pending_tasks.add(asyncio.create_task(asyncio.sleep(600)))
    with pytest.raises(asyncio.CancelledError):
        await consumer._fetcher.close()  # so it does
    assert not any(connection.connected() for connection in consumer._client._conns.values())


def test_a_consumer_that_keeps_standing_still_ends_the_process() -> None:
    watchdog = Watchdog(60)
    watchdog.replaced()
    watchdog.replaced()
    with pytest.raises(LogweirError, match="3 times"):
        watchdog.replaced()


async def test_metadata_that_no_broker_takes_is_a_mistake_of_ours(open_one: Open) -> None:
    log = await open_one()
    async with log.follow(["one"], group="g") as follower:
        await settle(follower, until=lambda: bool(follower.assigned))
        with pytest.raises(Misconfigured, match="Metadata"):
            await follower.commit({_ONE: Mark(0, "x" * 5000)})


async def test_a_rebalance_waits_for_the_batch_in_hand(open_one: Open) -> None:
    first, second, diary = await open_one(), await open_one(), Diary()
    async with first.follow(["one"], group="g", listener=diary) as busy:
        await first.append("one", 0, [record(0)])
        await collect(busy, 1)
        async with second.follow(["one"], group="g") as other:
            await settle(other, until=lambda: True)
            await other.read(max_records=1, timeout_seconds=1.5)  # the busy one does not read meanwhile
            assert other.assigned == frozenset()
            assert [what for what, _ in diary.entries] == ["assigned"]
            await busy.commit({_ONE: Mark(1, "done")})
            await settle(busy, other, until=lambda: len(busy.assigned) == len(other.assigned) == 1)
    assert (await first.committed("g", ["one"]))[_ONE] == Mark(1, "done")


async def test_a_read_that_is_under_way_when_a_rebalance_begins_holds_nobody_up(open_one: Open) -> None:
    """Records that come in the middle of it, too: the library then waits for the new assignment, and that for the reader."""
    patient = QUICK._replace(handover_seconds=100, rebalance_ms=100_000)
    log, other, done = await open_one(patient), await open_one(patient), asyncio.Event()

    async def keep_appending() -> None:
        while not done.is_set():
            await log.append("one", 0, [record(0)])
            await log.append("one", 1, [record(1)])

    async def keep_reading(follower: Follower) -> None:
        while not done.is_set():
            await follower.read(max_records=100, timeout_seconds=0.5)

    async with asyncio.timeout(60), log.follow(["one"], group="g") as stays, asyncio.TaskGroup() as group:
        group.create_task(keep_appending())
        group.create_task(keep_reading(stays))
        for _ in range(3):
            async with other.follow(["one"], group="g") as comes:
                await settle(comes, until=lambda: len(comes.assigned) == 1)
        done.set()


async def test_a_reader_that_never_comes_is_left_behind_and_its_commits_do_not_count(open_one: Open) -> None:
    first, second = await open_one(QUICK._replace(handover_seconds=0.5)), await open_one()
    async with first.follow(["one"], group="g") as busy, second.follow(["one"], group="g") as other:
        await first.append("one", 0, [record(0)])
        await first.append("one", 1, [record(1)])
        await collect(busy, 2)
        await settle(other, until=lambda: len(other.assigned) == 1)
        (lost,) = other.assigned
        await busy.commit({lost: Mark(1, "late")})
        assert lost not in await first.committed("g", ["one"])
        await settle(busy, other, until=lambda: len(busy.assigned) == 1)
        assert busy.assigned | other.assigned == {_ONE, Partition("one", 1)}


async def test_a_member_whose_loop_was_blocked_past_its_session_skips_nothing(open_one: Open) -> None:
    log, other = await open_one(), await open_one()
    async with log.follow(["one"], group="g") as blocked, other.follow(["one"], group="g") as there:
        await settle(blocked, there, until=lambda: len(blocked.assigned) == len(there.assigned) == 1)
        (mine,) = blocked.assigned
        await log.append("one", mine.number, [record(n) for n in range(5)])
        seen = numbers(await collect(blocked, 5))
        time.sleep(QUICK.session_ms / 1000 * 1.5)  # noqa: ASYNC251  # heartbeats live in this loop, too: that is the point
        await log.append("one", mine.number, [record(n) for n in range(5, 10)])
        seen += numbers(await settle(blocked, there, until=lambda: bool(blocked.assigned) and bool(there.assigned)))
        await blocked.commit({mine: Mark(5)})
        async with asyncio.timeout(40):
            while set(seen) != set(range(10)):
                for follower in (blocked, there):
                    seen += numbers(await follower.read(max_records=100, timeout_seconds=0.2))
    assert set(seen) == set(range(10))


async def test_a_topic_that_is_made_anew_is_read_from_its_beginning(
    open_one: Open, kafka: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_METADATA_AGE_MS", 2000)
    log = await open_one()
    async with log.follow(["one"], group="g") as follower:
        await log.append("one", 0, [record(n) for n in range(5)])
        await collect(follower, 5)
        await follower.commit({_ONE: Mark(5)})
        await _make_anew(kafka.bootstrap, log._settings.prefix + "one")
        seen, number = set[int](), 100
        async with asyncio.timeout(60):
            while len(seen) < 3:
                try:
                    await log.append("one", 0, [record(number)])
                    number += 1
                except Retryable:
                    pass
                seen |= set(numbers(await follower.read(max_records=100, timeout_seconds=0.3)))
    assert seen == set(range(100, 100 + len(seen)))


async def _make_anew(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        await asyncio.sleep(1)
        await admin.create_topics([NewTopic(topic, 2, 1)])
    finally:
        await admin.close()


async def test_many_members_that_come_and_go_skip_nothing(open_one: Open) -> None:
    log = await open_one()
    seen: list[int] = []
    stop = asyncio.Event()

    async def write() -> int:
        """How many records were written. One that was not answered in time may be there, and is written again."""
        number = 0
        while not stop.is_set():
            try:
                await log.append("one", number % 2, [record(number * 10 + n) for n in range(10)])
                number += 1
            except Retryable:
                pass
            await asyncio.sleep(0.01)
        return number * 10

    async def member(rounds: int) -> None:
        async with log.follow(["one"], group="g") as follower:
            for _ in range(rounds):
                for batch in await follower.read(max_records=100, timeout_seconds=0.2):
                    seen.extend(numbers([batch]))
                    await follower.commit({Partition(batch.span.topic, batch.span.partition): Mark(batch.span.stop)})

    writer = asyncio.create_task(write())
    steady = asyncio.create_task(member(90))
    for _ in range(3):
        await member(10)
    stop.set()
    total = await writer
    await steady
    async with log.follow(["one"], group="g") as last:
        async with asyncio.timeout(60):
            while not set(seen) >= set(range(total)):
                seen += numbers(await last.read(max_records=1000, timeout_seconds=0.5))
    assert total
    assert set(seen) <= set(range(total + 10))
