"""One row per behaviour: a detection block, an event, and what the specification says of the two.

Expected values come from the text of Sigma 2.1 (rule format, modifiers appendix) and, where that is silent or contradicts
itself, from the answers that the product publishes; none was taken from what a program printed. `unlike_pysigma` marks rows in
which pySigma is known to differ, with the reason; in all others its tree has to give the same answer.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.router.detect.test_keywords import EVENT as KEYWORD_EVENT
from tests.router.detect.test_keywords import KEYWORDS
from tests.router.detect.test_modifiers import REFERENCES, VALUES
from tests.router.detect.test_values import STATES


class Row(NamedTuple):
    """A whole detection block, an event by ECS or plain names, whether it is true."""

    block: str
    event: dict[str, Any]
    expected: bool
    unlike_pysigma: str = ""


def _encoded(text: str, encoding: str = "utf-8", before: bytes = b"", behind: bytes = b"") -> str:
    return base64.b64encode(before + text.encode(encoding) + behind).decode()


_CHAINS: list[tuple[str, Any, bool]] = [
    # what `all`, `neq` and `cased` do behind every other modifier
    ("{f|startswith|all: [a, ab]}", "abc", True),
    ("{f|startswith|all: [a, b]}", "abc", False),
    ("{f|endswith|all: [c, bc]}", "abc", True),
    ("{f|startswith|neq: a}", "abc", False),
    ("{f|startswith|neq: b}", "abc", True),
    ("{f|endswith|neq: [b, c]}", "abc", False),
    ("{f|endswith|neq: [a, b]}", "abc", True),
    ("{f|contains|all|neq: [a, x]}", "abc", True),
    ("{f|contains|all|neq: [a, c]}", "abc", False),
    ("{f|cidr|neq: 10.0.0.0/8}", "10.1.1.1", False),
    ("{f|cidr|neq: 10.0.0.0/8}", "192.0.2.1", True),
    ("{f|cidr|all: [10.0.0.0/8, 10.1.0.0/16]}", "10.1.2.3", True),
    ("{f|cidr|all: [10.0.0.0/8, 10.1.0.0/16]}", "10.2.2.3", False),
    ("{f|re|neq: '^a'}", "abc", False),
    ("{f|re|neq: '^b'}", "abc", True),
    ("{f|re|i|neq: '^A'}", "abc", False),
    ("{f|gt|neq: 5}", 6, False),
    ("{f|gt|neq: 5}", 5, True),
    ("{f|windash|neq: '-a'}", "/a", False),
    ("{f|cased|neq: A}", "a", True),
    ("{f|cased|neq: A}", "A", False),
    ("{f|hour|neq: 3}", "2026-03-01T03:00:00Z", False),
    ("{f|hour|lt: 6}", "2026-03-01T05:59:59Z", True),
    ("{f|hour|lt: 6}", "2026-03-01T06:00:00Z", False),
    ("{f|minute|lte: 30}", "2026-03-01T03:30:00Z", True),
    ("{f|day|gt: 27}", "2026-03-28T00:00:00Z", True),
    ("{f|week: 1}", "2027-01-04T00:00:00Z", True),
    ("{f|week: 53}", "2027-01-03T23:59:59Z", True),
    ("{f|month: 3}", "2026-04-01T00:00:00Z", False),
    ("{f|year|gte: 2026}", "2025-12-31T23:59:59Z", False),
    ("{f|cased|contains|all: [A, b]}", "xAxb", True),
    ("{f|cased|contains|all: [A, b]}", "xaxb", False),
    ("{f|windash|cased|contains: ' -Foo'}", "x /Foo", True),
    ("{f|windash|cased|contains: ' -Foo'}", "x /foo", False),
    ("{f|windash|startswith: '-a'}", "/a b", True),
    ("{f|windash|startswith: '-a'}", "x -a", False),
    ("{f|windash|endswith: ' -s'}", "cmd –s", True),
    ("{f|windash|endswith: ' -s'}", "cmd –s x", False),
    ("{f|windash: 'a-b'}", "a/b", False),
    ("{f|windash: 'a-b'}", "a-b", True),
    ("{f|windash: 'net use /delete'}", "net use -delete", True),
    # encodings
    ("{f|base64|startswith: abc}", _encoded("abcdef"), True),
    ("{f|base64|endswith: def}", _encoded("abcdef"), True),
    ("{f|base64: foobar}", "ZM9VYMFY", True),
    ("{f|base64|cased: foobar}", "Zm9vYmFy", True),
    ("{f|base64|cased: foobar}", "ZM9VYMFY", False),
    ("{f|base64offset|contains: http}", _encoded("http://x", before=b"\xff"), True),
    ("{f|base64offset|contains: http}", _encoded("http://x", before=b"\xff\x00"), True),
    ("{f|base64offset|contains: http}", _encoded("http"), True),
    ("{f|base64offset|contains: http}", _encoded("htt"), False),
    ("{f|base64offset|contains|all: [http, cmd]}", _encoded("http cmd"), True),
    ("{f|base64offset|contains|all: [http, cmd]}", _encoded("http"), False),
    ("{f|utf16|base64offset|contains: ab}", _encoded("ab", "utf-16le", b"xx\xff\xfe"), True),
    ("{f|utf16be|base64|contains: ab}", _encoded("ab", "utf-16be"), True),
    ("{f|utf16be|base64|contains: ab}", _encoded("ab", "utf-16le"), False),
    ("{f|utf16le|base64|contains: é}", _encoded("é", "utf-16le")[:4], True),
    ("{f|wide|startswith: ab}", "a\0b\0c", True),
    ("{f|utf16be|startswith: ab}", "\0a\0bc", True),
    ("{f|base64: é}", "w6k=", True),
    # escapes: what a backslash does before each of the others
    (r"{f: '\'}", "\\", True),
    (r"{f: '\\'}", "\\", True),
    (r"{f: '\\\'}", "\\\\", True),
    (r"{f: '\\\\'}", "\\\\", True),
    (r"{f: '\\?'}", "\\x", True),
    (r"{f: '\\?'}", "\\", False),
    (r"{f: '\\\?'}", "\\?", True),
    (r"{f: '\\\?'}", "\\x", False),
    (r"{f: 'a\bc'}", "a\\bc", True),
    (r"{f: '\n'}", "\\n", True),
    (r"{f: '\n'}", "\n", False),
    (r"{f: '\"'}", '\\"', True),
    (r"{f|contains: '\*'}", "a*b", True),
    (r"{f|contains: '\*'}", "a-b", False),
    (r"{f|contains: '*'}", "anything", True),
    (r"{f|startswith: '\?'}", "?x", True),
    (r"{f|startswith: '\?'}", "x", False),
    (r"{f|startswith: '*b'}", "aab c", True),
    (r"{f|startswith: '?b'}", "ab c", True),
    (r"{f|startswith: '?b'}", "b c", False),
    (r"{f|endswith: '\\'}", "c:\\dir\\", True),
    (r"{f|endswith: 'b*'}", "a b c", True),
    (r"{f|endswith: 'b?'}", "a bc", True),
    (r"{f|endswith: 'b?'}", "a b", False),
    (r"{f|contains: 'a\\*c'}", "xa\\bcx", True),
    (r"{f|contains: '%TEMP%'}", r"c:\%temp%\x", True),
    (r"{f|re: 'a\\b'}", "a\\b", True),
    (r"{f|re: 'a\.b'}", "axb", False),
    ("{f|re: 'a*'}", "bbb", True),
    (r"{f|re: 'x\.?[yz]w'}", "xyw", True),
    (r"{f|re: '[ab]c+[de]'}", "accd", True),
    (r"{f|re: ' [0-7]{3,5}-'}", "x 01234-", True),
    (r"{f|re: ' [0-7]{3,5}-'}", "x 01-", False),
    ("{f|re: '.'}", "", False),
    ("{f|re: '[^]a]{2}'}", "xy", True),
    ("{f|re: '[^]a]{2}'}", "]x", False),
    ("{f|re: '[]a]{2}'}", "a]", True),
    ("{f|re: '[]a]{2}'}", "ax", False),
    ("{f|re: '--(?i)*X'}", "-x", True),
    (r"{f|re: '--\Q\E*x'}", "-x", True),
    (r"{f|re: '\Q-*\E'}", "a-*b", True),
    (r"{f|re: '\Q-*\E'}", "a--b", False),
    ("{f|re: ''}", "", True),
    # types: numbers, booleans and text are compared as text
    ("{f: 4625}", 4625, True),
    ("{f: '4625'}", 4625, True),
    ("{f: 4625}", "4625", True),
    ("{f: 4625}", "04625", False),
    ("{f: 1.5}", 1.5, True),
    ("{f: 1.5}", "1.5", True),
    ("{f: 0}", False, False),
    ("{f: 0}", -0.0, True),
    ("{f: -0.0}", 0, True),
    ("{f: false}", False, True),
    ("{f: 'False'}", False, True),
    ("{f: false}", "0", False),
    ("{f: 9007199254740993}", 9007199254740993, True),
    ("{f: 9007199254740993}", 9007199254740992, False),
    ("{f: '0x10'}", "0X10", True),
    ("{f: 16}", "0x10", False),
    ("{f|contains: 1}", True, False),
    ("{f|contains: tru}", True, True),
    ("{f|gte: 9007199254740993}", 9007199254740992, False),
    ("{f|gt: -1}", "-0.5", True),
    ("{f|gt: 5}", "٦", False),
    ("{f|gt: 5}", " 6", False),
    ("{f|gt: 5}", "6 items", False),
    ("{f|gt: 5}", "", False),
    ("{f|gt: 5}", [], False),
    # lists: one element that matches is enough, a condition over several values may be met by several elements
    ("{f|contains|all: [a, b]}", ["xa", "xb"], True),
    ("{f|neq: a}", ["a", "b"], False),
    ("{f: 'a*b'}", ["a", "b"], False),
    ("{f|startswith: b}", ["ab", "ba"], True),
    ("{f|re: '^b$'}", ["a", "b"], True),
    ("{f|cidr: 10.0.0.0/8}", ["x", "10.0.0.1"], True),
    ("{f: ''}", ["", "a"], True),
    ("{f: ''}", [], False),
    ("{f|exists: true}", [None], True),
    # addresses
    ("{f|cidr: 192.0.2.0/24}", "192.0.2.255", True),
    ("{f|cidr: 192.0.2.0/24}", "192.0.3.0", False),
    ("{f|cidr: 192.0.2.0/24}", "192.0.2.1:80", False),
    ("{f|cidr: 192.0.2.0/24}", "192.0.2.01", False),
    ("{f|cidr: 192.0.2.0/24}", "::ffff:192.0.2.1", False),
    ("{f|cidr: 192.0.2.0/24}", 3221225985, False),
    ("{f|cidr: '::1/128'}", "0:0:0:0:0:0:0:1", True),
    ("{f|cidr: 'fe80::/10'}", "fe80::1", True),
    ("{f|cidr: 'fe80::/10'}", "fec0::1", False),
    ("{f|cidr: 0.0.0.0/0}", "::1", False),
    # case: simple folding of Unicode
    ("{f: straße}", "STRAẞE", True),
    ("{f: straße}", "strasse", False),
    ("{f: ΟΔΟΣ}", "οδος", True),
    ("{f: ı}", "I", False),
    ("{f: 'ǅ'}", "ǆ", True),
    ("{f: ﬁ}", "fi", False),
    ("{f|contains: \u212aelvin}", "xkelvinx", True),
    ("{f|startswith: ſ}", "Sabc", True),
    ("{f|endswith: ς}", "abΣ", True),
    ("{f|cased: k}", "\u212a", False),
    # wildcards take any character, line ends and zero bytes too
    ("{f: 'a*b'}", "a\r\n\0b", True),
    ("{f: 'a?b'}", "a\0b", True),
    ("{f: 'a?b'}", "a😀b", True),
    ("{f: 'a??b'}", "a😀b", False),
    ("{f: '**'}", "", True),
    ("{f: 'a**b'}", "ab", True),
    ("{f: '*a'}", "a\n", False),
    ("{f|endswith: a}", "a\n", False),
    ("{f: a}", "a\n", False),
]

_STATES: tuple[dict[str, Any], ...] = ({}, {"f": None}, {"f": ""}, {"f": "x"})
_PRESENCE: list[tuple[str, tuple[bool, bool, bool, bool]]] = [
    ("{f|contains: ''}", (False, False, True, True)),
    ("{f|base64|contains: ''}", (False, False, True, True)),
    ("{f|base64: ''}", (False, False, True, False)),
    ("{f|startswith: x}", (False, False, False, True)),
    ("{f|neq: ''}", (True, True, False, True)),
    ("{f|exists: true, f|neq: x}", (False, True, True, False)),
    ("{f|re: ''}", (False, False, True, True)),
    ("{f|re: '.*'}", (False, False, True, True)),
    ("{f|cidr: 0.0.0.0/0}", (False, False, False, False)),
    ("{f|gt: 0}", (False, False, False, False)),
    ("{f|lt: 0}", (False, False, False, False)),
    ("{f|fieldref: f}", (False, False, True, True)),
    ("{f|hour|gte: 0}", (False, False, False, False)),
]

_X = {"f": "x"}
_BLOCKS: list[tuple[str, dict[str, Any], bool]] = [
    ("sel: {a: x, b: y, c: z}\ncondition: not sel", {"a": "x", "b": "y", "c": "z"}, False),
    ("sel: {a: x, b: y, c: z}\ncondition: not sel", {"a": "x", "b": "y", "c": "w"}, True),
    # a map is AND, a list of maps is OR, and both nest
    ("sel: {f: x, g: y}\ncondition: sel", {"f": "x", "g": "y"}, True),
    ("sel: {f: x, g: y}\ncondition: sel", _X, False),
    ("sel: [{f: x}, {g: y}]\ncondition: sel", _X, True),
    ("sel: [{f: x, g: y}, {h: z}]\ncondition: sel", _X, False),
    ("sel: [{f: x, g: y}, {h: z}]\ncondition: sel", {"h": "z"}, True),
    ("sel: {f|contains: a, f|endswith: b}\ncondition: sel", {"f": "ab"}, True),
    ("sel: {f|contains: a, f|endswith: b}\ncondition: sel", {"f": "ba"}, False),
    ("sel: [{f: x}, {f: null}]\ncondition: sel", {}, True),
    ("sel: [{f: x}, {f: null}]\ncondition: sel", {"f": ""}, False),
    ("sel: [{f: ''}, {f: null}]\ncondition: sel", {"f": ""}, True),
    ("sel: {f: x, g: null}\ncondition: sel", _X, True),
    ("sel: {f: x, g: null}\ncondition: sel", {"f": "x", "g": ""}, False),
    # an absent field makes an atom false, so a filter over it does not suppress
    ("sel: {f: x}\nfilter: {g|contains: y}\ncondition: sel and not filter", _X, True),
    ("sel: {f: x}\nfilter: {g: ''}\ncondition: sel and not filter", _X, True),
    ("sel: {f: x}\nfilter: {g: null}\ncondition: sel and not filter", _X, False),
    ("sel: {f: x}\nfilter: {g: y, h: z}\ncondition: sel and not filter", {"f": "x", "g": "y"}, True),
    ("sel: {f: x}\nfilter: {g|neq: y}\ncondition: sel and not filter", _X, False),
    ("sel: {f: x}\nfilter: {g|cidr: 10.0.0.0/8}\ncondition: sel and not filter", _X, True),
    # names of fields: objects, lists of them, lists in those, keys with dots in them
    ("sel: {a.b.c: x}\ncondition: sel", {"a": [{"b": [{"c": "y"}]}, {"b": [{"c": "x"}, 1]}]}, True),
    ("sel: {a.b.c: x}\ncondition: sel", {"a": [{"b": [{"c": "y"}]}, {"b": "x"}]}, False),
    ("sel: {a.b.c|contains|all: [x, y]}\ncondition: sel", {"a": [{"b": [{"c": "xz"}]}, {"b": {"c": "zy"}}]}, True),
    ("sel: {a.b.c: null}\ncondition: sel", {"a": [{"b": [{"c": "x"}]}, {"b": [{"c": None}]}]}, True),
    ("sel: {a.b.c|exists: true}\ncondition: sel", {"a": [{"b": [{"d": 1}]}]}, False),
    ("sel: {a.b.c: x}\ncondition: sel", {"a": [{"b.c": "y"}, {"b.c": "x"}]}, True),
    ("sel: {a.b.c: x}\ncondition: sel", {"a.b": {"c": "x"}}, True),
    ("sel: {a.b.c|gt: 5}\ncondition: sel", {"a": {"b": [[{"c": 1}], [{"c": 6}]]}}, True),
    ("sel: {a.b: x}\ncondition: sel", {"a.b": "x", "a": {"b": "y"}}, False),
    ("sel: {F: x}\ncondition: sel", {"f": "x"}, False),
    ("sel: {5: x}\ncondition: sel", {"5": "x"}, True),
    # conditions: precedence, quantifiers, patterns, case of keywords
    ("a: {f: x}\nb: {f: y}\nc: {f: x}\ncondition: a or b and c", _X, True),
    ("a: {f: y}\nb: {f: x}\nc: {f: y}\ncondition: a or b and c", _X, False),
    ("a: {f: y}\nb: {f: x}\ncondition: not a and b", _X, True),
    ("a: {f: y}\nb: {f: y}\ncondition: not (a or b)", _X, True),
    ("a: {f: x}\nb: {f: y}\ncondition: not (a and b)", _X, True),
    ("a: {f: x}\nb: {f: y}\ncondition: NOT b AND a", _X, True),
    ("s_1: {f: y}\ns_2: {f: x}\nt: {f: y}\ncondition: 1 of s_*", _X, True),
    ("s_1: {f: y}\ns_2: {f: x}\nt: {f: y}\ncondition: all of s_*", _X, False),
    ("s_1: {f: x}\ns_2: {f|contains: x}\nt: {f: y}\ncondition: all of s_* and not t", _X, True),
    ("a_s: {f: x}\nb_s: {f: y}\ncondition: 1 of *_s", _X, True),
    ("a_s_1: {f: x}\nb: {f: y}\ncondition: all of *_s_*", _X, True),
    ("a: {f: y}\nb: {f: x}\ncondition: 1 of them", _X, True),
    ("a: {f: x}\nb: {f: y}\ncondition: all of them", _X, False),
    ("a: {f: x}\n_b: {f: y}\ncondition: all of them", _X, True),
    ("a: {f: y}\n_b: {f: x}\ncondition: 1 of them", _X, False),
    ("a: {f: y}\nb: {f: x}\ncondition: any of them", _X, True),
    ("s1: {f: x}\ns2: {f: y}\ncondition: not 1 of s*", _X, False),
    ("s1: {f: x}\ns2: {f: y}\ncondition: not all of s*", _X, True),
    ("s1: {f: x}\ns2: {f: y}\nt: {f: x}\ncondition: 1 of s* and t or s2", _X, True),
    ("a: {f: x}\nb: {f: y}\ncondition: [b, a]", _X, True),
    ("a: {f: z}\nb: {f: y}\ncondition: [b, a]", _X, False),
    ("a-b: {f: x}\nc.d: {f: x}\ncondition: a-b and c.d", _X, True),
    ("of_s: {f: x}\nnot_s: {f: y}\ncondition: of_s and not not_s", _X, True),
    # a list of several keyword forms
    ("sel: [one, {f: x}]\ncondition: sel", {"message": "ONE"}, True),
    ("sel: {'|all': [one, two]}\ncondition: sel", {"message": "two and one"}, True),
    ("sel: {'|all': [one, two]}\ncondition: sel", {"a": "one", "b": "two"}, True),
    ("sel: {'|all': [one, two]}\ncondition: sel", {"message": "one"}, False),
    ("sel: {'|re|all': ['^one$', '^two$']}\ncondition: sel", {"message": "one"}, False),
    ("sel: [one]\nfilter: [two]\ncondition: sel and not filter", {"message": "one two"}, False),
    ("sel: [one]\nfilter: [two]\ncondition: sel and not filter", {"message": "one"}, True),
    ("sel: ['a?c']\ncondition: sel", {"message": "xxabcxx"}, True),
    (r"sel: ['a\?c']" + "\ncondition: sel", {"message": "xxabcxx"}, False),
    ("sel: [11]\ncondition: sel", {"n": 4110}, True),
    ("sel: ['true']\ncondition: sel", {"n": True}, True),
]


def rows() -> Iterator[Row]:
    """Every row, those of the product's own tests with them."""
    for selection, value, expected in [*VALUES, *_CHAINS]:
        yield Row(_block(selection), {"f": value}, expected, _known(selection))
    for selection, left, right, expected in REFERENCES:
        yield Row(_block(selection), {"f": left, "g": right}, expected, _known(selection))
    for selection, states in [*((s, tuple(e)) for s, *e in STATES), *_PRESENCE]:
        for event, expected in zip(_STATES, states, strict=True):
            yield Row(_block(selection), dict(event), bool(expected), _known(selection))
    for selection, expected in KEYWORDS:
        yield Row(_block(selection), KEYWORD_EVENT, expected)
    for block, event, expected in _BLOCKS:
        yield Row(block, event, expected, _known(block))


def _block(selection: str) -> str:
    return f"sel: {selection}\ncondition: sel"


def rule_text(row: Row, number: int) -> str:
    """A rule of its own for a row: product `acme`, fields by their ECS or plain names."""
    block = "".join(f"  {line}\n" for line in row.block.splitlines())
    return f"title: {json.dumps(row.block)}\nid: row-{number}\ntaxonomy: ecs\nlogsource: {{product: acme}}\ndetection:\n{block}"


def event_of(row: Row) -> dict[str, Any]:
    """The row's event, as one that the rule sees."""
    return {**row.event, "logweir": {"logsource": {"product": "acme"}}}


_UNLIKE = (
    ("utf16le", "does not know `utf16le`"),
    ("9007199254740993", "reads whole numbers as floats"),
    ("|contains: 1", "refuses numbers where a text is looked for"),
    ("|re: 1", "fails on a number as a pattern"),
    ("windash: ' –", "lets only `-` and `/` stand for the others"),
    ("NOT b AND a", "takes operators in lower case only"),
    ("c.d", "takes no `.` in names of selections"),
    ("{5: x}", "takes no number for a name of a field"),
)
"""Where pySigma 2.0 is known to read otherwise than the specification."""


def _known(selection: str) -> str:
    return next((why for part, why in _UNLIKE if part in selection), "")
