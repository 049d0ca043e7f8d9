"""The command `normalize` and what it can do beside documents."""

from pathlib import Path

import orjson

from tests.router.cli.process import logweir
from tests.router.ingest.evtx_writer import event, write
from tests.router.shapes import ocsf_schema

_SSH = b"<38>Nov 24 10:00:00 jump-01 sshd[42]: Accepted publickey for root from 192.0.2.10 port 50022 ssh2\n"
_DOOR = b"".join(b"ts=2026-03-01T10:00:0%dZ usr=ann%d act=open door=%d\n" % (i, i, i) for i in range(5))


def test_documents_come_out_in_the_shape_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_bytes(_SSH)
    ocsf = orjson.loads(logweir("normalize", "--as", "ocsf", tmp_path / "auth.log").stdout)
    assert (ocsf["class_uid"], ocsf["user"]["name"]) == (3002, "root")
    assert not ocsf_schema.faults(ocsf)
    cim = orjson.loads(logweir("normalize", "--as", "cim", tmp_path / "auth.log").stdout)
    assert (cim["tag"], cim["user"], cim["src"]) == (["authentication"], "root", "192.0.2.10")


def test_a_windows_event_log_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "Security.evtx", [event(i, 4624, {"TargetUserName": "ann", "LogonType": "3"}) for i in (1, 2)])
    found = [orjson.loads(line) for line in logweir("normalize", tmp_path / "Security.evtx").stdout.splitlines()]
    assert [d["winlog"]["record_id"] for d in found] == ["1", "2"]
    bad = tmp_path / "bad.evtx"
    bad.write_bytes(b"no event log")
    done = logweir("normalize", bad)
    assert done.returncode == 2
    assert b"bad.evtx" in done.stderr


def test_a_line_may_stand_in_place_of_a_file(tmp_path: Path) -> None:
    explained = orjson.loads(logweir("normalize", "--explain", _SSH.decode().strip()).stdout)
    assert explained["chosen"] == "linux.auth"
    done = logweir("normalize", tmp_path / "my auth.log")
    assert done.returncode == 2
    assert b"my auth.log:1: cannot be read" in done.stderr


def test_a_report_counts_by_source_for_a_person_or_a_program(tmp_path: Path) -> None:
    (tmp_path / "mixed.log").write_bytes(_SSH * 3 + b"what is this\n")
    text = logweir("normalize", "--report", tmp_path / "mixed.log").stdout.decode()
    assert text.startswith("4 payloads, ")
    rows = [orjson.loads(line) for line in logweir("normalize", "--report", "--json", tmp_path / "mixed.log").stdout.splitlines()]
    assert rows[0]["source"] == "linux.auth"
    assert rows[0]["documents"] == 3


def test_a_proposal_passes_test_and_reads_its_source(tmp_path: Path) -> None:
    (tmp_path / "door.log").write_bytes(_DOOR)
    done = logweir("normalize", "--init", "--name", "acme.door", tmp_path / "door.log")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "acme.door.yaml"
    file.write_bytes(done.stdout)
    assert logweir("test", file).returncode == 0
    first = logweir("normalize", "--rules", file, tmp_path / "door.log").stdout.splitlines()[0]
    assert orjson.loads(first)["user"]["name"] == "ann0"


def test_golden_documents_are_renewed_of_named_files_only(tmp_path: Path) -> None:
    text = "id: acme.door\nidentify: [{contains: ['door=']}]\nparse: [kv]\nmap: {user.name: usr}\nrest: acme.door\ntests: [{files: g.jsonl}]\n"
    (tmp_path / "acme.door.yaml").write_text(text)
    (tmp_path / "g.jsonl").write_bytes(orjson.dumps({"raw": "door=1 usr=ann", "expect": {"user.name": "bob"}}))
    assert logweir("test", tmp_path / "acme.door.yaml").returncode == 1
    done = logweir("test", "--update", tmp_path / "acme.door.yaml")
    assert done.returncode == 0, done.stdout
    assert b"1 of 1 documents changed" in done.stdout
    refused = logweir("test", "--update")
    assert refused.returncode == 2
    assert b"name normalizer files" in refused.stderr


def test_what_excludes_each_other_is_refused() -> None:
    assert logweir("normalize", "--report", "--init", "-").returncode == 2
