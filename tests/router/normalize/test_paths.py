"""Readers of paths give what following the path step by step gives, for any value."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.normalize.paths import reader
from router.normalize.runtime import dig

KEYS = st.sampled_from(["a", "b", "0", "1", "*"])
LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12)
PATHS = st.lists(KEYS | st.integers(0, 2), min_size=1, max_size=5).map(tuple)


def outcome(read: Any, *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except TypeError:  # a key `*` of an object where a list was meant, whose value is no list
        return TypeError


@given(VALUES, PATHS)
def test_a_reader_gives_what_its_path_leads_to(value: Any, path: tuple[str | int, ...]) -> None:
    assert outcome(reader(path), value) == outcome(dig, value, path)


def test_lists_of_lists_become_one() -> None:
    record = {"a": [{"b": [{"c": 1}, {"c": None}, 7]}, {"b": None}, {"b": [{"c": 2}]}, {}]}
    assert reader(("a", "*", "b", "*", "c"))(record) == [1, 2]
    assert reader(("a", "*", "d"))(record) is None
    assert reader(("a", 2, "b", 0, "c"))(record) == 2
    assert reader(("a", 9, "b"))(record) is None
