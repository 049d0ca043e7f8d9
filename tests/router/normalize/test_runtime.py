"""Paths through a record."""

from router.normalize.runtime import dig


def test_a_star_collects_and_two_stars_give_one_list() -> None:
    record = {"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": [{"c": 3}]}, {"x": 0}, {"b": []}]}
    assert dig(record, ("a", "*", "b", "*", "c")) == [1, 2, 3]
    assert dig(record, ("a", 0, "b", "*", "c")) == [1, 2]
    assert dig({"a": [{"b": [1, 2]}, {"b": [3]}]}, ("a", "*", "b")) == [[1, 2], [3]]
    assert dig({"a": [{"b": []}]}, ("a", "*", "b", "*", "c")) is None
