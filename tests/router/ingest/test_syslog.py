"""Syslog over UDP, TCP and TLS, from sockets and from real senders."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router.errors import ConfigError, Misconfigured
from router.ingest import _datagrams
from router.ingest._syslog_stream import SyslogStream
from router.protocols import Source
from tests.contract.source import SourceContract, build, counted, doubted, running
from tests.peers.certificates import Authority

HERE = "127.0.0.1:0"


def udp(port: int, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for message in messages:
            sock.sendto(message, ("127.0.0.1", port))


async def tcp(port: int, data: bytes, **options: Any) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    writer.write(data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def closed(reader: asyncio.StreamReader) -> None:
    """The far end has closed, one way or another, and said nothing."""
    try:
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    except (ssl.SSLError, ConnectionError):
        pass


class TestUdp(SourceContract):
    name = "contract-udp"
    bad_reason = "empty"

    def make(self, folder: Path) -> Source:
        return build("syslog", self.name, udp=HERE)

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        udp(source.addresses[0][1], *payloads)

    async def send_bad(self, source: Source, folder: Path) -> None:
        udp(source.addresses[0][1], b"\n")


class TestTcp(SourceContract):
    name = "contract-tcp"
    bad_reason = "octet_count"

    def make(self, folder: Path) -> Source:
        return build("syslog", self.name, tcp=HERE)

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        await tcp(source.addresses[0][1], b"".join(p + b"\n" for p in payloads))

    async def send_bad(self, source: Source, folder: Path) -> None:
        await tcp(source.addresses[0][1], b"99999999 <13>x")


class TestTls(SourceContract):
    name = "contract-tls"
    bad_reason = "tls_handshake"

    def make(self, folder: Path) -> Source:
        (folder / "tls").mkdir(exist_ok=True)
        cert, key = Authority(folder / "tls").issue("localhost")
        return build("syslog", self.name, tls={"listen": HERE, "cert_file": cert, "key_file": key})

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        context = ssl.create_default_context(cafile=str(folder / "tls/ca.pem"))
        data = b"".join(b"%d %s" % (len(p), p) for p in payloads)
        await tcp(source.addresses[0][1], data, ssl=context, server_hostname="localhost")

    async def send_bad(self, source: Source, folder: Path) -> None:
        await tcp(source.addresses[0][1], b"<13>plain text on a TLS port\n")


async def test_one_source_listens_on_all_three_and_says_where(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).issue("localhost")
    source = build("syslog", "all", udp=HERE, tcp=HERE, tls={"listen": HERE, "cert_file": cert, "key_file": key})
    async with running(source) as one:
        assert len(one.addresses) == 3
        assert all(host == "127.0.0.1" and port for host, port in one.addresses)


async def test_a_datagram_is_one_message_and_loses_only_its_trailer() -> None:
    async with running(build("syslog", "net", udp=HERE)) as one:
        udp(one.addresses[0][1], b"<13>a\nb\n", b"<13>c\r\n\0", b"54 <13>d", b"x" * 65_507)
        assert await one.arrived(4) == [b"<13>a\nb", b"<13>c", b"54 <13>d", b"x" * 65_507]


async def test_a_datagram_at_the_limit_is_whole_and_one_byte_more_is_cut_and_marked() -> None:
    async with running(build("syslog", "net", udp=HERE, max_datagram_bytes=480)) as one:
        udp(one.addresses[0][1], b"x" * 480, b"y" * 481)
        assert sorted(await one.arrived(2)) == [b"x" * 480, b"y" * 480]
        assert {r.body[:1]: r.facts.meta for r in one.log.all} == {b"x": (), b"y": (("flaw", "truncated"),)}


async def test_a_frame_at_the_limit_is_whole_and_one_byte_more_is_cut_and_marked() -> None:
    before = doubted("net", "truncated")
    async with running(build("syslog", "net", tcp=HERE, max_frame_bytes=500)) as one:
        await tcp(one.addresses[0][1], b"a\n" + b"x" * 500 + b"\n" + b"y" * 501 + b"\nb\n")
        assert await one.arrived(4) == [b"a", b"x" * 500, b"y" * 500, b"b"]
        assert [r.facts.meta for r in one.log.all] == [(), (), (("flaw", "truncated"),), ()]
    assert doubted("net", "truncated") - before == 1


async def test_a_stream_of_small_messages_never_rests_and_large_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rested, rest = list[SyslogStream](), SyslogStream._rest

    def noted(stream: SyslogStream) -> None:
        rested.append(stream)
        rest(stream)

    monkeypatch.setattr(SyslogStream, "_rest", noted)
    lines, large = [b"<13>%06d %b" % (n, b"x" * 300) for n in range(8000)], [b"<13>" + b"%d" % n * 500_000 for n in range(3)]
    async with running(build("syslog", "pace", tcp=HERE, max_frame_bytes=800_000)) as one:
        port = one.addresses[0][1]
        await tcp(port, b"\n".join((*lines, b"")))
        await one.arrived(len(lines))
        assert not rested
        await tcp(port, b"\n".join((*large, b"")))
        await one.arrived(len(lines) + len(large))
        assert rested
        assert one.log.bodies == [*lines, *large]


async def test_what_a_closed_connection_leaves_unfinished_is_kept() -> None:
    async with running(build("syslog", "net", tcp=HERE)) as one:
        await tcp(one.addresses[0][1], b"<13>a\n<13>no line feed")
        assert await one.arrived(2) == [b"<13>a", b"<13>no line feed"]
        await tcp(one.addresses[0][1], b"99 <13>cut")
        assert (await one.arrived(3))[2] == b"<13>cut"
        assert one.log.all[2].facts.meta == (("flaw", "incomplete"),)


async def test_a_sender_is_held_back_while_the_log_stands_still_and_loses_nothing() -> None:
    line = b"<13>" + b"x" * 995
    async with running(build("syslog", "net", tcp=HERE), memory_bytes=64 << 20) as one:
        one.log.gate.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        for _ in range(20_000):
            writer.write(line + b"\n")
        writer.transport.set_write_buffer_limits(0)
        with pytest.raises(TimeoutError):  # the window of TCP is shut
            await asyncio.wait_for(writer.drain(), 1.0)
        one.log.gate.set()
        await writer.drain()
        writer.close()
        assert await one.arrived(20_000) == [line] * 20_000


async def test_memory_is_bounded_by_pausing_not_by_losing() -> None:
    async with running(build("syslog", "net", tcp=HERE), memory_bytes=100_000) as one:
        one.log.gate.clear()
        senders = [asyncio.create_task(tcp(one.addresses[0][1], b"<13>%0900d\n" % n * 2000)) for n in range(8)]
        await one.until(lambda: one.emit.busy)
        one.log.gate.set()
        await asyncio.gather(*senders)
        assert len(await one.arrived(16_000, seconds=60)) == 16_000


async def test_connections_at_the_limit_are_taken_and_one_more_is_refused() -> None:
    before = counted("net").get("connections_per_address", 0)
    async with running(build("syslog", "net", tcp=HERE, connections={"per_address": 3})) as one:
        port = one.addresses[0][1]
        open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for number, (_, writer) in enumerate(open_ones):
            writer.write(b"<13>%d\n" % number)
        await one.arrived(3)
        reader, refused = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        refused.close()
        open_ones[0][1].close()
        await asyncio.sleep(0.05)
        await tcp(port, b"<13>room again\n")
        assert len(await one.arrived(4)) == 4
        for _, writer in open_ones[1:]:
            writer.close()
    assert counted("net")["connections_per_address"] - before == 1


async def test_connections_in_a_second_at_the_limit_are_taken_and_one_more_is_refused() -> None:
    from router.ingest._listener import Admission, ConnectionLimits

    now = 10.0
    admission = Admission(ConnectionLimits(accepted_per_second=5, total=7), lambda: now)
    assert [admission.refusal("a") for _ in range(6)] == [""] * 5 + ["connection_rate"]
    assert admission.refusal("b") == ""
    now = 11.0
    assert [admission.refusal("a") for _ in range(2)] == ["", "connections"]
    admission.left("a")
    assert admission.refusal("c") == ""


@pytest.mark.parametrize(("sent", "kept"), [(b"<13>half", [b"<13>half"]), (b"<13>whole\n", [b"<13>whole"])])
async def test_silent_connections_are_closed_and_what_they_sent_is_kept(sent: bytes, kept: list[bytes]) -> None:
    limits = {"idle_seconds": 0.5, "stalled_seconds": 0.2}
    async with running(build("syslog", "net", tcp=HERE, connections=limits)) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        writer.write(sent)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert await one.arrived(1) == kept


@pytest.mark.parametrize("is_fast", [False, True])
async def test_a_frame_that_comes_byte_by_byte_is_given_up_and_kept(is_fast: bool) -> None:
    """Slow within one frame is a way to hold connections; slow between frames is not."""
    limits = {"idle_seconds": 30, "stalled_seconds": 0.3}
    async with running(build("syslog", "net", tcp=HERE, connections=limits)) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
        try:
            for _ in range(30):
                writer.write(b"<13>line\n" if is_fast else b"x")
                await asyncio.sleep(0.1)
        except ConnectionError:
            pass
        assert reader.at_eof() is not is_fast
        writer.close()
        assert await one.arrived(30 if is_fast else 1)


async def test_stop_reads_what_the_kernel_holds_even_of_connections_not_yet_accepted() -> None:
    async with running(build("syslog", "net", tcp=HERE, udp=HERE)) as one:
        one.stop.set()
        sockets = []
        for number in range(20):  # without giving the loop a turn
            sock = socket.create_connection(one.addresses[1])
            sock.sendall(b"<13>%d\n" % number)
            sockets.append(sock)
        udp(one.addresses[0][1], b"<13>datagram")
        assert sorted(await one.finish()) == sorted([b"<13>%d" % n for n in range(20)] + [b"<13>datagram"])
        for sock in sockets:
            sock.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(one.addresses[1])


async def test_stop_returns_though_a_sender_never_stops() -> None:
    async with running(build("syslog", "net", tcp=HERE)) as one:
        _, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])

        async def pour() -> None:
            while not writer.transport.is_closing():
                writer.write(b"<13>more\n")
                await asyncio.sleep(0.01)

        pouring = asyncio.create_task(pour())
        await one.arrived(1)
        await one.finish(seconds=15)
        writer.close()
        await pouring


async def test_a_bug_in_framing_costs_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    before = counted("net").get("codec", 0)
    async with running(build("syslog", "net", tcp=HERE)) as one:
        with monkeypatch.context() as patch:
            patch.setattr("router.ingest._syslog_frames.SyslogFrames.feed", lambda *_: 1 / 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1])
            writer.write(b"<13>x\n")
            await closed(reader)
            writer.close()
        await tcp(one.addresses[0][1], b"<13>y\n")
        assert await one.arrived(1) == [b"<13>y"]
    assert counted("net")["codec"] - before == 1


async def test_kernel_drops_are_seen() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind(("127.0.0.1", 0))
    udp(sock.getsockname()[1], *[b"x" * 1000] * 100)
    assert 0 < _datagrams.kernel_drops(sock) < 100
    sock.close()


async def test_a_port_in_use_names_the_source_and_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Misconfigured, match=f"source net: cannot listen on {address}.*choose another"):
            await build("syslog", "net", tcp=address).run(None, asyncio.Event())  # type: ignore[arg-type]  # not reached


def test_certificates_that_cannot_be_used_are_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("nonsense")
    for cert in (tmp_path / "bad.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="source net: TLS files cannot be used"):
            build("syslog", "net", tls={"listen": HERE, "cert_file": cert, "key_file": cert})


@pytest.mark.parametrize("settings", [{}, {"udp": "514"}, {"tcp": "host:99999"}, {"udp": HERE, "max_frame_bytes": 900_001}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"syslog source needs a listener|is no address|less than or equal"):
        build("syslog", "net", **settings)


class TestClientCertificates:
    async def test_a_client_without_one_is_refused_and_one_with_it_is_heard(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        cert, key = authority.issue("localhost")
        tls = {"listen": HERE, "cert_file": cert, "key_file": key, "client_ca_file": authority.ca_file}
        before = counted("net").get("tls_handshake", 0)
        async with running(build("syslog", "net", tls=tls)) as one:
            context = ssl.create_default_context(cafile=str(authority.ca_file))
            options: dict[str, Any] = {"ssl": context, "server_hostname": "localhost"}
            reader, writer = await asyncio.open_connection("127.0.0.1", one.addresses[0][1], **options)
            writer.write(b"<13>x\n")
            await closed(reader)
            writer.close()
            await one.until(lambda: counted("net").get("tls_handshake", 0) > before)
            context.load_cert_chain(*authority.issue("client"))
            await tcp(one.addresses[0][1], b"<13>known\n", **options)
            assert await one.arrived(1) == [b"<13>known"]

    async def test_old_versions_of_tls_are_refused(self, tmp_path: Path) -> None:
        cert, key = Authority(tmp_path).issue("localhost")
        async with running(build("syslog", "net", tls={"listen": HERE, "cert_file": cert, "key_file": key})) as one:
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            context.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await tcp(one.addresses[0][1], b"x", ssl=context, server_hostname="localhost")

    async def test_a_renewed_certificate_is_shown_without_a_restart(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("router.ingest._tls._LOOK_SECONDS", 0.0)
        authority = Authority(tmp_path)
        cert, key = authority.issue("localhost")
        async with running(build("syslog", "net", tls={"listen": HERE, "cert_file": cert, "key_file": key})) as one:
            first = await shown(one.addresses[0])
            authority.issue("localhost")
            second = await shown(one.addresses[0])
            key.write_text("damaged")
            assert first != second == await shown(one.addresses[0])


async def shown(address: tuple[str, int]) -> str:
    return await asyncio.to_thread(ssl.get_server_certificate, address)
