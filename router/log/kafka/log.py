"""The log on Apache Kafka: topics, appends, groups."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from aiokafka import TopicPartition

from router.batch import DEAD_LETTERS, Batch, Mark, Partition, Record, Span
from router.config import KafkaLog
from router.errors import Misconfigured
from router.log.codec import check_sizes
from router.log.kafka.clients import Clients, Timing
from router.log.kafka.follower import BrokerFollower
from router.log.kafka.producer import Producer
from router.log.kafka.reader import Reader
from router.log.kafka.records import batch_of
from router.log.kafka.topics import Topics
from router.protocols import Listener, TopicSettings


class BrokerLog:
    """See Log. Brokers may go and come back at any time; only `start` wants to see one."""

    def __init__(self, settings: KafkaLog, *, timing: Timing | None = None) -> None:
        self._settings = settings
        self._timing = timing or Timing()
        self._clients = Clients(settings, self._timing)
        self._topics, self._reader = Topics(self._clients), Reader(self._clients)
        self._lag_reader = Reader(self._clients)  # one question at a time each: an assignment must not stand in line behind lags
        self._producer = Producer(self._clients)
        self._counts: dict[str, int] = {}

    async def start(self) -> None:
        """See Log. The errors name each broker and the likely cause."""
        await self._topics.connect()

    async def close(self) -> None:
        """See Log."""
        await self._producer.close(self._timing.stop_seconds)
        await self._reader.close()
        await self._lag_reader.close()
        await self._topics.close()

    def _full(self, topic: str) -> str:
        return self._settings.prefix + topic

    async def create(self, topics: Mapping[str, TopicSettings]) -> None:
        """See Log."""
        await self._topics.create({self._full(name): settings for name, settings in topics.items()})

    async def topics(self, beginning: str) -> Collection[str]:
        """See Log."""
        names, prefix = await self._topics.names(), self._settings.prefix
        return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix + beginning))

    async def partitions(self, topic: str) -> int:
        """See Log. Raises Misconfigured for an unknown topic."""
        if topic not in self._counts:
            self._counts[topic] = await self._count(topic)
        return self._counts[topic]

    async def _count(self, topic: str) -> int:
        full = self._full(topic)
        count = await self._topics.count(full)
        if count is None and topic.startswith(DEAD_LETTERS):
            kept = TopicSettings(1, self._settings.retention_hours * 3600, self._settings.retention_bytes)
            await self._topics.create({full: kept})
            count = await self._topics.count(full)
        if count is None:
            raise Misconfigured(f"kafka: no topic {full!r}; it has to be created first")
        return count

    async def _check(self, topic: str, partition: int) -> None:
        count = await self.partitions(topic)
        if not 0 <= partition < count:
            raise ValueError(f"topic {topic} has no partition {partition}, but {count}")

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """See Log."""
        await self._check(topic, partition)
        if not records:
            return (await self.ends(topic))[partition][1]
        check_sizes(topic, records)
        return await self._producer.append(self._full(topic), partition, records)

    def follow(
        self, topics: Sequence[str], *, group: str, listener: Listener | None = None, alone: bool = False
    ) -> AbstractAsyncContextManager[BrokerFollower]:
        """See Log."""
        return self._follow(topics, group, listener, alone)

    @asynccontextmanager
    async def _follow(
        self, topics: Sequence[str], group: str, listener: Listener | None, alone: bool
    ) -> AsyncIterator[BrokerFollower]:
        for topic in topics:
            await self.partitions(topic)
        names, full = {topic: self._full(topic) for topic in topics}, self._settings.prefix + group
        marks = partial(self._topics.marks, full)
        follower = BrokerFollower(self._clients, full, names, marks, self._lag_reader, listener, alone=alone)
        try:
            yield follower
        finally:
            await follower.close()

    async def ends(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """See Log."""
        places = [TopicPartition(self._full(topic), number) for number in range(await self.partitions(topic))]
        return {place.partition: pair for place, pair in (await self._reader.ends(places)).items()}

    async def fetch(self, topic: str, partition: int, offset: int, max_records: int) -> Batch[Record]:
        """See Log."""
        await self._check(topic, partition)
        messages = await self._reader.fetch(TopicPartition(self._full(topic), partition), offset, max_records)
        return batch_of(messages, topic, partition) if messages else Batch([], Span(topic, partition, offset, offset))

    async def committed(self, group: str, topics: Sequence[str]) -> Mapping[Partition, Mark]:
        """See Log."""
        wanted = {
            TopicPartition(self._full(topic), number): Partition(topic, number)
            for topic in topics
            for number in range(await self.partitions(topic))
        }
        marks = await self._topics.marks(self._settings.prefix + group, wanted)
        return {wanted[place]: mark for place, mark in marks.items()}
