"""rsyslog: a sender that frames, queues and reconnects like those in the field, and a receiver to compare with."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.peers import debian

PACKAGES = ("rsyslog", "rsyslog-openssl", "libestr0", "libfastjson4", "liblognorm5")
_NAME = "rsyslog"


def ensure() -> Path:
    """Its files, for a test."""
    return debian.unpacked(_NAME, PACKAGES)


def root_or_none() -> Path | None:
    """Its files, for a benchmark that goes on without them."""
    return debian.fetched(_NAME, PACKAGES)


@contextlib.contextmanager
def running(root: Path, conf: str, folder: Path, *prefix: str) -> Iterator["subprocess.Popen[bytes]"]:
    """rsyslogd in the foreground with a configuration; `prefix` goes before the command."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rsyslog.conf").write_text(conf)
    modules = debian.library_folder(root) / "rsyslog"
    options = ["-n", "-f", str(folder / "rsyslog.conf"), "-i", str((folder / "pid").absolute()), "-M", str(modules)]
    with (folder / "rsyslog.out").open("wb") as out:
        process = subprocess.Popen(
            [*prefix, str(root / "usr/sbin/rsyslogd"), *options], env=debian.environment(root), stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
