"""`logweir mend`, as a person meets it."""

import sqlite3
from pathlib import Path

from router.batch import RAW, Record
from router.config import EmbeddedLog
from router.log import standard_topics
from router.log.embedded import SqliteLog
from tests.router.cli.process import logweir

_CONFIG = "log: {kind: embedded, path: log.db, partitions: 2}\nsinks: {}\n"


async def stored(folder: Path) -> SqliteLog:
    """A configuration in the folder, and its log with four blocks of two records, open."""
    (folder / "logweir.yaml").write_text(_CONFIG)
    settings = EmbeddedLog(path=folder / "log.db", partitions=2)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    for block in range(4):
        await log.append(RAW, 1, [Record((2 * block + n).to_bytes(16), b"x", 1.0) for n in range(2)])
    return log


async def test_damage_is_told_and_passed_only_when_that_is_said(tmp_path: Path) -> None:
    log = await stored(tmp_path)
    await log.close()
    sound = logweir("mend", folder=tmp_path)
    assert (sound.returncode, sound.stdout) == (0, b"everything that is stored can be read\n")
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("UPDATE blocks SET data=x'00' WHERE start IN (2, 4)")
    connection.close()
    for _ in range(2):
        told = logweir("mend", folder=tmp_path)
        assert told.returncode == 1
        assert b"raw 1: offsets 2 to 3: " in told.stdout
        assert b"4 records cannot be read; keep a copy of the file, then let readers pass them by --apply" in told.stdout
    done = logweir("mend", "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"4 records are lost; readers pass them\n")
    assert logweir("mend", folder=tmp_path).returncode == 0


async def test_a_reader_that_runs_goes_on_when_it_is_let(tmp_path: Path) -> None:
    log = await stored(tmp_path)
    await log._database.write(lambda c: c.execute("UPDATE blocks SET data=x'00' WHERE start=2"))
    log._recent._blocks.clear()
    try:
        assert len((await log.fetch(RAW, 1, 0, 10)).items) == 2
        assert logweir("mend", "--apply", folder=tmp_path).returncode == 0
        rest = await log.fetch(RAW, 1, 2, 10)
        assert (rest.span.start, len(rest.items)) == (4, 4)
    finally:
        await log.close()


def test_there_is_nothing_to_mend_where_there_is_no_log_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "logweir.yaml").write_text(_CONFIG)
    done = logweir("mend", folder=tmp_path)
    assert done.returncode == 2
    assert b"there is no log at" in done.stderr
    (tmp_path / "logweir.yaml").write_text('log: {kind: kafka, bootstrap: ["localhost:1"]}\nsinks: {}\n')
    done = logweir("mend", folder=tmp_path)
    assert done.returncode == 2
    assert b"only the embedded log is mended here" in done.stderr
