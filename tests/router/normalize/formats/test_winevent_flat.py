"""A plan made from names alone gives what looking at each name gives, whatever the values are."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.normalize.formats import winevent_flat
from router.normalize.formats.winevent_flat import from_flat

NAMES = st.sampled_from([*winevent_flat._HEADER, "Image", "TargetObject", "param1"])
VALUES = st.sampled_from([None, "", 0, 1, "10", "x", "INFO", "SetValue", ["a"], {"Name": "P"}, True])


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=12), st.sampled_from(["Channel", "SourceName", ""]))
def test_a_plan_is_as_good_as_a_look(event: dict[str, Any], known: str) -> None:
    if known:
        event = {"EventID": 10, known: "Security", **event}
    slow = winevent_flat._slow(dict(event), None)
    assert from_flat(dict(event)) == slow
    assert from_flat(dict(event)) == slow


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=12), st.sampled_from(["Channel", "SourceName"]))
def test_a_compiled_plan_is_as_good_as_a_look(event: dict[str, Any], known: str) -> None:
    event = {"EventID": 10, known: "Security", **event}
    plan = winevent_flat._plan(dict.fromkeys(event))
    if plan is None:
        return
    left = dict(event)
    made = winevent_flat.compile_plan(plan)(left)
    if made is None:
        assert left == event
    else:
        assert list(made.items()) == list((winevent_flat._planned(dict(event), plan) or {}).items())
        assert made == winevent_flat._slow(dict(event), None)


def test_a_plan_that_comes_often_is_compiled() -> None:
    event = {"EventID": 1, "Channel": "c", 'it\'s "own"\n': "x"}
    answers = [from_flat(dict(event)) for _ in range(winevent_flat._BEFORE_COMPILING + 5)]
    assert all(answer == answers[0] for answer in answers)
    assert not isinstance(winevent_flat._TAKERS[tuple(event)], winevent_flat._Trial)


def test_plans_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(winevent_flat, "_MAX_PLANS", 3)
    for i in range(10):
        assert from_flat({"EventID": 1, "Channel": "c", f"own{i}": "x"}) == {
            "event_id": "1",
            "channel": "c",
            "event_data": {f"own{i}": "x"},
        }
        assert len(winevent_flat._TAKERS) <= 3


def test_kinds_of_events_that_differ_in_their_own_names_share_a_plan() -> None:
    one, other = ({"EventID": 1, "Channel": "shared", "Hostname": "h", name: "x"} for name in ("OwnA", "OwnB"))
    for _ in range(winevent_flat._BEFORE_COMPILING // 2 + 1):
        assert (from_flat(dict(one)) or {})["event_data"] == {"OwnA": "x"}
        assert (from_flat(dict(other)) or {})["event_data"] == {"OwnB": "x"}
    assert winevent_flat._TAKERS[tuple(one)] is winevent_flat._TAKERS[tuple(other)]
    assert not isinstance(winevent_flat._TAKERS[tuple(one)], winevent_flat._Trial)
    assert (from_flat(dict(other)) or {})["event_data"] == {"OwnB": "x"}
