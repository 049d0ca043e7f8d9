"""How much is read at once."""

import asyncio

from router.ingest._reads import LARGE_BYTES, SMALL_BYTES, ReadBuffer, SmallFirst


class _Heard(asyncio.Protocol):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True


async def test_nothing_is_lost_or_changed_and_a_begin_is_read_in_small_pieces() -> None:
    heard, buffer, loop = _Heard(), ReadBuffer(LARGE_BYTES, SMALL_BYTES), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SmallFirst(heard, buffer, lambda: len(heard.pieces) > 2), "127.0.0.1", 0)
    sent = bytes(range(256)) * 8192
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(sent)
    writer.close()
    async with asyncio.timeout(10):
        while not heard.ended:
            await asyncio.sleep(0.01)
    server.close()
    assert b"".join(heard.pieces) == sent
    assert max(map(len, heard.pieces[:3])) <= SMALL_BYTES


def test_a_buffer_gives_copies_not_views() -> None:
    buffer = ReadBuffer(LARGE_BYTES, SMALL_BYTES)
    buffer.room(is_small=True)[:3] = b"abc"
    first = buffer.taken(3)
    buffer.room(is_small=False)[:3] = b"xyz"
    assert first == b"abc"
    assert len(buffer.room(is_small=False)) == LARGE_BYTES
