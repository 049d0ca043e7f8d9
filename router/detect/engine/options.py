"""What can be set about the engine."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_MEMORY_BYTES = 96 << 20


def user_cache() -> Path | None:
    """Where compiled databases are kept unless the configuration says otherwise (XDG base directory specification).

    None for a user without a home, as in some containers.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "logweir" / "detect"
    except RuntimeError:
        return None


@dataclass(frozen=True, slots=True)
class Options:
    """How a rule set is matched."""

    cache: Path | None = None
    """Folder of compiled databases; None keeps nothing."""
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    """What the memos of values and verdicts may hold together, roughly."""
    background: bool = False
    """Compile large buckets in a thread, and judge their events by the slow matcher meanwhile; else compile on first sight."""
