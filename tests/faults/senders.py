"""Forwarders as they are met: HEC, HEC with indexer acknowledgement, syslog over TCP; each from an address of its own."""

import asyncio
import time
import uuid
from collections.abc import Sequence

import aiohttp
import orjson

from tests.faults.events import text
from tests.faults.ledger import Sent

TOKEN, ACK_TOKEN = "ledger-token", "ledger-token-with-ack"
_TIMEOUT_SECONDS = 15.0
_ACK_SECONDS = 15.0


class Sender:
    """Sends at a rate until told to stop. `burst(n)` sends so many more at once."""

    def __init__(self, name: str, address: str, rate: float, books: Sent) -> None:
        self.name, self.rate, self.books = name, rate, books
        self._address = address
        self._acknowledged_at = time.monotonic()
        self.pause_seconds = 0.05
        """Between two batches."""

    async def run(self, stop: asyncio.Event) -> None:
        """What is due is sent in one batch; time lost in an outage is not made up for."""
        began, base = time.monotonic(), self.books.sent
        while not stop.is_set():
            due = int((time.monotonic() - began) * self.rate) - (self.books.sent - base)
            if due > (2 + self.pause_seconds) * self.rate:
                began, base, due = time.monotonic(), self.books.sent, int(self.rate / 10)
            if due >= 1:
                await self.burst(min(due, 500))
            await asyncio.sleep(self.pause_seconds)

    async def burst(self, count: int) -> None:
        """Send `count` new events; return once the protocol has nothing more to say about them."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections."""

    def _take(self, count: int) -> range:
        first = self.books.sent
        self.books.sent += count
        return range(first, first + count)

    def _acknowledge(self, numbers: Sequence[int]) -> None:
        now = time.monotonic()
        self.books.longest_gap_seconds = max(self.books.longest_gap_seconds, now - self._acknowledged_at)
        self._acknowledged_at = now
        self.books.acknowledged.update(numbers)
        if self.books.acknowledged_at is not None:
            self.books.acknowledged_at |= dict.fromkeys(numbers, now)


class Hec(Sender):
    """A batch is repeated until the answer is 200; that answer is the acknowledgement."""

    token = TOKEN

    def __init__(self, name: str, address: str, rate: float, books: Sent, port: int) -> None:
        super().__init__(name, address, rate, books)
        self._base = f"http://127.0.0.1:{port}/services/collector"
        self._session: aiohttp.ClientSession | None = None
        self.statuses: dict[int, int] = {}
        self.seconds: list[float] = []
        """How long each acknowledged request took."""

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(local_addr=(self._address, 0)),
                headers={"Authorization": f"Splunk {self.token}"},
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
            )
        return self._session

    async def burst(self, count: int) -> None:
        numbers = self._take(count)
        body = b"".join(orjson.dumps({"event": text(self.name, n)}) for n in numbers)
        while not await self._post(body):
            self.books.failures += 1
            self.books.repeated.update(numbers)
            await asyncio.sleep(0.1)
        self._acknowledge(numbers)

    async def _post(self, body: bytes) -> bool:
        return await self._ask("/event", body, {}) is not None

    async def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, object] | None:
        """The answer to a request that succeeded; None for all others."""
        began = time.monotonic()
        try:
            async with self._client().post(self._base + path, data=body, headers=headers) as answer:
                self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
                found = orjson.loads(await answer.read()) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self.statuses[0] = self.statuses.get(0, 0) + 1
            return None
        self.seconds.append(time.monotonic() - began)
        return found

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class HecWithAck(Hec):
    """Asks `/ack` until the ackId is true; a batch whose ackId does not turn true is sent again on a new channel."""

    token = ACK_TOKEN

    async def _post(self, body: bytes) -> bool:
        channel = {"X-Splunk-Request-Channel": str(uuid.uuid4())}
        answer = await self._ask("/event", body, channel)
        if answer is None:
            return False
        question = orjson.dumps({"acks": [answer["ackId"]]})
        end = time.monotonic() + _ACK_SECONDS
        while time.monotonic() < end:
            told = await self._ask("/ack", question, channel)
            if told is None:
                return False
            if told["acks"][str(answer["ackId"])]:  # type: ignore[index]  # an answer is JSON
                return True
            await asyncio.sleep(0.1)
        return False


class SyslogTcp(Sender):
    """Writes lines and hears nothing. With `is_trusted`, what a connection took that never broke counts as acknowledged."""

    def __init__(self, name: str, address: str, rate: float, books: Sent, port: int, *, is_trusted: bool = False) -> None:
        super().__init__(name, address, rate, books)
        self._port, self._is_trusted = port, is_trusted
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def burst(self, count: int) -> None:
        numbers = self._take(count)
        head = "<13>1 2026-01-01T00:00:00Z ledger-host ledger - - - "
        lines = "".join(f"{head}{text(self.name, n)}\n" for n in numbers).encode()
        while not await self._write(lines):
            self.books.failures += 1
            self.books.repeated.update(numbers)
            await asyncio.sleep(0.1)
        if self._is_trusted:
            self._acknowledge(numbers)

    async def _write(self, lines: bytes) -> bool:
        try:
            if self._connection is None:
                self._connection = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0))
            reader, writer = self._connection
            if reader.at_eof():
                raise ConnectionResetError("closed by the receiver")
            writer.write(lines)
            await writer.drain()
        except OSError:
            await self.close()
            return False
        return True

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection[1].close()
            try:
                await connection[1].wait_closed()
            except OSError:
                pass
