"""One process that correlates, to be killed: python -m tests.router.correlate.member SETTINGS [--feed]. Prints `ready`, ends on SIGTERM.

With --feed it also appends the matches of the test, from where the log ends, one every few milliseconds, and ends when all of
them are worked off.
"""

import argparse
import asyncio
import json
import signal

from router.batch import MATCHES, Facts, Record
from router.config import EmbeddedLog, KafkaLog
from router.correlate.lane import MATCH
from router.correlate.loop import Correlate
from router.correlate.match import home, matches_for
from router.log import open_log
from router.log.kafka import BrokerLog
from router.log.kafka.clients import Timing
from router.protocols import Log
from tests.router.correlate.correlations import correlation
from tests.router.detect.rules import read, titled

RULES = [read(titled(name, "{product: p}", "{x: y}", f"id: {name}")) for name in "ab"]
CORRELATIONS = [
    correlation("event_count", "{gte: 3}", rules="[a, b]", timespan="30s", name="many"),
    correlation("temporal_ordered", rules="[b, a]", timespan="30s", name="ordered"),
    correlation("value_sum", "{gte: 10, field: n}", rules="[a, b]", timespan="30s", name="sum"),
]
PARTITIONS, BLOCK, LATENESS = 2, 6, 5.0
_TIMING = Timing(session_ms=6_000, heartbeat_ms=500, rebalance_ms=8_000)


def matches(count: int) -> list[list[Record]]:
    """By partition of `matches`: events of one user after the other, a block of them each, a second apart."""
    logs: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for i in range(count):
        event, rule = {"user": f"u{i // BLOCK}", "n": i % BLOCK}, RULES[i % 2]
        for key, body, match_id in matches_for(CORRELATIONS, rule, event, i.to_bytes(16), float(i)):
            logs[home(key, PARTITIONS)].append(Record(match_id, body, float(i), Facts(kind=MATCH), key))
    return logs


def opened(settings: str) -> Log:
    """The log of a JSON text: that of an embedded log, or of Kafka."""
    read_ = json.loads(settings)
    if read_.get("kind") == "kafka":
        return BrokerLog(KafkaLog(**read_), timing=_TIMING)
    return open_log(EmbeddedLog(**read_))


async def feed(log: Log, count: int, pause_seconds: float) -> None:
    """Append what is not there yet, partition after partition in turn."""
    ends = {number: end for number, (_, end) in (await log.ends(MATCHES)).items()}
    logs = matches(count)
    for i in range(max(map(len, logs))):
        for number, records in enumerate(logs):
            if ends[number] <= i < len(records):
                await log.append(MATCHES, number, [records[i]])
        await asyncio.sleep(pause_seconds)


async def worked_off(log: Log) -> None:
    """Once everything in `matches` is committed."""
    while True:
        ends = await log.ends(MATCHES)
        marks = await log.committed("correlate", [MATCHES])
        reached = {p.number: mark.offset for p, mark in marks.items() if mark}
        if all(end == 0 or reached.get(number, 0) >= end for number, (_, end) in ends.items()):
            return
        await asyncio.sleep(0.1)


async def main(settings: str, count: int) -> None:
    log, stop = opened(settings), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await log.start()
    part = Correlate(log, CORRELATIONS, LATENESS, tick_seconds=1e9)
    running = asyncio.create_task(part.run(stop))
    await part.ready.wait()
    print("ready", flush=True)
    if count:
        await feed(log, count, 0.005)
        await worked_off(log)
        stop.set()
    await running
    await log.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("settings")
    parser.add_argument("--feed", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(main(options.settings, options.feed))
