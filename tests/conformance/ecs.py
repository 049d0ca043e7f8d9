"""Score the built-in normalizers against ECS sample pairs: python -m tests.conformance.ecs --pairs DIR [--source PACKAGE/STREAM].

A folder of `<package>/<stream>.jsonl.gz`; each line is {"raw", "expected", "fields", "tz_offset", "dynamic", "context"}: what came
in, the ECS document that another pipeline made of it, what the shipper added, the zone of the device, fields whose value changes with
the day, and the object that the shipper sent around the line. How documents are compared: compare.py. What each must reach: gates.py. `*` marks what misses its gate. Two tables come out: one
row for each stream of the folder, and one for each source that the specification names, with the pairs of its streams together
(sources.py). Both say what they count; a stream that misses its gate is marked though its source may hold.
"""

import argparse
import calendar
import gzip
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from router.batch import Facts
from router.documents import load_file
from router.errors import ConfigError, Malformed
from router.normalize import Catalogue, Hints
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from rules import ROOT
from tests.conformance import gates, oddities, page, sources
from tests.conformance.compare import Tally, compare, scored

_TOLD = {
    "windows/forwarded": (("sourcetype", "XmlWinEventLog:ForwardedEvents"),),
    "cisco_asa/log": (("sourcetype", "cisco:asa"),),
    "cisco_ftd/log": (("sourcetype", "cisco:ftd"),),
    "cisco_nexus/log": (("sourcetype", "cisco:nxos"),),
}
"""What the receiver was told about a stream whose raw events do not say it: the channel of an event collector,
the kind of firewall or switch."""

_RECEIPT = 1_767_225_600.0
"""2026-01-01, when pairs arrive that name no time of arrival."""


def predict(catalogue: Catalogue, pair: dict[str, Any], source: str) -> dict[str, Any] | None:
    """Our document of a pair; None when there is none."""
    body = _payload(pair)
    facts = Facts(source, meta=_meta(pair.get("fields") or {}) + _TOLD.get(source.partition(" ")[0], ()))
    try:
        documents = catalogue.normalize(body, facts, _receipt(pair))
    except Malformed:
        return None
    return orjson.loads(orjson.dumps(documents[0])) if documents else None


def _payload(pair: dict[str, Any]) -> bytes:
    """What came in. Where the shipper sent an object around the line (`context`), that object, as it would arrive."""
    raw = pair["raw"]
    if pair.get("context"):
        return orjson.dumps({"message": raw, **pair["context"]})
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else orjson.dumps(raw)


def _meta(fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    path = (
        fields.get("log", {}).get("file", {}).get("path") if isinstance(fields.get("log"), dict) else fields.get("log.file.path")
    )
    return (("path", str(path)),) if path else ()


def _receipt(pair: dict[str, Any]) -> float:
    """The time of arrival that the shipper of a pair names, else the end of the expected year: a line without a year cannot tell it."""
    try:
        moment = datetime.fromisoformat(str((pair.get("fields") or {}).get("@timestamp")))
        return float(calendar.timegm(moment.utctimetuple()))
    except ValueError:
        year = str(pair["expected"].get("@timestamp"))[:4]
        return float(calendar.timegm((int(year) + 1, 1, 1, 0, 0, 0))) if year.isdecimal() else _RECEIPT


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
    told = (pair.get("fields") or {}).get("event.timezone")
    if told:
        return str(told)
    offset = str(pair.get("tz_offset") or "local")
    return "" if offset == "local" else re.sub(r"^([+-]\d\d)(\d\d)$", r"\1:\2", offset)


def host_of(pair: dict[str, Any]) -> str:
    """What the operator of a pair's source calls what it comes from: its only tenant, an appliance that nothing else names."""
    told = (pair.get("fields") or {}).get("_conf") or {}
    tenants = list((told.get("tenants") or {}).values())
    return str(told.get("default") or (tenants[0] if len(tenants) == 1 else ""))


def score(folder: Path, source: str | None = None, extra: list[Path] | None = None, normalizer: str = "") -> dict[str, Tally]:
    """Tallies by stream."""
    return by_stream(judged(folder, source, extra, normalizer))


def judged(
    folder: Path, source: str | None = None, extra: list[Path] | None = None, normalizer: str = ""
) -> list[tuple[str, str, Tally]]:
    """(stream, raw event, tally) of every pair. One configured source per stream and zone, as an operator would have it."""
    found = list(pairs(folder, source))
    hints = {f"{name} {zone_of(pair)}": Hints(normalizer, zone_of(pair), host_of(pair)) for name, pair in found}
    catalogue = _loaded(extra or [], hints)
    listed = oddities.load()
    return [(name, str(pair["raw"]), _judged(catalogue, listed, name, pair)) for name, pair in found]


def _judged(catalogue: Catalogue, listed: list[oddities.Oddity], name: str, pair: dict[str, Any]) -> Tally:
    got = predict(catalogue, pair, f"{name} {zone_of(pair)}")
    odd = oddities.of(listed, name, str(pair["raw"]))
    tally = compare(scored(pair["expected"]), scored(got or {}), frozenset(pair.get("dynamic") or ()), odd)
    tally.failed = int(got is None)
    if got is not None:
        tally.datasets[got["event"]["dataset"]] += 1
    return tally


def by_stream(found: Iterable[tuple[str, str, Tally]]) -> dict[str, Tally]:
    """What `judged` found, added up by stream."""
    tallies: dict[str, Tally] = {}
    for name, _, tally in found:
        tallies.setdefault(name, Tally()).add(tally)
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


def total(tallies: dict[str, Tally]) -> Tally:
    """All in one."""
    whole = Tally()
    for tally in tallies.values():
        whole.add(tally)
    return whole


def print_table(tallies: dict[str, Tally], details: int) -> None:
    print("by stream of the folder")
    print(f"{'stream':36} tier pairs exact  recall  precision strict   odd  gate  groups of tier 1 below .97; datasets")
    for name, tally in tallies.items():
        recall, precision = gates.GATES[gates.tier(name)]
        verdict = "pass" if gates.passes(name, tally) else "FAIL"
        print(
            f"{name:36} {gates.tier(name):4} {tally.pairs:5} {tally.exact:5}  {_marked(tally.recall, recall)}"
            f"  {_marked(tally.precision, precision)}    {tally.strict:.3f} {tally.odd_share:5.3f}  {verdict}  {_remarks(name, tally)}"
        )
        for kind in ("missing", "wrong", "extra") if details else ():
            for field_name, count in getattr(tally, kind).most_common(details):
                print(f"    {kind:8} {count:5} {field_name}  {tally.samples.get(f'{kind} {field_name}', '')}")


def _marked(value: float, gate: float) -> str:
    return f"{value:.3f}{' ' if value >= gate else '*'}"


def _remarks(name: str, tally: Tally) -> str:
    low = [
        f"{group} {recall:.3f}/{precision:.3f}"
        for group, (recall, precision, _) in gates.groups(tally).items()
        if gates.tier(name) == 1 and min(recall, precision) < gates.CORE_GATE
    ]
    return ", ".join(low + [f"{dataset} {count}" for dataset, count in tally.datasets.most_common(3)])


def print_sources(pooled: dict[sources.Source, Tally]) -> None:
    print("\nby source as the specification names them (section 5), the streams of each together")
    print(f"{'source':44} tier pairs  recall  precision strict   odd  gate")
    for source, tally in pooled.items():
        recall, precision = source.gate
        print(
            f"{source.name:44} {source.tier:4} {tally.pairs:5}  {_marked(tally.recall, recall)}  {_marked(tally.precision, precision)}"
            f"    {tally.strict:.3f} {tally.odd_share:5.3f}  {'pass' if sources.holds(source, tally) else 'FAIL'}"
        )


def print_summary(tallies: dict[str, Tally], pooled: dict[sources.Source, Tally]) -> None:
    first = {name: tally for name, tally in tallies.items() if gates.tier(name) == 1}
    print()
    for group, (recall, precision, expected) in gates.groups(total(first)).items():
        print(
            f"tier 1, {group:10} {expected:6} fields  recall {_marked(recall, gates.CORE_GATE)}  precision {_marked(precision, gates.CORE_GATE)}"
        )
    for line in page.counts(tallies, pooled):
        print(line)
    whole = total(tallies)
    print(
        f"overall: {whole.pairs} pairs, recall {whole.recall:.3f}, precision {whole.precision:.3f},"
        f" strict precision {whole.strict:.3f}, {whole.failed} without a document"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--source", help="one package/stream, or one package")
    parser.add_argument("--details", type=int, default=0, metavar="N", help="the N fields most often missing, wrong and extra")
    parser.add_argument("--normalizer", default="", help="use this one instead of finding out")
    parser.add_argument(
        "--with", dest="extra", type=Path, action="append", default=[], help="further normalizer files or folders"
    )
    parser.add_argument("--floors", action="store_true", help="fail (exit code 1) where a source is below its committed floor")
    parser.add_argument("--write-page", action="store_true", help=f"write both tables to {page.PAGE.name}")
    parser.add_argument("--write-floors", action="store_true", help="take what is reached now as the floors")
    return parser.parse_args()


def main() -> int:
    options = _options()
    if not any(options.pairs.glob("*/*.jsonl.gz")):
        print(f"skipped: no sample pairs (<package>/<stream>.jsonl.gz) in {options.pairs}")
        return 0
    found = judged(options.pairs, options.source, options.extra, options.normalizer)
    tallies, pooled = by_stream(found), sources.pooled(found)
    print_table(tallies, options.details)
    if options.write_floors:
        gates.write_floors(tallies)
    fallen = gates.below_floor(tallies) if options.floors else []
    for line in fallen:
        print(line)
    print_sources(pooled)
    print_summary(tallies, pooled)
    if options.write_page:
        page.PAGE.write_text(page.text(tallies, pooled))
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
