"""Every normalizer that ships: it compiles, its tests pass, and no mutation of its sample lines breaks a document."""

import random
import tomllib
from fnmatch import fnmatch
from functools import cache
from typing import Any

import orjson
import pytest

from router.batch import Event, Facts
from router.documents import load_file
from router.errors import Malformed
from router.normalize import Catalogue, coerce, examine, schema
from rules import ROOT

RECEIPT = 1_780_272_000.0
FILES = sorted((ROOT / "normalize").glob("*.yaml"))
LONG = "A" * 65_536


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_shipped_normalizer_compiles_and_passes_its_own_tests_which_reach_its_cases(path: Any) -> None:
    results, untested = examine([path])
    assert results
    assert [f"{r.name}: {r.detail}" for r in results if not r.passed] == []
    assert [str(problem) for problem in untested] == []


def test_what_tests_of_shipped_normalizers_name_is_installed_with_them() -> None:
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())
    installed = settings["tool"]["setuptools"]["package-data"]["*"]
    for path in FILES:
        for document in load_file(path):
            for pattern in [test["files"] for test in document.value["tests"] if "files" in test]:
                names = [golden.name for golden in path.parent.glob(pattern)]
                assert names
                assert all(any(fnmatch(name, wanted) for wanted in installed) for name in names), pattern


@cache
def catalogue() -> Catalogue:
    return Catalogue.load()


@cache
def samples() -> list[bytes]:
    found = []
    for path in FILES:
        for document in load_file(path):
            for test in document.value["tests"]:
                if "raw" in test:
                    found.append(str(test["raw"]).encode())
                elif "event" in test:
                    found.append(orjson.dumps(test["event"], default=str))
    return found


def mutations(body: bytes, chance: random.Random) -> list[bytes]:
    """The ways in which lines arrive broken."""
    text = body.decode("utf-8", "replace")
    at = chance.randrange(len(body) + 1)
    words = text.split(" ")
    chance.shuffle(words)
    return [
        body[:at],
        body[at:],
        body[:at] + b"\x00" + body[at:],
        body[:at] + b"\xff\xfe\xed\xa0\x80" + body[at:],
        body[:at] + chance.randbytes(8) + body[at:],
        body + b" " + body,
        text.encode("utf-16"),
        text.encode("utf-16-le"),
        text.encode("latin-1", "replace"),
        body.replace(b'"', b"'"),
        body.replace(b"'", b'"'),
        body.replace(b"=", b"==", 3),
        " ".join(words).encode(),
        b"<13>Mar  1 10:00:00 relay " + body,
        b"<14>1 2026-03-01T10:00:00Z h app - - - " + body,
        body.replace(b"1", LONG.encode(), 1),
        body.replace(b"192.0.2.", b"999.0.2."),
        body.replace(b"{", b'{"event": {"a": [1, {"b": null}]}, "source": "x", "host": 7, "tags": 3,', 1),
    ]


def typed(node: Any, path: str = "") -> list[str]:
    """Fields of a document whose value is not of their ECS type."""
    if isinstance(node, dict):
        field = schema.fields().get(path)
        if field is not None and field.kind not in ("open", "point") and path not in schema.inner():
            return [f"{path}: an object"]
        return [fault for key, value in node.items() for fault in typed(value, f"{path}.{key}" if path else key)]
    field = schema.field(path)
    if field is None:
        return [f"{path}: a value where ECS has an object"] if path in schema.inner() or path in schema.roots() else []
    values = node if isinstance(node, list) else [node]
    if isinstance(node, list) and not field.array and field.kind not in ("open", "free"):
        return [f"{path}: a list"]
    return [f"{path}: {value!r:.60}" for value in values if coerce.COERCIONS[field.kind](value) is None and value is not None]


def check(body: bytes) -> None:
    """Whatever arrives gives valid documents, or is refused for a reason that is counted."""
    try:
        documents: list[Event] = catalogue().normalize(body, Facts("s", "192.0.2.1"), RECEIPT)
    except Malformed as error:
        assert error.reason in ("empty", "oversized")  # noqa: PT017  # a refusal is one of two good outcomes
        return
    for document in documents:
        assert orjson.loads(orjson.dumps(document))
        assert document["@timestamp"].endswith("Z")
        assert document["event"]["dataset"]
        failures = [document["error"]["message"]] if "_norm_failed" in document.get("tags", ()) else []
        assert not [f for f in failures if "record of this list" not in f], (body[:200], failures)
        assert typed(document) == [], body[:300]


@pytest.mark.parametrize("seed", range(3))
def test_no_mutation_of_a_sample_breaks_a_document(seed: int) -> None:
    chance = random.Random(seed)
    for body in samples():
        for mutated in mutations(body, chance):
            check(mutated)


def test_every_sample_is_valid_and_says_so_twice_alike() -> None:
    for body in samples():
        check(body)
        once = Catalogue.normalize(catalogue(), body, Facts("s"), RECEIPT)
        assert Catalogue.normalize(catalogue(), body, Facts("s"), RECEIPT) == once
