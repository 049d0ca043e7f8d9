"""Loop 4: one consumer group per sink: choose, send, wait for the answer, bury, commit."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.deliver.breaker import State
from router.deliver.burial import Burial
from router.deliver.feed import Feed, Progress
from router.deliver.health import Health
from router.deliver.pace import Pace
from router.deliver.schedule import Schedule
from router.deliver.sender import Sender
from router.deliver.sort import Sorter
from router.deliver.tally import Status, Tally
from router.errors import Misconfigured, Retryable
from router.protocols import Log, Sink
from router.reduce import NoiseRules
from router.registry import Choice, SinkSettings
from router.route import Route
from router.telemetry import logger


class Delivery:
    """Feeds one sink from the log, at the sink's own pace and without regard to any other.

    Every record of the topics it reads is, in the end, exactly one of: done, left out, dead-lettered. The commit follows;
    a crash in between sends again what was not committed. Records never expire, and a sink that refuses us is waited for.
    """

    stage = 4

    def __init__(
        self, name: str, sink: Sink, settings: SinkSettings, log: Log, noise: NoiseRules, *, pace: Pace | None = None
    ) -> None:
        self.name, self.ready = f"sink.{name}", asyncio.Event()
        self._sink, self._topics, self._log = sink, settings.read, log
        self._pace = pace or Pace()
        self._tally = Tally(name)
        self.sink_name, self._kind, self._shape = name, settings.kind, settings.shape
        limits, tally, progress = sink.limits, self._tally, Progress()
        health = Health(name, limits, self._pace, tally)
        schedule = Schedule(limits, self._pace, health)
        burial = Burial(name, log, self._pace)
        sorter = self._sorter(settings.choose, noise)
        self._sender = Sender(name, sink, schedule, health, burial, tally, self._pace, progress)
        self._feed = Feed(name, sorter, schedule, self._sender, health, tally, self._pace, progress)
        self._logger = logger("deliver").bind(sink=name)

    @property
    def status(self) -> Status:
        """How it stands, now; the same object for the life of the delivery."""
        return self._tally.status

    def renew(self, choose: Choice, noise: NoiseRules) -> None:
        """Choose by these what is read from now on."""
        self._feed.renew(self._sorter(choose, noise))

    def _sorter(self, choose: Choice, noise: NoiseRules) -> Sorter:
        scope = noise.scope(self.sink_name, self._kind)
        return Sorter(Route(choose, scope), scope, self._tally, ordered=self._sink.limits.ordered, shape=self._shape)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then let writes in flight land, commit, and leave the rest to the log.

        What a sink raises beyond its contract comes out of here (in an ExceptionGroup).
        """
        async with self._opened(stop):
            if stop.is_set():
                return
            async with self._log.follow(self._topics, group=self.name, listener=self._feed) as follower:
                self.ready.set()
                async with asyncio.TaskGroup() as group:
                    sending = group.create_task(self._sender.run())
                    await self._feed.run(follower, stop)
                    await self._drain(sending)
                    await self._feed.finish()

    async def _drain(self, sending: asyncio.Task[None]) -> None:
        self._sender.stop()
        _, late = await asyncio.wait({sending}, timeout=self._pace.drain_seconds)
        if late:
            self._logger.warning("writes in flight did not land in time; their records stay in the log")
            sending.cancel()
            await asyncio.wait({sending})

    @asynccontextmanager
    async def _opened(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """The sink, with clients; what keeps it from making them is waited for like any other trouble."""
        wait = self._pace.probe_first_seconds
        while not stop.is_set():
            try:
                await self._sink.open()
                break
            except (Misconfigured, Retryable) as error:
                self.ready.set()  # a sink that cannot be had must not keep the process from receiving
                self._tally.state(State.PAUSED)
                self.status.why = str(error)
                self._logger.error("the sink cannot be opened; trying again", reason=str(error))
                await _sleep(random.uniform(wait / 2, wait), stop)
                wait = min(wait * 2, self._pace.probe_last_seconds)
        try:
            yield
        finally:
            await self._sink.close()


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        pass
