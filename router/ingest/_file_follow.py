"""Follow files as they grow, through renames, copytruncate and restarts."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import TypeAlias

from router.ingest._file_bytes import GZIP_MAGIC_BYTES
from router.ingest._file_desk import Desk, matching
from router.ingest._file_reader import Chunk, FileReader, renamed_file

RENAMED_SECONDS = 60.0
"""How long a renamed file is watched after its last line: its writer may not have noticed."""
_AT_ONCE = 16  # files whose chunks are in memory together
_Stamp: TypeAlias = tuple[int, int, int, int]


class Follow:
    """The files of one source, found by paths and globs at every look."""

    def __init__(
        self, patterns: Sequence[Path], desk: Desk, quiet_seconds: float = inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`quiet_seconds`: after so long without more, an event of several lines is taken as it is."""
        self._patterns, self._desk, self._quiet, self._clock = patterns, desk, quiet_seconds, clock
        self._told: dict[FileReader, float] = {}  # when it last had something, where an event may be held back
        self._live: dict[Path, FileReader] = {}
        self._renamed: dict[FileReader, float] = {}  # until when it is watched
        self._unread: set[FileReader] = set()  # renamed while nobody looked: to be read before the file that has its name
        self._done: set[_Stamp] = set()  # gzip files read to their end

    async def run(self, stop: asyncio.Event, poll_seconds: float) -> None:
        """Look for more until `stop`."""
        try:
            await asyncio.to_thread(self._recover)
            while not stop.is_set():
                await asyncio.to_thread(self._discover)
                if not await self._round():
                    await _pause(stop, poll_seconds)
        finally:
            for reader in (*self._live.values(), *self._renamed):
                reader.close()

    def _recover(self) -> None:
        """Open the files that were renamed while we were down, where something of them may be left."""
        for cursor in self._desk.cursors.all():
            path = Path(cursor.path)
            if _key(path) == cursor.key:
                continue
            renamed = renamed_file(cursor)
            reader = self._desk.open(path, renamed) if renamed else None
            if reader is not None:
                self._renamed[reader] = self._clock() + RENAMED_SECONDS
                self._unread.add(reader)
            else:
                self._desk.doubts("renamed_away").inc()
                self._desk.cursors.forget(cursor.key)

    def _discover(self) -> None:
        """Open what matches and is not open yet."""
        opened = {reader.key for reader in (*self._live.values(), *self._renamed)}
        wait = {reader.path for reader in self._unread}
        for path in matching(self._patterns):
            stamp = _stamp(path)
            if stamp is None or stamp[2] < GZIP_MAGIC_BYTES:  # before its first bytes came, nobody knows whether it is gzip
                continue
            if path in self._live or path in wait or stamp[:2] in opened or stamp in self._done:
                continue
            reader = self._desk.open(path, path)
            if reader is not None:
                self._live[path] = reader
                opened.add(reader.key)

    async def _round(self) -> bool:
        """One chunk of every file; True when there was any."""
        some = False
        for group in _groups([*self._renamed, *self._live.values()]):
            chunks = await asyncio.to_thread(_read_all, group)
            moved = await asyncio.gather(*map(self._take, group, chunks))
            some = some or any(chunk.data for chunk in chunks)
            if any(moved):
                await self._desk.save(itertools.compress(group, moved))
        return some

    async def _take(self, reader: FileReader, chunk: Chunk) -> bool:
        """Act on what a read found; True when the reader's place is to be saved."""
        if chunk.data:
            if reader in self._renamed:
                self._renamed[reader] = self._clock() + RENAMED_SECONDS
            if self._quiet < inf:
                self._told[reader] = self._clock()
            return await self._desk.hand_in(reader, reader.lines(chunk.data))
        if reader in self._told and self._clock() - self._told[reader] >= self._quiet:
            del self._told[reader]
            if not await self._desk.hand_in(reader, reader.held_back()):
                return False
            await self._desk.save([reader])
        self._unread.discard(reader)
        if chunk.state == "rewritten":
            return await self._start_anew(reader)
        if chunk.state in ("done", "broken"):
            return await self._read_whole(reader, broken=chunk.state == "broken")
        if chunk.state == "gone":
            self._desk.doubts("unreadable").inc()
            self._drop(reader)  # opened again, at its saved place, once it can be read
        elif reader in self._renamed:
            return await self._leave(reader)
        elif chunk.state == "renamed":
            del self._live[reader.path]
            self._renamed[reader] = self._clock() + RENAMED_SECONDS
        return False

    async def _start_anew(self, reader: FileReader) -> bool:
        self._desk.doubts("rewritten").inc()
        handed_in = await self._desk.hand_in(reader, reader.last_line())
        if handed_in:
            await asyncio.to_thread(reader.start_anew)
        return handed_in

    async def _read_whole(self, reader: FileReader, *, broken: bool) -> bool:
        """A gzip or .evtx file has been read as far as it goes."""
        if broken:
            self._desk.emit.reject(reader.format)
        handed_in = await self._desk.hand_in(reader, reader.last_line())
        self._done.add(reader.stamp)  # of its opening: what was added since makes it another file
        self._drop(reader)
        return handed_in

    async def _leave(self, reader: FileReader) -> bool:
        """Close a renamed file that nobody writes to any more."""
        if self._clock() < self._renamed[reader] or not await self._desk.hand_in(reader, reader.last_line()):
            return False
        self._drop(reader)
        if await asyncio.to_thread(self._matches, reader.key):
            return True  # a glob names the rotated file, too: its place is kept, or it would be read again
        self._desk.cursors.forget(reader.key)
        return False

    def _matches(self, key: tuple[int, int]) -> bool:
        return any(_key(path) == key for path in matching(self._patterns))

    def _drop(self, reader: FileReader) -> None:
        reader.close()
        self._told.pop(reader, None)
        self._renamed.pop(reader, None)
        if self._live.get(reader.path) is reader:
            del self._live[reader.path]


def _read_all(readers: Sequence[FileReader]) -> list[Chunk]:
    return [reader.read() for reader in readers]


def _key(path: Path) -> tuple[int, int] | None:
    stamp = _stamp(path)
    return stamp[:2] if stamp else None


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _groups(readers: Sequence[FileReader]) -> Iterator[Sequence[FileReader]]:
    return (readers[i : i + _AT_ONCE] for i in range(0, len(readers), _AT_ONCE))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
