"""Tests for a proposed normalizer: lines of the sample with what it makes of them now, and one that is cut off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from router.batch import Event, Facts
from router.errors import Malformed
from router.normalize.catalogue import Catalogue
from router.normalize.normalizer import Normalizer
from router.normalize.selftest import RECEIPT_SECONDS

_LEFT_OUT = ("ecs.version", "event.created", "event.original", "event.kind", "event.module", "event.dataset", "tags")


@dataclass(frozen=True, slots=True)
class Example:
    """One test of the file."""

    name: str
    raw: str
    expect: dict[str, Any]
    unknown: bool = False
    sourcetype: str = ""

    def lines(self) -> Iterator[str]:
        """Its YAML."""
        yield f"  - name: {self.name}"
        yield f"    raw: {_json(self.raw)}"
        if self.sourcetype:
            yield f"    meta: {{sourcetype: {self.sourcetype}}}"
        if self.unknown:
            yield "    unknown: true"
        elif self.expect:
            inner = ", ".join(f"{_json(key)}: {_json(value)}" for key, value in self.expect.items())
            yield f"    expect: {{{inner}}}"


def _json(value: Any) -> str:
    """JSON is YAML; what YAML 1.1 does not take as printable is escaped."""
    text = orjson.dumps(value, default=str).decode()
    return "".join(c if c.isprintable() and ord(c) < 0x7F else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    number = ord(char)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def examples(normalizer: Normalizer, lines: Sequence[str], sourcetype: str = "") -> list[Example]:
    """Up to three lines that differ in what they fill, and a cut-off one."""
    catalogue = Catalogue([normalizer])
    found: list[Example] = []
    shapes: set[frozenset[str]] = set()
    for line in lines:
        example = _example(catalogue, line, f"line {len(found) + 1} of the sample", sourcetype)
        if example is not None and not example.unknown and (shape := frozenset(example.expect)) not in shapes:
            shapes.add(shape)
            found.append(example)
        if len(found) == 3:
            break
    cut = _cut_off(catalogue, lines[-1], sourcetype)
    return [*found, cut] if cut is not None else found


def _cut_off(catalogue: Catalogue, line: str, sourcetype: str) -> Example | None:
    """The beginning of this line that is long and yet no line of the source; None where any beginning is one."""
    for parts in (3, 8, 40):
        found = _example(catalogue, line[: max(1, len(line) // parts)], "a line that is cut off", sourcetype)
        if found is not None and (found.unknown or "error.message" in found.expect):
            return found
    return None


def _example(catalogue: Catalogue, line: str, name: str, sourcetype: str) -> Example | None:
    facts = Facts("test", meta=(("sourcetype", sourcetype),) if sourcetype else ())
    try:
        documents = catalogue.normalize(line.encode("utf-8", "surrogatepass"), facts, RECEIPT_SECONDS)
    except Malformed:
        return None
    if not documents:
        return None
    document = orjson.loads(orjson.dumps(documents[0]))
    unknown = document["event"]["dataset"] == "unknown"
    return Example(name, line, {} if unknown else _expected(document), unknown, sourcetype)


def _expected(document: Event) -> dict[str, Any]:
    """ECS fields by their dotted names, those of the engine aside."""
    from router.normalize import schema

    found = {}
    for name, value in _leaves(document, ""):
        if name not in _LEFT_OUT and schema.field(name) is not None and value not in ([], {}):
            found[name] = value
    return found


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
