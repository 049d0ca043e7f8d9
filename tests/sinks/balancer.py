"""A load balancer in front of several collectors, of the kind that gives nobody the same one for long."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit


class Balancer:
    """Takes turns between far ends: with every connection, or (`by_request`) with every request.

    A connection is closed after `lives` answers; the last one says so (`Connection: close`) unless `silent`.
    """

    def __init__(self, urls: Sequence[str], *, lives: int, silent: bool = False, by_request: bool = False) -> None:
        self._turn = itertools.cycle([urlsplit(url).port for url in urls])
        self._lives, self._silent, self._by_request = lives, silent, by_request
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.connections, self.url = 0, ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        port = next(self._turn)
        try:
            for left in reversed(range(self._lives)):
                head, body = await _message(reader)
                port = next(self._turn) if self._by_request else port
                answer, text = await _asked(port, head, body)
                closes = b"Connection: close\r\n" if not left and not self._silent else b""
                writer.write(answer[:-2] + closes + b"\r\n" + text)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of a request or an answer that tells its length (RFC 9112)."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    return head, await reader.readexactly(int(fields.get(b"content-length", b"0")))


async def _asked(port: int | None, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        writer.write(head + body)
        return await _message(reader)
    finally:
        writer.close()
