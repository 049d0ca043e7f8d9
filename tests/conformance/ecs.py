"""Score the built-in normalizers against ECS sample pairs: python -m tests.conformance.ecs --pairs DIR [--source PACKAGE/STREAM].

A folder of `<package>/<stream>.jsonl.gz`; each line is {"raw", "expected", "fields", "tz_offset", "dynamic"}: what came in, the
ECS document that another pipeline made of it, what the shipper added, the zone of the device, and fields whose value changes with
the day.

Only leaves that ECS defines (or that lie in an ECS object) count; not what shippers add, nor lookups. Values must be equal: times
as instants to the millisecond, numbers as their text, lists in any order and a list of one as its item. A field of `dynamic` need
only be there, as a time where one is expected. recall = right / expected, precision = right / predicted.
"""

import argparse
import calendar
import gzip
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from router.batch import Facts
from router.documents import load_file
from router.errors import ConfigError, Malformed
from router.normalize import Catalogue, Hints, schema
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from rules import ROOT

_SHIPPED = frozenset(("ecs.version", "error.message", "event.created", "event.ingested", "event.original", "tags"))
_SHIPPED_BELOW = ("_", "agent.", "data_stream.", "input.", "labels.", "log.file.", "log.offset", "splunk.", "log.source.")
_LOOKED_UP = re.compile(
    r"(.*\.)?(geo|as)\..*|related\..*|threat\.enrichments.*|network\.community_id|user_agent\.(?!original$).*"
    r"|.*\.(registered_domain|top_level_domain|subdomain)"
)
_OWN = frozenset(("event.dataset", "event.module", "log.syslog.facility.name", "log.syslog.severity.name"))
_FRAME = "log.syslog."
"""What the syslog header said is kept for every source; other pipelines keep it for some only."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass
class Tally:
    """Counts of one source."""

    pairs: int = 0
    failed: int = 0
    exact: int = 0
    expected: int = 0
    predicted: int = 0
    right: int = 0
    datasets: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    def add(self, other: "Tally") -> None:
        for name in ("pairs", "failed", "exact", "expected", "predicted", "right"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("missing", "wrong", "extra", "datasets"):
            getattr(self, name).update(getattr(other, name))


def counts(name: str) -> bool:
    """Should a normalizer fill this field from the raw event?"""
    if name in _SHIPPED or name.startswith(_SHIPPED_BELOW) or _LOOKED_UP.fullmatch(name):
        return False
    table = schema.fields()
    if name in table:
        return True
    parts = name.split(".")
    parents = (".".join(parts[:n]) for n in range(1, len(parts)))
    return any(parent in table and table[parent].kind == "open" for parent in parents)


def leaves(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf; a list is one leaf, empty values are none."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        elif value is not None and value != []:
            yield prefix + key, value


def canonical(value: Any) -> str:
    """One text for all values that count as equal."""
    if isinstance(value, list):
        items = sorted(map(canonical, value))
        return items[0] if len(items) == 1 else repr(items)
    if isinstance(value, dict):
        return repr(sorted((name, canonical(leaf)) for name, leaf in leaves(value)))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _instant(str(value)) or str(value)


def _instant(text: str) -> str | None:
    if not _TIME.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return None


def scored(document: dict[str, Any]) -> dict[str, str]:
    """The leaves that count, in canonical form."""
    return {name: canonical(value) for name, value in leaves(document) if counts(name)}


def compare(expected: dict[str, str], got: dict[str, str], dynamic: frozenset[str]) -> Tally:
    """One pair."""
    got = {name: value for name, value in got.items() if name in expected or not (name in _OWN or name.startswith(_FRAME))}
    tally = Tally(pairs=1, expected=len(expected), predicted=len(got))
    for name, want in expected.items():
        have = got.get(name)
        if have is None:
            tally.missing[name] += 1
        elif have == want or (name in dynamic and bool(_TIME.match(have)) == bool(_TIME.match(want))):
            tally.right += 1
        else:
            tally.wrong[name] += 1
            tally.samples.setdefault(name, f"want {want[:80]!r} got {have[:80]!r}")
    for name in got:
        if name not in expected:
            tally.extra[name] += 1
            tally.samples.setdefault("+" + name, f"got {got[name][:80]!r}")
    tally.exact = int(tally.right == len(expected))
    return tally


def predict(catalogue: Catalogue, pair: dict[str, Any], source: str) -> dict[str, Any] | None:
    """Our document of a pair; None when there is none."""
    raw = pair["raw"]
    body = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else orjson.dumps(raw)
    facts = Facts(source, meta=_meta(pair.get("fields") or {}))
    try:
        documents = catalogue.normalize(body, facts, _receipt(pair))
    except Malformed:
        return None
    return orjson.loads(orjson.dumps(documents[0])) if documents else None


def _meta(fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    path = (
        fields.get("log", {}).get("file", {}).get("path") if isinstance(fields.get("log"), dict) else fields.get("log.file.path")
    )
    return (("path", str(path)),) if path else ()


def _receipt(pair: dict[str, Any]) -> float:
    """The time of arrival that the pair names, else a day after the newest time of the expected document, for year-less lines."""
    for text in ((pair.get("fields") or {}).get("@timestamp"), pair["expected"].get("@timestamp")):
        try:
            moment = datetime.fromisoformat(str(text))
            return float(calendar.timegm(moment.utctimetuple()))
        except ValueError:
            continue
    return 1_767_225_600.0


def pairs(folder: Path, source: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(package/stream, pair)."""
    for path in sorted(folder.glob("*/*.jsonl.gz")):
        name = f"{path.parent.name}/{path.name.removesuffix('.jsonl.gz')}"
        if source in (None, name, path.parent.name):
            with gzip.open(path, "rb") as lines:
                for line in lines:
                    yield name, orjson.loads(line)


def zone_of(pair: dict[str, Any]) -> str:
    """The zone of a pair's device, as configured for its source."""
    offset = pair.get("tz_offset")
    return "" if offset in (None, "local", "") else str(offset)


def score(folder: Path, source: str | None, extra: list[Path], normalizer: str, total: Tally) -> dict[str, Tally]:
    """Tallies by source. One configured source per stream and zone, as an operator would have it."""
    found = list(pairs(folder, source))
    hints = {f"{name} {zone_of(pair)}": Hints(normalizer, zone_of(pair)) for name, pair in found}
    catalogue = _loaded(extra, hints)
    tallies: dict[str, Tally] = {}
    for name, pair in found:
        got = predict(catalogue, pair, f"{name} {zone_of(pair)}")
        tally = compare(scored(pair["expected"]), scored(got or {}), frozenset(pair.get("dynamic") or ()))
        tally.failed = int(got is None)
        if got is not None:
            tally.datasets[got["event"]["dataset"]] += 1
        held = tallies.setdefault(name, Tally())
        held.samples.update({key: text for key, text in tally.samples.items() if key not in held.samples})
        held.add(tally)
        total.add(tally)
    return tallies


def _loaded(extra: list[Path], hints: dict[str, Hints]) -> Catalogue:
    """All normalizers that compile; those that do not are named and left out, so that one broken file does not stop the others."""
    made: dict[str, Normalizer] = {}
    files = [
        file
        for folder in (ROOT / "normalize", *extra)
        for file in ([folder] if folder.is_file() else sorted(folder.glob("*.y*ml")))
    ]
    for file in files:
        try:
            for document in load_file(file):
                normalizer, problems = compile_document(document, file.parent)
                if normalizer is None:
                    raise ConfigError(problems)
                made[normalizer.id] = normalizer
        except ConfigError as error:
            print(f"left out: {file}: {len(error.problems)} problems, the first: {error.problems[0]}")
    return Catalogue(made.values(), sources=hints)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--source", help="one package/stream, or one package")
    parser.add_argument("--details", type=int, default=0, metavar="N", help="the N fields most often missing, wrong and extra")
    parser.add_argument("--normalizer", default="", help="use this one instead of finding out")
    parser.add_argument(
        "--with", dest="extra", type=Path, action="append", default=[], help="further normalizer files or folders"
    )
    options = parser.parse_args()
    if not any(options.pairs.glob("*/*.jsonl.gz")):
        print(f"skipped: no sample pairs (<package>/<stream>.jsonl.gz) in {options.pairs}")
        return 0
    total = Tally()
    try:
        tallies = score(options.pairs, options.source, options.extra, options.normalizer, total)
    except ConfigError as error:
        print(error)
        return 2
    for name, tally in tallies.items():
        chosen = ", ".join(f"{dataset} {count}" for dataset, count in tally.datasets.most_common(3))
        print(
            f"{name:42} {tally.pairs:5} pairs {tally.exact:5} exact  recall {tally.recall:.3f}  precision {tally.precision:.3f}  {chosen}"
        )
        for kind in ("missing", "wrong", "extra") if options.details else ():
            for field_name, count in getattr(tally, kind).most_common(options.details):
                sample = tally.samples.get(field_name if kind == "wrong" else "+" + field_name if kind == "extra" else "", "")
                print(f"    {kind:8} {count:5} {field_name}  {sample}")
    print(
        f"overall: {total.pairs} pairs, recall {total.recall:.3f}, precision {total.precision:.3f}, {total.failed} without a document"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
