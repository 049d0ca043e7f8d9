"""The loop on a real log, with far ends that misbehave in every way."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from router.batch import EVENTS, SIGNALS, Facts, Partition, Record
from router.deliver import State
from router.errors import Misconfigured, Rejected, Retryable, TooLarge
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
    record,
    records,
    residual,
    running,
    settled,
    until,
)


@pytest.fixture
def name() -> str:
    """A sink's name of one's own, so that its metrics begin at zero."""
    return f"s-{uuid4().hex[:12]}"


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


async def test_only_the_items_that_failed_are_sent_again(tmp_path: Path, name: str) -> None:
    failed_once: set[int] = set()

    async def script(batch: Sequence[Record]) -> WriteResult:
        outcomes = [Outcome.RETRY if number(r) % 7 == 0 and number(r) not in failed_once else Outcome.DELIVERED for r in batch]
        failed_once.update(number(r) for r in batch if number(r) % 7 == 0)
        return WriteResult(outcomes, {i: "429: slow down" for i, o in enumerate(outcomes) if o is Outcome.RETRY})

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(100))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
    assert sorted(sink.taken) == list(range(100))
    sent = Counter(n for write in sink.writes for n in write)
    assert {n for n, times in sent.items() if times == 2} == set(range(0, 100, 7))
    assert metrics(name)["retried"] == 15
    assert residual(name) == 0


async def test_a_rejected_item_is_buried_with_its_place_and_the_rest_arrive(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        outcomes = [Outcome.REJECTED if number(r) == 42 else Outcome.DELIVERED for r in batch]
        return WriteResult(outcomes, {i: "mapping: no such field" for i, o in enumerate(outcomes) if o is Outcome.REJECTED})

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 1, records(100))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
        (letter,) = await letters(log, name)
    assert (letter.topic, letter.partition, letter.offset, letter.attempts) == (EVENTS, 1, 42, 1)
    assert (letter.stage, letter.reason) == (name, "mapping: no such field")
    assert letter.record == record(42)
    assert sorted(sink.taken) == [n for n in range(100) if n != 42]
    assert metrics(name)["dead_lettered"] == 1
    assert residual(name) == 0


async def test_one_poison_in_a_batch_refused_as_a_whole_is_found_by_halves(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        if any(number(r) == 77 for r in batch):
            raise Rejected("invalid event")
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=128, max_concurrency=4))
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(128))
        async with running(delivery(log, sink, name)):
            await settled(log, name)
        (letter,) = await letters(log, name)
    assert letter.record == record(77)
    assert sorted(sink.taken) == [n for n in range(128) if n != 77]
    assert sum(1 for write in sink.writes if 77 in write) == 8  # 128, 64, 32 ... 1
    assert residual(name) == 0


async def test_too_large_a_batch_is_split_and_too_large_a_record_buried(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        if sum(len(r.body) for r in batch) > 300:
            raise TooLarge("413")
        return all_delivered(len(batch))

    sink = ScriptedSink(script)
    huge = record(1000, body=b"x" * 400)
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, [*records(60), huge, *records(60, 60)])
        async with running(delivery(log, sink, name)):
            await settled(log, name)
        (letter,) = await letters(log, name)
    assert letter.record == huge
    assert sorted(sink.taken) == list(range(120))
    assert residual(name) == 0


async def test_a_misconfigured_sink_is_paused_and_nothing_is_buried(tmp_path: Path, name: str) -> None:
    is_mended = False

    async def script(batch: Sequence[Record]) -> WriteResult:
        if not is_mended:
            raise Misconfigured("401")
        return all_delivered(len(batch))

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        one = delivery(log, sink, name)
        await log.append(EVENTS, 0, records(50))
        async with running(one):
            await until(lambda: len(sink.writes) >= 3)
            assert one.status.state in (State.PAUSED, State.HALF_OPEN)
            assert one.status.why == "401"
            is_mended = True
            await settled(log, name)
            assert one.status.state is State.CLOSED
        assert await letters(log, name) == []
    assert sorted(sink.taken) == list(range(50))
    assert residual(name) == 0


async def test_an_open_breaker_tries_one_batch_at_a_time(tmp_path: Path, name: str) -> None:
    is_up = False

    async def script(batch: Sequence[Record]) -> WriteResult:
        await asyncio.sleep(0.005)
        if not is_up:
            raise Retryable("connection refused")
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=10, max_concurrency=4))
    async with open_log(tmp_path) as log:
        one = delivery(log, sink, name)
        await log.append(EVENTS, 0, records(200))
        async with running(one):
            await until(lambda: one.status.state is State.OPEN)
            sink.most_at_once = 0
            before = len(sink.writes)
            await until(lambda: len(sink.writes) >= before + 3)
            assert sink.most_at_once == 1
            is_up = True
            await settled(log, name)
    assert sorted(sink.taken) == list(range(200))
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


async def test_retry_after_is_honoured(tmp_path: Path, name: str) -> None:
    times: list[float] = []

    async def script(batch: Sequence[Record]) -> WriteResult:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise Retryable("429", retry_after_seconds=0.4)
        return all_delivered(len(batch))

    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(10))
        async with running(delivery(log, ScriptedSink(script), name)):
            await settled(log, name)
    assert times[1] - times[0] >= 0.4


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


async def test_a_storm_of_poison_brakes_and_goes_on_once_it_is_mended(tmp_path: Path, name: str) -> None:
    is_mended = False

    async def script(batch: Sequence[Record]) -> WriteResult:
        if is_mended:
            return all_delivered(len(batch))
        return WriteResult([Outcome.REJECTED if number(r) % 3 == 0 else Outcome.DELIVERED for r in batch])

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        one = delivery(log, sink, name)
        await log.append(EVENTS, 0, records(2000))
        async with running(one):
            await until(lambda: one.status.why == "too many records are rejected")
            await asyncio.sleep(0.3)
            buried = len(await letters(log, name))
            assert buried == 100  # what the brake allows, and no more
            is_mended = True
            await settled(log, name)
        dead = {number(letter.record) for letter in await letters(log, name)}
    assert sorted([*sink.taken, *dead]) == list(range(2000))
    assert residual(name) == 0


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


async def test_dead_letters_are_durable_before_the_commit_passes_them(tmp_path: Path, name: str) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        return WriteResult([Outcome.REJECTED if number(r) == 5 else Outcome.DELIVERED for r in batch])

    async with open_log(tmp_path) as log:
        refusing = RefusesDeadLetters(log)
        await log.append(EVENTS, 0, records(10))
        async with running(delivery(refusing, ScriptedSink(script), name)):
            await until(lambda: refusing.refusals >= 3)
            marks = await log.committed(f"sink.{name}", (EVENTS,))
            assert max((m.offset for m in marks.values()), default=0) <= 5
            refusing.is_refusing = False
            await settled(log, name)
        assert len(await letters(log, name)) == 1
    assert residual(name) == 0


class RefusesDeadLetters:
    """A log whose dead-letter topic cannot be written for a while."""

    def __init__(self, log: object) -> None:
        self._log, self.is_refusing, self.refusals = log, True, 0

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._log, attribute)

    async def append(self, topic: str, partition: int, items: Sequence[Record]) -> int:
        if topic.startswith("dlq.") and self.is_refusing:
            self.refusals += 1
            raise Retryable("no space")
        return await self._log.append(topic, partition, items)  # type: ignore[attr-defined,no-any-return]


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
