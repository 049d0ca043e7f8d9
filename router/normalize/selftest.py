"""Run the tests that stand in normalizer files, and tell what they leave untested."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from router.batch import Event, Facts
from router.documents import Document, TestResult, load_file, yaml_files
from router.errors import ConfigError, Malformed, Problem
from router.normalize.catalogue import Catalogue, Hints
from router.normalize.compiler import compile_document
from router.normalize.lint_tests import KEYS
from router.normalize.normalizer import Normalizer
from router.normalize.reached import ALARMS, Reached, without_malformed
from router.normalize.runtime import dig
from router.normalize.times import iso
from router.normalize.zones import UTC
from router.shapes.ocsf import derive
from rules import ROOT

_RECEIPT = "2026-06-01T00:00:00Z"
RECEIPT_SECONDS = 1_780_272_000.0
"""The same, in epoch seconds: when the lines of tests arrive that do not say otherwise."""


class Examined(NamedTuple):
    """What became of the tests, and what they leave out: cases that none of them reaches, malformed lines."""

    results: list[TestResult]
    untested: list[Problem]


def run_tests(paths: Iterable[Path] = ()) -> list[TestResult]:
    """The tests of these files or folders (without any: of the built-in ones). Raises ConfigError when one does not compile."""
    return examine(paths).results


def examine(paths: Iterable[Path] = ()) -> Examined:
    """As `run_tests`, and what is not tested."""
    found = Examined([], [])
    problems: list[Problem] = []
    for path in list(paths) or [ROOT / "normalize"]:
        for file in yaml_files(path):
            try:
                for document in load_file(file):
                    problems.extend(_add(document, file, found))
            except ConfigError as error:
                problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return found


def _add(document: Document, file: Path, found: Examined) -> list[Problem]:
    """Add what the tests of one document show; why it does not compile."""
    reached = Reached()
    normalizer, problems = compile_document(document, file.parent, reached)
    if normalizer is not None:
        written = list(_tests(document, file))
        found.results.extend(_outcome(one, normalizer) for one in written)
        tests = [one.test for one in written if isinstance(one.test, dict)]
        found.untested.extend([*reached.missed(document), *without_malformed(document, tests)])
    return problems


class _Written(NamedTuple):
    """A test with its place, or what is wrong with it."""

    file: str
    line: int
    name: str
    test: dict[str, Any] | str


def _tests(document: Document, file: Path) -> Iterator[_Written]:
    """Those of a file, and of the golden documents that it names."""
    for i, test in enumerate(document.value["tests"]):
        line = document.place(("tests", i))[0]
        if "files" in test:
            yield from _golden(str(test["files"]), file, line)
        else:
            yield _Written(document.file, line, str(test.get("name", f"test {i + 1}")), test)


def _golden(pattern: str, file: Path, line: int) -> Iterator[_Written]:
    matched = sorted(file.parent.glob(pattern))
    if not matched:
        yield _Written(str(file), line, pattern, "no file matches")
    for golden in matched:
        for number, text in enumerate(golden.read_bytes().splitlines(), 1):
            if text.strip():
                test = golden_line(text)
                name = test.get("name") if isinstance(test, dict) else None
                yield _Written(str(golden), number, str(name or f"line {number}"), test)


def _outcome(written: _Written, normalizer: Normalizer) -> TestResult:
    detail = written.test if isinstance(written.test, str) else problems_of(written.test, normalizer)
    return TestResult(written.file, written.line, written.name, not detail, detail)


def golden_line(text: bytes) -> dict[str, Any] | str:
    """A line of golden documents, or what is wrong with it."""
    try:
        test = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}; write one object a line"
    if not isinstance(test, dict) or not test.keys() & {"raw", "event"}:
        return "no test; write an object with `raw` or `event`"
    return test


def problems_of(test: dict[str, Any], normalizer: Normalizer) -> str:
    """What is wrong with the documents of a test; empty when nothing."""
    strange = [key for key in test if key not in KEYS]
    if strange:
        return f"unknown key {strange[0]!r}"
    try:
        documents = documents_of(test, normalizer)
        orjson.dumps(documents)
    except (Malformed, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return _judge(test, documents)


def documents_of(test: dict[str, Any], normalizer: Normalizer) -> list[Event]:
    """What the input of a test becomes, with this normalizer alone. Raises Malformed."""
    source = str(test.get("source", "test"))
    hints = {source: Hints(tz=str(test.get("tz", "")))}
    catalogue = Catalogue([normalizer], sources=hints, original=test.get("original", "doubtful"))
    body = str(test["raw"]).encode("utf-8", "surrogateescape") if "raw" in test else orjson.dumps(test.get("event"), default=str)
    meta = tuple(sorted((str(k), str(v)) for k, v in test.get("meta", {}).items()))
    facts = Facts(source, str(test.get("peer", "")), str(test.get("envelope", "")), meta)
    moment = iso(str(test.get("receipt", _RECEIPT)), UTC)
    return catalogue.normalize(body, facts, float(moment.seconds) if moment else 0.0)


def _judge(test: dict[str, Any], documents: Sequence[Event]) -> str:
    if test.get("ignored"):
        return "" if not documents else "was not ignored"
    if not documents:
        return "was ignored"
    if "documents" in test and len(documents) != test["documents"]:
        return f"gave {len(documents)} documents, not {test['documents']}"
    nth = int(test.get("nth", 0))
    if nth >= len(documents):
        return f"there is no document {nth}"
    document = documents[nth]
    tags = document.get("tags", [])
    is_unknown = document["event"]["dataset"] == "unknown"
    if bool(test.get("unknown")) != is_unknown:
        return "was not accepted" if is_unknown else "was accepted"
    expect = test.get("expect", {}) or {}
    alarms = [tag for tag in tags if tag.startswith(ALARMS)]
    if alarms and "tags" not in expect and not is_unknown:
        return f"tagged {' '.join(alarms)}"
    wrong = [
        f"{path}: want {want!r}, got {value(document, path)!r}"
        for path, want in expect.items()
        if not same(value(document, path), want)
    ]
    wrong += [
        f"{path}: must be absent, is {value(document, path)!r}"
        for path in test.get("absent", ())
        if value(document, path) is not None
    ]
    return "; ".join(wrong + _of_ocsf(test.get("ocsf"), document))


def _of_ocsf(expect: Any, document: Event) -> list[str]:
    """What is wrong with the OCSF event of a document. `class`: its name (`network_activity`) or number; `activity`: a number."""
    if expect is None:
        return []
    wanted = expect if isinstance(expect, dict) else {"class": expect}
    event = derive(orjson.loads(orjson.dumps(document)), 0.0)
    known = {"class": event["class_name"].lower().replace(" ", "_"), "activity": event["activity_id"]}
    wrong = []
    for path, want in wanted.items():
        got = event["class_uid"] if path == "class" and isinstance(want, int) else known.get(path, value(event, path))
        if not same(got, want):
            wrong.append(f"ocsf {path}: want {want!r}, got {got!r}")
    return wrong


def value(document: Event, path: str) -> Any:
    """A field by its dotted name; names with dots of their own too."""
    found = dig(document, path.split("."))
    if found is not None:
        return found
    node: Any = document
    rest = path
    while rest and type(node) is dict:
        key = next((k for k in sorted(node, key=len, reverse=True) if rest == k or rest.startswith(k + ".")), None)
        if key is None:
            return None
        node, rest = node[key], rest[len(key) + 1 :]
    return node if not rest else None


def same(got: Any, want: Any) -> bool:
    """Equal; lists in any order; times that YAML has read as such by their text."""
    if isinstance(got, list) and isinstance(want, list):
        return sorted(map(repr, got)) == sorted(map(repr, want))
    if hasattr(want, "isoformat"):
        return isinstance(got, str) and got.rstrip("Z") == want.isoformat().replace("+00:00", "")
    return (type(got) is type(want) and got == want) or (got == want and not isinstance(got, bool) and not isinstance(want, bool))
