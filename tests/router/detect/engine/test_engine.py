"""Buckets: compiled on sight or in the background, judged slowly until then, foreseen after a restart."""

import threading
from collections import deque

import orjson
import pytest

from router.detect.engine import Engine, Options, native, remembered
from router.detect.engine.bucket import Bucket
from router.detect.engine.engine import Slow
from tests.router.detect.engine.worlds import World, oracle
from tests.router.detect.rules import read, titled

ACME = {"event": {"dataset": "acme.vpn"}, "a": "v7x"}


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(remembered, "_keys", {})
    monkeypatch.setattr(remembered, "_events", deque(maxlen=remembered._MAX_EVENTS))


def large(n=400):
    values = ", ".join(f"v{i}x" for i in range(n))
    return [
        read(titled("large", "{product: acme}", f"{{a|contains: [{values}]}}")),
        read(titled("other", "{product: acme}", "{b: y}")),
    ]


def judges(engine):
    return [type(judge) for judge in engine._judges.values()]


def test_a_large_bucket_is_judged_slowly_while_it_is_compiled_and_then_swapped(monkeypatch):
    gate, build = threading.Event(), Engine._build
    monkeypatch.setattr(Engine, "_build", lambda self, rules: gate.wait(30) and build(self, rules))
    engine = Engine(large(), Options(background=True))
    assert [r.title for r in engine.match(ACME)] == ["large"]
    assert judges(engine) == [Slow]
    assert [r.title for r in engine.match_batch([ACME, {**ACME, "b": "Y"}])[1]] == ["large", "other"]
    gate.set()
    engine.settle()
    assert judges(engine) == [Bucket]
    assert [r.title for r in engine.match(ACME)] == ["large"]


def test_a_small_bucket_is_compiled_at_once():
    engine = Engine(large(9), Options(background=True))
    assert [r.title for r in engine.match(ACME)] == ["large"]
    assert judges(engine) == [Bucket]


def test_events_go_on_slowly_when_compiling_fails(monkeypatch):
    def fails(self, rules):
        raise RuntimeError("no")

    monkeypatch.setattr(Engine, "_build", fails)
    engine = Engine(large(), Options(background=True))
    assert [r.title for r in engine.match(ACME)] == ["large"]
    engine.settle()
    assert [r.title for r in engine.match(ACME)] == ["large"]
    assert judges(engine) == [Slow]


def test_what_events_needed_is_compiled_before_the_first_event_of_the_next_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "_kind", lambda: None)  # so that there are databases
    first = Engine(large(), Options(tmp_path, background=True))
    first.match(ACME)
    first.settle()
    monkeypatch.setattr(remembered, "_keys", {})
    second = Engine(large(), Options(tmp_path, background=True))
    second.prepare()
    assert judges(second) == [Bucket]
    assert (second._databases.compiled, second._databases.restored) == (0, 1)
    assert [r.title for r in second.match(ACME)] == ["large"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '[["d",["/"],null,null]]', "[[1,2,3,4,5]]", '[["d",[1],null,null,[]]]'])
def test_a_damaged_memory_of_events_is_forgotten(tmp_path, content):
    (tmp_path / "routes.json").write_text(content)
    engine = Engine(large(), Options(tmp_path, background=True))
    engine.prepare()
    assert judges(engine) == []


def test_verdicts_stay_right_while_buckets_are_swapped_under_way():
    world = World(7)
    rules, events = world.rules(150), world.events(300)
    engine = Engine(rules, Options(background=True))
    for _ in range(2):
        for event, raw in events:
            assert list(engine.match(event, raw)) == oracle(engine.visible(event), event, raw)
        engine.settle()
    assert Slow not in judges(engine)


def test_what_cannot_be_seen_by_any_rule_is_not_looked_at():
    engine = Engine(large(), Options())
    assert list(engine.match({"event": {"dataset": "other.thing"}, "a": "v7x"})) == []
    assert list(engine.match({})) == []


def test_an_engine_that_follows_knows_what_is_frequent_before_it_takes_over(tmp_path):
    first = Engine(large(), Options(tmp_path, background=True))
    events = [{**ACME, "a": f"v{n % 7}x"} for n in range(300)]
    for event in events:
        first.match(event, b"", orjson.dumps(event))
    first.settle()
    second = Engine(large(), Options(tmp_path, background=True))
    second.prepare()
    before = second.costs()
    assert before[0] > 0
    for event in events:
        assert [r.title for r in second.match(event, b"", orjson.dumps(event))] == ["large"]
    assert second.costs() == before


def test_what_is_kept_for_the_next_engine_is_bounded(monkeypatch):
    monkeypatch.setattr(remembered, "_MAX_EVENT_BYTES", 60)
    engine = Engine(large(9), Options(background=True))
    monkeypatch.setattr(remembered, "_events", deque(maxlen=500))
    for n in range(20_000):
        engine.match(ACME, b"", b"x" * 61 if n % 32 == 15 else b"{}")
    assert remembered.kept() == [b"{}"] * 500
    assert Engine(large(9), Options()).match(ACME, b"", b"{}")
