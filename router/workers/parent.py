"""Starts, watches and stops the workers of one configuration, and speaks for them at the admin port."""

import asyncio
import fcntl
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from router.serve import Answer, admin, on_signals
from router.share import DRAINED, VARIABLE, Share
from router.telemetry import WORKER_RESTARTS, WORKER_UP, logger
from router.workers.books import Books

_FIRST_WAIT_SECONDS, _LAST_WAIT_SECONDS = 0.2, 30.0
_SETTLED_SECONDS = 60.0
"""A worker that ran for so long begins with the shortest wait again when it ends."""
_FIRST_READY_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_WATCH_SECONDS, _DEAF_TIMES = 10.0, 3
"""A worker that has answered once and then fails to, so many times in a row, hangs: half of the senders wait for it in vain."""
_MARGIN_SECONDS = 15.0
"""Beyond the time to drain, for closing the log; then what still runs is killed."""
_STALE_SECONDS = 600.0
_PREFIX = "logweir-"
_FAST = Path("/dev/shm")
_log = logger("workers")


@dataclass(slots=True, eq=False)
class Worker:
    """One of them: its place among the others, and the process that fills it now."""

    share: Share
    process: asyncio.subprocess.Process | None = None
    was_ready: bool = False
    reload_due: bool = False
    """A reload was asked for before this process could be told: it would have died of SIGHUP."""

    @property
    def is_running(self) -> bool:
        """Whether there is a process that has not ended."""
        return self.process is not None and self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    @property
    def can_reload(self) -> bool:
        """Whether it has come so far that SIGHUP does not end it."""
        return self.is_running and self.share.admin.exists()

    def reload(self) -> None:
        """Let it read rules and configuration again, as soon as it can."""
        self.reload_due = not self.can_reload
        if not self.reload_due:
            self.signal(signal.SIGHUP)

    async def ask(self, path: str) -> Answer | None:
        """What it answers to a probe; None if it does not."""
        connector = aiohttp.UnixConnector(str(self.share.admin))
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get(f"http://worker{path}") as answer,
            ):
                return Answer(answer.status == 200, await answer.json())
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def is_ready(self) -> bool:
        """Whether it takes events; what it was once is remembered."""
        answer = await self.ask("/readyz") if self.is_running else None
        is_ready = answer is not None and answer.good
        self.was_ready |= is_ready
        return is_ready


class Workers:
    """All of them. `command` starts one; `folder` is theirs alone."""

    def __init__(self, command: Sequence[str], count: int, folder: Path, drain_seconds: float) -> None:
        self._command, self._drain_seconds = command, drain_seconds
        self._workers = [Worker(Share(number, count, folder)) for number in range(count)]
        self._books = Books(folder)
        self._environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        self._leaving = asyncio.Event()

    async def run(self) -> int:
        """Until all have ended, each by itself or because of `leave`. Returns the exit code.

        The first goes ahead: what keeps it from starting would keep all, and is said once. After that, one that fails is
        started again, for as long as it takes.
        """
        first, *others = self._workers
        ahead = asyncio.create_task(self._keep(first))
        await self._until_ready(first, ahead)
        if ahead.done():
            return ahead.result()
        tasks = [ahead, *(asyncio.create_task(self._keep(worker)) for worker in others)]
        codes = await asyncio.gather(*tasks)
        return 0 if not any(codes) else 1

    def leave(self) -> None:
        """Let every worker drain; kill what does not end in time."""
        self._leaving.set()
        self._tell(signal.SIGTERM)
        asyncio.get_running_loop().call_later(self._drain_seconds + _MARGIN_SECONDS, self._tell, signal.SIGKILL)

    def stop_at_once(self) -> None:
        """Without draining."""
        self._tell(signal.SIGKILL)
        os._exit(130)

    def reload(self) -> None:
        """Let every worker read rules and configuration again."""
        for worker in self._workers:
            worker.reload()

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.signal(number)

    async def _until_ready(self, worker: Worker, task: "asyncio.Task[int]") -> None:
        """Or until it has ended; once it answers, it is given some seconds: a source may wait for something that is far away."""
        answered = 0.0
        while not task.done() and not await worker.is_ready():
            if not answered and worker.is_running and await worker.ask("/healthz") is not None:
                answered = time.monotonic()
            if answered and time.monotonic() - answered > _FIRST_READY_SECONDS:
                return
            await asyncio.wait([task], timeout=_LOOK_SECONDS)

    async def _keep(self, worker: Worker) -> int:
        """Run one, again and again, until it ends by itself or everything does. Returns its last exit code.

        One that somebody else told to drain (a person, a daemon that frees memory) is started again as well.
        """
        wait, name = _FIRST_WAIT_SECONDS, str(worker.share.number)
        while True:
            began = time.monotonic()
            code = await self._live(worker, name)
            if self._leaving.is_set() and code in (DRAINED, -signal.SIGTERM):
                return 0  # the second one had not begun to work
            if self._leaving.is_set() or code == 0 or not any(w.was_ready for w in self._workers):
                return code
            wait = _FIRST_WAIT_SECONDS if time.monotonic() - began > _SETTLED_SECONDS else wait
            pause = random.uniform(wait / 2, wait)
            _log.error("a worker has ended; it is started again", worker=worker.share.number, code=code, after_seconds=pause)
            if await self._left(pause):
                return 0
            WORKER_RESTARTS.labels(name).inc()
            wait = min(wait * 2, _LAST_WAIT_SECONDS)

    async def _live(self, worker: Worker, name: str) -> int:
        """One life of a worker, from start to the end of its books; returns its exit code."""
        worker.share.admin.unlink(missing_ok=True)
        worker.reload_due = False
        worker.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment | {VARIABLE: worker.share.told()},
            stdin=asyncio.subprocess.PIPE,  # ends when this process does, however it does: then the worker drains
        )
        if self._leaving.is_set():
            worker.signal(signal.SIGTERM)
        WORKER_UP.labels(name).set(1)
        watching = [asyncio.create_task(watch(worker)) for watch in (self._watch, self._reload_if_due)]
        code = await worker.process.wait()
        for task in watching:
            task.cancel()
        WORKER_UP.labels(name).set(0)
        await asyncio.to_thread(self._books.close, worker.share.number)
        return code

    async def _watch(self, worker: Worker) -> None:
        """Kill a worker that hangs. How long its loop lags is its own affair, as long as it answers."""
        has_answered, deaf = False, 0
        while deaf < _DEAF_TIMES:
            await asyncio.sleep(_WATCH_SECONDS)
            answers = await worker.ask("/healthz") is not None
            has_answered |= answers
            deaf = deaf + 1 if has_answered and not answers and not self._leaving.is_set() else 0
        _log.error("a worker does not answer any more; it is killed", worker=worker.share.number)
        worker.signal(signal.SIGKILL)

    async def _reload_if_due(self, worker: Worker) -> None:
        """Tell it what it could not be told while it started."""
        is_told = False
        while not is_told:
            await asyncio.sleep(_LOOK_SECONDS)
            is_told = worker.can_reload
        if worker.reload_due:
            worker.reload()

    async def _left(self, seconds: float) -> bool:
        """Wait; True as soon as everything ends."""
        try:
            await asyncio.wait_for(self._leaving.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def metrics(self) -> bytes:
        """See Standing: of all workers together."""
        return await asyncio.to_thread(self._books.text)

    async def alive(self) -> Answer:
        """See Standing: no worker that was up hangs. One that has ended is being replaced, which is no reason to end all."""
        up = [w for w in self._workers if w.is_running and w.was_ready]
        answers = await asyncio.gather(*[w.ask("/healthz") for w in up])
        told = {str(w.share.number): a.told if a else "no answer" for w, a in zip(up, answers, strict=True) if w.is_running}
        stuck = [w for w, a in zip(up, answers, strict=True) if w.is_running and not (a and a.good)]
        return Answer(not stuck, {"workers": told})

    async def ready(self) -> Answer:
        """See Standing: once all have been ready, one that still is will do; the others' share is taken over."""
        are_ready = await asyncio.gather(*[w.is_ready() for w in self._workers])
        waiting = [f"worker {w.share.number}" for w, is_ready in zip(self._workers, are_ready, strict=True) if not is_ready]
        draining = self._leaving.is_set()
        is_ready = any(are_ready) and all(w.was_ready for w in self._workers) and not draining
        return Answer(is_ready, {"ready": is_ready, "waiting_for": waiting, "draining": draining})


async def supervise(command: Sequence[str], count: int, listen: str, drain_seconds: float) -> int:
    """Run `count` workers of one command until they end or a signal ends them; returns the exit code.

    SIGTERM and SIGINT drain, a second one stops at once; SIGHUP is passed on.
    """
    with _folder() as folder:
        workers = Workers(command, count, folder, drain_seconds)
        on_signals(workers.leave, workers.stop_at_once)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, workers.reload)
        async with admin(listen, workers) as url:
            _log.info("running", workers=count, admin=url)
            return await workers.run()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory, if there is one; it goes when this process ends, or when the next one finds it left behind."""
    place = _FAST if os.access(_FAST, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove the folders of parents that were killed: those whose lock is free, once their workers have certainly ended."""
    for lock in place.glob(f"{_PREFIX}*/lock"):
        try:
            if time.time() - lock.parent.stat().st_mtime > _STALE_SECONDS and _is_free(lock):
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:  # somebody else's
            continue


def _is_free(path: Path) -> bool:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def command_line(words: Sequence[str]) -> list[str]:
    """How a worker is started: as this program was, with the same words."""
    return [sys.executable, "-m", "router", *words]
