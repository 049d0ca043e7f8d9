"""evtxexport of libevtx: a reader of Windows event log files that is not ours."""

import subprocess
from pathlib import Path

from tests.peers import debian

_NAME, _PACKAGES = "evtxexport", ("libevtx-utils", "libevtx1", "libbfio1")


def ensure() -> Path:
    """Its files, for a test."""
    return debian.unpacked(_NAME, _PACKAGES)


def exported(path: Path) -> str:
    """The records of a file as XML."""
    root = ensure()
    command = [str(root / "usr/bin/evtxexport"), "-f", "xml", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=debian.environment(root))
    return done.stdout + done.stderr
