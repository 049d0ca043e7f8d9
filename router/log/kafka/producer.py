"""Appends to Kafka: an idempotent producer, replaced as soon as anything about it is in doubt.

The library takes a batch's sequence number before it sends. If that batch then fails for good, the broker refuses every
later one of the partition until the producer is replaced; and a batch whose partition has no leader, or whose brokers are
away, is tried for ever at full speed. So every append has a deadline of its own, every failed delivery retires its producer,
and what was not acknowledged is built anew and sent through the next one, in order, because a caller has one append per
partition outstanding. What an abandoned producer had under way may still land: at least once, with the same ids.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from router.batch import Record
from router.errors import ConfigError, Misconfigured, Rejected, Retryable
from router.log.kafka.clients import Clients
from router.log.kafka.connecting import Connecting, bounded, shut
from router.log.kafka.failures import explain, explain_bootstrap
from router.log.kafka.records import fill
from router.log.kafka.room import Room
from router.telemetry import REBUILDS, logger

_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.5
_LEADERLESS_LOOKS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_log = logger("log")
T = TypeVar("T")


class _Line:
    """One producer and what is under way through it."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.pending: set[asyncio.Future[Any]] = set()
        self.retired = asyncio.Event()

    def leads(self, place: TopicPartition) -> bool:
        """Whether the partition is known to have a leader."""
        return self.producer.client.cluster.leader_for_partition(place) not in (None, -1)

    async def in_use(self, work: Coroutine[Any, Any, T], grace_seconds: float) -> T:
        """What `work` comes to. Raises KafkaError where it has come to nothing so long after the producer was replaced, as
        somebody else's append may bring about: what asks a client that was closed waits for ever.
        """
        task, retired = asyncio.create_task(work), asyncio.create_task(self.retired.wait())
        try:
            await asyncio.wait([task, retired], return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and not (await asyncio.wait([task], timeout=grace_seconds))[0]:
                raise KafkaError("the producer was replaced")
            return task.result()
        finally:
            task.cancel()
            retired.cancel()

    async def send(self, builder: Any, place: TopicPartition) -> int:
        """Returns the first offset. Raises LeaderNotAvailableError when the leader is gone for more than a moment."""
        builder.close()  # so that it does not linger
        future = await self.producer.send_batch(builder, place.topic, partition=place.partition)
        self.pending.add(future)
        try:
            return await self._delivered(future, place)
        finally:
            self.pending.discard(future)

    async def _delivered(self, future: "asyncio.Future[Any]", place: TopicPartition) -> int:
        looks = 0
        while not (await asyncio.wait([future], timeout=_LOOK_SECONDS))[0]:
            looks = 0 if self.leads(place) else looks + 1
            if looks >= _LEADERLESS_LOOKS:
                raise LeaderNotAvailableError(f"{place.topic} partition {place.partition}")
        return int(future.result().offset)


class Producer:
    """What `append` goes through."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._room = Room()
        self._line: _Line | None = None
        self._connecting = self._new()
        self._leaving: set[asyncio.Task[None]] = set()

    def _new(self) -> Connecting[AIOKafkaProducer]:
        return Connecting(self._clients.producer, lambda producer: producer.stop())

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """See Log; `topic` is the full name."""
        seconds, used = self._clients.settings.send_deadline_seconds, list[_Line]()
        try:
            async with asyncio.timeout(seconds):
                return await self._append(TopicPartition(topic, partition), records, used)
        except TimeoutError:
            for line in used[-1:]:
                self._retire(line)
            raise Retryable(f"kafka: {topic} partition {partition}: not durable within {seconds:g} s") from None

    async def _append(self, place: TopicPartition, records: Sequence[Record], used: list[_Line]) -> int:
        first, done = -1, 0
        while done < len(records):
            offset, count = await self._deliver(place, records, done, used)
            first = offset if first < 0 else first
            done += count
        return first

    async def _deliver(self, place: TopicPartition, records: Sequence[Record], start: int, used: list[_Line]) -> tuple[int, int]:
        """Deliver one batch, however many attempts it takes: first offset and number of records."""
        pause = _FIRST_PAUSE
        while True:
            line = await self._open()
            used.append(line)
            count = 0
            try:
                if not line.leads(place):
                    await line.in_use(self._led(line, place), 0)
                builder = line.producer.create_batch()
                stop = self._room.stop(place.topic, records, start)
                count = fill(builder, place.topic, records, start, stop, int(time.time() * 1000))
                offset = await line.in_use(line.send(builder, place), _GRACE_SECONDS + _LOOK_SECONDS)
                self._room.fitted(place.topic)
                return offset, count
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                self._retire(line)
                if count == 1:
                    size = len(records[start].body)
                    text = f"topic {place.topic}: a record of {size:,} bytes is more than the topic's max.message.bytes"
                    raise Rejected(text, start) from error
                self._room.refused(place.topic, records[start : start + count])
            except KafkaError as error:
                self._retire(line)
                reason = explain(f"append to {place.topic} partition {place.partition}", error)
                if isinstance(reason, Misconfigured):
                    raise reason from error
                _log.warning("delivery failed; sending again", reason=str(reason))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _led(self, line: _Line, place: TopicPartition) -> None:
        """Wait for a leader before handing anything over: the library would ask for one thousands of times a second."""
        pause = _FIRST_PAUSE
        await line.producer.partitions_for(place.topic)
        while not line.leads(place):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            await line.producer.client.force_metadata_update()

    async def _open(self) -> _Line:
        """The line in use, or a new one as soon as a broker answers."""
        pause = _FIRST_PAUSE
        while True:
            try:
                producer = await self._connecting.get()
            except KafkaConnectionError as error:
                reason = await explain_bootstrap(self._clients.connection)
                if isinstance(reason, ConfigError):
                    raise Misconfigured(str(reason)) from error
                _log.warning("cannot connect", reason=str(reason))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except KafkaError as error:
                raise explain("start of the producer", error) from error
            else:
                if self._line is None:
                    self._line = _Line(producer)
                return self._line

    def _retire(self, line: _Line) -> None:
        if line.retired.is_set():
            return
        line.retired.set()
        if self._line is line:
            self._line, self._connecting = None, self._new()
        REBUILDS.labels("producer").inc()
        task = asyncio.create_task(_wind_down(line))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self, seconds: float) -> None:
        """Bounded, whatever the brokers do."""
        line, self._line = self._line, None
        if line is None:
            await self._connecting.drop(1)
        elif not await bounded(line.producer.stop(), seconds / 2):
            await _abandon(line)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=seconds / 2)


async def _wind_down(line: _Line) -> None:
    """Other partitions' batches get a moment to finish."""
    if line.pending:
        await asyncio.wait(line.pending, timeout=_GRACE_SECONDS)
    await _abandon(line)


async def _abandon(line: _Line) -> None:
    """Close connections first and fail what waits; only then can the library stop a producer whose brokers are away."""
    producer = line.producer
    await bounded(shut(producer.client), 1)
    producer._message_accumulator.fail_all(KafkaError("the producer was replaced"))
    producer._closed = False
    await bounded(producer.stop(), _GRACE_SECONDS)
