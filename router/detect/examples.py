"""Tests that stand inside rule files, under the key `tests` (or `logweir.tests`) of a rule.

Each is `{name, match: true or false}` with an `event` (ECS, nested or dotted, or flat with Sigma's own names) or a `raw`
payload, which goes through the normalizers first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from router.batch import Event, Facts
from router.detect.rules import Rule
from router.detect.ruleset import Ruleset, rule_files
from router.detect.why import why
from router.documents import TestResult
from router.errors import ConfigError, Malformed, Problem
from rules import ROOT

Normalize: TypeAlias = Callable[[bytes], Sequence[Event]]
"""One payload -> its documents. Raises Malformed."""
NOW = 1767225600.0
"""Receipt time of `raw` payloads: 2026-01-01T00:00:00Z."""


def run_tests(
    paths: Sequence[Path], normalize: Normalize | None = None, placeholders: Mapping[str, Sequence[str]] | None = None
) -> list[TestResult]:
    """Every test of every rule in the files and folders. Raises ConfigError where a rule or a test itself is wrong.

    `raw` payloads go through `normalize`; without it, through the normalizers that ship with Logweir.
    """
    ruleset, asked = load_for_tests(paths, placeholders)
    runner = _Runner(ruleset, normalize or lazy_normalizer())
    return [result for rule in ruleset.rules if rule.file in asked for result in runner.results(rule)]


def load_for_tests(paths: Sequence[Path], placeholders: Mapping[str, Sequence[str]] | None) -> tuple[Ruleset, set[str]]:
    """The rules that ship with Logweir and those of the paths, and the names of the files that were asked for."""
    outside, asked = shipped_or_not(paths)
    return Ruleset.load(outside, placeholders=placeholders), set(asked.values())


def shipped_or_not(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, str]]:
    """The files below the paths that do not ship with Logweir; and all of them, each with its name in messages."""
    files = [(path.resolve(), name) for path, name in rule_files(paths)]
    shipped = {path: f"rules/{path.relative_to(ROOT).as_posix()}" for path, _ in files if path.is_relative_to(ROOT)}
    outside = [Path(name) for path, name in files if path not in shipped]
    return outside, {path: shipped.get(path, name) for path, name in files}


def lazy_normalizer() -> Normalize:
    """The normalizers that ship with Logweir, loaded when the first payload comes."""
    loaded: list[Any] = []

    def normalize(payload: bytes) -> Sequence[Event]:
        from router.normalize import Catalogue

        if not loaded:
            loaded.append(Catalogue.load(()))
        documents: Sequence[Event] = loaded[0].normalize(payload, Facts("test"), NOW)
        return documents

    return normalize


def documents_of(test: Mapping[str, Any], normalize: Normalize) -> list[Event]:
    """The events of a test: `event` as it stands (dotted keys nested), or what the normalizers make of `raw`."""
    if "raw" in test:
        return [*normalize(str(test["raw"]).encode())]
    return [nested(test["event"])]


def nested(event: Mapping[str, Any]) -> Event:
    """`{"a.b": 1}` -> `{"a": {"b": 1}}`, at every level. Raises Malformed for `{"a": 0, "a.b": 1}`."""
    result: Event = {}
    _place(event, result)
    return result


def _place(event: Mapping[str, Any], into: Event) -> None:
    for key, value in event.items():
        *above, last = str(key).split(".")
        below = into
        for step in above:
            below = _below(below, step, key)
        if isinstance(value, Mapping):
            _place(value, _below(below, last, key))
        elif last in below:
            raise Malformed("conflict", f"{str(key)!r} has a value, and another one or fields below it")
        else:
            below[last] = value


def _below(event: Event, name: str, key: str) -> Event:
    found: Any = event.setdefault(name, {})
    if not isinstance(found, dict):
        raise Malformed("conflict", f"{str(key)!r} is below a field that has a value")
    return found


def remedy_for(rule: Rule) -> str:
    """How the event of a test gets the log source of its rule."""
    named = (f"logweir.logsource.{name}: {part}" for name, part in rule.logsource._asdict().items() if part)
    return f"give it what says so (a channel and event id, a dataset), or {', '.join(named)}"


class _Runner:
    def __init__(self, ruleset: Ruleset, normalize: Normalize) -> None:
        self._ruleset, self._normalize = ruleset, normalize

    def results(self, rule: Rule) -> Iterator[TestResult]:
        for line, test in rule.tests:
            name = test.get("name", "test") if isinstance(test, Mapping) else "test"
            detail = self._difference(rule, test, line)
            yield TestResult(rule.file, line, f"{rule.title}: {name}", not detail, detail)

    def _difference(self, rule: Rule, test: Any, line: int) -> str:
        """Empty where the rule does what the test says."""
        whole = isinstance(test, Mapping) and isinstance(test.get("match"), bool)
        if not whole or not ("raw" in test or isinstance(test.get("event"), Mapping)):
            text = "a test needs `match: true` or `false`, and an `event` or a `raw` payload"
            raise ConfigError([Problem(rule.file, line, "tests", text, "complete it")])
        try:
            events = documents_of(test, self._normalize)
        except Malformed as error:
            return f"the payload cannot be read: {error}"
        raw = str(test.get("raw", "")).encode() if len(events) == 1 else b""
        if any(rule in self._ruleset.match(event, raw) for event in events) == test["match"]:
            return ""
        return "matches, and should not" if not test["match"] else self._missed(rule, events, raw)

    def _missed(self, rule: Rule, events: Sequence[Event], raw: bytes) -> str:
        if not any(rule in self._ruleset.visible(event) for event in events):
            return f"should match, but no event is of log source {rule.logsource}; {remedy_for(rule)}"
        failed = [r for event in events for r in why(rule, event, raw) if not r.holds]
        return "should match; not true: " + "; ".join(f"{r.field or 'message'} {r.modifier}, saw {r.seen!r}" for r in failed[:5])
