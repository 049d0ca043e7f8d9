"""A process of its own that writes to a log or follows it until it is killed: `python -m tests.contract.log_process`.

Arguments: what to do (`write`, `follow` or `tell`), the settings of the log as JSON, the topic, the lease in seconds. One line per acknowledged append
("first offset, records") or per committed read ("partition, start, stop"); `tell` says so before it commits, as who delivers does:
killed in between, it has told everything that it will not get again.
"""

import asyncio
import sys

from pydantic import TypeAdapter

from router.batch import Mark, Partition, Record
from router.config import EmbeddedLog, LogSettings
from router.log.embedded import SqliteLog
from router.log.kafka import BrokerLog
from router.log.kafka.clients import Timing
from router.protocols import Log

LEASE_SECONDS = 2.0
QUICK = Timing(session_ms=2000, heartbeat_ms=300, rebalance_ms=10_000, request_ms=5000, handover_seconds=5)


def quick(settings: LogSettings, lease_seconds: float = LEASE_SECONDS) -> Log:
    """A log that notices dead members soon, unless the embedded one is given a longer lease."""
    if isinstance(settings, EmbeddedLog):
        return SqliteLog(settings, lease_seconds=lease_seconds, retention_every_seconds=0.2)
    return BrokerLog(settings, timing=QUICK)


async def _write(log: Log, topic: str) -> None:
    number = 0
    while True:
        records = [Record(n.to_bytes(16), b"event %d " % n + b"." * 300, 1.0) for n in range(number, number + 50)]
        first = await log.append(topic, 0, records)
        print(first, len(records), flush=True)
        number += len(records)


async def _follow(log: Log, topic: str, *, is_told_first: bool) -> None:
    async with log.follow([topic], group="shared") as follower:
        while True:
            for batch in await follower.read(max_records=100, timeout_seconds=1):
                span = batch.span
                if is_told_first:
                    print(span.partition, span.start, span.stop, flush=True)
                await follower.commit({Partition(span.topic, span.partition): Mark(span.stop)})
                if not is_told_first:
                    print(span.partition, span.start, span.stop, flush=True)


async def main(what: str, settings: str, topic: str, lease_seconds: str) -> None:
    """Run until killed."""
    log = quick(TypeAdapter(LogSettings).validate_json(settings), float(lease_seconds))
    await log.start()
    if what == "write":
        await _write(log, topic)
    await _follow(log, topic, is_told_first=what == "tell")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
