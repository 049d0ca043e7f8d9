"""Canaries: events of our own, one a second for each source, looked up where they should have arrived.

They enter where a source hands over what it received, and from there take the way of every event: log, normalizer, rules,
the sink's choice. They do not come over the network, since a receiver's port asks for certificates and tokens that only its
senders have; whether it listens is told by readiness. Their metrics have the source `logweir.canary`, so that a silent
sender stays visible. They are marked: dataset `logweir.canary`, `event.id` the mark.

A canary that its deadline finds missing is counted so. It is looked for on: one that is late was not lost. While a sink
cannot be asked, nothing is said about it.
"""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from router.batch import Facts
from router.errors import LogweirError, Retryable
from router.protocols import Emit, Searchable
from router.telemetry import CANARY_LATE, CANARY_MISSING, CANARY_SECONDS, CANARY_SEEN, CANARY_SENT, logger

SOURCE = DATASET = "logweir.canary"
MARK = "canary-"
"""What every mark begins with; 32 hexadecimal digits follow: the id."""
_LOOK_SECONDS = 3.0
_ASKED_AT_ONCE = 500
_REMEMBERED = 20_000
"""Per sink; the oldest that are missing are looked for no longer."""
_log = logger("canary")


@dataclass(slots=True)
class _Canary:
    id: bytes
    receiver: str
    sent: float
    is_missing: bool = False


@dataclass(slots=True)
class _Watch:
    """What one sink has yet to show."""

    sink: str
    searchable: Searchable
    awaited: dict[bytes, _Canary] = field(default_factory=dict)
    is_open: bool = False
    is_blind: bool = False


class Canaries:
    """A part, of the stage of sources: sends for `receivers` and asks `sinks`. When it stops, it waits for no answer."""

    name, stage = "canaries", 1

    def __init__(
        self,
        emit: Emit,
        receivers: Sequence[str],
        sinks: Mapping[str, Searchable],
        *,
        every_seconds: float,
        deadline_seconds: float,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._emit, self._receivers = emit, receivers
        self._every, self._deadline, self._look = every_seconds, deadline_seconds, look_seconds
        self._watches = [_Watch(name, sink) for name, sink in sinks.items()]
        self._sequence = 0
        self.ready = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        self.ready.set()
        await asyncio.gather(*[self._ask_or_say(watch) for watch in self._watches])  # what is there before the first is old
        tasks = [asyncio.create_task(self._send()), *(asyncio.create_task(self._watch(watch)) for watch in self._watches)]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.wait([*tasks, stopped])
            for watch in self._watches:
                await watch.searchable.close()
        for task in tasks:
            if not task.cancelled():
                task.result()  # raises what ended it

    async def _send(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.gather(*[self._send_one(receiver) for receiver in self._receivers])
            await asyncio.sleep(max(0.0, self._every - (time.monotonic() - began)))

    async def _send_one(self, receiver: str) -> None:
        """What memory or the log refuses was never acknowledged, and so is not waited for."""
        self._sequence += 1
        canary = _Canary(os.urandom(16), receiver, time.monotonic())
        payload = orjson.dumps({"logweir_canary": _told(canary, self._sequence)})
        try:
            await self._emit([payload], Facts(SOURCE, receiver), [canary.id])
        except Retryable:
            return
        CANARY_SENT.labels(receiver).inc()
        for watch in self._watches:
            watch.awaited[canary.id] = canary if len(self._watches) == 1 else _Canary(canary.id, receiver, canary.sent)
            if len(watch.awaited) > _REMEMBERED:
                del watch.awaited[next(iter(watch.awaited))]

    async def _watch(self, watch: _Watch) -> None:
        while True:
            await asyncio.sleep(self._look)
            if watch.awaited:
                await self._ask_or_say(watch)

    async def _ask_or_say(self, watch: _Watch) -> None:
        try:
            await self._ask(watch)
            watch.is_blind = False
        except LogweirError as error:
            if not watch.is_blind:
                _log.warning("a sink cannot be asked for canaries", sink=watch.sink, reason=str(error))
            watch.is_blind = True

    async def _ask(self, watch: _Watch) -> None:
        """The youngest first, so that what is lost for good does not crowd them out."""
        if not watch.is_open:
            await watch.searchable.open()
            watch.is_open = True
        asked = list(watch.awaited)[-_ASKED_AT_ONCE:]
        asked_at = time.monotonic()
        found = await watch.searchable.found({id: mark(id) for id in asked})
        for id in found & set(asked):
            canary = watch.awaited.pop(id)
            (CANARY_LATE if canary.is_missing else CANARY_SEEN).labels(canary.receiver, watch.sink).inc()
            CANARY_SECONDS.labels(watch.sink).observe(time.monotonic() - canary.sent)
        for canary in watch.awaited.values():
            if not canary.is_missing and asked_at - canary.sent > self._deadline:
                canary.is_missing = True
                CANARY_MISSING.labels(canary.receiver, watch.sink).inc()


def mark(id: bytes) -> str:
    """What stands in the document of a canary, and nowhere else."""
    return f"{MARK}{id.hex()}"


def _told(canary: _Canary, sequence: int) -> dict[str, object]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": mark(canary.id), "receiver": canary.receiver, "sequence": sequence, "time": now}
