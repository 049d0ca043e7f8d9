"""A listener that answers every request with the same bytes, right or wrong, or never."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Wire:
    """`reply` is sent once something has arrived; then the connection is closed, or with `hang` left open."""

    reply: bytes = b""
    hang: bool = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The url of it."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65_536)
            writer.write(self.reply)
            await writer.drain()
            while self.hang and await reader.read(65_536):
                pass
        except OSError:
            pass  # the sink had enough
        finally:
            writer.close()
