"""The command line, as a person meets it: a process, files, exit codes."""

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.router.cli.process import logweir

SYSLOG = b"<38>Nov 24 10:00:00 jump-01 sshd[42]: Accepted publickey for root from 192.0.2.10 port 50022 ssh2\n"


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_version_and_help() -> None:
    assert logweir("version").stdout.startswith(b"logweir ")
    text = logweir("--help").stdout
    for command in (
        b"run",
        b"init",
        b"check",
        b"demo",
        b"generate",
        b"test",
        b"normalize",
        b"detect",
        b"setup",
        b"dlq",
        b"replay",
        b"status",
        b"config",
    ):
        assert command in text
    assert b"--install-completion" in text


def test_init_gives_what_check_and_test_accept_as_it_is(tmp_path: Path) -> None:
    assert logweir("init", tmp_path / "soc").returncode == 0
    checked = logweir("check", folder=tmp_path / "soc")
    assert checked.returncode == 0, checked.stderr
    assert b"good; 1 source, 2 sinks, " in checked.stdout
    tested = logweir("test", "rules", folder=tmp_path / "soc")
    assert tested.returncode == 0, tested.stdout
    assert b"6 passed, 0 failed" in tested.stdout
    again = logweir("init", tmp_path / "soc")
    assert again.returncode == 2
    assert b"exists already" in again.stderr


def test_init_says_what_to_do_next_in_words_that_a_shell_understands(tmp_path: Path) -> None:
    done = logweir("init", "my soc", folder=tmp_path)
    [command] = [line.removeprefix("next: ") for line in done.stdout.decode().splitlines() if line.startswith("next: ")]
    assert command == "cd 'my soc' && logweir check && logweir test rules && logweir run"


def test_check_tells_every_problem_of_configuration_and_rules_at_once(tmp_path: Path) -> None:
    logweir("init", tmp_path)
    config = tmp_path / "logweir.yaml"
    config.write_text(config.read_text().replace("kind: syslog", "kind: sylog").replace("listen: 127", "lisen: 127"))
    detect = tmp_path / "rules/detect/ssh-root-login.yml"
    detect.write_text(detect.read_text().replace("condition: selection", "condition: selektion"))
    noise = tmp_path / "rules/noise/health-checks.yaml"
    noise.write_text(noise.read_text().replace("kind: drop", "kind: dorp"))
    normalizer = tmp_path / "rules/normalize/inventory.app.yaml"
    normalizer.write_text(normalizer.read_text().replace("user.name: user", "user.nmae: user"))
    done = logweir("check", folder=tmp_path)
    assert done.returncode == 2
    text = done.stderr.decode()
    for expected in ("logweir.yaml:", "did you mean 'syslog'?", "did you mean 'listen'?", "selektion", "dorp", "user.nmae"):
        assert expected in text, text
    for line in text.splitlines():
        assert line.partition(":")[2][:1].isdigit(), f"no place: {line}"


def test_check_of_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    done = logweir("check", "-c", tmp_path / "nothing.yaml")
    assert done.returncode == 2
    assert b"cannot be read" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_secret_in_the_file_is_refused_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "logweir.yaml").write_text("sinks: {s: {kind: splunk_hec, urls: ['http://127.0.0.1:1'], token: canary-4711}}\n")
    done = logweir("check", folder=tmp_path)
    assert done.returncode == 2
    assert b"must not stand in the configuration" in done.stderr
    assert b"canary-4711" not in done.stdout + done.stderr


def test_normalize_reads_standard_input_files_and_gzip(tmp_path: Path) -> None:
    [from_pipe] = lines(logweir("normalize", given=SYSLOG))
    assert from_pipe["event"]["dataset"] == "linux.auth"
    (tmp_path / "a.log").write_bytes(SYSLOG * 2)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(SYSLOG))
    assert len(lines(logweir("normalize", tmp_path / "a.log", tmp_path / "b.log.gz"))) == 3


def test_normalize_keeps_what_it_does_not_know() -> None:
    [document] = lines(logweir("normalize", given=b"lorem ipsum dolor\n"))
    assert document["event"]["original"] == "lorem ipsum dolor"
    assert "_norm_unknown" in document["tags"]


def test_normalize_with_a_source_that_is_none_has_a_suggestion() -> None:
    done = logweir("normalize", "--source", "linux.auht", given=SYSLOG)
    assert done.returncode == 2
    assert b"did you mean 'linux.auth'?" in done.stderr


def test_explain_says_which_normalizer_and_why() -> None:
    [answer] = lines(logweir("normalize", "--explain", given=SYSLOG))
    assert "linux.auth" in json.dumps(answer)


RULE = """
title: Root over SSH
id: 11111111-2222-4333-8444-555555555555
logsource: {product: linux, service: sshd}
detection:
  selection: ['Accepted publickey for root']
  condition: selection
level: high
"""


def test_detect_prints_one_line_a_match_with_the_number_of_the_event(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    given = SYSLOG.replace(b"root", b"anna") + SYSLOG + b"lorem ipsum\n" + SYSLOG
    found = lines(logweir("detect", "--rules", tmp_path / "rule.yml", given=given))
    assert [m["event"] for m in found] == [1, 3]
    assert found[0] == {"event": 1, "rule": "11111111-2222-4333-8444-555555555555", "title": "Root over SSH", "level": "high"}


def test_detect_names_a_refused_rule_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(RULE)
    (tmp_path / "bad.yml").write_text(
        RULE.replace("condition: selection", "condition: nothing").replace("1111-2222", "1111-3333")
    )
    done = logweir("detect", "--rules", tmp_path, given=SYSLOG)
    assert len(lines(done)) == 1
    assert b"bad.yml:" in done.stderr
    assert logweir("detect", "--strict", "--rules", tmp_path, given=SYSLOG).returncode == 2


def test_why_shows_a_value_on_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text("title: t\nlogsource: {product: acme}\ndetection: {sel: {a: x}, condition: sel}\n")
    event = '{"logweir":{"logsource":{"product":"acme"}},"a":"y\\n  true  a is \'x\'; saw x\\u001b[1A\\u202e"}'
    done = logweir("rules", "why", "--as", "ecs", "rule.yml", event, folder=tmp_path)
    assert done.stdout.decode().splitlines()[1:] == ["  false a is 'x'; saw y\\n  true  a is 'x'; saw x\\x1b[1A\\u202e"]


@pytest.mark.parametrize(
    ("event", "saw"),
    [
        ('{"logweir":{"logsource":{"product":"acme"}},"a":["one",{"b":"two"}],"event":{"dataset":"x"}}', "one\\ntwo"),
        ('{"logweir":{"logsource":{"product":"acme"}},"message":"three","z":4}', "three\\n4"),
    ],
)
def test_why_shows_the_text_that_keywords_searched(tmp_path: Path, event: str, saw: str) -> None:
    (tmp_path / "rule.yml").write_text("title: t\nlogsource: {product: acme}\ndetection: {kw: [x], condition: kw}\n")
    done = logweir("rules", "why", "--as", "ecs", "rule.yml", event, folder=tmp_path)
    assert done.stdout.decode().splitlines()[1:] == [f"  false the message contains 'x'; saw {saw}"]


def test_the_schema_is_json() -> None:
    schema = json.loads(logweir("config", "schema").stdout)
    assert schema["title"] == "Logweir configuration"


@pytest.mark.parametrize("words", [("--role", "proces"), ("--sink", "nobody")])
def test_run_refuses_names_that_are_none(tmp_path: Path, words: tuple[str, str]) -> None:
    logweir("init", tmp_path)
    done = logweir("run", *words, folder=tmp_path)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_generate_writes_the_same_lines_for_the_same_seed_and_a_count() -> None:
    first = logweir("generate", "--count", 20, "--rate", 10000, "--format", "zeek")
    assert first.stdout.count(b"\n") == 20
    wrong = logweir("generate", "--format", "zek")
    assert wrong.returncode == 2
    assert b"did you mean 'zeek'?" in wrong.stderr


def test_setup_without_anything_to_prepare_says_so(tmp_path: Path) -> None:
    logweir("init", tmp_path)
    done = logweir("setup", folder=tmp_path)
    assert done.returncode == 0
    assert b"nothing to prepare" in done.stdout


def test_dead_letters_of_an_empty_log_are_none(tmp_path: Path) -> None:
    logweir("init", tmp_path)
    (tmp_path / "logweir.db").touch()
    done = logweir("dlq", "list", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"process: 0" in done.stdout


def test_an_untested_case_of_a_normalizer_is_a_warning_and_a_failure_if_one_is_strict(tmp_path: Path) -> None:
    text = "id: acme.door\nidentify: [{contains: ['door=']}]\nparse: [kv]\nrest: acme.door\ncases:\n"
    text += "  - when: {act: open}\n    set: {event.action: open}\ntests:\n  - raw: door=1\n"
    (tmp_path / "door.yaml").write_text(text)
    for words, code, mark in (((), 0, "warn"), (("--strict",), 1, "FAIL")):
        done = logweir("test", *words, "door.yaml", folder=tmp_path)
        assert done.returncode == code, done.stderr
        first, second, last = done.stdout.decode().splitlines()
        assert first.startswith(f"{mark} door.yaml:6:5: cases[0]: no test reaches the case `{{act: open}}`; add a test")
        assert second.startswith(f"{mark} door.yaml:8:1: tests: no test has a malformed line")
        assert last == "1 passed, 0 failed, 2 untested"


@pytest.mark.timeout(400)
def test_every_rule_that_ships_passes_its_tests() -> None:
    done = logweir("test")
    assert done.returncode == 0, done.stdout[-3000:]
    assert b", 0 failed" in done.stdout
