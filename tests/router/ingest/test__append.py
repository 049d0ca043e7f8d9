"""From a source into the raw topic: order, durability, one append at a time, memory, counts."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from router import telemetry
from router.batch import Facts
from router.errors import Overloaded, Retryable
from router.ingest._append import EVENT_OVERHEAD_BYTES, MAX_EVENT_BYTES, Intake
from tests.contract.memory_log import MemoryLog
from tests.contract.source import counted

FACTS = Facts("test", "10.0.0.1")


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def balance() -> Iterator[None]:
    """received = appended + rejected, whatever the test does."""
    before = counted("test")
    yield
    after = counted("test")
    grown = {key: after.get(key, 0) - before.get(key, 0) for key in after}
    assert grown["received"] == grown["appended"] + sum(v for k, v in grown.items() if k not in ("received", "appended"))


@pytest.fixture
async def intake(log: MemoryLog, balance: None) -> AsyncIterator[Intake]:
    async with Intake(log, linger_seconds=0.001, deadline_seconds=0.5, memory_bytes=4 << 20) as intake:
        yield intake


async def test_emit_returns_only_after_the_log_has_the_events(log: MemoryLog, intake: Intake) -> None:
    log.gate.clear()
    emit = asyncio.create_task(intake.emit_for("test")([b"one"], FACTS))
    await asyncio.sleep(0.05)
    assert not emit.done()
    log.gate.set()
    await emit
    assert log.bodies == [b"one"]


async def test_events_of_one_sender_keep_their_order_over_concurrent_emits(log: MemoryLog, intake: Intake) -> None:
    emit = intake.emit_for("test")
    await asyncio.gather(*(emit([b"%d" % i], FACTS) for i in range(500)))
    assert [int(b) for b in log.bodies] == list(range(500))


async def test_concurrent_emits_share_appends_and_a_partition_has_one_at_a_time(log: MemoryLog, intake: Intake) -> None:
    emit = intake.emit_for("test")
    await asyncio.gather(*(emit([b"x"], FACTS) for _ in range(500)))
    assert log.appends < 20
    assert log.most_outstanding == 1


async def test_senders_are_spread_over_partitions_and_each_stays_in_one(log: MemoryLog, intake: Intake) -> None:
    emit = intake.emit_for("test")
    for turn in range(3):
        await asyncio.gather(*(emit([b"%d %d" % (peer, turn)], Facts("test", f"10.0.0.{peer}")) for peer in range(50)))
    assert all(log.records)
    for part in log.records:
        peers = {r.facts.peer for r in part}
        assert all(sum(r.facts.peer == p for r in part) == 3 for p in peers)


async def test_the_partition_of_a_sender_is_the_same_after_a_restart(balance: None) -> None:
    places = []
    for _ in range(2):
        log = MemoryLog(16)
        async with Intake(log) as intake:
            await intake.emit_for("test")([b"x"], FACTS)
        places.append([bool(part) for part in log.records])
    assert places[0] == places[1]


async def test_a_failing_append_is_repeated_with_the_same_ids_in_the_same_order(log: MemoryLog, intake: Intake) -> None:
    tried: list[list[bytes]] = []
    append = log.append

    async def spy(topic: str, partition: int, records):  # type: ignore[no-untyped-def]  # as the log's
        tried.append([r.id for r in records])
        return await append(topic, partition, records)

    log.append, log.failures = spy, 2  # type: ignore[method-assign]  # a spy
    await intake.emit_for("test")([b"a", b"b"], FACTS)
    assert len(tried) == 3
    assert tried[0] == tried[1] == tried[2] == [r.id for r in log.all]


async def test_past_the_deadline_the_sender_is_told_to_try_again(log: MemoryLog, intake: Intake) -> None:
    log.failures = 1000
    with pytest.raises(Retryable, match="told to fail"):
        await intake.emit_for("test")([b"a"], FACTS)
    log.failures = 0
    await intake.emit_for("test")([b"b"], FACTS)
    assert log.bodies == [b"b"]


async def test_where_the_log_forbids_it_the_sender_waits_and_the_process_lives(log: MemoryLog, intake: Intake) -> None:
    log.is_forbidden = True
    with pytest.raises(Retryable, match="no right to write"):
        await intake.emit_for("test")([b"a"], FACTS)
    log.is_forbidden = False
    await intake.emit_for("test")([b"b"], FACTS)
    assert log.bodies == [b"b"]


async def test_memory_makes_it_busy_at_eighty_percent_and_refuses_above_the_limit(log: MemoryLog, balance: None) -> None:
    async with Intake(log, memory_bytes=100_000) as intake:
        emit = intake.emit_for("test")
        log.gate.clear()
        held = asyncio.create_task(emit([b"x" * (79_999 - EVENT_OVERHEAD_BYTES)], FACTS))
        await asyncio.sleep(0.01)
        assert not emit.busy
        fill = asyncio.create_task(emit([b"x" * (20_001 - EVENT_OVERHEAD_BYTES)], FACTS))
        await asyncio.sleep(0.01)
        assert emit.busy
        with pytest.raises(Overloaded):
            await emit([b""], FACTS)
        log.gate.set()
        await asyncio.gather(held, fill)
        assert not emit.busy
        assert len(log.bodies) == 2


async def test_an_event_at_the_cap_passes_and_one_byte_more_is_counted_and_left_out(log: MemoryLog, intake: Intake) -> None:
    before = counted("test")
    whole = b"x" * MAX_EVENT_BYTES
    await intake.emit_for("test")([b"a", whole + b"x", whole, b"b"], FACTS, [b"%016d" % i for i in range(4)])
    assert log.bodies == [b"a", whole, b"b"]
    assert [int(r.id) for r in log.all] == [0, 2, 3]
    assert counted("test")["too_large"] - before.get("too_large", 0) == 1


@pytest.mark.parametrize("keeps_what_is_before", [False, True])
async def test_what_the_log_refuses_for_good_is_counted_and_the_rest_arrives_once(
    log: MemoryLog, intake: Intake, keeps_what_is_before: bool
) -> None:
    before = counted("test")
    log.refuse_above, log.keeps_what_is_before = 10, keeps_what_is_before
    await intake.emit_for("test")([b"a", b"x" * 11, b"b", b"c", b"y" * 12], FACTS)
    assert log.bodies == [b"a", b"b", b"c"]
    assert counted("test")["too_large"] - before.get("too_large", 0) == 2


async def test_a_bug_in_the_log_ends_the_intake_and_leaves_nobody_waiting(log: MemoryLog) -> None:
    async def broken(*_: object) -> int:
        raise ZeroDivisionError

    log.append = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(ExceptionGroup) as caught:
        async with Intake(log) as intake:
            await intake.emit_for("test")([b"a"], FACTS)
    assert caught.group_contains(ZeroDivisionError)


async def test_ids_that_a_source_derives_are_kept(log: MemoryLog, intake: Intake) -> None:
    await intake.emit_for("test")([b"a"], FACTS, [b"0123456789abcdef"])
    assert log.all[0].id == b"0123456789abcdef"


async def test_leaving_waits_for_what_was_handed_over(log: MemoryLog, balance: None) -> None:
    async with Intake(log, linger_seconds=0.2) as intake:
        emit = asyncio.create_task(intake.emit_for("test")([b"a"], FACTS))
        await asyncio.sleep(0)
    await emit
    assert log.bodies == [b"a"]


async def test_the_ledger_is_exported(log: MemoryLog, intake: Intake) -> None:
    log.gate.clear()
    emit = asyncio.create_task(intake.emit_for("test")([b"12345"], FACTS))
    await asyncio.sleep(0.01)
    assert telemetry.LEDGER_BYTES._value.get() == 5 + EVENT_OVERHEAD_BYTES
    log.gate.set()
    await emit
    assert telemetry.LEDGER_BYTES._value.get() == 0
