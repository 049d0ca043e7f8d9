"""CSV, CEF, LEEF and dissect."""

import csv
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.normalize.formats import cef as cef_format
from router.normalize.formats import csv as csv_format
from router.normalize.formats.cef import compile_cef
from router.normalize.formats.csv import cells, compile_csv, compile_headed
from router.normalize.formats.dissect import compile_dissect, names
from router.normalize.formats.leef import compile_leef

HEAD = {"cef_version": "0", "vendor": "V", "product": "P", "version": "1", "class_id": "id", "name": "n", "severity": "5"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ('a,"b,c",d', ["a", "b,c", "d"]),
        ('a,"b ""q"" c",d', ["a", 'b "q" c', "d"]),
        ('a,b"c,d', ["a", 'b"c', "d"]),
        ("", [""]),
    ],
)
def test_cells_of_a_line(line: str, expected: list[str]) -> None:
    assert cells(line) == expected


def test_columns_depend_on_kind_and_count() -> None:
    parse = compile_csv(
        by_column=1, variants={"T": {3: ["n", "k", "a"], 5: ["n", "k", "a", "b", "_"]}, "U": ["n", "k"]}, minimum=2
    )
    assert parse("1,T,x") == {"n": "1", "k": "T", "a": "x"}
    assert parse("1,T") == {"n": "1", "k": "T"}
    assert parse("1,T,x,y,z,more") == {"n": "1", "k": "T", "a": "x", "b": "y", "_extra": ["more"]}
    assert parse("1,U") == {"n": "1", "k": "U"}
    assert parse("1,other,x") is None
    assert parse("1") is None


def test_a_first_line_names_the_columns() -> None:
    parse = compile_headed(["src", "b_c"], " ")
    assert parse("\ufeffx src b-c\r\n1 2 3\r\n\n4 5 6") == [
        {"x": "1", "src": "2", "b_c": "3"},
        {"x": "4", "src": "5", "b_c": "6"},
    ]


def test_values_that_are_not_as_many_as_the_names_are_not_guessed() -> None:
    assert compile_headed(["a"], " ")("a b\n1 2 3\n1") == [{"_line": "1 2 3"}, {"_line": "1"}]


@pytest.mark.parametrize("text", ["a b", "a b\n", "x y\n1 2", "a a\n1 2", ""])
def test_no_header_no_rows(text: str) -> None:
    assert compile_headed(["a"], " ")(text) is None


CEF_CASES = [
    ("CEF:0|V|P|1|id|n|5|src=192.0.2.1 msg=hello there dpt=80", {"src": "192.0.2.1", "msg": "hello there", "dpt": "80"}),
    (r"CEF:0|V|P|1|id|n|5|msg=a\=b \\ c\nd x=1", {"msg": "a=b \\ c\nd", "x": "1"}),
    ("CEF:0|V|P|1|id|n|5|request=http://h/?a=1&b=2 x=1", {"request": "http://h/?a=1&b=2", "x": "1"}),
    ("CEF:0|V|P|1|id|n|5|", {}),
    ("CEF:0|V|P|1|id|n|5|no pairs", {"_text": "no pairs"}),
    ("CEF:0|V|P|1|id|n|5|a=1 a=2", {"a": ["1", "2"]}),
    ("CEF:0|V|P|1|id|n|5|name=x", {"extension.name": "x"}),
]


@pytest.mark.parametrize(("text", "expected"), CEF_CASES)
def test_cef_extensions(text: str, expected: dict[str, object]) -> None:
    assert compile_cef()("Mar 1 h " + text) == HEAD | expected


def test_cef_headers_unescape_pipes_and_short_ones_are_refused() -> None:
    assert compile_cef()(r"CEF:0|V\|W|P|1|id|n\\|5|a=1") == HEAD | {"vendor": "V|W", "name": "n\\", "a": "1"}
    assert compile_cef()("CEF:0|V|P|1") is None
    assert compile_cef()("no header") is None


def test_cef_labels_and_prefixes() -> None:
    parse = compile_cef(labels=True, strip_prefix=["ACME"])
    assert parse("CEF:0|V|P|1|id|n|5|cs1=p cs1Label=Policy cs2=q ACMEact=drop") == HEAD | {
        "Policy": "p",
        "cs2": "q",
        "act": "drop",
    }


LEEF_HEAD = {"leef_version": "1.0", "vendor": "V", "product": "P", "version": "1", "event_id": "E"}
LEEF_CASES = [
    ("LEEF:1.0|V|P|1|E|a=1\tb=x y", LEEF_HEAD | {"a": "1", "b": "x y"}),
    ("LEEF:2.0|V|P|1|E|^|a=1^b=x", LEEF_HEAD | {"leef_version": "2.0", "a": "1", "b": "x"}),
    ("LEEF:2.0|V|P|1|E|x7C|a=1|b=x", LEEF_HEAD | {"leef_version": "2.0", "a": "1", "b": "x"}),
    ("LEEF:2.0|V|P|1|E|0x09|a=1\tb=x", LEEF_HEAD | {"leef_version": "2.0", "a": "1", "b": "x"}),
    ("LEEF:2.0|V|P|1|E||a=1\tb=x", LEEF_HEAD | {"leef_version": "2.0", "a": "1", "b": "x"}),
    ("LEEF:1.0|V|P|1|E|a=1 b=x y", LEEF_HEAD | {"a": "1", "b": "x y"}),
    ("LEEF:1.0|V|P|1|E|a=x\ty\tb=1", LEEF_HEAD | {"a": "x\ty", "b": "1"}),
]


@pytest.mark.parametrize(("text", "expected"), LEEF_CASES)
def test_leef_with_every_delimiter(text: str, expected: dict[str, object]) -> None:
    assert compile_leef()(text) == expected


def test_of_leef_that_was_cut_off_in_a_key_no_value_holds_its_beginning() -> None:
    parse = compile_leef()
    assert parse("LEEF:1.0|V|P|1|E|a=1\tb=x y\tsr") == LEEF_HEAD | {"a": "1", "b": "x y", "_text": "sr"}
    assert parse("LEEF:2.0|V|P|1|E|^|a=1^sr") == LEEF_HEAD | {"leef_version": "2.0", "a": "1", "_text": "sr"}
    assert parse("LEEF:1.0|V|P|1|E|a=1\tb=x\ty z\t") == LEEF_HEAD | {"a": "1", "b": "x\ty z"}


def test_leef_without_delimiter_and_without_a_plain_key_is_read_all_the_same() -> None:
    assert compile_leef()("LEEF:1.0|V|P|1|E|x7C|a=1|b=2") == LEEF_HEAD | {"x7C|a": "1|b=2"}


def test_dissect_cuts_at_literals() -> None:
    parse = compile_dissect("%{a} from %{b}:%{c->} %{+a} %%{x} %{?skip}|%{d}")
    assert parse("Login from 192.0.2.1:22   x %{x} y|the end") == {"a": "Login x", "b": "192.0.2.1", "c": "22", "d": "the end"}
    assert parse("something else") is None
    assert compile_dissect("%ASA-%{level}-%{id}: %{}")("%ASA-6-1: x") == {"level": "6", "id": "1"}


@pytest.mark.parametrize("pattern", ["no key", "%{a}%{b}"])
def test_a_dissect_pattern_that_cannot_work_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"%\{"):
        names(pattern)


def test_a_line_break_that_was_written_out_before_a_key_belongs_to_no_value() -> None:
    found = compile_cef()(r"CEF:0|v|p|1|1|n|1|cn1=77 \ndeviceDirection=0 msg=a \\name=x path=C:\\n")
    assert found is not None
    assert found.items() >= {"cn1": "77", "deviceDirection": "0", "msg": r"a \name=x", "path": r"C:\n"}.items()


@settings(max_examples=1500, deadline=None)
@given(st.text('ab", \\\t', max_size=14))
def test_quotes_around_whole_values_read_as_by_the_library(line: str) -> None:
    bare = csv_format._bare(line, ",")
    if bare is not None and line:
        assert bare.split(",") == next(csv.reader([line]))


_PIECES = (
    "src=",
    "a=1",
    "b=x y",
    "=",
    "\\=",
    "\\\\",
    " ",
    "  ",
    "\t",
    "\n",
    "\\n",
    " \\n",
    "(x",
    "[0]=",
    "é=",
    "http://a?b=c&d=e",
    "x" * 130,
    "\x0bk=",
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12).map("".join))
def test_usual_extensions_of_cef_read_as_by_the_closer_look(text: str) -> None:
    usual = cef_format._usual(text)
    assert usual is None or list(usual.items()) == list(cef_format._any(text).items())


def test_words_of_a_hostile_sender_are_not_kept_for_ever() -> None:
    for number in range(3 * cef_format._MOST_KEYS):
        cef_format.extensions(f"key{number}=1 other{number}=2")
    assert len(cef_format._KNOWN) <= cef_format._MOST_KEYS


def test_attributes_of_leef_1_between_pipes() -> None:
    found = compile_leef()("LEEF:1.0|V|P|1|deny|cat=TRAFFIC|ReceiveTime=2026/03/01 10:00:00|src=192.0.2.1|usrName=")
    assert found is not None
    assert {key: found[key] for key in ("cat", "ReceiveTime", "src", "usrName")} == {
        "cat": "TRAFFIC",
        "ReceiveTime": "2026/03/01 10:00:00",
        "src": "192.0.2.1",
        "usrName": "",
    }


def test_attributes_of_leef_1_between_carets() -> None:
    found = compile_leef()("LEEF:1.0|FireEye|MPS|9.1|malware-object|src=203.0.113.1^msg=a b^srcPort=80")
    assert found is not None
    assert (found["src"], found["msg"], found["srcPort"]) == ("203.0.113.1", "a b", "80")
    assert compile_leef()("LEEF:1.0|V|P|1|E|a=1^2\tb=x") == LEEF_HEAD | {"a": "1^2", "b": "x"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"1","x,"","3","4"', {"a": "1", "_extra": ['"x,"","3","4"']}),
        ('"x,"","3","4"', {"_extra": ['"x,"","3","4"']}),
        ('1,"x, y","z" z,4,5', {"a": "1", "b": "x, y", "_extra": ['"z" z,4,5']}),
        ('1,"x "said, y" z",3,4', {"a": "1", "_extra": ['"x "said, y" z",3,4']}),
        ('1,"x "said" y, z",3', {"a": "1", "b": 'x said" y', "c": ' z"', "d": "3"}),
        ('1,"x "said" y",3,4', {"a": "1", "b": 'x said" y"', "c": "3", "d": "4"}),
        ('1,"x, y","z', {"a": "1", "b": "x, y", "c": "z"}),
        ('1,"x ""y"", z",3', {"a": "1", "b": 'x "y", z', "c": "3"}),
    ],
)
def test_behind_a_broken_quote_no_value_is_put_into_the_column_of_another(line: str, expected: dict[str, object]) -> None:
    assert compile_csv(columns=["a", "b", "c", "d"])(line) == expected


def test_a_broken_quote_takes_linear_time() -> None:
    parse = compile_csv(columns=["a", "b", "c"])
    started = time.perf_counter()
    parse('"a" x,' * 50_000 + '""' * 50_000 + '"x')
    parse('"' + '""' * 100_000 + " x,")
    assert time.perf_counter() - started < 1
