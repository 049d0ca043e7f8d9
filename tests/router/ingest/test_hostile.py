"""What hostile or broken senders do: each is a counted refusal, and another sender is served meanwhile."""

import asyncio
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from router.ingest import _listener
from tests.contract.source import Running, build, counted, doubted, running
from tests.peers.certificates import Authority

TOKENS: list[dict[str, Any]] = [{"name": "plain", "secret": SecretStr("s-plain")}]
HEAD = b"POST /services/collector HTTP/1.1\r\nHost: x\r\nAuthorization: Splunk s-plain\r\n"
HERE = "127.0.0.1:0"
_COUNT = iter(range(1_000_000))


@asynccontextmanager
async def hec(**settings: Any) -> AsyncIterator[Running]:
    source = build("splunk_hec", f"hostile-{next(_COUNT)}", listen=HERE, tokens=TOKENS, **settings)
    async with running(source) as one:
        yield one


@asynccontextmanager
async def syslog(**settings: Any) -> AsyncIterator[Running]:
    async with running(build("syslog", f"hostile-{next(_COUNT)}", tcp=HERE, **settings)) as one:
        yield one


def refusals(one: Running, reason: str) -> float:
    return counted(one.source._name).get(reason, 0)  # type: ignore[attr-defined]  # every source has one


async def counts(one: Running, reason: str, count: int) -> None:
    await one.until(lambda: refusals(one, reason) >= count)
    assert refusals(one, reason) == count


async def is_served(one: Running) -> None:
    """A well-behaved HEC client gets its answer."""
    url = f"http://127.0.0.1:{one.addresses[0][1]}/services/collector"
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(10):
            answer = await session.post(url, data=b'{"event":"good"}', headers={"Authorization": "Splunk s-plain"})
        assert answer.status == 200


async def is_heard(one: Running) -> None:
    """A well-behaved syslog sender arrives."""
    before = one.log.bodies.count(b"<13>good")
    _, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
    writer.write(b"<13>good\n")
    await one.until(lambda: one.log.bodies.count(b"<13>good") == before + 1)
    writer.close()


async def answer_to(one: Running, *pieces: bytes, pause: float = 0) -> bytes:
    """Everything that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
    said = asyncio.create_task(_everything(reader))
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if said.done():
                break
            await asyncio.sleep(pause)
    try:
        async with asyncio.timeout(20):
            return await said
    finally:
        writer.close()


async def _everything(reader: asyncio.StreamReader) -> bytes:
    """What came before the end, whether that was a goodbye or a reset."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1 << 16):
            found += piece
    return found


@pytest.mark.parametrize(
    ("length", "status", "reason"),
    [
        (b"4294967296", b"413", "hec_413"),
        (b"18446744073709551616", b"400", "http"),
        (b"-1", b"400", "http"),
        (b"9" * 40, b"400", "http"),
    ],
)
async def test_a_giant_declared_body_is_refused_before_it_is_read(length: bytes, status: bytes, reason: str) -> None:
    """What is no number of 64 bits is no HTTP."""
    async with hec() as one:
        said = await answer_to(one, HEAD + b"Content-Length: " + length + b"\r\n\r\n{")
        assert said.split(b" ")[1:2] == [status]
        await counts(one, reason, 1)
        await is_served(one)


async def test_heads_that_are_too_long_or_too_slow_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest._http_server.HEAD_SECONDS", 0.3)
    async with hec() as one:
        await answer_to(one, b"POST / HTTP/1.1\r\nX: " + b"x" * (64 << 10))
        await counts(one, "head_too_long", 1)
        await answer_to(one, b"POST / HTTP/1.1\r\n")
        await counts(one, "head_too_slow", 1)
        await is_served(one)


async def test_many_bombs_at_once_are_refused_and_cost_others_nothing() -> None:
    bomb = gzip.compress(b'{"event":"' + b"x" * (64 << 20) + b'"}', 9)
    async with hec() as one:
        url, head = f"http://127.0.0.1:{one.addresses[0][1]}/services/collector", {"Authorization": "Splunk s-plain"}
        async with aiohttp.ClientSession(headers=head | {"Content-Encoding": "gzip"}) as session:
            posts = [asyncio.create_task(session.post(url, data=bomb)) for _ in range(20)]
            await is_served(one)
            assert [(await post).status for post in posts] == [413] * 20
        await counts(one, "hec_413", 20)
        assert one.emit.memory.held_share == 0
        assert one.log.bodies == [b'{"event":"good"}']


async def test_a_compressed_body_within_a_compressed_body_is_not_opened_twice() -> None:
    twice = gzip.compress(gzip.compress(b'{"event":"x"}'))
    async with hec() as one:
        head = HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(twice)
        assert b" 400 " in await answer_to(one, head + twice)
        await is_served(one)


@pytest.mark.parametrize(("pause", "status"), [(0.02, b"200"), (0.4, b"408")], ids=["fast enough", "too slow"])
async def test_a_body_must_come_at_128_bytes_a_second(pause: float, status: bytes) -> None:
    """25 pieces of 20 bytes: at about 1,000, or at 50 bytes a second; slow only counts after `stalled_seconds`."""
    body = b'{"event":"' + b"x" * 488 + b'"}'
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with hec(connections={"stalled_seconds": 1.0}) as one:
        slow = asyncio.create_task(answer_to(one, head, *(body[at : at + 20] for at in range(0, 500, 20)), pause=pause))
        await is_served(one)
        assert status in await slow
        await counts(one, "hec_408", int(status == b"408"))


async def test_many_slow_heads_are_closed_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest._http_server.HEAD_SECONDS", 0.5)
    async with hec() as one:
        slow = [asyncio.create_task(answer_to(one, b"P", b"O", b"S", b"T", pause=0.1)) for _ in range(80)]
        await asyncio.sleep(0.3)
        await is_served(one)
        await asyncio.gather(*slow)
        await is_served(one)


@pytest.mark.parametrize("kind", ["per_address", "total"])
async def test_http_connections_at_the_limit_are_served_and_one_more_is_closed(kind: str) -> None:
    reason = "connections_per_address" if kind == "per_address" else "connections"
    async with hec(connections={kind: 3}) as one:
        held = [await asyncio.open_connection("127.0.0.1", one.addresses[0][1]) for _ in range(2)]
        await asyncio.sleep(0.1)
        await is_served(one)
        await one.until(lambda: True)
        third = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        await asyncio.sleep(0.1)
        assert refusals(one, reason) == 0
        assert await answer_to(one) == b""
        await counts(one, reason, 1)
        for _, writer in [*held, third]:
            writer.close()
        await asyncio.sleep(0.1)
        await is_served(one)


@pytest.mark.parametrize(
    ("start", "reason"),
    [(b"9999999 <13>", ""), (b"10000000 <13>", "octet_count"), (b"999999999 <13>", "octet_count"), (b"4294967295 <13>", "")],
    ids=["the largest count", "one more", "nine digits", "ten digits are no count but a line"],
)
async def test_declared_lengths_of_frames_are_bounded_before_anything_is_kept(start: bytes, reason: str) -> None:
    async with syslog(connections={"stalled_seconds": 60}) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        writer.write(start + b"x" * 1000)
        if reason:
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            await counts(one, reason, 1)
        else:
            await one.until(lambda: one.emit.memory.held_share > 0)
            assert one.emit.memory.held_share < 0.001, "memory is not taken because of what is declared"
        await is_heard(one)
        writer.close()


async def test_a_handshake_that_does_not_go_on_is_given_up_and_others_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listener, "HANDSHAKE_SECONDS", 0.5)
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    tls = {"listen": HERE, "cert_file": cert, "key_file": key}
    async with running(build("syslog", "stalled-tls", tls=tls)) as one:
        stalled = [await asyncio.open_connection("127.0.0.1", one.addresses[0][1]) for _ in range(50)]
        _, writer = await asyncio.open_connection(
            "localhost", one.addresses[0][1], ssl=ssl.create_default_context(cafile=str(authority.ca_file))
        )
        writer.write(b"<13>good\n")
        await one.arrived(1)
        await counts(one, "tls_handshake", 50)
        for reader, stalled_writer in stalled:
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            stalled_writer.close()
        writer.close()


async def test_many_senders_of_half_a_frame_are_closed_and_others_are_heard() -> None:
    async with syslog(connections={"stalled_seconds": 0.5, "idle_seconds": 60}) as one:
        name, before = one.source._name, doubted(one.source._name, "stalled")  # type: ignore[attr-defined]  # every source has one
        half = [await asyncio.open_connection("127.0.0.1", one.addresses[0][1]) for _ in range(60)]
        for _, writer in half:
            writer.write(b"<13>half")
        await is_heard(one)
        await one.until(lambda: doubted(name, "stalled") - before == 60)
        await is_heard(one)
        for _, writer in half:
            writer.close()


@pytest.mark.parametrize("path", ["/services/collector", "/services/collector/raw"])
async def test_deep_json_is_refused_as_an_event_and_kept_as_text(path: str) -> None:
    deep = b'{"event":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001
    async with hec() as one:
        url = f"http://127.0.0.1:{one.addresses[0][1]}{path}"
        async with aiohttp.ClientSession(headers={"Authorization": "Splunk s-plain"}) as session:
            answer = await session.post(url, data=deep)
        is_raw = path.endswith("raw")
        assert answer.status == (200 if is_raw else 400)
        await counts(one, "hec_6", int(not is_raw))
        assert one.log.bodies == ([deep] if is_raw else [])
        await is_served(one)


async def test_senders_that_reset_in_the_middle_cost_nothing() -> None:
    async with hec() as one:
        for _ in range(50):
            with socket.create_connection(one.addresses[0]) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.send(HEAD + b"Content-Length: 100000\r\n\r\n" + b'{"event":1}' * 100)
            await asyncio.sleep(0)
        await is_served(one)
        await one.until(lambda: one.emit.memory.held_share == 0)


async def test_frames_far_above_the_limit_are_cut_in_turns_and_nobody_behind_them_is_lost() -> None:
    """Most of each frame is thrown away in small pieces with rests between them; what follows it on the same connection is not."""
    async with syslog(max_frame_bytes=1000) as one:
        port = one.addresses[0][1]

        async def send(number: int) -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"<13>" + b"y" * (1 << 20) + b"\n<13>behind %d\n" % number)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*[send(number) for number in range(20)], is_heard(one))
        await one.arrived(41)
        assert sorted(body for body in one.log.bodies if b"behind" in body) == sorted(b"<13>behind %d" % n for n in range(20))
        assert sum(len(body) == 1000 for body in one.log.bodies) == 20
