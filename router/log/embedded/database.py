"""The SQLite file: connections, one writer thread with group commit, a few reader threads, errors in our own words."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from router.errors import ConfigError, Misconfigured, Problem, Retryable
from router.log.embedded.block import Damaged
from router.log.embedded.schema import prepare

T = TypeVar("T")
Job = Callable[[Connection], Any]

BUSY_SECONDS = 5.0
_LOCK_SECONDS = 0.0005
_READERS = 2
_JOBS_PER_COMMIT = 256
_CLOSE_SECONDS = 8.0
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free space or lower `retention_bytes`",
    sqlite3.SQLITE_IOERR: "the disk reports an input/output error; look at the kernel's log",
    sqlite3.SQLITE_BUSY: "another process has held the write lock for too long; `fuser` names what has the file open",
    sqlite3.SQLITE_LOCKED: "another connection holds the write lock",
    sqlite3.SQLITE_CANTOPEN: "the file or a file beside it cannot be opened; check permissions and open file limits",
    sqlite3.SQLITE_READONLY: "the file has become read-only; check permissions and the mount",
    sqlite3.SQLITE_NOMEM: "out of memory",
}
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def own_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: Retryable for what may pass, Misconfigured for a damaged file; bugs stay as they are."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise Misconfigured(f"embedded log {path}: what is stored is no text ({error.reason}); {_remedy(path)}") from error
    except Damaged as error:
        remedy = f"{_remedy(path)}; or let readers pass what is lost, by `logweir mend`"
        raise Misconfigured(f"embedded log {path}: a stored block is damaged ({error}); {remedy}") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if is_damage(error):
            raise Misconfigured(f"embedded log {path}: {error}; {_remedy(path)}") from error
        if code in _ADVICE:
            raise Retryable(f"embedded log {path}: {_ADVICE[code]} ({error})") from error
        raise


def is_damage(error: Exception) -> bool:
    """Whether the file is not what was written, or not ours."""
    return isinstance(error, Damaged) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN or "malformed" in str(error)


def _remedy(path: Path) -> str:
    return f"stop Logweir, keep a copy, and restore or move away {path.name} with its -wal and -shm files"


def connect(path: Path) -> Connection:
    """A connection that may be used by one thread at a time; statements commit by themselves outside BEGIN."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class Watch:
    """Reads SQLite's change counter. The one call that needs no thread: a glance at shared memory that never waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._seen = connection, -1

    def changed(self) -> bool:
        """True as well when the counter cannot be read just now: the reader that is woken for nothing finds out why."""
        try:
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return True
        changed, self._seen = version != self._seen, version
        return bool(changed)


class Database:
    """Never blocks the event loop: every call to SQLite runs in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = ThreadPoolExecutor(1, "log-writer")
        self._readers = ThreadPoolExecutor(_READERS, "log-reader")
        self._mine = threading.local()
        self._connections: list[Connection] = []
        self._write_connection: Connection | None = None
        self._jobs: list[tuple[Job, asyncio.Future[Any]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Create or open the file. Raises ConfigError when it is no log of ours, Retryable when it cannot be reached now."""
        try:
            await self._run(self._writer, self._create)
        except Misconfigured as error:
            text, _, remedy = str(error).partition("; ")
            raise ConfigError([Problem(str(self.path), 0, "log.path", text, remedy)]) from error

    def _create(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # events are nobody else's business
        except OSError as error:
            problem = Problem(str(self.path), 0, "log.path", f"cannot be created: {error.strerror}", "check path and permissions")
            raise ConfigError([problem]) from error
        self._connection()

    async def close(self) -> None:
        """Write what is queued, then let go; gives up after some seconds."""
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self._flushing is not None:
                    await asyncio.wait([self._flushing])
                await asyncio.get_running_loop().run_in_executor(self._writer, self._disconnect)
        except TimeoutError:
            pass
        self._writer.shutdown(wait=False, cancel_futures=True)
        self._readers.shutdown(wait=False, cancel_futures=True)

    def _disconnect(self) -> None:
        self._readers.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = connect(self.path)
            self._connections.append(connection)
        return connection

    def _writing(self) -> Connection:
        """The connection of transactions that write. It does not wait for the lock by itself: see `_take_lock`."""
        if self._write_connection is None:
            self._write_connection = self._impatient()
        return self._write_connection

    async def watch(self) -> "Watch":
        """Tells whether anybody else has written since."""
        return Watch(await self._run(self._readers, self._impatient))

    def _impatient(self) -> Connection:
        connection = connect(self.path)
        connection.execute("PRAGMA busy_timeout=0")
        self._connections.append(connection)
        return connection

    async def compute(self, work: Callable[[], T]) -> T:
        """Run pure work off the event loop."""
        return await self._run(self._readers, work)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a reader thread, in one snapshot."""
        return await self._run(self._readers, lambda: self._snapshot(query))

    def _snapshot(self, query: Callable[[Connection], T]) -> T:
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            return query(connection)
        finally:
            connection.execute("COMMIT")

    async def _run(self, executor: Executor, work: Callable[[], T]) -> T:
        if self._closed:
            raise Retryable(f"embedded log {self.path}: is closed")
        with own_errors(self.path):
            return await asyncio.get_running_loop().run_in_executor(executor, work)

    async def maintain(self, work: Callable[[Connection], None]) -> None:
        """Run work in the writer thread that cannot be part of a transaction."""
        await self._run(self._writer, lambda: work(self._connection()))

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Durable when it returns. Jobs that come in during a commit share the next one; cancelling takes a waiting job back."""
        if self._closed:
            raise Retryable(f"embedded log {self.path}: is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append((job, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        with own_errors(self.path):
            return await future

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._jobs:
            taken = [(job, future) for job, future in self._jobs[:_JOBS_PER_COMMIT] if not future.done()]
            del self._jobs[:_JOBS_PER_COMMIT]
            results = await loop.run_in_executor(self._writer, self._commit, [job for job, _ in taken])
            for (_, future), result in zip(taken, results, strict=True):
                _settle(future, result)

    def _commit(self, jobs: Sequence[Job]) -> list[Any]:
        """One result per job, an exception for a job that failed: all in one transaction, else each in its own."""
        try:
            return self._together(jobs)
        except (sqlite3.OperationalError, OSError) as error:
            return [error] * len(jobs)
        except Exception as error:
            return [error] if len(jobs) == 1 else [r for job in jobs for r in self._commit([job])]

    def _together(self, jobs: Sequence[Job]) -> list[Any]:
        connection = self._writing()
        _take_lock(connection)
        try:
            results = [job(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results


def _take_lock(connection: Connection) -> None:
    """Begin to write, within BUSY_SECONDS. SQLite's own waiting sleeps longer from try to try, up to a tenth of a second, and
    meanwhile others come and take the lock: of four processes that write, one waited 35 ms at p99, with short sleeps 17."""
    due = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > due:
                raise
        time.sleep(_LOCK_SECONDS)


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
