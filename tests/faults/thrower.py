"""Throws bombs: `thrower` takes an order for each volley, and says what came of every throw.

It is a process of its own, so that the oracle does not stand still while it throws.
"""

import asyncio
import json
import socket
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from tests.faults.aide import Aide

_BURN_SECONDS = 0.1


async def _throw(number: int, port: int, data: bytes, patience: float) -> tuple[str, float]:
    """What the far end did, and after how many seconds: a status, `closed`, or `open` when it waits for more and says nothing."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.bind((f"127.0.3.{number + 1}", 0))
        try:
            await loop.sock_connect(sock, ("127.0.0.1", port))
            answer = await _answer(sock, data, patience)
        except TimeoutError:
            return "open", time.monotonic() - began
        except OSError:
            answer = b""
    return answer.split()[1].decode() if answer else "closed", time.monotonic() - began


async def _answer(sock: socket.socket, data: bytes, patience: float) -> bytes:
    """Listen while sending: many an answer comes before all is sent."""
    loop = asyncio.get_running_loop()
    sending = asyncio.create_task(loop.sock_sendall(sock, data))
    try:
        async with asyncio.timeout(patience):
            return await loop.sock_recv(sock, 200)
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        if not sending.cancelled():
            sending.exception()


async def _volley(order: dict[str, Any]) -> list[tuple[str, float]]:
    data = Path(order["file"]).read_bytes()
    jobs = [_throw(number, order["port"], data, order["patience"]) for number in range(order["count"])]
    return list(await asyncio.gather(*jobs))


def _rivalry() -> float:
    """How many times as long as alone something takes here."""
    began, spent = time.monotonic(), time.thread_time()
    while time.thread_time() < spent + _BURN_SECONDS:
        pass
    return (time.monotonic() - began) / (time.thread_time() - spent)


def main() -> None:
    """Until there are no more orders."""
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(asyncio.run(_volley(order)) if order else _rivalry()), flush=True)


class Thrower(Aide):
    """The oracle's side of it."""

    module = "tests.faults.thrower"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def throw(self, data: bytes, port: int, count: int, patience: float) -> list[tuple[str, float]]:
        """One bomb by each of `count` clients at once."""
        file = self._folder / f"bomb-{zlib.crc32(data):08x}"
        if not file.exists():
            file.write_bytes(data)
        order = {"file": str(file), "port": port, "count": count, "patience": patience}
        return [(verdict, seconds) for verdict, seconds in await self.ask(order)]

    async def rivalry(self) -> float:
        """How many times as long as on a machine of its own something takes now."""
        return float(await self.ask({}))


if __name__ == "__main__":
    main()
