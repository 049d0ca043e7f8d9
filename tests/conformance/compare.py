"""Compare a document with the one that another pipeline made of the same event: which of its ECS leaves are right.

Only leaves that ECS defines (or that lie in an ECS object) count; not what shippers add, nor lookups. Values must be equal: times
as instants to the millisecond, numbers as their text, lists in any order and a list of one as its item. A field that is `dynamic`
need only be there, as a time where one is expected. recall = right / expected, precision = right / predicted.

Two precisions come out. `strict` counts every leaf of ours. `precision` leaves out five things where the other document has none:
`event.dataset` and `event.module` (elsewhere the index template adds them, here the document carries them), `event.kind: event` (here
every document says its kind, and what a file does not call an alert, metric, state or error is an event; elsewhere it depends on the
pipeline; any other kind that is not expected counts), `@timestamp` (elsewhere the shipper adds it) and what the syslog header said
(`log.syslog.*`, kept here for every source).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from router.normalize import schema
from tests.conformance.oddities import Oddity

_SHIPPED = frozenset(("ecs.version", "error.message", "event.created", "event.ingested", "event.original", "tags"))
_SHIPPED_BELOW = ("_", "agent.", "data_stream.", "input.", "labels.", "log.file.", "log.offset")
_LOOKED_UP = re.compile(
    r"(.*\.)?(geo|as)\..*|related\..*|threat\.enrichments.*|network\.community_id|user_agent\.(?!original$).*"
    r"|.*\.(registered_domain|top_level_domain|subdomain)"
)
_OWN = frozenset(("@timestamp", "event.dataset", "event.module"))
_FRAME = "log.syslog."
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass
class Tally:
    """Counts of one source; the counters are by field."""

    pairs: int = 0
    failed: int = 0
    exact: int = 0
    odd: int = 0
    own: int = 0
    right: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    datasets: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)

    def counts(self, names: frozenset[str] | None = None) -> tuple[int, int, int]:
        """(right, expected, predicted) leaves, of these fields or of all."""
        right, missing, wrong, extra = (_sum(c, names) for c in (self.right, self.missing, self.wrong, self.extra))
        return right, right + missing + wrong, right + wrong + extra

    @property
    def recall(self) -> float:
        right, expected, _ = self.counts()
        return right / expected if expected else 0.0

    @property
    def precision(self) -> float:
        right, _, predicted = self.counts()
        return right / predicted if predicted else 0.0

    @property
    def strict(self) -> float:
        right, _, predicted = self.counts()
        return right / (predicted + self.own) if predicted else 0.0

    @property
    def odd_share(self) -> float:
        return self.odd / ((self.counts()[1] + self.odd) or 1)

    def add(self, other: "Tally") -> None:
        for name in ("pairs", "failed", "exact", "odd", "own"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("right", "missing", "wrong", "extra", "datasets"):
            getattr(self, name).update(getattr(other, name))
        self.samples = other.samples | self.samples


def _sum(counter: Counter[str], names: frozenset[str] | None) -> int:
    return counter.total() if names is None else sum(count for name, count in counter.items() if name in names)


def counts(name: str) -> bool:
    """Should a normalizer fill this field from the raw event?"""
    if name in _SHIPPED or name.startswith(_SHIPPED_BELOW) or _LOOKED_UP.fullmatch(name):
        return False
    table = schema.fields()
    if name in table:
        return True
    parts = name.split(".")
    parents = (".".join(parts[:n]) for n in range(1, len(parts)))
    return any(parent in table and table[parent].kind == "open" for parent in parents)


def leaves(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf; a list is one leaf, empty values are none."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        elif value is not None and value != []:
            yield prefix + key, value


def canonical(value: Any) -> str:
    """One text for all values that count as equal."""
    if isinstance(value, list):
        items = sorted(map(canonical, value))
        return items[0] if len(items) == 1 else repr(items)
    if isinstance(value, dict):
        return repr(sorted((name, canonical(leaf)) for name, leaf in leaves(value)))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _instant(str(value)) or str(value)


def _instant(text: str) -> str | None:
    if not _TIME.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return None


def scored(document: dict[str, Any]) -> dict[str, str]:
    """The leaves that count, in canonical form."""
    return {name: canonical(value) for name, value in leaves(document) if counts(name)}


def compare(
    want: dict[str, str], got: dict[str, str], dynamic: frozenset[str] = frozenset(), odd: tuple[Oddity, ...] = ()
) -> Tally:
    """One pair, both sides as `scored` gives them."""
    tally = Tally(pairs=1)
    for name in want.keys() | got.keys():
        kind = _judged(name, want.get(name), got.get(name), name in dynamic)
        if kind == "own":
            tally.own += 1
        elif kind != "right" and any(oddity.covers(name, want.get(name)) for oddity in odd):
            tally.odd += 1
        else:
            getattr(tally, kind)[name] += 1
            _sample(tally, kind, name, want.get(name, ""), got.get(name, ""))
    tally.exact = int(not (tally.missing or tally.wrong))
    return tally


def _judged(name: str, want: str | None, got: str | None, dynamic: bool) -> str:
    if want is None:
        own = name in _OWN or name.startswith(_FRAME) or (name == "event.kind" and got == "event")
        return "own" if own else "extra"
    if got is None:
        return "missing"
    return "right" if got == want or (dynamic and bool(_TIME.match(got)) == bool(_TIME.match(want))) else "wrong"


def _sample(tally: Tally, kind: str, name: str, want: str, got: str) -> None:
    if kind != "right":
        tally.samples.setdefault(f"{kind} {name}", f"want {want[:90]!r} got {got[:90]!r}")
