"""Normalization alone, one thread: bytes as received to ECS documents, per source.

Inputs are the test lines inside of the shipped normalizers, and recorded lines where the folder with them is at hand. Every
normalizer is loaded and each source sends from an address of its own, as in a running router. Prints CPU microseconds per
event and megabytes per second; the smallest of the runs, since disturbances only add.
"""

import argparse
import gzip
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from router.batch import Facts
from router.documents import load_file
from router.errors import Malformed
from router.normalize.catalogue import Catalogue
from rules import ROOT

DATA = Path(__file__).parents[2] / "shared/data/events"
_NO_LINE = ("unknown", "ignored", "envelope", "meta")
"""Keys of tests that show something else than a usual line."""


def shipped() -> Iterator[tuple[str, list[bytes]]]:
    """The name and test lines of every shipped normalizer; those of Windows by their form."""
    for file in sorted((ROOT / "normalize").glob("*.yaml")):
        for document in load_file(file):
            bodies = list(_bodies(file, document.value["tests"]))
            markup = [body for body in bodies if body.lstrip()[:1] == b"<" and not body.lstrip()[1:2].isdigit()]
            others = [body for body in bodies if body not in markup]
            for name, kept in ((document.value["id"], others), (document.value["id"] + " (XML)", markup)):
                if kept:
                    yield name, kept


def _bodies(file: Path, tests: list[dict[str, Any]]) -> Iterator[bytes]:
    for test in tests:
        if "files" in test:
            for golden in sorted(file.parent.glob(test["files"])):
                yield from _bodies(file, [orjson.loads(line) for line in golden.read_bytes().splitlines() if line.strip()])
        elif not any(key in test for key in _NO_LINE):
            yield str(test["raw"]).encode() if "raw" in test else orjson.dumps(test.get("event"), default=str)


def recorded(most: int) -> Iterator[tuple[str, list[bytes]]]:
    """Recorded lines by file, at most so many of each."""
    for file in sorted(DATA.glob("*.gz")):
        with gzip.open(file) as lines:
            yield file.name.partition(".")[0] + " (recorded)", [line.rstrip(b"\n") for line in islice(lines, most)]


def wrapped(body: bytes) -> bytes:
    """A line as Filebeat sends it."""
    return orjson.dumps(
        {
            "@timestamp": "2026-03-01T10:00:00.123Z",
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "9.0.1"},
            "message": body.decode("utf-8", "replace"),
            "log": {"offset": 12345, "file": {"path": "/var/log/remote.log"}},
            "input": {"type": "filestream"},
            "agent": {"type": "filebeat", "version": "9.0.1", "id": "a1", "name": "collector1"},
            "host": {"name": "collector1"},
            "ecs": {"version": "8.0.0"},
        }
    )


def inputs(most: int) -> Iterator[tuple[str, list[bytes]]]:
    """All by name; recorded lines of text once more in a shipper's object."""
    yield from shipped()
    for name, bodies in recorded(most):
        yield name, bodies
        if bodies[0][:1] != b"{":
            yield name.replace("recorded", "Filebeat's"), [wrapped(body) for body in bodies]


def measured(catalogue: Catalogue, bodies: list[bytes], source: str, runs: int) -> float:
    """CPU microseconds per event, the smallest of the runs; each run is about 5,000 events."""
    facts = Facts(source, source)
    rounds = max(1, 5000 // len(bodies))
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        for _ in range(rounds):
            for body in bodies:
                try:
                    catalogue.normalize(body, facts, 1_780_272_000.0)
                except Malformed:
                    continue
        best = min(best, time.process_time() - start)
    return 1e6 * best / rounds / len(bodies)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000, help="recorded lines per source, at most")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="sources whose name holds this text")
    parser.add_argument("--json", action="store_true", help="print one JSON line per source instead of a table")
    options = parser.parse_args()
    catalogue = Catalogue.load()
    for name, bodies in inputs(options.events):
        if options.only not in name:
            continue
        size = sum(map(len, bodies)) / len(bodies)
        spent = measured(catalogue, bodies, name, options.runs)
        row = {"benchmark": "normalize", "source": name, "bytes_per_event": round(size), "cpu_us_per_event": round(spent, 1)}
        row["megabytes_per_second"] = round(size / spent, 1)
        text = f"{name:36} {row['bytes_per_event']:6} B {spent:8.1f} us {row['megabytes_per_second']:8.1f} MB/s"
        print(json.dumps(row) if options.json else text, flush=True)


if __name__ == "__main__":
    main()
