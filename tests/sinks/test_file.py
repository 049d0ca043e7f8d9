"""The file sink: contract, durability, rotation, torn lines, several writers."""

import asyncio
import errno
import gzip
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import Record
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome
from sinks.file import File, FileSettings
from tests.contract.sink import SinkContract, record, records


def file_sink(path: Path, clock: Any = None, **settings: Any) -> File:
    block = FileSettings.model_validate({"kind": "file", "path": path} | settings)
    return File("lake", block, clock) if clock else File("lake", block)


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


class End:
    """The file as the far end of the contract: a record's id is its document."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sink(self, **settings: Any) -> File:
        return file_sink(self.path, **settings)

    def ids(self) -> Collection[str]:
        return {str(orjson.loads(line)) for line in self.path.read_bytes().split(b"\n")[:-1]}

    def id_of(self, record: Record) -> str:
        return str(orjson.loads(record.body))


class TestFile(SinkContract):
    @pytest.fixture
    def far_end(self, tmp_path: Path) -> End:
        return End(tmp_path / "events.ndjson")


async def test_nothing_is_delivered_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), real(file))[1])  # type: ignore[func-returns-value]  # one expression that does both
    await file_sink(tmp_path / "f").write(records(3))
    assert (tmp_path / "f").stat().st_size in synced


async def test_stored_bytes_are_not_written_anew(tmp_path: Path) -> None:
    odd = b'{"b": 1,\t"a":1.50, "u":"\\u00e9"}'
    await file_sink(tmp_path / "f").write([record(odd)])
    assert (tmp_path / "f").read_bytes() == odd + b"\n"


async def test_a_line_that_a_crash_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b'{"a":1}\n{"b":"' + b"x" * 200_000)
    await file_sink(path).write([record(b'{"c":3}')])
    assert path.read_bytes() == b'{"a":1}\n{"c":3}\n'


async def test_a_file_of_one_unfinished_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b'{"b":')
    await file_sink(path).write([record(b'{"c":3}')])
    assert path.read_bytes() == b'{"c":3}\n'


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
async def test_a_full_disk_is_waited_for_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    path, real = tmp_path / "f", os.write
    sink = file_sink(path)
    await sink.write([record(b'{"a":1}')])

    def half(file: int, data: Any) -> int:
        if len(data) > 20:
            return real(file, data[:20])
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(Retryable):
            await sink.write([record(b'{"b":"0123456789"}'), record(b'{"c":"0123456789"}')])
    assert path.read_bytes() == b'{"a":1}\n'
    await sink.write([record(b'{"d":4}')])
    assert path.read_bytes() == b'{"a":1}\n{"d":4}\n'


async def test_the_last_directory_is_made(tmp_path: Path) -> None:
    await file_sink(tmp_path / "new" / "f").write(records(1))
    assert (tmp_path / "new" / "f").exists()


async def test_a_missing_path_pauses(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="make the directory"):
        await file_sink(tmp_path / "missing" / "path" / "f").write(records(1))


async def test_a_directory_in_its_place_pauses(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        await file_sink(tmp_path).write(records(1))


async def test_a_full_file_is_renamed_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    sink = file_sink(path, lambda: 1767323045.0, rotate_bytes=1024)
    wanted = [record(b'{"n":%d,"pad":"%b"}' % (i, b"x" * 400)) for i in range(9)]
    for one in wanted:
        await sink.write([one])
    rotated = list(tmp_path.glob("events-*.ndjson"))
    assert {p.name for p in rotated} == {f"events-20260102T030405Z{n}.ndjson" for n in ("", ".1", ".2")}
    assert not path.exists()
    assert sorted(b"".join(p.read_bytes() for p in rotated).splitlines()) == sorted(r.body for r in wanted)


async def test_an_old_file_is_renamed_at_the_next_write(tmp_path: Path) -> None:
    now = [1000.0]
    path = tmp_path / "f.ndjson"
    sink = file_sink(path, lambda: now[0], rotate_seconds=60)
    await sink.write(records(1))
    now[0] += 59
    await sink.write(records(1))
    assert len(lines(path)) == 2
    now[0] += 2
    await sink.write(records(1))
    assert not path.exists()
    assert len(lines(next(tmp_path.glob("f-*")))) == 3


async def test_a_file_from_before_counts_from_its_last_change(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    path.write_bytes(b"{}\n")
    os.utime(path, (500, 500))
    await file_sink(path, lambda: 1000.0, rotate_seconds=400).write(records(1))
    assert not path.exists()


async def test_full_files_are_compressed(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    wanted = [record(b'{"pad":"%b"}' % (b"x" * 2000))]
    await file_sink(path, rotate_bytes=1024, gzip=True).write(wanted)
    (packed,) = tmp_path.iterdir()
    assert packed.name.endswith(".ndjson.gz")
    assert gzip.decompress(packed.read_bytes()) == wanted[0].body + b"\n"


async def test_a_failing_compression_keeps_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    result = await file_sink(tmp_path / "f.ndjson", rotate_bytes=1024, gzip=True).write(records(2, pad="x" * 2000))
    assert list(result.outcomes) == [Outcome.DELIVERED] * 2
    assert len(lines(next(tmp_path.glob("f-*.ndjson")))) == 2
    assert not list(tmp_path.glob(".*"))


async def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, sink = tmp_path / "f", file_sink(tmp_path / "f")
    await sink.write(records(2))
    path.rename(tmp_path / "moved")
    await sink.write(records(1))
    assert (len(lines(tmp_path / "moved")), len(lines(path))) == (2, 1)


async def test_several_writers_share_a_file_and_its_rotation(tmp_path: Path) -> None:
    """Each stands for a process: their locks are on separate descriptors, as those of processes are."""
    path = tmp_path / "f.ndjson"
    sinks = [file_sink(path, rotate_bytes=20_000) for _ in range(4)]

    async def pour(sink: File, number: int) -> None:
        for turn in range(20):
            await sink.write([record(b'{"w":%d,"t":%d,"i":%d,"pad":"%b"}' % (number, turn, i, b"x" * 100)) for i in range(5)])

    await asyncio.gather(*(pour(sink, number) for number, sink in enumerate(sinks)))
    found = [orjson.loads(line) for p in tmp_path.iterdir() for line in lines(p)]
    assert len(found) == len({(f["w"], f["t"], f["i"]) for f in found}) == 400
    assert len(list(tmp_path.iterdir())) > 1
