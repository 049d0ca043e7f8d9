"""Reads outside of groups: ends of partitions and single stretches, over one shared consumer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from router.log.kafka.clients import Clients
from router.log.kafka.connecting import Connecting, end
from router.log.kafka.failures import explain, explain_bootstrap

T = TypeVar("T")
_SECONDS = 15.0
_FETCH_MS = 5000
_STOP_SECONDS = 2.0


class Reader:
    """One consumer without a group, connected when it is first needed and again after any error."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._consumer = Connecting(clients.reader, lambda consumer: end(consumer, _STOP_SECONDS))
        self._turn = asyncio.Lock()

    async def _ask(self, doing: str, question: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        async with self._turn:
            try:
                async with asyncio.timeout(_SECONDS):
                    return await question(await self._consumer.get())
            except KafkaConnectionError as error:
                await self.close()
                raise await explain_bootstrap(self._clients.connection) from error
            except (KafkaError, TimeoutError, OSError) as error:
                await self.close()
                raise explain(doing, error) from error

    async def close(self) -> None:
        """Let go of the consumer."""
        await self._consumer.drop(2 * _STOP_SECONDS)

    async def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The oldest offset kept and the next one."""
        wanted = list(places)

        async def ask(consumer: AIOKafkaConsumer) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
            return await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)

        if not wanted:
            return {}
        oldest, ends = await self._ask("ends of partitions", ask)
        return {place: (oldest[place], ends[place]) for place in wanted}

    async def fetch(self, place: TopicPartition, offset: int, max_records: int) -> list[Any]:
        """Messages from `offset` on, or from the oldest kept after it; none at the end.

        Raises Retryable where there are some and none came: who takes that for the end would give up what follows.
        """

        async def ask(consumer: AIOKafkaConsumer) -> list[Any]:
            oldest = (await consumer.beginning_offsets([place]))[place]
            end = (await consumer.end_offsets([place]))[place]
            if (start := max(offset, oldest)) >= end:
                return []
            consumer.assign([place])
            consumer.seek(place, start)
            try:
                return await _first(consumer, place, end, max_records)
            finally:
                consumer.assign([])

        return await self._ask(f"fetch from {place.topic} partition {place.partition}", ask)


async def _first(consumer: AIOKafkaConsumer, place: TopicPartition, end: int, max_records: int) -> list[Any]:
    found = await consumer.getmany(place, timeout_ms=_FETCH_MS, max_records=max_records)
    messages: list[Any] = found.get(place, [])
    if not messages and await consumer.position(place) < end:  # it moves on over marks of transactions, which are no messages
        raise TimeoutError("no messages, though there are some")
    return messages
