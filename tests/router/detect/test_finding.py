"""An alert as an OCSF finding is valid by the schema of its class, and says what the alert says."""

import copy

import pytest

from router.correlate import Correlator, decode, matches_for, signal_document
from router.detect import Ruleset, alert_document
from router.detect.finding import finding
from tests.router.detect.rules import read
from tests.router.detect.test_alerts import EVENT, RULE

pytest.importorskip("ocsf_json_schema", reason="the schema of OCSF is not installed")
from tests.router.shapes.ocsf_schema import faults


def alert(event=EVENT, rule=RULE):
    return alert_document(rule, event, event_id=b"\0" * 16, time=1767225600.5)


def test_it_is_valid_and_of_class_2004():
    found = finding(alert())
    assert faults(found) == []
    assert (found["class_uid"], found["category_uid"], found["type_uid"], found["activity_id"]) == (2004, 2, 200401, 1)
    assert (found["severity_id"], found["severity"]) == (4, "High")
    assert found["time"] == 1767225600500


def test_rule_author_licence_tactics_conditions_and_event_travel_along():
    found = finding(alert())
    info = found["finding_info"]
    assert info["analytic"] == {"type_id": 1, "type": "Rule", "uid": RULE.id, "name": RULE.title, "category": "Sigma"}
    tags = {tag["name"]: tag["values"] for tag in info["tags"]}
    assert tags["sigma.author"] == ["Ann Example", "Bob"]
    assert tags["sigma.license"] == ["DRL-1.1"]
    assert info["attacks"] == [
        {"tactic": {"uid": "TA0002", "name": "Execution"}},
        {"tactic": {"uid": "TA0005", "name": "Defense Evasion"}},
        {"technique": {"uid": "T1059"}, "sub_technique": {"uid": "T1059.001"}},
        {"technique": {"uid": "T1204"}},
    ]
    assert info["related_events"] == [{"uid": "a" * 26}]
    conditions = next(e["data"]["conditions"] for e in found["evidences"] if e["name"] == "conditions")
    assert conditions == [
        {"field": "Image", "test": "endswith '\\\\cmd.exe'", "value": "C:\\CMD.exe"},
        {"field": "ParentImage", "test": "contains 'office'", "value": "C:\\Office\\x.exe"},
    ]
    assert {(o["type_id"], o["value"]) for o in found["observables"]} == {(1, "ws1"), (2, "192.0.2.1"), (4, "bob")}


def test_a_repeat_has_the_same_id_and_another_alert_another():
    assert finding(alert())["finding_info"]["uid"] == finding(alert())["finding_info"]["uid"]
    assert finding(alert(), "mine")["finding_info"]["uid"] == "mine"
    other = alert_document(RULE, EVENT, event_id=b"\1" * 16, time=1767225600.5)
    assert finding(alert())["finding_info"]["uid"] != finding(other)["finding_info"]["uid"]


def test_the_alert_is_left_as_it_is():
    document = alert()
    before = copy.deepcopy(document)
    finding(document)
    assert document == before


BARE = "title: T\nlogsource: {product: acme}\ndetection:\n  sel: [word]\n  condition: sel\n"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": {"dataset": "acme.x"}, "message": "a word"},
        {"host": {"name": ["a", "b"]}, "source": {"ip": ["192.0.2.1", "no ip"]}, "user": {"name": None}},
        {"host": "text", "user": 5, "source": [], "process": {"pid": 2**60, "x": float(2**60)}},
        {"related": {"ip": ["2001:db8::1"], "hosts": ["h"], "user": ["u", "u"]}},
    ],
)
@pytest.mark.parametrize("level", ["informational", "low", "medium", "critical"])
def test_whatever_the_event_holds_it_is_valid(event, level):
    assert faults(finding(alert(event, read(BARE + f"level: {level}\n")))) == []


def test_a_correlation_names_its_events_and_its_group(tmp_path):
    text = BARE.replace("title: T", "title: T\nid: 11111111-0000-4000-8000-000000000001") + (
        "---\ntitle: C\nid: 11111111-0000-4000-8000-000000000002\nlevel: critical\ncorrelation: {type: event_count, "
        "rules: [11111111-0000-4000-8000-000000000001], group-by: [user.name], timespan: 1m, condition: {gte: 2}}\n"
    )
    (tmp_path / "c.yml").write_text(text)
    ruleset = Ruleset.load([tmp_path / "c.yml"], builtin=False)
    correlator, fired = Correlator(ruleset.correlations, 60.0), []
    for n in range(2):
        event = {"event": {"dataset": "acme.x"}, "message": "a word", "user": {"name": "bob"}}
        for _, body, match_id in matches_for(ruleset.correlations, ruleset.rules[0], event, bytes([n] * 16), 1767225600.0 + n):
            fired += correlator.feed([(n, *decode(match_id, body))])
    found = finding(signal_document(fired[0]))
    assert faults(found) == []
    assert found["count"] == 2
    assert len(found["finding_info"]["related_events"]) == 2
    assert found["finding_info"]["analytic"]["category"] == "Sigma correlation event_count"
    data = next(e["data"] for e in found["evidences"] if e["name"] == "correlation")
    assert data["correlation"]["group"] == {"user.name": "bob"}
