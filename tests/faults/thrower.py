"""Throws bombs: `thrower` reads a line of JSON for each volley, and writes one with what came of every throw.

It is a process of its own, so that good clients, who live in the oracle's, wait for Logweir alone and not for who throws.
"""

import asyncio
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any, Self

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


class Thrower:
    """The oracle's side of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        command = (sys.executable, "-m", "tests.faults.thrower")
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def throw(self, data: bytes, port: int, count: int, patience: float) -> list[tuple[str, float]]:
        """One bomb by each of `count` clients at once."""
        file = self._folder / "bomb"
        file.write_bytes(data)
        order = {"file": str(file), "port": port, "count": count, "patience": patience}
        return [(verdict, seconds) for verdict, seconds in await self._ask(order)]

    async def rivalry(self) -> float:
        """How many times as long as on a machine of its own something takes now."""
        return float(await self._ask({}))

    async def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


if __name__ == "__main__":
    main()
