"""What a test does when the real program it talks to is not there: skip here, fail where peers are required."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(os.environ.get("LOGWEIR_CACHE") or Path.home() / ".cache/logweir")
"""Where fetched and built peers are kept between runs."""


@contextmanager
def once(folder: Path) -> Iterator[None]:
    """One process at a time fetches into `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it when LOGWEIR_REQUIRE_PEERS=1 (continuous integration)."""
    text = f"{what} is missing; {remedy}"
    if os.environ.get("LOGWEIR_REQUIRE_PEERS") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
