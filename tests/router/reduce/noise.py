"""Noise rules from text, and events by the dozen."""

from collections.abc import Sequence
from pathlib import Path

from router.batch import Event
from router.documents import load_text
from router.errors import Problem
from router.reduce import NoiseRules
from router.reduce.examples import rows_of
from router.reduce.judge import Judge, Row
from router.reduce.reading import NoiseRule, read


def rules_of(text: str) -> list[NoiseRule]:
    """The rules of a YAML text, which must be right."""
    problems: list[Problem] = []
    found = [rule for document in load_text(text, "rules.yaml") if (rule := read(document, problems)) is not None]
    assert problems == []
    return found


def problems_of(text: str) -> list[str]:
    """Every problem of a YAML text, as it is printed."""
    problems: list[Problem] = []
    for document in load_text(text, "rules.yaml"):
        read(document, problems)
    return [str(p) for p in sorted(problems)]


def noise(text: str) -> NoiseRules:
    """A set of rules."""
    return NoiseRules(rules_of(text))


def rows(
    judge: Judge, events: Sequence[Event], times: Sequence[float] = (), *, matched: bool = False, start: int = 0
) -> list[Row]:
    """What rules say of events, one second apart unless told."""
    ids = [(start + i).to_bytes(16) for i in range(len(events))]
    return rows_of(judge, events, ids, times or [float(i) for i in range(len(events))], [matched] * len(events))


def write(folder: Path, name: str, text: str) -> Path:
    """A rule file."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path
