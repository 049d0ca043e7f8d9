"""Values into the types of the ECS table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.normalize import coerce, schema

CASES = [
    ("ip", "192.0.2.1", "192.0.2.1"),
    ("ip", "[2001:db8::1]", "2001:db8::1"),
    ("ip", "fe80::1%eth0", "fe80::1"),
    ("ip", "::ffff:192.0.2.1", "192.0.2.1"),
    ("ip", "::FFFF:192.0.2.1", "192.0.2.1"),
    ("ip", "::ffff:2001", "::ffff:2001"),
    ("ip", "192.0.2.256", None),
    ("ip", "192.0.2.1:80", None),
    ("ip", "010.0.0.1", None),
    ("ip", "authid=", None),
    ("ip", 3232235777, None),
    ("whole", "80", 80),
    ("whole", "-5", -5),
    ("whole", "12.0", 12),
    ("whole", "12.5", None),
    ("whole", "0x10", None),
    ("whole", "1_000", None),
    ("whole", True, None),
    ("whole", str(1 << 63), None),
    ("whole", (1 << 63) - 1, (1 << 63) - 1),
    ("whole", "9" * 5000, None),
    ("whole", "٣", None),
    ("real", "1.5", 1.5),
    ("real", "nan", None),
    ("real", "1e999", None),
    ("boolean", "True", True),
    ("boolean", "0", False),
    ("boolean", "maybe", None),
    ("boolean", 2, None),
    ("text", 80, "80"),
    ("text", True, "true"),
    ("text", 1.0, "1"),
    ("text", ["x"], "x"),
    ("text", ["x", "y"], None),
    ("text", {"a": 1}, None),
    ("text", float("inf"), None),
    ("lower", "TCP", "tcp"),
    ("mac", "00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"),
    ("mac", "001a.2b3c.4d5e", "00-1A-2B-3C-4D-5E"),
    ("mac", "001a2b3c4d5e", "00-1A-2B-3C-4D-5E"),
    ("mac", "00:1a:2b", None),
    ("date", "2026-03-01 10:00:00+01:00", "2026-03-01T09:00:00Z"),
    ("date", 1772359200123, "2026-03-01T10:00:00.123Z"),
    ("date", "yesterday", None),
    ("point", {"lat": "1.5", "lon": 2}, {"lat": 1.5, "lon": 2.0}),
    ("point", {"lat": 91, "lon": 2}, None),
    ("open", {"a": 1}, {"a": 1}),
    ("open", '{"a": 1}', {"a": 1}),
    ("open", "text", None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), CASES, ids=[f"{c[0]} {str(c[1])[:30]}" for c in CASES])
def test_a_value_gets_the_type_of_its_field_or_none(kind: str, value: Any, expected: Any) -> None:
    got = coerce.COERCIONS[kind](value)
    assert got == expected
    assert type(got) is type(expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(sorted(coerce.COERCIONS)))
def test_no_value_makes_a_coercion_raise(value: Any, kind: str) -> None:
    coerce.each(coerce.COERCIONS[kind], value)


def test_lists_keep_their_good_items_and_say_that_some_were_not() -> None:
    assert coerce.each(coerce.ip, ["192.0.2.1", "x", None, ""]) == (["192.0.2.1"], False)
    assert coerce.each(coerce.text, ["a", "a", ""]) == (["a", "a", ""], True)
    assert coerce.each(coerce.text, "a") == (["a"], True)


def test_the_table_knows_kinds_lists_and_pairs() -> None:
    assert schema.field("source.ip") == schema.Field("source.ip", "ip", False)
    event_type = schema.field("event.type")
    assert event_type is not None
    assert event_type.array
    assert schema.field("labels.anything") == schema.Field("labels.anything", "free", False)
    assert schema.field("source.ipp") is None
    assert schema.closest("source.ipp") == "source.ip"
    assert schema.pair_allowed("network", "denied")
    assert not schema.pair_allowed("authentication", "denied")
    assert len(schema.fields()) > 2500


def test_members_of_objects_in_a_list_get_their_types_and_numbers_become_text_where_text_belongs() -> None:
    item = coerce.typed({"ttl": coerce.whole}, {"data"})
    assert item({"ttl": "60", "data": 214.0}) == {"ttl": 60, "data": "214"}
    assert item({"ttl": "soon", "data": "a"}) is None
    assert item({"data": ["a", "b"]}) == {"data": ["a", "b"]}
