"""Files of newline-delimited JSON: one document a line, on the disk (fsync) before it counts as delivered.

The file at `path` is appended to. Once it is larger than `rotate_bytes` or older than `rotate_seconds`, it is renamed to
carry the time (`events.ndjson` becomes `events-20260102T030405Z.ndjson`) and, with `gzip: true`, compressed. Nothing is
ever deleted. Several processes may write the same path: each write holds a lock on the file. A program that moves the
file away (logrotate) is noticed at the next write.

A full or failing disk is waited for; what was half written is cut off, so that no line is ever torn. A directory that is
missing or not writable pauses the sink.
"""

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from isal import igzip
from pydantic import Field

from router.batch import Record
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome, Sink, SinkLimits, WriteResult
from router.registry import FilePath, SinkSettings, Spec
from router.telemetry import logger
from sinks._lookout import Lookout
from sinks._splice import one_line, sendable, with_unfit

_WAIT_FOR = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINTR, errno.EAGAIN, errno.ENOMEM, errno.ESTALE, errno.EMFILE)
)


class FileSettings(SinkSettings):
    """A file on a local disk."""

    path: FilePath
    """The file that is written. Its directory must exist."""
    rotate_bytes: int = Field(1 << 30, ge=1 << 10)
    """Start a new file once this one is larger."""
    rotate_seconds: float = Field(86_400, gt=0)
    """Start a new file once this one is older; looked at when something is written."""
    gzip: bool = False
    """Compress files that are full."""


class File:
    """One write, one append, one fsync; in a thread."""

    def __init__(self, name: str, settings: FileSettings, clock: Callable[[], float] = time.time) -> None:
        self.limits = SinkLimits(max_records=10_000, max_bytes=8 << 20, max_concurrency=1, ordered=True)
        self._name, self._settings, self._clock = name, settings, clock
        self._began: tuple[int, float] = (0, 0.0)
        self._lock = asyncio.Lock()
        self._looked = Lookout(settings.path)

    async def open(self) -> None:
        """Nothing is held between writes."""

    async def close(self) -> None:
        """Nothing is held between writes."""
        self._looked.close()

    async def found(self, wanted: Mapping[bytes, str]) -> set[bytes]:
        """See Searchable. Reads what was appended since it was asked first; each record is told of once."""
        try:
            seen = await asyncio.to_thread(self._looked.look)
        except OSError as error:
            raise self._failure(error) from error
        return {id for id, text in wanted.items() if text.encode() in seen}

    async def write(self, records: Sequence[Record]) -> WriteResult:
        sent, odd = sendable(records)
        if sent:
            await self._appended(_lines(sent))
        return with_unfit(WriteResult([Outcome.DELIVERED] * len(sent)), odd)

    async def _appended(self, data: bytes) -> None:
        async with self._lock:
            try:
                await asyncio.to_thread(self._append, data)
            except OSError as error:
                raise self._failure(error) from error

    def _append(self, data: bytes) -> None:
        self._settings.path.parent.mkdir(exist_ok=True)  # one level: a whole path that is missing is more likely a mistake
        with _locked(self._settings.path) as file:
            size = _whole_lines(file)
            self._note_age(os.fstat(file))
            try:
                _write_all(file, data)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)
                raise
            if not size:
                _sync_directory(self._settings.path.parent)
            self._rotate_if_due(os.fstat(file))

    def _note_age(self, status: os.stat_result) -> None:
        """A file that was there before this process counts from its last change: its birth is not known."""
        if self._began[0] != status.st_ino:
            self._began = status.st_ino, status.st_mtime if status.st_size else self._clock()

    def _rotate_if_due(self, status: os.stat_result) -> None:
        """A failure leaves the file as it is, to grow on: its lines are safe already."""
        now = self._clock()
        if status.st_size < self._settings.rotate_bytes and now - self._began[1] < self._settings.rotate_seconds:
            return
        try:
            self._rotate(now)
        except OSError as error:
            logger("sink").warning("rotation_failed", sink=self._name, path=str(self._settings.path), error=error.strerror)

    def _rotate(self, now: float) -> None:
        target = _free_name(self._settings.path, now)
        os.rename(self._settings.path, target)
        _sync_directory(target.parent)
        if self._settings.gzip:
            _compress(target)

    def _failure(self, error: OSError) -> Retryable | Misconfigured:
        what = f"{self._settings.path}: {error.strerror}"
        if error.errno in _WAIT_FOR:
            return Retryable(f"disk: {what}")
        if error.errno == errno.EISDIR:
            return Misconfigured(f"file: {what}; name the file itself in `path`")
        return Misconfigured(f"file: {what}; make the directory and let the user of this process write there")


def _lines(records: Sequence[Record]) -> bytes:
    body = b"".join([part for record in records for part in (record.body, b"\n")])
    if body.count(b"\n") == len(records) and b"\r" not in body:
        return body
    return b"".join([part for record in records for part in (one_line(record.body), b"\n")])


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file at `path`, locked, and certainly still the one that stands there."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return
        finally:
            os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(file)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _whole_lines(file: int) -> int:
    """The size after cutting off a line that a crash left unfinished; it was never acknowledged."""
    size = end = os.fstat(file).st_size
    while end and os.pread(file, 1, end - 1) != b"\n":
        start = max(0, end - 65_536)
        end = start + os.pread(file, end - start, start).rfind(b"\n") + 1
    if end != size:
        os.ftruncate(file, end)
    return end


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _free_name(path: Path, now: float) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    names = (f"{path.stem}-{stamp}{f'.{n}' if n else ''}{path.suffix}" for n in range(1_000_000))
    return next(p for n in names if not (p := path.with_name(n)).exists() and not p.with_name(f"{n}.gz").exists())


def _compress(path: Path) -> None:
    """`name` becomes `name.gz`. The original goes only once the copy is on the disk."""
    part = path.with_name(f".{path.name}.gz.part")
    try:
        _pack(path, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    part.rename(path.with_name(f"{path.name}.gz"))
    _sync_directory(path.parent)
    path.unlink()


def _pack(path: Path, part: Path) -> None:
    with path.open("rb") as plain, part.open("wb") as file:
        with igzip.open(file, "wb", compresslevel=1) as packed:  # type: ignore[no-untyped-call]  # isal carries no types
            shutil.copyfileobj(plain, packed, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


SPEC: Spec[Sink] = Spec(settings=FileSettings, build=File)
