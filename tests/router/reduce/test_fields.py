"""Dotted names in events of every shape."""

import pytest

from router.batch import Event
from router.reduce.fields import change, getter, hashable, place


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"a": {"b": 1}}, 1),
        ({"a.b": 1}, 1),
        ({"a": [{"b": 1}, {"b": 2}]}, [1, 2]),
        ({"a": [{"b": 1}, {"c": 2}]}, 1),
        ({"a": {"b": [1, 2]}}, [1, 2]),
        ({"a": 5}, None),
        ({"a": {"b": None}}, None),
        ({}, None),
    ],
)
def test_a_dotted_name_is_found_wherever_it_may_stand(event: Event, expected: object) -> None:
    assert getter("a.b")(event) == expected


def test_documents_with_the_same_content_make_the_same_key() -> None:
    assert hashable({"a": 1, "b": [2]}) == hashable({"b": [2], "a": 1})
    assert hashable("x") == "x"


def test_a_change_reaches_every_place_of_a_name() -> None:
    event: Event = {"a": [{"b": 1, "c": 1}, {"b": 2}], "a.b": 3}
    assert change(event, ["a", "b"], lambda parent, key: bool(parent.pop(key)))
    assert event == {"a": [{"c": 1}, {}]}


def test_a_change_of_what_is_not_there_changes_nothing() -> None:
    assert not change({"a": 1, "c": [{}]}, ["a", "b"], lambda parent, key: bool(parent.pop(key)))


def test_placing_a_value_does_not_disturb_what_is_there() -> None:
    event: Event = {"a": {"b": 1}, "c": 2}
    place(event, "a.d", 3)
    place(event, "a.b", 4)
    place(event, "c.e", 5)
    assert event == {"a": {"b": 1, "d": 3}, "c": 2}
