"""Runs the parts: TaskGroup, signals, drain in order, deadline, and the port with metrics and health."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from router import __version__
from router.telemetry import BUILD, LOOP_LAG, REGISTRY, logger

_log = logger("serve")
_MAX_LOOP_LAG_SECONDS = 10.0


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
            watch = [group.create_task(self._heartbeat()), group.create_task(self._leaving.wait())]
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


def on_signals(drain: Callable[[], None]) -> None:
    """SIGTERM and SIGINT call `drain`; a second one stops at once."""
    seen = asyncio.Event()

    def received() -> None:
        if seen.is_set():
            _log.warning("second signal: stopping at once")
            os._exit(130)
        seen.set()
        _log.info("draining")
        drain()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received)


@asynccontextmanager
async def admin(listen: str, service: Service) -> AsyncIterator[str]:
    """Serve /metrics, /healthz and /readyz on `host:port` while the context lasts; yields the base URL ("" if turned off)."""
    if not listen:
        yield ""
        return
    BUILD.labels(__version__).set(1)
    health = _Health(service)
    app = web.Application(client_max_size=64 << 10)
    app.add_routes(
        [
            web.get("/metrics", _metrics),
            web.get("/healthz", health.alive),
            web.get("/readyz", health.ready),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        await site.start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Health:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def alive(self, _: web.Request) -> web.Response:
        """Alive means that the loop turns; never whether the log or a sink answers."""
        lag = self._service.loop_lag_seconds()
        return web.json_response({"loop_lag_seconds": lag}, status=200 if lag < _MAX_LOOP_LAG_SECONDS else 503)

    async def ready(self, _: web.Request) -> web.Response:
        """Ready means that every part is, and that nothing drains."""
        waiting, draining = self._service.waiting_for(), self._service.leaving
        answer = {"ready": not waiting and not draining, "waiting_for": waiting, "draining": draining}
        return web.json_response(answer, status=200 if answer["ready"] else 503)
