"""Ingest role: syslog over TCP and UDP, and HEC, into the embedded log; beside it rsyslog, over TCP into a file.

The receiver runs alone on core 0, the sender on core 1. Framing, ids, facts, metrics, compression, SQLite with
synchronous=FULL are all inside the figure: an event counts when it is durable. rsyslog writes each line to a file and syncs
nothing, so it does less. Prints events per CPU second of the receiver (threads included), CPU microseconds per event and
events per second of wall time; medians of the runs. Compare figures of one run only.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import multiprocessing
import os
import resource
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import uvloop
from pydantic import SecretStr

from router import telemetry
from router.config import SOURCES, EmbeddedLog
from router.ingest._append import Intake
from router.log import open_log, standard_topics
from router.tuning import tune
from tests.peers import rsyslog

LINE_BYTES, WARM_UP = 300, 6_000
BLOCK_LINES = 2_000
HEC_EVENTS = 1_000
UDP_PER_SECOND = 100_000


class Case(NamedTuple):
    """One way in."""

    name: str
    settings: dict[str, Any]
    send: Callable[[int, int], None]
    """(port, events)"""


class Result(NamedTuple):
    """Of one run: seconds of CPU and of wall time, and events that arrived."""

    cpu: float
    wall: float
    events: int


def sample_lines(count: int = BLOCK_LINES, size: int = LINE_BYTES) -> list[bytes]:
    """Firewall lines in RFC 5424, `size` bytes each; the same ones at every call."""
    random, lines = Random(7), []
    for number in range(count):
        source, target = (".".join(str(random.randint(1, 254)) for _ in range(4)) for _ in range(2))
        clock = f"10:{number // 60 % 60:02}:{number % 60:02}.{random.randint(0, 999):03}"
        head = f"<134>1 2026-11-24T{clock}Z fw{number % 40:02} kernel "
        text = f'{head}{random.randint(100, 32000)} ID{number} [flow@32473 in="eth0" out="eth1"] DROP SRC={source} DST={target} '
        text += f"PROTO=TCP SPT={random.randint(1024, 65535)} DPT={random.choice((22, 80, 443, 3389))} "
        words = ("policy", "deny-all", "zone", "untrust", "session", "closed", "reset", "by", "peer", "rule")
        while len(text) < size:
            text += random.choice(words) + f"={random.randint(0, 99999)} "
        lines.append(text[:size].encode())
    return lines


def _stream(frame: Callable[[bytes], bytes], connections: int = 1) -> Callable[[int, int], None]:
    block = b"".join(map(frame, sample_lines()))

    def send(port: int, events: int) -> None:
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for turn in range(events // BLOCK_LINES):
            socks[turn % connections].sendall(block)
        for sock in socks:
            sock.close()

    return send


def _datagrams(port: int, events: int) -> None:
    lines, sock = sample_lines(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    began, burst = time.monotonic(), 100
    for first in range(0, events, burst):
        for number in range(first, min(first + burst, events)):
            sock.send(lines[number % BLOCK_LINES])
        time.sleep(max(0.0, began + (first + burst) / UDP_PER_SECOND - time.monotonic()))
    sock.close()


def _hec(port: int, events: int, *, compressed: bool = True) -> None:
    objects = [json.dumps({"event": line.decode(), "sourcetype": "fw"}).encode() for line in sample_lines(HEC_EVENTS)]
    body = b"\n".join(objects)
    body = gzip.compress(body, 1) if compressed else body
    encoding = ("Content-Encoding: gzip",) if compressed else ()
    fields = ("Host: x", "Authorization: Splunk t", *encoding, f"Content-Length: {len(body)}")
    head = "\r\n".join(("POST /services/collector HTTP/1.1", *fields, "", ""))
    socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    for round_start in range(0, events // HEC_EVENTS, len(socks)):
        some = socks[: min(len(socks), events // HEC_EVENTS - round_start)]
        for sock in some:
            sock.sendall(head.encode() + body)
        for sock in some:
            answer = sock.recv(65536)
            if b" 200 " not in answer:
                raise RuntimeError(answer.decode(errors="replace"))
    for sock in socks:
        sock.close()


_TCP = {"kind": "syslog", "tcp": "127.0.0.1:0"}
_TOKEN = {"name": "t", "secret": SecretStr("t")}
CASES = (
    Case("syslog tcp, lines", _TCP, _stream(lambda line: line + b"\n")),
    Case("syslog tcp, lines, 8 connections", _TCP, _stream(lambda line: line + b"\n", 8)),
    Case("syslog tcp, octet counting", _TCP, _stream(lambda line: b"%d %s" % (len(line), line))),
    Case("syslog udp, 100,000/s", {"kind": "syslog", "udp": "127.0.0.1:0"}, _datagrams),
    Case("hec, 1,000 events, gzip", {"kind": "splunk_hec", "listen": "127.0.0.1:0", "tokens": [_TOKEN]}, _hec),
    Case(
        "hec, 1,000 events, plain",
        {"kind": "splunk_hec", "listen": "127.0.0.1:0", "tokens": [_TOKEN]},
        partial(_hec, compressed=False),
    ),
)


def _receiver(settings: dict[str, Any], pipe: Connection, folder: str) -> None:
    """In a process of its own: tell the port; then, for every number received, CPU and time once that many are durable."""
    os.sched_setaffinity(0, {0})
    telemetry.configure_logging("error")
    uvloop.run(_receive(settings, pipe, folder))


async def _receive(settings: dict[str, Any], pipe: Connection, folder: str) -> None:
    log_settings = EmbeddedLog(path=Path(folder) / "log.db")
    log, spec, stop = open_log(log_settings), SOURCES.spec(settings["kind"]), asyncio.Event()
    source = spec.build("bench", spec.settings.model_validate(settings))
    await log.start()
    await log.create(standard_topics(log_settings))
    async with Intake(log) as intake, asyncio.TaskGroup() as tasks:
        tasks.create_task(source.run(intake.emit_for("bench"), stop))
        await source.ready.wait()
        tune()
        pipe.send(source.addresses[0][1])
        while wanted := await asyncio.to_thread(pipe.recv):
            began, appended = _cpu(), _appended()
            pipe.send(None)
            pipe.send(await _until(wanted, appended, began))
        stop.set()
    await log.close()


async def _until(wanted: int, before: float, began: float) -> tuple[float, float, int]:
    last, seen = time.monotonic(), before
    while seen - before < wanted and time.monotonic() - last < 3:
        await asyncio.sleep(0.005)
        if _appended() > seen:
            last, seen = time.monotonic(), _appended()
    return _cpu() - began, last, int(seen - before)


def _appended() -> float:
    return telemetry.APPENDED.labels("bench")._value.get()  # type: ignore[no-any-return]  # a counter is a float


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(case: Case, events: int) -> Result:
    """One run of one case, on a new log."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=_receiver, args=(case.settings, theirs, folder))
        process.start()
        try:
            port = ours.recv()
            for count in (WARM_UP, events):
                ours.send(count)
                ours.recv()
                began = time.monotonic()
                case.send(port, count)
                cpu, ended, arrived = ours.recv()
            ours.send(0)
            process.join(20)
        finally:
            process.kill()
    return Result(cpu, ended - began, arrived)


_CONF = """module(load="imptcp" threads="1")
global(workDirectory="{folder}" maxMessageSize="64k")
main_queue(queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="2000" queue.workerThreads="1")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="r" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="2000" queue.workerThreads="1") {{
  action(type="omfile" file="{folder}/out" template="raw" asyncWriting="off" flushOnTXEnd="on" ioBufferSize="256k")
}}
input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="r")
"""


def measure_rsyslog(root: Path, events: int) -> Result:
    """The same lines into rsyslog, pinned to the same core, which writes them to a file and syncs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        conf, out = _CONF.format(folder=folder, port=port), Path(folder) / "out"
        with rsyslog.running(root, conf, Path(folder), "taskset", "-c", "0") as process:
            _wait_for_port(port)
            done, send = 0, CASES[0].send
            for count in (WARM_UP // BLOCK_LINES * BLOCK_LINES, events):
                began, used = time.monotonic(), _cpu_of(process.pid)
                send(port, count)
                arrived, ended = _count_lines(out, done + count)
                done, arrived = done + count, arrived - done
            return Result(_cpu_of(process.pid) - used, ended - began, arrived)


def _wait_for_port(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("rsyslog does not listen")


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _count_lines(path: Path, wanted: int) -> tuple[int, float]:
    size, last = 0, time.monotonic()
    while size < wanted * (LINE_BYTES + 1) and time.monotonic() - last < 6:
        time.sleep(0.02)
        now = path.stat().st_size if path.exists() else 0
        if now > size:
            size, last = now, time.monotonic()
    return path.read_bytes().count(b"\n"), last


def row(name: str, results: Sequence[Result], events: int) -> dict[str, Any]:
    """Medians of the runs; `complete` is false where events are missing in one of them."""
    cpu = statistics.median(r.cpu / max(1, r.events) for r in results)
    wall = statistics.median(r.events / r.wall for r in results)
    figures = {
        "events_per_core_second": round(1 / cpu),
        "cpu_us_per_event": round(cpu * 1e6, 2),
        "events_per_second": round(wall),
    }
    return {"case": name, "events": events, "runs": len(results), "complete": all(r.events == events for r in results), **figures}


def rows(wanted: str, events: int, runs: int) -> Iterator[dict[str, Any]]:
    """One row per case whose name has `wanted` in it."""
    for case in CASES:
        if wanted in case.name:
            yield row(case.name, [measure(case, events) for _ in range(runs)], events)
    name = "rsyslog tcp, lines, to a file without sync"
    if wanted in name and (root := rsyslog.root_or_none()):
        yield row(name, [measure_rsyslog(root, events) for _ in range(runs)], events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000, help="of each run; rounded down to whole blocks")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", default="", help="only cases whose name has this in it")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(1, (os.cpu_count() or 1) - 1)})
    found = []
    for one in rows(options.case, options.events // BLOCK_LINES * BLOCK_LINES, options.runs):
        found.append(one)
        if not options.json:
            lost = "" if one["complete"] else "  EVENTS ARE MISSING"
            figures = f"{one['events_per_core_second']:>9,} events/s/core  {one['cpu_us_per_event']:>6.2f} CPU us/event"
            print(f"{one['case']:<44} {figures}  {one['events_per_second']:>9,} events/s wall{lost}", flush=True)
    if options.json:
        print(json.dumps({"benchmark": "ingest", "rows": found}, indent=2))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
