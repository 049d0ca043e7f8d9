"""The durable log by itself: append with acknowledgement, read back through a group, with one header of facts per record.

Batches of 1,000 made-up firewall lines of 300 and 1,077 bytes, four partitions in turn. The embedded log syncs every append
(SQLite, synchronous=FULL); `--bootstrap host:port` measures Kafka instead (acks=all, idempotent, zstd). "Decoded" reads with
a log that was opened afresh; "recent" reads what the same process appended a moment ago. CPU is that of the whole process,
threads included; medians of the runs.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from router.batch import Facts, Record
from router.config import EmbeddedLog, KafkaLog
from router.log import open_log
from router.protocols import Log, TopicSettings
from router.tuning import tune

_TOPIC, _PARTITIONS, _BATCH = "bench", 4, 1000
_LINE = (
    "<134>1 2026-11-24T10:00:00Z fw01 kernel - - - action={} src=10.1.{}.{} dst=172.16.{}.{} proto=tcp spt={} dpt={} rule={} "
    "bytes={} iface=eth{} "
)
_TAIL = (
    'msg="connection refused by policy" policy=perimeter-default zone_in=untrust zone_out=trust vsys=root ttl=64 tos=0x00 '
    "flags=SYN session_end_reason=policy-deny app=unknown category=any device_group=edge "
)


def lines(count: int, size: int) -> list[bytes]:
    """Lines that compress about 7:1 (300 B) and 8:1 (1,077 B); real ones do 6 to 12:1."""
    rnd, made = random.Random(1), list[bytes]()
    for _ in range(count):
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            numbers = [rnd.randrange(n) for n in (256, 256, 256, 256, 65536)]
            action, port = rnd.choice(("deny", "allow")), rnd.choice((22, 53, 80, 443, 3389))
            parts.append(_LINE.format(action, *numbers, port, rnd.randrange(200), rnd.randrange(10**5), rnd.randrange(4)))
            parts.append(_TAIL)
        made.append("".join(parts).encode()[:size])
    return made


async def append(log: Log, records: list[Record], batches: int) -> None:
    """One caller per partition, as in the router."""

    async def fill(partition: int) -> None:
        for _ in range(batches // _PARTITIONS):
            await log.append(_TOPIC, partition, records)

    await asyncio.gather(*map(fill, range(_PARTITIONS)))


async def read(log: Log, group: str, count: int) -> None:
    """As sinks do."""
    async with log.follow([_TOPIC], group=group) as follower:
        while count > 0:
            count -= sum(len(b.items) for b in await follower.read(max_records=2000, timeout_seconds=5))


async def timed(work: Callable[[], Awaitable[None]], events: int) -> tuple[float, float]:
    """CPU and wall microseconds per event."""
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return (time.process_time() - cpu) / events * 1e6, (time.perf_counter() - wall) / events * 1e6


async def run(settings: EmbeddedLog | KafkaLog, size: int, batches: int) -> dict[str, tuple[float, float]]:
    """One pass over a log of its own."""
    facts = Facts("bench", "192.0.2.1")
    records = [Record(os.urandom(16), body, time.time(), facts) for body in lines(_BATCH, size)]
    events, results = batches * _BATCH, dict[str, tuple[float, float]]()
    log = open_log(settings)
    await log.start()
    await log.create({_TOPIC: TopicSettings(_PARTITIONS, 3600)})
    results["append"] = await timed(lambda: append(log, records, batches), events)
    if isinstance(settings, EmbeddedLog):
        few = min(batches, 20)
        results["read, recent"] = await timed(lambda: _tail(log, records, few), few * _BATCH)
    await log.close()
    again = open_log(settings)
    await again.start()
    results["read, decoded"] = await timed(lambda: read(again, "decoded", events), events)
    await again.close()
    return results


async def _tail(log: Log, records: list[Record], batches: int) -> None:
    """A group that has caught up reads what is appended now; the appends are part of the figure."""
    async with log.follow([_TOPIC], group="tail") as follower:
        await follower.read(max_records=1, timeout_seconds=0)
        for partition in follower.assigned:
            follower.seek(partition, (await log.ends(_TOPIC))[partition.number][1])
        for number in range(batches):
            await log.append(_TOPIC, number % _PARTITIONS, records)
            await follower.read(max_records=2000, timeout_seconds=5)


def main() -> None:
    """Print one line per size and direction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", help="measure this Kafka broker instead of the embedded log")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batches", type=int, default=200)
    options, _ = parser.parse_known_args()
    tune()
    for size in (300, 1077):
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as folder:
                for what, pair in asyncio.run(run(_settings(options.bootstrap, folder), size, options.batches)).items():
                    found.setdefault(what, []).append(pair)
        for what, pairs in found.items():
            cpu, wall = (statistics.median(p[i] for p in pairs) for i in range(2))
            print(f"{size:5} B  {what:14} {cpu:6.2f} us CPU  {wall:6.2f} us wall per event")


def _settings(bootstrap: str | None, folder: str) -> EmbeddedLog | KafkaLog:
    if bootstrap:
        return KafkaLog(kind="kafka", bootstrap=(bootstrap,), replication=1, prefix=f"bench{os.urandom(4).hex()}.")
    return EmbeddedLog(path=Path(folder) / "log.db")


if __name__ == "__main__":
    main()
