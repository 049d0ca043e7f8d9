"""From a source into the raw topic: ids, partition by sender, one outstanding append per partition, durability told back."""

import asyncio
import os
import random
import socket
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from router import telemetry
from router.batch import RAW, Facts, Record
from router.errors import Misconfigured, Overloaded, Rejected, Retryable
from router.ingest._ids import Ids
from router.ingest._ledger import Ledger
from router.protocols import Log

MAX_EVENT_BYTES = 900_000
"""The largest payload: with its headers it stays below the 1,000,000 bytes that a producer may send."""
EVENT_OVERHEAD_BYTES = 256
"""What an event costs in memory beside its payload: id, record, list slots, object headers."""
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.05, 1.0
_log = telemetry.logger("ingest")


def cost(payloads: Sequence[bytes]) -> int:
    """What payloads take in memory until they are durable, in bytes."""
    return sum(map(len, payloads)) + EVENT_OVERHEAD_BYTES * len(payloads)


@dataclass(slots=True, eq=False)
class _Parcel:
    """What one emit handed over, waiting for durability."""

    records: list[Record]
    size: int
    due: float
    done: asyncio.Future[None]
    refused: int = 0
    """Records that the log refuses for good."""


class Intake:
    """The shared way into one topic. Use as `async with`; leaving waits until everything handed over has an answer.

    Each partition has one task, and that task one outstanding append. What arrives meanwhile, or within `linger_seconds`,
    shares the next append. Order within a partition, and so within a sender, is the order of the emits.
    """

    def __init__(
        self,
        log: Log,
        topic: str = RAW,
        *,
        memory_bytes: int = 256 << 20,
        receiver: str = "",
        deadline_seconds: float = 30.0,
        linger_seconds: float = 0.003,
        batch_bytes: int = 1 << 20,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log, self._topic, self._now = log, topic, now
        self._deadline, self._linger, self._batch_bytes = deadline_seconds, linger_seconds, batch_bytes
        self._ids = Ids(receiver or f"{socket.gethostname()}/{os.getpid()}", os.urandom(32))
        self.memory = Ledger(memory_bytes, telemetry.LEDGER_BYTES.set)
        self._lanes: list[_Lane] = []
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> "Intake":
        count = await self._log.partitions(self._topic)
        await self._tasks.__aenter__()
        self._lanes = [_Lane(self._log, self._topic, n, self._linger, self._batch_bytes) for n in range(count)]
        for lane in self._lanes:
            self._tasks.create_task(lane.run(), name=f"append {self._topic}/{lane.number}")
        return self

    async def __aexit__(self, *exception: object) -> None:
        for lane in self._lanes:
            lane.close()
        await self._tasks.__aexit__(*exception)  # type: ignore[arg-type]  # passed through as it came

    def emit_for(self, source: str) -> "SourceEmit":
        """The Emit of one configured source."""
        return SourceEmit(self, source)

    @property
    def busy(self) -> bool:
        """True while memory is above its high-water mark."""
        return self.memory.busy

    async def append(self, payloads: Sequence[bytes], facts: Facts, ids: Sequence[bytes], *, held: bool = False) -> int:
        """Make payloads durable, in order; returns how many the log refused for good. See Emit for `held`."""
        size = cost(payloads)
        if held:
            return await self._append(payloads, facts, ids, size)
        self.memory.take(size)
        try:
            return await self._append(payloads, facts, ids, size)
        finally:
            self.memory.give(size)

    async def _append(self, payloads: Sequence[bytes], facts: Facts, ids: Sequence[bytes], size: int) -> int:
        parcel = self._parcel(payloads, facts, ids, size)
        self._lanes[zlib.crc32(facts.peer.encode()) % len(self._lanes)].put(parcel)
        await parcel.done
        return parcel.refused

    def _parcel(self, payloads: Sequence[bytes], facts: Facts, ids: Sequence[bytes], size: int) -> _Parcel:
        loop, now = asyncio.get_running_loop(), self._now()
        rows = zip(ids or self._ids.take(len(payloads), now), payloads, repeat(now), repeat(facts), repeat(b""), repeat(None))
        records = list(map(tuple.__new__, repeat(Record), rows))  # a third of the cost of calling Record
        return _Parcel(records, size, loop.time() + self._deadline, loop.create_future())


class SourceEmit:
    """Emit of one source: counts what it receives, so that received = appended + rejected{reason} to the event."""

    def __init__(self, intake: Intake, source: str) -> None:
        self._intake = intake
        self._received = telemetry.RECEIVED.labels(source)
        self._received_bytes = telemetry.RECEIVED_BYTES.labels(source)
        self._appended = telemetry.APPENDED.labels(source)
        self._seconds = telemetry.APPEND_SECONDS.labels(source)
        self._rejected = telemetry.bound(telemetry.REJECTED.labels, source)

    @property
    def busy(self) -> bool:
        """True while memory is above its high-water mark."""
        return self._intake.busy

    def reject(self, reason: str, count: int = 1) -> None:
        """Count what was refused before it became a payload."""
        self._received.inc(count)
        self._rejected(reason).inc(count)

    @property
    def memory(self) -> Ledger:
        """The ledger of this process."""
        return self._intake.memory

    async def __call__(self, payloads: Sequence[bytes], facts: Facts, ids: Sequence[bytes] = (), *, held: bool = False) -> None:
        """As Emit promises. `ids`: one per payload where a source derives them; else they are given here.

        Payloads above MAX_EVENT_BYTES are counted as rejected{too_large} and left out.
        """
        if payloads and max(map(len, payloads)) > MAX_EVENT_BYTES:
            payloads, ids = self._without_too_large(payloads, ids)
        if not payloads:
            return
        began = time.perf_counter()
        try:
            refused = await self._intake.append(payloads, facts, ids, held=held)
        except Retryable as error:
            self.reject("overloaded" if isinstance(error, Overloaded) else "log_unavailable", len(payloads))
            raise
        self._count(payloads, refused, time.perf_counter() - began)

    def _count(self, payloads: Sequence[bytes], refused: int, seconds: float) -> None:
        if refused:
            self.reject("too_large", refused)
        self._received.inc(len(payloads) - refused)
        self._received_bytes.inc(sum(map(len, payloads)))
        self._appended.inc(len(payloads) - refused)
        self._seconds.observe(seconds)

    def _without_too_large(self, payloads: Sequence[bytes], ids: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
        kept = [i for i, payload in enumerate(payloads) if len(payload) <= MAX_EVENT_BYTES]
        self.reject("too_large", len(payloads) - len(kept))
        return [payloads[i] for i in kept], [ids[i] for i in kept] if ids else ids


@dataclass(slots=True, eq=False)
class _Lane:
    """One partition: what waits for it, and the one append that is under way."""

    log: Log
    topic: str
    number: int
    linger: float
    batch_bytes: int
    _waiting: deque[_Parcel] = field(default_factory=deque)
    _size: int = 0
    _closing: bool = False
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, parcel: _Parcel) -> None:
        """Queue behind what waits already."""
        self._waiting.append(parcel)
        self._size += parcel.size
        self._some.set()
        if self._size >= self.batch_bytes:
            self._enough.set()

    def close(self) -> None:
        """Finish what waits, then return from `run`."""
        self._closing = True
        self._some.set()
        self._enough.set()

    async def run(self) -> None:
        """Append batch after batch until closed and empty."""
        try:
            while await self._something():
                await self._deliver(self._take())
        finally:
            for parcel in self._waiting:
                parcel.done.cancel()

    async def _something(self) -> bool:
        await self._some.wait()
        if not self._enough.is_set():
            timer = asyncio.get_running_loop().call_later(self.linger, self._enough.set)
            await self._enough.wait()
            timer.cancel()
        return bool(self._waiting)

    def _take(self) -> list[_Parcel]:
        """From the front, whole parcels, up to the batch size; at least one."""
        batch, size = [self._waiting.popleft()], 0
        size = batch[0].size
        while self._waiting and size + self._waiting[0].size <= self.batch_bytes:
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        self._size -= size
        self._settle()
        return batch

    def _settle(self) -> None:
        """Set the two events to what waits now."""
        if not self._waiting and not self._closing:
            self._some.clear()
        if self._size < self.batch_bytes and not self._closing:
            self._enough.clear()

    async def _deliver(self, batch: list[_Parcel]) -> None:
        """Answer every parcel of a batch: durable, or the error that its sender must act on."""
        records = [record for parcel in batch for record in parcel.records] if len(batch) > 1 else batch[0].records
        try:
            refused = {id(record) for record in await self._append(records, batch[0].due)}
        except Retryable as error:
            _fail(batch, error)
        except BaseException:
            for parcel in batch:
                parcel.done.cancel()
            raise
        else:
            for parcel in batch:
                parcel.refused = sum(id(record) in refused for record in parcel.records) if refused else 0
                if not parcel.done.done():
                    parcel.done.set_result(None)

    async def _append(self, records: Sequence[Record], due: float) -> list[Record]:
        """Append all that the log takes, the same ids in the same order however often it takes; returns what it refuses."""
        refused: list[Record] = []
        while records:
            try:
                await self._persist(records, due)
                break
            except Rejected as error:
                place = 0 if len(records) == 1 else error.place
            if place is None:
                half = len(records) // 2
                return [*refused, *await self._append(records[:half], due), *await self._append(records[half:], due)]
            refused.append(records[place])
            records = records[place + 1 :]
        return refused

    async def _persist(self, records: Sequence[Record], due: float) -> None:
        """One append, repeated while it may yet succeed. Raises Retryable past the deadline, and when a right is missing."""
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                await self.log.append(self.topic, self.number, records)
                return
            except Misconfigured as error:
                _log.error("the log refuses what was received; senders have to wait until that is mended", reason=str(error))
                raise Retryable(str(error), _LAST_RETRY_SECONDS) from error
            except Retryable as error:
                wait = pause * random.uniform(0.5, 1.0)
                if asyncio.get_running_loop().time() + wait > due or self._closing:
                    raise
                await asyncio.sleep(max(wait, min(error.retry_after_seconds or 0, _LAST_RETRY_SECONDS)))
            pause = min(pause * 2, _LAST_RETRY_SECONDS)


def _fail(batch: list[_Parcel], error: Retryable) -> None:
    for parcel in batch:
        if not parcel.done.done():
            parcel.done.set_exception(Retryable(f"raw topic: {error}", error.retry_after_seconds))
