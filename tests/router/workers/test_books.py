"""The numbers of workers that really ran and were really killed, as one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from router.share import VARIABLE, Share
from router.workers.books import Books

_COUNT = """
import os, signal
from router import telemetry as t
{counting}
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path, number: int, counting: str) -> None:
    """One life of a worker that counts and is killed."""
    env = os.environ | {VARIABLE: Share(number, 2, folder).told(), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", _COUNT.format(counting=counting)], env=env, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def samples(books: Books) -> dict[str, float]:
    lines = books.text().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def test_counters_of_killed_workers_go_on_in_their_next_life(tmp_path: Path) -> None:
    for number in (0, 1, 0):
        killed(tmp_path, number, "t.READ.inc(10); t.WRITTEN.inc(10)")
    assert samples(Books(tmp_path))["logweir_process_read_events_total"] == 30


def test_gauges_of_a_dead_worker_are_forgotten(tmp_path: Path) -> None:
    for number in (0, 1):
        killed(
            tmp_path, number, "t.LEDGER_BYTES.set(100); t.LAG_SECONDS.labels('soc').set(7 + int(os.environ['LOGWEIR_WORKER'][0]))"
        )
    books = Books(tmp_path)
    assert samples(books)["logweir_memory_ledger_bytes"] == 200
    assert samples(books)['logweir_sink_lag_seconds{sink="soc"}'] == 8
    books.close(1)
    assert samples(books)["logweir_memory_ledger_bytes"] == 100
    assert samples(books)['logweir_sink_lag_seconds{sink="soc"}'] == 7


def test_what_a_killed_worker_held_for_a_sink_counts_as_returned_once(tmp_path: Path) -> None:
    books, returned = Books(tmp_path), 'logweir_sink_returned_events_total{sink="soc",topic="events"}'
    held = (
        "t.SINK_READ.labels('soc', 'events').inc(100); t.SINK_DONE.labels('soc', 'events', 'delivered').inc(60);"
        "t.SINK_LEFT_OUT.labels('soc', 'events', 'quiet').inc(5); t.SINK_DEAD_LETTERED.labels('soc', 'events', 'mapping').inc(5)"
    )
    killed(tmp_path, 0, held)
    assert returned not in samples(books)
    books.close(0)
    books.close(0)
    assert samples(books)[returned] == 30
    killed(tmp_path, 0, f"{held}; t.SINK_RETURNED.labels('soc', 'events').inc(10)")
    books.close(0)
    found = samples(books)
    assert found[returned] == 60
    right = sum(
        v for k, v in found.items() if k.startswith(("logweir_sink_done_e", "logweir_sink_left_out_e", "logweir_sink_dead"))
    )
    assert found['logweir_sink_read_events_total{sink="soc",topic="events"}'] == right + 60


def test_what_was_durable_when_a_worker_was_killed_in_the_middle_of_counting_is_counted(tmp_path: Path) -> None:
    books = Books(tmp_path)
    killed(
        tmp_path,
        0,
        "t.RECEIVED.labels('hec').inc(9); t.APPENDED.labels('hec').inc(4); t.READ.inc(7); t.SPLIT.inc(1); t.IGNORED.labels('n').inc(3)",
    )
    books.close(0)
    found = samples(books)
    assert found['logweir_ingest_appended_events_total{source="hec"}'] == 9
    assert found["logweir_process_written_events_total"] == 5


def test_books_that_balance_are_left_as_they_are(tmp_path: Path) -> None:
    books = Books(tmp_path)
    killed(
        tmp_path, 0, "t.RECEIVED.labels('hec').inc(9); t.APPENDED.labels('hec').inc(8); t.REJECTED.labels('hec', 'empty').inc(1)"
    )
    before = samples(books)
    books.close(0)
    assert {k: v for k, v in samples(books).items() if v} == {k: v for k, v in before.items() if v}
