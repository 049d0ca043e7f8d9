"""Rules in plain words, and held against an event."""

import json

import pytest

from router.authoring import words
from router.authoring.explain import explained, explained_correlation, told
from router.authoring.judged import judged
from router.detect import Ruleset
from tests.router.cli.process import ROOT, logweir
from tests.router.detect.rules import read, titled

WINDOWS = "{product: windows, category: process_creation}"


def lines(detection, condition="sel"):
    rule = read(f"title: T\nlogsource: {WINDOWS}\ndetection:\n  {detection}\n  condition: {condition}\n")
    return [(line.depth, line.text) for line in words.condition(rule.tree)]


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        ("{a: b}", "a is 'b'"),
        ("{a: [b, c]}", "a is 'b' or 'c'"),
        ("{a|contains: [b, c, d]}", "a contains 'b', 'c' or 'd'"),
        ("{a|endswith: b}", "a ends with 'b'"),
        ("{a|startswith|cased: b}", "a begins with 'b' (upper and lower case as written)"),
        ("{a: 'b*c'}", "a is like 'b*c'"),
        ("{a|re|i: 'b.c'}", "a matches /b.c/i"),
        ("{a|cidr: 10.0.0.0/8}", "a is in 10.0.0.0/8"),
        ("{a: null}", "a is absent or null"),
        ("{a: ''}", "a is there and empty"),
        ("{a|exists: false}", "a is not there"),
        ("{a|gte: 5}", "a is at least 5"),
        ("{a|hour|lt: 6}", "the hour of a is below 6"),
        ("{a|fieldref: b}", "a is the value of b"),
        ("{a|fieldref|endswith: b}", "a ends with the value of b"),
        ("{a|neq: b}", "not a is 'b'"),
        ("[b, c]", "the message contains 'b' or 'c'"),
    ],
)
def test_one_test_in_words(selection, text):
    assert lines(f"sel: {selection}") == [(0, text)]


def test_long_lists_are_cut():
    many = ", ".join(f"v{i}" for i in range(40))
    assert lines(f"sel: {{a: [{many}]}}")[0][1].endswith("'v11', or 28 others")


def test_levels_are_those_of_the_condition():
    assert lines("sel: {a: 1, b: 2}\n  filter: [{c: 3}, {d: 4}]", "sel and not filter") == [
        (0, "all of these:"),
        (1, "a is '1'"),
        (1, "b is '2'"),
        (1, "not one of these:"),
        (2, "c is '3'"),
        (2, "d is '4'"),
    ]


def test_an_explained_rule_names_routes_fields_and_the_verdict(supply):
    rule = read(titled("Shell", WINDOWS, "{Image|endswith: x, Made|contains: y}"))
    answer = explained(rule, supply)
    text = "\n".join(told(answer))
    assert "channel Security, event id 4688" in text
    assert "fed by windows" in text
    assert "Image: filled by windows" in text
    assert "Made: kept if the sender writes it by windows" in text
    assert answer["verdict"] == "not shown"
    assert "it fires only if senders write Made" in text


LOGONS = """title: Failed
name: failed
id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a12
logsource: {product: logweir, service: linux.auth}
detection: {sel: {event.action: ssh_login}, condition: sel}
---
title: Query
name: query
id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a13
logsource: {product: logweir, service: zeek.dns}
detection: {sel: {dns.question.name: x}, condition: sel}
---
title: Shell
name: shell
id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a15
logsource: {product: windows, category: process_creation}
detection: {sel: {Image: x}, condition: sel}
---
title: Together
id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a14
correlation: """


@pytest.mark.parametrize(
    ("correlation", "told_of", "because"),
    [
        ("{type: event_count, rules: [failed], group-by: [source.ip], condition: {gte: 3}}", "source.ip: filled by", ""),
        (
            "{type: event_count, rules: [failed], group-by: [who.knows], condition: {gte: 3}}",
            "who.knows: provided by nobody, of Failed",
            "it can never fire: nobody provides who.knows in events of 'Failed'",
        ),
        (
            "{type: event_count, rules: [shell], group-by: [Made], condition: {gte: 3}}",
            "Made: kept if the sender writes it by windows",
            "it fires only if senders write Made in events of 'Shell': kept as sent, and in no example",
        ),
        (
            "{type: temporal, rules: [failed, query], group-by: [ip], aliases: {ip: {failed: source.ip, query: no.where}}}",
            "no.where: provided by nobody, of Query",
            "it can never fire: nobody provides no.where in events of 'Query'",
        ),
        (
            "{type: value_count, rules: [failed, query], group-by: [source.ip], condition: {gte: 3, field: no.where}}",
            "no.where: provided by nobody, of Failed",
            "it can never fire: nobody provides no.where in events of 'Failed', no.where in events of 'Query'",
        ),
        (
            "{type: event_count, rules: [failed, query], group-by: [h], aliases: {h: {failed: source.ip, query: q.x}}, condition: {gte: 3}}",
            "q.x: provided by nobody, of Query",
            "such matches never count: nobody provides q.x in events of 'Query'",
        ),
    ],
)
def test_an_explained_correlation_names_the_fields_that_it_needs(tmp_path, supply, correlation, told_of, because):
    (tmp_path / "c.yml").write_text(LOGONS + correlation.replace("{type", "{timespan: 5m, type", 1))
    ruleset = Ruleset.load([tmp_path], builtin=False)
    [one] = ruleset.correlations
    answer = explained_correlation(one, [*ruleset.rules, one], supply)
    assert answer["because"] == because
    assert told_of in "\n".join(told(answer))
    assert not because or list(told(answer))[-1] == because


EVENT = {
    "@timestamp": "2026-01-01T00:00:00Z",
    "event": {"dataset": "windows.security"},
    "winlog": {"channel": "Security", "event_id": "4688", "event_data": {"NewProcessName": "C:\\a.exe", "CommandLine": None}},
}


def test_each_condition_is_true_or_false_with_what_it_saw():
    rule = read(
        f"title: T\nlogsource: {WINDOWS}\ndetection:\n  sel: {{Image|endswith: [.exe, .dll], CommandLine: x}}\n  filter: {{User: bob}}\n  condition: sel and not filter\n"
    )
    answer = judged(rule, EVENT)
    assert not answer.matches
    assert answer.visible
    assert answer.logsources == ("windows/*/security", "windows/process_creation/security")
    assert [tuple(p) for p in answer.parts] == [
        (0, "all of these:", False, None),
        (1, "Image ends with '.exe' or '.dll'", True, "C:\\a.exe"),
        (1, "CommandLine is 'x'", False, "null"),
        (1, "not User is 'bob'", True, "absent"),
    ]


def test_keywords_are_told_with_the_text_that_they_searched():
    rule = read("title: T\nlogsource: {product: linux}\ndetection: {words: [root], condition: words}\n")
    assert [part.seen for part in judged(rule, {"message": "bob came"}).parts] == ["bob came"]
    assert [part.seen for part in judged(rule, {"message": "came"}, b"<38>bob came").parts] == ["<38>bob came"]
    assert [part.seen for part in judged(rule, {}, b"x" * 300).parts] == ["x" * 200 + "..."]


def test_an_event_of_another_log_source_is_said_to_be_one():
    rule = read(titled("T", "{product: linux}", "{a: b}"))
    answer = judged(rule, EVENT | {"a": "b"})
    assert (answer.matches, answer.visible, answer.parts[0].holds) == (False, False, True)


LINE = "<38>Nov 24 10:00:00 jump-01 sshd[42]: Accepted password for {} from 192.0.2.10 port 50022 ssh2"


def test_the_command_takes_a_line_a_document_a_file_and_standard_input(tmp_path):
    rule = ROOT / "rules/detect/linux_sshd_root_login.yml"
    done = logweir("rules", "why", rule, LINE.format("root"))
    assert done.returncode == 0, done.stderr
    assert b"matches\n" in done.stdout
    assert b"true      user.name is 'root'; saw root" in done.stdout
    done = logweir("rules", "why", rule, LINE.format("bob"))
    assert done.returncode == 1
    assert b"false     user.name is 'root'; saw bob" in done.stdout
    assert logweir("rules", "why", rule, "-", given=LINE.format("root").encode()).returncode == 0
    (tmp_path / "lines.log").write_text(LINE.format("bob") + "\n" + LINE.format("root") + "\n")
    answer = json.loads(logweir("rules", "why", rule, tmp_path / "lines.log", "--json").stdout)
    assert [a["matches"] for a in answer] == [False, True]
    document = json.dumps({**EVENT, "event": {"dataset": "x", "action": "ssh_login"}})
    done = logweir("rules", "why", rule, document)
    assert b"the event is of windows/*/security" in done.stdout
    assert logweir("rules", "why", "no such rule", "x").returncode == 2
    assert logweir("rules", "why", "Password Spraying", "x").returncode == 2


def test_the_command_explains_by_file_id_and_title():
    done = logweir("rules", "explain", "5d0b3a0e-8f0c-4c43-9e0c-6a1f6f0a2b17")
    assert done.returncode == 0, done.stderr
    assert b"dataset linux.auth, process.name is sshd" in done.stdout
    assert b"it can fire" in done.stdout
    done = logweir("rules", "explain", "Password Spraying")
    assert b"at least 10 different values of user.name in matches, with the same source.ip, within 10 minutes, of:" in done.stdout
    answer = json.loads(logweir("rules", "explain", ROOT / "rules/correlate/login_after_failures.yml", "--json").stdout)
    assert [a["level"] for a in answer] == ["medium", "critical"]
