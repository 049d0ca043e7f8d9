"""Far more than the log takes, over every transport: memory stays within its limit, and nothing acknowledged is lost."""

import asyncio
import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.journeys.deployment import TOKEN, Deployment, free_port, total

_LIMIT_MB = 64
_EVENT_BYTES, _EVENTS_PER_BODY = 1000, 1000
_HEC_SENDERS, _TCP_SENDERS, _BODIES = 24, 12, 6
_TCP_EVENTS = 6_000
_TAKES_SECONDS, _STANDS_SECONDS = 0.25, 0.75
"""The log takes something for a quarter of the time: three times what it can take is offered, and more."""


def resident_mb(number: int) -> float:
    text = Path(f"/proc/{number}/status").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


@contextlib.contextmanager
def halting(path: Path) -> Iterator[None]:
    """Somebody holds the write lock of the log for most of the time."""
    stop = threading.Event()

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as other:
            while not stop.is_set():
                other.execute("BEGIN IMMEDIATE")
                stop.wait(_STANDS_SECONDS)
                other.execute("ROLLBACK")
                stop.wait(_TAKES_SECONDS)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Posts:
    """One HEC client that repeats what is refused."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/services/collector/event"
        self.acknowledged = self.refused = 0

    async def run(self, bodies: int) -> None:
        event = b'{"event": "%s"}' % (b"x" * (_EVENT_BYTES - 13))
        async with aiohttp.ClientSession(headers={"Authorization": f"Splunk {TOKEN}"}) as session:
            for _ in range(bodies):
                while not await self._post(session, event * _EVENTS_PER_BODY):
                    self.refused += 1
                    await asyncio.sleep(0.1)
                self.acknowledged += _EVENTS_PER_BODY

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        try:
            async with session.post(self._url, data=body) as answer:
                assert answer.status in (200, 503)
                return answer.status == 200
        except aiohttp.ClientError:
            return False


async def lines(port: int, count: int) -> None:
    """One syslog sender over TCP, as fast as it is read."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count // 100):
        writer.write((b"<13>" + b"y" * (_EVENT_BYTES - 5) + b"\n") * 100)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def datagrams(port: int, stop: asyncio.Event) -> int:
    """Half of them debug messages, as fast as may be; how many."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        while not stop.is_set():
            for _ in range(100):
                sock.send(b"<%d>" % (15 if sent % 2 else 13) + b"z" * (_EVENT_BYTES - 4))
                sent += 1
            await asyncio.sleep(0.02)
    return sent


@pytest.mark.timeout(600)
async def test_memory_keeps_its_limit_under_more_than_can_be_taken(tmp_path: Path) -> None:
    udp = free_port()
    deployment = Deployment(
        tmp_path,
        {"kind": "embedded", "path": str(tmp_path / "log.db")},
        {"archive": {"kind": "file", "path": str(tmp_path / "archive.ndjson")}},
        limits={"memory_mb": _LIMIT_MB},
    )
    flood = f"sources:\n  flood: {{kind: syslog, udp: '127.0.0.1:{udp}'}}"
    deployment.config.write_text(deployment.config.read_text().replace("sources:", flood))
    await deployment.start("--role", "ingest")
    assert deployment.process is not None
    number, peak, stop = deployment.process.pid, 0.0, asyncio.Event()
    try:
        posts = [Posts(deployment.hec_port) for _ in range(_HEC_SENDERS)]
        await asyncio.gather(*(p.run(2) for p in posts), lines(deployment.syslog_port, 5000))  # everything is warm
        await _appended(deployment, _HEC_SENDERS * 2 * _EVENTS_PER_BODY + 5000)
        base = resident_mb(number)
        with halting(tmp_path / "log.db"):
            sending = [asyncio.create_task(p.run(_BODIES)) for p in posts]
            sending += [asyncio.create_task(lines(deployment.syslog_port, _TCP_EVENTS)) for _ in range(_TCP_SENDERS)]
            flooding = asyncio.create_task(datagrams(udp, stop))
            while not all(task.done() for task in sending):
                await asyncio.sleep(0.05)
                peak = max(peak, resident_mb(number))
            stop.set()
            sent = await flooding
            await asyncio.gather(*sending)
        expected = sum(p.acknowledged for p in posts) + 5000 + _TCP_SENDERS * _TCP_EVENTS
        metrics = await _appended(deployment, expected)
        assert sum(p.refused for p in posts) > 0, "memory was never short"
        assert peak - base <= 1.15 * _LIMIT_MB
        assert total(metrics, "ingest_appended_events_total", 'source="syslog"') == 5000 + _TCP_SENDERS * _TCP_EVENTS
        assert total(metrics, "ingest_appended_events_total", 'source="hec"') >= sum(p.acknowledged for p in posts)
        received = total(metrics, "ingest_received_events_total", 'source="flood"')
        assert received + total(metrics, "ingest_udp_kernel_drops", 'source="flood"') == sent
        assert await deployment.stop() == 0, deployment.tail()
    finally:
        if deployment.process.returncode is None:
            await deployment.kill()


async def _appended(deployment: Deployment, count: int) -> dict[str, float]:
    """The metrics, once so much of what is acknowledged or sent over TCP is in the log and nothing moves any more."""
    before: dict[str, float] = {}
    async with asyncio.timeout(240):
        while True:
            metrics = await deployment.metrics()
            now = {k: v for k, v in metrics.items() if "ingest" in k and "total" in k}
            done = sum(total(metrics, "ingest_appended_events_total", f'source="{s}"') for s in ("hec", "syslog"))
            if done >= count and now == before:
                return metrics
            before = now
            await asyncio.sleep(1.2)
