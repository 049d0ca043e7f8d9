"""How far files have been read: kept on disk, replaced atomically, and only after the log has what was read."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from router.errors import Misconfigured

PRINT_BYTES = 1024
_MAX_CURSORS = 10_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a file that is known by device, inode and the bytes before the place, so that a new file is never taken
    for the old one only because it inherited its inode."""

    path: str
    device: int
    inode: int
    offset: int
    print: str
    """Fingerprint of up to PRINT_BYTES before `offset`."""

    @property
    def key(self) -> tuple[int, int]:
        """What stays when a file is renamed."""
        return self.device, self.inode


def fingerprint(before: bytes) -> str:
    """Of the bytes before a place."""
    return hashlib.blake2b(before[-PRINT_BYTES:], digest_size=16).hexdigest()


class Cursors:
    """The cursors of one source, in `<folder>/<source>.json`."""

    def __init__(self, folder: Path, source: str) -> None:
        self._file, self._source = folder / f"{source}.json", source
        self._known: dict[tuple[int, int], Cursor] = {}

    def load(self) -> None:
        """Read what was saved. Raises Misconfigured when it cannot be: to start anew would send everything again."""
        try:
            rows = json.loads(self._file.read_text("utf-8"))["cursors"]
            found = [Cursor(**row) for row in rows]
        except FileNotFoundError:
            found = []
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"source {self._source}: cursors in {self._file} cannot be read ({type(error).__name__})"
            raise Misconfigured(f"{text}; mend it, or delete it to read all files again") from error
        self._known = {cursor.key: cursor for cursor in found}

    def of(self, key: tuple[int, int]) -> Cursor | None:
        """The cursor of the file with this device and inode."""
        return self._known.get(key)

    def all(self) -> list[Cursor]:
        """Every cursor, the least recently moved first."""
        return list(self._known.values())

    def forget(self, key: tuple[int, int]) -> None:
        """A file that will not be read again."""
        self._known.pop(key, None)

    def save(self, moved: Iterable[Cursor]) -> None:
        """Make new places durable. Blocks for a sync."""
        for cursor in moved:
            self._known.pop(cursor.key, None)
            self._known[cursor.key] = cursor
        for key in list(self._known)[:-_MAX_CURSORS]:
            del self._known[key]
        self._write(json.dumps({"version": 1, "cursors": [asdict(c) for c in self._known.values()]}))

    def _write(self, text: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
