"""The loop around the pure stage: read, run, write, commit.

Write order per batch: dead letters, then matches, then events, then the commit. The last record of an events partition
therefore proves that everything made from its raw record, and from all before it, is durable; after a crash reading goes on
behind it and nothing is written to `events` twice (delivery design: ids and high-water mark).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import orjson

from router.batch import DEAD_LETTERS, EVENTS, MATCHES, RAW, Batch, Mark, Origin, Partition, Record
from router.deliver.burial import without_body
from router.errors import Misconfigured, Retryable
from router.log.checkpoint import high_water, persist, persist_each, read
from router.process.meter import Meter
from router.process.sizes import fit, letter_of
from router.process.stage import NAME, Output, Stage
from router.protocols import Follower, Log
from router.telemetry import (
    DEAD_LETTERED,
    IGNORED,
    NORM_DOUBTS,
    NORMALIZED,
    PROCESS_SECONDS,
    READ,
    REPEATED,
    RULE_MATCHES,
    SPLIT,
    WRITTEN,
    bound,
    logger,
)

_log = logger("process")


class Process:
    """The loop around `Stage`."""

    name, stage = "process", 2

    def __init__(self, log: Log, stage: Stage, *, max_records: int = 1000) -> None:
        self._log, self._stage, self._max_records = log, stage, max_records
        self.ready = asyncio.Event()
        self._meter = Meter(stage.ruleset, stage.engine)
        self._next: tuple[Stage, asyncio.Event] | None = None
        self._done: dict[int, Origin | None] = {}
        self._dataset, self._dead = bound(NORMALIZED.labels), bound(DEAD_LETTERED.labels)
        self._ignored, self._rule, self._tag = bound(IGNORED.labels), bound(RULE_MATCHES.labels), bound(NORM_DOUBTS.labels)

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        """Find how far each partition's results have come (Listener)."""
        ends = await self._log.ends(RAW)
        for partition in marks:
            done = await high_water(self._log, EVENTS, partition.number)
            if done is not None and done.offset >= ends.get(partition.number, (0, 0))[1]:
                _log.error("the raw topic is younger than its results; ignoring the high-water mark", partition=partition.number)
                done = None
            self._done[partition.number] = done

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Nothing is held between reads (Listener)."""
        for partition in partitions:
            self._done.pop(partition.number, None)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then the batches in hand are written and committed."""
        async with self._log.follow((RAW,), group=NAME, listener=self) as follower:
            self.ready.set()
            try:
                await self._turn(follower, stop)
                await self._finish(stop)
            except* (Retryable, Misconfigured) as group:
                _log.warning("stopped while the log refused writes; it is all read again", reason=str(group.exceptions[0]))

    async def _turn(self, follower: Follower, stop: asyncio.Event) -> None:
        committed, marks = time.monotonic(), dict[Partition, Mark]()
        while not stop.is_set():
            await self._renew(stop)
            batches = await read(follower, self._max_records, 0.5)
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(self._batch(batch, stop))
                    await asyncio.sleep(0)  # sockets and heartbeats have their turn between two batches
            marks.update({Partition(b.span.topic, b.span.partition): Mark(b.span.stop) for b in batches})
            if marks and (time.monotonic() - committed > 1 or not batches):
                committed = await self._commit(follower, marks)
        await self._commit(follower, marks)

    async def renew(self, stage: Stage) -> None:
        """Work with new rules from the next batch on; returns when that has begun."""
        taken = asyncio.Event()
        self._next = stage, taken
        await taken.wait()

    async def _renew(self, stop: asyncio.Event) -> None:
        """Between two batches: end the windows of the old noise rules, then change over."""
        if self._next is not None:
            await self._finish(stop)
            (self._stage, taken), self._next = self._next, None
            self._meter = Meter(self._stage.ruleset, self._stage.engine)
            taken.set()

    async def _finish(self, stop: asyncio.Event) -> None:
        if summaries := self._stage.finish():
            await persist(self._log, MATCHES, 0, summaries, stop)

    async def _commit(self, follower: Follower, marks: dict[Partition, Mark]) -> float:
        try:
            await follower.commit(marks)
            marks.clear()
        except (Retryable, Misconfigured) as error:
            _log.warning("commit failed; the next one covers it", reason=str(error))
        return time.monotonic()

    async def _batch(self, batch: Batch[Record], stop: asyncio.Event) -> None:
        partition = batch.span.partition
        with PROCESS_SECONDS.time():
            out = self._stage.run(batch, self._done.get(partition))
            fit(out, batch)
        await self._write(batch, out, stop)
        self._count(batch, out)

    async def _write(self, batch: Batch[Record], out: Output, stop: asyncio.Event) -> None:
        """What the log takes no more for its size becomes a dead letter, like what `fit` finds too large."""
        if out.dead:
            await self._bury(out.dead, stop)

        async def match_refused(record: Record, reason: str) -> None:
            await refused(record, reason, "alert_too_large")

        async def event_refused(record: Record, reason: str) -> None:
            out.events.remove(record)
            await refused(record, reason, "too_large")

        async def refused(record: Record, reason: str, word: str) -> None:
            _log.error("the log takes a result no more; it is a dead letter now", reason=reason)
            out.dead.append(letter_of(record, batch, word))
            await self._bury(out.dead[-1:], stop)

        matches = out.matches.items()
        await asyncio.gather(*[persist_each(self._log, MATCHES, p, rs, stop, match_refused) for p, rs in matches])
        if out.events:
            partition = batch.span.partition
            await persist_each(self._log, EVENTS, partition, tuple(out.events), stop, event_refused)
            self._done[partition] = None

    async def _bury(self, letters: Sequence[Record], stop: asyncio.Event) -> None:
        async def refused(letter: Record, reason: str) -> None:
            _log.error("a dead letter is too large; keeping its coordinates alone", reason=reason)
            await persist(self._log, DEAD_LETTERS + NAME, 0, [without_body(letter)], stop)

        await persist_each(self._log, DEAD_LETTERS + NAME, 0, letters, stop, refused)

    def _count(self, batch: Batch[Record], out: Output) -> None:
        made = len(out.events) + len(out.dead) + out.ignored + out.repeated
        READ.inc(len(batch.items))
        SPLIT.inc(made - len(batch.items))
        WRITTEN.inc(len(out.events))
        REPEATED.inc(out.repeated)
        for name, count in self._stage.ignored().items():
            self._ignored(name).inc(count)
        for dataset, count in Counter(r.facts.dataset for r in out.events).items():
            self._dataset(dataset).inc(count)
        for (rule, level), count in out.hits.items():
            self._rule(rule, level).inc(count)
        self._meter.batch(out.hits, out.events)
        for tag, count in out.tags.items():
            if tag.startswith("_norm_"):
                self._tag(tag.partition(":")[0]).inc(count)
        for record in out.dead:
            self._dead(orjson.loads(record.body)["reason"]).inc()
