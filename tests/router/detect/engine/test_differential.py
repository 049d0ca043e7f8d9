"""The engine and the slow matcher, which share no code that decides anything: the same verdicts on whatever comes."""

import pytest

from router.detect.engine import Engine, Options, native
from router.detect.engine import databases as hs
from tests.router.detect.engine.worlds import World, oracle


@pytest.mark.parametrize("seed", range(12))
def test_random_rules_have_the_same_verdicts_on_random_events_cold_and_warm(seed):
    world = World(seed)
    engine, events = Engine(world.rules(60), Options()), world.events(250)
    first = compared(engine, events)
    assert compared(engine, events) == first


def compared(engine, events):
    """How many rules were true. Asks the engine one by one, and then in batches."""
    true = 0
    wanted = [oracle(engine.visible(event), event, raw) for event, raw in events]
    for (event, raw), want in zip(events, wanted, strict=True):
        assert list(engine.match(event, raw)) == want, (event, raw)
        true += len(want)
    for start in range(0, len(events), 40):
        batch = events[start : start + 40]
        found = engine.match_batch([e for e, _ in batch], [r for _, r in batch])
        assert [list(f) for f in found] == wanted[start : start + 40]
    assert true > len(events) / 10
    return true


@pytest.mark.parametrize("hyperscan", [True, False])
@pytest.mark.parametrize("seed", [100, 101])
def test_the_same_without_the_native_matcher(seed, hyperscan, monkeypatch):
    monkeypatch.setattr(native, "_kind", lambda: None)
    monkeypatch.setattr(hs, "available", lambda: hyperscan)
    world = World(seed)
    compared(Engine(world.rules(60), Options()), world.events(200))


@pytest.mark.parametrize("seed", [200, 201, 202])
def test_the_same_where_memory_is_so_short_that_memos_are_emptied_all_the_time(seed, monkeypatch):
    monkeypatch.setattr("router.detect.engine.layouts._MAX_LAYOUTS", 3)
    monkeypatch.setattr("router.detect.engine.layouts._MAX_CHILDREN", 2)
    monkeypatch.setattr("router.detect.engine.routes._MAX_ROUTES", 2)
    monkeypatch.setattr("router.detect.engine.doors._MAX_KNOWN", 2)
    world = World(seed)
    engine = Engine(world.rules(60), Options(memory_bytes=3000))
    compared(engine, world.events(200))
    assert engine._budget.flushes > 50


@pytest.mark.parametrize("seed", [300, 301])
def test_the_same_where_memos_are_switched_off(seed, monkeypatch):
    monkeypatch.setattr("router.detect.engine.memo.WINDOW", 3)
    monkeypatch.setattr("router.detect.engine.memo._WORST", 0.0)
    world = World(seed)
    engine = Engine(world.rules(60), Options())
    compared(engine, world.events(200))
    assert any(memo.off for judge in engine._judges.values() for memo in getattr(judge, "memos", ()))
