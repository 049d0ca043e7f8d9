"""Where the readers of a file source hand in their lines: to the log, and only then is their place saved."""

import asyncio
import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from router import telemetry
from router.batch import Facts
from router.ingest._cursors import Cursors
from router.ingest._file_reader import Codec, FileReader
from router.ingest._patience import until_durable
from router.ingest._runs import Runs
from router.protocols import Emit


class Desk:
    """Of one source."""

    def __init__(self, name: str, cursors: Cursors, codec: Codec, emit: Emit, stop: asyncio.Event) -> None:
        self._name, self.cursors, self.emit, self._stop = name, cursors, emit, stop
        self._codec = codec
        self._saving = asyncio.Lock()
        self.doubts = telemetry.bound(telemetry.DOUBTS.labels, name)
        self.logger = telemetry.logger("ingest").bind(source=name)
        self._refused: set[Path] = set()

    async def hand_in(self, reader: FileReader, runs: Runs) -> bool:
        """Emit in order. False when `stop` came before the log took them: the reader's place must not be saved then."""
        path = str(reader.path)
        if damaged := reader.take_damaged():
            self.emit.reject(reader.format, damaged)
        for flaw, lines in runs:
            meta = (("flaw", flaw), ("path", path)) if flaw else (("path", path),)
            if not await until_durable(self.emit, lines, Facts(self._name, path, meta=meta), give_up=self._stop):
                return False
            if flaw:
                self.doubts(flaw).inc(len(lines))
        return True

    async def save(self, readers: Iterable[FileReader]) -> None:
        """Make the places of readers durable."""
        places = [reader.cursor() for reader in readers]
        async with self._saving:
            await asyncio.to_thread(self.cursors.save, places)

    def open(self, path: Path, opened: Path) -> FileReader | None:
        """A reader at its saved place; None, and one line in the log, where the file cannot be read. Blocks."""
        try:
            reader = FileReader(path, opened, self.cursors, self._codec)
        except OSError as error:
            if path not in self._refused:
                self._refused.add(path)
                self.logger.error("cannot read a file", path=str(path), error=error.strerror)
            return None
        self._refused.discard(path)
        return reader


def matching(patterns: Sequence[Path]) -> Iterator[Path]:
    """The files that paths and globs name, each once, sorted. Blocks."""
    found = {Path(name) for pattern in patterns for name in glob.glob(str(pattern), recursive=True)}
    return (path for path in sorted(found) if path.is_file())
