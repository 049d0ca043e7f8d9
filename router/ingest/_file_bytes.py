"""The bytes of a file, plain or inflated, from a given place on. Blocking: call from a thread."""

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from router.ingest._gunzip import Gunzip

CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
GZIP_MAGIC_BYTES = len(_GZIP_MAGIC)
_GZIP_READ_BYTES = 64 << 10


class FileBytes(Protocol):
    """Bytes that can be read once, from a place on."""

    compressed: bool

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
        window, at = b"", 0
        while at < offset and (piece := self.read()):
            at += len(piece)
            window = (window + piece)[-(before + len(piece)) :]
        surplus = max(0, at - offset)
        self._ahead = window[len(window) - surplus :]
        return window[: len(window) - surplus][-before:] if before else b""

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


def open_bytes(path: Path) -> tuple[BufferedReader, FileBytes]:
    """The open file, to be closed by the caller, and its bytes; gzip is recognised by its first two. Raises OSError."""
    file = path.open("rb")
    compressed = os.pread(file.fileno(), GZIP_MAGIC_BYTES, 0) == _GZIP_MAGIC
    return file, GzipBytes(file) if compressed else PlainBytes(file)
