"""Splunk HEC: how much is taken, and what is said to those who send more."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.contract.memory_log import MemoryLog
from tests.contract.source import counted
from tests.router.ingest.hec_scene import Client, hec, serving


class TestLimits:
    @pytest.mark.parametrize(("size", "status"), [(10_000, 200), (10_001, 413)])
    @pytest.mark.parametrize("chunked", [False, True])
    async def test_wire_bytes(self, size: int, status: int, chunked: bool) -> None:
        body = b'{"event":"' + b"x" * (size - 12) + b'"}'

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 1000):
                yield body[at : at + 1000]

        async with serving(source=hec(max_body_bytes=10_000)) as (client, one):
            assert (await client.post("", pieces() if chunked else body))[0] == status
            assert len(one.log.bodies) == (status == 200)

    @pytest.mark.parametrize(("size", "status"), [(20_000, 200), (20_001, 413)])
    async def test_inflated_bytes(self, size: int, status: int) -> None:
        body = gzip.compress(b'{"event":"' + b"x" * (size - 12) + b'"}')
        async with serving(source=hec(max_inflated_bytes=20_000)) as (client, _):
            assert (await client.post("", body, Content_Encoding="gzip"))[0] == status

    async def test_a_bomb(self) -> None:
        bomb = gzip.compress(b'{"event":"' + b"x" * (18 << 20) + b'"}', 9)
        async with serving() as (client, one):
            assert (await client.post("", bomb, Content_Encoding="gzip"))[0] == 413
            assert (await client.post("", b'{"event":1}'))[0] == 200
            assert len(one.log.bodies) == 1

    @pytest.mark.parametrize(("count", "status"), [(50_000, 200), (50_001, 413)])
    async def test_events_in_a_request(self, count: int, status: int) -> None:
        async with serving() as (client, one):
            assert (await client.post("", b'{"event":1}' * count))[0] == status
            assert len(one.log.bodies) == (count if status == 200 else 0)

    @pytest.mark.parametrize(("depth", "status"), [(63, 200), (64, 400)])
    async def test_depth(self, depth: int, status: int) -> None:
        async with serving() as (client, _):
            assert (await client.post("", b'{"event":' + b"[" * depth + b"1" + b"]" * depth + b"}"))[0] == status

    @pytest.mark.parametrize(("size", "code"), [(900_000, 0), (900_001, 6)])
    async def test_bytes_of_one_event(self, size: int, code: int) -> None:
        async with serving() as (client, one):
            large = b'{"event":"' + b"x" * (size - 12) + b'"}'
            answer = (await client.post("", b'{"event":1}' + large))[1]
            assert answer["code"] == code
            assert len(one.log.bodies) == (1 if code else 2)
            assert answer.get("invalid-event-number", 1) == 1

    async def test_a_body_that_stops_coming_is_given_up(self) -> None:
        async with serving(source=hec(connections={"stalled_seconds": 0.3})) as (_, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            writer.write(
                b"POST /services/collector HTTP/1.1\r\nHost: x\r\nAuthorization: Splunk s-plain\r\nContent-Length: 100\r\n\r\n{"
            )
            async with asyncio.timeout(10):
                assert b" 408 " in await reader.read()
            writer.close()

    async def test_a_head_that_does_not_end_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("router.ingest._http_server.HEAD_SECONDS", 0.1)
        async with serving() as (_, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            writer.write(b"POST /services/coll")
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()

    @pytest.mark.parametrize(("kilobytes", "status"), [(60, b"HTTP/1.1 200"), (70, b"")])
    async def test_a_head_above_64_kib_is_closed_before_it_is_parsed(self, kilobytes: int, status: bytes) -> None:
        async with serving() as (client, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            fields = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1016) for i in range(kilobytes))
            writer.write(b"GET /services/collector/health HTTP/1.1\r\nHost: x\r\n" + fields)
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(b"\r\n")
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read(12) == status
            writer.close()
            assert (await client.post("", b'{"event":1}'))[0] == 200

    async def test_a_long_body_that_comes_with_its_head_is_no_long_head(self) -> None:
        async with serving() as (client, _):
            for _ in range(3):
                assert (await client.post("", b'{"event":"' + b"x" * 500_000 + b'"}'))[0] == 200

    async def test_bodies_together(self) -> None:
        """While one body of the most that all may hold is being read, another is told to wait."""
        async with serving(source=hec(bodies_mb=1)) as (client, one):
            _, writer = await asyncio.open_connection(*one.addresses[0])
            head = b"POST /services/collector HTTP/1.1\r\nHost: x\r\n"
            head += b"Authorization: Splunk s-plain\r\nContent-Length: 2000000\r\n\r\n"
            event = b'{"event":"' + b"x" * 100_000 + b'"}'
            writer.write(head + event * 10)
            await writer.drain()
            await asyncio.sleep(0.2)
            assert (await client.post("", event))[1]["code"] == 9
            writer.close()
            await asyncio.sleep(0.1)
            assert (await client.post("", event))[0] == 200

    async def test_guessing_is_slowed_down_and_right_tokens_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("router.ingest._hec_requests.TARPIT_DELAY_SECONDS", 0.5)
        loop = asyncio.get_running_loop()

        async def seconds(token: str) -> float:
            began = loop.time()
            await client.post("", b'{"event":1}', token)
            return loop.time() - began

        async with serving() as (client, _):
            for _ in range(10):
                assert await seconds("guess") < 0.5
            assert await seconds("guess") >= 0.5
            assert await seconds("s-plain") < 0.5


async def test_while_memory_is_short_the_answer_is_busy_and_health_says_so() -> None:
    log = MemoryLog()
    async with serving(log, memory_bytes=10_000) as (client, one):
        log.gate.clear()
        held = asyncio.create_task(client.post("", b'{"event":"' + b"x" * 9_000 + b'"}'))
        await one.until(lambda: one.emit.busy)
        async with aiohttp.ClientSession() as session:
            other = Client(session, f"http://127.0.0.1:{one.addresses[0][1]}/services/collector")
            assert await other.post("", b'{"event":1}') == (503, {"text": "Server is busy", "code": 9})
            assert other.headers["Retry-After"] == "1"
            assert (await other.ask("GET", "/health"))[1]["code"] == 18
        log.gate.set()
        assert (await held)[0] == 200


async def test_when_the_log_does_not_answer_the_client_is_told_to_try_again() -> None:
    log = MemoryLog()
    async with serving(log, deadline_seconds=0.1) as (client, _):
        log.failures = 10_000
        before = counted("hec")
        assert (await client.post("", b'{"event":1}{"event":2}'))[1]["code"] == 9
        refused = {reason: count - before.get(reason, 0) for reason, count in counted("hec").items()}
        assert {reason for reason, count in refused.items() if count} == {"received", "log_unavailable"}, "each event once"
        assert refused["received"] == refused["log_unavailable"] == 2
        log.failures = 0
        assert (await client.post("", b'{"event":1}'))[0] == 200
        assert len(log.bodies) == 1
