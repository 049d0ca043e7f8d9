"""Syslog from senders that others wrote: logger, loggen, rsyslog."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from tests.contract.memory_log import MemoryLog
from tests.contract.source import build, running
from tests.peers import debian, loggers, rsyslog
from tests.peers.certificates import Authority
from tests.router.ingest.test_syslog import HERE, tcp


@pytest.mark.peer
class TestLogger:
    @pytest.mark.parametrize("rfc", ["--rfc5424", "--rfc3164"])
    async def test_udp(self, rfc: str) -> None:
        async with running(build("syslog", "net", udp=HERE)) as one:
            await self.send(one.addresses[0][1], "--udp", rfc)
            self.check(await one.arrived(2), rfc)

    @pytest.mark.parametrize("rfc", ["--rfc5424", "--rfc3164"])
    @pytest.mark.parametrize("framing", [[], ["--octet-count"]], ids=["lines", "octets"])
    async def test_tcp(self, rfc: str, framing: list[str]) -> None:
        async with running(build("syslog", "net", tcp=HERE)) as one:
            await self.send(one.addresses[0][1], "--tcp", rfc, *framing)
            self.check(await one.arrived(2), rfc)

    async def send(self, port: int, *options: str) -> None:
        where = ["--server", "127.0.0.1", "--port", str(port), "--priority", "user.warning", "--tag", "unit"]
        await loggers.run(loggers.logger(), *where, *options, text="first\n54 <13>second é\n".encode())

    def check(self, bodies: list[bytes], rfc: str) -> None:
        start = rb"<12>1 \d{4}-\d\d-\d\dT" if rfc == "--rfc5424" else rb"<12>[A-Z][a-z]{2} [ \d]\d \d\d:"
        assert all(re.match(start, body) and b"unit" in body for body in bodies)
        assert bodies[0].endswith(b"first")
        assert bodies[1].endswith("54 <13>second é".encode())


@pytest.mark.peer
async def test_loggen_over_tcp_loses_nothing() -> None:
    root = loggers.loggen()
    environment = debian.environment(root, "usr/lib/syslog-ng") | {"SYSLOGNG_PREFIX": str(root / "usr")}
    async with running(build("syslog", "net", tcp=HERE)) as one:
        host, port = one.addresses[0]
        load = ["--inet", "--stream", "--active-connections=3", "--rate=100000", "--interval=30", "--number=2000", "--size=300"]
        await loggers.run(str(root / "usr/bin/loggen"), *load, host, str(port), environment=environment)
        bodies = await one.arrived(6000)
        assert len(bodies) == 6000
        assert all(b"seq: " in b and b"prg00000" in b for b in bodies)


FORWARD = """
global(workDirectory="{folder}" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{folder}/ca.pem"
       defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imptcp")
input(type="imptcp" port="0" address="127.0.0.1" listenPortFileName="{folder}/port" ruleset="out")
ruleset(name="out") {{
  action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="{framing}" {driver}
         template="RSYSLOG_SyslogProtocol23Format" action.resumeInterval="1" action.resumeRetryCount="-1" queue.type="LinkedList")
}}
"""
PLAIN = 'StreamDriver="ptcp"'
TLS = 'StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"'


@pytest.mark.peer
@pytest.mark.parametrize("framing", ["traditional", "octet-counted"])
@pytest.mark.parametrize("driver", [PLAIN, TLS], ids=["tcp", "tls"])
async def test_rsyslog_forwards_everything_in_order(framing: str, driver: str, tmp_path: Path) -> None:
    root, authority = rsyslog.ensure(), Authority(tmp_path)
    cert, key = authority.issue("localhost")
    tls = {"listen": HERE, "cert_file": cert, "key_file": key, "client_ca_file": authority.ca_file}
    client_cert, client_key = authority.issue("client")
    async with running(build("syslog", "net", **({"tls": tls} if driver is TLS else {"tcp": HERE}))) as one:
        values = {"port": one.addresses[0][1], "framing": framing, "driver": driver, "cert": client_cert, "key": client_key}
        with rsyslog.running(root, FORWARD.format(folder=tmp_path, **values), tmp_path):
            port = await listening(tmp_path / "port")
            lines = [b'<34>1 2026-01-02T03:04:05.123456Z web01 app 42 ID7 [ex@32473 k="v"] n%d' % n for n in range(1000)]
            await tcp(port, b"".join(line + b"\n" for line in lines))
            assert await one.arrived(1000, seconds=30) == lines


async def listening(file: Path) -> int:
    async with asyncio.timeout(20):
        while not (file.exists() and file.read_text().strip()):
            await asyncio.sleep(0.05)
    return int(file.read_text())


@pytest.mark.peer
async def test_rsyslog_waits_while_the_log_is_away_and_goes_on_after_a_restart_of_ours(tmp_path: Path) -> None:
    root, log = rsyslog.ensure(), MemoryLog()
    async with running(build("syslog", "net", tcp=HERE), log) as one:
        port = one.addresses[0][1]
        values = {"port": port, "framing": "octet-counted", "driver": PLAIN, "cert": "", "key": ""}
        conf = re.sub(r" default\w+=\"[^\"]*\"", "", FORWARD.format(folder=tmp_path, **values))
        sender = rsyslog.running(root, conf, tmp_path)
        sender.__enter__()
        local = await listening(tmp_path / "port")
        await tcp(local, b"<34>1 2026-01-02T03:04:05Z h a - - - before\n")
        await one.arrived(1)
    try:
        await asyncio.sleep(0.2)
        async with running(build("syslog", "net", tcp=f"127.0.0.1:{port}"), log) as one:
            await tcp(local, b"<34>1 2026-01-02T03:04:05Z h a - - - probe\n" * 3)
            await one.until(lambda: sum(b"probe" in b for b in log.bodies) >= 2, seconds=30)
    finally:
        sender.__exit__(None, None, None)


def test_the_peers_are_what_they_are_called() -> None:
    """`logger` of util-linux knows `--octet-count`; another program of that name would make the tests above mean nothing."""
    assert b"--octet-count" in subprocess.run([loggers.logger(), "--help"], capture_output=True).stdout
