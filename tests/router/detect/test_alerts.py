"""What an alert says, and why."""

from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.detect import alert_document, why
from router.detect.alerts import timestamp, written
from router.detect.attack import threat
from tests.router.detect.rules import read

RULE = read(
    r"""
title: Shell from Office
id: 6f1c2a52-0000-4000-8000-000000000001
author: Ann Example, Bob
license: DRL-1.1
description: d
references: ['https://a.example', 'https://b.example']
tags: [attack.execution, attack.defense-evasion, attack.t1059.001, attack.T1204, cve.2021-1]
falsepositives: [add-ins]
level: high
logsource: {product: windows, category: process_creation}
detection:
  sel:
    Image|endswith: ['\cmd.exe', '\powershell.exe']
    ParentImage|contains: office
  filter: {User: nobody}
  condition: sel and not filter
"""
)
EVENT = {
    "@timestamp": "2026-01-01T00:00:00Z",
    "event": {"dataset": "windows.sysmon", "action": "started", "kind": "event", "original": "secret"},
    "host": {"name": "ws1"},
    "user": {"name": "bob"},
    "source": {"ip": "192.0.2.1"},
    "process": {"executable": "C:\\cmd.exe"},
    "winlog": {"event_data": {"Image": "C:\\CMD.exe", "ParentImage": "C:\\Office\\x.exe", "Huge": "x"}},
}


def document():
    return alert_document(RULE, EVENT, event_id=b"\0" * 16, time=1767225600.5)


def test_it_is_an_ecs_alert():
    alert = document()
    assert alert["@timestamp"] == "2026-01-01T00:00:00.500Z"
    assert alert["event"]["kind"] == "alert"
    assert alert["event"]["category"] == ["intrusion_detection"]
    assert alert["event"]["severity"] == 70
    assert alert["event"]["dataset"] == "logweir.alert"
    assert alert["event"]["action"] == "started"


def test_it_names_the_rule_its_author_and_its_licence():
    rule = document()["rule"]
    assert rule["id"] == RULE.id
    assert rule["name"] == "Shell from Office"
    assert rule["author"] == ["Ann Example", "Bob"]
    assert rule["license"] == "DRL-1.1"
    assert rule["reference"] == "https://a.example"


def test_it_carries_who_and_where_and_leaves_the_rest():
    alert = document()
    assert (alert["host"], alert["user"], alert["source"]) == (EVENT["host"], EVENT["user"], EVENT["source"])
    assert alert["message"] == "Shell from Office: user bob on ws1 from 192.0.2.1 by C:\\cmd.exe"
    assert "winlog" not in alert
    assert "original" not in alert["event"]


def test_it_points_at_the_event_and_says_what_was_true():
    ours = document()["logweir"]
    assert ours["event"] == {"id": "a" * 26, "dataset": "windows.sysmon"}
    assert ours["why"] == [
        "Image endswith '\\\\cmd.exe' saw 'C:\\\\CMD.exe'",
        "ParentImage contains 'office' saw 'C:\\\\Office\\\\x.exe'",
    ]
    assert ours["conditions"][0] == {"field": "Image", "test": "endswith '\\\\cmd.exe'", "value": "C:\\CMD.exe"}
    assert ours["rule"]["falsepositives"] == ["add-ins"]


def test_it_carries_attack_as_ecs_has_it():
    assert document()["threat"] == {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": ["TA0002", "TA0005"], "name": ["Execution", "Defense Evasion"]},
        "technique": {"id": ["T1059", "T1204"], "subtechnique": {"id": ["T1059.001"]}},
    }


@pytest.mark.parametrize("tags", [(), ("cve.2021-1",), ("attack.g0001",), ("tlp.red",)])
def test_tags_that_are_no_tactic_or_technique_make_no_threat(tags):
    assert threat(tags) == {}


def test_the_event_is_left_as_it_is():
    before = repr(EVENT)
    document()["event"]["x"] = 1
    assert repr(EVENT) == before


def test_why_tells_each_test_and_what_it_saw():
    assert [tuple(reason) for reason in why(RULE, EVENT)] == [
        ("Image", "endswith '\\\\cmd.exe'", "C:\\CMD.exe", True),
        ("ParentImage", "contains 'office'", "C:\\Office\\x.exe", True),
        ("User", "eq 'nobody'", "bob", False),
    ]


def test_why_tells_failed_alternatives_in_one_line():
    failed = why(RULE, {"winlog": {"event_data": {"Image": None}}})
    assert tuple(failed[0]) == ("Image", "endswith '\\\\cmd.exe' or '\\\\powershell.exe'", "null", False)


@given(st.binary(min_size=16, max_size=16))
def test_ids_are_written_as_base32(event_id: bytes) -> None:
    assert written(event_id) == b32encode(event_id).decode().rstrip("=").lower()


def test_a_signal_may_be_changed_without_changing_the_next() -> None:
    rule = read("title: t\nlevel: low\nlogsource: {product: acme}\ndetection: {s: {a: 1}, condition: s}\n")
    event = {"event": {"dataset": "acme", "code": "7"}, "a": 1}
    first = alert_document(rule, event, event_id=bytes(16), time=0.0)
    first["event"]["kind"] = first["logweir"]["rule"] = "changed"
    second = alert_document(rule, event, event_id=bytes(16), time=0.0)
    assert (second["event"]["kind"], second["logweir"]["rule"]["level"]) == ("alert", "low")
    assert [c["field"] for c in second["logweir"]["conditions"]] == ["a"]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (253402300799.5, "9999-12-31T23:59:59.500Z"),
        (253402300800.0, "9999-12-31T23:59:59.999Z"),
        (1e300, "9999-12-31T23:59:59.999Z"),
        (-62135647200.0, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_the_time_of_an_alert_can_be_written_whenever_it_is(time, text):
    assert timestamp(time) == text
