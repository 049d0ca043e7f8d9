"""`logweir dlq`, as a person meets it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from router.batch import EVENTS, RAW, Facts, Record
from router.config import EmbeddedLog
from router.deliver.dead_letters import dead_letter
from router.log import standard_topics
from router.log.embedded import SqliteLog
from tests.router.cli.process import ROOT, logweir

CONFIG = """
log: {kind: embedded, path: log.db, partitions: 2}
sinks:
  soc: {kind: file, path: soc.ndjson}
  other: {kind: file, path: other.ndjson}
"""


def record(number: int, body: bytes | None = None) -> Record:
    return Record(number.to_bytes(16), body or b'{"n":%d}' % number, 1_767_323_045.678, Facts("fw", dataset="acme.wall"))


async def bury(folder: Path, stage: str, wanted: Sequence[Record], reason: str) -> None:
    """A configuration in the folder, and letters in its log."""
    (folder / "logweir.yaml").write_text(CONFIG)
    settings = EmbeddedLog(path=folder / "log.db", partitions=2)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    await log.partitions(f"dlq.{stage}")
    about = {"stage": stage, "reason": reason, "topic": RAW if stage == "process" else EVENTS, "partition": 1, "attempts": 3}
    await log.append(f"dlq.{stage}", 0, [dead_letter(r, offset=i, **about) for i, r in enumerate(wanted)])  # type: ignore[arg-type]  # keywords of many types
    await log.close()


def lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_redrive_shows_first_and_sends_only_when_told_to_and_only_to_that_sink(tmp_path: Path) -> None:
    await bury(tmp_path, "soc", [record(i) for i in range(3)], "mapping: field a")
    dry = logweir("dlq", "redrive", "soc", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert b"3 dead letters would be sent again" in dry.stdout
    assert b"3 mapping" in dry.stdout
    assert not (tmp_path / "soc.ndjson").exists()
    done = logweir("dlq", "redrive", "soc", "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"3 delivered" in done.stdout
    again = logweir("dlq", "redrive", "soc", "--apply", folder=tmp_path)
    assert b"nothing to send again" in again.stdout
    assert lines(tmp_path / "soc.ndjson") == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert not (tmp_path / "other.ndjson").exists()
    assert b"soc: 3, 3 of them redriven" in logweir("dlq", "list", folder=tmp_path).stdout


async def test_redrive_says_what_was_refused_again_and_fails(tmp_path: Path) -> None:
    await bury(tmp_path, "soc", [record(1), record(2, b"no document")], "mapping")
    done = logweir("dlq", "redrive", "soc", "--apply", folder=tmp_path)
    assert done.returncode == 1
    assert b"1 delivered, 1 rejected" in done.stdout
    assert b"1 refused again, and dead letters again" in done.stderr
    assert lines(tmp_path / "soc.ndjson") == [{"n": 1}]


async def test_redrive_of_process_is_read_anew_by_the_router(tmp_path: Path) -> None:
    await bury(tmp_path, "process", [record(1), record(2)], "too_deep")
    done = logweir("dlq", "redrive", "process", "--limit", 1, "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"1 sent to raw" in done.stdout
    log = SqliteLog(EmbeddedLog(path=tmp_path / "log.db", partitions=2))
    await log.start()
    assert list((await log.fetch(RAW, 1, 0, 9)).items) == [record(1)]
    await log.close()


def kill_once_it_writes(folder: Path, out: Path) -> None:
    """Start a redrive, and kill it as soon as something has arrived."""
    words = [sys.executable, "-m", "router", "dlq", "redrive", "soc", "--apply"]
    with subprocess.Popen(words, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL) as process:
        while not out.exists() or not out.stat().st_size:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()


async def test_a_redrive_that_is_killed_loses_nothing_and_repeats_no_more_than_a_page(tmp_path: Path) -> None:
    await bury(tmp_path, "soc", [record(i) for i in range(20_000)], "mapping")
    out = tmp_path / "soc.ndjson"
    kill_once_it_writes(tmp_path, out)
    assert len(lines(out)) < 20_000, "it was done before it was killed"
    done = logweir("dlq", "redrive", "soc", "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    sent = [line["n"] for line in lines(out)]
    assert set(sent) == set(range(20_000))
    assert len(sent) <= 20_500


async def test_peek_shows_readable_bodies_and_one_reason_if_told_so(tmp_path: Path) -> None:
    await bury(tmp_path, "soc", [record(1)], "mapping: field a")
    await bury(tmp_path, "soc", [record(2, b"caf\xe9 " + b"\x01" * 700_000), record(3, "grün".encode())], "too old")
    [first, second, third] = map(json.loads, logweir("dlq", "peek", "soc", folder=tmp_path).stdout.splitlines())
    assert first["body"] == {"n": 1}
    assert first["reason"] == "mapping: field a"
    assert first["time"] == "2026-01-02T03:04:05.678Z"
    assert (first["topic"], first["partition"], first["offset"], first["attempts"]) == ("events", 1, 0, 3)
    assert second["body"].startswith("caf\\xe9 ")
    assert third["body"] == "grün"
    [only] = map(json.loads, logweir("dlq", "peek", "soc", "--reason", "mapping", folder=tmp_path).stdout.splitlines())
    assert only["body"] == {"n": 1}
    assert logweir("dlq", "peek", "soc", "-n", 2, folder=tmp_path).stdout.count(b"\n") == 2
    nothing = logweir("dlq", "peek", "soc", "--reason", "quota", folder=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (0, b"")
    assert nothing.stderr == b"soc: no dead letters for the reason 'quota'\n"


async def test_a_stage_that_is_none_has_a_suggestion(tmp_path: Path) -> None:
    await bury(tmp_path, "soc", [record(1)], "mapping")
    for command in ("peek", "redrive"):
        done = logweir("dlq", command, "othr", folder=tmp_path)
        assert done.returncode == 2
        assert b"did you mean 'other'?" in done.stderr


async def test_letters_of_a_sink_that_was_removed_are_shown_and_go_to_another_one(tmp_path: Path) -> None:
    await bury(tmp_path, "gone", [record(i, b'{"@timestamp":"2026-01-02T03:04:05Z","n":%d}' % i) for i in range(3)], "mapping")
    listed = logweir("dlq", "list", folder=tmp_path)
    assert b"gone: 3\n  no sink 'gone' is configured; `dlq redrive gone --to SINK` sends these to another one\n" in listed.stdout
    assert logweir("dlq", "peek", "gone", folder=tmp_path).stdout.count(b"mapping") == 3
    assert b"3 dead letters would be sent again" in logweir("dlq", "redrive", "gone", folder=tmp_path).stdout
    alone = logweir("dlq", "redrive", "gone", "--apply", folder=tmp_path)
    assert alone.returncode == 2
    assert b"no sink 'gone' is configured to send its dead letters to; name another one by `--to SINK`" in alone.stderr
    done = logweir("dlq", "redrive", "gone", "--to", "other", "--apply", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"gone: 3 delivered\n"), done.stderr
    assert [line["n"] for line in lines(tmp_path / "other.ndjson")] == [0, 1, 2]
    assert b"gone: 3, 3 of them redriven" in logweir("dlq", "list", folder=tmp_path).stdout


async def test_letters_go_only_to_a_sink_that_there_is(tmp_path: Path) -> None:
    await bury(tmp_path, "process", [record(1)], "too_deep")
    for stage, to, text in (("soc", "othr", b"did you mean 'other'?"), ("process", "soc", b"leave out `--to`")):
        done = logweir("dlq", "redrive", stage, "--to", to, "--apply", folder=tmp_path)
        assert done.returncode == 2
        assert text in done.stderr


async def test_what_another_sink_refuses_is_a_dead_letter_of_that_one(tmp_path: Path) -> None:
    broken = b'{"@timestamp":"2026-01-02T03:04:05Z"}\n[]'
    await bury(tmp_path, "gone", [record(1, b'{"@timestamp":"2026-01-02T03:04:05Z"}'), record(2, broken)], "mapping")
    done = logweir("dlq", "redrive", "gone", "--to", "other", "--apply", folder=tmp_path)
    assert done.returncode == 1
    assert b"1 delivered" in done.stdout
    assert b"1 letters hold no event that could be sent" in done.stderr
