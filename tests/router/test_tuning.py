"""Start-up tuning, in a process of its own: it cannot be undone."""

import subprocess
import sys
from pathlib import Path

CODE = """
import ctypes, gc
from router.tuning import GC_THRESHOLDS, freeze, tune
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
