"""R11: more than can be taken."""

import asyncio
import contextlib
import socket
import sqlite3

from tests.faults import conservation
from tests.faults.arena import Arena, Plan, arena
from tests.faults.outcome import Outcome
from tests.faults.ports import free_port
from tests.faults.scenarios import scenario
from tests.faults.senders import Hec, Sender, SyslogTcp
from tests.journeys.deployment import total

_MEMORY_MB, _BODIES_MB = 16, 64
_HEC_SENDERS, _SYSLOG_SENDERS, _BURST = 20, 4, 2000
_BURSTS_PER_MINUTE = 12
"""Of each flooding sender: far more than memory holds, and not so much that draining it takes the rest of the day."""
_SLOW_SECONDS = 4.0
"""How long the log takes nothing at most: less than a write waits for another one to end."""
_UDP_DATAGRAMS = 60_000


@scenario("R11", 0.15, 14)
async def overload(outcome: Outcome) -> None:
    """As much as twenty HEC and four syslog senders can give, while the log is slow, against 16 MiB of memory for events."""
    units = [("ingest", ("--role", "ingest")), ("rest", ("--role", "process", "--role", "correlate", "--role", "deliver"))]
    plan = Plan(units=units, sinks=("archive",), trusted_syslog=True, settings={"limits": {"memory_mb": _MEMORY_MB}})
    async with arena(plan, outcome) as one:
        await _overload(one)


async def _overload(one: Arena) -> None:
    outcome, ingest = one.outcome, one.fleet["ingest"]
    one.senders += [
        Hec(f"h{_letters(i)}", f"127.0.1.{i + 1}", 0, one.ledger.sender(f"h{_letters(i)}"), one.hec_port)
        for i in range(_HEC_SENDERS)
    ]
    for i in range(_SYSLOG_SENDERS):
        name = f"s{_letters(i)}"
        one.senders.append(SyslogTcp(name, f"127.0.2.{i + 1}", 0, one.ledger.sender(name), one.syslog_port, is_trusted=True))
    flood = one.senders[4:]
    for sender in flood:
        await sender.burst(10)  # connected, and everything is warm
    base, peak, loop = ingest.resident_bytes(), 0, asyncio.get_running_loop()
    bursts, began = max(2, int(outcome.minutes * _BURSTS_PER_MINUTE)), loop.time()
    tasks = [asyncio.create_task(_flood(sender, bursts)) for sender in flood]
    await _slow_log(one)
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0.1)
        peak = max(peak, ingest.resident_bytes())
    await asyncio.gather(*tasks)
    taken = _BURST * bursts * len(flood) / (loop.time() - began)
    one.hit("flood")
    one.faults["answers 503"] = refused = _refused(one)
    grown = (peak - base) / (1 << 20)
    outcome.figures |= {"grown_mb": round(grown), "offered_events": sum(s.books.sent for s in one.senders)}
    outcome.figures["taken_per_second"] = round(taken)
    outcome.check(
        "memory stays within what is configured, and 15 %", grown <= 1.15 * (_MEMORY_MB + _BODIES_MB), f"{grown:.0f} MiB more"
    )
    outcome.check("overload was really reached", refused > 0)
    await one.end()
    one.judge(least=20_000)
    await conservation.judge(one)


async def _slow_log(one: Arena) -> None:
    """Somebody else writes to the log's file and takes his time, until requests are refused: else a receiver that reads large bodies
    one after the other never has more than its log takes."""
    with contextlib.closing(
        sqlite3.connect(one.plan.log["path"], timeout=10, isolation_level=None, check_same_thread=False)
    ) as connection:
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        end = asyncio.get_running_loop().time() + _SLOW_SECONDS
        while not _refused(one) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        connection.execute("ROLLBACK")


def _refused(one: Arena) -> int:
    return sum(sender.statuses.get(503, 0) for sender in one.senders if isinstance(sender, Hec))


async def _flood(sender: Sender, bursts: int) -> None:
    """As fast as it is taken."""
    for _ in range(bursts):
        await sender.burst(_BURST)


def _letters(number: int) -> str:
    return chr(ord("a") + number)


@scenario("R11-udp", 0.1, 12)
async def datagrams(outcome: Outcome) -> None:
    """A flood of datagrams: what arrived and what the kernel dropped, as reported, is what was sent."""
    udp = free_port()
    source = {"flood": {"kind": "syslog", "udp": f"127.0.0.1:{udp}"}}
    plan = Plan(sinks=("archive",), trusted_syslog=True, more_sources=source)
    async with arena(plan, outcome) as one:
        one.send()
        await asyncio.to_thread(_send_datagrams, udp, _UDP_DATAGRAMS)
        one.hit("flood of datagrams")
        await asyncio.sleep(outcome.minutes * 60)
        received, dropped = await _taken_and_dropped(one)
        outcome.figures |= {"datagrams_dropped": dropped, "datagrams_received": received}
        outcome.check("received + dropped = sent", received + dropped == _UDP_DATAGRAMS, f"{received:.0f} + {dropped:.0f}")
        await one.end()
        one.ledger.sinks["archive"].foreign -= int(received)  # the flood is not in the books
        one.judge()


async def _taken_and_dropped(one: Arena) -> tuple[float, float]:
    """Once they add up, or a minute later as they are."""
    for _ in range(60):
        metrics = await one.fleet.metrics()
        received = total(metrics, "ingest_received_events_total", 'source="flood"')
        dropped = total(metrics, "ingest_udp_kernel_drops", 'source="flood"')
        if received + dropped >= _UDP_DATAGRAMS:
            break
        await asyncio.sleep(1)
    return received, dropped


def _send_datagrams(port: int, count: int) -> None:
    line = b"<13>1 2026-01-01T00:00:00Z flood app - - - " + b"x" * 700
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for _ in range(count):
            sock.send(line)
