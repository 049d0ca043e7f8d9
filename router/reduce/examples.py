"""Runs the tests that stand inside noise rules."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

from router.batch import Event
from router.detect import Joint
from router.detect.engine import Options
from router.documents import TestResult
from router.errors import ConfigError, Problem
from router.reduce.fields import place
from router.reduce.judge import NOTHING, Judge, Picker, Row
from router.reduce.models import Example
from router.reduce.reading import NoiseRule, read_file, rule_files


def run_tests(paths: Sequence[Path]) -> list[TestResult]:
    """Every test of every noise rule below `paths`. Raises ConfigError where a rule itself is wrong."""
    problems: list[Problem] = []
    read = [rule for file in rule_files(paths, problems) for rule in read_file(file, str(file), problems)]
    if problems:
        raise ConfigError(problems)
    return [result for rule in read for result in _results(rule)]


def _results(rule: NoiseRule) -> Iterator[TestResult]:
    for i, example in enumerate(rule.settings.tests):
        line, _ = rule.document.place(("tests", i))
        detail = _difference(rule, example)
        yield TestResult(rule.document.file, line, f"{rule.id}: {example.name}", not detail, detail)


def _difference(rule: NoiseRule, example: Example) -> str:
    """Empty where the rule does what the example says."""
    events = [_nested(e, rule) for e in example.events or (example.event or {},)]
    expected = list(example.expect) if len(example.expect) > 1 else list(example.expect) * len(events)
    got = _answers(rule, events, example.matched)
    if got == expected:
        return ""
    return "; ".join(
        f"event {i + 1}: expected {e}, got {g}" for i, (e, g) in enumerate(zip(expected, got, strict=True)) if e != g
    )


def _answers(rule: NoiseRule, events: Sequence[Event], matched: bool) -> list[str]:
    ids = [i.to_bytes(16) for i in range(len(events))]
    times = [_time(e, float(i)) for i, e in enumerate(events)]
    rows = rows_of(Judge([rule]), events, ids, times, [matched] * len(events))
    return ["left_out" if noise else "trimmed" if trim else "kept" for noise, trim in rows]


def rows_of(
    judge: Judge, events: Sequence[Event], ids: Sequence[bytes], times: Sequence[float], matched: Sequence[bool]
) -> list[Row]:
    """What a judge says of events by itself, without detection rules beside it."""
    joint: Joint[Picker] = Joint([], [(p, p.selection) for p in judge.pickers], Options(memory_bytes=8 << 20))
    rows = []
    for event, event_id, time, is_matched in zip(events, ids, times, matched, strict=True):
        _, selected = joint.match(event)
        rows.append(judge.row(selected, event, event_id, time, is_matched) if selected else NOTHING)
    return rows


def _nested(event: Event, rule: NoiseRule) -> Event:
    """Dotted names spelled out, and the rule's first dataset where the event names none."""
    document: Event = {}
    for name, value in _leaves(event, ""):
        place(document, name, deepcopy(value))
    if rule.settings.datasets:
        place(document, "event.dataset", rule.settings.datasets[0].removesuffix("*"))
    return document


def _leaves(value: Event, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, below in value.items():
        if isinstance(below, dict) and below:
            yield from _leaves(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", below


def _time(event: Event, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(event["@timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return otherwise
