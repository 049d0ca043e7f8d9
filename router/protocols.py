"""What a source, a stage, a sink and a log look like. No code: only the seams, and what each side promises."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from router.batch import Batch, Facts, Mark, Partition, Record


class Memory(Protocol):
    """The bytes of events that one process holds, whoever holds them: bodies, frames, and what waits for the log."""

    @property
    def limit_bytes(self) -> int:
        """How much may be held."""

    @property
    def busy(self) -> bool:
        """True from 80 % of the limit on: push back."""

    @property
    def held_share(self) -> float:
        """What is held, as a part of the limit."""

    @property
    def full(self) -> bool:
        """True from 95 % of the limit on: shed what matters least and was not acknowledged."""

    def take(self, size: int, own: int = 0) -> None:
        """Ask for `size` bytes more, for one that holds `own` already. Raises Overloaded where they do not fit."""

    def hold(self, size: int) -> None:
        """Note `size` bytes that are in memory already."""

    def give(self, size: int) -> None:
        """They are gone, or somebody else has noted them."""


class Emit(Protocol):
    """The way from a source into the log."""

    @property
    def memory(self) -> Memory:
        """Where a source notes what it holds before it emits it."""

    async def __call__(self, payloads: Sequence[bytes], facts: Facts, ids: Sequence[bytes] = (), *, held: bool = False) -> None:
        """Return once all payloads are durable, in order; only then may the source acknowledge.

        `ids`: one per payload, where the source derives them (a topic's coordinates); else they are given here.
        `held`: the source has noted their bytes in `memory` itself, and is never refused for want of it.
        Raises Overloaded at once when the process holds as much as it may, and Retryable when the log did not take them
        within its deadline: in both cases the sender has to send them again.
        """

    @property
    def busy(self) -> bool:
        """True while memory is above its high-water mark: receivers stop reading or refuse in their protocol's way."""

    def reject(self, reason: str, count: int = 1) -> None:
        """Count events (or frames) that were refused before they became payloads. `reason` is a constant word."""


class Source(Protocol):
    """A receiver or reader. One per configured source; owns its sockets or files."""

    ready: asyncio.Event
    """Set once it listens or reads."""
    addresses: Sequence[tuple[str, int]]
    """Where it listens, once ready (a configured port 0 is resolved); empty for readers."""

    async def run(self, emit: Emit, stop: asyncio.Event) -> None:
        """Receive until `stop` is set, then refuse new input, finish what was accepted, and return.

        Returns early only where its input ends by itself (a file that is read once). Anything raised ends the process.
        """


class Outcome(Enum):
    """What became of one record at a sink."""

    DELIVERED = "delivered"
    REDIRECTED = "redirected"  # kept by the product, elsewhere: Elasticsearch's failure store
    DUPLICATE = "duplicate"  # the product has it already: success
    RETRY = "retry"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """One outcome per record, in the order of the records."""

    outcomes: Sequence[Outcome]
    reasons: Mapping[int, str] = field(default_factory=dict)
    """For RETRY and REJECTED: index -> the product's reason, without event content or secrets."""
    retry_after_seconds: float | None = None


class SinkLimits(NamedTuple):
    """How much one `write` may carry, and how many may run at once."""

    max_records: int = 2000
    max_bytes: int = 5 << 20
    max_concurrency: int = 8
    ordered: bool = False
    """True: calls are started in log order and the sink keeps that order (one connection)."""
    records_per_second: float | None = None
    """A budget; the loop shapes to it."""
    alert_share: float = 0.2
    """The part of the budget that only alerts may use."""


class Sink(Protocol):
    """A destination. `write` may be called concurrently up to its limits."""

    limits: SinkLimits

    async def open(self) -> None:
        """Make clients. Must not fail because the far end is down."""

    async def write(self, records: Sequence[Record]) -> WriteResult:
        """Send, wait for the answer, read it whole, say what became of each record.

        Raises Retryable (nothing is known), Misconfigured (pause; never dead-letter), TooLarge (split).
        Anything else raised is a bug and ends the process.
        """

    async def close(self) -> None:
        """Release clients; does not wait for writes."""


@runtime_checkable
class Searchable(Protocol):
    """A destination that can be asked what it holds: a sink that also has `found`."""

    async def open(self) -> None:
        """See Sink."""

    async def found(self, wanted: Mapping[bytes, str]) -> set[bytes]:
        """Which of these records it holds, by id; the text stands in the document of that record and in no other.

        Raises Retryable or Misconfigured when it cannot be asked. A record may be told of once only.
        """

    async def close(self) -> None:
        """See Sink."""


class Listener(Protocol):
    """Told about partitions coming and going. Called between reads, never during one."""

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        """New partitions and the committed mark of each (None: never committed; reading starts at the oldest record)."""

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Finish and commit what can be within 8 s; afterwards commits for these are ignored."""


class Lag(NamedTuple):
    """What a group has yet to read of one partition."""

    events: int
    seconds: float
    """Age of the oldest record that is not committed; 0 when there is none."""


class Follower(Protocol):
    """One member of a consumer group."""

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that this member holds now."""

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Batch[Record]]:
        """At most one batch per partition that is assigned and not paused; empty after the timeout.

        Records of one partition come in offset order, each once per assignment unless `seek` goes back.
        """

    async def commit(self, marks: Mapping[Partition, Mark]) -> None:
        """Make positions durable. Marks of partitions that are no longer held are dropped without an error:
        their records will be read again elsewhere. Raises Retryable when the log does not answer in time."""

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stop handing out records of these; survives a rebalance as long as the partition is held."""

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Undo `pause`."""

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from `offset`."""

    async def lag(self) -> Mapping[Partition, Lag]:
        """Against committed positions, for each partition held."""


class TopicSettings(NamedTuple):
    """How a topic is created when it is missing."""

    partitions: int
    retention_seconds: float
    retention_bytes: int = -1
    """For the whole topic; -1: by age alone."""


class Log(Protocol):
    """A partitioned durable log. Topic names here never carry the configured prefix."""

    async def start(self) -> None:
        """Connect. Raises Retryable when unreachable and ConfigError when refused for good."""

    async def close(self) -> None:
        """Bounded: returns within 10 s whatever the log does."""

    async def create(self, topics: Mapping[str, TopicSettings]) -> None:
        """Create what is missing; leave what exists as it is."""

    async def topics(self, beginning: str) -> Collection[str]:
        """The topics that there are whose names begin so, as far as we may see them."""

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; creates a `dlq.*` topic (one partition) that does not exist yet."""

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Durable when it returns; all or, on a crash, a prefix that a repeat completes. Returns the first offset.

        Callers keep one append per partition outstanding. Raises Retryable when not durable within the deadline
        (it may still land: repeat with the same ids), Rejected when a record is larger than the log takes.
        """

    def follow(
        self, topics: Sequence[str], *, group: str, listener: Listener | None = None, alone: bool = False
    ) -> AbstractAsyncContextManager[Follower]:
        """Join a consumer group. A new group starts at the oldest record.

        `alone`, alike for all members of a group: one of them has all partitions, whoever joins, until it leaves or dies.
        """

    async def ends(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Per partition: the oldest offset kept and the offset that the next record will get."""

    async def fetch(self, topic: str, partition: int, offset: int, max_records: int) -> Batch[Record]:
        """Read without a group from `offset` on (or the oldest kept after it); empty at the end."""

    async def committed(self, group: str, topics: Sequence[str]) -> Mapping[Partition, Mark]:
        """The marks of a group, from outside."""
