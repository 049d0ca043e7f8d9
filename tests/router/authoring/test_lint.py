"""The linter finds what it should, where it stands, and leaves good rules alone."""

import json
import textwrap

import pytest

import rules
from router.authoring.lint import lint
from tests.router.authoring.linted import GOOD, checks
from tests.router.cli.process import logweir


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{CommandLine: cmd}", True),
        ("{Channel: Security, EventID: 4624}", True),
        ("{logweir.logsource.product: windows, logweir.logsource.category: process_creation}", False),
    ],
)
def test_a_test_that_can_only_hold_is_told(tmp_path, event, told):
    found = checks(tmp_path, GOOD.replace("{Channel: Security, EventID: 4688, CommandLine: cmd}", event))
    assert ("vacuous-test" in found) is told
    assert not told or found["vacuous-test"].remedy.endswith("logweir.logsource.category: process_creation")


@pytest.mark.parametrize("text", ["", "# later\n", "---\n---\n"])
def test_a_file_without_a_rule_is_told(tmp_path, text):
    assert checks(tmp_path, text)["no-rule"].severity == "warning"


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("{product: windows, category: process_creaton}", "did you mean 'process_creation'?"),
        ("{product: window, category: process_creation}", "did you mean 'windows'?"),
        ("{product: windows, service: securty}", "did you mean 'security'?"),
    ],
)
def test_a_log_source_that_is_misspelt_is_told(tmp_path, source, remedy):
    text = GOOD.replace("{product: windows, category: process_creation}", source)
    assert checks(tmp_path, text)["unknown-logsource"].remedy == remedy


@pytest.mark.parametrize(
    "source", ["{product: acme, service: vpn}", "{product: windows, category: file_rename}", "{product: macos}"]
)
def test_a_log_source_that_is_like_none_is_one_of_somebody_s_own(tmp_path, source):
    text = GOOD.replace("{product: windows, category: process_creation}", source)
    assert "unknown-logsource" not in checks(tmp_path, text)


def test_a_good_rule_gets_no_remark(tmp_path):
    assert checks(tmp_path, GOOD) == {}


def test_the_rules_that_ship_have_nothing_worse_than_an_info():
    found = [f for f in lint([rules.ROOT / "detect", rules.ROOT / "correlate", rules.ROOT / "risk"]) if f.severity != "info"]
    assert found == []


EDITS = [
    ("missing-id", "id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11\n", ""),
    ("missing-level", "level: high\n", ""),
    ("missing-status", "status: test\n", ""),
    ("missing-author", "author: Ann\n", ""),
    ("missing-description", "description: d\n", ""),
    ("missing-tests", "tests:\n  - {name: t, match: false, event: {Channel: Security, EventID: 4688, CommandLine: cmd}}\n", ""),
    ("title-too-long", "Encoded Command on a Server", "x" * 257),
    ("invalid-id", "2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11", "rule-1"),
    ("invalid-date", "2026-01-02", "2026/01/02"),
    ("invalid-modified", "2026-02-03", "'2026-02-31'"),
    ("modified-before-date", "2026-02-03", "2025-02-03"),
    ("key-not-lowercase", "author: Ann", "Author: Ann"),
    ("unknown-key", "falsepositives:", "falsepositive:"),
    ("invalid-tag", "tlp.amber-strict", "TLP:RED"),
    ("unknown-tag-namespace", "tlp.amber-strict", "mitre.t1059"),
    ("invalid-attack-tag", "attack.execution", "attack.executing"),
    ("invalid-attack-tag", "attack.t1059.001", "attack.t1059.1"),
    ("invalid-cve-tag", "cve.2021-44228", "cve.log4shell"),
    ("invalid-tlp-tag", "tlp.amber-strict", "tlp.pink"),
    ("invalid-detection-tag", "detection.emerging-threats", "detection.new"),
    ("invalid-car-tag", "car.2013-07-001", "car.2013-7-1"),
    ("invalid-stp-tag", "tlp.amber-strict", "stp.9"),
    ("invalid-d3fend-tag", "tlp.amber-strict", "d3fend.d3_x"),
    ("duplicate-tags", "tlp.amber-strict", "attack.execution"),
    ("duplicate-references", "['https://a.example']", "['https://a.example', 'https://a.example']"),
    ("duplicate-fields", "level: high", "level: high\nfields: [User, User]"),
    ("falsepositives-too-short", "[add-ins]", "['-']"),
    ("scope-too-short", "level: high", "level: high\nscope: [x]"),
    ("related-incomplete", "level: high", "level: high\nrelated: [{type: similar}]"),
    ("invalid-related-id", "level: high", "level: high\nrelated: [{id: x, type: similar}]"),
    ("invalid-related-type", "level: high", "level: high\nrelated: [{id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a12, type: alike}]"),
    ("deprecated-without-related", "status: test", "status: deprecated"),
    ("unsupported-status", "status: test", "status: unsupported"),
    ("unsupported-version", "level: high", "level: high\nsigma-version: 3"),
    ("logsource-not-lowercase", "product: windows", "product: Windows"),
    ("unknown-logsource-key", "product: windows", "product: windows, provider: x"),
    ("unused-selection", "selection and not filter", "selection"),
    ("all-of-them", "selection and not filter", "all of them"),
    ("them-with-one-selection", "  filter: {User: nobody}\n  condition: selection and not filter", "  condition: 1 of them"),
    ("single-value-all", "['-enc', '-ec']", "['-enc']\n    Image|contains|all: x"),
    ("all-without-contains", "CommandLine|contains", "CommandLine|startswith|all"),
    ("all-with-re", "CommandLine|contains", "CommandLine|re|all"),
    ("base64offset-without-contains", "CommandLine|contains", "CommandLine|base64offset"),
    ("windash-with-all", "CommandLine|contains", "CommandLine|windash|contains|all"),
    ("incompatible-modifiers", "CommandLine|contains", "CommandLine|contains|startswith"),
    ("anchored-keyword", "filter: {User: nobody}", "filter: {'|startswith': nobody}"),
    ("anchored-keyword", "filter: {User: nobody}", "filter: {'|windash|endswith': nobody}"),
    ("neq-on-absent", "User: nobody", "User|neq: nobody"),
    ("wildcard-only", "User: nobody", "User: '*'"),
    ("empty-part", "User: nobody", "User|endswith: ''"),
    ("double-wildcard", "User: nobody", "User: 'a**b'"),
    ("number-as-text", "User: nobody", "User: '4688'"),
    ("control-character", "User: nobody", 'User: "no\\tbody"'),
    ("escaped-wildcard", "User: nobody", r"User: 'no\*body'"),
    ("wildcards-instead-of-contains", "User: nobody", "User: ['*a*', '*b*']"),
    ("wildcards-instead-of-endswith", "User: nobody", r"User: '*\bob'"),
    ("wildcards-instead-of-startswith", "User: nobody", "User: 'bob*'"),
    ("duplicate-value", "['-enc', '-ec']", "['-enc', '-ENC']"),
    (
        "specific-logsource",
        "category: process_creation}\ndetection:\n  selection:\n",
        "service: sysmon}\ndetection:\n  selection:\n    EventID: 1\n",
    ),
    ("refused-yaml", "level: high", "level: high\nlevel: low"),
    ("refused-metadata", "level: high", "level: hi"),
    ("refused-metadata", "status: test", "status: tested"),
    ("refused-metadata", "title: Encoded Command on a Server", "title: ''"),
    ("refused-logsource", "logsource: {product: windows, category: process_creation}\n", ""),
    ("refused-condition", "selection and not filter", "selektion"),
    ("refused-condition", "selection and not filter", "selection | count() > 5"),
    ("refused-modifier", "CommandLine|contains", "CommandLine|contians"),
    ("refused-modifier", "CommandLine|contains", "CommandLine|contains|contains"),
    ("refused-value", "['-enc', '-ec']", "['-enc', null]"),
    ("refused-value", "['-enc', '-ec']", "[]"),
    ("refused-placeholder", "CommandLine|contains: ['-enc', '-ec']", "CommandLine|expand: '%x%'"),
]


@pytest.mark.parametrize(("check", "old", "new"), EDITS, ids=[f"{e[0]}-{i}" for i, e in enumerate(EDITS)])
def test_one_fault_is_one_remark_at_its_place(tmp_path, check, old, new):
    assert GOOD.count(old) == 1 or check in ("falsepositives-too-short",)
    found = checks(tmp_path, GOOD.replace(old, new, 1))
    assert check in found, list(found.values())
    finding = found[check]
    assert finding.line >= 1
    assert finding.column >= 1
    assert finding.text
    assert finding.file.endswith("encoded_command.yml")
    assert (finding.severity == "error") == (
        check.startswith(("refused", "related-inc", "invalid-rel", "unsupported-ver", "invalid-date", "invalid-mod"))
    ) or check == "invalid-related-id"


def test_the_place_is_that_of_the_word(tmp_path):
    finding = checks(tmp_path, GOOD.replace("User: nobody", "User: 'a**b'"))["double-wildcard"]
    line = GOOD.replace("User: nobody", "User: 'a**b'").splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith("User")
    assert finding.path == "detection.filter.User"


FILTER = """
---
title: Not on Build Servers
id: 8f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11
description: d
author: Ann
logsource: {product: windows, category: process_creation}
filter: {rules: [2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11], build: {Computer: b1}, condition: not build}
"""


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        ("filter-has-level", "author: Ann", "author: Ann\nlevel: low"),
        ("filter-has-status", "author: Ann", "author: Ann\nstatus: test"),
        ("filter-without-not", "condition: not build", "condition: build"),
        ("refused-condition", "build: {Computer: b1}, ", ""),
        ("refused-filter", "rules: [2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11]", "rules: {a: b}"),
        ("refused-logsource", "logsource: {product: windows, category: process_creation}\n", ""),
        ("refused-reference", "2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11", "nothing"),
    ],
)
def test_faults_of_filters(tmp_path, check, old, new):
    assert checks(tmp_path, GOOD + FILTER) == {}
    assert check in checks(tmp_path, GOOD + FILTER.replace(old, new, 1))


def test_what_two_files_must_not_share(tmp_path):
    (tmp_path / "a").mkdir()
    other = GOOD.replace("2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11", "3f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11")
    (tmp_path / "a/encoded_command.yml").write_text(other)
    found = checks(tmp_path, GOOD)
    assert {"duplicate-title", "duplicate-file-name"} == set(found)
    (tmp_path / "a/encoded_command.yml").write_text(GOOD)
    assert "refused-reference" in checks(tmp_path, GOOD)
    (tmp_path / "x.yml").write_text(other.replace("on a Server", "there"))
    assert "file-name-length" in checks(tmp_path, GOOD)


def test_checks_can_be_left_out(tmp_path):
    assert checks(tmp_path, GOOD.replace("author: Ann\n", ""), ignore=["missing-author"]) == {}


def test_the_command_says_it_in_lines_and_as_json_and_fails_from_a_severity_on(tmp_path):
    rule = tmp_path / "encoded_command.yml"
    rule.write_text(GOOD.replace("level: high\n", ""))
    done = logweir("rules", "lint", rule)
    assert done.returncode == 0, done.stderr
    assert f"{rule}:2:1: warning missing-level:".encode() in done.stdout
    assert b"1 file: 0 error, 1 warning, 0 info" in done.stdout
    assert logweir("rules", "lint", rule, "--fail-on", "warning").returncode == 1
    rule.write_text(GOOD.replace("selection and not", "selektion and not"))
    done = logweir("rules", "lint", tmp_path, "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["error"], answer["files"]) == (1, 1)
    assert (
        answer["findings"][0]["column"]
        == textwrap.dedent(rule.read_text()).splitlines()[answer["findings"][0]["line"] - 1].index("selektion") + 1
    )
    assert logweir("rules", "lint", tmp_path / "nothing").returncode == 2


@pytest.mark.parametrize(
    ("written", "read"), [("0x1010", "4112"), ("010", "8"), ("12:30", "750"), ("1_000", "1000"), ("1.50", "1.5"), ("no", "false")]
)
def test_a_number_that_yaml_reads_as_another_one_is_told(tmp_path, written, read):
    found = checks(tmp_path, GOOD.replace("{User: nobody}", f"\n    User: [x, {written}]"))["yaml-number"]
    assert (found.line, found.column, found.severity) == (18, 15, "warning")
    assert found.text == f"YAML reads {written} as {read!r}"
    assert "yaml-number" in checks(tmp_path, GOOD.replace("nobody", written))


@pytest.mark.parametrize("written", ["7", "-7", "1.5", "true", "False", "null", "'0x10'", "nobody"])
def test_a_number_that_is_what_it_looks_like_is_left_alone(tmp_path, written):
    assert "yaml-number" not in checks(tmp_path, GOOD.replace("nobody", written))
