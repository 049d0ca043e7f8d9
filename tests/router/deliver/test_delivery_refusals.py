"""What a sink refuses: sent again, buried, or waited for, on a real log."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from router.batch import EVENTS, Record
from router.deliver import State
from router.errors import Misconfigured, Rejected, Retryable, TooLarge
from router.protocols import Outcome, SinkLimits, WriteResult
from tests.router.deliver.scene import (
    ScriptedSink,
    all_delivered,
    delivery,
    letters,
    metrics,
    number,
    open_log,
    record,
    records,
    residual,
    running,
    settled,
    until,
)


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
