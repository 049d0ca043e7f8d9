"""What receivers do as memory runs short: at 80 % they push back in their protocol's own way, at 95 % the least is shed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from router.ingest import _syslog_stream
from router.ingest._append import EVENT_OVERHEAD_BYTES
from router.ingest._ledger import Ledger
from router.protocols import Memory
from tests.contract.source import Running, build, counted, running

HERE = "127.0.0.1:0"
LIMIT = 1 << 20


@contextlib.contextmanager
def held(memory: Memory, share: float) -> Any:
    """Somebody holds a part of memory."""
    size = int(memory.limit_bytes * share) + 1
    memory.hold(size)
    try:
        yield
    finally:
        memory.give(size)


@contextlib.asynccontextmanager
async def syslog(**settings: Any) -> AsyncIterator[Running]:
    async with running(build("syslog", "net", **settings), memory_bytes=LIMIT) as one:
        yield one
        await one.until(lambda: one.emit.memory.held_share == 0)


def send(port: int, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for message in messages:
            sock.sendto(message, ("127.0.0.1", port))


_BY_SEVERITY = [b"<%d>severity %d" % (16 * 8 + n, n) for n in range(8)] + [b"no priority"]


@pytest.mark.parametrize(
    ("share", "kept"),
    [
        (0.0, _BY_SEVERITY),
        (0.95, [m for m in _BY_SEVERITY if m != _BY_SEVERITY[7]]),
        (0.98, _BY_SEVERITY[:6]),
        (1.0, []),
    ],
    ids=["memory is there", "debug goes first", "then informational, and what names no severity", "then all"],
)
async def test_datagrams_are_shed_by_severity_and_counted(share: float, kept: Sequence[bytes]) -> None:
    before = counted("net").get("shed", 0)
    async with syslog(udp=HERE) as one:
        with held(one.emit.memory, share):
            if share:
                send(one.addresses[0][1], b"<128>first")  # when it is read, reading stops
                await one.arrived(1)
            send(one.addresses[0][1], *_BY_SEVERITY)
            shed = len(_BY_SEVERITY) - len(kept)
            await one.until(lambda: counted("net").get("shed", 0) - before == shed)
            found = await one.until(lambda: len(one.log.bodies) >= len(kept) + bool(share))
        assert found[bool(share) :] == list(kept)


async def test_between_the_marks_datagrams_are_left_to_the_kernel_and_not_lost() -> None:
    before = counted("net").get("shed", 0)
    async with syslog(udp=HERE) as one:
        with held(one.emit.memory, 0.85):
            send(one.addresses[0][1], b"<128>first")
            await one.arrived(1)
            send(one.addresses[0][1], *_BY_SEVERITY)
            await asyncio.sleep(0.3)
            assert len(one.log.bodies) == 1
        assert (await one.arrived(1 + len(_BY_SEVERITY)))[1:] == _BY_SEVERITY
    assert counted("net").get("shed", 0) == before


async def test_no_connection_is_read_while_memory_is_short_and_all_are_afterwards() -> None:
    line = b"<13>" + b"x" * 995 + b"\n"
    async with syslog(tcp=HERE) as one:
        writers = [(await asyncio.open_connection("127.0.0.1", one.addresses[0][1]))[1] for _ in range(20)]
        for writer in writers:
            writer.write(line)
        await one.arrived(20)
        with held(one.emit.memory, 0.85):
            writers[0].write(line)  # the one that notices
            await one.arrived(21)
            for writer in writers[1:]:
                writer.write(line * 50)
            await asyncio.sleep(0.3)
            assert len(one.log.bodies) == 21
        await one.arrived(21 + 19 * 50)
        for writer in writers:
            writer.close()


async def test_a_new_syslog_connection_is_refused_while_memory_is_full_and_taken_before_that() -> None:
    before = counted("net").get("memory", 0)
    async with syslog(tcp=HERE) as one:
        with held(one.emit.memory, 0.94):
            _, kept = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
            await asyncio.sleep(0.1)
            assert counted("net").get("memory", 0) == before
        with held(one.emit.memory, 0.95):
            reader, refused = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            refused.close()
        assert counted("net").get("memory", 0) == before + 1
        kept.write(b"<13>still here\n")
        assert await one.arrived(1) == [b"<13>still here"]
        kept.close()


async def test_frames_that_have_begun_may_take_a_part_of_memory_and_others_are_heard() -> None:
    """Else many connections with half a frame each would keep everybody waiting for ever."""
    before, piece = counted("net").get("memory", 0), 64 << 10
    fits = int(LIMIT * _syslog_stream.OPEN_SHARE) // piece
    async with syslog(tcp=HERE, connections={"stalled_seconds": 60}) as one:
        streams = [await asyncio.open_connection("127.0.0.1", one.addresses[0][1]) for _ in range(fits + 1)]
        for _, writer in streams[:fits]:
            writer.write(b"<13>" + b"x" * (piece - 4))
        await one.until(lambda: one.emit.memory.held_share >= _syslog_stream.OPEN_SHARE)
        assert counted("net").get("memory", 0) == before
        streams[-1][1].write(b"<13>one too many")
        await one.until(lambda: counted("net").get("memory", 0) == before + 1)
        _, good = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        good.write(b"<13>good\n")
        await one.until(lambda: b"<13>good" in one.log.bodies)
        for _, writer in [*streams, (None, good)]:
            writer.close()


async def test_what_waits_for_the_log_is_in_the_ledger_wherever_it_waits() -> None:
    async with syslog(tcp=HERE, udp=HERE) as one:
        one.log.gate.clear()
        send(one.addresses[0][1], b"<13>" + b"u" * 996)
        _, writer = await asyncio.open_connection("127.0.0.1", one.addresses[1][1])
        writer.write((b"<13>" + b"t" * 996 + b"\n") * 100 + b"<13>half")
        expected = 101 * (1000 + EVENT_OVERHEAD_BYTES) + 8
        await one.until(lambda: one.emit.memory.held_share * LIMIT == pytest.approx(expected))
        one.log.gate.set()
        await one.arrived(101)
        writer.close()


def test_a_share_of_a_ledger_counts_in_both_and_is_refused_by_either() -> None:
    whole = Ledger(1000)
    part = Ledger(300, within=whole)
    part.take(200)
    assert (part.held, whole.held) == (200, 200)
    with pytest.raises(Exception, match="200 of 300"):
        part.take(101)
    whole.hold(750)
    with pytest.raises(Exception, match="950 of 1000"):
        part.take(51)
    assert (part.held, whole.held) == (200, 950)
    part.take(50)
    part.give(250)
    assert (part.held, whole.held) == (0, 750)


def test_one_that_holds_everything_may_grow_beyond_the_limit() -> None:
    """A body larger than all memory could never pass otherwise."""
    ledger = Ledger(1000)
    ledger.take(900)
    ledger.take(900, own=900)
    with pytest.raises(Exception, match="1800 of 1000"):
        ledger.take(1)
    assert ledger.full
    ledger.give(1800)


@pytest.mark.parametrize(
    ("held_bytes", "busy", "full"), [(799, False, False), (800, True, False), (949, True, False), (950, True, True)]
)
def test_the_marks_are_at_80_and_95_percent(held_bytes: int, busy: bool, full: bool) -> None:
    ledger = Ledger(1000)
    ledger.hold(held_bytes)
    assert (ledger.busy, ledger.full) == (busy, full)
