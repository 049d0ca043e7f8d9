"""`logweir detect`: matches, alerts, findings and correlations over a file; a bar only where somebody looks."""

import gzip
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.router.cli.process import ROOT, logweir

RULES = """
title: Failed
id: 11111111-0000-4000-8000-000000000001
author: Ann
level: medium
logsource: {product: linux, service: sshd}
detection: {sel: [Failed password for], condition: sel}
---
title: Many
id: 11111111-0000-4000-8000-000000000002
level: high
correlation: {type: event_count, rules: [11111111-0000-4000-8000-000000000001], group-by: [source.ip], timespan: 1m, condition: {gte: 3}, generate: true}
"""
LINE = "<38>Nov 24 10:00:{:02} jump-01 sshd[42]: {} password for root from 192.0.2.10 port 50022 ssh2\n"


def write(folder: Path, count: int = 4) -> Path:
    (folder / "rules.yml").write_text(RULES)
    path = folder / "auth.log"
    path.write_text("".join(LINE.format(i, "Failed" if i else "Accepted") for i in range(count)))
    return path


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_one_line_a_match_and_correlations_last(tmp_path: Path) -> None:
    write(tmp_path)
    found = lines(logweir("detect", "--rules", "rules.yml", "auth.log", folder=tmp_path))
    assert [line.get("event") for line in found] == [1, 2, 3, None]
    assert found[0] == {"event": 1, "rule": "11111111-0000-4000-8000-000000000001", "title": "Failed", "level": "medium"}
    assert (found[3]["title"], found[3]["events"], found[3]["group"]) == ("Many", [1, 2, 3], {"source.ip": "192.0.2.10"})


def test_the_events_of_a_correlation_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    write(tmp_path, 12)
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.replace("gte: 3", "gte: 11"))
    found = lines(logweir("detect", "--rules", "rules.yml", "auth.log", folder=tmp_path))
    assert found[-1]["events"] == list(range(1, 12))


def test_alerts_and_findings_on_request(tmp_path: Path) -> None:
    write(tmp_path)
    alerts = lines(logweir("detect", "--rules", "rules.yml", "--as", "ecs", "auth.log", folder=tmp_path))
    assert [a["rule"]["name"] for a in alerts] == ["Failed"] * 3 + ["Many"]
    assert alerts[0]["rule"]["author"] == ["Ann"]
    assert alerts[0]["logweir"]["conditions"][0]["test"] == "contains 'Failed password for'"
    findings = lines(logweir("detect", "--rules", "rules.yml", "--as", "ocsf", "auth.log", folder=tmp_path))
    assert [f["class_uid"] for f in findings] == [2004] * 4
    assert len({f["finding_info"]["uid"] for f in findings}) == 4
    assert logweir("detect", "--rules", "rules.yml", "--as", "xml", "auth.log", folder=tmp_path).returncode == 2
    check = pytest.importorskip("tests.router.shapes.ocsf_schema", reason="the schema of OCSF is not installed")
    assert [check.faults(f) for f in findings] == [[]] * 4


def test_packed_files_and_standard_input_give_the_same(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "auth.log.gz").write_bytes(gzip.compress(path.read_bytes()))
    plain = lines(logweir("detect", "--rules", "rules.yml", "auth.log", folder=tmp_path))
    assert lines(logweir("detect", "--rules", "rules.yml", "auth.log.gz", folder=tmp_path)) == plain
    assert lines(logweir("detect", "--rules", "rules.yml", "-", folder=tmp_path, given=path.read_bytes())) == plain


PLAIN = """
title: Who
id: 11111111-0000-4000-8000-000000000003
logsource: {product: windows, category: process_creation}
detection: {sel: {Image|endswith: '\\whoami.exe', CommandLine|expand: '%wanted%'}, condition: sel}
---
title: Up
id: 11111111-0000-4000-8000-000000000004
logsource: {category: webserver}
detection: {sel: {cs-uri-query|contains: '../'}, condition: sel}
"""
GIVEN = [
    {"Image": "C:\\whoami.exe", "CommandLine": "whoami /all"},
    {"Image": "C:\\whoami.exe", "CommandLine": "whoami /all", "logweir": {"logsource": {"category": "webserver"}}},
    {
        "winlog": {
            "channel": "Security",
            "event_id": "4688",
            "event_data": {"NewProcessName": "\\WHOAMI.EXE", "CommandLine": "WHOAMI /all"},
        }
    },
    {"cs-uri-query": "../../etc"},
]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--ecs"], [(2, "Who")]),
        (["--logsource", "windows/process_creation/*"], [(0, "Who"), (2, "Who")]),
        (["--logsource", "Windows/Process_creation"], [(0, "Who"), (2, "Who")]),
        (["--logsource", "*/webserver"], [(2, "Who"), (3, "Up")]),
    ],
)
def test_documents_are_judged_as_they_are(tmp_path: Path, options: list[str], expected: list[tuple[int, str]]) -> None:
    (tmp_path / "rules.yml").write_text(PLAIN)
    (tmp_path / "logweir.yaml").write_text("rules: {placeholders: {wanted: ['whoami *']}}\n")
    given = b"\n".join(map(orjson.dumps, GIVEN))
    found = lines(logweir("detect", "--rules", "rules.yml", "-c", "logweir.yaml", *options, "-", folder=tmp_path, given=given))
    assert [(line["event"], line["title"]) for line in found] == expected


def test_what_is_no_document_is_told_and_the_rest_judged(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(PLAIN.replace("expand: '%wanted%'", "contains: who"))
    given = b"{\n5\n" + orjson.dumps(GIVEN[:1] * 2)
    done = logweir("detect", "--rules", "rules.yml", "--logsource", "windows/process_creation", "-", folder=tmp_path, given=given)
    assert [line["event"] for line in lines(done)] == [2, 3]
    assert b"record 2: no object of JSON" in done.stderr
    assert b"3 records read; 2 of them are no documents" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--logsource", "windows"], b"none of the first 2 events is of a log source that a rule sees: of windows/*/* 2"),
        (["--logsource", "windwos/process_creation"], b"of windwos/process_creation/* 2"),
        (["--ecs"], b"of no log source 2; --logsource, such as"),
        ([], b"of unknown/*/* 2; JSON with Sigma's own names needs --logsource"),
    ],
)
def test_events_that_no_rule_sees_are_told_of(tmp_path: Path, options: list[str], told: bytes) -> None:
    (tmp_path / "rules.yml").write_text(
        PLAIN.replace("|expand: '%wanted%'", ": '*'").replace("category: webserver", "product: x")
    )
    given = b"\n".join(map(orjson.dumps, GIVEN[:1] * 2))
    done = logweir("detect", "--rules", "rules.yml", *options, "-", folder=tmp_path, given=given)
    assert (done.returncode, done.stdout) == (0, b"")
    assert told in done.stderr


def test_nothing_is_told_where_a_rule_saw_an_event(tmp_path: Path) -> None:
    write(tmp_path)
    accepted = (LINE.format(0, "Accepted") + "no log source\n").encode()
    done = logweir("detect", "--rules", "rules.yml", "-", folder=tmp_path, given=accepted)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--logsource", "*"], b"--logsource:1: '*' is no log source"),
        (["--logsource", "a/b/c/d"], b"--logsource:1: 'a/b/c/d' is no log source"),
        (["--ecs", "--tz", "CET"], b"--tz:1: is for input that is normalized"),
    ],
)
def test_options_that_say_nothing_are_refused(tmp_path: Path, options: list[str], told: bytes) -> None:
    write(tmp_path)
    done = logweir("detect", "--rules", "rules.yml", *options, "auth.log", folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


BROKEN = """
title: Old
logsource: {product: linux}
detection: {sel: {a: b}, condition: sel | count() > 5}
---
title: Older
action: global
---
title: Open
logsource: {product: linux}
detection: {sel: {a|expand: '%nobody%', b|expand: '%either%'}, condition: sel}
"""


def test_how_many_rules_are_refused_is_told_and_the_others_judge(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "broken.yml").write_text(BROKEN)
    (tmp_path / "yaml.yml").write_text("title: [")
    named = ("--rules", "rules.yml", "--rules", "broken.yml", "--rules", "yaml.yml", "auth.log")
    done = logweir("detect", *named, folder=tmp_path)
    assert len(lines(done)) == 4
    *problems, last = done.stderr.decode().splitlines()
    assert last == "4 of 6 rules refused (condition 1, metadata 1, placeholder 2, yaml 1); the other 2 judge"
    assert problems[0].startswith("broken.yml:4:")
    assert len(problems) == 5
    strict = logweir("detect", "--strict", *named, folder=tmp_path)
    assert (strict.returncode, strict.stdout, strict.stderr) == (2, b"", done.stderr)


def test_nothing_is_judged_where_every_rule_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "broken.yml").write_text(BROKEN)
    done = logweir("detect", "--rules", "broken.yml", "auth.log", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"3 of 3 rules refused (condition 1, metadata 1, placeholder 2); none is left to judge by" in done.stderr


def test_the_bar_is_drawn_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path, 60)
    assert logweir("detect", "--rules", "rules.yml", "auth.log", folder=tmp_path).stderr == b""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "router", "detect", "--rules", "rules.yml", "auth.log"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path, env=env) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=100)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    assert len(out.splitlines()) == 60
    assert b"judging" in shown
    assert b"judging" not in out


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed: that is how a terminal ends on Linux
        return b""
