"""IBM QRadar: LEEF 2.0 over TCP or TLS syslog, one event a line, within the licensed events per second.

The syslog header carries the original device (`host.name`, `observer.name`, ...), which has to equal the Log Source
Identifier in QRadar; alerts of Logweir come from `alerts_host`. A document is reduced to LEEF attributes; the whole of it
belongs into a lake or a search engine. What does not fit into `max_payload` is left out, the least important first, and
`truncated=1` says so.

QRadar acknowledges nothing. An event counts as delivered once the appliance's kernel has it and the connection is still
good `settle_seconds` later; everything younger is sent again when a connection breaks. So nothing is lost when a receiver
dies within that time, some events arrive twice, and nothing is known about what the appliance itself drops. At most
`max_unsettled_bytes` are under way, which bounds the repeats.

`licensed_eps` is used to nine tenths: past the licence QRadar queues, then drops, and does not tell. No second holds more than
that, however late something leaves: lines go out in parts, each once the appliance's kernel has the one before.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Literal

from pydantic import Field

from router.batch import Record
from router.errors import Malformed, Retryable
from router.protocols import Outcome, Sink, SinkLimits, WriteResult
from router.registry import SinkSettings, Spec
from sinks._leef import Leef
from sinks._licence import Licence
from sinks._line_connection import LineConnection, connect
from sinks._tls import Tls, TlsContext

_SHARE_OF_LICENCE = 0.9


class QRadarSettings(SinkSettings):
    """A QRadar event collector, or another receiver of LEEF by syslog."""

    host: str = Field(min_length=1)
    """The event collector."""
    shape: Literal["ecs"] = Field("ecs", alias="as")
    """Always `ecs`: LEEF is written from ECS fields."""
    port: int = Field(514, ge=1, le=65_535)
    """514 for TCP; a TLS Syslog log source listens on 6514 by default."""
    tls: Tls | None = None
    """Certificates; TCP without TLS if absent."""
    licensed_eps: float | None = Field(None, gt=0)
    """Events per second that may be used for this sink; nine tenths of it are. No budget if absent."""
    alert_share: float = Field(0.2, ge=0, le=1)
    """The part of the budget that only alerts may use."""
    max_payload: int = Field(4096, ge=256, le=65_536)
    """Longest line in bytes, as set in QRadar (Max TCP Syslog Payload Length, or that of the TLS log source)."""
    alerts_host: str = Field("logweir", pattern=r"^[A-Za-z0-9._-]{1,255}$")
    """Log Source Identifier of alerts, and of events that name no device."""
    settle_seconds: float = Field(1, ge=0, le=60)
    """How long the connection must stay good after the bytes were taken. 0: taken is enough."""
    max_unsettled_bytes: int = Field(4 << 20, ge=1 << 16)
    """Bytes under way that are not settled."""
    timeout_seconds: float = Field(30, gt=0)
    """To connect, and for the appliance's kernel to take what was sent."""


class QRadar:
    """One connection; writes go out in the order in which they were called."""

    def __init__(self, name: str, settings: QRadarSettings) -> None:
        self._settings = settings
        eps = settings.licensed_eps
        self.limits = SinkLimits(
            max_records=500,
            max_bytes=2 << 20,
            max_concurrency=32,
            ordered=True,
            records_per_second=_SHARE_OF_LICENCE * eps if eps else None,
            alert_share=settings.alert_share,
        )
        self._leef = Leef(settings.max_payload, settings.alerts_host)
        self._tls = TlsContext(settings.tls) if settings.tls else None
        self._server_name = (settings.tls.server_name if settings.tls else "") or settings.host
        self._connection: LineConnection | None = None
        self._sending, self._unsettled, self._less = asyncio.Lock(), 0, asyncio.Event()
        self._licence: Licence | None = None
        self._closed = False

    async def open(self) -> None:
        self._closed = False
        share = self.limits.records_per_second  # of this worker: what all may send is divided after we were made
        self._licence = Licence(share) if share is not None else None

    async def close(self) -> None:
        self._closed = True
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def write(self, records: Sequence[Record]) -> WriteResult:
        lines, outcomes, reasons = self._lines(records)
        if lines:
            await self._deliver(lines)
        return WriteResult(outcomes, reasons)

    def _lines(self, records: Sequence[Record]) -> tuple[list[bytes], list[Outcome], dict[int, str]]:
        lines, outcomes, reasons = [], [Outcome.DELIVERED] * len(records), {}
        for index, record in enumerate(records):
            try:
                lines.append(self._leef.line(record))
            except Malformed as error:
                outcomes[index], reasons[index] = Outcome.REJECTED, error.reason
        return lines, outcomes, reasons

    async def _deliver(self, lines: Sequence[bytes]) -> None:
        called_on, size = self._connection, sum(map(len, lines))
        async with self._sending:
            connection = await self._current(called_on)
            await self._within_time(connection, self._room(connection, size))
            self._unsettled += size
            try:
                offset = await self._send(connection, lines)
            except BaseException:
                self._settle(size)
                raise
        try:
            await self._within_time(connection, connection.settled(offset, self._settings.settle_seconds))
        finally:
            self._settle(size)

    def _settle(self, size: int) -> None:
        self._unsettled -= size
        self._less.set()

    async def _send(self, connection: LineConnection, lines: Sequence[bytes]) -> int:
        """The wire offset behind all lines, once they were handed over; with a licence, in parts that keep to it."""
        if self._licence is None:
            return connection.send(b"".join(lines))
        offset = 0
        for part in self._licence.parts(lines):
            await _until_free(self._licence, len(part))
            offset = connection.send(b"".join(part))
            try:
                await self._within_time(connection, connection.taken(offset))
            finally:
                self._licence.spend(len(part), time.monotonic())
        return offset

    async def _within_time(self, connection: LineConnection, waiting: Awaitable[None]) -> None:
        """A connection on which nothing moves is dropped, so that what is on it can be sent again in order."""
        try:
            async with asyncio.timeout(self._settings.timeout_seconds + self._settings.settle_seconds):
                await waiting
        except TimeoutError as error:
            connection.abort()
            raise Retryable(f"no_answer: {self._settings.host} took nothing in time") from error

    async def _current(self, called_on: LineConnection | None) -> LineConnection:
        """The open connection, or a new one. A write that was called while another was open must not overtake the
        earlier ones, which are sent again now that it is lost."""
        if self._closed:
            raise Retryable("closed: the sink was closed")
        if self._connection and self._connection.good:
            return self._connection
        lost, self._connection = self._connection, None
        if lost:
            lost.abort()
        if called_on is not None:
            raise Retryable(f"connection_lost: {self._settings.host}: before anything was sent")
        self._connection = await self._new()
        return self._connection

    async def _new(self) -> LineConnection:
        settings = self._settings
        return await connect(settings.host, settings.port, self._tls, self._server_name, settings.timeout_seconds)

    async def _room(self, connection: LineConnection, size: int) -> None:
        while self._unsettled and self._unsettled + size > self._settings.max_unsettled_bytes and connection.good:
            self._less.clear()
            await self._less.wait()


async def _until_free(licence: Licence, count: int) -> None:
    while True:
        wait = licence.wait(count, time.monotonic())
        if wait <= 0:
            return
        await asyncio.sleep(wait)


SPEC: Spec[Sink] = Spec(settings=QRadarSettings, build=QRadar)
