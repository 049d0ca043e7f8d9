"""One TCP or TLS connection on which nothing is ever answered, and what can be known about what arrived.

The kernel tells how many bytes the far end's kernel has not acknowledged (SIOCOUTQ, here TIOCOUTQ); together with what
waits in the transport this gives the wire offset up to which bytes are acknowledged. A program that dies leaves what its
kernel took and it did not read; its kernel then resets the connection. So bytes count as arrived when they are
acknowledged and the connection is still good some time later ("settled").
"""

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from typing import cast

from router.errors import Misconfigured, Retryable
from sinks._tls import TlsContext, tls_failure
from sinks._tls_codec import TlsCodec

_FIRST_LOOK_SECONDS, _LOOK_SECONDS = 0.001, 0.05
"""Between two looks at what the kernel says: soon at first, then each time twice as long."""
_VERDICT_SECONDS = 0.25
_USER_TIMEOUT_MS = 10_000
_CLOSE_SECONDS = 0.2


class LineConnection(asyncio.Protocol):
    """An open connection. `lost` is set once it is closed by anyone, or the far end says that it sends no more."""

    def __init__(self, codec: TlsCodec | None) -> None:
        self._codec = codec
        self._transport: asyncio.Transport | None = None
        self._written = 0
        self._error: BaseException | None = None
        self.lost = asyncio.Event()
        self._shaken = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class
        _keep_honest(transport.get_extra_info("socket"))
        if self._codec:
            self._put(self._codec.start())

    def data_received(self, data: bytes) -> None:
        if self._codec is None:
            return
        try:
            self._put(self._codec.receive(data))
        except ssl.SSLError as error:
            self._fail(error)
        if self._codec.is_closed:
            self._fail(ConnectionResetError("closed by the far end"))
        if self._codec.ready:
            self._shaken.set()

    def eof_received(self) -> bool:
        self._fail(ConnectionResetError("closed by the far end"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._error = self._error or error
        self.lost.set()
        self._shaken.set()

    async def shaken(self) -> None:
        """Return once bytes can be sent. Raises what the handshake failed with.

        With TLS 1.3 a client is told only afterwards, by an alert, that its certificate is refused; and what it has sent
        by then makes the far end's kernel reset the connection and lose the alert. So it is listened to for a moment.
        """
        if self._codec:
            await self._shaken.wait()
            await self._lost_within(_VERDICT_SECONDS)
        if self._error or not self.good:
            raise self._error or ConnectionResetError("closed by the far end")

    @property
    def good(self) -> bool:
        return self._transport is not None and not self.lost.is_set() and not self._transport.is_closing()

    def send(self, data: bytes) -> int:
        """Hand over bytes; returns the wire offset behind them. Nothing is known about them yet.

        Raises Retryable when the connection is lost already: nothing was sent then.
        """
        if not self.good:
            raise self._loss()
        self._put(self._codec.encode(data) if self._codec else data)
        return self._written

    def acknowledged(self) -> int:
        """The wire offset up to which the far end's kernel has everything."""
        assert self._transport is not None
        file: int = self._transport.get_extra_info("socket").fileno()
        if file < 0:
            return 0
        unacked: int = struct.unpack("i", fcntl.ioctl(file, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        return self._written - unacked - self._transport.get_write_buffer_size()

    async def taken(self, offset: int) -> None:
        """Return once everything up to `offset` is acknowledged, or the connection is lost."""
        pause = _FIRST_LOOK_SECONDS
        while self.good and self.acknowledged() < offset:
            await self._lost_within(pause)
            pause = min(2 * pause, _LOOK_SECONDS)

    async def settled(self, offset: int, seconds: float) -> None:
        """Return once everything up to `offset` is acknowledged and the connection is still good `seconds` later.

        Raises Retryable when the connection is lost before, Misconfigured when the far end refuses our certificate.
        """
        await self.taken(offset)
        if self.good:
            await self._lost_within(seconds)
        if not self.good:
            raise self._loss()

    def _loss(self) -> Retryable | Misconfigured:
        reason = getattr(self._error, "reason", None) if isinstance(self._error, ssl.SSLError) else None
        if reason and "ALERT" in reason:
            return Misconfigured(f"tls: {describe(self._error)}; check `tls`")
        return Retryable(f"connection_lost: before the last bytes were settled: {describe(self._error)}")

    async def _lost_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.lost.wait()
        except TimeoutError:
            await asyncio.sleep(0)  # what the loop found out in the same turn is said in the next

    def abort(self) -> None:
        """Drop it; what was not settled has to be sent again."""
        self.lost.set()
        if self._transport:
            self._transport.abort()

    async def close(self) -> None:
        """Say goodbye in TLS's own way, and let what is buffered go for a moment."""
        if self._transport is None or not self.good:
            return self.abort()
        if self._codec and self._codec.ready:
            self._put(self._codec.close())
        self._transport.close()
        await self._lost_within(_CLOSE_SECONDS)
        self.abort()

    def _put(self, data: bytes) -> None:
        if data and self._transport and not self._transport.is_closing():  # uvloop raises for what is closed
            self._written += len(data)
            self._transport.write(data)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        if self._codec and not self._codec.ready:
            self._put(self._codec.last_words())
        self.lost.set()
        self._shaken.set()
        if self._transport:
            self._transport.close()


async def connect(host: str, port: int, tls: TlsContext | None, server_name: str, timeout_seconds: float) -> LineConnection:
    """Raises Retryable when the far end cannot be reached now, Misconfigured when TLS fails for good."""
    connection = LineConnection(TlsCodec(tls.get(), server_name) if tls else None)
    try:
        async with asyncio.timeout(timeout_seconds):
            await asyncio.get_running_loop().create_connection(lambda: connection, host, port)
            await connection.shaken()
    except (OSError, TimeoutError) as error:
        connection.abort()
        what = f"{host}:{port}: {describe(error)}"
        for_good = tls_failure(error)
        raise (Misconfigured(f"tls: {what}; check `tls`") if for_good else Retryable(f"unreachable: {what}")) from error
    return connection


def describe(error: BaseException | None) -> str:
    """In the words of the system, without addresses or content."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (getattr(error, "strerror", None) or str(error)) if error else "closed"


def _keep_honest(sock: socket.socket) -> None:
    """Have the kernel notice within some 10 s that the far end is gone (RFC 5482, and keep-alive 10/5/3)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("KEEPIDLE", 10), ("KEEPINTVL", 5), ("KEEPCNT", 3), ("USER_TIMEOUT", _USER_TIMEOUT_MS)):
        if (number := getattr(socket, f"TCP_{option}", None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, number, value)
