"""What became of a corpus, source by source: identified, mapped, left under the vendor's namespace, doubts, and time taken."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.batch import Event
from router.normalize import schema

_ENGINE = frozenset(
    ("@timestamp", "ecs.version", "event.created", "event.kind", "event.module", "event.dataset", "event.original")
)
"""What every document has, whatever its normalizer does."""
_NOT_MAPPED = frozenset(("tags", "related", "labels"))


@dataclass(slots=True)
class Source:
    """Counts of one dataset."""

    payloads: int = 0
    documents: int = 0
    mapped: int = 0
    """Leaves in ECS fields, without those that every document has."""
    left: int = 0
    """Leaves outside ECS: the vendor's namespace."""
    doubts: Counter[str] = field(default_factory=Counter)
    """Documents by tag; `_norm_type:` with its field."""
    fields: Counter[str] = field(default_factory=Counter)
    """Documents by leaf outside ECS: what could be mapped next."""
    seconds: list[float] = field(default_factory=list)

    @property
    def median_microseconds(self) -> float:
        """Per payload, without reading the file and writing documents.

        The first, for which a normalizer is compiled, counts only where there is no other.
        """
        ordered = sorted(self.seconds[1:] or self.seconds)
        return ordered[len(ordered) // 2] * 1e6 if ordered else 0.0


class Report:
    """Add payload after payload; `rows` and `lines` tell. A payload counts for the dataset of its first document."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self._started = 0.0

    def start(self) -> None:
        """A payload begins."""
        self._started = time.perf_counter()

    def add(self, documents: Sequence[Event]) -> None:
        """What the payload became; nothing at all counts as ignored (or refused, which is told elsewhere)."""
        taken = time.perf_counter() - self._started
        name = documents[0]["event"]["dataset"] if documents else "(no document)"
        source = self.sources.setdefault(name, Source())
        source.payloads += 1
        source.seconds.append(taken)
        for document in documents:
            _count(document, self.sources.setdefault(document["event"]["dataset"], Source()))

    def rows(self) -> list[dict[str, Any]]:
        """One object per source, the largest first."""
        ordered = sorted(self.sources.items(), key=lambda item: (-item[1].documents, item[0]))
        return [_row(name, source) for name, source in ordered]

    def lines(self) -> Iterator[str]:
        """The same as a table for a person."""
        payloads = sum(s.payloads for s in self.sources.values())
        unknown = self.sources.get("unknown", Source()).payloads
        known = payloads - unknown
        yield f"{payloads} payloads, {known} identified ({known / max(payloads, 1):.1%}), {unknown} unknown"
        names = f"{'payloads':>8} {'documents':>9} {'mapped':>7} {'left':>6} {'share':>6} {'us':>7}"
        yield f"{'source':32} {names}  doubts; most often left"
        for row in self.rows():
            numbers = (
                f"{row['payloads']:8} {row['documents']:9} {row['mapped_per_document']:7.1f} {row['left_per_document']:6.1f}"
            )
            remarks = "; ".join(part for part in (_counts(row["doubts"]), _counts(row["left_most"])) if part)
            yield f"{row['source']:32} {numbers} {row['mapped_share']:6.0%} {row['median_microseconds']:7.1f}  {remarks}".rstrip()


def _row(name: str, source: Source) -> dict[str, Any]:
    count = max(source.documents, 1)
    return {
        "source": name,
        "payloads": source.payloads,
        "documents": source.documents,
        "mapped_per_document": round(source.mapped / count, 2),
        "left_per_document": round(source.left / count, 2),
        "mapped_share": round(source.mapped / max(source.mapped + source.left, 1), 4),
        "median_microseconds": round(source.median_microseconds, 1),
        "doubts": dict(source.doubts.most_common()),
        "left_most": dict(source.fields.most_common(5)),
    }


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _count(document: Event, source: Source) -> None:
    source.documents += 1
    source.doubts.update(tag for tag in document.get("tags", ()) if isinstance(tag, str) and tag.startswith("_norm_"))
    for name in _leaves(document):
        root = name.partition(".")[0]
        if name in _ENGINE or root in _NOT_MAPPED:
            continue
        if root in schema.roots() or schema.field(name) is not None:
            source.mapped += 1
        else:
            source.left += 1
            source.fields[name] += 1


def _leaves(node: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of all leaves; lists are leaves."""
    for key, value in node.items():
        name = f"{prefix}{key}"
        if type(value) is dict and value:
            yield from _leaves(value, name + ".")
        else:
            yield name
