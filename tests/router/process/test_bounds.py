"""The bounds of one document: at the limit it is whole, and one beyond it is cut and says so."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.batch import Batch, Facts, Record, Span
from router.detect import Ruleset
from router.normalize import Catalogue
from router.process import Stage
from router.process.bounds import FIELDS_TAG, MAX_FIELDS, MAX_NAME, MAX_VALUE, NAME_TAG, VALUE_TAG, bound, exceeds
from router.reduce import NoiseRules, Reducer
from tests.contract.examples import examples
from tests.router.detect.rules import read


def bounded(event: dict[str, Any]) -> dict[str, Any]:
    event = copy.deepcopy(event)
    bound(event)
    return event


def fields(number: int) -> dict[str, Any]:
    return {"event": {"dataset": "x"}, "x": {f"f{n}": n for n in range(number - 1)}}


@pytest.mark.parametrize("event", [fields(MAX_FIELDS), {"x": {"n" * MAX_NAME: 1}}, {"message": "é" * (MAX_VALUE // 2)}])
def test_at_the_limit_nothing_changes(event: dict[str, Any]) -> None:
    assert bounded(event) == event


def test_one_field_too_many_is_left_out_and_said() -> None:
    found = bounded(fields(MAX_FIELDS + 1))
    assert found["tags"] == [FIELDS_TAG]
    assert found["x"] == fields(MAX_FIELDS)["x"]
    assert found["event"] == {"dataset": "x"}


def test_fields_of_objects_in_lists_count() -> None:
    found = bounded({"x": [{"a": n} for n in range(MAX_FIELDS + 10)]})
    assert found["tags"] == [FIELDS_TAG]
    assert sum(len(one) for one in found["x"]) == MAX_FIELDS - 1


def test_a_name_one_too_long_is_cut_and_said_and_the_order_stays() -> None:
    found = bounded({"x": {"a": 1, "n" * (MAX_NAME + 1): 2, "b": 3, "n" * (MAX_NAME + 2): 4}})
    assert list(found["x"].items()) == [("a", 1), ("n" * MAX_NAME, 2), ("b", 3)]
    assert found["tags"] == [NAME_TAG]


@pytest.mark.parametrize("place", ["message", "list"])
def test_a_value_one_byte_too_long_is_cut_and_said(place: str) -> None:
    long = "x" * (MAX_VALUE + 1)
    found = bounded({"message": long} if place == "message" else {"message": [["short", long]], "tags": ["own"]})
    assert found["message"] == ("x" * MAX_VALUE if place == "message" else [["short", "x" * MAX_VALUE]])
    assert found["tags"] == ([VALUE_TAG] if place == "message" else ["own", VALUE_TAG])


def test_a_character_is_never_cut_in_two() -> None:
    assert bounded({"message": "x" + "é" * (MAX_VALUE // 2)})["message"] == "x" + "é" * (MAX_VALUE // 2 - 1)


def test_the_original_stays_whole() -> None:
    event = {"event": {"original": "x" * (MAX_VALUE + 1)}}
    assert bounded(event) == event


_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=300), inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=300).filter(lambda t: t != "tags"), _values, max_size=8))
def test_what_comes_out_is_within_bounds_and_a_second_time_changes_nothing(event: dict[str, Any]) -> None:
    once = bounded(event)
    assert bounded(once) == once
    if "tags" not in once:
        assert once == event


@pytest.mark.parametrize(
    ("event", "may"),
    [
        (fields(MAX_FIELDS - 100), False),
        (fields(MAX_FIELDS + 1), True),
        ({"message": "x" * (MAX_VALUE // 2)}, False),
        ({"message": "x" * (MAX_VALUE + 1)}, True),
        ({"message": "x" * 9000, **fields(MAX_FIELDS + 1)}, True),
        ({"message": [1], **fields(MAX_FIELDS + 1)}, True),
    ],
)
def test_a_document_is_looked_at_where_it_may_exceed_a_bound(event: dict[str, Any], may: bool) -> None:
    assert exceeds(event, orjson.dumps(event)) == may


def test_the_stage_cuts_what_exceeds_and_counts_it_and_rules_see_the_whole() -> None:
    rules = read("title: t\nlogsource: {product: logweir}\ndetection: {s: {message|endswith: end}, condition: s}\n")
    stage = Stage(Catalogue.load(), Ruleset([rules]), Reducer(NoiseRules([])), 1)
    payload = orjson.dumps({"message": "x" * (MAX_VALUE + 1) + "end"} | {f"f{n}": n for n in range(10)})
    out = stage.run(Batch([Record(bytes(16), payload, 1.0, Facts("s"))], Span("raw", 0, 0, 1)), None)
    (record,) = out.events
    assert VALUE_TAG in orjson.loads(record.body)["tags"]
    assert out.tags[VALUE_TAG] == 1
    assert list(out.hits.values()) == [1]
