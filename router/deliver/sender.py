"""Sends what is scheduled, and sees to it that each record is settled, sent again or buried, as it was answered."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from math import inf

from router.deliver.answers import Answer, read_answer
from router.deliver.burial import Burial
from router.deliver.health import Health
from router.deliver.pace import Pace
from router.deliver.parcel import Parcel
from router.deliver.schedule import Schedule
from router.deliver.tally import Tally
from router.errors import Misconfigured, Rejected, Retryable, TooLarge
from router.protocols import Outcome, Sink


class Sender:
    """`progress(count)` is called when records are settled, and with 0 when a write has landed."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        schedule: Schedule,
        health: Health,
        burial: Burial,
        tally: Tally,
        pace: Pace,
        progress: Callable[[int], None],
    ) -> None:
        self._name, self._sink, self._schedule, self._health = name, sink, schedule, health
        self._burial, self._tally, self._pace, self._progress = burial, tally, pace, progress
        self._flying = self._flying_bytes = 0
        self._is_stopping = False
        self._nudge = asyncio.Event()

    @property
    def flying(self) -> int:
        """Writes in flight."""
        return self._flying

    def nudge(self) -> None:
        """Something may be ready to be sent."""
        self._nudge.set()

    def stop(self) -> None:
        """Start nothing more; `run` returns when what is in flight has landed."""
        self._is_stopping = True
        self._nudge.set()

    async def run(self) -> None:
        """Send until `stop`. What a sink raises beyond its contract ends this, and with it the process."""
        async with asyncio.TaskGroup() as group:
            while not self._is_stopping:
                parcel, wait = self._schedule.next(time.monotonic(), self._flying)
                if parcel is None:
                    await self._rest(wait)
                else:
                    self._start(parcel, group)

    async def _rest(self, wait: float) -> None:
        try:
            async with asyncio.timeout(None if wait == inf else wait):
                await self._nudge.wait()
        except TimeoutError:
            return
        self._nudge.clear()

    def _start(self, parcel: Parcel, group: asyncio.TaskGroup) -> None:
        probe = self._health.start()
        parcel.attempts += 1
        for segment in parcel.segments:
            segment.lane.in_flight += 1
        self._flying += 1
        self._flying_bytes += parcel.size
        self._tell()
        group.create_task(self._carry(parcel, probe))

    async def _carry(self, parcel: Parcel, probe: bool) -> None:
        try:
            await self._write(parcel, probe)
        except asyncio.CancelledError:
            self._health.abandoned()
            raise
        finally:
            for segment in parcel.segments:
                segment.lane.in_flight -= 1
            self._flying -= 1
            self._flying_bytes -= parcel.size
            self._tell()
            self._progress(0)
            self._nudge.set()

    async def _write(self, parcel: Parcel, probe: bool) -> None:
        started = time.monotonic()
        try:
            result = await self._sink.write(parcel.records)
        except (TooLarge, Rejected) as error:
            self._health.answered(started, refused=False, flying=self._flying)
            await self._divide(parcel, probe, _reason(error))
        except Misconfigured as error:
            self._health.misconfigured(probe, _reason(error))
            self._again(parcel, [_reason(error)] * len(parcel))
        except Retryable as error:
            self._health.answered(started, refused=True, flying=self._flying)
            self._health.failed(probe, _reason(error))
            self._again(parcel, [_reason(error)] * len(parcel), error.retry_after_seconds)
        else:
            answer = read_answer(self._name, parcel, result)
            self._health.answered(started, refused=bool(answer.retry), flying=self._flying)
            await self._settle(parcel, answer, probe)

    async def _settle(self, parcel: Parcel, answer: Answer, probe: bool) -> None:
        buried = self._health.allow(len(parcel) - len(answer.retry), len(answer.rejected), probe)
        if len(answer.retry) == len(parcel):
            self._health.failed(probe, answer.reason(answer.retry[0]))
        elif buried == len(answer.rejected):
            self._succeeded(probe)
        for outcome, indices in answer.done.items():
            self._done(parcel.pick(indices), outcome)
        if answer.retry:
            self._again(parcel.pick(answer.retry), [answer.reason(i) for i in answer.retry], answer.retry_after_seconds)
        if answer.rejected:
            await self._bury(parcel.pick(answer.rejected), [answer.reason(i) for i in answer.rejected], buried)

    async def _divide(self, parcel: Parcel, probe: bool, reason: str) -> None:
        """Refused as a whole: look for the record to blame by halves, until it stands alone."""
        if len(parcel) > 1:
            self._succeeded(probe)
            self._tally.retried([reason] * len(parcel))
            for half in parcel.halves():
                self._schedule.again(half)
            return
        buried = self._health.allow(1, 1, probe)
        if buried:
            self._succeeded(probe)
        await self._bury(parcel, [reason], buried)

    def _done(self, parcel: Parcel, outcome: Outcome) -> None:
        for segment in parcel.segments:
            if segment.lane.settle(segment.offsets, segment.size):
                self._tally.done(segment.lane.partition.topic, outcome.value, len(segment), segment.size)
        self._progress(len(parcel))

    async def _bury(self, parcel: Parcel, reasons: Sequence[str], count: int) -> None:
        """The first `count` records become dead letters; the brake holds the others back, to be tried again."""
        if count < len(parcel):
            self._again(parcel.pick(range(count, len(parcel))), reasons[count:])
        if count:
            dead = parcel.pick(range(count))
            await self._burial.bury(dead, reasons)
            self._dead(dead, reasons)

    def _dead(self, parcel: Parcel, reasons: Sequence[str]) -> None:
        for (lane, offset), record, reason in zip(parcel.places(), parcel.records, reasons, strict=False):
            if lane.settle((offset,), len(record.body)):
                self._tally.dead_lettered(lane.partition.topic, reason, 1)
        self._progress(len(parcel))

    def _again(self, parcel: Parcel, reasons: Sequence[str], retry_after_seconds: float | None = None) -> None:
        """Full jitter, never given up; a Retry-After speaks for the whole far end."""
        pace = self._pace
        bound = min(pace.retry_last_seconds, pace.retry_first_seconds * 2 ** min(parcel.attempts - 1, 32))
        parcel.due = time.monotonic() + random.uniform(0, bound)
        if retry_after_seconds is not None:
            self._health.retry_after(retry_after_seconds)
        self._tally.retried(reasons)
        self._schedule.again(parcel)

    def _succeeded(self, probe: bool) -> None:
        if self._health.succeeded(probe):
            self._schedule.hurry(time.monotonic())

    def _tell(self) -> None:
        self._health.tell()
        self._tally.flying(self._flying_bytes)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
