"""Doors: what routing has read of an event is not read again, and is no more than what it read."""

import itertools
import random

import pytest

from router.detect.engine import Engine, Options
from router.detect.engine.bucket import Bucket
from tests.router.detect.engine.worlds import oracle
from tests.router.detect.rules import read, titled

IDS = [1, True, 1.0, "1", 0, False, 0.0, "", None, [1], ["1", None], 4688, 4688.0, "4688", "0x1250", {"k": 1}, 12, "12"]
CHANNELS = ["Security", "security", "Microsoft-Windows-Sysmon/Operational", 1, True, 1.0, None, ["Security"]]
FORMS = [
    lambda event_id, channel: {"EventID": event_id, "Channel": channel},
    lambda event_id, channel: {"EventID": event_id, "Channel": channel, "event_id": 1, "winlog": "text"},
    lambda event_id, channel: {"EventID": 1, "Channel": channel, "event_id": event_id, "channel": "Security"},
    lambda event_id, channel: {"winlog": {"event_id": event_id, "channel": channel}},
    lambda event_id, channel: {"winlog": {"EventID": event_id, "Channel": channel}, "EventID": 4688, "Channel": "Security"},
    lambda event_id, channel: {"winlog": {"event_id": event_id, "channel": channel, "event_data": {"EventID": 1}}},
    lambda event_id, channel: {"winlog.event_id": 1, "EventID": event_id, "Channel": channel},
    lambda event_id, channel: {"winlog": [{"event_id": 1}], "EventID": event_id, "Channel": channel},
    lambda event_id, channel: {"event_id": event_id, "channel": channel, "event": {"category": ["process"]}},
    lambda event_id, channel: {"Channel": channel},
    lambda event_id, channel: {"event_id": event_id, "event": {"dataset": channel}},
    lambda event_id, channel: {"event.dataset": "security", "event": {"dataset": event_id, "code": 1}},
    lambda event_id, channel: {"event": [{"dataset": channel}], "winlog": {"event_id": event_id}},
]
DETECTIONS = [
    "{EventID: 1}", "{EventID: 'true'}", "{EventID: 0}", "{EventID: 4688, x: y}", "{EventID: null}", "{EventID: ''}", "{EventID|exists: false}",
    "{EventID|lt: 5}", "{Channel: Security}", "{Channel|contains: true}", "{Channel: 1}", "{Channel: null}", "{event_id: 1}",
    "{event.dataset: security}", "{event.dataset: 1, x: y}", "{event.dataset: 'true'}", "{event.dataset: null}", "{EventID|fieldref: x}", "{winlog.event_id: 1}", "{Channel|cased: Security, EventID|contains: '8'}",
]  # fmt: skip
SOURCES = ["{product: windows}", "{product: windows, service: security}", "{product: logweir}"]


def everything():
    return [read(titled(f"r{n}", s, d)) for n, (d, s) in enumerate(itertools.product(DETECTIONS, SOURCES))]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_stands_for_channel_and_event_id_is_judged_as_the_slow_matcher_does(seed):
    events = [{**form(i, c), **more} for form in FORMS for i in IDS for c in CHANNELS for more in ({}, {"x": "y"}, {"x": 1})]
    random.Random(seed).shuffle(events)
    rules = everything()
    engine = Engine(rules, Options())
    for event in events[:1000]:
        wanted = oracle(engine.visible(event), event, b"")
        assert list(engine.match(event)) == wanted, event
        assert list(engine.match_batch([event])[0]) == wanted, event


def questions(engine, event):
    """How many fields were looked up to judge an event that was seen before."""
    memos = [memo for judge in engine._judges.values() if isinstance(judge, Bucket) for memo in judge.memos]
    before = sum(memo.lookups() for memo in memos)
    engine.match(event)
    return sum(memo.lookups() for memo in memos) - before


def test_rules_for_other_event_ids_cost_nothing():
    rules = [read(titled(f"r{n}", "{product: windows}", f"{{EventID: {n}, x{n % 7}|contains: abc}}")) for n in range(2, 90)]
    engine = Engine(rules, Options())
    event = {"Channel": "Security", "EventID": 1, **{f"x{n}": "abc" for n in range(7)}}
    assert list(engine.match(event)) == []
    assert questions(engine, event) == 0
    other = {**event, "EventID": 50}
    assert [rule.title for rule in engine.match(other)] == ["r50"]
    assert questions(engine, other) == 1


def test_rules_for_other_datasets_cost_nothing():
    rules = [
        read(titled(f"r{n}", "{product: logweir}", f"{{event.dataset: d{n}, x{n % 7}|contains: abc}}")) for n in range(2, 90)
    ]
    engine = Engine(rules, Options())
    fields = {f"x{n}": "abc" for n in range(7)}
    event, other = {"event": {"dataset": "d1"}, **fields}, {"event": {"dataset": "d50"}, **fields}
    assert list(engine.match(event)) == []
    assert questions(engine, event) == 0
    assert [rule.title for rule in engine.match(other)] == ["r50"]
    assert questions(engine, other) == 1


def test_objects_that_only_rules_for_others_look_into_are_not_looked_into():
    rules = [read(titled(f"r{n}", "{product: logweir}", f"{{event.dataset: d{n}, o{n}.x: abc}}")) for n in (1, 2)]
    engine = Engine(rules, Options())
    first = {"event": {"dataset": "d1"}, "o1": {"x": "abc"}, "o2": {"x": "abc"}}
    for _ in range(2):
        assert [rule.title for rule in engine.match(first)] == ["r1"]
    objects = next(judge for judge in engine._judges.values() if isinstance(judge, Bucket)).layouts._narrow
    (narrow,) = objects.values()
    assert len(narrow.of(first, None)[1]) == 3  # the document, event and o1


def test_an_event_that_is_told_otherwise_at_the_same_door_is_judged_by_its_own():
    rules = [read(titled(f"r{n}", "{product: windows}", d)) for n, d in enumerate(("{EventID: 7}", "{EventID: 8, z: y}"))]
    engine = Engine(rules, Options())
    assert [rule.title for rule in engine.match({"winlog": {"EventID": 7, "Channel": "A"}, "EventID": 7, "z": "y"})] == ["r0"]
    usual, odd = {"EventID": 7, "Channel": "A", "z": "y"}, {"winlog": {"EventID": 7, "Channel": "A"}, "EventID": 8, "z": "y"}
    for event, titles in ((usual, ["r0"]), (odd, ["r1"]), (usual, ["r0"]), (odd, ["r1"])):
        assert [rule.title for rule in engine.match(event)] == titles


def test_doors_of_events_that_do_not_come_again_go():
    engine = Engine(everything(), Options())
    for n in range(9000):
        engine.match({"Channel": "Security", "EventID": n})
    doors = [len(judge._doors) for judge in engine._judges.values() if isinstance(judge, Bucket)]
    assert max(doors) <= 4097
