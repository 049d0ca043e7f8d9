"""Memos: what is the same key, what is no key, and how much they hold."""

import json

import pytest

from router.detect.engine import Engine, Options
from router.detect.engine.engine import Slow
from router.detect.engine.memo import LONG
from tests.router.detect.rules import read, titled

ACME = {"event": {"dataset": "acme.vpn"}}


def engine(*detections, **options):
    return Engine([read(titled(f"r{n}", "{product: acme}", d)) for n, d in enumerate(detections)], Options(**options))


def titles(found):
    return [rule.title for rule in found]


def memo(judging):
    (bucket,) = [judge for judge in judging._judges.values() if hasattr(judge, "memos")]
    return bucket.memos[0]


@pytest.mark.parametrize("order", [(1, True, 1.0), (True, 1, 1.0), (1.0, True, 1), (0, False, 0.0), (False, 0, -0.0)])
def test_numbers_and_truth_values_that_are_one_key_to_a_dict_are_judged_each_by_itself(order):
    judging = engine("{a: 1}", "{a: 'true'}", "{a: 0}", "{a: 'false'}")
    for value in order * 2:
        want = {"1": "r0", "true": "r1", "0": "r2", "false": "r3"}[str(value).lower().removesuffix(".0").replace("-", "")]
        assert titles(judging.match({**ACME, "a": value})) == [want]


def test_null_absent_and_empty_stay_apart():
    judging = engine("{a: null}", "{a|exists: true}", "{a|exists: false}", "{a: ''}")
    for _ in range(2):
        assert titles(judging.match({**ACME})) == ["r0", "r2"]
        assert titles(judging.match({**ACME, "a": None})) == ["r0", "r1"]
        assert titles(judging.match({**ACME, "a": ""})) == ["r1", "r3"]
        assert titles(judging.match({**ACME, "a": []})) == ["r0", "r1"]


def test_an_object_that_is_looked_into_is_there_and_a_null_or_a_list_in_its_place_is_judged_by_itself():
    judging = engine("{o|exists: true}", "{o: null}", "{o.k: x}")
    wanted = {"": ["r1"], "{}": ["r0"], "null": ["r0", "r1"], "[]": ["r0", "r1"], "[null]": ["r0", "r1"], '"x"': ["r0"]}
    for _ in range(2):
        for written, titled_ in wanted.items():
            event = {"o": json.loads(written)} if written else {}
            assert titles(judging.match({**ACME, **event})) == titled_, written
        assert titles(judging.match({**ACME, "o": {"k": "x"}})) == ["r0", "r2"]
        assert titles(judging.match({**ACME, "o": [{"k": "x"}]})) == ["r0", "r2"]


@pytest.mark.parametrize("value", [["x", "1"], ["1"], [1], [True], [None, "true"], {"k": 1}, [[1], "z"]])
def test_lists_and_objects_are_judged_by_their_elements(value):
    judging = engine("{a: 1}", "{a: 'true'}", "{a: null}", "{a|contains: k}")
    want = [n for n, t in (("r0", "1"), ("r1", "true")) if t in [str(v).lower() for v in flat(value)]]
    want += ["r2"] if isinstance(value, list) and None in value else []
    want += ["r3"] if isinstance(value, dict) else []
    for _ in range(2):
        assert titles(judging.match({**ACME, "a": value})) == want


@pytest.mark.parametrize("value", [{"b": 1, "c": 2}, {"c": 2}, {}, [{"b": 1}], [{}], [], None, "", "b", 0])
def test_an_object_that_is_looked_into_is_there_whatever_it_holds(value):
    """That an object stands there may be told by its keys alone; an empty one, a list or a text is read."""
    judging = engine("{a|exists: true}", "{a|exists: false}", "{a: null}", "{a.b: 1}", "{a|exists: true, a.c|exists: true}")
    events = [{**ACME, "a": value}, {**ACME}, {**ACME, "a": {"b": 1}}]
    slow = Slow(judging.visible(events[0]))
    for event in events * 2:
        assert titles(judging.match(event)) == titles(slow.match(event))


def flat(value):
    return [x for v in value for x in flat(v)] if isinstance(value, list) else [] if isinstance(value, dict) else [value]


def test_a_long_text_is_no_key_but_is_remembered():
    judging = engine("{a|endswith: end}")
    text = "x" * LONG + "END"
    for _ in range(3):
        assert titles(judging.match({**ACME, "a": text})) == ["r0"]
    assert text not in memo(judging)
    assert memo(judging).misses == 1


def test_a_memo_whose_values_are_all_new_is_switched_off_and_tried_again(monkeypatch):
    monkeypatch.setattr("router.detect.engine.memo.WINDOW", 50)
    monkeypatch.setattr("router.detect.engine.memo.RETRY", 200)
    judging = engine("{a|contains: '77'}")
    for n in range(160):
        assert bool(judging.match({**ACME, "a": f"v{n}"})) == ("77" in str(n))
    assert memo(judging).off
    assert len(memo(judging)) == 0
    kept = []
    for n in range(1000, 1400):
        judging.match({**ACME, "a": f"v{n}"})
        kept.append(len(memo(judging)))
    assert kept[0] == 0
    assert 0 < max(kept) <= 50


def test_a_memo_that_knows_most_values_stays_on(monkeypatch):
    monkeypatch.setattr("router.detect.engine.memo.WINDOW", 50)
    judging = engine("{a|contains: x}")
    for n in range(2000):
        judging.match({**ACME, "a": f"v{n % 40}" if n % 10 else f"new{n}"})
    assert memo(judging).misses > 200
    assert not memo(judging).off
    assert len(memo(judging)) == memo(judging).misses


def test_what_memos_hold_stays_within_the_budget():
    judging = engine("{a|contains: x, b|contains: y}", "{c|contains: z}", memory_bytes=50_000)
    for n in range(3000):
        judging.match({**ACME, "a": f"x{n}", "b": f"y{n}", "c": "z" * (n % 50)})
        assert judging._budget.spent <= 50_000 + 5_000
    assert judging._budget.flushes > 3
    assert judging._budget.spent == sum(m.held for m in judging._budget.memos)
