"""Reads of a bounded size: how much a connection takes from its socket in one round of the event loop."""

import asyncio
from collections.abc import Callable

LARGE_BYTES, SMALL_BYTES = 256 << 10, 64 << 10
"""What a connection may read at once: of a stream of many small things, and of one large thing. Twenty reads of 256 KB that fall
into one round make everybody else wait for some 10 ms."""


class ReadBuffer:
    """Memory that all connections of a source read into in turn: what was read is copied, or thrown away, at once."""

    def __init__(self, size: int, small: int) -> None:
        """How much, in bytes, is read at once, and how much of what ought to be read in small pieces."""
        self.memory = bytearray(size)
        self._view = memoryview(self.memory)
        self._small = self._view[:small]

    def room(self, *, is_small: bool) -> memoryview:
        """To read into."""
        return self._small if is_small else self._view

    def taken(self, size: int) -> bytes:
        """A copy of what was read."""
        return bytes(self._view[:size])


class SmallFirst(asyncio.BufferedProtocol):
    """Hands on to a protocol what it would have heard itself. What comes while nothing `goes_on` is read in small pieces: many
    may begin to send something large at once."""

    def __init__(self, protocol: asyncio.Protocol, buffer: ReadBuffer, goes_on: Callable[[], bool]) -> None:
        self._protocol, self._buffer, self._goes_on = protocol, buffer, goes_on

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return self._buffer.room(is_small=not self._goes_on())

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        self._protocol.data_received(self._buffer.taken(nbytes))
