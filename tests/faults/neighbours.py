"""How much of the processors others took: what no process of this run used, steal by other guests of the host included."""

import os
from pathlib import Path

QUIET_SHARE = 0.15
"""Up to this much of all processors is what kernel and network do for the run itself."""


class Neighbours:
    """Looks at the time since it was made, or since `again`."""

    def __init__(self) -> None:
        self.again()

    def again(self) -> None:
        """Look from now on."""
        self._all, self._busy = _processors()
        self._own = _own()

    @property
    def share(self) -> float:
        """Of all processor time, the part that went to others."""
        whole, busy = _processors()
        own = _own()
        # who has ended meanwhile took his figures with him
        spent = sum(ticks - self._own.get(pid, 0) for pid, ticks in own.items())
        return max(0.0, busy - self._busy - spent) / max(1, whole - self._all)


def _processors() -> tuple[int, int]:
    """Ticks of all processors so far, and those in which they were not idle."""
    user, nice, system, idle, wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split(None, 9)[1:9])
    busy = user + nice + system + irq + softirq + steal
    return busy + idle + wait, busy


def _own() -> dict[int, int]:
    """Ticks of this process and all that descend from it."""
    rows: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            rows[int(entry.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    return {pid: ticks for pid, (_, ticks) in rows.items() if _descends(pid, rows)}


def _descends(pid: int, rows: dict[int, tuple[int, int]]) -> bool:
    while pid in rows:
        if pid == os.getpid():
            return True
        pid = rows[pid][0]
    return False
