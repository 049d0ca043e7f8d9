"""Tests that stand inside correlation files, under the key `tests`.

Each is `{name, alerts: how many, events: [...]}`; an item of `events` has an `event` or a `raw` payload as in rule tests,
and may `repeat` it `every` so many seconds, `{i}` in its texts counting from 0. Matches come in order of event time; after
the last one time goes on until every window has closed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from router.batch import Event
from router.correlate.clock import Tick
from router.correlate.correlator import Correlator
from router.correlate.firing import Firing, chained
from router.correlate.match import Made, Match, Sighting, decode
from router.correlate.plan import unsupported
from router.detect import Correlation, Ruleset
from router.detect.examples import Normalize, documents_of, lazy_normalizer, load_for_tests
from router.detect.probes import Values
from router.documents import TestResult
from router.errors import ConfigError, Malformed, Problem

_LATENESS_SECONDS = 60.0
_MOST_REPEATS = 100_000


def run_tests(
    paths: Sequence[Path], normalize: Normalize | None = None, placeholders: Mapping[str, Sequence[str]] | None = None
) -> list[TestResult]:
    """Every test of every correlation in the files and folders. Raises ConfigError where one is wrong or cannot run."""
    ruleset, asked = load_for_tests(paths, placeholders)
    tested = [c for c in ruleset.correlations if c.file in asked]
    if problems := [p for c in tested for p in unsupported(c, ruleset.correlations)]:
        raise ConfigError(problems)
    reader = normalize or lazy_normalizer()
    return [_result(ruleset, c, line, test, reader) for c in tested for line, test in c.tests]


def _result(ruleset: Ruleset, correlation: Correlation, line: int, test: Any, normalize: Normalize) -> TestResult:
    if not isinstance(test, Mapping) or not isinstance(test.get("alerts"), int) or not isinstance(test.get("events"), list):
        text = "a test needs `alerts: N` and a list of `events`"
        raise ConfigError([Problem(correlation.file, line, "tests", text, "complete it")])
    name = f"{correlation.title}: {test.get('name', 'test')}"
    if wrong := next(filter(None, map(_wrong, test["events"])), ""):
        raise ConfigError([Problem(correlation.file, line, "tests", *wrong)])
    try:
        events = [e for item in test["events"] for e in _events(item, normalize)]
    except Malformed as error:
        return TestResult(correlation.file, line, name, False, f"the payload cannot be read: {error}")
    alerts, told = _alerts(ruleset, correlation, events)
    detail = "" if alerts == test["alerts"] else f"expected {test['alerts']} alerts, got {alerts}; {told}"
    return TestResult(correlation.file, line, name, not detail, detail)


def _wrong(item: Any) -> tuple[str, str] | None:
    """What is wrong with an item of `events`, and how to mend it."""
    if not isinstance(item, Mapping) or not ("raw" in item or isinstance(item.get("event"), Mapping)):
        return "an item of `events` needs an `event` or a `raw` payload", "complete it"
    repeat, every = item.get("repeat", 1), item.get("every", 0)
    if type(repeat) is not int or not 1 <= repeat <= _MOST_REPEATS:
        return f"`repeat` is {repeat!r}", f"write a whole number from 1 to {_MOST_REPEATS}"
    if type(every) not in (int, float) or not 0 <= every < math.inf:
        return f"`every` is {every!r}", "write a number of seconds"
    return None


def _alerts(ruleset: Ruleset, correlation: Correlation, events: list[tuple[float, Event, bytes]]) -> tuple[int, str]:
    """How many alerts there are, and what of the events counted for them."""
    below = _below(correlation, {c.id: c for c in ruleset.correlations})
    run, matched, counted = Rehearsal(below), 0, 0
    for number, (time, event, raw) in enumerate(sorted(events, key=lambda triple: triple[0])):
        sighting = Sighting(event, number.to_bytes(16), time, Values(event, raw))
        for rule in ruleset.match(event, raw):
            made = list(sighting.matches(below, rule))
            matched += any(c.refers_to(rule.id) for c in below)
            counted += bool(made)
            run.take(made)
    told = f"its rules matched {matched} times in {len(events)} events"
    told += f", {matched - counted} of these without a field to group by" if counted < matched else ""
    return sum(fired.correlation is correlation for fired in run.ended()), told


def _below(correlation: Correlation, all_: Mapping[str, Correlation]) -> list[Correlation]:
    """A correlation and all that its chain consists of."""
    found, queue = {correlation.id: correlation}, [correlation]
    while queue:
        inner = [all_[r] for r in queue.pop().rules if r in all_ and r not in found]
        found.update({c.id: c for c in inner})
        queue += inner
    return list(found.values())


class Rehearsal:
    """Correlations as they run on one partition; what they make for each other comes back at once."""

    def __init__(self, correlations: Sequence[Correlation]) -> None:
        self._correlations, self._correlator = correlations, Correlator(correlations, _LATENESS_SECONDS)
        self._fired: list[Firing] = []
        self._offset = 0

    def take(self, made: Iterable[Made]) -> None:
        """Matches, and all that follows from them."""
        for _, body, match_id in made:
            self._feed(*decode(match_id, body))

    def _feed(self, name: str, record: Match | Tick) -> int:
        fired = self._correlator.feed([(self._offset, name, record)])
        self._offset += 1
        self._fired += fired
        for one in fired:
            self.take(chained(self._correlations, one))
        return len(fired)

    def ended(self) -> list[Firing]:
        """What fired, once so much time has gone by that every window has closed."""
        length = sum(c.timespan_seconds + _LATENESS_SECONDS for c in self._correlations)
        end, quiet = Tick(self._correlator.time + 2 * length), 0
        while quiet < 2 * len(self._correlations) + 2:  # a tick reaches the outermost of a chain after two for each level
            quiet = 0 if self._feed("", end) else quiet + 1
        return self._fired


def _events(item: Mapping[str, Any], normalize: Normalize) -> Iterator[tuple[float, Event, bytes]]:
    """Time, document, and the payload that it alone was made from."""
    for i in range(item.get("repeat", 1)):
        numbered = _numbered(item, i)
        events = documents_of(numbered, normalize)
        raw = str(numbered.get("raw", "")).encode() if len(events) == 1 else b""
        for event in events:
            yield _time(event) + i * float(item.get("every", 0)), event, raw


def _numbered(value: Any, i: int) -> Any:
    if isinstance(value, str):
        return value.replace("{i}", str(i))
    if isinstance(value, Mapping):
        return {key: _numbered(below, i) for key, below in value.items()}
    return [_numbered(below, i) for below in value] if isinstance(value, list) else value


def _time(event: Event) -> float:
    try:
        return datetime.fromisoformat(event["@timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
