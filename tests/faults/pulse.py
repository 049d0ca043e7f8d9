"""Good clients that measure how long they wait: `pulse` sends small requests at a steady pace, each client on a connection of its own.

It is a process of its own, so that what it measures is Logweir, and not how busy the oracle is with its books.
"""

import asyncio
import contextlib
import json
import sys
import time
from typing import Any

from tests.faults.aide import Aide
from tests.faults.senders import TOKEN

_CLIENTS, _PAUSE_SECONDS = 4, 0.05
_TIMEOUT_SECONDS = 15.0
_BODY = b'{"event":"a pulse, neither acknowledged in the books nor missed"}'
_REQUEST = (
    b"POST /services/collector/event HTTP/1.1\r\nHost: pulse\r\nAuthorization: Splunk %b\r\nContent-Length: %d\r\n\r\n%b"
    % (TOKEN.encode(), len(_BODY), _BODY)
)


class _Client:
    """Asks, waits for the answer, pauses. What goes wrong is counted."""

    def __init__(self, number: int, port: int) -> None:
        self._address, self._port = f"127.0.5.{number + 1}", port
        self.seconds: list[float] = []
        self.refused = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk()
            self.refused += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _talk(self) -> None:
        """Until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0))
        with contextlib.closing(writer):
            while True:
                await asyncio.sleep(_PAUSE_SECONDS)
                began = time.monotonic()
                writer.write(_REQUEST)
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    is_good = await _is_good(reader)
                if is_good:
                    self.seconds.append(time.monotonic() - began)
                self.refused += not is_good


async def _is_good(reader: asyncio.StreamReader) -> bool:
    """Whether the next answer says 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
    return head.split()[1] == b"200"


async def _main() -> None:
    """The first order names the port; every other is answered with what was measured since the last."""
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    clients: list[_Client] = []
    async with asyncio.TaskGroup() as tasks:
        while line := await orders.readline():
            if not clients:
                clients = [_Client(number, json.loads(line)["port"]) for number in range(_CLIENTS)]
                for client in clients:
                    tasks.create_task(client.run())
            found = {"seconds": [s for c in clients for s in c.seconds], "refused": sum(c.refused for c in clients)}
            for client in clients:
                client.seconds, client.refused = [], 0
            print(json.dumps(found), flush=True)


class Pulse(Aide):
    """The oracle's side of it."""

    module = "tests.faults.pulse"

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.refused = 0
        """Requests that were not answered with 200, or not at all."""

    async def taken(self) -> list[float]:
        """Seconds that each request took that was answered since the last call; the first call begins."""
        found: dict[str, Any] = await self.ask({"port": self._port})
        self.refused += found["refused"]
        return list(found["seconds"])


if __name__ == "__main__":
    asyncio.run(_main())
