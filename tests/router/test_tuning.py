"""Start-up tuning, in a process of its own: it cannot be undone."""

import subprocess
import sys
from pathlib import Path

import pytest

from router import tuning

CODE = """
import ctypes, gc
from router.tuning import GC_THRESHOLDS, freeze, load_undisturbed, tune
load_undisturbed()
assert not gc.isenabled()
taken = tune()
assert taken == hasattr(ctypes.CDLL(None), "mallopt"), taken
assert gc.isenabled() and gc.get_threshold() == GC_THRESHOLDS
assert gc.get_freeze_count() > 1000
cycle = []; cycle.append(cycle); marker = id(cycle)
freeze(); before = gc.get_freeze_count()
del cycle
freeze()
assert gc.get_freeze_count() < before, "a reload must let go of old cycles"
print("tuned")
"""


def test_malloc_and_collector_are_set_and_a_reload_lets_go_of_old_cycles() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "tuned\n", done.stderr


DESCRIPTORS = """
import re, resource
from pathlib import Path
from router.tuning import tune
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3000, most))
def room():
    return int(re.search(r"FDSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = room()
tune()
print(before < 3000 <= room())
"""


def test_there_is_room_for_every_descriptor_before_connections_come() -> None:
    done = subprocess.run([sys.executable, "-c", DESCRIPTORS], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "True\n", done.stderr


THREADS = """
import re, threading
from pathlib import Path
from router.tuning import tune
tune()
gate = threading.Barrier(5)
def fill():
    held = [bytes(800) for _ in range(20_000)]
    gate.wait(); gate.wait()
threads = [threading.Thread(target=fill) for _ in range(4)]
for thread in threads: thread.start()
gate.wait()
own = [line for line in Path("/proc/self/maps").read_text().splitlines() if re.search(r" rw-p 0+ 00:00 0 *$", line)]
gate.wait()
print(sum(int(line.split("-")[0], 16) % (64 << 20) == 0 for line in own))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no Linux")
def test_threads_have_no_heaps_of_their_own() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "0\n", done.stderr


def test_huge_pages_are_asked_for_what_is_large_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "00400000-00a00000 r-xp 00000000 fe:01 123 /usr/bin/python3\n"
        "00a00000-00f00000 rw-p 00000000 fe:01 123 /usr/bin/python3\n"
        "01000000-01800000 rw-p 00000000 00:00 0 [heap]\n"
        "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \n"
        "7f0000500000-7f0000600000 rw-p 00000000 00:00 0 \n"
        "7f0000700000-7f0000701000 ---p 00000000 00:00 0 \n"
        "7f0000701000-7f0000f01000 rw-p 00000000 00:00 0 \n"
        "7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0 [stack]\n"
    )
    monkeypatch.setattr(tuning, "_MAPS", maps)
    assert list(tuning._own_memory()) == [(0x1000000, 0x1800000), (0x7F0000000000, 0x7F0000400000)]


def test_where_memory_cannot_be_seen_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_MAPS", tmp_path / "none")
    assert tuning.ask_for_huge_pages() == 0


def test_memory_is_whole_after_its_pages_changed() -> None:
    held = [bytes([i % 256]) * 4096 for i in range(4096)]
    tuning.ask_for_huge_pages()
    assert all(block == bytes([i % 256]) * 4096 for i, block in enumerate(held))
