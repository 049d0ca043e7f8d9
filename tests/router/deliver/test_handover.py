"""Handing over outside of the stream: every record is settled, buried, or given back."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router.batch import EVENTS, Partition, Record
from router.deliver.dead_letters import read_dead_letter
from router.deliver.handover import Handover, parcel_of
from router.errors import Misconfigured, Retryable, TooLarge
from router.protocols import Outcome, SinkLimits, WriteResult
from tests.router.deliver.scene import FAST, ScriptedSink, all_delivered, number, open_log, records


def handover(sink: ScriptedSink, log: Any, **rest: Any) -> Handover:
    return Handover("soc", sink, log, pace=FAST, **({"patience_seconds": 5.0} | rest))


def parcel(count: int) -> Any:
    wanted = records(count)
    return parcel_of(wanted, [(Partition(EVENTS, 1), 100 + number(r)) for r in wanted])


async def test_it_keeps_to_the_limits_of_the_sink_and_the_order(tmp_path: Path) -> None:
    sink = ScriptedSink(limits=SinkLimits(max_records=7, max_bytes=40))
    async with open_log(tmp_path) as log:
        assert await handover(sink, log).send(parcel(50)) == []
    assert sink.taken == list(range(50))
    assert max(map(len, sink.writes)) <= 7
    assert max(sum(len(sink.bodies[n]) for n in write) for write in sink.writes) <= 40


async def test_what_is_to_be_sent_again_is_and_nothing_else(tmp_path: Path) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        if len(sink.writes) > 1:
            return all_delivered(len(batch))
        outcomes = [Outcome.RETRY if number(r) % 3 == 0 else Outcome.DELIVERED for r in batch]
        return WriteResult(outcomes, {i: "busy" for i, o in enumerate(outcomes) if o is Outcome.RETRY})

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        one = handover(sink, log)
        assert await one.send(parcel(30)) == []
    assert sorted(sink.taken) == list(range(30))
    assert one.counts == {"delivered": 30}


async def test_a_poisonous_record_is_found_by_halves_and_buried_with_its_place(tmp_path: Path) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        if any(number(r) == 13 for r in batch):
            raise TooLarge("too much")
        return all_delivered(len(batch))

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        one = handover(sink, log)
        assert await one.send(parcel(40)) == []
        [buried] = (await log.fetch("dlq.soc", 0, 0, 10)).items
    letter = read_dead_letter(buried)
    assert (number(letter.record), letter.topic, letter.partition, letter.offset) == (13, EVENTS, 1, 113)
    assert sorted(sink.taken) == [n for n in range(40) if n != 13]
    assert one.counts == {"delivered": 39, "rejected": 1}
    assert one.refused == {"too much": 1}


async def test_a_sink_that_takes_nothing_gets_the_rest_back_after_its_patience(tmp_path: Path) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        if number(batch[0]) >= 20:
            raise Retryable("connection refused")
        return all_delivered(len(batch))

    sink = ScriptedSink(script, SinkLimits(max_records=10))
    async with open_log(tmp_path) as log:
        one = handover(sink, log, patience_seconds=0.2)
        left = await one.send(parcel(50))
    assert sorted(map(number, left)) == list(range(20, 50))
    assert sink.taken == list(range(20))
    assert one.trouble == "connection refused"


async def test_a_sink_that_is_misconfigured_is_not_asked_again(tmp_path: Path) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        raise Misconfigured("token refused")

    sink = ScriptedSink(script)
    async with open_log(tmp_path) as log:
        one = handover(sink, log)
        assert len(await one.send(parcel(5))) == 5
        assert await log.committed("any", (EVENTS,)) == {}
    assert len(sink.writes) == 1
    assert one.trouble == "token refused"


async def test_a_budget_is_kept(tmp_path: Path) -> None:
    sink = ScriptedSink(limits=SinkLimits(records_per_second=1000))
    async with open_log(tmp_path) as log:
        started = time.monotonic()
        await handover(sink, log, records_per_second=20).send(parcel(41))
        took = time.monotonic() - started
    assert took >= 2
    assert max(map(len, sink.writes)) <= 20
