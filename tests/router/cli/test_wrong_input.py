"""What a person may get wrong at the command line: one line that names the remedy, an exit code, and never a traceback."""

import gzip
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.router.cli.process import ROOT, logweir

RULE = """
title: Root Seen
logsource: {product: logweir}
detection: {words: [root], condition: words}
level: high
"""


def refused(done: subprocess.CompletedProcess[bytes], code: int, *words: str) -> str:
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert all(word in said for word in words), said
    return said


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("init", "file/below"), 1, ("file", "check path and rights")),
        (("config", "reference", "file/below"), 1, ("file", "check path and rights")),
        (("demo", "--seconds", "1", "--summary", "nowhere/balance.json"), 1, ("nowhere/balance.json: No such file",)),
        (("rules", "coverage", "--navigator", "nowhere/layer.json"), 1, ("nowhere/layer.json: No such file",)),
        (("rules", "coverage", "--events", "nowhere.log"), 2, ("nowhere.log:1: cannot be read",)),
        (("rules", "why", "rule.yml", ""), 2, ("holds no event",)),
        (("rules", "why", "rule.yml", "nowhere.ndjson"), 2, ("nowhere.ndjson:1: cannot be read: it is not there",)),
        (("rules", "explain", "0e4f3a9c"), 2, ("no file and no rule '0e4f3a9c'; give its file, id, name or title; --rules",)),
        (("rules", "explain", "Sudo Refusd"), 2, ("did you mean 'Sudo Refused'?",)),
        (("rules", "explain", "comment.yml"), 2, ("comment.yml:1: there is no rule in it",)),
        (("rules", "lint", "nothing"), 2, ("nothing:1: there is no rule in it",)),
        (("backtest", "--rules", "comment.yml", "-c", "empty.yaml"), 2, ("comment.yml:1: there is no rule in it",)),
        (("rules", "stats", "--url", "file:///etc/passwd"), 1, ("no URL of HTTP",)),
        (("test", "rule.yml"), 2, ("rule.yml:1: there is no test in it", "write some below `tests`")),
        (("rules", "stats", "--url", "http://127.0.0.1:1/metrics"), 1, ("127.0.0.1:1/metrics: Connection refused; start it",)),
        (("normalize", "--source", "nothing.like.it", "file"), 2, ("known: akamai.siem, ", " more")),
        (("test", "nowhere.yml"), 2, ("nowhere.yml:1: cannot be read", "check the path")),
        (("run", "--log-level", "loud"), 2, ("no level 'loud'", "debug, info, warning, error")),
        (("generate", "--to", "tcp://127.0.0.1:99999"), 2, ("cannot send to 'tcp://127.0.0.1:99999'", "tcp://HOST:PORT")),
        (("detect", "--rules", "nowhere.yml"), 2, ("nowhere.yml:1: cannot be read",)),
        (("detect", "--rules", "folder"), 2, ("folder:1: there is no rule in it", "name a Sigma rule")),
        (("detect", "--rules", "broken.yml"), 2, ("broken.yml:2:1:",)),
        (("normalize", "--json", "file"), 2, ("--json:1: does nothing by itself", "give it with --report")),
        (("normalize", "--name", "a.b", "file"), 2, ("--name:1: does nothing by itself", "give it with --init")),
        (("normalize", "--init", "--as", "ocsf", "file"), 2, ("--as:1: does nothing with --init", "leave it out")),
        (("normalize", "--init", "--source", "cisco.asa", "file"), 2, ("--source:1: does nothing with --init",)),
        (("normalize", "--report", "--original", "file"), 2, ("--original:1: does nothing with --report",)),
        (("normalize", "--explain", "--json", "file"), 2, ("--json:1: does nothing with --explain", "give it with --report")),
        (("normalize", "--explain", "--report", "file"), 2, ("exclude each other", "choose one")),
        (("normalize", "folder"), 2, ("folder:1: cannot be read: Is a directory; check the path",)),
        (("normalize", "cut.gz"), 2, ("cut.gz:1: cannot be read:", "the file is damaged")),
        (("normalize", "bent.gz"), 2, ("bent.gz:1: cannot be read:", "the file is damaged")),
        (("normalize", "no.evtx"), 2, ("no.evtx:1: cannot be read:", "the file is damaged")),
        (("normalize", "--as", "csv", "file"), 2, ("'--as': 'csv' is not one of",)),
        (("generate", "--count", "few"), 2, ("'--count': must be a whole number",)),
        (("generate", "--rate", "0"), 2, ("'--rate': must be at least 0.1",)),
        (("normalize", "--tz", "Mars", "file"), 2, ("--tz:1: 'Mars' is no time zone", "write Europe/Paris")),
        (("normalize", "--source", "cisco.asaa", "file"), 2, ("--source:1: there is no normalizer", "'cisco.asa'?")),
        (
            ("rules", "lint", "--ignore", "missing-idd", "rule.yml"),
            2,
            ("--ignore:1: there is no check 'missing-idd'", "'missing-id'?"),
        ),
        (("run", "-c", "empty.yaml", "--role", "deliver"), 2, ("--role:1: there is no sink", "below `sinks`")),
        (("run", "-c", "sink.yaml", "--role", "process", "--sink", "out"), 2, ("--sink:1:", "add --role deliver")),
        (("run", "-c", "empty.yaml", "--sink", "out"), 2, ("no sink 'out' is configured; there are none",)),
        (("check", "-c", "tls.yaml"), 2, ("cert.pem:1: source in: TLS files cannot be used", "check certificate")),
        (("check", "-c", "zone.yaml"), 2, ("zone.yaml:2:11: process.tz: 'Mars' is no time zone", "write Europe/Paris")),
        (("check", "-c", "sender.yaml"), 2, ("sender.yaml:5:27: sources.in.senders.192.0.2.7.tz: 'Mars' is no time zone",)),
    ],
)
def test_a_mistake_is_told_with_its_remedy(tmp_path: Path, command: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "nothing").mkdir()
    (tmp_path / "comment.yml").write_text("# later\n")
    (tmp_path / "file").touch()
    (tmp_path / "no.evtx").write_bytes(b"ElfFile\0")
    packed = gzip.compress(bytes(range(256)) * 50)
    (tmp_path / "cut.gz").write_bytes(packed[:40])
    (tmp_path / "bent.gz").write_bytes(packed[:12] + b"\xff" * 40 + packed[52:])
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "broken.yml").write_text(RULE.replace("detection", "detektion"))
    (tmp_path / "empty.yaml").write_text("version: 1\n")
    (tmp_path / "sink.yaml").write_text("sinks: {out: {kind: file, path: out.ndjson}}\n")
    (tmp_path / "zone.yaml").write_text("version: 1\nprocess: {tz: Mars}\n")
    sender = "version: 1\nsources:\n  in:\n    kind: syslog\n    senders: {192.0.2.7: {tz: Mars}}\n    udp: 127.0.0.1:0\n"
    (tmp_path / "sender.yaml").write_text(sender)
    listen = "{listen: '127.0.0.1:6514', cert_file: cert.pem, key_file: key.pem}"
    (tmp_path / "tls.yaml").write_text(f"sources: {{in: {{kind: syslog, tls: {listen}}}}}\n")
    refused(logweir(*command, folder=tmp_path), code, *words)


def test_a_rule_that_is_refused_beside_a_good_one_is_told_and_the_other_judges(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(RULE)
    (tmp_path / "broken.yml").write_text(RULE.replace("condition: words", "condition: word"))
    done = logweir("detect", "--rules", tmp_path, given=b"root was here\n")
    assert done.returncode == 0
    assert b"Root Seen" in done.stdout
    assert b"broken.yml" in done.stderr


@pytest.mark.parametrize("command", ["backtest", "replay"])
def test_a_span_that_ends_before_it_begins_is_refused(tmp_path: Path, command: str) -> None:
    logweir("init", tmp_path)
    what = ("--rules", "rules/detect") if command == "backtest" else ("--sink", "archive")
    done = logweir(command, *what, "--since", "1h", "--until", "2h", folder=tmp_path)
    refused(done, 2, "--since:1: '1h' is not before '2h'", "exchange")


def test_a_token_is_in_no_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"hec+http://127.0.0.1:{taken.getsockname()[1]}?token=s3cr3t"
        said = refused(logweir("generate", "--to", url, "--count", "1"), 2, "check that the receiver listens there")
    said += refused(logweir("generate", "--to", "hec+ftp://127.0.0.1:1?token=s3cr3t"), 2, "cannot send to")
    assert "s3cr3t" not in said


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b'{"text":"Invalid token","code":4}')

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_token_that_is_refused_is_to_be_corrected() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        url = f"hec+http://127.0.0.1:{receiver.server_port}?token=s3cr3t"
        said = refused(logweir("generate", "--to", url, "--count", "1"), 2, "HEC answered 403", "correct the token")
        receiver.shutdown()
        thread.join()
    assert "s3cr3t" not in said


def test_a_full_disk_is_told_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "router", "config", "schema"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False, timeout=60)
    refused(done, 1, "No space left on device", "check disk and network")


def test_streams_that_are_closed_hold_nothing_and_take_nothing() -> None:
    command = f"{sys.executable} -m router normalize <&-; {sys.executable} -m router config schema >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, cwd=ROOT, check=False, timeout=60, env=os.environ)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "logweir.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here = f"127.0.0.1:{taken.getsockname()[1]}"
        source = f"sources: {{in: {{kind: syslog, tcp: '{here}'}}}}"
        config.write_text(f"version: 1\nlog: {{kind: embedded, path: log.db}}\nadmin: {{listen: '{here}'}}\n")
        refused(logweir("run", folder=tmp_path), 1, f"admin: cannot listen on {here}: Address already in use", "`admin.listen`")
        config.write_text(f"version: 1\nlog: {{kind: embedded, path: log.db}}\nadmin: {{listen: ''}}\n{source}\n")
        refused(logweir("run", folder=tmp_path), 1, "source in: cannot listen on", "stopped by a failure")


def test_rules_of_every_kind_can_be_turned_off_by_one_list(tmp_path: Path) -> None:
    logweir("init", tmp_path / "soc")
    written = tmp_path / "soc/logweir.yaml"
    before = logweir("check", "-c", written).stdout.decode()
    off = "[2606f87b-c3bd-4ee1-baf6-a8fa6f084084, access-log-health-checks, cisco.asa, cisco.fdt]"
    written.write_text(written.read_text().replace("rules:\n", f"rules:\n  disable: {off}\n"))
    done = logweir("check", "-c", written)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert said.count("rules.disable names a rule that is not there") == 1, said
    assert "cisco.fdt" in said
    assert "did you mean 'cisco.ftd'?" in said
    assert _counts(before) == [count + 1 if i in (2, 3, 5) else count for i, count in enumerate(_counts(done.stdout.decode()))]


def _counts(said: str) -> list[int]:
    """Sources, sinks, normalizers, detections, correlations, noise rules."""
    return [int(word) for word in said.replace(",", " ").split() if word.isdigit()]
