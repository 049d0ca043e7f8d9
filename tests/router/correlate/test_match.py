"""What a rule match becomes for a correlation: groups, keys, ids, and the way back."""

import pytest

from router.correlate import decode, matches_for
from router.correlate.match import group_key
from router.errors import Malformed
from router.telemetry import LATE
from tests.router.correlate.correlations import event_count
from tests.router.detect.rules import read, titled

RULE = read(titled("r", "{product: windows}", "{EventID: 4625}", "id: r"))
OTHER = read(titled("s", "{product: linux}", "{a: b}", "id: s"))


def made(correlation, event, rule=RULE, event_id=b"\1" * 16, time=5.0):
    return [(key, *decode(match_id, body)) for key, body, match_id in matches_for([correlation], rule, event, event_id, time)]


def groups(correlation, event, **more):
    return [match.group for _, _, match in made(correlation, event, **more)]


def missing(correlation="c"):
    return LATE.labels(correlation, "group_field_missing")._value.get()


def test_a_match_goes_there_and_back():
    event = {"user": "bob", "source": {"ip": "192.0.2.1", "mac": "x"}, "event": {"dataset": "d", "original": "secret"}}
    [(key, name, match)] = made(event_count(), event)
    assert name == "c"
    assert key == group_key("c", ("bob",))
    assert (match.rule, match.time, match.group) == ("r", 5.0, ("bob",))
    assert {k: v for k, v in match.event.items() if k != "rule"} == {"source": {"ip": "192.0.2.1"}, "event": {"dataset": "d"}}
    assert match.event["rule"]["id"] == match.rule
    assert match.event_id


def test_a_rule_that_the_correlation_does_not_name_makes_none():
    assert made(event_count(), {"user": "bob"}, rule=OTHER) == []


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"user": "bob"}, [("bob",)]),
        ({"user": 5}, [("5",)]),
        ({"user": ""}, [("",)]),
        ({"user": ["a", "b", "a"]}, [("a",), ("b",)]),
        ({"user": None}, []),
        ({}, []),
        ({"user": []}, []),
    ],
)
def test_groups_of_one_field(event, expected):
    before = missing()
    assert groups(event_count(), event) == expected
    assert missing() - before == (not expected)


def test_several_fields_are_a_tuple_for_each_pair_of_elements():
    two = event_count(group_by="[user, source.ip]")
    assert groups(two, {"user": ["a", "b"], "source": {"ip": "1"}}) == [("a", "1"), ("b", "1")]
    assert groups(two, {"user": "a"}) == []


def test_without_group_by_there_is_one_group():
    assert groups(event_count(group_by="[]"), {}) == [()]


def test_group_fields_speak_the_names_of_the_rule():
    event = {"winlog": {"channel": "Security", "event_data": {"IpAddress": "192.0.2.1"}}}
    assert groups(event_count(group_by="[IpAddress]"), event) == [("192.0.2.1",)]


def test_an_alias_joins_fields_of_different_rules():
    joined = event_count(group_by="[address]")
    joined.rules = ("r", "s")
    joined.aliases = {"address": {"r": "source.ip", "s": "destination.ip"}}
    event = {"source": {"ip": "1"}, "destination": {"ip": "2"}}
    assert groups(joined, event) == [("1",)]
    assert groups(joined, event, rule=OTHER) == [("2",)]


def test_an_alias_that_one_rule_lacks_leaves_its_matches_out():
    joined = event_count(group_by="[address]")
    joined.rules, joined.aliases = ("r", "s"), {"address": {"r": "source.ip"}}
    assert groups(joined, {"source": {"ip": "1"}}, rule=OTHER) == []


def test_the_id_tells_event_rule_correlation_and_group():
    event = {"user": ["a", "b"]}
    ids = [m.id for _, _, m in made(event_count(), event)]
    ids += [m.id for _, _, m in made(event_count(name="d"), event)]
    ids += [m.id for _, _, m in made(event_count(), event, event_id=b"\2" * 16)]
    assert len(set(ids)) == 6
    assert [m.id for _, _, m in made(event_count(), event)] == ids[:2]


def test_keys_of_groups_that_look_alike_differ():
    assert group_key("c", ("a", "b")) != group_key("c", ("a,b",))
    assert group_key("c", ('a","b',)) != group_key("c", ("a", "b"))


def test_more_groups_than_the_limit_are_not_counted():
    assert groups(event_count(), {"user": [str(i) for i in range(101)]}) == []


def test_a_clock_that_is_years_ahead_is_bounded_by_receipt():
    event = {"user": "a", "event": {"created": "2026-01-01T00:00:00Z"}}
    times = [made(event_count(), event, time=t)[0][2].time for t in (1767225600.0, 1767225700.0, 2145916800.0)]
    assert times == [1767225600.0, 1767225700.0, 1767225600.0]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"correlation":"c","group":1}', b"\xff"])
def test_what_is_no_match_is_malformed(body):
    with pytest.raises(Malformed, match="match_unreadable"):
        decode(b"\0" * 16, body)


def test_an_event_that_cannot_be_written_is_counted_and_stops_nothing():
    before = LATE.labels("c", "unencodable")._value.get()
    assert made(event_count(), {"user": ["\ud800", "bob"]})[0][2].group == ("bob",)
    assert LATE.labels("c", "unencodable")._value.get() == before + 1
