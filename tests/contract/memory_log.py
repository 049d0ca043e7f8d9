"""A log in memory that can be told to fail: for unit tests of ingest only; everything else runs on the embedded log."""

import asyncio
from collections.abc import Sequence
from typing import Any

from router.batch import Record
from router.errors import Misconfigured, Rejected, Retryable

_STANDS_IN: Any = object  # for a Log, to the type checker


class MemoryLog(_STANDS_IN):
    """Appends to lists. Not a Log in full: just what an Intake asks of one."""

    def __init__(self, partitions: int = 4) -> None:
        self.records: list[list[Record]] = [[] for _ in range(partitions)]
        self.appends = 0
        self.failures = 0
        """How many of the next appends raise Retryable."""
        self.gate = asyncio.Event()
        self.gate.set()
        self.outstanding = self.most_outstanding = 0
        self.refuse_above = 1 << 30
        self.keeps_what_is_before = False
        """A record above that leaves those before it in place, as on Kafka; else all of its append is refused."""
        self.is_forbidden = False
        """Appends raise Misconfigured, as when a right was withdrawn."""

    async def partitions(self, topic: str) -> int:
        return len(self.records)

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        self.outstanding += 1
        self.most_outstanding = max(self.most_outstanding, self.outstanding)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            self.appends += 1
            if self.failures:
                self.failures -= 1
                raise Retryable("told to fail")
            if self.is_forbidden:
                raise Misconfigured("no right to write")
            large = next((i for i, r in enumerate(records) if len(r.body) > self.refuse_above), -1)
            if large >= 0 and self.keeps_what_is_before:
                self.records[partition] += records[:large]
                raise Rejected("a record is too large", large)
            if large >= 0:
                raise Rejected("a record is too large")
            self.records[partition] += records
            return len(self.records[partition]) - len(records)
        finally:
            self.outstanding -= 1

    @property
    def all(self) -> list[Record]:
        return [record for part in self.records for record in part]

    @property
    def bodies(self) -> list[bytes]:
        return [record.body for record in self.all]
