"""The name of a group's member that stays when its process is killed and started again, and that nobody else can have.

Kafka keeps the partitions of a member with a name (a static member) until it comes back, and gives them to it at once; those of
one without a name that was killed stand still, with its whole group, until its session ends (30 s). But it does not fence: two
that live under one name take turns for ever. So a name is made of what cannot be the same twice: the running kernel, the network
it is in (a container's, a pod's), and a seat in the group that only one process in that network can hold. The seat is a socket
in Linux's abstract namespace: free as soon as its process has ended, however it ended.
"""

import os
import re
import socket
from hashlib import blake2b
from pathlib import Path
from typing import Self

_MOST_SEATS = 256
_FORBIDDEN = re.compile(r"[^A-Za-z0-9._-]")


class Seat:
    """Held until `close`, or the end of the process. Its name is empty where the system does not offer what it takes."""

    def __init__(self, scope: str) -> None:
        """`scope` names the cluster and the group. The first free seat is taken."""
        self._lock, self.name = None, ""
        network = _network()
        if not network:
            return
        mark = blake2b(scope.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        for number in range(_MOST_SEATS):
            self._lock = _locked(f"\0logweir/{mark}/{number}")
            if self._lock is not None:
                self.name = f"{network}-{number}"
                return

    def close(self) -> None:
        """Anybody may have it now."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _locked(address: str) -> socket.socket | None:
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(address)
    except OSError:
        lock.close()
        return None
    return lock


def _network() -> str:
    """The host's name for people, and a digest that no other network has; empty where it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        space = os.stat("/proc/self/ns/net").st_ino
        cards = sorted(p.read_text("ascii") for p in Path("/sys/class/net").glob("*/address"))  # of copies of one virtual machine
    except (OSError, ValueError):
        return ""
    host = socket.gethostname()
    mark = blake2b(repr((boot, space, cards, host)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return f"{_FORBIDDEN.sub('_', host)[:100]}-{mark}"
