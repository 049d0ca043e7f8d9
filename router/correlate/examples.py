"""Tests that stand inside correlation files, under the key `tests`.

Each is `{name, alerts: how many, events: [...]}`; an item of `events` has an `event` or a `raw` payload as in rule tests,
and may `repeat` it `every` so many seconds, `{i}` in its texts counting from 0. Matches come in order of event time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from router.batch import Event
from router.correlate.correlator import Correlator, unsupported
from router.correlate.match import Match, decode, matches_for
from router.detect import Correlation, Ruleset
from router.detect.examples import Normalize, documents_of, lazy_normalizer, load_for_tests
from router.documents import TestResult
from router.errors import ConfigError, Malformed, Problem

_LATENESS_SECONDS = 60.0


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
    try:
        events = [e for item in test["events"] for e in _events(item, normalize)]
    except Malformed as error:
        return TestResult(correlation.file, line, name, False, f"the payload cannot be read: {error}")
    alerts = _alerts(ruleset, correlation, events)
    detail = "" if alerts == test["alerts"] else f"expected {test['alerts']} alerts, got {alerts}"
    return TestResult(correlation.file, line, name, not detail, detail)


def _alerts(ruleset: Ruleset, correlation: Correlation, events: list[tuple[float, Event]]) -> int:
    correlator = Correlator([correlation], _LATENESS_SECONDS)
    matches: list[tuple[int, str, Match]] = []
    for number, (time, event) in enumerate(sorted(events, key=lambda pair: pair[0])):
        for rule in ruleset.match(event):
            for _, body, match_id in matches_for([correlation], rule, event, number.to_bytes(16), time):
                matches.append((len(matches), *decode(match_id, body)))
    return len(correlator.feed(matches))


def _events(item: Mapping[str, Any], normalize: Normalize) -> Iterator[tuple[float, Event]]:
    for i in range(item.get("repeat", 1)):
        for event in documents_of(_numbered(item, i), normalize):
            yield _time(event) + i * float(item.get("every", 0)), event


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
