"""The whole public rule corpus: the engine's verdicts beside the slow matcher's. Skipped where the corpus is not."""

import gzip
import random
import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import Facts
from router.detect import Options, Ruleset
from router.detect.ir import Atom, atoms
from router.normalize import Catalogue
from tests.router.detect.engine.worlds import oracle

SHARED = Path(__file__).parents[5] / "shared/data"
ARCHIVE, EVENTS = SHARED / "sigma/rules/sigma-rules.tar.gz", SHARED / "events/windows-otrf.jsonl.gz"
pytestmark = [
    pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the rule corpus is not at {ARCHIVE}"),
    pytest.mark.timeout(900),  # every bucket of the corpus is compiled
]
REGEX_SAMPLES = {
    r"\s": " ",
    r"\d": "4",
    r"\w": "k",
    ".*": "zz",
    "[": "",
    "]": "",
    "(": "",
    ")": "",
    "?": "",
    "^": "",
    "$": "",
    "\\": "",
}


@pytest.fixture(scope="module")
def ruleset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sigma")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Ruleset.load([folder], builtin=False, strict=False, options=Options(folder / "cache"))


def compared(ruleset, events):
    """(pairs, true): one by one and in batches, cold and warm. Fails at the first difference."""
    pairs = true = 0
    wanted = []
    for event in events:
        seen = ruleset.visible(event)
        wanted.append(oracle(seen, event, b""))
        pairs, true = pairs + len(seen), true + len(wanted[-1])
        assert list(ruleset.match(event)) == wanted[-1], event
    assert [list(found) for found in ruleset.match_batch(events)] == wanted
    print(f"{len(events)} events, {pairs} pairs of event and rule, {true} true")
    return pairs, true


def test_recorded_events_as_they_came_and_as_documents(ruleset):
    with gzip.open(EVENTS) as file:
        lines = random.Random(17).sample(list(islice(file, 60_000)), 150)
    catalogue = Catalogue.load([], tz="UTC", original="never", sources={})
    documents = [d for line in lines for d in catalogue.normalize(line, Facts("test"), 0.0)]
    assert compared(ruleset, [orjson.loads(line) for line in lines] + documents)[0] > 25_000


def test_events_made_of_what_the_rules_look_for(ruleset):
    """Of log sources of every kind; what a rule wants is put together with something else, or its case is changed."""
    chance = random.Random(23)
    rules = chance.sample(ruleset.rules, 200)
    pairs, true = compared(ruleset, [made(rule, chance) for rule in rules for _ in range(2)])
    assert pairs > 20_000
    assert true > 100


def made(rule, chance):
    event: dict[str, Any] = {"logweir": {"logsource": {k: v for k, v in rule.logsource._asdict().items() if v}}}
    listed = list(atoms(rule.tree))
    chance.shuffle(listed)
    for atom in listed:
        key = atom.field or "keywords"
        text = wanted(atom)
        if text is None:
            continue
        if key not in event:
            event[key] = chance.choice([text, text, text, text.upper(), [text, "other"], text.swapcase()])
        elif isinstance(event[key], str) and chance.random() < 0.3:
            event[key] = chance.choice([event[key] + text, text + event[key], event[key] + " " + text])
    return event


def wanted(atom: Atom):
    payload: Any = atom.payload
    match atom.kind:
        case "eq" | "contains" | "startswith" | "endswith":
            return payload
        case "wild":
            return "".join(p if isinstance(p, str) else "q" for p in payload)
        case "cidr":
            return payload.partition("/")[0]
        case "re":
            text = payload[0]
            for sign, sample in REGEX_SAMPLES.items():
                text = text.replace(sign, sample)
            return text
    return None
