"""Puts records among the dead letters of a sink, and does not rest before they are durable there."""

import asyncio
import random
from collections.abc import Sequence

from router.batch import DEAD_LETTERS, Record
from router.deliver.dead_letters import dead_letter, read_dead_letter
from router.deliver.pace import Pace
from router.deliver.parcel import Parcel
from router.errors import Misconfigured, Rejected, Retryable
from router.protocols import Log
from router.telemetry import logger

_AT_ONCE = 500


class Burial:
    """The way to one `dlq.*` topic. One append at a time; other deliveries of the sink wait for their turn."""

    def __init__(self, name: str, log: Log, pace: Pace) -> None:
        self._name, self._topic, self._log, self._pace = name, DEAD_LETTERS + name, log, pace
        self._turn, self._is_made = asyncio.Lock(), False
        self._logger = logger("deliver").bind(sink=name)

    async def bury(self, parcel: Parcel, reasons: Sequence[str]) -> None:
        """Durable when it returns, however long the log takes: a record is not done before."""
        letters = [
            dead_letter(
                record,
                stage=self._name,
                reason=reason,
                topic=lane.partition.topic,
                partition=lane.partition.number,
                offset=offset,
                attempts=parcel.attempts,
            )
            for record, reason, (lane, offset) in zip(parcel.records, reasons, parcel.places(), strict=False)
        ]
        async with self._turn:
            for start in range(0, len(letters), _AT_ONCE):
                await self._append(letters[start : start + _AT_ONCE])
        self._logger.warning("rejected by the sink; now dead letters", count=len(letters), reason=reasons[0])

    async def _append(self, letters: Sequence[Record]) -> None:
        try:
            await self._insist(letters)
        except Rejected:
            for letter in letters:
                await self._append_alone(letter)

    async def _append_alone(self, letter: Record) -> None:
        try:
            await self._insist([letter])
        except Rejected as error:
            self._logger.error("dead letter too large; keeping its coordinates alone", id=letter.id.hex(), reason=str(error))
            await self._insist([without_body(letter)])

    async def _insist(self, letters: Sequence[Record]) -> None:
        wait = self._pace.retry_first_seconds
        while True:
            try:
                if not self._is_made:
                    await self._log.partitions(self._topic)  # creates it
                    self._is_made = True
                await self._log.append(self._topic, 0, letters)
                return
            except (Retryable, Misconfigured) as error:
                self._logger.warning("dead letters are not durable yet; trying again", topic=self._topic, reason=str(error))
                await asyncio.sleep(random.uniform(0, wait))
                wait = min(wait * 2, self._pace.retry_last_seconds)


def without_body(letter: Record) -> Record:
    """The same letter with coordinates in place of the body."""
    whole = read_dead_letter(letter)
    return dead_letter(
        whole.record,
        stage=whole.stage,
        reason=whole.reason,
        topic=whole.topic,
        partition=whole.partition,
        offset=whole.offset,
        attempts=whole.attempts,
        keep_body=False,
    )
