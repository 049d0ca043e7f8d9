"""Correlations end to end without a log: events through rules, matches over partitions, lanes that restart, alerts out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import orjson

from router.batch import MATCHES, Batch, Facts, Origin, Record, Span
from router.correlate import Correlator, matches_for
from router.correlate.clock import Checkpoint
from router.correlate.lane import MATCH, TICK, Lane
from router.correlate.match import home
from router.detect import Ruleset

START = 1_699_999_200
"""A full hour, in seconds since the epoch. Times of vectors count from it."""
LATENESS = 60
_RULES = "\n---\n".join(
    f"title: {kind}\nname: {kind}\nid: rule-{kind}\ntaxonomy: ecs\nlogsource: {{product: p}}\n"
    f"detection: {{sel: {{kind: {kind}}}, condition: sel}}"
    for kind in "abcd"
)


class Event(NamedTuple):
    """An event of a kind (which rule of that name matches; several kinds: several rules), and its fields."""

    time: float
    kind: str
    fields: dict[str, Any]
    id: int | None = None
    """Given where an event is delivered twice."""


class Tick(NamedTuple):
    """Time comes to so many seconds although no match says so."""

    time: float


class Restart(NamedTuple):
    """Every lane is killed and opened anew: what was not committed is read again."""

    commit: bool = True
    """Whether what was read before was committed."""


class Reload(NamedTuple):
    """Other correlations from here on."""

    documents: str


Step: TypeAlias = Event | Tick | Restart | Reload
Alert: TypeAlias = tuple[str, float, tuple[str, ...]]
"""Name of the correlation, time, group."""


@dataclass
class _Part:
    """One partition: its log, what was committed, what was written."""

    log: list[Record] = field(default_factory=list)
    done: int = 0
    committed: int = 0
    checkpoint: str = ""
    written: Origin | None = None


class Bench:
    """A few partitions of `matches`, and a lane for each."""

    def __init__(self, folder: Path, documents: str, partitions: int = 3) -> None:
        self._file = folder / "correlations.yml"
        self._partitions = partitions
        self._parts = [_Part() for _ in range(partitions)]
        self._ids = 0
        self.signals: dict[bytes, Record] = {}
        self._load(documents)

    def _load(self, documents: str) -> None:
        self._file.write_text(f"{_RULES}\n---\n{documents}")
        self._ruleset = Ruleset.load([self._file], builtin=False)
        self._lanes = [self._lane(number, part) for number, part in enumerate(self._parts)]

    def _lane(self, number: int, part: _Part) -> Lane:
        """As the loop opens one at its committed mark."""
        mark = Checkpoint.parse(part.checkpoint) if part.checkpoint else None
        part.done = mark.needed_from if mark else part.committed
        correlator = Correlator(self._ruleset.correlations, LATENESS, resume=mark, committed=part.committed)
        return Lane(number, correlator, self._partitions, committed=part.committed, written=part.written)

    def play(self, steps: Sequence[Step]) -> list[Alert]:
        """All steps, then an end so late that everything is decided. Returns the alerts by time."""
        for step in [*steps, *(Tick(10**6 * n) for n in range(1, 12))]:
            self._step(step)
            self._work()
        alerts = [signal for signal in self.signals.values() if b'"correlation":' in signal.body]
        return sorted(map(_alert, alerts), key=lambda alert: (alert[1], alert[0], alert[2]))

    def _step(self, step: Step) -> None:
        match step:
            case Event():
                self._event(step)
            case Tick():
                for part in self._parts:
                    part.log.append(Record(b"t" * 16, b"{}", START + step.time, Facts(kind=TICK)))
            case Restart():
                self._restart(step.commit)
            case Reload():
                self._restart(True)
                self._load(step.documents)

    def _event(self, event: Event) -> None:
        self._ids += 1
        number = self._ids if event.id is None else 1000 + event.id
        document = {"kind": event.kind.split("+"), "logweir": {"logsource": {"product": "p"}}, **event.fields}
        for rule in self._ruleset.match(document):
            made = matches_for(self._ruleset.correlations, rule, document, number.to_bytes(16), START + event.time)
            for key, body, match_id in made:
                record = Record(match_id, body, START + event.time, Facts(kind=MATCH), key)
                self._parts[home(key, self._partitions)].log.append(record)

    def _restart(self, commit: bool) -> None:
        for lane, part in zip(self._lanes, self._parts, strict=True):
            if commit:
                part.committed, part.checkpoint = part.done, lane.correlator.checkpoint(part.done).text()
        self._lanes = [self._lane(number, part) for number, part in enumerate(self._parts)]

    def _work(self) -> None:
        while any(part.done < len(part.log) for part in self._parts):
            for number, part in enumerate(self._parts):
                self._run(number, part)

    def _run(self, number: int, part: _Part) -> None:
        start, part.done = part.done, len(part.log)
        out = self._lanes[number].run(Batch(part.log[start:], Span(MATCHES, number, start, part.done)), 0.0)
        for partition, records in out.matches.items():
            self._parts[partition].log += records
        for signal in out.signals:
            part.written = signal.origin
            if self.signals.setdefault(signal.id, signal).body != signal.body:
                raise AssertionError("a signal that was written before comes again with another text")


def _alert(record: Record) -> Alert:
    document = orjson.loads(record.body)
    time = datetime.fromisoformat(document["@timestamp"]).timestamp() - START
    return _named(document), round(time, 3), tuple(document["logweir"]["correlation"]["group"].values())


def _named(document: dict[str, Any]) -> str:
    """The name of a correlation of a vector; those that ship have titles only."""
    name = str(document["rule"]["name"])
    return name if name.isidentifier() else ""


def kinds(*moments: float, kind: str = "a", **fields: Any) -> Iterator[Event]:
    """Events of one kind and one user at several times."""
    return (Event(moment, kind, {"user": "u", **fields}) for moment in moments)
