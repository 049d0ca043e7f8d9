"""Hands partitions over at a boundary between two reads.

The library calls back whenever the group decides, in the middle of a batch if need be. Here it is only told to wait: the
reader itself, with its next read, lets go of what it held and then takes what it was given.
"""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from router.telemetry import logger

_log = logger("log")


class Handover(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """What the group wants of the reader. One for each consumer."""

    def __init__(self, consumer: AIOKafkaConsumer, patience_seconds: float) -> None:
        self._consumer, self._patience = consumer, patience_seconds
        self.going = False
        """Everything that is held has to be given up."""
        self.came = False
        """There is a new assignment that has not been taken yet."""
        self.holds = False
        """Set by the reader: it holds partitions."""
        self._gone = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the reader; a reader that does not come is left behind, and its commits will be refused."""
        if not self.holds:
            return
        self._gone.clear()
        self.going = True
        try:
            async with asyncio.timeout(self._patience):
                await self._gone.wait()
        except TimeoutError:
            _log.warning("a rebalance goes on without waiting for a reader that is busy", seconds=self._patience)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing may be read before the reader has looked up where to start."""
        self._consumer.pause(*assigned)
        self.came = True

    def let_go(self) -> None:
        """The reader holds nothing any more."""
        self.going = self.holds = False
        self._gone.set()
