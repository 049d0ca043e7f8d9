"""RSigma, a Sigma engine in Rust that is not ours: the same rules over the same events, for comparison.

It compiles for a quarter of an hour, and no test but only the benchmark of detection needs it: `program` builds it when asked, and
there is no `ensure`.
"""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from router.detect.routing import routes
from tests.peers.presence import CACHE, missing, once

VERSION = "0.26.0"
_PROFILE = {"LTO": "thin", "CODEGEN_UNITS": "1", "STRIP": "symbols"}
"""Its own release profile, which the published crate lacks."""
_LOGSOURCE = "product=ls_p,service=ls_s,category=ls_c"


def program() -> Path:
    """The executable; compiled when it is not there yet."""
    home = CACHE / "rsigma"
    with once(home):
        if not (home / "bin/rsigma").exists():
            _compile(home)
    return home / "bin/rsigma"


def _compile(home: Path) -> None:
    if shutil.which("cargo") is None:
        missing(f"RSigma {VERSION}", "install Rust (cargo) to build it")
    profile = {f"CARGO_PROFILE_RELEASE_{key}": value for key, value in _PROFILE.items()}
    command = ["cargo", "install", "-q", "rsigma", "--version", VERSION, "--features", "daachorse-index", "--root", str(home)]
    done = subprocess.run(
        [*command, "--ignore-rust-version"], capture_output=True, text=True, env=os.environ | profile, check=False
    )
    if done.returncode:
        missing(f"RSigma {VERSION}", f"it could not be built: {done.stderr[-400:]}")


def routed(events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Windows events with their log source told by our tables, a line each: RSigma does not derive it. One category an event."""
    tables = routes()["windows"]
    services = {channel.lower(): service for service, channels in tables["services"].items() for channel in channels}
    for number, event in enumerate(events):
        service = services.get(str(event.get("Channel")).lower(), "none")
        listed = {str(k): v for k, v in tables["categories"].get(service, {}).items()}.get(str(event.get("EventID")), [])
        if isinstance(listed, dict):
            listed = listed.get(str(event.get("EventType")).lower(), listed.get("", []))
        told = {"ls_n": number, "ls_p": "windows", "ls_s": service, "ls_c": listed[-1] if listed else "none"}
        yield orjson.dumps(event | told)


def cpu_seconds(rules: Path, events: Path, out: Path) -> tuple[float, int]:
    """User and system time of one evaluation on one core, and its matches. Loading the rules is in it."""
    command = [str(program()), "engine", "eval", "-r", str(rules), "--input-format", "json", "--output-format", "ndjson"]
    command += ["--logsource-routing", "--logsource-field-map", _LOGSOURCE]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with events.open("rb") as stdin, out.open("wb") as stdout:
        subprocess.run(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL, check=True, preexec_fn=_one_core)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out.read_bytes().count(b"\n")


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
