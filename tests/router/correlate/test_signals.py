"""The alert of a correlation."""

import orjson
import pytest

from router.correlate import Correlator, Match, signal_document
from tests.router.correlate.correlations import correlation, end, event_count, match, run


def fired():
    events = [
        {"source": {"ip": "192.0.2.1", "port": 1}, "user": {"name": "a"}, "event": {"action": "login"}},
        {"source": {"ip": "192.0.2.1", "port": 2}, "user": {"name": "b"}, "event": {"action": "login"}},
    ]
    matches = [Match(i.to_bytes(16), "r", 1767225600.0 + i, ("u",), orjson.dumps(e), f"e{i}") for i, e in enumerate(events)]
    [firing] = Correlator([event_count("{gte: 2}")], 60).feed([(i, "c", m) for i, m in enumerate(matches)])
    return signal_document(firing)


def test_it_is_an_alert_of_the_correlation():
    alert = fired()
    assert alert["event"]["kind"] == "alert"
    assert (alert["rule"]["id"], alert["rule"]["name"], alert["log"]["level"]) == ("c", "Many", "high")
    assert alert["@timestamp"] == "2026-01-01T00:00:01.000Z"
    assert alert["message"] == "Many: 2 matches within 10 s for user u"


def test_it_says_how_many_of_what_and_when():
    ours = fired()["logweir"]["correlation"]
    assert (ours["type"], ours["count"], ours["group"], ours["timespan"]) == ("event_count", 2, {"user": "u"}, 10)
    assert (ours["events"], ours["rules"], ours["window"], ours["degraded"]) == (["e0", "e1"], ["r"], "sliding", False)
    assert fired()["event"]["start"] == "2026-01-01T00:00:00.000Z"


def test_fields_in_which_the_matches_agree_are_the_alerts_own():
    alert = fired()
    assert alert["source"] == {"ip": "192.0.2.1"}
    assert "user" not in alert
    assert alert["event"]["action"] == "login"
    assert alert["related"] == {"ip": ["192.0.2.1"], "user": ["a", "b"]}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", float(2**63)),
        ("1e30", 1e30),
        ("-1e30", -1e30),
        ("9" * 40, 1e40),
        ("0." + "1" * 40, 0.1111111111111111),
    ],
)
def test_a_number_of_any_size_can_be_written(number, value):
    one = correlation("value_sum", "{neq: 0, field: n}")
    [firing] = run(Correlator([one], 60), [match(0, values=((number,),)), end(values=(("1",),))])
    alert = orjson.loads(orjson.dumps(signal_document(firing)))
    assert alert["logweir"]["correlation"]["value"] == value


def test_a_large_window_shows_its_first_and_last_matches():
    matches = [Match(i.to_bytes(16), "r", i / 100, ("u",), b"{}", f"e{i}") for i in range(100)]
    [firing] = Correlator([event_count("{gte: 100}")], 60).feed([(i, "c", m) for i, m in enumerate(matches)])
    alert = signal_document(firing)
    assert alert["logweir"]["correlation"]["count"] == 100
    assert len(alert["logweir"]["correlation"]["events"]) == 40


@pytest.mark.parametrize(
    ("kind", "condition", "value", "message"),
    [
        ("value_count", "{gte: 2, field: n}", 2, "different n: 2, in 2 matches"),
        ("value_sum", "{gte: 3, field: n}", 3.5, "sum n: 3.5, in 2 matches"),
        ("value_avg", "{gte: 1.5, field: n}", 1.75, "average n: 1.75, in 2 matches"),
        ("value_median", "{gte: 1.5, field: n}", 1.75, "median n: 1.75, in 2 matches"),
        ("value_percentile", "{gte: 1.5, field: n, percentile: 100}", 2.5, "percentile 100 n: 2.5, in 2 matches"),
    ],
)
def test_it_says_what_came_of_the_values(kind, condition, value, message):
    one = correlation(kind, condition)
    fired = run(Correlator([one], 5), [match(0, values=(("1",),)), match(1, values=(("2.5",),)), end(values=(("0",),))])
    alert = signal_document(next(f for f in fired if f.time == 1))
    assert (alert["logweir"]["correlation"]["value"], alert["logweir"]["correlation"]["field"]) == (value, ["n"])
    assert alert["message"] == f"Many: {message} within 10 s for user a"


def test_a_temporal_alert_names_its_rules():
    fired = run(Correlator([correlation("temporal", rules="[a, b]")], 5), [match(0, rule="b"), match(1, rule="a")])
    alert = signal_document(fired[0])
    assert alert["logweir"]["correlation"]["rules"] == ["a", "b"]
    assert alert["message"] == "Many: 2 matches of 2 rules within 10 s for user a"
