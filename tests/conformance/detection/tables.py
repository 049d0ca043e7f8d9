"""Asks everybody about the semantic tables: the product's engine, the oracle, the judge, and pySigma's tree by the judge."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError

from router.detect import Rule, Ruleset
from router.detect.views import Logsource
from tests.conformance.detection.frontend import read_by_pysigma
from tests.conformance.detection.judge import message_of, reader, verdict
from tests.conformance.detection.oracle import Matcher, Oracle, Product
from tests.conformance.detection.semantics import Row, event_of, rows, rule_text

_SOURCE = Logsource("acme", None, None)


@dataclass
class Tables:
    """How many rows there are, how many pySigma could read, and every wrong answer."""

    rows: int = 0
    by_pysigma: int = 0
    unlike_pysigma: int = 0
    wrong: list[str] = field(default_factory=list)


def write_rules(folder: Path) -> list[Row]:
    """The rows, and a file with a rule for each."""
    listed = list(rows())
    (folder / "rows.yml").write_text("---\n".join(rule_text(row, number) for number, row in enumerate(listed)))
    return listed


def ask(folder: Path) -> Tables:
    """Every row asked of everybody. `folder` is for the rules' file."""
    listed = write_rules(folder)
    ruleset = Ruleset.load([folder / "rows.yml"], builtin=False)
    rules, engine = {rule.id: rule for rule in ruleset.rules}, Product(ruleset)
    tables = Tables(len(listed))
    for number, row in enumerate(listed):
        rule = rules[f"row-{number}"]
        for who, answer in _answers(row, rule, engine, tables):
            if answer is not row.expected:
                tables.wrong.append(f"{who}: {row.block!r} on {row.event!r} is not {row.expected}")
    return tables


def _answers(row: Row, rule: Rule, engine: Matcher, tables: Tables) -> Iterator[tuple[str, bool]]:
    event = event_of(row)
    fields, message = reader(event, _SOURCE, "ecs"), message_of(event, b"")
    yield "engine", rule in engine.match(event)
    yield "oracle", rule in Oracle([rule]).match(event)
    yield "judge", verdict(rule.tree, fields, message)
    if row.unlike_pysigma:
        tables.unlike_pysigma += 1
        return
    try:
        theirs = read_by_pysigma(_document(row), {})
    except (SigmaError, AttributeError, TypeError) as error:
        yield f"pySigma refuses ({error})", not row.expected
        return
    tables.by_pysigma += 1
    yield "pySigma", verdict(theirs, fields, message)


def _document(row: Row) -> Any:
    return yaml.load(rule_text(row, 0).replace("id: row-0\n", ""), Loader=yaml.CSafeLoader)
