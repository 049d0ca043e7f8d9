"""What pipes do to values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.normalize.expressions import Choice, Expression, Pipe, Ref, parse
from router.normalize.pipes import make, table

CASES: list[tuple[str, tuple[str, ...], Any, Any]] = [
    ("lower", (), "ABC", "abc"),
    ("upper", (), ["a", "b"], ["A", "B"]),
    ("strip", (), "  a ", "a"),
    ("strip", ("[]",), "[a]", "a"),
    ("split", (", ",), "a, b, ", ["a", "b"]),
    ("split", (), "a  b", ["a", "b"]),
    ("join", ("-",), ["a", 1], "a-1"),
    ("first", (), ["a", "b"], "a"),
    ("last", (), ["a", "b"], "b"),
    ("index", ("1",), ["a", "b"], "b"),
    ("index", ("5",), ["a", "b"], None),
    ("prefix", ("x",), "a", "xa"),
    ("replace", ("a", "b"), "aa", "bb"),
    ("groups", (r"^(?P<name>\S+) (?P<ttl>\d+)$",), ["a 1", "b", "c 2"], [{"name": "a", "ttl": "1"}, {"name": "c", "ttl": "2"}]),
    ("groups", (r"^(?P<name>\S+)(?: (?P<ttl>\d+))?$",), "a", {"name": "a"}),
    ("int", (), "12", 12),
    ("int", (), "x", None),
    ("mul", ("1e9",), "2", 2_000_000_000),
    ("mul", ("1000",), "1.5", 1500),
    ("div", ("1000",), 1500, 1.5),
    ("hex", (), "2F62696E2F6C73002D6C", "/bin/ls -l"),
    ("hex", (), "xyz", "xyz"),
    ("hexint", (), "0x1f4", 500),
    ("hexint", (), "500", 500),
    ("basename", (), "C:\\Windows\\cmd.exe", "cmd.exe"),
    ("basename", (), "/bin/ls", "ls"),
    ("dirname", (), "/bin/ls", "/bin"),
    ("url", ("domain",), "https://u@h.example:8443/p/f.txt?q=1#x", "h.example"),
    ("url", ("port",), "https://h:8443/", 8443),
    ("url", ("extension",), "https://h/p/f.txt?q=1", "txt"),
    ("url", ("port",), "https://h:99999/", None),
    ("url", ("domain",), "h.example:443", "h.example"),
    ("url", ("port",), "[2001:db8::1]:443", 443),
    ("url", ("path",), "h.example:443", None),
    ("url", ("scheme",), "h.example:443", None),
    ("url", ("path",), "urn:7:x", "7:x"),
    ("url", ("domain",), "//admin/x.php?q=1", None),
    ("url", ("path",), "//admin/x.php?q=1", "//admin/x.php"),
    ("url", ("query",), "//admin/x.php?q=1#y", "q=1"),
    ("query", ("b",), "http://h/?a=1&b=x%20y", "x y"),
    ("json", (), '{"a": 1}', {"a": 1}),
    ("json", (), "{", None),
    ("unquote", (), "a%20b", "a b"),
    ("before", (" ",), "a b c", "a"),
    ("rbefore", (" ",), "a b c", "a b"),
    ("after", (" ",), "a b c", "b c"),
    ("rafter", (" ",), "a b c", "c"),
    ("before", ("x",), "abc", None),
    ("regex", (r"id=(\d+)",), "x id=7 y", "7"),
    ("regex", (r"id=(\d+)",), "x id=a, id=7 y", "7"),
    ("regex", (r"id=(\d+)",), "x id 7", None),
    ("regex", (r"(?i)id=(\d+)",), "x ID=7", "7"),
    ("line_after", ("User = ",), "Host = a\r\nUser = b c \r\nUser = d", "b c "),
    ("line_after", ("User = ",), "User = \nUser = d", "d"),
    ("line_after", ("User = ",), "User = \r\nUser =", None),
    ("line_after", ("User = ",), "User = last", "last"),
    ("only", ("a", "b"), "c", None),
    ("only", ("a", "b"), "b", "b"),
    ("b64", (), "aGk=", "hi"),
    ("b64", (), "!!", None),
    ("len", (), "abc", 3),
    ("list", (), "a", ["a"]),
    ("objects", ("name",), ["a"], [{"name": "a"}]),
    ("named", ("b",), [{"Name": "a", "Value": "1"}, 3, {"Name": "B", "Value": "2"}], "2"),
    ("named", ("b",), [{"key": "b", "multiValue": ["x", "y"]}], ["x", "y"]),
    ("named", ("b",), [{"Key": "b", "ValueString": "x"}], "x"),
    ("named", ("b",), [{"name": "b", "value": ""}], None),
    ("named", ("b",), "b", None),
]


@pytest.mark.parametrize(("name", "arguments", "value", "expected"), CASES, ids=[f"{c[0]} {c[2]!r:.30}" for c in CASES])
def test_a_pipe_changes_a_value(name: str, arguments: tuple[str, ...], value: Any, expected: Any) -> None:
    assert make(name, arguments, {})(value) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(JSON)
def test_no_value_makes_a_pipe_raise(value: Any) -> None:
    for name, arguments, _, _ in CASES:
        if value is not None:
            make(name, arguments, {})(value)


def test_tables_match_exactly_then_folded_then_by_default() -> None:
    pipe = table("t", {"Allow": "allowed", 6: "tcp", "_default": "other"})
    assert [pipe(v) for v in ("Allow", "ALLOW", "6", 6, "x")] == ["allowed", "allowed", "tcp", "tcp", "other"]
    assert table("t", {"a": 1})("x") is None
    assert [table("t", {"a": 1, "_default": none})(value) for none in (None, "") for value in ("x", {"a": 1})] == [None] * 4
    assert table("t", {"a": 1, "_default": "_same"})("x") == "x"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("nothing", ()),
        ("mul", ("x",)),
        ("mul", ("0",)),
        ("table", ("none",)),
        ("url", ("x",)),
        ("regex", ("(a+)+",)),
        ("lower", ("x",)),
    ],
)
def test_wrong_pipes_are_refused(name: str, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make(name, arguments, {})


def test_expressions_are_read() -> None:
    assert parse("a // b.c // 'x | y' | split ', ' | lower") == Expression(
        (
            Choice(
                (Ref("record", ("a",)), Ref("record", ("b", "c")), Ref("constant", (), "x | y")),
                (Pipe("split", (", ",)), Pipe("lower")),
            ),
        )
    )
    assert parse('"a.b".c.0') == Expression((Choice((Ref("record", ("a.b", "c", 0)),)),))
    assert parse(["$source.ip", "@syslog.hostname"]) == Expression(
        (Choice((Ref("document", ("source", "ip")),)), Choice((Ref("line", ("syslog", "hostname")),)))
    )


@pytest.mark.parametrize("text", ["", "a //", "'open", "@syslog.nothing", 'a."b', "a | ", [], True])
def test_wrong_expressions_are_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_a_part_of_an_address_is_no_domain() -> None:
    pipe = make("domain", (), {})
    assert [pipe(text) for text in ("2", "192.0.2", "192.0.2.", "192.0.2.1", "2001:db8::1", "203.0.113.9 s", "1192.0.2.1")] == [
        None
    ] * 7
    assert [pipe(text) for text in ("fw1", "1and1.example", "host-192.0.2.1", "h.2")] == [
        "fw1",
        "1and1.example",
        "host-192.0.2.1",
        "h.2",
    ]


@pytest.mark.parametrize("pipe", ["strip '[]'", "after '['", "regex '\\[(x?)'", "replace '[' ''"])
def test_a_pipe_that_leaves_nothing_gives_no_value(pipe: str) -> None:
    read = parse(f"a | {pipe}").choices[0].pipes[0]
    assert make(read.name, read.arguments, {})("[") is None
