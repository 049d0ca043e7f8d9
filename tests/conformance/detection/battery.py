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

_SPECIAL = r"""title: filtered
id: filtered
logsource: {product: acme}
taxonomy: ecs
detection: {sel: {f|startswith: filtered}, condition: sel}
---
title: not the known ones
taxonomy: ecs
logsource: {product: acme}
filter: {rules: [filtered], known: {g: known}, condition: not known}
---
title: joined places
id: joined
logsource: {product: windows, category: process_creation}
detection: {sel: {User: 'CORP\bob', Image|endswith: '\a.exe'}, condition: sel}
---
title: a place that is null
id: emptied
logsource: {product: windows, category: process_creation}
detection: {sel: {User: null, Image|endswith: '\a.exe'}, condition: sel}
---
title: translated places
id: translated
logsource: {product: windows, category: process_creation}
detection: {sel: {IntegrityLevel: High}, condition: sel}
---
title: each of several places
id: each
logsource: {product: windows, service: application}
detection: {sel: {Data|contains|all: [one, two]}, condition: sel}
---
title: an element of a list
id: element
logsource: {product: linux, service: auditd}
detection: {sel: {a0: x}, condition: sel}
---
title: all but a keyword
id: but
logsource: {product: kwnot}
taxonomy: ecs
detection: {sel: {f: kept}, word: [secretword], condition: sel and not word}
---
title: letters that fold into ASCII
id: folded
logsource: {product: kw}
detection: {sel: [kelvin, 'C:\tools', 'a"b', 'one*two'], condition: sel}
---
title: an object that is there
id: object
logsource: {product: acme}
detection: {sel: {o|exists: true}, condition: sel}
---
title: an object that is null
id: nothing
logsource: {product: acme}
detection: {sel: {o: null}, condition: sel}
---
title: a value in an object
id: inside
logsource: {product: acme}
detection: {sel: {o.k: x}, condition: sel}
---
title: an event id
id: number
logsource: {product: windows}
detection: {sel: {EventID: 1}, condition: sel}
---
title: a channel
id: channel
logsource: {product: logweir}
taxonomy: ecs
detection: {sel: {Channel: 1}, condition: sel}
---
title: a dataset
id: dataset
logsource: {product: logweir}
taxonomy: ecs
detection: {sel: {event.dataset: 1, of.k: x}, condition: sel}
---
title: an event id and a field
id: more
logsource: {product: windows}
detection: {sel: {EventID: 2, of.k: x}, condition: sel}
"""
"""Rules for what the tables and the corpus hardly touch: filters, places of fields that are put together, few keywords."""
_BATCH = 50
_KW: dict[str, Any] = {"logweir": {"logsource": {"product": "kw"}}}
_ACME: dict[str, Any] = {"logweir": {"logsource": {"product": "acme"}}}
_NEW: dict[str, Any] = {"channel": "Security", "event_id": "4688"}


def _special() -> Iterator[Received]:
    for fields in ({"f": "filtered 1"}, {"f": "filtered 2", "g": "known"}, {"f": "filtered 3", "g": None}):
        yield Received({**fields, **_ACME}, b"")
    for domain, name in (("CORP", "bob"), ("CORP", "eve"), ("CORP", None)):
        data = {
            "SubjectDomainName": domain,
            "SubjectUserName": name,
            "NewProcessName": "c:\\a.exe",
            "MandatoryLabel": "S-1-16-12288",
        }
        yield Received({"winlog": {**_NEW, "event_data": data}}, b"")
        yield Received({"winlog": {**_NEW, "event_data": {**data, "MandatoryLabel": "High"}}}, b"")
        yield Received({"winlog": {**_NEW, "event_data": {**data, "MandatoryLabel": 5, "Image": None}}}, b"")
        yield Received({"winlog": {**_NEW, "event_data": {**data, "User": None}}}, b"")
        yield Received({"winlog": {**_NEW, "event_data": data}, "user": {"domain": None, "name": None}, "User": None}, b"")
    unnamed: tuple[dict[str, Any], ...] = (
        {"param1": "one", "param3": "a two"},
        {"param1": "one two"},
        {"param2": "one"},
        {"param2": None},
        {"param4": "two", "Data": "one"},
    )
    for texts in unnamed:
        yield Received({"winlog": {"channel": "Application", "event_id": "7", "event_data": texts}}, b"")
    for arguments in (["x"], [None], ["y", "x"], []):
        yield Received({"event": {"dataset": "linux.auditd"}, "process": {"args": arguments}, "a0": "x"}, b"")
    for text in ("\u212aelvin", "Kelvin", "C:\\TOOLS", 'A"b', "none", "c:/tools"):
        yield Received({"message": text, **_KW}, b"")
        yield Received({"x": "none", **_KW}, text.encode())
    for value in ({"k": "x"}, {"k": None}, {}, None, [], [None], [{"k": "x"}], "x", 0):
        yield Received({"o": value, **_ACME}, b"")
    for text in ("nothing", "a secretword here"):
        yield Received({"f": "kept", "x": text, "logweir": {"logsource": {"product": "kwnot"}}}, b"")
    yield Received({"b": "two", "a": "one", **_KW}, b"")
    yield Received({"b": "one", "a": "two", **_KW}, b"")


def pack(folder: Path, rules: Sequence[Rule], placeholders: Mapping[str, Sequence[str]], chance: random.Random) -> None:
    """Write the battery: rules of the tables, rules of the corpus, and cases of both."""
    (folder / "rules").mkdir()
    rows = write_rules(folder / "rules")
    (folder / "rules/special.yml").write_text(_SPECIAL)
    for number, rule in enumerate(rules):
        shutil.copy(rule.file, folder / f"rules/corpus-{number}.yml")
    (folder / "placeholders.json").write_bytes(orjson.dumps(dict(placeholders)))
    ruleset = load(folder)
    oracle = Oracle(ruleset.rules)
    events = [Received(event_of(row), b"") for row in rows] + list(_special())
    events += [m.received for rule in rules for m in events_for(rule, Quota(2, 2, 2), chance)]
    events += _hard()
    cases = [[event, raw.decode("latin-1"), [r.id for r in oracle.match(event, raw)]] for event, raw in events]
    (folder / "cases.json").write_bytes(orjson.dumps(cases, option=orjson.OPT_NON_STR_KEYS))


def _hard() -> Iterator[Received]:
    """Events that differ only in what a memo might not tell apart."""
    for f in (1, True, 1.0, "1", 0, False, "", None, [None], [""], ["1", None], ["1"], [1]):
        yield Received({"f": f, **_ACME}, b"")
    for i in (1, 1, 2, 1.0, True, "1", None, [1]):
        yield Received({"Channel": "Security", "EventID": i}, b"")
        yield Received({"Channel": "Security", "EventID": 1, "event_id": i}, b"")
        yield Received({"Channel": "Security", "EventID": i, "event_id": 2}, b"")
        yield Received({"Channel": "Security", "EventID": 2, "winlog": {"EventID": i}}, b"")
        yield Received({"Channel": i, "EventID": 3}, b"")
        yield Received({"event": {"dataset": i}, "of": {"k": "x"}}, b"")
        yield Received({"event": {"dataset": i}, "event_id": 7}, b"")
    for header in ({}, {"winlog": {"EventID": 9, "Channel": "Security"}, "EventID": 2}):
        yield Received({"Channel": "Security", "EventID": 9, "of": {"k": "x"}, **header}, b"")
        yield Received({"Channel": "Security", "EventID": i, "logweir": {"logsource": {"product": "acme"}}}, b"")
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
    events, raws = [event for event, _, _ in cases], [raw.encode("latin-1") for _, raw, _ in cases]
    for start in range(0, len(cases), _BATCH):
        part = slice(start, start + _BATCH)
        for (event, _, expected), rules in zip(cases[part], ruleset.match_batch(events[part], raws[part]), strict=True):
            if [rule.id for rule in rules] != expected:
                return f"in a batch: {expected} for {orjson.dumps(event).decode()[:300]}"
    return ""
