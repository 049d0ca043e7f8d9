"""What every test of the log on Kafka has to leave behind: nothing."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from aiokafka.conn import AIOKafkaConnection

_MOMENT_SECONDS = 2.0


@pytest.fixture(autouse=True)
async def no_connection_is_left() -> AsyncIterator[None]:
    """A log that was closed holds no connection any more. Told here by name; the garbage collector tells later tests, if at all."""
    yield
    loop = asyncio.get_running_loop()
    end = loop.time() + _MOMENT_SECONDS
    while (left := _open_connections()) and loop.time() < end:
        await asyncio.sleep(0.1)
    for connection in left:
        connection.close()
    assert not left, "connections are left open"


def _open_connections() -> list[AIOKafkaConnection]:
    return [thing for thing in gc.get_objects() if isinstance(thing, AIOKafkaConnection) and thing.connected()]
