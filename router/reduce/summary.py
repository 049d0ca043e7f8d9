"""What is left of the events that a window held back: one document with how many, from when to when, and which."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from router.batch import Event
from router.reduce.fields import place
from router.reduce.windows import Closed


@dataclass(frozen=True, slots=True)
class Summary:
    """One closed window of a dedupe or throttle rule that left something out."""

    rule: str
    title: str
    dataset: str
    by: tuple[str, ...]
    values: tuple[Any, ...]
    """The group: one value for each field of `by`, None where the events had none."""
    count: int
    """Events left out."""
    kept: int
    first: float
    last: float
    """Times of the first and the last event of the group, seconds since the epoch."""
    first_id: bytes
    """Id of the event that opened the window, which was kept."""
    ids: tuple[bytes, ...]
    """Ids of the first events left out (at most 20); the log has them all."""

    @property
    def id(self) -> bytes:
        """Derived from the rule and the event that opened the window, so that a replay gives the same."""
        return blake2b(self.rule.encode() + b"\0" + self.first_id, digest_size=16).digest()

    def document(self) -> Event:
        """An ECS metric that carries the group's fields under their own names."""
        document: Event = {
            "@timestamp": _iso(self.last),
            "ecs": {"version": "9.1.0"},
            "event": {"kind": "metric", "dataset": "logweir.summary", "start": _iso(self.first), "end": _iso(self.last)},
            "message": f"{self.count} more events like one that was sent were left out: {self.title}",
            "rule": {"id": self.rule, "name": self.title},
            "logweir": {"summary": self._figures()},
        }
        for name, value in zip(self.by, self.values, strict=True):
            if value is not None:
                place(document, name, value)
        return document

    def _figures(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "left_out": self.count,
            "kept": self.kept,
            "first_id": self.first_id.hex(),
            "ids": [i.hex() for i in self.ids],
            "by": list(self.by),
        }


def summarise(rule: str, title: str, by: tuple[str, ...], closed: Closed) -> Summary:
    """The summary of one closed window."""
    key, group = closed
    values = tuple(orjson.loads(v) if isinstance(v, bytes) else v for v in key)
    ids = tuple(group.ids)
    figures = group.left_out, group.kept, group.first, group.last
    return Summary(rule, title, group.dataset, by, values, *figures, group.first_id, ids)


def _iso(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00.000Z"
