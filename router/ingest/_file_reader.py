"""One file being read: where we are, and what happened to it meanwhile. Blocking: call from a thread."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from router.errors import Malformed
from router.ingest._cursors import PRINT_BYTES, Cursor, Cursors, fingerprint
from router.ingest._file_bytes import open_bytes
from router.ingest._lines import Lines
from router.ingest._multiline import Joined
from router.ingest._runs import Runs

State: TypeAlias = Literal["more", "end", "done", "rewritten", "renamed", "broken", "gone"]
"""What a read found: there may be more; nothing more for now; nothing more ever (gzip); it starts anew (copytruncate); its
name belongs to another file now; it is no gzip; it cannot be read."""


Codec: TypeAlias = Callable[[], Lines | Joined]
"""Makes what cuts a file's bytes into events."""


class Chunk(NamedTuple):
    """Bytes read, and what was found behind them."""

    data: bytes
    state: State


class FileReader:
    """An open file and its lines. The place of `cursor()` moves when lines are taken, so save it after they are durable."""

    def __init__(self, path: Path, opened: Path, cursors: Cursors, codec: Codec) -> None:
        """`path`: its configured name; `opened`: the name it has now. Raises OSError."""
        self.path, self._codec = path, codec
        self._window = b""  # the last bytes read: what a fingerprint is made of
        self._file, self._bytes = open_bytes(opened)
        status = os.fstat(self._file.fileno())
        self.key = status.st_dev, status.st_ino
        self.stamp = *self.key, status.st_size, status.st_mtime_ns
        self._begin()
        self._go_on(cursors.of(self.key))

    @property
    def complete(self) -> bool:
        """False in the middle of a gzip stream."""
        return self._bytes.complete

    @property
    def format(self) -> str:
        """What it is refused as, where it cannot be read."""
        return self._bytes.format

    def take_damaged(self) -> int:
        """Records inside of it that could not be read, since this was last asked."""
        damaged = self._bytes.damaged
        if damaged:
            self._bytes.damaged = 0
        return damaged

    def read(self) -> Chunk:
        """The next bytes, or at the end what became of the file."""
        try:
            if not self._is_same():
                return Chunk(b"", "rewritten")
            data = self._bytes.read()
            self._position += len(data)
            return Chunk(data, "more" if data else self._end())
        except Malformed:
            return Chunk(b"", "broken")
        except OSError:
            return Chunk(b"", "gone")

    def lines(self, data: bytes) -> Runs:
        """The lines that end in what was read."""
        runs = self._lines.feed(data)
        self._window = (self._window + data)[-(PRINT_BYTES + self._lines.unfinished_bytes) :]
        return runs

    def held_back(self) -> Runs:
        """An event of several lines that may go on, but has not for a while."""
        return self._lines.flush()

    def last_line(self) -> Runs:
        """What stands behind the last line feed, when no more will come."""
        return self._lines.finish()

    def start_anew(self) -> None:
        """Read a rewritten file from its start."""
        self._bytes.move(0, 0)
        self._begin()

    def cursor(self) -> Cursor:
        """Behind the last line that was taken."""
        unfinished = self._lines.unfinished_bytes
        before = self._window[: len(self._window) - unfinished]
        return Cursor(str(self.path), *self.key, self._position - unfinished, fingerprint(before))

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _begin(self) -> None:
        self._lines = self._codec()
        self._position, self._window = 0, b""

    def _go_on(self, cursor: Cursor | None) -> None:
        """Move to the place of a cursor, if the bytes before it are those that were read."""
        if cursor is None or not cursor.offset:
            return
        try:
            window = self._bytes.move(cursor.offset, PRINT_BYTES)
        except Malformed:
            window = b""
        if fingerprint(window) == cursor.print:
            self._position, self._window = cursor.offset, window
        else:
            self._bytes.move(0, 0)

    def _is_same(self) -> bool:
        """False where the file is shorter than what we read, or other bytes stand there."""
        before = self._window[-PRINT_BYTES:]
        if self._bytes.compressed or not before:
            return True
        return os.pread(self._file.fileno(), len(before), self._position - len(before)) == before

    def _end(self) -> State:
        if self._bytes.compressed:
            return "done" if self.complete else "end"
        return "renamed" if self._is_renamed() else "end"

    def _is_renamed(self) -> bool:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return True
        return (status.st_dev, status.st_ino) != self.key


def renamed_file(cursor: Cursor) -> Path | None:
    """Where a file went whose name belongs to another one now; looked for in its own folder."""
    try:
        with os.scandir(Path(cursor.path).parent) as entries:
            found = [e.path for e in entries if e.inode() == cursor.inode and e.is_file(follow_symlinks=False)]
        return Path(found[0]) if found and os.stat(found[0]).st_dev == cursor.device else None
    except OSError:
        return None
