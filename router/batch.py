"""What travels: Event, Facts, Record, Span, Batch. Everything else imports this and this imports nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

Event: TypeAlias = dict[str, Any]
"""One nested ECS document."""

# The topics of every deployment, before the configured prefix. Dead letters go to `dlq.<stage or sink>`.
RAW, EVENTS, MATCHES, SIGNALS = "raw", "events", "matches", "signals"
DEAD_LETTERS = "dlq."


class Facts(NamedTuple):
    """What is known about a record without decoding it; the log carries it in one header.

    Facts are shared: records that agree in them should hold the same object, so that it is encoded once per batch.
    On `raw` only the first four are set; on `events`, `matches` and `signals` `peer`, `envelope` and `meta` are empty.
    """

    source: str = ""
    """Name of the configured source that received it."""
    peer: str = ""
    """Network address of the sender, without port; for files and topics, where it was read from."""
    envelope: str = ""
    """How the payload is wrapped: "" (a bare line or document) or "splunk_hec" (one HEC event object)."""
    meta: tuple[tuple[str, str], ...] = ()
    """What the protocol said beside the payload (HEC raw: host, sourcetype...; file: path), sorted by key."""
    dataset: str = ""
    """ECS event.dataset."""
    kind: str = ""
    """ECS event.kind: event, alert, metric, state, pipeline_error, signal."""
    severity: int = 0
    """0 unknown, 10 debug, 20 informational, 30 notice or low, 50 warning or medium, 70 error or high, 90 critical and above."""
    noise: tuple[str, ...] = ()
    """Noise rules (their ids) that say: leave this out, where a sink is in their scope."""
    trim: tuple[str, ...] = ()
    """Noise rules (their ids) that say: send this without some of its fields, where a sink is in their scope."""


NO_FACTS = Facts()


class Origin(NamedTuple):
    """The record of the stage before that this one was made from: its place, and the how manieth of its results."""

    partition: int
    offset: int
    sub: int = 0


class Record(NamedTuple):
    """What the log carries.

    id: 16 bytes, given at receipt or derived from its inputs; never recomputed.
    body: the payload as received (raw), else a JSON document.
    time: seconds since the epoch; of receipt on `raw`, of the event elsewhere.
    key: what the record is partitioned by, where that matters (matches); empty otherwise.
    """

    id: bytes
    body: bytes
    time: float
    facts: Facts = NO_FACTS
    key: bytes = b""
    origin: Origin | None = None


record_of: Callable[[tuple[bytes, bytes, float, Facts, bytes, Origin | None]], Record] = partial(tuple.__new__, Record)
origin_of: Callable[[tuple[int, int, int]], Origin] = partial(tuple.__new__, Origin)
"""The same as calling the class with all parts, at a third of the price."""


class Partition(NamedTuple):
    """One partition of one topic (the topic's name without the configured prefix)."""

    topic: str
    number: int


class Mark(NamedTuple):
    """A committed position: the offset of the next record to read, and up to 4,096 bytes of text that belong to it."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open offsets of one partition."""

    topic: str
    partition: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Items and the span they came from. The span survives dropping: an emptied batch still commits.

    `offsets` holds each item's own offset where the log has holes in between (compaction, transactions); empty otherwise.
    """

    items: Sequence[T]
    span: Span
    offsets: Sequence[int] = ()

    def offset(self, index: int) -> int:
        """The log offset of item `index`."""
        return self.offsets[index] if self.offsets else self.span.start + index
