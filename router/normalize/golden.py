"""Golden documents: files of `{"raw" or "event", "expect", ...}` beside a normalizer, renewed from what it makes of them now."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from router.batch import Event
from router.documents import load_file, yaml_files
from router.errors import ConfigError, Malformed, Problem
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from router.normalize.selftest import documents_of, golden_line, value

_OF_THE_RUN = frozenset(("event.created", "ecs.version"))
"""Fields that say when and by which version, not what."""


class Renewed(NamedTuple):
    """One file and how many of its lines changed."""

    file: Path
    changed: int
    lines: int


def renew(paths: Iterable[Path]) -> list[Renewed]:
    """Rewrite the golden files that these normalizers (files or folders) name. Raises ConfigError when one does not compile.

    A line that names fields in `expect` keeps to these fields; one without `expect` gets its whole document.
    """
    found = []
    for path in paths:
        for file in yaml_files(path):
            for document in load_file(file):
                tests = document.value.get("tests") if isinstance(document.value, dict) else None
                patterns = [t["files"] for t in tests or () if isinstance(t, dict) and "files" in t]
                if not patterns:
                    continue
                normalizer, problems = compile_document(document, file.parent)
                if normalizer is None:
                    raise ConfigError(problems)
                found += [_renewed(golden, normalizer) for p in patterns for golden in sorted(file.parent.glob(str(p)))]
    return found


def _renewed(golden: Path, normalizer: Normalizer) -> Renewed:
    before, after = [], []
    for number, line in enumerate(golden.read_bytes().splitlines(), 1):
        if line.strip():
            test = golden_line(line)
            if isinstance(test, str):
                text, _, remedy = test.partition("; ")
                raise ConfigError([Problem(str(golden), number, "", text, remedy)])
            before.append(line)
            after.append(orjson.dumps(_line(test, normalizer)))
    changed = sum(orjson.loads(one) != orjson.loads(other) for one, other in zip(before, after, strict=True))
    if changed:
        golden.write_bytes(b"".join(line + b"\n" for line in after))
    return Renewed(golden, changed, len(before))


def _line(test: dict[str, Any], normalizer: Normalizer) -> dict[str, Any]:
    """The test with what is true now."""
    kept = {key: item for key, item in test.items() if key not in ("expect", "ignored", "unknown", "documents")}
    try:
        documents = orjson.loads(orjson.dumps(documents_of(test, normalizer)))
    except Malformed:
        return test
    if not documents:
        return {**kept, "ignored": True}
    if "documents" in test:
        kept["documents"] = len(documents)
    nth = int(test.get("nth", 0))
    document = documents[nth if nth < len(documents) else 0]
    if document["event"]["dataset"] == "unknown":
        return {**kept, "unknown": True}
    return {**kept, "expect": _expected(test.get("expect"), document)}


def _expected(before: Any, document: Event) -> dict[str, Any]:
    if isinstance(before, dict) and before:
        return {path: now for path in before if (now := value(document, path)) is not None}
    return {path: item for path, item in _leaves(document, "") if path not in _OF_THE_RUN}


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in node.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, f"{prefix}{key}.")
        else:
            yield prefix + key, item
