"""Raw samples for checks that need no expectation: the raw sides of sample pairs, and the tests inside normalizer files."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from router.batch import Facts
from router.documents import load_file
from rules import ROOT


class Sample(NamedTuple):
    """One payload as it arrives. `source` names where it is from, and who sends it."""

    source: str
    body: bytes
    meta: tuple[tuple[str, str], ...] = ()

    @property
    def facts(self) -> Facts:
        return Facts(self.source, meta=self.meta)


def of_pairs(folder: Path) -> Iterator[Sample]:
    """`<package>/<stream>.jsonl.gz`, lines of {"raw", ...}."""
    for path in sorted(folder.glob("*/*.jsonl.gz")):
        with gzip.open(path, "rb") as lines:
            for line in lines:
                raw = orjson.loads(line)["raw"]
                yield Sample(f"{path.parent.name}/{path.name.partition('.')[0]}", _body(raw))


def of_rules() -> Iterator[Sample]:
    """The inputs of the tests in the normalizers that ship."""
    for path in sorted((ROOT / "normalize").glob("*.yaml")):
        for document in load_file(path):
            for test in document.value.get("tests", ()):
                if "files" in test:
                    yield from _golden(path, str(test["files"]), document.value["id"])
                else:
                    yield from _of_test(test, document.value["id"])


def _golden(path: Path, pattern: str, source: str) -> Iterator[Sample]:
    for file in sorted(path.parent.glob(pattern)):
        for line in file.read_bytes().splitlines():
            if line.strip():
                yield from _of_test(orjson.loads(line), source)


def _of_test(test: dict[str, Any], source: str) -> Iterator[Sample]:
    if test.get("envelope"):
        return
    meta = tuple(sorted((str(k), str(v)) for k, v in test.get("meta", {}).items()))
    yield Sample(source, _body(test["raw"] if "raw" in test else test.get("event")), meta)


def _body(raw: Any) -> bytes:
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else orjson.dumps(raw, default=str)
