"""Windows event log files as a source: every record is one event, in the order of the file, once."""

import asyncio
import re
from pathlib import Path

import orjson
import pytest

from router.batch import Facts
from router.normalize import Catalogue
from tests.contract.memory_log import MemoryLog
from tests.contract.source import counted, running
from tests.peers.evtxexport import exported
from tests.router.ingest.evtx_writer import Element, event, write
from tests.router.ingest.test_file import once, source


def _events(first: int, count: int, size: int = 0) -> list[Element]:
    data = {"TargetUserName": "ann", "IpAddress": "192.0.2.1", "LogonType": "3", "Big": "x\n" * size}
    return [event(first + i, 4624, data) for i in range(count)]


def _numbers(bodies: list[bytes]) -> list[int]:
    return [int(orjson.loads(body)["Event"]["System"]["EventRecordID"]) for body in bodies]


async def test_records_are_read_in_order_across_chunks_and_not_again(tmp_path: Path) -> None:
    write(tmp_path / "Security.evtx", _events(1, 300, 40))
    assert _numbers(await once(tmp_path, "*.evtx")) == list(range(1, 301))
    assert await once(tmp_path, "*.evtx") == []


async def test_a_restart_in_the_middle_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest._file_bytes.CHUNK_BYTES", 20_000)
    write(tmp_path / "a.evtx", _events(1, 200, 40))
    log = MemoryLog()
    async with running(source(tmp_path, "*.evtx", once=True), log) as one:
        while not one.log.bodies:
            await asyncio.sleep(0)
    first = list(log.bodies)
    assert first
    assert _numbers(first + await once(tmp_path, "*.evtx")) == list(range(1, 201))


async def test_a_followed_file_that_was_copied_again_with_more_in_it_gives_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "a.evtx"
    write(path, _events(1, 3))
    async with running(source(tmp_path, "*.evtx")) as one:
        await one.arrived(3)
        write(path, _events(1, 5))
        await one.arrived(5)
        assert _numbers(one.log.bodies) == [1, 2, 3, 4, 5]


async def test_a_damaged_record_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    path, before = tmp_path / "a.evtx", counted("file").get("evtx", 0)
    write(path, _events(1, 4))
    data = bytearray(path.read_bytes())
    data[4096 + 512 + 40 : 4096 + 512 + 60] = b"\xff" * 20
    path.write_bytes(data)
    assert _numbers(await once(tmp_path, "*.evtx")) == [2, 3, 4]
    assert counted("file")["evtx"] - before == 1


async def test_what_is_no_event_log_in_spite_of_its_first_bytes_is_refused(tmp_path: Path) -> None:
    before = counted("file").get("evtx", 0)
    (tmp_path / "a.evtx").write_bytes(b"ElfFile\x00 this is no event log")
    assert await once(tmp_path, "*.evtx") == []
    assert counted("file")["evtx"] - before == 1


async def test_records_become_documents_of_their_channel(tmp_path: Path) -> None:
    write(tmp_path / "a.evtx", _events(7, 1))
    (body,) = await once(tmp_path, "*.evtx")
    (document,) = Catalogue.load().normalize(body, Facts("file"), 1_772_400_000.0)
    assert document["event"]["dataset"] == "windows.security"
    assert document["@timestamp"].startswith("2026-03-01T10:00:07.123456")
    assert (document["user"]["name"], document["source"]["ip"], document["event"]["code"]) == ("ann", "192.0.2.1", "4624")
    assert document["host"]["name"] == "ws1.example.com"


@pytest.mark.peer
def test_an_independent_reader_finds_the_same_records(tmp_path: Path) -> None:
    write(tmp_path / "a.evtx", _events(1, 3))
    text = exported(tmp_path / "a.evtx")
    assert [int(n) for n in re.findall("<EventRecordID>(.*?)</EventRecordID>", text)] == [1, 2, 3]
    assert text.count(">ann</Data>") == 3
