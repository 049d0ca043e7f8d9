"""A few thousand verdicts in a few seconds: what a mutant of the product is held against.

The expected verdicts are the oracle's of the sound product; the battery itself is a folder with rules and cases, so that a
process that loads a mutant needs nothing else.
"""

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from router.detect import Rule, Ruleset
from tests.conformance.detection.corpus import Received
from tests.conformance.detection.generate import Quota, events_for
from tests.conformance.detection.oracle import Oracle
from tests.conformance.detection.semantics import event_of
from tests.conformance.detection.tables import write_rules

_FILTERED = """title: filtered
id: filtered
logsource: {product: acme}
taxonomy: ecs
detection:
  sel: {f|startswith: filtered}
  condition: sel
---
title: not the known ones
logsource: {product: acme}
filter:
  rules: [filtered]
  known: {g: known}
  condition: not known
"""
_FILTER_EVENTS = ({"f": "filtered 1"}, {"f": "filtered 2", "g": "known"}, {"f": "filtered 3", "g": None})


def pack(folder: Path, rules: Sequence[Rule], placeholders: Mapping[str, Sequence[str]], chance: random.Random) -> None:
    """Write the battery: rules of the tables, rules of the corpus, and cases of both."""
    (folder / "rules").mkdir()
    rows = write_rules(folder / "rules")
    (folder / "rules/filter.yml").write_text(_FILTERED)
    for number, rule in enumerate(rules):
        shutil.copy(rule.file, folder / f"rules/corpus-{number}.yml")
    (folder / "placeholders.json").write_bytes(orjson.dumps(dict(placeholders)))
    ruleset = load(folder)
    oracle = Oracle(ruleset.rules)
    events = [Received(event_of(row), b"") for row in rows] + [Received({**e, **_ACME}, b"") for e in _FILTER_EVENTS]
    events += [m.received for rule in rules for m in events_for(rule, Quota(2, 2, 2), chance)]
    events += _hard()
    cases = [[event, raw.decode("latin-1"), [r.id for r in oracle.match(event, raw)]] for event, raw in events]
    (folder / "cases.json").write_bytes(orjson.dumps(cases, option=orjson.OPT_NON_STR_KEYS))


_ACME: dict[str, Any] = {"logweir": {"logsource": {"product": "acme"}}}


def _hard() -> Iterator[Received]:
    """Events that differ only in what a memo might not tell apart."""
    for f in (1, True, 1.0, "1", 0, False, "", None, [None], [""], ["1", None], ["1"], [1]):
        yield Received({"f": f, **_ACME}, b"")
    for tail in ("one", "two", "a b"):
        yield Received({"f": "x" * 5000 + tail, **_ACME}, b"")
        yield Received({"f": "x", **_ACME}, tail.encode())
        yield Received({"tags": [tail], "f": "x", **_ACME}, b"")
    for g in ("same", "other", "same", None):
        yield Received({"f": "same", "g": g, **_ACME}, b"")


def load(folder: Path) -> Ruleset:
    """The rules of a battery, by whatever reads rules in this process."""
    placeholders = orjson.loads((folder / "placeholders.json").read_bytes())
    return Ruleset.load([folder / "rules"], builtin=False, strict=False, placeholders=placeholders)


def noticed(folder: Path) -> str:
    """The first case in which this process answers otherwise; empty if there is none."""
    ruleset = load(folder)
    if ruleset.refused:
        return f"a rule is refused: {ruleset.refused[0]}"
    cases = orjson.loads((folder / "cases.json").read_bytes())
    for event, raw, expected in cases:
        found = [rule.id for rule in ruleset.match(event, raw.encode("latin-1"))]
        if found != expected:
            return f"{sorted(set(found) ^ set(expected))[:3]} for {orjson.dumps(event).decode()[:300]}"
    return ""
