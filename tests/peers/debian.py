"""Programs from Debian packages that are unpacked, not installed: they conflict with each other, and need no privilege so."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.peers.presence import CACHE, missing, once

LIBRARY_FOLDERS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu")


def fetched(name: str, packages: Sequence[str]) -> Path | None:
    """The folder that holds the packages' files, fetched when it is not there yet; None where that is not possible."""
    root = CACHE / name
    with once(root):
        if not (root / ".complete").exists() and not _fetch(root, packages):
            return None
    return root


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """The same for a test: it is skipped, or fails where peers are required."""
    return fetched(name, packages) or missing(name, f"`apt-get download {' '.join(packages)}` must work, and dpkg be there")


def _fetch(root: Path, packages: Sequence[str]) -> bool:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return False
    root.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["apt-get", "download", *packages], cwd=root, capture_output=True, timeout=300).returncode:
        return False
    for package in root.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True, capture_output=True)
        package.unlink()
    (root / ".complete").touch()
    return True


def library_folder(root: Path) -> Path:
    """Where the packages' own libraries are."""
    return next(root / folder for folder in LIBRARY_FOLDERS if (root / folder).is_dir())


def environment(root: Path, *more: str) -> dict[str, str]:
    """For a program of `root`: its libraries are found first."""
    folders = [root / folder for folder in (*LIBRARY_FOLDERS, *more)]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(str(f) for f in folders if f.is_dir())}
