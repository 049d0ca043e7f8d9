"""`python -m tests.peers`: fetch and build the real programs that tests talk to, once; later runs find them in the cache.

A module here that has an `ensure` brings its peer with it. What cannot be had is told in one line; with
LOGWEIR_REQUIRE_PEERS=1 it is a failure.
"""

import importlib
import pkgutil
import sys
import time

import pytest

import tests.peers


def main() -> int:
    """How many peers are missing."""
    failed = 0
    for module in pkgutil.iter_modules(tests.peers.__path__):
        if module.name.startswith(("_", "test_")):
            continue
        ensure = getattr(importlib.import_module(f"tests.peers.{module.name}"), "ensure", None)
        failed += ensure is not None and not _ready(module.name, ensure)
    return failed


def _ready(name: str, ensure: object) -> bool:
    started = time.monotonic()
    try:
        ensure()  # type: ignore[operator]  # a function, by convention
    except pytest.skip.Exception as skipped:
        print(f"{name}: {skipped.msg}; its tests will be skipped")
        return True
    except pytest.fail.Exception as failure:
        print(f"{name}: {failure.msg}")
        return False
    print(f"{name}: ready ({time.monotonic() - started:.0f} s)")
    return True


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
