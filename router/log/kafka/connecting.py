"""Clients that connect when they are first needed, and whose connecting nobody can interrupt halfway.

A library client that is cancelled while it connects leaves its socket open; so a cancelled caller only stops waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

C = TypeVar("C")
_CLEANUP_SECONDS = 1.0
"""For work that was cancelled to put away what it holds."""


async def bounded(work: Awaitable[Any], seconds: float) -> bool:
    """Wait for work that may hang; True if it ended in time. Its errors are not ours: the client is thrown away."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait([task], timeout=seconds)
    if not done:
        task.cancel()
        await asyncio.wait([task], timeout=_CLEANUP_SECONDS)
    if task.done() and not task.cancelled():
        task.exception()
    return bool(done)


async def shut(client: Any) -> None:
    """Close every connection of a library client for good: tasks of it that are still at work connect no more."""
    client._get_conn = _no_connection
    await client.close()
    async with client._get_conn_lock:  # one that was being made meanwhile
        await client.close()


async def end(consumer: Any, seconds: float) -> None:
    """Stop a consumer in bounded time. The library's own `stop` gives up where one of its tasks does not end as it expects, and
    leaves its connections open; so what it may not have come to is done one by one."""
    await bounded(consumer.stop(), seconds)
    group, fetcher = consumer._coordinator, consumer._fetcher
    for stop in ("_stop_heartbeat_task", "_stop_commit_offsets_refresh_task"):
        if hasattr(group, stop):
            await bounded(getattr(group, stop)(), _CLEANUP_SECONDS)
    if fetcher is not None:
        await bounded(fetcher.close(), _CLEANUP_SECONDS)
    await bounded(shut(consumer._client), _CLEANUP_SECONDS)


async def _no_connection(*_: object, **__: object) -> None:
    """What the library takes for a broker that cannot be reached."""


class Connecting(Generic[C]):
    """One client, made by `make` and started with its own `start`; a failed start is tried again by the next `get`."""

    def __init__(self, make: Callable[[], C], stop: Callable[[C], Awaitable[None]]) -> None:
        self._make, self._stop = make, stop
        self._task: asyncio.Task[C] | None = None

    async def get(self) -> C:
        """The started client. Raises what its start raised."""
        if self._task is None:
            self._task = asyncio.create_task(self._start())
        task = self._task
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._task is task:
                self._task = None
            raise

    async def _start(self) -> C:
        client: Any = self._make()
        try:
            await client.start()
        except BaseException:
            await bounded(self._stop(client), 1)
            raise
        started: C = client
        return started

    async def drop(self, seconds: float) -> None:
        """Stop the client in bounded time; the next `get` makes a new one."""
        task, self._task = self._task, None
        if task is not None and await bounded(task, seconds) and not task.cancelled() and task.exception() is None:
            await bounded(self._stop(task.result()), seconds)
