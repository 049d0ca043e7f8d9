"""A TCP proxy between deliveries and their far ends that breaks connections in the ways that networks do."""

import asyncio
import random
from enum import StrEnum
from typing import Self

from tests.faults.ports import free_port


class Toxic(StrEnum):
    """What the proxy does to what passes."""

    NONE = "none"
    LATENCY = "latency"
    """Every piece of an answer comes late."""
    RESET = "reset"
    """Every open connection is reset once, and new ones are reset when they have sent something."""
    HALF_REPLY = "half_reply"
    """The request arrives; its answer is cut in the middle."""
    BLACK_HOLE = "black_hole"
    """Connections are accepted, nothing passes, nothing is answered. What waited is thrown away at its end, or passed on where
    `keeps` is set: a sender over a protocol without answers cannot know that what was taken from it is thrown away."""
    DOWN = "down"
    """Connections are refused."""


class Proxy:
    """One listening port in front of one port."""

    def __init__(self, target_port: int, *, latency_seconds: float = 0.5, keeps: bool = False) -> None:
        self.port, self._target, self._keeps = free_port(), target_port, keeps
        self.toxic, self.latency_seconds = Toxic.NONE, latency_seconds
        self.hits: dict[str, int] = {}
        """How often each toxic really touched a connection."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._clean = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._clean.set()
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._refuse()

    async def become(self, toxic: Toxic) -> None:
        """From now on."""
        was, self.toxic = self.toxic, toxic
        if was is Toxic.DOWN and toxic is not Toxic.DOWN:
            await self._listen()
        if (was is Toxic.BLACK_HOLE and not self._keeps) or toxic is Toxic.RESET:
            self._abort()
        if toxic is Toxic.BLACK_HOLE:
            self._clean.clear()
        else:
            self._clean.set()
        if toxic is Toxic.DOWN:
            self._hit(Toxic.DOWN)
            await self._refuse()

    def _hit(self, toxic: Toxic) -> None:
        self.hits[toxic] = self.hits.get(toxic, 0) + 1

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._clean.set()
        self._abort()
        if server is not None:
            await server.wait_closed()

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                there = tasks.create_task(self._forth(reader, far_writer))
                back = tasks.create_task(self._back(far_reader, writer))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort() if self.toxic is Toxic.RESET else writer.close()
            far_writer.close()

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if self.toxic is Toxic.RESET:
                    self._hit(Toxic.RESET)
                    return
                await self._through()
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._through()
                if self.toxic is Toxic.LATENCY:
                    self._hit(Toxic.LATENCY)
                    await asyncio.sleep(self.latency_seconds * random.uniform(0.5, 1.5))
                if self.toxic is Toxic.HALF_REPLY:
                    self._hit(Toxic.HALF_REPLY)
                    writer.write(data[: max(1, len(data) // 2)])
                    await writer.drain()
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    async def _through(self) -> None:
        if not self._clean.is_set():
            self._hit(Toxic.BLACK_HOLE)
            await self._clean.wait()
