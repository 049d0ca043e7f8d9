"""Hands records to one sink outside of the stream, for redrive and replay: outcomes mean what they mean in delivery."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from router.batch import Partition, Record
from router.deliver.answers import Answer, read_answer
from router.deliver.budget import Budget
from router.deliver.burial import Burial
from router.deliver.lane import Lane
from router.deliver.pace import Pace
from router.deliver.parcel import Parcel, Segment
from router.errors import Misconfigured, Rejected, Retryable, TooLarge
from router.protocols import Log, Sink

_LONGEST_WAIT_SECONDS, _LONGEST_RETRY_AFTER_SECONDS = 10.0, 300.0


class Handover:
    """Writes to a sink that is open. What it refuses for good is among its dead letters before a record counts as settled."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        log: Log,
        *,
        records_per_second: float | None = None,
        patience_seconds: float = 60.0,
        pace: Pace | None = None,
    ) -> None:
        """`records_per_second` narrows the sink's own budget; `patience_seconds` is how long the sink may take nothing."""
        pace = pace or Pace()
        limits = [r for r in (sink.limits.records_per_second, records_per_second) if r is not None]
        self._name, self._sink, self._first_wait = name, sink, pace.retry_first_seconds
        self._burial, self._budget = Burial(name, log, pace), Budget(min(limits, default=None), 0.0)
        self._patience = patience_seconds
        self.counts: Counter[str] = Counter()
        """Records by outcome: delivered, duplicate, redirected, rejected."""
        self.refused: Counter[str] = Counter()
        """Rejected records by reason, up to its first colon."""
        self.trouble = ""
        """Why the sink took nothing, the last time that it did not."""

    async def send(self, parcel: Parcel) -> list[Record]:
        """Settle every record. Returns those (the very objects) that the sink did not take within its patience."""
        trip = _Trip(self._cut(parcel), self._patience)
        while trip.waiting:
            part = trip.waiting.pop()
            await self._spend(len(part))
            try:
                rest = await self._write(part, trip)
            except Misconfigured as error:
                return self._given_up(error, [*trip.waiting, part])
            except Retryable as error:
                rest = [part]
                if not await self._rest(trip, error):
                    return self._given_up(error, [*trip.waiting, part])
            trip.waiting += reversed(rest)
        return []

    def _given_up(self, error: Exception, left: Iterable[Parcel]) -> list[Record]:
        self.trouble = str(error) or type(error).__name__
        return [record for parcel in left for record in parcel.records]

    def _cut(self, parcel: Parcel) -> Iterator[Parcel]:
        """Parcels within the limits of sink and budget, in order."""
        limits, start = self._sink.limits, 0
        most = limits.max_records if self._budget.unlimited else min(limits.max_records, self._budget.most(False))
        while start < len(parcel):
            stop, size = start + 1, len(parcel.records[start].body)
            while stop < len(parcel) and stop - start < most and size + len(parcel.records[stop].body) <= limits.max_bytes:
                size += len(parcel.records[stop].body)
                stop += 1
            yield parcel.pick(range(start, stop))
            start = stop

    async def _spend(self, count: int) -> None:
        while True:
            now = time.monotonic()
            wait = self._budget.wait(count, False, now)
            if wait <= 0:
                return self._budget.take(count, False, now)
            await asyncio.sleep(wait)

    async def _write(self, part: Parcel, trip: "_Trip") -> Sequence[Parcel]:
        """Send once. Returns what has to be sent next instead; raises Retryable where that is to wait."""
        part.attempts += 1
        try:
            result = await self._sink.write(part.records)
        except (TooLarge, Rejected) as error:
            if len(part) > 1:
                return part.halves()
            await self._bury(part, [str(error) or type(error).__name__])
            trip.moved()
            return ()
        return await self._settle(part, read_answer(self._name, part, result), trip)

    async def _settle(self, part: Parcel, answer: Answer, trip: "_Trip") -> Sequence[Parcel]:
        for outcome, indices in answer.done.items():
            self.counts[outcome.value] += len(indices)
        if answer.rejected:
            await self._bury(part.pick(answer.rejected), [answer.reason(i) for i in answer.rejected])
        if len(answer.retry) == len(part):
            raise Retryable(answer.reason(answer.retry[0]), answer.retry_after_seconds)
        trip.moved()
        if not answer.retry:
            return ()
        await asyncio.sleep(answer.retry_after_seconds or random.uniform(0, self._first_wait))
        return (part.pick(answer.retry),)

    async def _bury(self, part: Parcel, reasons: Sequence[str]) -> None:
        await self._burial.bury(part, reasons)
        self.counts["rejected"] += len(part)
        self.refused.update(reason_word(reason) for reason in reasons)

    async def _rest(self, trip: "_Trip", error: Retryable) -> bool:
        """Full jitter, or what the far end asks for. False once its patience has run out."""
        if time.monotonic() > trip.until:
            return False
        trip.failures += 1
        bound = min(_LONGEST_WAIT_SECONDS, self._first_wait * 2 ** min(trip.failures, 16))
        asked = error.retry_after_seconds
        await asyncio.sleep(random.uniform(0, bound) if asked is None else min(asked, _LONGEST_RETRY_AFTER_SECONDS))
        return True


class _Trip:
    """One `send` under way: what waits, the next one last, and when patience ends."""

    def __init__(self, parts: Iterable[Parcel], patience_seconds: float) -> None:
        self.waiting, self.failures, self._patience = list(parts)[::-1], 0, patience_seconds
        self.until = time.monotonic() + patience_seconds

    def moved(self) -> None:
        """Something was settled."""
        self.failures, self.until = 0, time.monotonic() + self._patience


def parcel_of(records: Sequence[Record], places: Iterable[tuple[Partition, int]], attempts: int = 0) -> Parcel:
    """A parcel (of at least one record) that knows where in the log its records lie, for dead letters."""
    pairs = zip(records, places, strict=True)
    segments = [Segment(Lane(partition), (offset,), (record,)) for record, (partition, offset) in pairs]
    return Parcel(segments, (), is_alert=False, attempts=attempts)


def reason_word(reason: str) -> str:
    """What reasons of one kind have in common: the text up to the first colon, for products put names of fields behind it."""
    return reason.partition(":")[0].strip()[:60] or "unknown"
