r"""Files of lines, NDJSON or Windows events: followed as they grow, or read once.

    sources:
      applications:
        kind: file
        paths: [/var/log/app/*.log]
        state: /var/lib/logweir/cursors
      backfill:
        kind: file
        paths: [/archive/2026-11-*.ndjson.gz]
        once: true

Every line is one event; empty lines are skipped. Gzip and Windows event logs (.evtx) are recognised by content and read to
their end; a record of an .evtx is one event. How far each file was
read is saved in `state` after the log has the lines: a crash repeats at most what was read since, a restart repeats nothing.

With `multiline`, a stack trace or an XML document is one event:

      java:
        kind: file
        paths: [/var/log/app/server.log]
        multiline: {first: '^\d{4}-\d\d-\d\d '}

Rotation: after a rename the old file is read to its end before the new one, and watched for a minute more, for writers that
still hold it; files renamed while Logweir was down are found by inode in their folder. After copytruncate a file is read
from its start. Name the live files only: a glob that also matches rotated copies reads them as files of their own.
"""

import asyncio
from collections.abc import Sequence
from math import inf
from pathlib import Path

from pydantic import Field

from router.ingest._append import MAX_EVENT_BYTES
from router.ingest._cursors import Cursors
from router.ingest._file_desk import Desk
from router.ingest._file_follow import Follow
from router.ingest._file_once import read_once
from router.ingest._lines import Lines
from router.ingest._multiline import Joined, Multiline
from router.protocols import Emit, Source
from router.registry import SourceSettings, Spec


class FileSettings(SourceSettings):
    """Files of lines or NDJSON."""

    paths: tuple[Path, ...] = Field(min_length=1)
    """Files, or globs (`**` for any depth)."""
    state: Path = Path("cursors")
    """Folder for what has been read already; one file per source."""
    once: bool = False
    """Read what is there to the end, then be done."""
    poll_seconds: float = Field(0.25, gt=0)
    """How often to look for more."""
    max_line_bytes: int = Field(MAX_EVENT_BYTES, ge=1024, le=MAX_EVENT_BYTES)
    """Longer lines are cut and marked."""
    multiline: Multiline | None = None
    """How lines are joined to events; each line is one if absent."""


class FileSource:
    """Reads the files of one source. `addresses` is empty."""

    def __init__(self, name: str, settings: FileSettings) -> None:
        self._name, self._settings = name, settings
        self.ready = asyncio.Event()
        self.addresses: Sequence[tuple[str, int]] = ()

    async def run(self, emit: Emit, stop: asyncio.Event) -> None:
        """Read until `stop`, or to the end where `once` is set."""
        settings = self._settings
        cursors = Cursors(settings.state, self._name)
        await asyncio.to_thread(cursors.load)
        desk = Desk(self._name, cursors, self._codec, emit, stop)
        self.ready.set()
        if settings.once:
            await read_once(settings.paths, desk, stop)
        else:
            joined = settings.multiline
            await Follow(settings.paths, desk, joined.timeout_seconds if joined else inf).run(stop, settings.poll_seconds)

    def _codec(self) -> Lines | Joined:
        settings = self._settings
        if settings.multiline is None:
            return Lines(settings.max_line_bytes)
        return Joined(settings.multiline.begins, settings.multiline.max_lines, settings.max_line_bytes)


def _build(name: str, settings: FileSettings) -> FileSource:
    return FileSource(name, settings)


SPEC: Spec[Source] = Spec(settings=FileSettings, build=_build, alone=True)
