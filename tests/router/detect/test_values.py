"""Null, empty, absent; lists; types; fields at any depth."""

import pytest

from router.detect.values import MISSING, number, texts
from tests.router.detect.rules import holds, whole

ABSENT, NULL, EMPTY, TEXT = {}, {"f": None}, {"f": ""}, {"f": "x"}


STATES = [
    ("{f: null}", True, True, False, False),
    ("{f: ''}", False, False, True, False),
    ("{f|exists: true}", False, True, True, True),
    ("{f|exists: false}", True, False, False, False),
    ("{f: '*'}", False, False, True, True),
    ("{f: '?*'}", False, False, False, True),
    ("{f: x}", False, False, False, True),
    ("{f|neq: x}", True, True, True, False),
    ("{f|contains: ''}", False, False, True, True),
    ("{f|re: '^$'}", False, False, True, False),
    ("{f: 'null'}", False, False, False, False),
    ("{f|neq: null}", False, False, True, True),
]


@pytest.mark.parametrize(("selection", "absent", "null", "empty", "text"), STATES)
def test_null_empty_and_absent_are_three_states(selection, absent, null, empty, text):
    assert [holds(selection, event) for event in (ABSENT, NULL, EMPTY, TEXT)] == [absent, null, empty, text]


def test_a_not_filter_over_an_absent_field_does_not_suppress():
    assert whole("sel: {f: x}\nfilter: {g: y}\ncondition: sel and not filter", {"f": "x"})


@pytest.mark.parametrize("value", [11, "11", 11.0])
def test_a_number_is_compared_as_text(value):
    assert holds("{f: 11}", {"f": value})
    assert holds("{f: '11'}", {"f": value})
    assert not holds("{f: 0xb}", {"f": "0xb"})  # YAML reads 0xb as 11; the event's text stays text


def test_true_and_one_are_different():
    assert holds("{f: true}", {"f": True})
    assert holds("{f: true}", {"f": "True"})
    assert not holds("{f: 1}", {"f": True})
    assert not holds("{f: true}", {"f": 1})


@pytest.mark.parametrize("value", [["a", "b"], ["b"], [["a"], ["b", None]], ("b",)])
def test_one_element_that_matches_is_enough(value):
    assert holds("{f: b}", {"f": value})


def test_an_empty_list_is_there_and_null():
    assert holds("{f|exists: true}", {"f": []})
    assert holds("{f: null}", {"f": []})
    assert not holds("{f: '*'}", {"f": []})


def test_a_null_in_a_list_is_null():
    assert holds("{f: null}", {"f": ["a", None]})
    assert holds("{f: a}", {"f": ["a", None]})


def test_an_object_is_its_json():
    assert holds('{f|contains: \'"cidrIp":"0.0.0.0/0"\'}', {"f": {"a": [{"cidrIp": "0.0.0.0/0"}]}})


def test_fields_are_found_at_any_depth_and_through_lists():
    assert holds("{a.b.c: x}", {"a": {"b": {"c": "x"}}})
    assert holds("{a.b.c: x}", {"a.b.c": "x"})
    assert holds("{a.b.c: x}", {"a": {"b.c": "x"}})
    assert holds("{a.b.c: x}", {"a": [{"b": {"c": "y"}}, {"b": {"c": "x"}}]})
    assert holds("{a.b.c: x}", {"a": [{"b": [{"c": "y"}]}, {"b": [{"c": "x"}]}]})
    assert holds("{a.b.c: null}", {"a": [{"b": [{"c": None}]}]})
    assert holds("{a.b.c: x}", {"a": [[{"b.c": "y"}], [{"b.c": "x"}]]})
    assert not holds("{a.b.c: x}", {"a": [{"b": [{"c": "y"}]}]})
    assert not holds("{a.b.c: x}", {"a": {"b": "x"}})
    assert not holds("{a.b.c: x}", {"a": None})


def test_spaces_are_no_part_of_a_field_name():
    assert holds("{'Threat Name': x}", {"ThreatName": "x"})


def test_a_list_as_deep_as_a_sender_likes_is_read():
    value: object = "x"
    for _ in range(5000):
        value = [value]
    assert holds("{f: x}", {"f": value})
    assert holds("[x]", {"f": value})


def test_text_that_is_no_unicode_is_matched_without_an_error():
    assert not holds("{f|re: 'a'}", {"f": "\ud800"})
    assert holds("{f|contains: 'a'}", {"f": "\ud800A"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", "1"), ("-1.50", "-1.50"), ("1e3", "1E+3"), (".5", "0.5"), ("0x1", None), ("", None), ("1_000", None), ("٣", None)],
)
def test_what_is_a_number(text, expected):
    found = number(text)
    assert (None if found is None else str(found)) == expected


def test_texts_of_what_is_not_there():
    assert texts(MISSING) == texts(None) == ()
