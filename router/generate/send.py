"""Puts made-up messages on the wire: syslog over TCP or UDP, Splunk HEC, or plain lines."""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

import aiohttp
import orjson

from router.errors import ConfigError, Problem
from router.generate.stream import Message

_SOURCETYPES = {
    "windows": "XmlWinEventLog",
    "zeek": "bro:json",
    "suricata": "suricata",
    "cloudtrail": "aws:cloudtrail",
}


class Target(Protocol):
    """Where messages go."""

    async def send(self, batch: Sequence[Message]) -> int:
        """Send, wait until the far end has what its protocol can confirm, return how many went out. Raises OSError."""

    async def close(self) -> None:
        """Let go of the connection."""


class Lines:
    """One message a line to a file object."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    async def send(self, batch: Sequence[Message]) -> int:
        """Write and flush."""
        self._out.write(b"".join(m.body + b"\n" for m in batch))
        self._out.flush()
        return len(batch)

    async def close(self) -> None:
        """Nothing to let go."""


class SyslogTcp:
    """Newline-framed syslog over one connection, made anew when it breaks."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, batch: Sequence[Message]) -> int:
        """Hand the bytes to the kernel: syslog has no acknowledgement."""
        if self._writer is None or self._writer.is_closing():
            _, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(b"".join(m.body + b"\n" for m in batch))
        await self._writer.drain()
        return len(batch)

    async def close(self) -> None:
        """Send what is buffered and close."""
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()


class SyslogUdp:
    """One datagram a message."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, port))

    async def send(self, batch: Sequence[Message]) -> int:
        """Send without any word of arrival."""
        for message in batch:
            self._socket.send(message.body)
        return len(batch)

    async def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Hec:
    """Splunk HEC, event endpoint; counts only what was answered with 200, and repeats the rest."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Splunk {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def send(self, batch: Sequence[Message]) -> int:
        """POST until it is accepted. Raises OSError when the answer is a refusal that a repeat cannot mend."""
        self._session = self._session or aiohttp.ClientSession(headers=self._headers)
        body = b"".join(map(_envelope, batch))
        while True:
            try:
                async with self._session.post(self._url, data=body) as answer:
                    text = await answer.text()
            except aiohttp.ClientError as error:
                raise ConnectionError(str(error)) from error
            if answer.status == 200:
                return len(batch)
            if answer.status not in (429, 503):
                refusal = PermissionError if answer.status in (401, 403) else ConnectionError
                raise refusal(f"HEC answered {answer.status}: {text[:200]}")
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _envelope(message: Message) -> bytes:
    event = message.body if not message.is_syslog else orjson.dumps(message.body.decode())
    head = {"time": round(message.time, 3), "sourcetype": _SOURCETYPES.get(message.format, "syslog"), "source": message.format}
    return orjson.dumps(head)[:-1] + b',"event":' + event + b"}"


def target(url: str, out: BinaryIO) -> Target:
    """`-`, `tcp://HOST:PORT`, `udp://HOST:PORT`, `hec+http://HOST:PORT?token=...`. Raises ConfigError."""
    if url == "-":
        return Lines(out)
    parts = urlsplit(url)
    if parts.hostname and _port(parts):
        if parts.scheme == "tcp":
            return SyslogTcp(parts.hostname, _port(parts))
        if parts.scheme == "udp":
            return SyslogUdp(parts.hostname, _port(parts))
        if parts.scheme in ("hec+http", "hec+https"):
            token = parse_qs(parts.query).get("token", [""])[0]
            return Hec(f"{parts.scheme[4:]}://{parts.netloc}/services/collector/event", token)
    remedy = "write -, tcp://HOST:PORT, udp://HOST:PORT or hec+http://HOST:PORT?token=TOKEN"
    raise ConfigError([Problem("--to", 1, "", f"cannot send to {url.partition('?')[0]!r}", remedy)])


def _port(parts: SplitResult) -> int:
    """0 where there is none, or none that could be."""
    try:
        return parts.port or 0
    except ValueError:
        return 0


async def pour(stream: Iterator[Message], to: Target, *, rate: float, stop: asyncio.Event) -> int:
    """Send at `rate` messages a second until the stream ends or `stop` is set; returns how many went out."""
    started, sent = time.monotonic(), 0
    while not stop.is_set():
        due = int((time.monotonic() - started) * rate) - sent
        batch = list(islice(stream, min(max(due, 0), 2000)))
        if batch:
            sent += await to.send(batch)
        elif due > 0:
            break
        await asyncio.sleep(min(0.05, 1 / rate) if not batch or due < 2000 else 0)
    return sent
