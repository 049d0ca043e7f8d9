"""Topics of somebody else's Kafka: what agents, Kafka Connect or Azure Event Hubs write there.

    sources:
      agents:
        kind: kafka
        bootstrap: [kafka-1:9092, kafka-2:9092]
        topics: [winlogbeat, audit]
        group: logweir.agents

Each message value is kept as it came; JSON, plain text and wrappers are told apart later, by `process`. Reading starts at
the oldest message of a new group, and a place is committed only after the messages before it are in the log. The id of an
event is made of topic, partition, offset and timestamp, so a message that is read again after a crash has the same id.
Messages without a value (tombstones) are counted as rejected{empty}.

Azure Event Hubs: `security: SASL_SSL`, `sasl_mechanism: PLAIN`, `username: $ConnectionString`, and the connection string as
`password`.
"""

import asyncio
from collections.abc import Iterable, Sequence

from pydantic import Field

from router import telemetry
from router.batch import Batch, Facts, Mark, Partition, Record
from router.brokers import Brokers
from router.config import KafkaLog
from router.errors import ConfigError, Misconfigured, Retryable
from router.ingest._ids import derived
from router.ingest._patience import until_durable
from router.log import open_log
from router.log.codec import coordinates_id
from router.protocols import Emit, Follower, Source
from router.registry import SourceSettings, Spec

_READ_RECORDS, _READ_SECONDS = 2000, 0.5
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 30.0


class KafkaSettings(Brokers, SourceSettings):
    """Topics of somebody else's Kafka."""

    topics: tuple[str, ...] = Field(min_length=1)
    """Topics to read."""
    group: str = ""
    """Consumer group; `logweir.<name of the source>` if empty."""

    def cluster(self) -> KafkaLog:
        """How to reach the brokers, in the terms of the log's own client."""
        return KafkaLog(kind="kafka", prefix="", **self.model_dump(include=set(Brokers.model_fields)))


class KafkaSource:
    """One member of a consumer group. `addresses` is empty; `ready` once the topics were found."""

    def __init__(self, name: str, settings: KafkaSettings) -> None:
        self._name, self._settings = name, settings
        self._group = settings.group or f"logweir.{name}"
        self._facts: dict[Partition, Facts] = {}
        self._logger = telemetry.logger("ingest").bind(source=name)
        self.ready = asyncio.Event()
        self.addresses: Sequence[tuple[str, int]] = ()

    async def run(self, emit: Emit, stop: asyncio.Event) -> None:
        """Read until `stop`. While the brokers are away or refuse us, say so and try again: other sources go on."""
        pause = _FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                await self._read(emit, stop)
            except (Retryable, Misconfigured, ConfigError) as error:
                self._logger.error("cannot read topics; trying again", error=str(error), seconds=pause)
                await _wait(stop, pause)
                pause = min(pause * 2, _LAST_PAUSE_SECONDS)

    async def _read(self, emit: Emit, stop: asyncio.Event) -> None:
        log = open_log(self._settings.cluster())
        try:
            await log.start()
            async with log.follow(self._settings.topics, group=self._group) as follower:
                self.ready.set()
                while not stop.is_set():
                    await self._take(follower, emit, stop)
        finally:
            await log.close()

    async def _take(self, follower: Follower, emit: Emit, stop: asyncio.Event) -> None:
        """One read, its partitions side by side; commit those that the log took."""
        batches = await follower.read(max_records=_READ_RECORDS, timeout_seconds=_READ_SECONDS)
        taken = await asyncio.gather(*(self._hand_over(batch, emit, stop) for batch in batches))
        marks = {Partition(b.span.topic, b.span.partition): Mark(b.span.stop) for b, ok in zip(batches, taken, strict=True) if ok}
        if marks:
            await follower.commit(marks)

    async def _hand_over(self, batch: Batch[Record], emit: Emit, stop: asyncio.Event) -> bool:
        kept = [i for i, record in enumerate(batch.items) if record.body]
        if len(kept) < len(batch.items):
            emit.reject("empty", len(batch.items) - len(kept))
        payloads = [batch.items[i].body for i in kept]
        return await until_durable(emit, payloads, self._facts_of(batch), self._ids(batch, kept), give_up=stop)

    def _ids(self, batch: Batch[Record], kept: Iterable[int]) -> list[bytes]:
        """Of messages that another Logweir wrote, their own. Of others, made of their place and timestamp: a topic that is
        deleted and made anew gives the same places to other messages."""
        topic, partition = batch.span.topic, batch.span.partition
        place = (b"kafka", self._name.encode(), topic.encode(), b"%d" % partition)
        ids = []
        for index in kept:
            record, offset = batch.items[index], batch.offset(index)
            foreign = record.id == coordinates_id(topic, partition, offset)
            ids.append(derived(*place, b"%d" % offset, b"%d" % round(record.time * 1000)) if foreign else record.id)
        return ids

    def _facts_of(self, batch: Batch[Record]) -> Facts:
        place = Partition(batch.span.topic, batch.span.partition)
        if place not in self._facts:
            meta = (("topic", place.topic),)
            self._facts[place] = Facts(self._name, f"{place.topic}/{place.number}", meta=meta)
        return self._facts[place]


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


def _build(name: str, settings: KafkaSettings) -> KafkaSource:
    return KafkaSource(name, settings)


SPEC: Spec[Source] = Spec(settings=KafkaSettings, build=_build)
