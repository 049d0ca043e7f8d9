"""kill -9 in the middle of delivering."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

from router.batch import EVENTS
from tests.router.deliver.scene import open_log, records, settled, until

ROOT = Path(__file__).parents[3]
WINDOW = 200  # two writes in flight and what was answered since the last commit, with room


async def test_a_killed_process_duplicates_a_little_and_loses_nothing(tmp_path: Path) -> None:
    arrived = tmp_path / "arrived"
    arrived.touch()
    kills = 4
    async with open_log(tmp_path, partitions=2) as log:
        for p in range(2):
            await log.append(EVENTS, p, records(4000, p * 4000))
        for _ in range(kills):
            before = arrived.stat().st_size
            child = await start(tmp_path, arrived)
            await until(lambda before=before: arrived.stat().st_size > before + 3000)  # type: ignore[misc]  # a default binds the value
            child.kill()
            await child.wait()
        child = await start(tmp_path, arrived)
        await settled(log, "killed", seconds=40)
        child.kill()
        await child.wait()
    counts = Counter(map(int, arrived.read_text().split()))
    assert set(counts) == set(range(8000))
    repeats = sum(counts.values()) - 8000
    assert 0 < repeats < kills * 20 * WINDOW


async def start(folder: Path, arrived: Path) -> asyncio.subprocess.Process:
    """A process that delivers."""
    module = "tests.router.deliver.killed"
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, str(folder), str(arrived), "killed", cwd=ROOT)
