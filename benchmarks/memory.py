"""How much memory this process has held at most."""

import re
import resource
from pathlib import Path


def peak_mb() -> int:
    """Megabytes. By `VmHWM` where there is one: `ru_maxrss` of a child begins with what its parent held when it was started."""
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) // 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
