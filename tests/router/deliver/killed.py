"""A process that delivers to a file until it is killed: `python -m tests.router.deliver.killed LOG FILE NAME`."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from router.batch import Record
from router.config import EmbeddedLog
from router.log.embedded import SqliteLog
from router.protocols import SinkLimits, WriteResult
from tests.router.deliver.scene import FAST, ScriptedSink, all_delivered, delivery, number


async def main(folder: Path, file: Path, name: str) -> None:
    """Write one line per record, and take a moment for the answer."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def script(batch: Sequence[Record]) -> WriteResult:
        os.write(descriptor, b"".join(b"%d\n" % number(r) for r in batch))
        await asyncio.sleep(0.01)
        return all_delivered(len(batch))

    log = SqliteLog(EmbeddedLog(path=folder / "log.db", partitions=2), lease_seconds=0.5)
    await log.start()
    sink = ScriptedSink(script, SinkLimits(max_records=50, max_concurrency=2))
    await delivery(log, sink, name, pace=FAST._replace(commit_seconds=0.05)).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
