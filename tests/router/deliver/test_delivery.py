"""The loop on a real log, with far ends that misbehave in every way."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from router.batch import EVENTS, SIGNALS, Facts, Partition, Record
from router.errors import Rejected, Retryable, TooLarge
from router.log.embedded.follower import SqliteFollower
from router.protocols import Lag, Outcome, SinkLimits, WriteResult
from router.registry import Choice
from tests.router.deliver.scene import (
    ALERT,
    FAST,
    ScriptedSink,
    all_delivered,
    delivery,
    letters,
    metrics,
    number,
    numbers,
    open_log,
    records,
    residual,
    running,
    settled,
    until,
)


async def test_everything_arrives_once_and_is_committed(tmp_path: Path, name: str) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(500))
        await log.append(EVENTS, 1, records(500, 500))
        await log.append(SIGNALS, 0, records(5, 2000, ALERT))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    assert sorted(sink.taken) == [*range(1000), *range(2000, 2005)]
    assert metrics(name)["done"] == 1005
    assert residual(name) == 0


async def test_a_choice_leaves_records_out_and_counts_them(tmp_path: Path, name: str) -> None:
    sink = ScriptedSink()
    quiet = Facts("src", dataset="zeek.conn", kind="event")
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, [*records(10), *records(5, 10, quiet)])
        async with running(delivery(log, sink, name, choose=Choice(datasets=("windows.*",)))):
            await settled(log, name)
    assert sorted(sink.taken) == list(range(10))
    assert metrics(name)["left_out"] == 5
    assert residual(name) == 0


async def test_a_dead_sink_does_not_hold_up_another_one(tmp_path: Path, name: str) -> None:
    async def dead(batch: Sequence[Record]) -> WriteResult:
        raise Retryable("down")

    broken, healthy = ScriptedSink(dead), ScriptedSink()
    async with open_log(tmp_path) as log, running(delivery(log, broken, f"{name}-a"), delivery(log, healthy, f"{name}-b")):
        for i in range(20):
            await log.append(EVENTS, i % 2, records(100, i * 100))
        await settled(log, f"{name}-b")
    assert sorted(healthy.taken) == list(range(2000))
    assert broken.taken == []
    assert residual(f"{name}-a") == 0  # all of it went back to the log
    assert metrics(f"{name}-a")["returned"] > 0


async def test_what_a_stopped_delivery_left_is_sent_by_the_next_one(tmp_path: Path, name: str) -> None:
    async def dead(batch: Sequence[Record]) -> WriteResult:
        raise Retryable("down")

    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(300))
        async with running(delivery(log, (broken := ScriptedSink(dead)), name)):
            await until(lambda: len(broken.writes) > 2)
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    assert sorted(sink.taken) == list(range(300))
    assert residual(name) == 0


async def test_a_stuck_partition_is_paused_alone(tmp_path: Path, name: str) -> None:
    held = asyncio.Event()

    async def script(batch: Sequence[Record]) -> WriteResult:
        await (held.wait() if any(number(r) == 0 for r in batch) else asyncio.sleep(0.005))
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=10, max_concurrency=8))
    pace = FAST._replace(window_records=60, read_records=20)
    async with open_log(tmp_path) as log, running(delivery(log, sink, name, pace=pace)):
        await log.append(EVENTS, 1, records(3000, 1000))
        await until(lambda: sink.most_at_once >= 3)  # it starts with one write at a time
        await log.append(EVENTS, 0, records(500))
        await until(lambda: sum(1 for n in sink.taken if n >= 1000) == 3000)
        await log.append(EVENTS, 1, records(1000, 5000))
        await until(lambda: sum(1 for n in sink.taken if n >= 5000) == 1000)
        stuck = [n for write in sink.writes for n in write if n < 1000]
        assert 0 in stuck
        assert max(stuck) < 100  # the window, and no more than a read beyond it
        held.set()
        await settled(log, name)
    assert sorted(sink.taken) == [*range(500), *range(1000, 4000), *range(5000, 6000)]


async def test_many_partitions_of_a_sink_that_hangs_hold_no_more_than_it_may(tmp_path: Path, name: str) -> None:
    hangs = asyncio.Event()

    async def script(batch: Sequence[Record]) -> WriteResult:
        await hangs.wait()
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=100, max_concurrency=2))
    pace = FAST._replace(window_records=1000, read_records=20, sink_records=1280)
    async with open_log(tmp_path, partitions=64) as log:
        for partition in range(64):
            await log.append(EVENTS, partition, records(100, partition * 100))
        async with running(delivery(log, sink, name, pace=pace)):
            held = -1.0
            while held != metrics(name).get("read", 0.0) or not held:  # until it reads no more
                held = metrics(name).get("read", 0.0)
                await asyncio.sleep(0.5)
            hangs.set()
            await settled(log, name, 60)
    assert held <= 64 * (1280 / 128 + 20)  # of 128 partitions half are empty; a read may go beyond
    assert sorted(sink.taken) == list(range(6400))


async def test_an_ordered_sink_gets_each_partition_in_order_whatever_fails(tmp_path: Path, name: str) -> None:
    chance = Random(3)

    async def script(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(chance.random() * 0.003)
        if chance.random() < 0.3:
            raise Retryable("reset")
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=7, max_concurrency=1, ordered=True))
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(200))
        await log.append(EVENTS, 1, records(200, 1000))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    assert [n for n in sink.taken if n < 1000] == list(range(200))
    assert [n for n in sink.taken if n >= 1000] == list(range(1000, 1200))


async def test_a_connection_that_breaks_with_several_writes_on_it_keeps_its_order(tmp_path: Path, name: str) -> None:
    """The far end takes writes in the order they were started, and a broken connection fails all of them."""
    chance, lock, broken_until = Random(5), asyncio.Lock(), 0

    async def script(batch: Sequence[Record]) -> WriteResult:
        nonlocal broken_until
        connection = broken_until
        async with lock:
            await asyncio.sleep(0.001)
            if connection != broken_until:
                raise Retryable("the connection broke")
            if chance.random() < 0.15:
                broken_until += 1
                raise Retryable("reset by peer")
            return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=5, max_concurrency=4, ordered=True))
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(400))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    assert sink.taken == list(range(400))


async def test_a_rebalance_loses_nothing_and_the_sum_stays_even(tmp_path: Path, name: str) -> None:
    async def slow(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(0.002)
        return all_delivered(len(batch))

    limits = SinkLimits(max_records=20, max_concurrency=2)
    first, second = ScriptedSink(slow, limits), ScriptedSink(slow, limits)
    async with open_log(tmp_path, partitions=4) as log:
        for p in range(4):
            await log.append(EVENTS, p, records(1500, p * 1500))
        async with running(delivery(log, first, name)):
            await until(lambda: len(first.taken) > 300)
            async with running(delivery(log, second, name)):
                await until(lambda: len(second.taken) > 300)
            await settled(log, name)
    assert set(first.taken) | set(second.taken) == set(range(6000))
    assert residual(name) == 0


async def test_a_crash_between_write_and_commit_duplicates_and_never_loses(tmp_path: Path, name: str) -> None:
    sink = ScriptedSink()
    pace = FAST._replace(commit_seconds=1e9, commit_records=10**9)
    async with open_log(tmp_path, lease_seconds=0.3) as log:
        await log.append(EVENTS, 0, records(100))
        crashing = asyncio.create_task(delivery(log, sink, name, pace=pace).run(asyncio.Event()))
        await until(lambda: len(sink.taken) == 100)
        crashing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await crashing
        await log.append(EVENTS, 0, records(100, 100))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    counts = Counter(sink.taken)
    assert set(counts) == set(range(200))
    assert all(counts[n] == 2 for n in range(100))
    assert all(counts[n] == 1 for n in range(100, 200))


async def test_a_bug_in_a_sink_ends_the_delivery_loudly(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        raise ZeroDivisionError

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(10))
        with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
            await delivery(log, sink, name).run(asyncio.Event())
    assert not sink.is_open


async def test_a_sink_that_forgets_a_record_ends_the_delivery_loudly(tmp_path: Path, name: str) -> None:
    class Forgetful(ScriptedSink):
        async def write(self, batch: Sequence[Record]) -> WriteResult:
            return all_delivered(len(batch) - 1)

    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(10))
        with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="9 outcomes for 10"), flatten_subgroups=True):
            await delivery(log, Forgetful(), name).run(asyncio.Event())


async def test_duplicates_and_redirects_are_done_and_told_apart(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        kinds = (Outcome.DELIVERED, Outcome.DUPLICATE, Outcome.REDIRECTED)
        return WriteResult([kinds[number(r) % 3] for r in batch])

    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(30))
        async with running(delivery(log, ScriptedSink(script), name)):
            await settled(log, name)
    assert metrics(name)["done"] == 30
    assert residual(name) == 0


async def test_alerts_overtake_events_at_a_sink_with_a_budget(tmp_path: Path, name: str) -> None:
    limits = SinkLimits(max_records=50, max_concurrency=4, records_per_second=50.0)
    sink = ScriptedSink(limits=limits)
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(2000))
        async with running(delivery(log, sink, name)):
            await until(lambda: len(sink.taken) >= 40)
            await log.append(SIGNALS, 0, records(3, 5000, ALERT))
            await until(lambda: sum(1 for n in sink.taken if n >= 5000) == 3)
            assert len(sink.taken) <= 150


async def test_the_lag_of_a_sink_is_shown_and_goes_to_zero(tmp_path: Path, name: str) -> None:
    held = asyncio.Event()

    async def script(batch: Sequence[Record]) -> WriteResult:
        await held.wait()
        return all_delivered(len(batch))

    async with open_log(tmp_path) as log:
        one = delivery(log, ScriptedSink(script), name)
        await log.append(EVENTS, 0, records(40))
        async with running(one):
            await until(lambda: one.status.lag_events == 40)
            held.set()
            await until(lambda: one.status.lag_events == 0)
    assert one.status.sent == 40


async def test_a_lag_that_is_not_known_for_long_holds_up_neither_reading_nor_commits(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: SqliteFollower) -> Mapping[Partition, Lag]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(SqliteFollower, "lag", never)
    sink = ScriptedSink()
    async with open_log(tmp_path) as log, running(delivery(log, sink, name)):
        for round_number in range(3):
            await log.append(EVENTS, 0, records(10, round_number * 10))
            await settled(log, name)
    assert sink.taken == list(range(30))


async def test_random_faults_of_every_kind_come_out_even(tmp_path: Path, name: str) -> None:
    chance, poison = Random(11), set(range(0, 3000, 97))

    async def script(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(chance.random() * 0.004)
        dice = chance.random()
        if dice < 0.1:
            raise Retryable("reset after accept" if dice < 0.05 else "503")
        if dice < 0.15 and len(batch) > 3:
            raise TooLarge("413")
        if dice < 0.2 and poison & set(numbers(batch)):
            raise Rejected("one of these")
        outcomes = [
            Outcome.REJECTED if number(r) in poison else Outcome.RETRY if chance.random() < 0.05 else Outcome.DELIVERED
            for r in batch
        ]
        return WriteResult(outcomes)

    sink = ScriptedSink(script, SinkLimits(max_records=50, max_concurrency=6))
    async with open_log(tmp_path, partitions=3) as log:
        for p in range(3):
            await log.append(EVENTS, p, records(1000, p * 1000))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
        dead = [number(letter.record) for letter in await letters(log, name)]
    assert sorted(dead) == sorted(poison)
    assert sorted(sink.taken) == [n for n in range(3000) if n not in poison]
    assert residual(name) == 0
