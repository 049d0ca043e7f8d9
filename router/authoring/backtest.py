"""New rules over stored events: what they would have found, how often, on what, and at what cost.

Reads the log without a group, so nothing that runs is disturbed; nothing is written. Events are judged as they were
normalized then or, from the raw topic, as they would be normalized now. Correlations get their matches in order of event time.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from router.batch import EVENTS, RAW, Batch, Event, Partition, Record
from router.correlate.examples import Rehearsal
from router.correlate.firing import Firing, about
from router.correlate.match import Made, matches_for
from router.detect import Correlation, Rule, Ruleset
from router.detect.alerts import written
from router.detect.engine.options import Options, user_cache
from router.detect.matcher import compile_tree
from router.detect.probes import Values
from router.detect.routing import RouteKey, Router
from router.detect.views import view
from router.errors import Malformed
from router.normalize import Catalogue
from router.process.stage import _derived as derived_id
from router.process.stage import event_time
from router.protocols import Log

_PAGE, _SAMPLES, _TOP = 2000, 5, 5
_MAX_MATCHES = 1_000_000
_TIMED_PER_RULE = 100
_HOSTS = (("host", "name"), ("host", "hostname"), ("observer", "name"), ("observer", "hostname"))
_USERS = (("user", "name"), ("source", "user", "name"), ("user", "id"))


@dataclass(slots=True)
class Found:
    """What one rule or correlation would have found."""

    rule: Rule | Correlation
    matches: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    hosts: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    """Ids of the first events (of a correlation: of the events in its first alerts), as alerts have them."""
    seen: int = 0
    """Events of its log source; of a correlation: matches of its rules."""
    timed: int = 0
    timed_seconds: float = 0.0

    def add(self, event: Event, event_id: str, when: float) -> None:
        """One more."""
        self.matches += 1
        self.first, self.last = min(self.first, when), max(self.last, when)
        for counter, places in ((self.hosts, _HOSTS), (self.users, _USERS)):
            name = next((found for place in places if (found := _at(event, place))), None)
            if name is not None:
                counter[name] += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(event_id)

    @property
    def micros_alone(self) -> float | None:
        """Microseconds for an event of its log source, by the plain matcher without anything that rules share."""
        return self.timed_seconds / self.timed * 1e6 if self.timed else None


def _at(event: Event, place: Sequence[str]) -> str | None:
    value: Any = event
    for step in place:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


@dataclass(slots=True)
class Result:
    """A whole run."""

    found: list[Found]
    events: int = 0
    """Judged."""
    read: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    """Of CPU, spent on matching; compiling what a kind of event needs is not in it."""
    oldest: float = float("inf")
    newest: float = float("-inf")
    """Event times of what was judged."""
    is_cut: bool = False
    """There were more events than `limit`, or more matches than correlations could be given."""


class Trial:
    """Judges events by the rules under test. `raw`: payloads are normalized by this catalogue first."""

    def __init__(self, ruleset: Ruleset, wanted: Sequence[Rule | Correlation], catalogue: Catalogue | None = None) -> None:
        needed = _needed(ruleset, wanted)
        self._correlations = [d for d in needed if isinstance(d, Correlation)]
        options = Options(cache=user_cache())
        self._ruleset = Ruleset([d for d in needed if isinstance(d, Rule)], self._correlations, options=options)
        self._catalogue, self._router = catalogue, Router()
        self._found = {d.id: Found(d) for d in wanted}
        self._keys: Counter[RouteKey] = Counter()
        self._example: dict[RouteKey, Event] = {}
        self._tests = {r.id: compile_tree(r.tree, view(r.logsource, r.taxonomy)) for r in self._ruleset.rules}
        self._matches: list[tuple[float, bytes, Made]] = []
        self.result = Result(list(self._found.values()))

    def judge(self, records: Sequence[Record]) -> None:
        """Take records of `events`, or of `raw` where there is a catalogue."""
        for record in records:
            self.result.read += 1
            for event, raw, event_id in self._documents(record):
                self._judge(event, raw, event_id, record.time if self._catalogue is None else event_time(event, record.time))

    def _documents(self, record: Record) -> Iterator[tuple[Event, bytes, bytes]]:
        try:
            if self._catalogue is None:
                yield orjson.loads(record.body), b"", record.id
                return
            made = self._catalogue.normalize(record.body, record.facts, record.time)
        except (Malformed, orjson.JSONDecodeError):
            self.result.unreadable += 1
            return
        received = self._catalogue.received() if len(made) == 1 else b""
        for sub, event in enumerate(made):
            yield event, received, derived_id(record.id, sub)

    def _judge(self, event: Event, raw: bytes, event_id: bytes, when: float) -> None:
        result, key = self.result, self._router.key(event)
        if key not in self._keys:
            self._ruleset.match(event, raw)
        begun = time.thread_time()
        rules = self._ruleset.match(event, raw)
        result.seconds += time.thread_time() - begun
        result.events += 1
        result.oldest, result.newest = min(result.oldest, when), max(result.newest, when)
        self._measure(key, event, raw)
        for rule in rules:
            if rule.id in self._found:
                self._found[rule.id].add(event, written(event_id), when)
            made = matches_for(self._correlations, rule, event, event_id, when)
            self._matches += [(when, event_id, one) for one in made] if len(self._matches) < _MAX_MATCHES else []

    def _measure(self, key: RouteKey, event: Event, raw: bytes) -> None:
        """Count events by what routing says of them, and time some of them rule by rule."""
        self._keys[key] += 1
        self._example.setdefault(key, event)
        if self._keys[key] > _TIMED_PER_RULE:
            return
        for rule in self._ruleset.visible(event):
            found = self._found.get(rule.id)
            if found is not None and found.timed < _TIMED_PER_RULE:
                begun = time.thread_time()
                self._tests[rule.id](Values(event, raw))
                found.timed_seconds += time.thread_time() - begun
                found.timed += 1

    def ended(self) -> Result:
        """Everything, once all events were judged."""
        for key, count in self._keys.items():
            for rule in self._ruleset.visible(self._example[key]):
                if rule.id in self._found:
                    self._found[rule.id].seen += count
        for fired in self._fired():
            if (found := self._found.get(fired.correlation.id)) is not None:
                found.add(about(fired), written(fired.id), fired.time)
        return self.result

    def _fired(self) -> Sequence[Firing]:
        if not self._correlations:
            return ()
        self.result.is_cut = self.result.is_cut or len(self._matches) >= _MAX_MATCHES
        rehearsal = Rehearsal(self._correlations)
        for _, _, made in sorted(self._matches, key=lambda item: item[:2]):
            rehearsal.take([made])
            correlation = orjson.loads(made[1])["correlation"]
            if correlation in self._found:
                self._found[correlation].seen += 1
        return rehearsal.ended()


def _needed(ruleset: Ruleset, wanted: Sequence[Rule | Correlation]) -> list[Rule | Correlation]:
    """The rules under test, and all that their correlations refer to."""
    known: dict[str, Rule | Correlation] = {**{r.id: r for r in ruleset.rules}, **{c.id: c for c in ruleset.correlations}}
    needed: dict[str, Rule | Correlation] = {d.id: d for d in wanted}
    queue = list(wanted)
    while queue:
        one = queue.pop()
        for reference in one.rules if isinstance(one, Correlation) else ():
            if reference not in needed and reference in known:
                needed[reference] = known[reference]
                queue.append(known[reference])
    return [d for i, d in known.items() if i in needed]


async def backtest(
    log: Log,
    trial: Trial,
    *,
    since: float = float("-inf"),
    until: float = float("inf"),
    limit: int | None = None,
    raw: bool = False,
    progressed: Callable[[int], object] = lambda count: None,
    places: Mapping[Partition, tuple[int, int]] | None = None,
) -> Result:
    """Judge what is stored with an event time (of raw payloads: of receipt) from `since` and before `until`."""
    places = places if places is not None else await ends(log, raw=raw)
    async for batch in _pages(log, places):
        chosen = [record for record in batch.items if since <= record.time < until]
        left = len(chosen) if limit is None else limit - trial.result.read
        trial.judge(chosen[:left])
        progressed(len(batch.items))
        if len(chosen) > left:
            trial.result.is_cut = True
            break
    return trial.ended()


async def ends(log: Log, *, raw: bool = False) -> dict[Partition, tuple[int, int]]:
    """The oldest offset and the end of every partition, now."""
    topic = RAW if raw else EVENTS
    return {Partition(topic, number): pair for number, pair in (await log.ends(topic)).items()}


async def _pages(log: Log, places: Mapping[Partition, tuple[int, int]]) -> AsyncIterator[Batch[Record]]:
    """Page after page, a page of each partition in turn, so that a limit takes from all of them."""
    at = {partition: oldest for partition, (oldest, stop) in places.items() if oldest < stop}
    while at:
        for partition, offset in list(at.items()):
            stop = places[partition][1]
            batch = await log.fetch(*partition, offset, min(_PAGE, stop - offset))
            if batch.items:
                yield batch
            at[partition] = batch.span.stop
            if not batch.items or batch.span.stop >= stop:
                del at[partition]


def top(counter: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent."""
    return counter.most_common(_TOP)
