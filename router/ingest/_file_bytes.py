"""The bytes of a file, plain or inflated, from a given place on. Blocking: call from a thread."""

import os
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from router.ingest import _evtx
from router.ingest._gunzip import Gunzip

CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
GZIP_MAGIC_BYTES = len(_GZIP_MAGIC)
_GZIP_READ_BYTES = 64 << 10


class FileBytes(Protocol):
    """Bytes that can be read once, from a place on."""

    compressed: bool
    """What is read is not what stands in the file; it has an end."""
    format: str
    """What a file that cannot be read is refused as."""
    damaged: int
    """Records that could not be read since the caller set it to 0."""

    @property
    def complete(self) -> bool:
        """False in the middle of a gzip stream."""

    def read(self) -> bytes:
        """At most CHUNK_BYTES; empty at the end for now. Raises OSError, and Malformed for what is no gzip."""

    def move(self, offset: int, before: int) -> bytes:
        """Go to `offset` from the start of the file; returns up to `before` bytes in front of it, fewer if it is not there."""


class PlainBytes:
    """A file as it is."""

    compressed = False
    complete = True
    format = "file"
    damaged = 0

    def __init__(self, file: BufferedReader) -> None:
        self._file = file

    def read(self) -> bytes:
        return self._file.read(CHUNK_BYTES)

    def move(self, offset: int, before: int) -> bytes:
        self._file.seek(max(0, offset - before))
        return self._file.read(min(offset, before))


class GzipBytes:
    """What a gzip file holds. Places count inflated bytes."""

    compressed = True
    format = "gzip"
    damaged = 0

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._ahead = b""
        self._restart()

    @property
    def complete(self) -> bool:
        return self._gunzip.complete

    def read(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        return ahead or next(self._pieces, b"") or self._more()

    def move(self, offset: int, before: int) -> bytes:
        self._restart()
        window, self._ahead = _skipped(self.read, offset, before)
        return window

    def _restart(self) -> None:
        self._file.seek(0)
        self._gunzip, self._ahead = Gunzip(), b""
        self._pieces: Iterator[bytes] = iter(())

    def _more(self) -> bytes:
        while data := self._file.read(_GZIP_READ_BYTES):
            self._pieces = self._gunzip.feed(data)
            if piece := next(self._pieces, b""):
                return piece
        return b""


class EvtxBytes:
    """The records of a Windows event log file, a line of JSON each. Places count these lines' bytes."""

    compressed = True
    format = "evtx"

    def __init__(self, path: Path) -> None:
        self._path, self._ahead = path, b""
        self.complete, self.damaged = False, 0
        self._restart()

    def read(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        if ahead:
            return ahead
        parts: list[bytes] = []
        size = 0
        for record in self._records:
            if record is None:
                self.damaged += 1
                continue
            parts += (record, b"\n")
            size += len(record)
            if size >= CHUNK_BYTES:
                break
        else:
            self.complete = True
        return b"".join(parts)

    def move(self, offset: int, before: int) -> bytes:
        self._restart()
        window, self._ahead = _skipped(self.read, offset, before)
        self.damaged = 0
        return window

    def _restart(self) -> None:
        self._records = _evtx.records(self._path)
        self._ahead, self.complete, self.damaged = b"", False, 0


def _skipped(read: Callable[[], bytes], offset: int, before: int) -> tuple[bytes, bytes]:
    """Read up to `offset`: (up to `before` bytes in front of it, what was read beyond it)."""
    window, at = b"", 0
    while at < offset and (piece := read()):
        at += len(piece)
        window = (window + piece)[-(before + len(piece)) :]
    surplus = max(0, at - offset)
    ahead = window[len(window) - surplus :]
    return (window[: len(window) - surplus][-before:] if before else b""), ahead


def open_bytes(path: Path) -> tuple[BufferedReader, FileBytes]:
    """The open file, to be closed by the caller, and its bytes; gzip and .evtx are recognised by their first. Raises OSError."""
    file = path.open("rb")
    head = os.pread(file.fileno(), len(_evtx.MAGIC), 0)
    if head == _evtx.MAGIC:
        return file, EvtxBytes(path)
    return file, GzipBytes(file) if head[:GZIP_MAGIC_BYTES] == _GZIP_MAGIC else PlainBytes(file)
