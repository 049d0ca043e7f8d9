"""The correlate stage, with new correlations while it runs: as after a restart, windows are built again from the matches."""

import asyncio
from collections.abc import Callable, Sequence

from router.correlate.loop import Correlate
from router.detect import Correlation
from router.errors import Misconfigured, Retryable
from router.telemetry import logger

Make = Callable[[Sequence[Correlation], float], Correlate]
"""(correlations, lateness in seconds) -> the loop; raises ConfigError."""
_log = logger("correlate")


class Renewable:
    """Runs one loop after the other. Each commits before the next one begins, so nothing is left out or raised twice."""

    name, stage = Correlate.name, Correlate.stage

    def __init__(self, make: Make, correlations: Sequence[Correlation], lateness_seconds: float) -> None:
        self._make, self._loop = make, make(correlations, lateness_seconds)
        self._next: Correlate | None = None
        self._halt = asyncio.Event()
        self.ready = self._loop.ready

    async def renew(self, correlations: Sequence[Correlation], lateness_seconds: float) -> None:
        """Change over between two batches; returns when the new loop reads. Raises ConfigError, and then nothing changes."""
        self._next = following = self._make(correlations, lateness_seconds)
        self._halt.set()
        await following.ready.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._halt.set())
        try:
            while not stop.is_set():
                await self._run(stop)
                if self._next is not None:
                    self._loop, self._next = self._next, None
                    self._halt = asyncio.Event()
        finally:
            stopping.cancel()

    async def _run(self, stop: asyncio.Event) -> None:
        try:
            await self._loop.run(self._halt)
        except* (Retryable, Misconfigured) as group:
            if stop.is_set() or self._next is None:
                raise
            _log.warning("the log refused writes while rules were changed; it is all read again", reason=str(group.exceptions[0]))
