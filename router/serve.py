"""Runs the parts: TaskGroup, signals, drain in order, deadline, and the port with metrics and health."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from router import __version__
from router.errors import Misconfigured
from router.telemetry import BUILD, LOOP_LAG, REGISTRY, logger

_log = logger("serve")
_MAX_LOOP_LAG_SECONDS = 10.0
UNIX = "unix:"
"""Before the path of a socket, where an admin address is one."""


class Answer(NamedTuple):
    """To a probe."""

    good: bool
    told: Mapping[str, Any]


class Standing(Protocol):
    """What the admin port tells about."""

    async def metrics(self) -> bytes:
        """In Prometheus's text format."""

    async def alive(self) -> Answer:
        """Whether it works at all."""

    async def ready(self) -> Answer:
        """Whether it wants to be sent anything."""


class Part(Protocol):
    """Something that runs: a source, the process stage, a delivery."""

    name: str
    stage: int
    """Parts stop in this order: 1 ingest, 2 process, 3 correlate, 4 deliver."""
    ready: asyncio.Event

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then finish what is in hand. Raises what should end the process."""


class Service:
    """All parts of one process, from start to drained."""

    def __init__(self, parts: Sequence[Part], drain_seconds: float) -> None:
        self.parts, self._drain_seconds = parts, drain_seconds
        self._stops = {stage: asyncio.Event() for stage in sorted({p.stage for p in parts})}
        self._leaving = asyncio.Event()
        self._beat = time.monotonic()

    async def run(self) -> None:
        """Until a signal or `leave`, or until every part has ended by itself. Raises what a part raised."""
        async with asyncio.TaskGroup() as group:
            tasks = {part.name: group.create_task(part.run(self._stops[part.stage]), name=part.name) for part in self.parts}
            watch = [group.create_task(w) for w in (self._heartbeat(), self._leaving.wait())]
            everything = asyncio.gather(*tasks.values())
            await asyncio.wait((everything, watch[1]), return_when=asyncio.FIRST_COMPLETED)
            await self._drain(tasks)
            for task in watch:
                task.cancel()
            await asyncio.gather(everything, return_exceptions=True)

    def leave(self) -> None:
        """Begin to drain."""
        self._leaving.set()

    @property
    def leaving(self) -> bool:
        """True once draining began: no longer ready."""
        return self._leaving.is_set()

    def waiting_for(self) -> list[str]:
        """Names of parts that are not ready yet."""
        return [part.name for part in self.parts if not part.ready.is_set()]

    async def metrics(self) -> bytes:
        """See Standing."""
        return generate_latest(REGISTRY)

    async def alive(self) -> Answer:
        """Alive means that the loop turns; never whether the log or a sink answers."""
        lag = self.loop_lag_seconds()
        return Answer(lag < _MAX_LOOP_LAG_SECONDS, {"loop_lag_seconds": lag})

    async def ready(self) -> Answer:
        """Ready means that every part is, and that nothing drains."""
        waiting, draining = self.waiting_for(), self.leaving
        is_ready = not waiting and not draining
        return Answer(is_ready, {"ready": is_ready, "waiting_for": waiting, "draining": draining})

    def loop_lag_seconds(self) -> float:
        """How long ago the loop last turned."""
        return max(0.0, time.monotonic() - self._beat - 1.0)

    async def _drain(self, tasks: dict[str, "asyncio.Task[None]"]) -> None:
        """Stage after stage: what one stage still writes, the next may still carry."""
        deadline = asyncio.get_running_loop().time() + self._drain_seconds
        for stage, stop in self._stops.items():
            stop.set()
            waiting = [tasks[p.name] for p in self.parts if p.stage == stage and not tasks[p.name].done()]
            if not waiting:
                continue
            _, late = await asyncio.wait(waiting, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
            for task in late:
                _log.warning("did not finish in time; what it holds stays in the log", task=task.get_name())
                task.cancel()

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            LOOP_LAG.set(self.loop_lag_seconds())
            self._beat = time.monotonic()


def on_signals(drain: Callable[[], None], at_once: Callable[[], None] = lambda: os._exit(130)) -> None:
    """SIGTERM and SIGINT call `drain`; a second one stops at once."""
    seen = asyncio.Event()

    def received() -> None:
        if seen.is_set():
            _log.warning("second signal: stopping at once")
            at_once()
            return
        seen.set()
        _log.info("draining")
        drain()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received)


def obey_parent(drain: Callable[[], None]) -> None:
    """Instead of `on_signals` in one of several workers: SIGTERM, and the end of the parent, call `drain`.

    However often: a terminal or a service manager may signal parent and workers alike. To stop at once is the parent's
    affair. Standard input is a pipe from the parent, that ends when it ends, however it does.
    """
    loop, seen = asyncio.get_running_loop(), asyncio.Event()

    def leave(why: str) -> None:
        if not seen.is_set():
            seen.set()
            loop.remove_reader(sys.stdin)
            _log.info("draining", why=why)
            drain()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, leave, "told to")
    loop.add_reader(sys.stdin, leave, "the parent is gone")


@asynccontextmanager
async def admin(listen: str, standing: Standing) -> AsyncIterator[str]:
    """Serve /metrics, /healthz and /readyz while the context lasts, on `host:port` or on the socket `unix:path`.

    Yields the base URL (of a port; "" if turned off). Raises Misconfigured where the address cannot be had.
    """
    if not listen:
        yield ""
        return
    BUILD.labels(__version__).set(1)
    app = web.Application(client_max_size=64 << 10)
    app.add_routes([web.get("/metrics", _metrics(standing)), *_probes(standing)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await _begin(_site(runner, listen), listen)
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}" if isinstance(bound, tuple) else ""
    finally:
        await runner.cleanup()


async def _begin(site: web.BaseSite, listen: str) -> None:
    try:
        await site.start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        remedy = "free the port, or choose another one in `admin.listen` (each process on one machine needs its own)"
        raise Misconfigured(f"admin: cannot listen on {listen}: {why}; {remedy}") from error


def _site(runner: web.AppRunner, listen: str) -> web.BaseSite:
    if listen.startswith(UNIX):
        return web.UnixSite(runner, listen.removeprefix(UNIX))
    host, _, port = listen.rpartition(":")
    return web.TCPSite(runner, host.strip("[]"), int(port))


def _metrics(standing: Standing) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=await standing.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return respond


def _probes(standing: Standing) -> list[web.RouteDef]:
    return [web.get("/healthz", _probe(standing.alive)), web.get("/readyz", _probe(standing.ready))]


def _probe(ask: Callable[[], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(_: web.Request) -> web.Response:
        answer = await ask()
        return web.json_response(answer.told, status=200 if answer.good else 503)

    return respond
