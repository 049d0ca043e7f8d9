"""What the suite works on: the public rule corpus and real events, both beside the checkout."""

import gzip
import re
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from router.batch import Event, Facts
from router.detect import Ruleset
from router.errors import Malformed
from router.normalize import Catalogue

SHARED = Path(__file__).parents[4] / "shared/data"
ARCHIVE = SHARED / "sigma/rules/sigma-rules.tar.gz"
EVENTS = SHARED / "events"
RECEIVED_AT = 1767225600.0
_FACTS = {
    "windows-otrf.jsonl.gz": Facts("test"),
    "aws_cloudtrail.log.gz": Facts("test", dataset="aws.cloudtrail"),
}


class Received(NamedTuple):
    """A document and the payload that it alone was made from (empty if there is none)."""

    event: Event
    raw: bytes


def missing() -> str:
    """What the suite needs and does not find; empty if all is there."""
    absent = [str(path) for path in (ARCHIVE, EVENTS) if not path.exists()]
    return f"not found: {', '.join(absent)}" if absent else ""


def unpack(folder: Path) -> Path:
    """The rule corpus below a folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def placeholders(folder: Path) -> dict[str, list[str]]:
    """A value or two for every placeholder that a rule of the corpus expands."""
    texts = (path.read_text("utf-8") for path in folder.rglob("*.yml"))
    names = {name for text in texts if "|expand" in text for name in re.findall(r"%(\w+)%", text)}
    return {name: [f"{name.lower()}-1", f"{name.lower()}*.corp.example"] for name in sorted(names)}


def load(folder: Path, values: dict[str, list[str]]) -> Ruleset:
    """The rules of the corpus, what is refused listed apart."""
    return Ruleset.load([folder], builtin=False, strict=False, placeholders=values)


def real_events(step: int) -> Iterator[Received]:
    """Every `step`-th line of every file of real events, through the normalizers that ship with Logweir."""
    catalogue = Catalogue.load(())
    for path in sorted(EVENTS.glob("*.gz")):
        with gzip.open(path) as lines:
            for line in islice(lines, 0, None, step):
                yield from _normalized(catalogue, line.rstrip(b"\r\n"), _FACTS.get(path.name, Facts("test")))


def _normalized(catalogue: Catalogue, payload: bytes, facts: Facts) -> Iterator[Received]:
    try:
        documents = catalogue.normalize(payload, facts, RECEIVED_AT)
    except Malformed:
        return
    raw = payload if len(documents) == 1 else b""
    yield from (Received(event, raw) for event in documents)
