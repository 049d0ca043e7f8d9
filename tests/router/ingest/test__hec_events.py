"""What makes a HEC event object bad, and with which code."""

from typing import Any

import pytest

from router.ingest._append import MAX_EVENT_BYTES
from router.ingest._hec_events import EventBatch, RawBatch, fault, metadata

GOOD: list[dict[str, Any]] = [
    {"event": "a"},
    {"event": 0},
    {"event": False},
    {"event": {"a": 1}},
    {"event": [1]},
    {"event": "a", "time": 1767323045},
    {"event": "a", "time": "1767323045.123"},
    {"event": "a", "time": -1.5e3},
    {"event": "a", "time": None},
    {"event": "a", "fields": {"s": "x", "n": 1.5, "b": True, "l": ["x", 2]}},
    {"event": "a", "unknown": {"deep": [1]}},
    {"fields": {"metric_name:cpu": 1}},
]
BAD: list[tuple[dict[str, Any], int]] = [
    ({}, 12),
    ({"host": "h"}, 12),
    ({"fields": {}}, 12),
    ({"event": ""}, 13),
    ({"event": " \t\n"}, 13),
    ({"event": None}, 13),
    ({"event": {}}, 13),
    ({"event": []}, 13),
    ({"event": "a", "time": "yesterday"}, 15),
    ({"event": "a", "time": ""}, 15),
    ({"event": "a", "time": True}, 15),
    ({"event": "a", "time": {}}, 15),
    ({"event": "a", "time": "9" * 5000}, 15),
    ({"event": "a", "fields": {"x": {"y": 1}}}, 15),
    ({"event": "a", "fields": {"x": [{"y": 1}]}}, 15),
    ({"event": "a", "fields": "x"}, 15),
]


@pytest.mark.parametrize("envelope", GOOD, ids=str)
def test_good_envelopes_pass(envelope: dict[str, Any]) -> None:
    assert fault(envelope) == 0


@pytest.mark.parametrize(("envelope", "code"), BAD, ids=lambda v: str(v)[:40])
def test_bad_envelopes_have_splunks_code(envelope: dict[str, Any], code: int) -> None:
    assert fault(envelope) == code


def batch(body: bytes, indexes: tuple[str, ...] = (), max_events: int = 100) -> EventBatch:
    made = EventBatch(indexes, max_events)
    made.feed(body)
    made.finish()
    return made


def test_objects_before_the_bad_one_are_kept_and_it_is_numbered_from_zero() -> None:
    made = batch(b'{"event":"a"}{"event":"b"}{"event":""}{"event":"c"}')
    assert made.runs == [("", [b'{"event":"a"}', b'{"event":"b"}'])]
    assert (made.code, made.bad_event) == (13, 2)


def test_a_wrong_index_is_numbered_from_one() -> None:
    made = batch(b'{"event":"a","index":"main"}{"event":"b"}{"event":"c","index":"secret"}', ("main",))
    assert (made.code, made.bad_event) == (7, 3)
    assert len(made.runs[0][1]) == 2


def test_events_at_the_limit_pass_and_one_more_keeps_none() -> None:
    assert not batch(b'{"event":"a"}' * 100).code
    over = batch(b'{"event":"a"}' * 101)
    assert (over.code, over.runs) == (413, [])


def test_raw_lines_at_the_limit_pass_and_one_more_keeps_none() -> None:
    for count, code in ((100, 0), (101, 413)):
        raw = RawBatch(100)
        raw.feed(b"x\n" * count)
        raw.finish()
        assert raw.code == code
        assert bool(raw.runs) is not bool(code)


def test_a_raw_line_above_the_cap_is_cut_and_marked() -> None:
    raw = RawBatch(10)
    raw.feed(b"a\n" + b"x" * (MAX_EVENT_BYTES + 1) + b"\nb")
    raw.finish()
    assert [(flaw, [len(line) for line in lines]) for flaw, lines in raw.runs] == [
        ("", [1]),
        ("truncated", [MAX_EVENT_BYTES]),
        ("", [1]),
    ]


def test_the_query_outranks_the_token_and_only_known_names_count() -> None:
    said = metadata({"host": "", "index": "main", "source": "s", "sourcetype": ""}, {"source": "q", "evil": "x", "host": "h"})
    assert said == (("host", "h"), ("index", "main"), ("source", "q"))
