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
from tests.faults.pulse import Pulse
from tests.faults.scenarios import scenario
from tests.faults.senders import TOKEN
from tests.faults.thrower import Thrower
from tests.faults.windows import Windows

_ROUNDS, _AT_ONCE = 5, 20
"""Every bomb is thrown so often, by so many at once."""
_BOMB_SECONDS = 0.25
"""All that come at once are answered within that, where nobody else wants the processor; and none costs more of it."""
_TIMES_CALM = 2.0
"""A good client's p99 may at most double."""
_BOMBS_FLOOR_SECONDS, _SLOW_FLOOR_SECONDS = 0.03, 0.02
"""What is less is not looked at: one request that waits for a few pieces of others' bodies, or for one write of the disk more."""
_MOST_MB = 64
_SILENT_SECONDS, _ANSWER_SECONDS = 0.6, 10.0
"""Who says nothing for so long waits for more: where that is allowed, and where an answer is due."""
_SLOW_CONNECTIONS, _CONNECTS_PER_SECOND, _LONGEST_LIFE = 2000, 400, 45.0


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


@scenario("S2", 0.4, 55, is_alone=True)
async def bombs(outcome: Outcome) -> None:
    """Every bomb a hundred times, twenty at once: refused or closed, memory stays bounded, a good client hardly notices."""
    units = [("ingest", ("--role", "ingest")), ("rest", ("--role", "process", "--role", "correlate", "--role", "deliver"))]
    plan = Plan(rate=400, units=units, sinks=("archive",))
    async with arena(plan, outcome) as one, Thrower(one.folder) as thrower, Pulse(one.hec_port) as pulse:
        every = await asyncio.to_thread(_bombs)
        one.send()
        times = _Times(one, pulse)
        await times.begin(4)
        volley = Volley(one, thrower, await _idle_share(one))
        for _ in range(_ROUNDS):
            await volley.rest()
            await volley.without(times.calm(3))
            for name, (port, data) in every.items():
                await volley.throw(name, port, data)
            await times.busy()
        await volley.without(times.calm(3))
        volley.judge()
        times.judge(_BOMBS_FLOOR_SECONDS)
        await one.end()
        one.ledger.sinks["archive"].foreign = 0  # some bombs are events, if odd ones
        one.judge()


class _Times:
    """How long good clients' requests take, with and without those that mean harm, in turns."""

    def __init__(self, one: Arena, pulse: Pulse) -> None:
        self._one, self._pulse, self._windows = one, pulse, Windows()

    async def begin(self, seconds: float) -> None:
        """Let good clients ask for so long before anybody looks."""
        await self._pulse.taken()
        await asyncio.sleep(seconds)

    async def calm(self, seconds: float) -> None:
        """Nobody means harm for so long. What was asked before that and not yet answered is not looked at."""
        await asyncio.sleep(0.5)
        await self._pulse.taken()
        await asyncio.sleep(seconds)
        self._windows.calm.append(await self._pulse.taken())

    async def busy(self) -> None:
        """Somebody has meant harm since the last look."""
        self._windows.sick.append(await self._pulse.taken())

    async def busy_every(self, seconds: float) -> None:
        """The same in windows, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.busy()

    def judge(self, floor_seconds: float) -> None:
        """A good client hardly notices."""
        sick, calm = self._windows.sizes
        self._one.outcome.figures["requests_looked_at"] = f"{sick} and {calm} calm"
        self._one.outcome.check("enough requests were looked at", min(sick, calm) >= 300, (sick, calm))
        self._one.outcome.check("no request of a good client is refused", not self._pulse.refused, self._pulse.refused)
        self._windows.judge(self._one.outcome, "a good client's p99 at most doubles", _TIMES_CALM, floor_seconds)


async def _idle_share(one: Arena) -> float:
    """Processor time of the receiver, in seconds a second, for what good clients send."""
    unit, began = one.fleet["ingest"], time.monotonic()
    before = unit.processor_seconds()
    await asyncio.sleep(3)
    return (unit.processor_seconds() - before) / (time.monotonic() - began)


class Volley:
    """Throws one kind of bomb many times at once, and notes what came of it."""

    def __init__(self, one: Arena, thrower: Thrower, idle_share: float) -> None:
        self._one, self._unit, self._thrower, self._idle_share = one, one.fleet["ingest"], thrower, idle_share
        self._base = self._peak = self._unit.resident_bytes()
        self._calm_growth = 0
        self._rivalry = 1.0
        self._verdicts: dict[str, list[str]] = {}
        self._answered: dict[str, list[float]] = {}
        self._grown: dict[str, int] = {}
        self._cost: dict[str, list[float]] = {}

    async def without(self, calm: Awaitable[None]) -> None:
        """A while in which none are thrown: memory that grows then is not theirs."""
        before = self._unit.resident_bytes()
        await calm
        self._calm_growth += max(0, self._unit.resident_bytes() - before)

    async def rest(self) -> None:
        """See how much longer things take because others want the processors."""
        self._rivalry = max(self._rivalry, await self._thrower.rivalry())

    async def throw(self, name: str, port: str, data: bytes) -> None:
        """Once by each of many clients."""
        patience = _SILENT_SECONDS if name in _WAITED_FOR else _ANSWER_SECONDS
        before, spent, began = self._unit.resident_bytes(), self._unit.processor_seconds(), time.monotonic()
        where = self._one.hec_port if port == "hec" else self._one.syslog_port
        volley = asyncio.create_task(self._thrower.throw(data, where, _AT_ONCE, patience))
        while not (await asyncio.wait([volley], timeout=0.02))[0]:
            self._peak = max(self._peak, self._unit.resident_bytes())
        found = volley.result()
        self._one.hit("bomb")
        self._verdicts.setdefault(name, []).extend(answer for answer, _ in found)
        self._answered.setdefault(name, []).append(max((seconds for answer, seconds in found if answer != "open"), default=0.0))
        cost = self._unit.processor_seconds() - spent - self._idle_share * (time.monotonic() - began)
        self._cost.setdefault(name, []).append(cost / _AT_ONCE)
        self._grown[name] = self._grown.get(name, 0) + ((self._unit.resident_bytes() - before) >> 20)

    def judge(self) -> None:
        """Every kind was refused, soon, cost little, and memory stayed."""
        outcome, grown = self._one.outcome, (self._peak - self._base - self._calm_growth) / (1 << 20)
        self._one.faults["bomb"] = sum(map(len, self._verdicts.values()))
        outcome.figures |= {"grown_mb": round(grown), "grown_mb_by_bomb": self._grown}
        outcome.figures["answers"] = {name: sorted(set(found)) for name, found in self._verdicts.items()}
        _judge_answers(outcome, self._verdicts)
        outcome.check(f"memory rises by at most {_MOST_MB} MiB", grown <= _MOST_MB, f"{grown:.0f} MiB")
        self._judge_costs()
        self._judge_times()

    def _judge_costs(self) -> None:
        costs = {name: statistics.median(found) for name, found in self._cost.items()}
        dearest = max(costs, key=lambda name: costs[name])
        self._one.outcome.figures["dearest_bomb"] = f"{dearest} {costs[dearest] * 1000:.0f} ms of processor"
        detail = {name: f"{1000 * seconds:.0f} ms" for name, seconds in costs.items()}
        self._one.outcome.check("no bomb costs more than 250 ms of processor time", costs[dearest] <= _BOMB_SECONDS, detail)

    def _judge_times(self) -> None:
        """Of all that came at once the last answer, in the median volley of each kind."""
        answered, outcome = {name: statistics.median(found) for name, found in self._answered.items()}, self._one.outcome
        slowest = max(answered, key=lambda name: answered[name])
        outcome.figures["answered_ms_by_bomb"] = {name: round(1000 * seconds) for name, seconds in answered.items()}
        outcome.figures |= {"answered_ms_longest": round(1000 * answered[slowest]), "slowest_bomb": slowest}
        outcome.figures["rivalry"] = round(self._rivalry, 2)
        soon = answered[slowest] <= _BOMB_SECONDS * self._rivalry
        detail = f"{slowest} {1000 * answered[slowest]:.0f} ms, where all takes {self._rivalry:.1f} times as long as alone"
        outcome.check("all that come at once are answered within 250 ms of a machine of their own", soon, detail)


_KEPT = frozenset(("frame of 8 MB", "too many keys", "depth of arrays", "gzip in gzip"))
"""May be taken as events, cut or marked."""
_WAITED_FOR = frozenset(("chunk of 4 GiB", "octet count of 4 GiB", "octet count of 40 digits", "frame of 8 MB"))
"""May be waited for, until the connection has stalled for too long. All others are answered, however long that takes."""


def _judge_answers(outcome: Outcome, verdicts: dict[str, list[str]]) -> None:
    for name, found in verdicts.items():
        allowed = {"closed", *({"200"} if name in _KEPT else ()), *({"open"} if name in _WAITED_FOR else ())}
        holds = all(answer in allowed or answer.startswith("4") for answer in found)
        outcome.check(f"bomb: {name}: refused, closed, or kept within limits", holds, sorted(set(found)))


@scenario("S3", 0.4, 40, is_alone=True)
async def slowloris(outcome: Outcome) -> None:
    """Two thousand connections that send a byte a second: all closed by our timeouts, a good client hardly notices."""
    limits = {"connections": {"stalled_seconds": 5, "idle_seconds": 10}}
    plan = Plan(rate=400, sinks=("archive",), source_settings=limits)
    async with arena(plan, outcome) as one, Pulse(one.hec_port) as pulse:
        one.send()
        times, unit = _Times(one, pulse), one.fleet.units[0]
        await times.begin(4)
        before = unit.descriptors()
        for _ in range(2):
            await times.calm(4)
        began, watch = time.monotonic(), asyncio.create_task(_most(unit.descriptors))
        looking = asyncio.create_task(times.busy_every(4))
        lives = await asyncio.gather(*[_slowly(one, number) for number in range(_SLOW_CONNECTIONS)])
        watch.cancel()
        looking.cancel()
        most = await watch
        took = round(time.monotonic() - began)
        one.faults["slow connections"] = len(lives)
        outcome.check("every slow connection is closed within its timeouts", max(lives) <= _LONGEST_LIFE, f"{max(lives):.1f} s")
        outcome.check("the connections really were open", most >= before + 0.8 * _SLOW_CONNECTIONS, f"{before}, then {most}")
        for _ in range(2):
            await times.calm(4)
        times.judge(_SLOW_FLOOR_SECONDS)
        outcome.check("descriptors come back", unit.descriptors() <= before + 5, f"{before}, {most}, {unit.descriptors()}")
        outcome.figures |= {"longest_life_seconds": round(max(lives), 1), "took_seconds_slowly": took, "descriptors": most}
        await one.end()
        one.ledger.sinks["archive"].foreign = 0
        one.judge()


async def _slowly(one: Arena, number: int) -> float:
    """A connection of one of three shapes; they begin one after the other, as fast as may be connected."""
    shapes: tuple[tuple[str, bytes], ...] = (
        ("hec", b"POST /services/collector/event HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 1000),
        ("hec", _head(100_000) + b'{"event":"' + b"x" * 1000),
        ("syslog", b"1000 <13>1 - - - - - - " + b"z" * 900),
    )
    await asyncio.sleep(number / _CONNECTS_PER_SECOND)
    return await _drip(one, *shapes[number % len(shapes)], f"127.0.4.{number % 50 + 1}")


async def _drip(one: Arena, port: str, data: bytes, address: str) -> float:
    """A byte a second until the far end closes; how long that took, or what is longer than allowed."""
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
            if reader.at_eof() or writer.is_closing() or reader._buffer or time.monotonic() - began > 2 * _LONGEST_LIFE:  # type: ignore[attr-defined]  # private
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


@scenario("S5", 0.1, 16)
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
