"""Stream listeners: a crowd that connects at once."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Iterator
from unittest.mock import create_autospec

from router.ingest._listener import Admission, ConnectionLimits, StreamListener
from router.protocols import Emit

_CROWD = 100


@contextlib.contextmanager
def crowd(address: tuple[str, int]) -> Iterator[None]:
    """Connections that wait in the kernel to be accepted."""
    with contextlib.ExitStack() as stack:
        for _ in range(_CROWD):
            stack.enter_context(socket.create_connection(address))
        yield


class Quiet(asyncio.BufferedProtocol):
    def get_buffer(self, _: int) -> bytearray:
        return bytearray(1)


async def test_a_crowd_is_accepted_in_portions_and_others_have_their_turn_in_between() -> None:
    admission = Admission(ConnectionLimits())
    with socket.create_server(("127.0.0.1", 0), backlog=_CROWD) as server:
        server.setblocking(False)
        listener = StreamListener(server, admission, create_autospec(Emit, instance=True), lambda _peer, _left: Quiet())
        with crowd(server.getsockname()):
            async with asyncio.TaskGroup() as tasks:
                listener.open(tasks)
                seen = [0]
                while seen[-1] < _CROWD:
                    await asyncio.sleep(0)
                    seen.append(admission.open)
                listener.close()
    portions = [after - before for before, after in itertools.pairwise(seen)]
    assert sum(portions) == _CROWD
    assert max(portions) < _CROWD / 2
