"""Read files to their end, a few at a time, for a backfill."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from router.ingest._file_desk import Desk, matching
from router.ingest._file_reader import FileReader

_AT_ONCE = 4


async def read_once(patterns: Sequence[Path], desk: Desk, stop: asyncio.Event) -> None:
    """Read everything that matches now, and return; or earlier, when `stop` is set."""
    paths = await asyncio.to_thread(lambda: list(matching(patterns)))
    if not paths:
        desk.logger.warning("no file matches", paths=[str(p) for p in patterns])
    waiting = iter(paths)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(_read_some(waiting, desk, stop))


async def _read_some(waiting: Iterator[Path], desk: Desk, stop: asyncio.Event) -> None:
    for path in waiting:
        if stop.is_set():
            return
        reader = await asyncio.to_thread(desk.open, path, path)
        if reader is not None:
            try:
                await _read(reader, desk, stop)
            finally:
                reader.close()


async def _read(reader: FileReader, desk: Desk, stop: asyncio.Event) -> None:
    while not stop.is_set():
        chunk = await asyncio.to_thread(reader.read)
        if not await desk.hand_in(reader, reader.lines(chunk.data) if chunk.data else reader.last_line()):
            return
        if chunk.data:
            await desk.save([reader])
            continue
        if chunk.state == "broken":
            desk.emit.reject(reader.format)
        elif chunk.state in ("rewritten", "gone") or not reader.complete:
            desk.doubts(f"{reader.format}_cut" if not reader.complete else chunk.state).inc()
        await desk.save([reader])
        return
