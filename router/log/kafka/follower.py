"""One member of a Kafka consumer group."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from router.batch import Batch, Mark, Partition, Record
from router.errors import ConfigError, Misconfigured, Retryable
from router.log.gaps import count_expired
from router.log.kafka.clients import Clients
from router.log.kafka.connecting import bounded, end
from router.log.kafka.failures import explain, explain_bootstrap
from router.log.kafka.reader import Reader
from router.log.kafka.rebalance import Handover
from router.log.kafka.records import batch_of
from router.log.kafka.seat import Seat
from router.log.kafka.watchdog import Watchdog
from router.protocols import Lag, Listener
from router.telemetry import REBUILDS, logger

Marks = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, Mark]]]
_SLICE_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_STARTING_SECONDS = 1.0
_log = logger("log")


class BrokerFollower:
    """Connects with the first `read` and again after errors, so that brokers may be away at any time.

    Everything that a listener is told happens inside `read`, in the task of the reader.
    """

    def __init__(
        self,
        clients: Clients,
        group: str,
        topics: Mapping[str, str],
        marks: Marks,
        reader: Reader,
        listener: Listener | None,
        *,
        alone: bool = False,
    ) -> None:
        self._clients, self._group, self._marks, self._reader, self._listener = clients, group, marks, reader, listener
        self._alone = alone
        self._full = dict(topics)
        self._short = {full: name for name, full in topics.items()}
        self._consumer: AIOKafkaConsumer | None = None
        self._handover: Handover | None = None
        self._starting: asyncio.Task[None] | None = None
        self._seat: Seat | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._seen: dict[TopicPartition, tuple[int, float]] = {}
        self._watchdog = Watchdog(clients.timing.stall_seconds)
        self._pause = _FIRST_PAUSE
        self._turn = asyncio.Lock()

    @property
    def assigned(self) -> frozenset[Partition]:
        """What this member holds."""
        return frozenset(map(self._partition, self._positions))

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(self._short[place.topic], place.partition)

    def _place(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._full[partition.topic], partition.number)

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Batch[Record]]:
        """See Follower. Raises Misconfigured when the group or a topic is refused to us."""
        deadline = time.monotonic() + timeout_seconds
        async with self._turn:
            while True:
                batches = await self._attempt(max_records, deadline)
                if batches or time.monotonic() >= deadline:
                    return batches

    async def _attempt(self, max_records: int, deadline: float) -> list[Batch[Record]]:
        """One short read, with everything that has to happen between reads; errors that may pass end in a pause."""
        try:
            consumer = await self._connected(deadline)
            if consumer is None:
                return []
            await self._hand_over(consumer)
            left = min(_SLICE_SECONDS, max(0.0, deadline - time.monotonic()))
            found = await _fetched(consumer, max_records, left)
        except (KafkaError, Retryable) as error:
            await self._recover(error, deadline)
            return []
        self._pause = _FIRST_PAUSE
        batches = self._hand_out(found)
        return [] if await self._is_replaced() else batches  # what was let go of with it is read again

    async def _connected(self, deadline: float) -> AIOKafkaConsumer | None:
        """The consumer once it has joined the group; None when it has not by the deadline."""
        if self._starting is None:
            self._consumer = self._clients.member(self._group, self._name(), alone=self._alone)
            self._handover = Handover(self._consumer, self._clients.timing.handover_seconds)
            self._consumer.subscribe(list(self._short), listener=self._handover)
            self._starting = asyncio.create_task(self._consumer.start())
        if not self._starting.done():
            await asyncio.wait([self._starting], timeout=max(0.01, deadline - time.monotonic()))
        if not self._starting.done():
            return None
        self._starting.result()
        return self._consumer

    def _name(self) -> str:
        """That of the configuration, or of a seat: the same in every consumer that this follower makes. See Alone for none."""
        if self._alone:
            return ""
        if self._clients.settings.instance:
            return self._clients.settings.instance
        if self._seat is None:
            self._seat = Seat(f"{','.join(self._clients.settings.bootstrap)} {self._group}")
        return self._seat.name

    async def _hand_over(self, consumer: AIOKafkaConsumer) -> None:
        assert self._handover is not None
        if self._handover.going or (self._handover.came and self._positions):
            await self._let_go()
        if self._handover.came:
            self._handover.came = False
            try:
                await self._take(consumer)
            except IllegalStateError:  # the next rebalance has begun
                self._positions.clear()
            except BaseException:
                self._positions.clear()
                self._handover.came = True
                raise

    async def _let_go(self) -> None:
        if self._positions and self._listener is not None:
            await self._listener.revoked([self._partition(p) for p in sorted(self._positions)])
        self._positions.clear()
        self._seen.clear()
        if self._handover is not None:
            self._handover.let_go()

    async def _take(self, consumer: AIOKafkaConsumer) -> None:
        """Look up where to start, tell the listener, and let the records of what is not paused flow."""
        places = sorted(consumer.assignment())
        stored = await self._marks(places)
        marks = {p: stored.get(p) for p in places}
        fresh = [p for p, mark in marks.items() if mark is None]
        oldest = await consumer.beginning_offsets(fresh) if fresh else {}
        for place, mark in marks.items():
            position = oldest[place] if mark is None else mark.offset
            consumer.seek(place, position)
            self._positions[place] = position
        self._paused &= set(places)
        assert self._handover is not None
        self._handover.holds = bool(places)
        if places and self._listener is not None:
            await self._listener.assigned({self._partition(p): mark for p, mark in marks.items()})
        consumer.resume(*[p for p in places if p not in self._paused])

    def _hand_out(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Batch[Record]]:
        batches = []
        for place, messages in found.items():
            if not messages or place not in self._positions:
                continue
            if place in self._paused:  # paused while the read was under way
                assert self._consumer is not None
                self._consumer.seek(place, self._positions[place])
                continue
            batches.append(self._batch(place, messages))
        return batches

    def _batch(self, place: TopicPartition, messages: Sequence[Any]) -> Batch[Record]:
        expected, first = self._positions[place], messages[0]
        batch = batch_of(messages, self._short[place.topic], place.partition)
        count_expired(
            self._group.removeprefix(self._clients.settings.prefix), batch.span.topic, place.partition, first.offset - expected
        )
        self._positions[place] = batch.span.stop
        return batch

    async def _is_replaced(self) -> bool:
        """Whether the consumer stood still although there are records, and so has been replaced."""
        still = self._watchdog.still(self._positions, self._paused)
        if not still:
            return False
        ends = await self._reader.ends(still)
        if not any(end > self._positions[place] for place, (_, end) in ends.items() if place in self._positions):
            return False
        _log.error("a consumer stands still although there are records; replacing it", group=self._group)
        self._watchdog.replaced()
        await self._replace()
        return True

    async def _recover(self, error: Exception, deadline: float) -> None:
        """Replace the consumer and wait a little. Raises Misconfigured for what does not pass."""
        if isinstance(error, KafkaConnectionError):
            reason = await explain_bootstrap(self._clients.connection)
        else:
            reason = error if isinstance(error, Retryable) else explain(f"group {self._group}", error)
        await self._replace()
        if isinstance(reason, Misconfigured | ConfigError):
            raise Misconfigured(str(reason)) from error
        _log.warning("cannot read; trying again", group=self._group, reason=str(reason))
        await asyncio.sleep(min(self._pause, max(0.0, deadline - time.monotonic())))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _replace(self) -> None:
        await self._let_go()
        REBUILDS.labels("consumer").inc()
        await self._drop()

    async def close(self) -> None:
        """Leave the group, in bounded time. A member whose name is configured leaves nothing: its partitions wait for it."""
        await self._drop()
        if self._seat is not None:
            self._seat.close()

    async def _drop(self) -> None:
        consumer, starting, handover = self._consumer, self._starting, self._handover
        self._consumer = self._starting = None
        if handover is not None:
            handover.let_go()  # a rebalance that waits for us would hold up the goodbye
        if starting is not None:
            await bounded(starting, _STARTING_SECONDS)  # cancelled halfway, the library would leave a socket open
        if consumer is not None:
            if self._seat is not None and consumer._coordinator is not None:
                consumer._coordinator._group_instance_id = None  # or the library says no goodbye
            await end(consumer, self._clients.timing.stop_seconds)

    async def commit(self, marks: Mapping[Partition, Mark]) -> None:
        """See Follower."""
        consumer = self._consumer
        places = {self._place(p): m for p, m in marks.items() if p.topic in self._full}
        held = {p: OffsetAndMetadata(m.offset, m.metadata) for p, m in places.items() if p in self._positions}
        if consumer is None or not held:
            return
        try:
            async with asyncio.timeout(self._clients.timing.commit_seconds):
                await consumer.commit(held)
        except (CommitFailedError, IllegalStateError):
            return  # somebody else has these partitions now, and reads from the last mark on
        except TimeoutError as error:
            raise Retryable(f"kafka: group {self._group}: no answer to a commit") from error
        except KafkaError as error:
            raise explain(f"commit of group {self._group}", error) from error

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See Follower; partitions that are not held are ignored."""
        places = [p for p in map(self._place, partitions) if p in self._positions]
        self._paused.update(places)
        self._apply("pause", places)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See Follower."""
        places = [p for p in map(self._place, partitions) if p in self._paused]
        self._paused.difference_update(places)
        self._apply("resume", places)

    def _apply(self, method: str, places: Iterable[TopicPartition]) -> None:
        """The library forgets pauses with every rebalance; `_take` applies them again, from `_paused`."""
        consumer = self._consumer
        if consumer is not None:
            held = consumer.assignment()
            getattr(consumer, method)(*[p for p in places if p in held])

    def seek(self, partition: Partition, offset: int) -> None:
        """See Follower. Raises KeyError for a partition that is not held."""
        place = self._place(partition)
        if place not in self._positions:
            raise KeyError(partition)
        self._positions[place] = offset
        if self._consumer is not None and place in self._consumer.assignment():
            self._consumer.seek(place, offset)

    async def lag(self) -> Mapping[Partition, Lag]:
        """See Follower. Raises Retryable when the brokers do not answer."""
        places = sorted(self._positions)
        marks, ends = await self._marks(places), await self._reader.ends(places)
        return {self._partition(p): await self._lag(p, marks.get(p), *ends[p]) for p in places}

    async def _lag(self, place: TopicPartition, mark: Mark | None, oldest: int, end: int) -> Lag:
        start = max(mark.offset if mark else 0, oldest)
        if start >= end:
            return Lag(0, 0.0)
        known = self._seen.get(place)
        if known is None or known[0] != start:
            found = await self._reader.fetch(place, start, 1)
            known = self._seen[place] = (start, found[0].timestamp / 1000 if found else time.time())
        return Lag(end - start, max(0.0, time.time() - known[1]))


async def _fetched(consumer: AIOKafkaConsumer, max_records: int, seconds: float) -> Mapping[TopicPartition, Sequence[Any]]:
    """What comes within about `seconds`. The library's own limit does not hold once a rebalance has begun: it then waits for the
    new assignment, and that for the reader to let go. It waits before it takes anything, so that nothing is lost then."""
    try:
        async with asyncio.timeout(seconds + _SLICE_SECONDS):
            found: Mapping[TopicPartition, Sequence[Any]] = await consumer.getmany(
                timeout_ms=int(seconds * 1000), max_records=max_records
            )
            return found
    except TimeoutError:
        return {}
