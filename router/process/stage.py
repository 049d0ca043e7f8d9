"""The pure part of the process role: a batch of raw records to records of the next topics. No I/O, no clock."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import count
from typing import Any

import orjson

from router.batch import RAW, Batch, Event, Facts, Origin, Record, origin_of, record_of
from router.deliver.dead_letters import dead_letter
from router.detect import Ruleset
from router.detect.engine import Engine
from router.errors import Malformed
from router.normalize import Catalogue
from router.normalize.remembered import Remembered
from router.process.bounds import SMALL_BYTES, bound, exceeds
from router.process.hits import Hits
from router.process.severity import BY_LEVEL, severity
from router.reduce import Reducer, Summary

NAME = "process"
_MAX_FACTS = 20_000
_NOTHING: Event = {}
_WHOLE_SECONDS = Remembered[str, float](lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp(), 8192)


@dataclass(slots=True)
class Output:
    """What one raw batch became. read + split = events + dead + ignored + repeated."""

    events: list[Record] = field(default_factory=list)
    matches: dict[int, list[Record]] = field(default_factory=dict)
    """By partition of `matches`."""
    dead: list[Record] = field(default_factory=list)
    ignored: int = 0
    repeated: int = 0
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Matches by rule and level."""
    tags: Counter[str] = field(default_factory=Counter)


class Stage:
    """Normalizers, rules and noise rules, applied to batches."""

    def __init__(self, catalogue: Catalogue, ruleset: Ruleset, reducer: Reducer, match_partitions: int) -> None:
        self._catalogue, self._reducer = catalogue, reducer
        self._match_partitions = match_partitions
        self.ruleset, self._joint = ruleset, ruleset.joined(reducer.selections)
        self._facts: dict[tuple[Any, ...], Facts] = {}
        self._hits = Hits(ruleset.correlations, match_partitions)

    def run(self, batch: Batch[Record], done: Origin | None) -> Output:
        """`done` is the high-water mark of the batch's partition: results up to it are in the log already."""
        out, partition = Output(), batch.span.partition
        for raw, offset in zip(batch.items, batch.offsets or count(batch.span.start), strict=False):
            origin = origin_of((partition, offset, 0))
            if done is not None and origin.offset < done.offset:
                out.repeated += 1
                continue
            try:
                self._documents(raw, origin, done, out)
            except Malformed as error:
                out.dead.append(bury(raw, error, origin))
        for summary in self._reducer.close([record.time for record in out.events]):
            self._match(out, partition, _summary(summary))
        return out

    @property
    def engine(self) -> Engine:
        """What judges, for whoever measures it."""
        return self._joint.engine

    def ignored(self) -> Counter[str]:
        """Ignored payloads per normalizer since the last call."""
        counts = Counter(self._catalogue.ignored)
        self._catalogue.ignored.clear()
        return counts

    def finish(self) -> list[Record]:
        """What open windows of noise rules held back so far, for `matches`. Call it when no batch follows."""
        return [_summary(summary) for summary in self._reducer.finish()]

    def _documents(self, raw: Record, origin: Origin, done: Origin | None, out: Output) -> None:
        """What one raw record becomes. Each document is let go before the next is made: it is still in the processor's cache."""
        events = self._catalogue.normalize(raw.body, raw.facts, raw.time)
        out.ignored += not events
        received = self._catalogue.received() if len(events) == 1 else b""
        for sub, event in enumerate(events):
            place = origin._replace(sub=sub) if sub else origin
            if done is not None and place <= done:
                out.repeated += 1
            else:
                self._document(event, raw, place, received, out)

    def _document(self, event: Event, raw: Record, origin: Origin, received: bytes, out: Output) -> None:
        """Encode it, ask all rules in one go, write what they say, and the event with their marks."""
        try:
            body = orjson.dumps(event)
        except TypeError as error:
            out.dead.append(bury(raw, Malformed("unencodable", str(error)), origin))
            return
        record_id = _derived(raw.id, origin.sub) if origin.sub else raw.id
        time = event_time(event, raw.time)
        rules, selected = self._joint.match(event, received, body)
        if rules:
            record = Record(record_id, body, time, Facts(raw.facts.source), b"", origin)
            for rule in rules:
                out.hits[rule.id, rule.level] += 1
            for place, made in self._hits.records(rules, event, record, received):
                self._match(out, place, made)
        marks = self._reducer.row(selected, event, record_id, time, bool(rules))
        if len(body) > SMALL_BYTES and exceeds(event, body):  # rules have seen the whole
            bound(event)
            body = orjson.dumps(event)
        for tag in event.get("tags", ()):
            out.tags[tag] += 1
        out.events.append(record_of((record_id, body, time, self._facts_of(event, raw.facts.source, marks), b"", origin)))

    def _match(self, out: Output, home: int, record: Record) -> None:
        out.matches.setdefault(home % self._match_partitions, []).append(record)

    def _facts_of(self, event: Event, source: str, marks: tuple[tuple[str, ...], tuple[str, ...]]) -> Facts:
        about, log = event.get("event", _NOTHING), event.get("log", _NOTHING)
        level = log.get("level") or (severity(event) if "syslog" in log else 0)
        key = (source, about.get("dataset", ""), about.get("kind", "event"), level, marks)
        facts = self._facts.get(key)
        if facts is None:
            if len(self._facts) >= _MAX_FACTS:
                self._facts.clear()
            facts = self._facts[key] = Facts(source, "", "", (), key[1], key[2], severity(event), *marks)
        return facts


def _derived(raw_id: bytes, sub: int) -> bytes:
    """The id of document `sub` of a record: the record's own for the first, a hash for the others."""
    return raw_id if not sub else blake2b(raw_id + sub.to_bytes(4), digest_size=16).digest()


def bury(raw: Record, error: Malformed, origin: Origin) -> Record:
    """The dead letter of a raw record."""
    return dead_letter(
        raw, stage=NAME, reason=error.reason, topic=RAW, partition=origin.partition, offset=origin.offset, attempts=1
    )


def _summary(summary: Summary) -> Record:
    facts = Facts(dataset="logweir.summary", kind="metric", severity=BY_LEVEL["informational"])
    return Record(summary.id, orjson.dumps(summary.document()), summary.last, facts)


def event_time(event: Event, otherwise: float) -> float:
    """`@timestamp` in seconds since the epoch."""
    try:
        text = event["@timestamp"]
        if text[-1] == "Z" and text[19] == "." and text[20:-1].isdecimal():  # as normalizers write it
            return _WHOLE_SECONDS[text[:19]] + float(text[19:-1])
        return datetime.fromisoformat(text).timestamp()
    except (KeyError, IndexError, TypeError, ValueError):
        return otherwise
