"""Files: once and followed, through rotation, copytruncate, gzip, restarts and failures."""

import asyncio
import gzip
import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router.errors import Misconfigured
from router.protocols import Source
from tests.contract.memory_log import MemoryLog
from tests.contract.source import SourceContract, build, counted, doubted, running


def source(folder: Path, *names: str, name: str = "file", **settings: Any) -> Source:
    paths = [folder / n for n in names or ("*.log",)]
    return build("file", name, **{"paths": paths, "state": folder / "state", "poll_seconds": 0.02, **settings})


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def once(folder: Path, *names: str, log: MemoryLog | None = None, **settings: Any) -> list[bytes]:
    """What a source that reads once hands over."""
    async with running(source(folder, *names, once=True, **settings), log) as one:
        async with asyncio.timeout(30):
            await one.task
        return one.log.bodies


class TestContract(SourceContract):
    name = "contract-file"
    bad_reason = "gzip"

    def make(self, folder: Path) -> Source:
        return source(folder, name=self.name)

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        append(folder / "a.log", b"".join(p + b"\n" for p in payloads))
        await asyncio.sleep(0.2)

    async def send_bad(self, source: Source, folder: Path) -> None:
        (folder / "bad.log").write_bytes(b"\x1f\x8bthis is no gzip")


async def test_once_reads_to_the_end_the_last_line_included_and_returns(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\r\n\ntwo\n" + b"x" * 3_000_000 + b"\nlast")
    bodies = await once(tmp_path)
    assert [len(b) for b in bodies] == [3, 3, 900_000, 4]
    assert await once(tmp_path) == []


async def test_once_reads_gzip_and_many_files(tmp_path: Path) -> None:
    for number in range(20):
        text = b"".join(b'{"file":%d,"line":%d}\n' % (number, n) for n in range(100))
        (tmp_path / f"{number}.log").write_bytes(gzip.compress(text[:500]) + gzip.compress(text[500:]) if number % 2 else text)
    found = sorted((json.loads(b)["file"], json.loads(b)["line"]) for b in await once(tmp_path))
    assert found == [(f, n) for f in range(20) for n in range(100)]


async def test_once_without_any_file_returns(tmp_path: Path) -> None:
    assert await once(tmp_path, "nothing*") == []


async def test_a_gzip_file_that_stops_in_the_middle_gives_what_it_has(tmp_path: Path) -> None:
    before = doubted("file", "gzip_cut")
    text = b"".join(b"%d %s\n" % (n, random.Random(n).randbytes(20).hex().encode()) for n in range(5000))
    packed = gzip.compress(text)
    (tmp_path / "a.log").write_bytes(packed[: len(packed) // 2])
    bodies = await once(tmp_path)
    assert 1000 < len(bodies) < 5000
    assert bodies[:-1] == text.split(b"\n")[: len(bodies) - 1]
    assert doubted("file", "gzip_cut") - before == 1


async def test_facts_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x\n")
    log = MemoryLog()
    await once(tmp_path, log=log)
    path = str(tmp_path / "a.log")
    assert (log.all[0].facts.peer, log.all[0].facts.meta) == (path, (("path", path),))


async def test_a_line_at_the_limit_is_whole_and_one_byte_more_is_cut_and_marked(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x" * 1024 + b"\n" + b"y" * 1025 + b"\nz\n")
    log = MemoryLog()
    assert [len(b) for b in await once(tmp_path, log=log, max_line_bytes=1024)] == [1024, 1024, 1]
    assert [dict(r.facts.meta).get("flaw") for r in log.all] == [None, "truncated", None]


async def test_growing_files_are_followed_and_half_lines_wait(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\nha")
    async with running(source(tmp_path)) as one:
        assert await one.arrived(1) == [b"one"]
        append(path, b"lf\nthree\n")
        assert await one.arrived(3) == [b"one", b"half", b"three"]
        (tmp_path / "later.log").write_bytes(b"new file\n")
        assert b"new file" in await one.arrived(4)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    path, log = tmp_path / "a.log", MemoryLog()
    append(path, b"1\n2\nha")
    async with running(source(tmp_path), log) as one:
        await one.arrived(2)
        await asyncio.sleep(0.1)
    append(path, b"lf\n4\n")
    async with running(source(tmp_path), log) as one:
        assert await one.arrived(4) == [b"1", b"2", b"half", b"4"]


async def test_a_place_is_saved_only_after_the_log_has_the_lines(tmp_path: Path) -> None:
    log = MemoryLog()
    append(tmp_path / "a.log", b"1\n2\n")
    async with running(source(tmp_path), log, deadline_seconds=0.05) as one:
        log.failures = 1 << 30
        await asyncio.sleep(0.3)
        assert not (tmp_path / "state/file.json").exists()
        await one.finish()
    log.failures = 0
    assert await once(tmp_path, log=log) == [b"1", b"2"]
    assert (tmp_path / "state/file.json").exists()


async def test_after_a_rename_the_old_file_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, b"1\n")
    async with running(source(tmp_path)) as one:
        await one.arrived(1)
        append(path, b"2\n")
        path.rename(tmp_path / "a.log.1")
        path.write_bytes(b"3\n")
        assert await one.arrived(3) == [b"1", b"2", b"3"]
        append(tmp_path / "a.log.1", b"late\n")  # its writer has not noticed
        assert (await one.arrived(4))[3] == b"late"


async def test_a_rename_while_we_were_down_loses_nothing(tmp_path: Path) -> None:
    path, log = tmp_path / "a.log", MemoryLog()
    append(path, b"1\n")
    async with running(source(tmp_path), log) as one:
        await one.arrived(1)
        await asyncio.sleep(0.1)
    append(path, b"2\n")
    path.rename(tmp_path / "a.log.1")
    path.write_bytes(b"3\n")
    async with running(source(tmp_path), log) as one:
        assert await one.arrived(3) == [b"1", b"2", b"3"]


async def test_a_glob_that_names_the_rotated_file_too_does_not_read_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.ingest._file_follow.RENAMED_SECONDS", 0.1)
    path, log = tmp_path / "a.log", MemoryLog()
    append(path, b"1\n")
    async with running(source(tmp_path, "a.log*"), log) as one:
        await one.arrived(1)
        path.rename(tmp_path / "a.log.1")
        path.write_bytes(b"2\n")
        await one.arrived(2)
        await asyncio.sleep(0.5)
    async with running(source(tmp_path, "a.log*"), log) as one:
        await asyncio.sleep(0.3)
        assert one.log.bodies == [b"1", b"2"]


@pytest.mark.parametrize("content", [b"n\n", b"new 1\nnew 2\nnew 3\nnew 4\n"], ids=["shorter", "longer"])
async def test_after_copytruncate_the_file_is_read_from_its_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.log"
    append(path, b"old 1\nold 2\n")
    async with running(source(tmp_path)) as one:
        await one.arrived(2)
        await asyncio.sleep(0.1)
        shutil.copy(path, tmp_path / "a.copy")
        path.write_bytes(content)
        lines = content.split()[0::1] if b" " not in content else content.splitlines()
        assert (await one.arrived(2 + len(lines)))[2:] == lines


async def test_a_new_file_with_the_inode_of_an_old_one_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, b"old line\n")
    assert await once(tmp_path) == [b"old line"]
    state = tmp_path / "state/file.json"
    path.unlink()
    append(path, b"another file, longer than the old\n")
    saved = json.loads(state.read_text())
    status = os.stat(path)
    saved["cursors"][0] |= {"device": status.st_dev, "inode": status.st_ino}
    state.write_text(json.dumps(saved))
    assert await once(tmp_path) == [b"another file, longer than the old"]


async def test_a_file_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "broken.log").symlink_to(tmp_path / "nowhere")
    (tmp_path / "dir.log").mkdir()
    append(tmp_path / "a.log", b"1\n")
    async with running(source(tmp_path)) as one:
        assert await one.arrived(1) == [b"1"]


async def test_damaged_gzip_is_counted_once_and_what_came_before_is_kept(tmp_path: Path) -> None:
    before = counted("file").get("gzip", 0)
    good = gzip.compress(b"1\n2\n")
    (tmp_path / "a.log").write_bytes(good + b"this is no second member")
    async with running(source(tmp_path)) as one:
        assert await one.arrived(2) == [b"1", b"2"]
        await asyncio.sleep(0.2)
    assert counted("file")["gzip"] - before == 1


async def test_a_file_that_is_empty_when_it_is_found_may_become_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.touch()
    async with running(source(tmp_path)) as one:
        await asyncio.sleep(0.1)
        path.write_bytes(gzip.compress(b"1\n2\n"))
        assert await one.arrived(2) == [b"1", b"2"]


async def test_a_gzip_file_that_is_still_being_written_is_followed_to_its_end(tmp_path: Path) -> None:
    text = b"".join(b"%d %s\n" % (n, random.Random(n).randbytes(20).hex().encode()) for n in range(3000))
    packed, path = gzip.compress(text), tmp_path / "a.log"
    path.write_bytes(packed[:20_000])
    async with running(source(tmp_path)) as one:
        await one.arrived(500)
        append(path, packed[20_000:])
        assert await one.arrived(3000) == text.split(b"\n")[:-1]


async def test_damaged_cursors_stop_the_start_and_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/file.json").write_text("{")
    append(tmp_path / "a.log", b"1\n")
    with pytest.raises(Misconfigured, match="delete it to read all files again"):
        await source(tmp_path).run(None, asyncio.Event())  # type: ignore[arg-type]  # not reached


async def test_saving_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.ingest._cursors import Cursor, Cursors

    cursors = Cursors(tmp_path, "file")
    cursors.save([Cursor("a", 1, 2, 3, "p")])
    monkeypatch.setattr(os, "fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cursors.save([Cursor("a", 1, 2, 99, "q")])
    fresh = Cursors(tmp_path, "file")
    fresh.load()
    assert [c.offset for c in fresh.all()] == [3]
