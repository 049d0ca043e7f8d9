"""The HTTP side of a receiver: connections with deadlines, and bodies read in pieces under every limit."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

from aiohttp import web

from router import telemetry
from router.errors import Malformed
from router.ingest._gunzip import Gunzip
from router.ingest._ledger import Ledger
from router.ingest._listener import ConnectionLimits
from router.ingest._reads import LARGE_BYTES, SMALL_BYTES, ReadBuffer, SmallFirst
from router.ingest._turns import Turns

HEAD_SECONDS = 10.0
"""From the first byte of a request to the end of its headers."""
MAX_HEAD_BYTES = 64 << 10
"""Of request line and headers together; more closes the connection before anybody parses or keeps it."""
MIN_BYTES_PER_SECOND = 128
_FIRST_BYTES = MAX_HEAD_BYTES + 4096
"""Of what begins are read at once: enough to see that a head is too long, before anybody parses it."""
_HELD_BYTES = 16 << 10
"""What a connection holds of a body before it is asked for it: twice as much at least, and what came in one read."""
_HEAD_END = b"\r\n\r\n"
_LINGER_SECONDS = 2.0  # how long the rest of a refused body is read and thrown away, so that its sender sees the answer
_SILENT = logging.getLogger("router.ingest.http")  # what strangers send is counted, not logged
_SILENT.disabled = True


class HttpConnection(web.RequestHandler):
    """aiohttp's connection, that knows its peer and since when it waits for the rest of a head."""

    __slots__ = ("_head_bytes", "_head_tail", "_left", "_loop_time", "_refused", "head_since", "peer", "serving")

    def __init__(self, server: "HttpServer", peer: str, left: Callable[[], None], **options: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server.server, loop=loop, **options)
        self.peer, self._left, self._loop_time, self._refused = peer, left, loop.time, server.refused
        self.head_since, self.serving = 0.0, False
        self._head_bytes, self._head_tail = 0, b""

    def data_received(self, data: bytes) -> None:
        """Start the clock of a head, and measure it until it ends."""
        if not self.head_since and not self.serving:
            self.head_since, self._head_bytes, self._head_tail = self._loop_time(), 0, b""
        if self._head_bytes >= 0 and not self.serving and not self._messages and self._too_long(data):
            self._refused("head_too_long")
            self.force_close()
            return
        super().data_received(data)

    def _too_long(self, data: bytes) -> bool:
        """Whether the head is longer than allowed. aiohttp answers each piece of such a head with an error that holds it."""
        if _HEAD_END in self._head_tail + data[:MAX_HEAD_BYTES]:
            self._head_bytes = -1
            return False
        self._head_bytes += len(data)
        self._head_tail = data[-3:]
        return self._head_bytes > MAX_HEAD_BYTES

    def handle_error(self, request: web.BaseRequest, *details: Any, **more: Any) -> web.StreamResponse:
        """aiohttp's answer to what is no HTTP. Counted, as whatever is refused is."""
        self._refused("http")
        return super().handle_error(request, *details, **more)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell who counts connections."""
        super().connection_lost(exc)
        self._left()


class HttpServer:
    """Makes the connections of one source and watches over them."""

    def __init__(
        self, name: str, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], limits: ConnectionLimits
    ) -> None:
        self.server = web.Server(self._handle)
        self._handler, self._limits = handler, limits
        self._gauge = telemetry.CONNECTIONS.labels(name)
        self._received, self._rejected = telemetry.RECEIVED.labels(name), telemetry.bound(telemetry.REJECTED.labels, name)
        self._buffer = ReadBuffer(LARGE_BYTES, _FIRST_BYTES)

    def connect(self, peer: str, left: Callable[[], None]) -> SmallFirst:
        """The receiver of a new connection."""
        connection = HttpConnection(
            self,
            peer,
            left,
            keepalive_timeout=self._limits.idle_seconds,
            access_log=None,
            auto_decompress=False,
            lingering_time=_LINGER_SECONDS,
            logger=_SILENT,
            read_bufsize=_HELD_BYTES,
        )
        return SmallFirst(connection, self._buffer, lambda: connection.serving)

    def refused(self, reason: str) -> None:
        """Count a request that was refused before it was one."""
        self._received.inc()
        self._rejected(reason).inc()

    async def sweep(self) -> None:
        """Close, once a second, connections whose request head does not end."""
        while True:
            await asyncio.sleep(1)
            oldest = asyncio.get_running_loop().time() - HEAD_SECONDS
            connections = cast(list[HttpConnection], self.server.connections)
            self._gauge.set(len(connections))
            for connection in connections:
                if 0 < connection.head_since < oldest:
                    connection.head_since = 0.0
                    self.refused("head_too_slow")
                    connection.force_close()

    async def close(self, timeout_seconds: float) -> None:
        """Close what is idle, let requests under way finish within the timeout, then cut the rest off."""
        self.server.pre_shutdown()
        await self.server.shutdown(timeout_seconds)
        self._gauge.set(0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(HttpConnection, request.protocol)
        connection.serving, connection.head_since = True, 0.0
        try:
            return await self._handler(request)
        finally:
            connection.serving = False


class Body:
    """A request body under limits. `pieces` raises Malformed: body_too_large, body_too_slow, encoding, or as Gunzip does;
    and Overloaded while all bodies together are more than `ledger` may hold. `release` gives their bytes back."""

    def __init__(
        self,
        request: web.BaseRequest,
        ledger: Ledger,
        turns: Turns,
        *,
        max_bytes: int,
        max_inflated_bytes: int,
        stalled_seconds: float,
    ) -> None:
        self._request, self._ledger, self._held = request, ledger, 0
        self._turns, self._number = turns, turns.number()
        self._max, self._stalled = max_bytes, stalled_seconds
        self.is_dropped = False
        """Set it when nothing of what is still to come will be kept."""
        self._gunzip = _decoder(request.headers.get("Content-Encoding", ""), max_inflated_bytes)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, inflated; the pieces of a large one in turns with those of others, its end as well."""
        if (self._request.content_length or 0) > self._max:
            raise Malformed("body_too_large", f"more than {self._max} bytes")
        await self._invite()
        async for chunk in self._chunks():
            for number, piece in enumerate(self._gunzip.feed(chunk) if self._gunzip else _cut(chunk)):
                if not self.is_dropped:
                    self._ledger.take(len(piece), self._held)
                    self._held += len(piece)
                if number:
                    await self._turn()
                yield piece
        if self._gunzip:
            self._gunzip.finish()
        await self._turn()

    async def _turn(self) -> None:
        if max(self._held, self._request.content_length or 0) > SMALL_BYTES:
            await self._turns.wait(self._number)

    async def _invite(self) -> None:
        """Tell a sender that waits for leave before it sends a body (RFC 9110, section 10.1.1) to go on."""
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0  # the answer's own head is still to come

    def becomes(self, size: int) -> None:
        """What was made of the body is held instead of it: `size` bytes."""
        self._ledger.hold(size - self._held)
        self._held = size

    def release(self) -> None:
        """The body is dealt with."""
        self._ledger.give(self._held)
        self._held = 0

    async def _chunks(self) -> AsyncIterator[bytes]:
        loop, content = asyncio.get_running_loop(), self._request.content
        began, size = loop.time(), 0
        while not content.at_eof():
            await self._turn()  # before reading: what is not read holds no memory
            try:
                async with asyncio.timeout(self._stalled):
                    chunk = await content.readany()
            except TimeoutError as error:
                raise Malformed("body_too_slow", "nothing came") from error
            size += len(chunk)
            seconds = loop.time() - began
            if seconds > self._stalled and size < MIN_BYTES_PER_SECOND * seconds:
                raise Malformed("body_too_slow", f"less than {MIN_BYTES_PER_SECOND} bytes a second")
            if size > self._max:
                raise Malformed("body_too_large", f"more than {self._max} bytes")
            if chunk:
                yield chunk


def _cut(chunk: bytes) -> Sequence[bytes]:
    if len(chunk) <= _FIRST_BYTES:
        return (chunk,)
    return [chunk[at : at + SMALL_BYTES] for at in range(0, len(chunk), SMALL_BYTES)]


def _decoder(encoding: str, max_bytes: int) -> Gunzip | None:
    encoding = encoding.strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return Gunzip(max_bytes, piece_bytes=SMALL_BYTES)
    if encoding in ("", "identity"):
        return None
    raise Malformed("encoding", "only gzip is understood")
