"""Runs the command line as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def logweir(
    *words: object, given: bytes = b"", folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """`logweir WORDS...` in a folder; wide enough that nothing is wrapped."""
    command = [sys.executable, "-m", "router", *map(str, words)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=300, cwd=folder, env=env)
