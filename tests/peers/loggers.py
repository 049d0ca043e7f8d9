"""util-linux `logger` and syslog-ng's `loggen`: senders of syslog that are not ours."""

import asyncio
import shutil
import subprocess
from pathlib import Path

from tests.peers import debian
from tests.peers.presence import missing

_PACKAGES = ("syslog-ng-core", "libivykis0", "libnet1", "libjson-c5", "libpcre3", "libwrap0", "libsystemd0")


def logger() -> str:
    """util-linux's `logger`; busybox and inetutils have others, which do not know these options."""
    program = shutil.which("logger")
    if program is None or b"util-linux" not in subprocess.run([program, "--version"], capture_output=True).stdout:
        missing("util-linux `logger`", "install bsdutils")
    return str(program)


def loggen() -> Path:
    """The folder that holds syslog-ng."""
    return debian.unpacked("syslog-ng", _PACKAGES)


async def run(*command: str, text: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
    """A program with an input; its output. It has to succeed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    async with asyncio.timeout(60):
        out, errors = await process.communicate(text)
    assert process.returncode == 0, errors.decode()
    return out + errors


def ensure() -> None:
    """Unpack syslog-ng's load generator."""
    loggen()
