"""One YAML document -> one noise rule, or every problem in it with its line."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from router.detect import read_selection
from router.detect.ir import Tree
from router.documents import Document, load_file, yaml_files
from router.errors import ConfigError, Problem
from router.reduce.models import KINDS, Rule
from router.registry import nearest
from router.wording import causes, known_keys, worded


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """A rule that is right as far as can be told without data."""

    settings: Rule
    tree: Tree | None
    """What it asks of an event; None: nothing."""
    document: Document = field(repr=False)

    @property
    def id(self) -> str:
        """The id that facts, metrics and sinks use."""
        return self.settings.id


def rule_files(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    """Every `.yaml` and `.yml` file below the paths, sorted; a path that does not exist is a problem."""
    files: list[Path] = []
    for path in paths:
        if path.exists():
            files += yaml_files(path)
        else:
            problems.append(Problem(str(path), 1, "", "does not exist", "create it or correct the path"))
    return files


def read_file(path: Path, name: str, problems: list[Problem]) -> list[NoiseRule]:
    """The rules of one file; what is wrong with the others goes to `problems`."""
    try:
        documents = load_file(path, name)
    except ConfigError as error:
        problems += error.problems
        return []
    return [rule for d in documents if d.value is not None and (rule := read(d, problems)) is not None]


def read(document: Document, problems: list[Problem]) -> NoiseRule | None:
    """The rule of one document, or None and its problems."""
    value = document.value
    if not isinstance(value, dict):
        problems.append(document.problem((), "a noise rule is a mapping", "see rules/noise/README.md"))
        return None
    kind = value.get("kind")
    if kind not in KINDS:
        text = "`kind` is missing" if kind is None else f"unknown kind {kind!r}"
        problems.append(document.problem(("kind",), text, nearest(str(kind), list(KINDS))))
        return None
    before = len(problems)
    settings = _validated(document, KINDS[kind], problems)
    tree = _selection(document, problems)
    if settings is not None:
        _check(settings, document, problems)
    return NoiseRule(settings, tree, document) if len(problems) == before else None


def _validated(document: Document, model: type[Any], problems: list[Problem]) -> Any:
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        for detail in causes(error.errors(include_url=False, include_input=False)):
            where = tuple(detail["loc"])
            if detail["type"] == "extra_forbidden":
                problems.append(document.problem(where, "unknown key", nearest(str(where[-1]), known_keys(model, where[:-1]))))
            else:
                text, remedy = worded(detail)
                problems.append(document.problem(where, text, remedy or "see rules/noise/README.md"))
        return None


def _selection(document: Document, problems: list[Problem]) -> Tree | None:
    detection = document.value.get("detection")
    if not isinstance(detection, dict):
        return None
    try:
        return read_selection(detection, document, ("detection",))
    except ConfigError as error:
        problems += error.problems
        return None


def _check(rule: Rule, document: Document, problems: list[Problem]) -> None:
    """What no single key can tell."""
    if rule.detection is None and not rule.datasets:
        problems.append(document.problem((), "selects every event of every dataset", "add `detection` or `datasets`"))
    for i, dataset in enumerate(rule.datasets):
        if not dataset or "*" in dataset[:-1]:
            problems.append(document.problem(("datasets", i), f"bad pattern {dataset!r}", "only a trailing `*` is understood"))
    for i, test in enumerate(rule.tests):
        count = len(test.events) + (test.event is not None)
        if not count or (test.event is not None and test.events):
            problems.append(document.problem(("tests", i), "needs either `event` or `events`", "write one of them"))
        elif len(test.expect) not in (1, count):
            text = f"expects {len(test.expect)} answers for {count} events"
            problems.append(document.problem(("tests", i, "expect"), text, "write one word, or one for each event"))
