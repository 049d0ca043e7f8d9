"""Looks for canaries in a file that others append to and rename: reads on from where it looked last."""

import os
import re
from collections import OrderedDict
from pathlib import Path

_MARK = re.compile(rb"canary-[0-9a-f]{32}")
_MARK_BYTES = 39
_AT_ONCE = 4 << 20
_REMEMBERED = 20_000


class Lookout:
    """One file. Blocks; for one thread at a time. What stood in the file before the first look is not looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._is_first = True
        self._rest = b""
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def look(self) -> "OrderedDict[bytes, None]":
        """The marks that were seen so far, at most 20,000 of them. Raises OSError."""
        self._open()
        while self._file >= 0:
            self._read()
            if self._is_current():
                break
            self._read()  # what was written between the last read and the renaming
            self._leave()
            self._open()
        return self._seen

    def close(self) -> None:
        """Let go of the file."""
        self._leave()

    def _open(self) -> None:
        if self._file >= 0:
            return
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._is_first = False  # whatever comes is new
            return
        if self._is_first:
            os.lseek(self._file, 0, os.SEEK_END)
        self._is_first = False

    def _is_current(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(self._file)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

    def _read(self) -> None:
        while chunk := os.read(self._file, _AT_ONCE):
            data = self._rest + chunk
            for found in _MARK.findall(data):
                self._seen[found] = None
            self._rest = data[-_MARK_BYTES + 1 :]
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._rest = -1, b""
