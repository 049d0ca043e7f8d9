"""`python -m benchmarks`: every benchmark, one after another, each in a process of its own."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run them all; fail when one fails."""
    failed = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"== {path.stem}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}", *sys.argv[1:]], check=False).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
