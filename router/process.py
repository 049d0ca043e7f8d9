"""Loop 2: raw -> normalize -> detect -> reduce -> encode -> events, matches, dead letters. One hop, batch by batch.

Write order per batch: dead letters, then matches, then events, then the commit. The last record of an events partition
therefore proves that everything made from its raw record, and from all before it, is durable; after a crash reading goes on
behind it and nothing is written to `events` twice (delivery design: ids and high-water mark).
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import orjson

from router.batch import EVENTS, MATCHES, RAW, Batch, Event, Facts, Mark, Origin, Partition, Record
from router.correlate.loop import MATCH
from router.correlate.match import matches_for
from router.deliver.dead_letters import dead_letter
from router.detect import Rule, Ruleset, alert_document
from router.errors import Malformed, Retryable
from router.log.checkpoint import high_water, persist
from router.normalize import Catalogue
from router.protocols import Follower, Log
from router.reduce import Reducer, Summary
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

GROUP = "process"
_SEVERITY = {
    **dict.fromkeys(("trace", "debug", "7"), 10),
    **dict.fromkeys(("informational", "information", "info", "verbose", "6"), 20),
    **dict.fromkeys(("notice", "low", "5"), 30),
    **dict.fromkeys(("warning", "warn", "medium", "4"), 50),
    **dict.fromkeys(("error", "err", "high", "3"), 70),
    **dict.fromkeys(("critical", "crit", "alert", "emergency", "emerg", "fatal", "severe", "2", "1", "0"), 90),
}
_log = logger("process")


class Output(NamedTuple):
    """What one raw batch became."""

    events: list[Record]
    matches: dict[int, list[Record]]
    dead: list[Record]
    hits: dict[tuple[str, str], int]
    doubts: dict[str, int]
    ignored: int = 0
    repeated: int = 0


class Stage:
    """The pure part: a batch of raw records to records of the next topics. No I/O, no clock."""

    def __init__(self, catalogue: Catalogue, ruleset: Ruleset, reducer: Reducer, match_partitions: int) -> None:
        self._catalogue, self._ruleset, self._reducer = catalogue, ruleset, reducer
        self._match_partitions = match_partitions
        self._facts: dict[tuple[object, ...], Facts] = {}

    def run(self, batch: Batch[Record], done: Origin | None) -> Output:
        """`done` is the high-water mark of the batch's partition: results up to it are in the log already."""
        out = Output([], {}, [], {}, {})
        rows: list[tuple[Event, bytes, float, Origin, str]] = []
        matched: list[bool] = []
        ignored = repeated = 0
        partition, counted = batch.span.partition, self._catalogue.normalize
        for i, raw in enumerate(batch.items):
            offset = batch.offset(i)
            if done is not None and offset < done.offset:
                repeated += 1
                continue
            try:
                documents = counted(raw.body, raw.facts, raw.time)
            except Malformed as error:
                out.dead.append(self._bury(raw, error, batch, offset))
                continue
            ignored += not documents
            received = self._catalogue.received() if len(documents) == 1 else b""
            for sub, event in enumerate(documents):
                if done is not None and offset == done.offset and sub <= done.sub:
                    repeated += 1
                    continue
                event_id = raw.id if not sub else blake2b(raw.id + sub.to_bytes(4), digest_size=16).digest()
                rules = self._ruleset.match(event, received)
                origin, when = Origin(partition, offset, sub), event_time(event, raw.time)
                if rules:
                    self._matches(out, rules, event, received, event_id, when, raw.facts.source, origin)
                for tag in event.get("tags", ()):
                    out.doubts[tag] = out.doubts.get(tag, 0) + 1
                rows.append((event, event_id, when, origin, raw.facts.source))
                matched.append(bool(rules))
        marks, summaries = self._reducer.judge([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], matched)
        self._summarise(out.matches, summaries, partition)
        for row, noise in zip(rows, marks, strict=True):
            self._encode(out, batch, *row, noise)
        return out._replace(ignored=ignored, repeated=repeated)

    def _encode(
        self,
        out: Output,
        batch: Batch[Record],
        event: Event,
        event_id: bytes,
        when: float,
        origin: Origin,
        source: str,
        marks: tuple[tuple[str, ...], tuple[str, ...]],
    ) -> None:
        try:
            body = orjson.dumps(event)
        except TypeError as error:
            raw = batch.items[origin.offset - batch.span.start] if not batch.offsets else _at(batch, origin.offset)
            out.dead.append(self._bury(raw, Malformed("unencodable", str(error)), batch, origin.offset))
            return
        out.events.append(Record(event_id, body, when, self._facts_of(event, source, marks), b"", origin))

    def _facts_of(self, event: Event, source: str, marks: tuple[tuple[str, ...], tuple[str, ...]]) -> Facts:
        about = event.get("event", {})
        key = (source, about.get("dataset", ""), about.get("kind", "event"), severity(event), marks)
        facts = self._facts.get(key)
        if facts is None:
            if len(self._facts) > 20_000:
                self._facts.clear()
            dataset, kind = str(key[1]), str(key[2])
            facts = Facts(source, dataset=dataset, kind=kind, severity=severity(event), noise=marks[0], trim=marks[1])
            self._facts[key] = facts
        return facts

    def _matches(
        self,
        out: Output,
        rules: Iterable[Rule],
        event: Event,
        received: bytes,
        event_id: bytes,
        when: float,
        source: str,
        origin: Origin,
    ) -> None:
        for rule in rules:
            out.hits[rule.id, rule.level] = out.hits.get((rule.id, rule.level), 0) + 1
            if rule.alerts:
                document = alert_document(rule, event, event_id=event_id, time=when, raw=received)
                facts = Facts(source, dataset="logweir.alert", kind="alert", severity=_SEVERITY.get(rule.level, 0))
                alert_id = blake2b(rule.id.encode() + event_id, digest_size=16).digest()
                home = origin.partition % self._match_partitions
                out.matches.setdefault(home, []).append(Record(alert_id, orjson.dumps(document), when, facts, b"", origin))
            for key, body, match_id in matches_for(self._ruleset.correlations, rule, event, event_id, when):
                facts = Facts(source, kind=MATCH)
                home = int.from_bytes(blake2b(key, digest_size=8).digest()) % self._match_partitions
                out.matches.setdefault(home, []).append(Record(match_id, body, when, facts, key, origin))

    def _summarise(self, out: dict[int, list[Record]], summaries: Iterable[Summary], partition: int) -> None:
        for summary in summaries:
            facts = Facts(dataset="logweir.summary", kind="metric", severity=20)
            record = Record(summary.id, orjson.dumps(summary.document()), summary.last, facts)
            out.setdefault(partition % self._match_partitions, []).append(record)

    def _bury(self, raw: Record, error: Malformed, batch: Batch[Record], offset: int) -> Record:
        return dead_letter(
            raw, stage="process", reason=error.reason, topic=RAW, partition=batch.span.partition, offset=offset, attempts=1
        )

    def counters(self) -> Mapping[str, int]:
        """Ignored events per normalizer since the last call."""
        counts = dict(self._catalogue.ignored)
        self._catalogue.ignored.clear()
        return counts


def _at(batch: Batch[Record], offset: int) -> Record:
    return batch.items[list(batch.offsets).index(offset)]


def event_time(event: Event, otherwise: float) -> float:
    """`@timestamp` in seconds since the epoch."""
    try:
        return datetime.fromisoformat(event["@timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return otherwise


def severity(event: Event) -> int:
    """The scale of `Facts.severity`, from log.level, else from the syslog severity; 0 where neither is known."""
    level = event.get("log", {}).get("level")
    if level is None:
        level = event.get("log", {}).get("syslog", {}).get("severity", {}).get("code")
    return _SEVERITY.get(str(level).lower(), 0) if level is not None else 0


class Process:
    """The loop around `Stage`."""

    name, stage = "process", 2

    def __init__(self, log: Log, stage: Stage, *, max_records: int = 1000) -> None:
        self._log, self._stage, self._max_records = log, stage, max_records
        self.ready = asyncio.Event()
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
        async with self._log.follow((RAW,), group=GROUP, listener=self) as follower:
            self.ready.set()
            committed = time.monotonic()
            marks: dict[Partition, Mark] = {}
            while not stop.is_set():
                batches = await follower.read(max_records=self._max_records, timeout_seconds=0.5)
                await asyncio.gather(*[self._batch(b, stop) for b in batches])
                marks.update({Partition(b.span.topic, b.span.partition): Mark(b.span.stop) for b in batches})
                if marks and (time.monotonic() - committed > 1 or not batches):
                    committed = await self._commit(follower, marks)
            await self._commit(follower, marks)

    async def _commit(self, follower: Follower, marks: dict[Partition, Mark]) -> float:
        try:
            await follower.commit(marks)
            marks.clear()
        except Retryable as error:
            _log.warning("commit failed; the next one covers it", reason=str(error))
        return time.monotonic()

    async def _batch(self, batch: Batch[Record], stop: asyncio.Event) -> None:
        partition = batch.span.partition
        with PROCESS_SECONDS.time():
            out = self._stage.run(batch, self._done.get(partition))
        if out.dead:
            await persist(self._log, "dlq.process", 0, out.dead, stop)
        await asyncio.gather(*[persist(self._log, MATCHES, p, records, stop) for p, records in out.matches.items()])
        if out.events:
            await persist(self._log, EVENTS, partition, out.events, stop)
            self._done[partition] = None
        self._count(batch, out)

    def _count(self, batch: Batch[Record], out: Output) -> None:
        made = len(out.events) + len(out.dead) + out.ignored + out.repeated
        READ.inc(len(batch.items))
        SPLIT.inc(max(0, made - len(batch.items)))
        WRITTEN.inc(len(out.events))
        REPEATED.inc(out.repeated)
        for name, count in self._stage.counters().items():
            self._ignored(name).inc(count)
        for dataset, count in _tally(r.facts.dataset for r in out.events).items():
            self._dataset(dataset).inc(count)
        for (rule, level), count in out.hits.items():
            self._rule(rule, level).inc(count)
        for tag, count in out.doubts.items():
            if tag.startswith("_norm_"):
                self._tag(tag.partition(":")[0]).inc(count)
        for record in out.dead:
            self._dead(orjson.loads(record.body)["reason"]).inc()


def _tally(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
