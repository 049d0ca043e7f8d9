"""S2, S3, S5: senders that mean harm, and networks that cut anywhere."""

import asyncio
import gzip
import socket
import statistics
import time
from collections.abc import Awaitable, Callable

import orjson

from tests.faults import conservation
from tests.faults.arena import Arena, Plan, arena
from tests.faults.events import text
from tests.faults.outcome import Outcome
from tests.faults.scenarios import scenario
from tests.faults.senders import TOKEN, Hec

_FLOOR_SECONDS = 0.5
"""Latencies below this are noise of a shared machine."""
_ROUNDS = 2
"""Of all bombs. Other work on the machine comes and goes; what bombs do to good clients shows in every round: the better one counts."""


def _head(length: int | str, *more: str, path: str = "/services/collector/event") -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Splunk {TOKEN}", f"Content-Length: {length}", *more)
    return "\r\n".join((*lines, "", "")).encode()


def _post(body: bytes, *more: str, path: str = "/services/collector/event") -> bytes:
    return _head(len(body), *more, path=path) + body


def _bombs() -> dict[str, tuple[str, bytes]]:
    """Name to (port of what, bytes)."""
    gzipped = "Content-Encoding: gzip"
    whole = gzip.compress(b"\0" * (256 << 20), 9)
    return {
        "gzip": ("hec", _post(whole, gzipped)),
        "gzip in raw": (
            "hec",
            _post(whole, gzipped, path="/services/collector/raw?channel=0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"),
        ),
        "gzip in gzip": ("hec", _post(gzip.compress(gzip.compress(b"{" * (64 << 20))), gzipped)),
        "depth": ("hec", _post(b'{"event":' * 100_000)),
        "depth of arrays": ("hec", _post(b'{"event":' + b"[" * 500_000)),
        "4 GiB declared": ("hec", _head(4 << 30) + b'{"event":1}'),
        "length of 300 digits": ("hec", _head("9" * 300)),
        "negative length": ("hec", _head(-5)),
        "chunk of 4 GiB": (
            "hec",
            _head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"FFFFFFFF\r\n" + b"x" * 1000,
        ),
        "header of 10 MB": ("hec", b"GET / HTTP/1.1\r\nX: " + b"a" * (10 << 20)),
        "number of 100,000 digits": ("hec", _post(b'{"event":"x","time":' + b"9" * 100_000 + b"}")),
        "too many keys": ("hec", _post(b'{"event":{' + b",".join(b'"k%d":1' % i for i in range(200_000)) + b"}}")),
        "octet count of 4 GiB": ("syslog", b"4294967296 <13>1 - - - - - - x"),
        "octet count of 40 digits": ("syslog", b"9" * 40 + b" <13>1 - - - - - - x"),
        "frame of 8 MB": ("syslog", b"<13>" + b"y" * (8 << 20) + b"\n"),
    }


@scenario("S2", 0.4, is_alone=True)
async def bombs(outcome: Outcome) -> None:
    """Every bomb twenty times, five at once: refused or closed, memory rises by at most 64 MiB, a good client hardly notices."""
    units = [("ingest", ("--role", "ingest")), ("rest", ("--role", "process", "--role", "correlate", "--role", "deliver"))]
    async with arena(Plan(rate=400, units=units, sinks=("archive",)), outcome) as one:
        every = await asyncio.to_thread(_bombs)
        one.send()
        await asyncio.sleep(6)
        calm, busy = [_slow(one)], list[float]()
        base, peak = one.fleet["ingest"].resident_bytes(), 0
        verdicts: dict[str, list[str]] = {}
        by_bomb: dict[str, int] = {}
        for _ in range(_ROUNDS):
            for name, (port, data) in every.items():
                before = one.fleet["ingest"].resident_bytes()
                for _ in range(4 // _ROUNDS):
                    answers = await asyncio.gather(*[_throw(one, port, data, i) for i in range(5)])
                    verdicts.setdefault(name, []).extend(answers)
                    one.hit("bomb")
                    peak = max(peak, one.fleet["ingest"].resident_bytes())
                by_bomb[name] = by_bomb.get(name, 0) + ((one.fleet["ingest"].resident_bytes() - before) >> 20)
            busy.append(_slow(one))
            await asyncio.sleep(4)
            calm.append(_slow(one))
        outcome.figures["p99_of_rounds_ms"] = [round(seconds * 1000) for seconds in busy]
        grown = (peak - base) / (1 << 20)
        outcome.figures |= {"grown_mb": round(grown), "grown_mb_by_bomb": by_bomb}
        outcome.figures["answers"] = {name: sorted(set(found)) for name, found in verdicts.items()}
        _judge_bombs(outcome, verdicts)
        outcome.check("memory rises by at most 64 MiB", grown <= 64, f"{grown:.0f} MiB")
        await _judge_pace(one, max(calm), min(busy))
        await one.end()
        one.ledger.sinks["archive"].foreign = 0  # some bombs are events, if odd ones
        one.judge()


_KEPT = frozenset(("frame of 8 MB", "too many keys", "depth of arrays", "gzip in gzip"))
"""May be taken as events, cut or marked."""
_WAITED_FOR = frozenset(("4 GiB declared", "chunk of 4 GiB", "octet count of 4 GiB", "octet count of 40 digits", *_KEPT))
"""May be waited for, until the connection has stalled for too long."""


def _judge_bombs(outcome: Outcome, verdicts: dict[str, list[str]]) -> None:
    for name, found in verdicts.items():
        allowed = {"closed", *({"200"} if name in _KEPT else ()), *({"open"} if name in _WAITED_FOR else ())}
        holds = all(answer in allowed or answer.startswith("4") for answer in found)
        outcome.check(f"bomb: {name}: refused, closed, or kept within limits", holds, sorted(set(found)))


async def _throw(one: Arena, port: str, data: bytes, number: int) -> str:
    """What the far end did: a status, `closed`, or `open` when it keeps the connection and says nothing for 3 s."""
    where = one.hec_port if port == "hec" else one.syslog_port
    reader, writer = await asyncio.open_connection("127.0.0.1", where, local_addr=(f"127.0.3.{number + 1}", 0))
    try:
        writer.write(data)
        async with asyncio.timeout(3):
            answer = await reader.read(200)
        return answer.split()[1].decode() if answer else "closed"
    except TimeoutError:
        return "open"
    except OSError:
        return "closed"
    finally:
        writer.close()


def _slow(one: Arena) -> float:
    """The 99th percentile of the good clients' requests since the last look."""
    seconds = [s for sender in one.senders if type(sender) is Hec for s in sender.seconds]
    for sender in one.senders:
        if isinstance(sender, Hec):
            sender.seconds = []
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 2 else 0.0


async def _judge_pace(one: Arena, before: float, during: float) -> None:
    """Against the slower of the times before and after: other work on the machine comes and goes."""
    await asyncio.sleep(6)
    after = _slow(one)
    calm = max(before, after)
    one.outcome.figures |= {"p99_ms": round(during * 1000), "p99_calm_ms": round(calm * 1000)}
    detail = f"{before:.3f} s before, {during:.3f} s, {after:.3f} s after"
    one.outcome.check("a good client's p99 at most doubles", during <= max(2 * calm, _FLOOR_SECONDS), detail)


@scenario("S3", 0.4, is_alone=True)
async def slowloris(outcome: Outcome) -> None:
    """Six hundred connections that send a byte a second: all closed by our timeouts, a good client hardly notices."""
    limits = {"connections": {"stalled_seconds": 5, "idle_seconds": 10}}
    async with arena(Plan(rate=400, sinks=("archive",), source_settings=limits), outcome) as one:
        one.send()
        await asyncio.sleep(6)
        calm, unit = _slow(one), one.fleet.units[0]
        before = unit.descriptors()
        shapes: tuple[tuple[str, bytes], ...] = (
            ("hec", b"POST /services/collector/event HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 1000),
            ("hec", _head(100_000) + b'{"event":"' + b"x" * 1000),
            ("syslog", b"1000 <13>1 - - - - - - " + b"z" * 900),
        )
        began = time.monotonic()
        jobs = [_drip(one, *shapes[i % len(shapes)], f"127.0.4.{i % 50 + 1}") for i in range(600)]
        watch = asyncio.create_task(_most(unit.descriptors))
        lives = await asyncio.gather(*jobs)
        watch.cancel()
        most = await watch
        one.faults["slow connections"] = len(lives)
        busy = _slow(one)
        outcome.check("every slow connection is closed within its timeouts", max(lives) <= 45, f"{max(lives):.1f} s")
        outcome.check("the connections really were open", most >= before + 400, f"{before}, then {most}")
        await _judge_pace(one, calm, busy)
        await asyncio.sleep(2)
        outcome.check("descriptors come back", unit.descriptors() <= before + 5, f"{before}, {most}, {unit.descriptors()}")
        outcome.figures |= {"longest_life_seconds": round(max(lives), 1), "took_seconds": round(time.monotonic() - began)}
        await one.end()
        one.ledger.sinks["archive"].foreign = 0
        one.judge()


async def _drip(one: Arena, port: str, data: bytes, address: str) -> float:
    """A byte a second until the far end closes; how long that took, 60 s at most."""
    where = one.hec_port if port == "hec" else one.syslog_port
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", where, local_addr=(address, 0))
    except OSError:
        return 0.0
    try:
        for byte in data:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)
            if reader.at_eof() or writer.is_closing() or reader._buffer or time.monotonic() - began > 60:  # type: ignore[attr-defined]  # private
                break
    except OSError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


async def _most(look: Callable[[], int]) -> int:
    most = 0
    try:
        while True:
            most = max(most, look())
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return most


@scenario("S5", 0.1)
async def cut_at_every_byte(outcome: Outcome) -> None:
    """A syslog stream of both framings and a HEC request, cut once at every byte: the same events as unsplit."""
    async with arena(Plan(rate=100, sinks=("archive", "search")), outcome) as one:
        sizes = []
        for name, make, play in (("cutsyslog", _frames, _play_syslog), ("cuthec", _request, _play_hec)):
            one.ledger.sinks["archive"].is_ordered = False  # each cut comes from another address
            sizes.append(await _cut_everywhere(one, name, make, play))
        outcome.figures["cuts"] = sum(sizes)
        outcome.check("cuts were made", sum(sizes) > 500, sizes)
        await one.end()
        one.judge(least=500)
        await conservation.judge(one)


def _frames(name: str, numbers: list[int]) -> bytes:
    head = "<13>1 2026-01-01T00:00:00Z cut-host cut - - - "
    counted = "".join(f"{len(head + text(name, n))} {head}{text(name, n)}" for n in numbers[2:])
    lines = "".join(f"{head}{text(name, n)}\n" for n in numbers[:2])
    return (lines + counted).encode()


def _request(name: str, numbers: list[int]) -> bytes:
    return _post(b"\n".join(orjson.dumps({"event": text(name, n)}) for n in numbers))


async def _cut_everywhere(
    one: Arena, name: str, make: Callable[[str, list[int]], bytes], play: Callable[[Arena, bytes, int, str], Awaitable[bool]]
) -> int:
    books, cut = one.ledger.sender(name), 1
    while True:
        numbers = list(range(books.sent, books.sent + 4))
        data = make(name, numbers)
        if cut >= len(data):
            return cut - 1
        books.sent += 4
        address = f"127.0.5.{cut % 100 + 1}"
        if await play(one, data, cut, address):
            books.acknowledged.update(numbers)
        else:
            one.outcome.check(f"{name}: cut at {cut} is taken", False)
        cut += 1


async def _connect(port: int, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return reader, writer


async def _play_syslog(one: Arena, data: bytes, cut: int, address: str) -> bool:
    _, writer = await _connect(one.syslog_port, address)
    writer.write(data[:cut])
    await asyncio.sleep(0.004)
    writer.write(data[cut:])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    return True


async def _play_hec(one: Arena, data: bytes, cut: int, address: str) -> bool:
    reader, writer = await _connect(one.hec_port, address)
    writer.write(data[:cut])
    await asyncio.sleep(0.004)
    writer.write(data[cut:])
    answer = await reader.read(100)
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")
