"""Which of several processes this one is: with `workers: N` each of N processes has a share of ports and partitions.

The parent tells a worker by the environment variable LOGWEIR_WORKER: its number, how many there are, and a folder that
they have in common for as long as they run.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

VARIABLE = "LOGWEIR_WORKER"
DRAINED = 143
"""Exit code of a worker that was told to drain, by whomever: only its parent knows whether that was the end of all."""
_LOOK_SECONDS = 0.5


class Share(NamedTuple):
    """A process among its like."""

    number: int = 0
    of: int = 1
    folder: Path = Path()

    @property
    def is_one_of_several(self) -> bool:
        """Whether there are others."""
        return self.of > 1

    @property
    def admin(self) -> Path:
        """The socket at which a worker answers its parent."""
        return self.folder / f"worker-{self.number}.sock"

    def told(self) -> str:
        """What VARIABLE has to say."""
        return f"{self.number}/{self.of}:{self.folder}"


def mine() -> Share:
    """The share of this process; all of it where nobody said otherwise."""
    number, _, rest = os.environ.get(VARIABLE, "").partition("/")
    of, _, folder = rest.partition(":")
    return Share(int(number), int(of), Path(folder)) if number and of and folder else Share()


@asynccontextmanager
async def turn(name: str, stop: asyncio.Event) -> AsyncIterator[bool]:
    """The right to do what only one of the workers may do, waited for; False if `stop` came first.

    It is a lock on a file, so that it is free at once when a worker dies.
    """
    share = mine()
    if not share.is_one_of_several:
        yield True
        return
    file = os.open(share.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not (taken := _locked(file)) and not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue
        yield taken
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
