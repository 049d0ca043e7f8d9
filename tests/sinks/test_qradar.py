"""The QRadar sink: contract, settling over TCP and TLS, and a receiver that is killed."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import ValidationError

from router.batch import Record
from router.demo.standins import QRadarStandIn
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome, Sink
from sinks._line_connection import LineConnection
from sinks.qradar import QRadar, QRadarSettings
from tests.contract.sink import FarEnd, RemoteContract, opened, record, records, write_all
from tests.peers import slow_reader
from tests.peers.blocking_tls import blocking_tls
from tests.peers.certificates import Authority
from tests.peers.wire import Wire

UID = re.compile(rb"\teventUid=([0-9a-f]{32})")


def qradar(**settings: Any) -> QRadar:
    block = {"kind": "qradar", "host": "127.0.0.1", "settle_seconds": 0.05, "timeout_seconds": 10} | settings
    return QRadar("offences", QRadarSettings.model_validate(block))


class End(QRadarStandIn):
    """The stand-in as the far end of the contract."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.settings: dict[str, Any] = {}

    def sink(self, **settings: Any) -> QRadar:
        return qradar(**{"port": self.address[1]} | self.settings | settings)

    def ids(self) -> Collection[str]:
        return set(self.arrivals)

    def id_of(self, record: Record) -> str:
        return record.id.hex()


@contextlib.contextmanager
def standing_still() -> Iterator[int]:
    """The port of a listener that never reads: kernels buffer some, then acknowledge nothing more."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def kinds_of_endings(sink: Sink) -> set[type]:
    """Of writing some 8 MB at once."""
    writing = [asyncio.create_task(sink.write(records(500, message="x" * 3000))) for _ in range(5)]
    return {type(one) for one in await asyncio.gather(*writing, return_exceptions=True)}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class TestQRadar(RemoteContract):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[End]:
        async with End() as end:
            yield end

    async def test_what_the_far_end_did_not_take_is_not_delivered(self, far_end: FarEnd) -> None:
        """A listener whose reader stands still: the kernels' buffers fill, and then nothing more is acknowledged."""
        with standing_still() as port:
            async with opened(far_end.sink(port=port, timeout_seconds=1)) as sink:
                assert Retryable in await kinds_of_endings(sink)


class TestQRadarOverTls(RemoteContract):
    @pytest.fixture
    async def far_end(self, authority: Authority) -> AsyncIterator[End]:
        async with End(tls=authority.server()) as end:
            end.settings = {"tls": {"ca_file": authority.ca_file}}
            yield end


async def test_lines_arrive_in_the_order_of_the_calls() -> None:
    async with End() as end, opened(end.sink()) as sink:
        batches = [records(10) for _ in range(20)]
        await asyncio.gather(*map(sink.write, batches))
        wanted = [r.id.hex().encode() for batch in batches for r in batch]
        assert [UID.search(line)[1] for line in end.lines] == wanted  # type: ignore[index]  # every line has one


async def test_nothing_is_delivered_before_it_has_settled() -> None:
    async with End() as end, opened(end.sink(settle_seconds=0.5)) as sink:
        called = time.monotonic()
        assert list((await sink.write(records(3))).outcomes) == [Outcome.DELIVERED] * 3
        assert time.monotonic() - called >= 0.5


async def test_a_connection_that_is_lost_before_settling_delivers_nothing() -> None:
    async with End() as end, opened(end.sink(settle_seconds=5)) as sink:
        writing = asyncio.create_task(sink.write(records(3)))
        while end.received < 3:
            await asyncio.sleep(0.01)
        await end.stop()
        with pytest.raises(Retryable, match="connection_lost"):
            await writing


async def test_a_far_end_that_says_goodbye_counts_as_lost() -> None:
    async with Wire(b"").listening() as url, opened(qradar(port=int(url.rpartition(":")[2]), settle_seconds=5)) as sink:
        with pytest.raises(Retryable):
            await sink.write(records(3))


async def test_a_far_end_that_closes_tls_and_not_the_connection_counts_as_lost(authority: Authority) -> None:
    """It takes bytes from the wire as before, and reads none of them: what the kernel acknowledges says nothing any more."""
    with blocking_tls(authority.server(), says_goodbye=True) as port:
        async with opened(qradar(port=port, tls={"ca_file": authority.ca_file}, settle_seconds=5)) as sink:
            with pytest.raises(Retryable, match="closed by the far end"):
                await sink.write(records(1))


async def test_a_write_that_waited_does_not_overtake_those_that_were_lost() -> None:
    """Both were called on the connection that broke: the second may not go out before the first is sent again."""
    async with End() as end, opened(end.sink(settle_seconds=1, max_unsettled_bytes=1 << 16)) as sink:
        await sink.write(records(1))
        first, second = records(50, message="x" * 2000), records(50, message="y" * 2000)
        writing = [asyncio.create_task(sink.write(one)) for one in (first, second)]
        while end.received < 51:
            await asyncio.sleep(0.01)
        await end.stop()
        await end.start()
        ended = await asyncio.gather(*writing, return_exceptions=True)
        assert [type(one) for one in ended] == [Retryable, Retryable]
        assert not {r.id.hex() for r in second} & set(end.ids())


async def test_no_more_is_under_way_than_allowed() -> None:
    async with End() as end, opened(end.sink(settle_seconds=0.5, max_unsettled_bytes=1 << 16)) as sink:
        writing = [asyncio.create_task(sink.write(records(20, message="x" * 2000))) for _ in range(6)]
        await asyncio.sleep(0.3)
        assert 20 <= end.received <= 40
        await asyncio.gather(*writing)
        assert end.received == 120


async def test_the_budget_is_nine_tenths_of_the_licence() -> None:
    limits = qradar(port=514, licensed_eps=1000, alert_share=0.3).limits
    assert (limits.records_per_second, limits.alert_share, limits.ordered) == (900, 0.3, True)
    assert qradar().limits.records_per_second is None


class Journal:
    """Each part that was sent: the moments between which it arrived, and its lines."""

    def __init__(self) -> None:
        self.parts: list[list[float]] = []

    def most_in_a_second(self) -> float:
        """Lines that may have arrived within one second."""
        return max(sum(n for b, e, n in self.parts if e > began - 1 and b <= began) for began, _, _ in self.parts)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    kept, send, taken = Journal(), LineConnection.send, LineConnection.taken

    def sending(connection: LineConnection, data: bytes) -> int:
        kept.parts.append([time.monotonic(), 0.0, data.count(b"\n")])
        return send(connection, data)

    async def taking(connection: LineConnection, offset: int) -> None:
        await taken(connection, offset)
        kept.parts[-1][1] = kept.parts[-1][1] or time.monotonic()

    monkeypatch.setattr(LineConnection, "send", sending)
    monkeypatch.setattr(LineConnection, "taken", taking)
    return kept


async def test_what_was_chosen_too_late_still_keeps_to_the_licence(journal: Journal) -> None:
    """As when the process was busy: more is called at once than a second may have."""
    async with End() as end, opened(end.sink(licensed_eps=500)) as sink:
        await asyncio.gather(*[sink.write(records(250)) for _ in range(5)])
        assert end.received == 1250
    assert 225 <= journal.most_in_a_second() <= 450


async def test_workers_keep_to_their_part_of_the_licence(journal: Journal) -> None:
    async with End() as end:
        sink = end.sink(licensed_eps=500)
        sink.limits = sink.limits._replace(records_per_second=50)
        async with opened(sink):
            await sink.write(records(120))
    assert 26 <= journal.most_in_a_second() <= 50


async def test_a_connection_that_is_lost_between_two_parts_delivers_nothing() -> None:
    async with End() as end, opened(end.sink(licensed_eps=100)) as sink:
        writing = asyncio.create_task(sink.write(records(180)))
        while end.received < 40:
            await asyncio.sleep(0.01)
        await end.stop()
        with pytest.raises(Retryable, match="connection_lost"):
            await writing


async def test_a_certificate_of_somebody_else_pauses(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    async with End(tls=authority.server()) as end, opened(end.sink(tls={"ca_file": other.ca_file})) as sink:
        with pytest.raises(Misconfigured, match="certificate"):
            await sink.write(records(1))


async def test_a_certificate_for_another_name_pauses(authority: Authority) -> None:
    server = authority.server("other.lab", address="127.0.0.9")
    async with End(tls=server) as end:
        async with opened(end.sink(tls={"ca_file": authority.ca_file})) as sink:
            with pytest.raises(Misconfigured, match="certificate"):
                await sink.write(records(1))
        async with opened(end.sink(tls={"ca_file": authority.ca_file, "server_name": "other.lab"})) as sink:
            assert list((await sink.write(records(1))).outcomes) == [Outcome.DELIVERED]


async def test_a_certificate_that_nobody_checks_is_taken(authority: Authority) -> None:
    async with End(tls=authority.server()) as end, opened(end.sink(tls={"verify": False})) as sink:
        assert list((await sink.write(records(1))).outcomes) == [Outcome.DELIVERED]


async def test_a_client_without_the_certificate_that_is_wanted_pauses(authority: Authority) -> None:
    """With TLS 1.3 that is only told after the handshake."""
    with blocking_tls(authority.server(clients=True)) as port:
        async with opened(qradar(port=port, tls={"ca_file": authority.ca_file}, settle_seconds=5)) as sink:
            with pytest.raises(Misconfigured, match="CERTIFICATE_REQUIRED"):
                await sink.write(records(1))


async def test_a_client_with_the_certificate_that_is_wanted_is_let_in(authority: Authority) -> None:
    certificate, key = authority.issue("client.lab")
    tls = {"ca_file": authority.ca_file, "cert_file": certificate, "key_file": key}
    async with End(tls=authority.server(clients=True)) as end, opened(end.sink(tls=tls)) as sink:
        assert list((await sink.write(records(1))).outcomes) == [Outcome.DELIVERED]


async def test_tls_where_none_is_spoken_delivers_nothing(authority: Authority) -> None:
    """A syslog receiver without TLS takes the hello for a line and waits for more."""
    async with End() as end, opened(end.sink(tls={"ca_file": authority.ca_file}, timeout_seconds=0.3)) as sink:
        with pytest.raises(Retryable, match="unreachable"):
            await sink.write(records(1))


async def test_tls_files_that_are_missing_pause(tmp_path: Path) -> None:
    async with opened(qradar(port=1, tls={"ca_file": tmp_path / "no.pem"})) as sink:
        with pytest.raises(Misconfigured, match=r"no\.pem"):
            await sink.write(records(1))


@pytest.mark.parametrize("tls", [False, True])
def test_what_is_acknowledged_is_known_under_uvloop_too(authority: Authority, tls: bool) -> None:
    """It has transports of its own."""

    async def run() -> None:
        async with End(tls=authority.server() if tls else None) as end:
            settings = {"tls": {"ca_file": authority.ca_file}} if tls else {}
            async with opened(end.sink(**settings)) as sink:
                results = await asyncio.gather(*(sink.write(records(200, message="x" * 2000)) for _ in range(10)))
                assert all(r.outcomes == [Outcome.DELIVERED] * 200 for r in results)
                assert end.received == 2000
        with standing_still() as port:
            async with opened(qradar(port=port, timeout_seconds=1)) as stuck:
                assert Retryable in await kinds_of_endings(stuck)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


class Receiver:
    """The program of `tests/peers/slow_reader.py`."""

    def __init__(self, path: Path) -> None:
        self._path, self._port = path, 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> int:
        program = (sys.executable, slow_reader.__file__, str(self._path), str(self._port), "20000", "0.002")
        self._process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout
        self._port = int(await self._process.stdout.readline())
        return self._port

    async def kill(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            await self._process.wait()


async def test_a_receiver_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    receiver, wanted = Receiver(tmp_path / "out"), [records(100, message="x" * 400) for _ in range(150)]
    port = await receiver.start()
    delivered = 0

    async def pour(sink: Sink, mine: list[list[Record]]) -> None:
        nonlocal delivered
        for batch in mine:
            await write_all(sink, batch, tries=1000)
            delivered += len(batch)

    async def kill() -> None:
        for part in (2000, 5000, 9000):
            while delivered < part:
                await asyncio.sleep(0.005)
            await receiver.kill()
            await receiver.start()

    try:
        async with opened(qradar(port=port, settle_seconds=0.5, max_unsettled_bytes=1 << 20)) as sink:
            lanes = [wanted[i::10] for i in range(10)]
            await asyncio.gather(kill(), *(pour(sink, lane) for lane in lanes))
    finally:
        await receiver.kill()
    arrived = {match.decode() for match in UID.findall((tmp_path / "out").read_bytes())}
    assert {r.id.hex() for batch in wanted for r in batch} - arrived == set()


@pytest.mark.parametrize(
    "settings", [{"port": 0}, {"host": ""}, {"max_payload": 10}, {"alerts_host": "a b"}, {"licensed_eps": 0}, {"unknown": 1}]
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        qradar(**settings)


async def test_a_line_never_exceeds_the_payload() -> None:
    async with End() as end, opened(end.sink(max_payload=512)) as sink:
        wanted = [record(message="é" * size, url={"full": "u" * size}) for size in range(0, 600, 37)]
        await sink.write(wanted)
        assert end.received == len(wanted)
        assert 450 < end.longest <= 512
