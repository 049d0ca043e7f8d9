"""Nothing lost, everything valid: python -m tests.conformance.fidelity [--pairs DIR]. Exit code 1 where a gate is missed.

G3: the OCSF event that is derived from every document validates against the schema of its class. G4: every leaf of a parsed record
is in the document (mapped, or left under the vendor's name), or its file names it in `drop` or `consume`.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from router.batch import Event
from router.documents import load_file
from router.errors import Malformed
from router.normalize import Catalogue
from router.normalize.normalizer import Normalizer
from router.shapes.ocsf import derive
from tests.conformance.samples import Sample, of_pairs, of_rules
from tests.router.shapes import ocsf_schema

_RECEIPT = 1_772_400_000.0
_TOKEN = re.compile(r"[^\W_]+")
_HARDWARE = re.compile(r"(?:[0-9a-fA-F]{4}[.:-]){2}[0-9a-fA-F]{4}")
_NOTHING = frozenset(("", "-", "n/a", "null", "none", "?", "(null)", "unknown"))


@dataclass
class Outcome:
    """What a run found."""

    documents: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    leaves: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)


def run(samples: Iterable[Sample]) -> Outcome:
    """Judge every document of every sample."""
    catalogue, found = Catalogue.load(), Outcome()
    files = {n.id: n for n in normalizers(catalogue)}
    for sample in samples:
        try:
            documents = catalogue.normalize(sample.body, sample.facts, _RECEIPT)
        except Malformed:
            continue
        for document in documents:
            _ocsf(document, found)
        if documents and (normalizer := files.get(documents[0]["event"]["dataset"])):
            _leaves(normalizer, catalogue, sample, documents, found)
    return found


def normalizers(catalogue: Catalogue) -> Iterator[Normalizer]:
    """The compiled normalizers of a catalogue."""
    yield from sorted(catalogue.normalizers(), key=lambda normalizer: normalizer.id)


def _ocsf(document: Event, found: Outcome) -> None:
    found.documents += 1
    event = derive(orjson.loads(orjson.dumps(document)), _RECEIPT)
    found.classes[event["class_name"]] += 1
    for fault in ocsf_schema.faults(event):
        key = f"{document['event']['dataset']}: {event['class_name']}: {fault}"
        found.invalid[key] += 1


def _leaves(normalizer: Normalizer, catalogue: Catalogue, sample: Sample, documents: list[Event], found: Outcome) -> None:
    """Parse once more, and look for the words of every leaf in what came out."""
    x, _, _ = catalogue._line(sample.body, sample.facts, _RECEIPT)
    parsed = normalizer.parse(x, {})
    if parsed is None:
        return
    there = _words(orjson.dumps(documents).decode())
    numbers = {float(t) for t in there if t.isdecimal() and len(t) < 30}
    exempt = _named_away(normalizer)
    for path, value in _walk(parsed, ()):
        found.leaves += 1
        if not _is_there(value, there, numbers) and not any(away in (path[: len(away)], path[-len(away) :]) for away in exempt):
            key = f"{normalizer.id}: {'.'.join(path)}"
            found.lost[key] += 1
            found.example.setdefault(key, f"{value!r:.100}")


_AWAY: dict[str, set[tuple[str, ...]]] = {}


def _named_away(normalizer: Normalizer) -> set[tuple[str, ...]]:
    """Paths in `drop` and `consume` of its file, and the fields of its times."""
    if normalizer.id not in _AWAY:
        (value,) = [d.value for d in load_file(Path(normalizer.file)) if d.value["id"] == normalizer.id]
        names = [*value.get("drop", ()), *value.get("consume", ()), *_texts(value.get("time", {}))]
        _AWAY[normalizer.id] = {tuple(part.strip('"') for part in re.findall(r'"[^"]+"|[^.]+', str(name))) for name in names}
    return _AWAY[normalizer.id]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        node = list(node.values())
    for item in node if isinstance(node, list) else [node]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, (dict, list)):
            yield from _texts(item)


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _walk(value, (*path, str(key)))
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value, path)
    else:
        yield path, node


def _words(text: str) -> set[str]:
    return {word.lower() for word in _TOKEN.findall(text)}


def _is_there(value: Any, there: set[str], numbers: set[float]) -> bool:
    """All its words; a number also in another unit or base, a time as a time."""
    if value is None or str(value).strip().lower() in _NOTHING:
        return True
    text = orjson.dumps(value).decode() if isinstance(value, (bool, float)) else str(value)
    if _HARDWARE.fullmatch(text) and set(re.findall("..", re.sub("[.:-]", "", text.lower()))) <= there:
        return True  # a hardware address, which ECS writes another way
    missing = _words(orjson.dumps(text, option=0).decode()) - there
    return not missing or all(_as_number(word, numbers) for word in missing) or _as_number(text.strip(), numbers)


def _as_number(text: str, numbers: set[float]) -> bool:
    try:
        number = float(int(text, 16)) if text.lower().startswith("0x") else float(text)
    except ValueError:
        return False
    return any(number * unit in numbers or round(number * unit) in numbers for unit in (1, 1e3, 1e6, 1e9, 1e-3, 60e9, 1024, 100))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--source", default="", help="only samples whose source begins so")
    options = parser.parse_args()
    samples = [*of_rules(), *(of_pairs(options.pairs) if options.pairs and options.pairs.is_dir() else ())]
    found = run(s for s in samples if s.source.startswith(options.source))
    for fault, count in found.invalid.most_common(30):
        print(f"invalid {count:6} {fault}")
    for name, count in found.lost.most_common(60):
        print(f"lost    {count:6} {name}: {found.example[name]}")
    for name, count in found.classes.most_common():
        print(f"class   {count:6} {name}")
    print(
        f"fidelity: {found.documents} documents, {found.invalid.total()} faults of OCSF;"
        f" {found.leaves} parsed leaves, {found.lost.total()} lost"
    )
    return 1 if found.invalid or found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
