"""Start-up tuning of the interpreter and the allocator: once per process, after rules are loaded, before the first batch."""

import contextlib
import ctypes
import fcntl
import gc
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_MALLOC = ((_TRIM_THRESHOLD, 256 << 20), (_TOP_PAD, 64 << 20), (_MMAP_THRESHOLD, 256 << 20), (_ARENA_MAX, 1))
_FALLBACK = 32 << 20  # the most that old versions of glibc take
GC_THRESHOLDS = (100_000, 50, 100)
_MAPS = Path("/proc/self/maps")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) [0-9a-f]+ (\S+) \d+ *(.*)")
_HUGE_PAGE = 2 << 20
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_MOST_DESCRIPTORS = 65_536


def load_undisturbed() -> None:
    """Keep the collector away while code, rules and normalizers are loaded, of which hardly anything becomes waste, until `tune`.

    It looked at all of it again each time it had grown by a quarter: a fifth of the time that a process takes to start.
    """
    gc.disable()


def tune() -> bool:
    """Keep freed memory in the process, and the collector away from what lives for ever.

    glibc gives memory back and maps every buffer above 128 KiB afresh, which costs a page fault per 4 KiB of each batch; the
    default collector walks all young objects of every batch. Together this is a factor of 2 to 3 on a busy process. Freed
    memory stays with the process afterwards: size its limit by the peak. Threads share one heap, as one of them at a time runs
    Python: with one for each, what a thread of the log decoded and the event loop let go is filled again by that thread alone,
    and memory crept up for as long as one looked. Returns whether the allocator took the settings.
    """
    taken = _tune_malloc()
    freeze()
    ask_for_huge_pages()
    widen_descriptor_table()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()
    return taken


def freeze() -> None:
    """Take what lives now out of the collector's sight. After a reload of rules, so that cycles in the old ones can go."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def widen_descriptor_table() -> None:
    """Have the kernel make room for every descriptor that the process may open, up to 65,536 (8 bytes each).

    The table doubles when it is full (256, 512, ...), and where several threads share it the kernel waits for all processors
    before it goes on (`expand_fdtable` in Linux's fs/file.c): a connection that came then held the event loop up for 5 to 15 ms.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = _MOST_DESCRIPTORS if limit == resource.RLIM_INFINITY else min(limit, _MOST_DESCRIPTORS)
    with contextlib.suppress(OSError), open(os.devnull) as some:
        os.close(fcntl.fcntl(some, fcntl.F_DUPFD_CLOEXEC, most - 1))


def _tune_malloc() -> bool:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):  # musl and macOS have none
        return False
    taken = [libc.mallopt(option, size) or libc.mallopt(option, _FALLBACK) for option, size in _MALLOC]
    return all(taken)


def ask_for_huge_pages() -> int:
    """Let the kernel hold what lives now (rules, normalizers, arenas) in pages of 2 MiB, at once where it can; see madvise(2).

    A process that walks over a hundred megabytes of small objects misses the address cache at every step, and a miss costs most
    on a virtual machine. Measured there: 2 to 9 % less CPU per event, for a tenth of a second once. To ask again as memory grows
    has the kernel copy what is in use, which cost more than it gained. Returns the bytes that the kernel took the advice for; 0
    where it knows none.
    """
    libc, taken = ctypes.CDLL(None), 0
    if not hasattr(libc, "madvise"):
        return 0
    for start, end in _own_memory():
        place, size = ctypes.c_void_p(start), ctypes.c_size_t(end - start)
        if libc.madvise(place, size, _MADV_HUGEPAGE) == 0:
            libc.madvise(place, size, _MADV_COLLAPSE)  # Linux 6.1; before, khugepaged comes by in its own time
            taken += end - start
    return taken


def _own_memory() -> Iterator[tuple[int, int]]:
    """Start and end of the process's own writable memory, as far as a huge page fits into it; stacks of threads aside."""
    try:
        lines = _MAPS.read_text().splitlines()
    except OSError:  # no Linux
        return
    guarded = 0
    for found in filter(None, map(_MAPPING.match, lines)):
        start, end = int(found[1], 16), int(found[2], 16)
        own = found[3].startswith("rw") and found[4] == "00:00" and found[5] in ("", "[heap]")
        if own and start != guarded and end - start >= _HUGE_PAGE:
            yield start, end
        guarded = end if found[3].startswith("---") else 0
