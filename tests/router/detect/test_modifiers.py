"""One row per behaviour of every modifier, alias and legal chain (Sigma 2.1, modifiers appendix)."""

import base64

import pytest

from router.detect.modifiers import KNOWN
from tests.router.detect.rules import holds, refused

VALUES = [
    # plain values: whole, case-insensitive
    ("{f: abc}", "ABC", True),
    ("{f: abc}", "abcd", False),
    ("{f: ÉTÉ}", "été", True),
    ("{f: k}", "\u212a", True),
    ("{f: s}", "ſ", True),
    ("{f: Σ}", "ς", True),
    ("{f: i}", "İ", False),
    ("{f: [a, b]}", "b", True),
    ("{f: [a, b]}", "c", False),
    # wildcards and escapes
    ("{f: a*c}", "a\nbc", True),
    ("{f: a?c}", "abc", True),
    ("{f: a?c}", "a\nc", True),
    ("{f: a?c}", "ac", False),
    ("{f: a?c}", "abbc", False),
    ("{f: '*'}", "", True),
    ("{f: '?'}", "", False),
    ("{f: 'a?*c'}", "abc", True),
    ("{f: 'a?*c'}", "ac", False),
    ("{f: '*a*a*'}", "xa", False),
    ("{f: '*a*a*'}", "xaya", True),
    ("{f: 'a*a'}", "a", False),
    ("{f: 'ab*?b'}", "abb", False),
    ("{f: 'ab*?b'}", "abxb", True),
    (r"{f: 'a\*c'}", "a*c", True),
    (r"{f: 'a\*c'}", "abc", False),
    (r"{f: 'a\?c'}", "a?c", True),
    (r"{f: 'a\?c'}", "abc", False),
    (r"{f: 'a\\*c'}", r"a\bbc", True),
    (r"{f: 'a\\*c'}", "abbc", False),
    (r"{f: 'a\\\*c'}", r"a\*c", True),
    (r"{f: 'a\\\*c'}", r"a\bc", False),
    (r"{f: 'C:\Windows\x'}", r"c:\windows\X", True),
    (r"{f: 'a\\b'}", r"a\b", True),
    (r"{f: 'a\'}", "a\\", True),
    ("{f: 'a*b(c)[d]'}", "a-b(c)[d]", True),
    # contains, startswith, endswith
    ("{f|contains: BC}", "abcd", True),
    ("{f|contains: bd}", "abcd", False),
    ("{f|contains: b?d}", "xbcdx", True),
    ("{f|contains: 'a*d'}", "xab\ncdx", True),
    ("{f|contains: [x, c]}", "abcd", True),
    ("{f|startswith: AB}", "abcd", True),
    ("{f|startswith: b}", "abcd", False),
    ("{f|startswith: 'a?c'}", "abcd", True),
    ("{f|startswith: 'b?d'}", "abcd", False),
    ("{f|startswith: 'a*d'}", "xabcd", False),
    ("{f|endswith: CD}", "abcd", True),
    ("{f|endswith: c}", "abcd", False),
    ("{f|endswith: 'b?d'}", "abcd", True),
    ("{f|endswith: 'a?c'}", "abcd", False),
    ("{f|endswith: 'a*c'}", "abcd", False),
    (r"{f|endswith: '\cmd.exe'}", r"C:\Windows\CMD.EXE", True),
    ("{f|contains: 12}", 5123, True),
    # all
    ("{f|contains|all: [a, d]}", "abcd", True),
    ("{f|contains|all: [a, x]}", "abcd", False),
    ("{f|all|contains: [a, d]}", "abcd", True),
    ("{f|all: ['*a*', '*d*']}", "abcd", True),
    ("{f|contains|all: [a]}", "abcd", True),
    # cased
    ("{f|cased: Abc}", "Abc", True),
    ("{f|cased: Abc}", "abc", False),
    ("{f|contains|cased: B}", "aBc", True),
    ("{f|cased|contains: B}", "abc", False),
    ("{f|startswith|cased: A}", "abc", False),
    ("{f|endswith|cased: 'B?'}", "aBc", True),
    # neq
    ("{f|neq: a}", "b", True),
    ("{f|neq: a}", "A", False),
    ("{f|neq: [a, b]}", "b", False),
    ("{f|neq: 5}", 5, False),
    ("{f|contains|neq: a}", "xay", False),
    # exists
    ("{f|exists: true}", "", True),
    ("{f|exists: false}", "", False),
    # windash
    ("{f|windash|contains: ' -foo'}", "x /foo", True),
    ("{f|windash|contains: ' /foo'}", "x -foo", True),
    ("{f|contains|windash: ' -foo'}", "x \u2013foo", True),
    ("{f|contains|windash: ' -foo'}", "x \u2014foo", True),
    ("{f|contains|windash: ' -foo'}", "x \u2015foo", True),
    ("{f|contains|windash: ' \u2013foo'}", "x -foo", True),
    ("{f|contains|windash: ' -foo'}", "x +foo", False),
    ("{f|contains|windash: ' -foo-bar'}", "x /foo-bar", True),
    ("{f|contains|windash: ' -foo-bar'}", "x -foo/bar", False),
    ("{f|contains|windash: ' -a -b'}", "x /a -b", True),
    ("{f|contains|windash|all: [' -a', ' -b']}", "x /a -b", True),
    # re
    ("{f|re: 'b.d'}", "abcde", True),
    ("{f|re: '^b'}", "abc", False),
    ("{f|re: 'B'}", "abc", False),
    ("{f|re|i: 'B'}", "abc", True),
    ("{f|re|ignorecase: 'É'}", "é", True),
    ("{f|re: 'a.b'}", "a\nb", False),
    ("{f|re|s: 'a.b'}", "a\nb", True),
    ("{f|re|dotall: 'a.b'}", "a\nb", True),
    ("{f|re: '^b'}", "a\nb", False),
    ("{f|re|m: '^b$'}", "a\nb\nc", True),
    ("{f|re|multiline: '^b'}", "a\nb", True),
    ("{f|re|i|m|s: '^B.c'}", "a\nb\nc", True),
    ("{f|re: 'a$'}", "a\n", False),
    (r"{f|re: '^\d$'}", "٣", False),
    (r"{f|re: '^\w$'}", "é", False),
    (r"{f|re: 'a\*b'}", "a*b", True),
    ("{f|re: ['x', 'b']}", "abc", True),
    ("{f|re|all: ['a', 'b']}", "abc", True),
    ("{f|re: 1}", 213, True),
    # base64 and UTF-16
    ("{f|base64: foobar}", "Zm9vYmFy", True),
    ("{f|base64|contains: foo}", "xZm9vx", True),
    ("{f|base64offset|contains: foobar}", base64.b64encode(b"foobar").decode(), True),
    ("{f|base64offset|contains: foobar}", base64.b64encode(b"xfoobarx").decode(), True),
    ("{f|base64offset|contains: foobar}", base64.b64encode(b"xxfoobarxx").decode(), True),
    ("{f|base64offset|contains: foobar}", base64.b64encode(b"fooba").decode(), False),
    ("{f|wide|base64offset|contains: abc}", base64.b64encode("xabc".encode("utf-16le")).decode(), True),
    ("{f|utf16le|base64offset|contains: abc}", base64.b64encode("abc".encode("utf-16le")).decode(), True),
    ("{f|utf16le|base64offset|contains: ä€}", base64.b64encode("xä€x".encode("utf-16le")).decode(), True),
    ("{f|utf16be|base64offset|contains: abc}", base64.b64encode("abc".encode("utf-16be")).decode(), True),
    ("{f|utf16|base64|contains: abc}", base64.b64encode(b"\xff\xfe" + "abc".encode("utf-16le")).decode(), True),
    ("{f|wide: abc}", "a\0b\0c\0", True),
    ("{f|wide|contains: abc}", "xa\0b\0c\0x", True),
    ("{f|wide|base64offset|contains|all: [abc, def]}", base64.b64encode("abcdef".encode("utf-16le")).decode(), True),
    # numbers
    ("{f|lt: 5}", 4, True),
    ("{f|lt: 5}", 5, False),
    ("{f|lte: 5}", 5, True),
    ("{f|lte: 5}", 5.1, False),
    ("{f|gt: 5}", "6", True),
    ("{f|gt: 5}", "5", False),
    ("{f|gte: 5}", "5.0", True),
    ("{f|gte: 0.1}", "0.1", True),
    ("{f|gt: 9007199254740992}", 9007199254740993, True),
    ("{f|gt: 9007199254740992}", "9007199254740993", True),
    ("{f|gt: 5}", "0xff", False),
    ("{f|gt: 5}", "many", False),
    ("{f|gt: 0}", True, False),
    ("{f|gt: 5}", [1, 6], True),
    # time
    ("{f|hour: 3}", "2026-03-01T03:59:59Z", True),
    ("{f|hour: 3}", "2026-03-01T03:00:00+05:00", True),
    ("{f|hour: 3}", "2026-03-01T04:00:00Z", False),
    ("{f|hour|gte: 22}", "2026-03-01T23:00:00Z", True),
    ("{f|minute: 7}", "2026-03-01 03:07:00", True),
    ("{f|day: 1}", "2026-03-01T03:07:00.123456Z", True),
    ("{f|week: 53}", "2026-12-31T00:00:00Z", True),
    ("{f|month: [3, 4]}", "2026-03-01", True),
    ("{f|year: 2026}", 1772334000, True),
    ("{f|year: 2026}", "1772334000123", True),
    ("{f|year: 2026}", "yesterday", False),
    # cidr
    ("{f|cidr: 10.0.0.0/8}", "10.255.0.1", True),
    ("{f|cidr: 10.0.0.0/8}", "11.0.0.1", False),
    ("{f|cidr: [192.168.0.0/16, 10.0.0.0/8]}", "192.168.3.4", True),
    ("{f|cidr: '2001:db8::/32'}", "2001:DB8:1::1", True),
    ("{f|cidr: '2001:db8::/32'}", "10.0.0.1", False),
    ("{f|cidr: 0.0.0.0/0}", "not an address", False),
    ("{f|cidr: 10.1.2.3}", "10.1.2.3", True),
]


@pytest.mark.parametrize(("selection", "value", "expected"), VALUES)
def test_a_value(selection, value, expected):
    assert holds(selection, {"f": value}) is expected


REFERENCES = [
    ("{f|fieldref: g}", "Bob", "bob", True),
    ("{f|fieldref: g}", "bob", "bobby", False),
    ("{f|fieldref: g}", 5, "5", True),
    ("{f|fieldref|startswith: g}", "bobby", "BOB", True),
    ("{f|fieldref|startswith: g}", "abob", "bob", False),
    ("{f|fieldref|endswith: g}", "abob", "bob", True),
    ("{f|fieldref|contains: g}", "xbobx", "bob", True),
    ("{f|fieldref|contains: g}", "xbox", "bob", False),
    ("{f|fieldref|neq: g}", "a", "b", True),
    ("{f|fieldref|neq: g}", "a", "A", False),
    ("{f|fieldref: g}", ["a", "b"], ["c", "b"], True),
    ("{f|fieldref: g}", None, None, False),
]


@pytest.mark.parametrize(("selection", "left", "right", "expected"), REFERENCES)
def test_a_reference_to_another_field(selection, left, right, expected):
    assert holds(selection, {"f": left, "g": right}) is expected


def test_a_reference_to_an_absent_field_is_false():
    assert not holds("{f|fieldref: g}", {"f": "a"})
    assert not holds("{f|fieldref: g}", {})


def test_a_placeholder_stands_for_each_of_its_values():
    values = {"dcs": ["dc1", "dc2*"]}
    assert holds("{f|expand: '%dcs%'}", {"f": "DC1"}, values)
    assert holds("{f|expand: '%dcs%'}", {"f": "dc2.corp"}, values)
    assert not holds("{f|expand: '%dcs%'}", {"f": "%dcs%"}, values)
    assert holds("{f|expand|contains: '-%dcs%-'}", {"f": "x-dc1-x"}, values)
    assert holds("{f|contains|expand: '%dcs%'}", {"f": "x-dc1-x"}, values)
    assert holds("{f|re|expand: '^%dcs%$'}", {"f": "dc2xyz"}, values)


def test_an_escaped_percent_sign_is_no_placeholder():
    assert holds(r"{f|expand: 'a\%b\%c'}", {"f": "a%b%c"})


def test_a_percent_sign_without_expand_is_plain():
    assert holds("{f: '%dcs%'}", {"f": "%DCS%"})


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ("{f|foo: a}", "unknown modifier 'foo'"),
        ("{f|contain: a}", "did you mean 'contains'"),
        ("{f|contains|contains: a}", "stands twice"),
        ("{f|wide|utf16le: a}", "stands twice"),
        ("{f|contains|re: a}", "must stand before everything else"),
        ("{f|i: a}", "must stand behind `re`"),
        ("{f|re|contains: a}", "cannot follow 're'"),
        ("{f|re: '(?=a)'}", "look-around"),
        (r"{f|re: '(a)\1'}", "back-references"),
        ("{f|re: '('}", "regular expression"),
        ("{f|cidr: 10.0.0.1/8}", "no network"),
        ("{f|cidr: 10.0.0.0/33}", "no network"),
        ("{f|cidr|contains: 10.0.0.0/8}", "cannot follow"),
        ("{f|exists: 1}", "takes true or false"),
        ("{f|exists: 'true'}", "takes true or false"),
        ("{f|contains|exists: true}", "must stand before"),
        ("{f|gt: '5'}", "takes a number"),
        ("{f|gt: true}", "takes a number"),
        ("{f|gt|lt: 5}", "cannot follow"),
        ("{f|hour: 24}", "no hour"),
        ("{f|month: 0}", "no month"),
        ("{f|day: 1.5}", "no day"),
        ("{f|fieldref: 'a*'}", "cannot take a wildcard"),
        ("{f|fieldref: 5}", "name of a field"),
        ("{f|fieldref|base64: a}", "cannot follow"),
        ("{f|base64: 'a*'}", "cannot take a wildcard"),
        ("{f|contains|base64offset: ab}", "cannot take a wildcard"),
        ("{f|base64offset: a}", "two bytes"),
        ("{f|wide: ä}", "UTF-16 bytes are no text"),
        ("{f|expand: '%nobody%'}", "placeholder %nobody% has no value"),
        ("{f|base64|expand: '%x%'}", "must stand before"),
        ("{f|contains: null}", "cannot take null"),
        ("{f: [a, null]}", "null cannot stand in a list"),
        ("{f: []}", "empty list"),
        ("{f: {g: h}}", "cannot be a mapping"),
        ("{f: [[a]]}", "cannot be a list"),
        ("{f: 2026-01-01}", "cannot be a date"),
        ("{f: .inf}", "cannot be inf"),
        ("{f: .nan}", "cannot be nan"),
        ("{on: a}", "cannot be called True"),
        ("{1.5: a}", "cannot be called 1.5"),
        ("{'|exists': true}", "needs a field"),
        ("{'|cidr': 10.0.0.0/8}", "needs a field"),
        ("{f|windash: ' -a -b -c -d'}", "more than 3 dashes"),
        ("{'f[any]': a}", "array matching"),
        ("{}", "selects nothing"),
        ("[]", "selects nothing"),
        ("['*']", "true for every event"),
        ("['']", "true for every event"),
        ("[null]", "a keyword cannot take null"),
    ],
)
def test_what_has_no_exact_meaning_is_refused(selection, reason):
    assert reason in refused(selection)


def test_the_table_above_covers_every_modifier():
    used = " ".join(selection.replace(":", "|") for selection, *_ in VALUES) + " fieldref expand "
    assert [m for m in KNOWN if f"|{m}|" not in used and f" {m} " not in used] == []
    assert len([m for m in KNOWN if m not in ("ignorecase", "multiline", "dotall")]) == 31
