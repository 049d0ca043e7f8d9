"""Connections that are lost between two calls, on the event loop that the service runs on."""

import asyncio

import pytest
import uvloop

from router.errors import Retryable
from sinks._line_connection import LineConnection, connect


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def _lost() -> LineConnection:
    """A connection that its far end has reset."""
    server = await asyncio.start_server(_reset, "127.0.0.1", 0)
    async with server:
        connection = await connect("127.0.0.1", server.sockets[0].getsockname()[1], None, "", 5)
        connection.send(b"first line\n")
        await asyncio.wait_for(connection.lost.wait(), 5)
    return connection


async def _send_on_a_lost_connection() -> None:
    connection = await _lost()
    with pytest.raises(Retryable, match="connection_lost"):
        connection.send(b"line\n")
    await connection.close()


def test_sending_on_a_lost_connection_is_to_be_repeated_and_ends_nothing() -> None:
    uvloop.run(_send_on_a_lost_connection())
