"""Shipped normalizers are compiled when they are needed, and nothing else changes."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.batch import Facts
from router.errors import ConfigError
from router.normalize import Catalogue
from router.normalize.deferred import Deferred
from rules import ROOT

FILE = """
id: acme.wall
title: ACME Wall
identify: [{contains: ['wall:']}]
priority: 3
parse: [syslog, kv]
const: {event.kind: event}
map: {source.ip: src}
rest: acme.wall
tests: [{name: x, raw: 'wall: src=192.0.2.1'}]
"""

LOADED = """
from router.normalize import Catalogue
catalogue = Catalogue.load()
catalogue.prepare()
# not getrusage: what that says includes the process that started this one
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(catalogue.ids()), int(peak.split()[1]) // 1024)
"""


def test_a_deferred_normalizer_is_compiled_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "acme.wall.yaml"
    path.write_text(FILE)
    deferred = Deferred(path)
    assert (deferred.id, deferred.identity.priority) == ("acme.wall", 3)
    assert deferred.wants("x wall: src=1", {})
    assert not deferred.wants("x", {})
    assert deferred._made is None
    document = Catalogue([deferred]).normalize(b"wall: src=192.0.2.1", Facts("s"), 1_780_272_000.0)[0]
    assert document["source"]["ip"] == "192.0.2.1"
    assert deferred._made is not None
    assert (deferred.title, deferred.fields) == ("ACME Wall", deferred.compiled().fields)


def test_a_file_that_says_nothing_to_look_for_is_refused_before_anything_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "acme.wall.yaml"
    path.write_text(FILE.replace("{contains: ['wall:']}", "{contain: ['wall:']}"))
    with pytest.raises(ConfigError, match="contain"):
        Catalogue([Deferred(path)]).prepare()


def test_who_chooses_none_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that receives or delivers starts without the files of all normalizers."""
    read = Path.read_text

    def refuse(path: Path, *options: str) -> str:
        assert path.parent != ROOT / "normalize"
        return read(path, *options)

    monkeypatch.setattr(Path, "read_text", refuse)
    catalogue = Catalogue.load(disable=["cisco.asa"])
    assert len(catalogue.ids()) >= 60
    assert "cisco.asa" not in catalogue.ids()
    with pytest.raises(AssertionError):
        catalogue.prepare()


def test_a_shipped_file_is_named_by_the_id_of_its_normalizer() -> None:
    for path in (ROOT / "normalize").glob("*.yaml"):
        assert Deferred(path).compiled().id == path.stem


def test_the_whole_catalogue_loads_within_120_megabytes() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == len(list((ROOT / "normalize").glob("*.yaml"))) >= 60
    assert megabytes <= 120
