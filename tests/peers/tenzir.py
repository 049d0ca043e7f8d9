"""Tenzir (a static program in a wheel, with a whole Fluent Bit inside) as receiver and as parser that is not ours."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.presence import CACHE, missing, once

VERSION = "6.20.0"
_READY_SECONDS = 60.0


def program() -> Path:
    """The launcher; installed into an environment of its own when it is not there yet."""
    home = CACHE / "tenzir"
    with once(home):
        if not (home / "bin/tenzir").exists():
            _install(home)
    return home / "bin/tenzir"


def _install(home: Path) -> None:
    commands = ([sys.executable, "-m", "venv", str(home)], [str(home / "bin/pip"), "install", "-q", f"tenzir=={VERSION}"])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            missing(f"Tenzir {VERSION}", f"it could not be installed: {done.stderr[-400:]}")


def _environment(work: Path) -> dict[str, str]:
    return os.environ | {"TENZIR_STATE_DIRECTORY": str(work / "state"), "TENZIR_CACHE_DIRECTORY": str(work / "cache")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Output:
    """What a running pipeline has written: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_bytes().split(b"\n")[:-1]]

    def wait_for(self, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        """At least so many. Raises AssertionError when they do not come."""
        deadline = time.monotonic() + seconds
        while len(found := self.events()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} events came out of Tenzir"
            time.sleep(0.05)
        return found


@contextmanager
def receiving(pipeline: str, port: int, work: Path) -> Iterator[Output]:
    """A pipeline that listens on `port`, followed by a writer."""
    out = work / "out.ndjson"
    with out.open("wb") as stdout, (work / "log").open("wb") as stderr:
        command = [str(program()), f"{pipeline}\nwrite_ndjson"]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=_environment(work), start_new_session=True)
        try:
            _wait(process, port, work / "log")
            yield Output(out)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()[-2000:]) from None
            time.sleep(0.1)


def parsed(parser: str, lines: list[bytes], work: Path) -> list[dict[str, Any] | None]:
    """What a parser (`parse_leef(raw=true)`) makes of each line; None where it refuses one."""
    source = work / "lines.txt"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    pipeline = f'from_file "{source}" {{ read_lines }}\nselect x = line.{parser}\nwrite_ndjson'
    done = subprocess.run([str(program()), pipeline], capture_output=True, env=_environment(work), timeout=120)
    return [json.loads(line)["x"] for line in done.stdout.splitlines()]


def ensure() -> None:
    """Install Tenzir."""
    program()
