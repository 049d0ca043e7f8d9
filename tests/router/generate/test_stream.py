"""Made-up telemetry: the same for the same seed, in every format, with whole attacks in it."""

import asyncio
import io
import re
from itertools import islice

import orjson
import pytest

from router.errors import ConfigError
from router.generate import FORMATS, World, messages
from router.generate.send import Lines, SyslogTcp, pour, target

START = 1_790_000_000.0


def some(count: int, **options: object) -> list[bytes]:
    return [m.body for m in islice(messages(World(3), START, 100.0, **options), count)]  # type: ignore[arg-type]  # keywords of the call


def test_the_same_seed_gives_the_same_stream() -> None:
    assert some(3000) == some(3000)
    assert some(50) != [m.body for m in islice(messages(World(4), START, 100.0), 50)]


def test_every_format_occurs_and_can_be_asked_for_alone() -> None:
    assert {m.format for m in islice(messages(World(3), START, 100.0), 2000)} == set(FORMATS)
    assert {m.format for m in islice(messages(World(3), START, 100.0, ["zeek"]), 200)} == {"zeek"}


def test_syslog_lines_are_single_lines_with_a_priority_and_documents_are_json() -> None:
    for message in islice(messages(World(3), START, 100.0), 3000):
        if message.is_syslog:
            assert re.match(rb"<\d{1,3}>[^\n]+\Z", message.body)
        else:
            assert isinstance(orjson.loads(message.body), dict)


def test_a_brute_force_is_whole_and_within_minutes() -> None:
    guesses = [
        b
        for b in some(3000, attack_every=900)
        if b"jump-" in b and b"Failed password" in b and b" 198.51.100." in b.replace(b"from ", b" ")
    ]
    assert len(guesses) >= 30


def test_without_attacks_there_are_none() -> None:
    assert not [m for m in islice(messages(World(3), START, 100.0, attack_every=0), 5000) if m.attack]


def test_time_moves_with_the_rate() -> None:
    times = [m.time for m in islice(messages(World(3), START, 50.0), 101)]
    assert times[100] - times[0] == pytest.approx(2.0)


async def test_pouring_stops_at_the_end_of_the_stream() -> None:
    out = io.BytesIO()
    sent = await pour(islice(messages(World(3), START, 5000.0), 300), Lines(out), rate=5000, stop=asyncio.Event())
    assert sent == 300
    assert out.getvalue().count(b"\n") == 300


async def test_syslog_over_tcp_arrives_line_by_line() -> None:
    lines: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.extend([line async for line in reader])
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        to = SyslogTcp(*server.sockets[0].getsockname()[:2])
        await pour(islice(messages(World(3), START, 5000.0, ["asa"]), 200), to, rate=5000, stop=asyncio.Event())
        await to.close()
        async with asyncio.timeout(10):
            while len(lines) < 200:
                await asyncio.sleep(0.01)
    assert all(b"%ASA-" in line for line in lines)


@pytest.mark.parametrize("url", ["tcp://nowhere", "ftp://h:1", "somewhere", "tcp://h"])
def test_a_target_that_is_none_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(ConfigError, match="tcp://HOST:PORT"):
        target(url, io.BytesIO())
