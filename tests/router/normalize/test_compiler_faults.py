"""What the compiler says of files with mistakes."""

from pathlib import Path

import pytest

from router.batch import Facts
from router.documents import load_text
from router.normalize import Catalogue
from router.normalize.compiler import compile_document

RECEIPT = 1_780_272_000.0  # 2026-06-01T00:00:00Z
HEAD = "id: acme.x\nidentify: [{contains: ['acme']}]\nparse: [kv]\nrest: acme.x\ntests: [{raw: x}]\n"
LINT = [
    ("map: {source.ipp: a}", "did you mean 'source.ip'?", 6),
    ("map: {\n  source.ip: a |\n}", "pipe is missing", 7),
    ("map: {source.ip: a | nopipe}", "there is no pipe 'nopipe'", 6),
    ("map: {other.thing: a}", "ECS 9.4.0 has no field 'other.thing'", 6),
    ("map: {ecs.version: a}", "written by the engine", 6),
    ("const: {event.category: [nothing]}", "not allowed in event.category", 6),
    ("const: {source.port: many}", "holds whole values", 6),
    ("const: {event.category: [authentication], event.type: [denied]}", "does not go with", 6),
    ("cases:\n  - when: {a: 1}\n    set: {event.category: [network], event.type: [creation]}", "does not go with", 8),
    (
        "cases:\n  - when: {a: 1}\n    set: {event.action: x}\n  - when: {a: 1}\n    set: {event.action: y}",
        "the same condition as case 1",
        9,
    ),
    ("cases:\n  - when: {'a|like': 1}\n    set: {event.action: x}", "modifier 'like' is not known", 7),
    ("cases:\n  - set: {event.action: x}", "a case needs `when`", 7),
    ("cases:\n  - when: {'a|re': '(x+)+'}\n    set: {event.action: x}", "repeats inside of a repeat", 7),
    ("cases:\n  - when: {'a|re': '.*x'}\n    set: {event.action: x}", "begins with a repeat without end; leave it out", 7),
    ("map: {event.action: \"a | regex '(\\\\d+)$'\"}", "begins with a repeat without end", 6),
    ("map: {event.action: \"a | groups '(?:(?P<b>\\\\w+) )?x'\"}", "begins with a repeat without end", 6),
    ("cases:\n  - when: {'a|cidr': nowhere}\n    set: {event.action: x}", "is no network", 7),
    ("map: {source.user: a, source.user.name: b}", "no field 'source.user'", 6),
    ("map: {acme.x.a: a, acme.x.a.b: b}", "holds a value elsewhere", 6),
    ("map: {event.action: a}\ndrop: [a]", "is dropped, and mapped", 7),
    ("time: {'@timestamp': {format: '%Q', of: a}}", "unknown directive", 6),
    ("time: {'@timestamp': {epoch: a}, tz_default: Nowhere/X}", "no time zone", 6),
    ("time: {source.ip: {epoch: a}}", "is no date", 6),
    ("time: {'@timestamp': {epoch: a // b}}", "write a list, the first that parses wins: [{epoch: a}, {epoch: b}]", 6),
    ("time: {'@timestamp': [{iso: a},\n  b // c]}", "`guess: b // c` names more than one field", 7),
    ("time: {'@timestamp': {format: '%Y-%m-%d', of: a // b}}", "one mapping for `a`, one for `b`", 6),
    ("time: {'@timestamp': {join: [a, b // c]}}", "names more than one field", 6),
    ("time: {'@timestamp': {iso: a, tz: b // c}}", "`tz: b // c` names more than one field", 6),
    ("time: {'@timestamp': {iso: a | lower}}", "has a pipe", 6),
    ("derive: [everything]", "cannot be derived", 6),
    ("mapp: {a: b}", "did you mean 'map'?", 6),
    ("append: {}", "unknown key 'append'", 6),
    ("tables: {t: nofile.csv}", "no file 'nofile.csv'", 6),
    ("tables: {t: ../../etc/passwd.csv}", "no file", 6),
    ("switch: {on: a}", "switch needs", 6),
    ("switch: {on: a, cases: {1: {set: {event.action: x}}, '1,2': {set: {event.action: y}}}}", "'1' stands twice", 6),
    ("priority: high", "whole number", 6),
    ("consume: a", "must be a list", 6),
    ("derive: related", "must be a list", 6),
    ("null_values: '-'", "must be a list", 6),
    ("each: {a: b}", "names one list of the record", 6),
    ("each: a..b", "is no path", 6),
    ("schema: {ecs: 8.11.0}", "this router writes ECS 9.4.0", 6),
    ("schema: {ecsm: 9.4.0}", "did you mean 'ecs'?", 6),
    ("consume: [a..b]", "is no path", 6),
    ("map: {event.action: '@bodi'}", "'@bodi' is nothing that is known of a line", 6),
    ("map: {event.action: $event.akshun}", "ECS 9.4.0 has no field 'event.akshun'", 6),
    ("cases:\n  - when: {$event.akshun: x}\n    set: {event.action: x}", "has no field 'event.akshun'", 7),
    ("cases:\n  - when: {a: 1}\n    unset: [event.akshun]", "has no field 'event.akshun'", 8),
    ("map: {acme: {x: a}}", "is what is left over", 6),
    ("cases:\n  - when: {a: 1}\n    set: {acme.x: b}", "is what is left over", 8),
    ("map: {event.outcome: a | table t}\ntables: {t: {ok: success, _default: OK}}", "'OK' is not allowed in event.outcome", 6),
    ("map: {event.outcome: \"a // 'done'\"}", "'done' is not allowed", 6),
    (
        "cases:\n  - when: {a: 1}\n    append: {event.type: a | table t}\ntables: {t: {x: [end, over]}}",
        "'over' is not allowed in event.type",
        8,
    ),
    ("switch: {on: a | lower, cases: {Deny: {set: {event.action: x}}}}", "'Deny' never comes out of `lower`", 6),
    ("switch: {on: a | upper, cases: {'DENY,Drop': {set: {event.action: x}}}}", "'Drop' never comes out of `upper`", 6),
    ("drop: [a]\ncases:\n  - when: {b: 1}\n    map: {event.action: a.c}", "a is dropped, and mapped to event.action", 6),
    (
        "drop: [a]\nswitch: {on: b, cases: {x: {append: {event.type: a | table t}}}}\ntables: {t: {y: end, _default: null}}",
        "a is dropped",
        6,
    ),
    ("map: {event.outcome: a | table t}\ntables:\n  t: {ok: success}", "'t' does not say what event.outcome becomes", 8),
    ("map: {event.kind: [b, a | table t | lower]}\ntables: {t: {ok: event}}", "add `_default: null` to write none", 7),
    ("switch: {on: b, cases: {x: {append: {event.type: a | table t}}}}\ntables: {t: {ok: [end]}}", "what event.type becomes", 7),
    ("map: {event.action: a | table t}\ntables:\n  t: {b: c}\n  u: {b: c}", "nothing uses the table 'u'", 9),
]


@pytest.mark.parametrize(("text", "message", "line"), LINT, ids=[case[1] for case in LINT])
def test_a_mistake_is_named_with_its_line_and_a_remedy(text: str, message: str, line: int) -> None:
    normalizer, problems = compile_document(load_text(HEAD + text + "\n", "x.yaml")[0], Path("."))
    assert normalizer is None
    assert any(message in str(problem) and problem.line == line for problem in problems), "\n".join(map(str, problems))


RIGHT = [
    "map: {event.outcome: a | table t}\ntables: {t: {ok: success, _default: null}}",
    "map: {event.outcome: a | table t}\ntables: {t: {ok: success, _default: unknown}}",
    "map: {event.outcome: [a | table t, \"'unknown'\"]}\ntables: {t: {ok: success}}",
    "map: {event.outcome: a | table http_outcome}",
    "map: {event.action: \"a | regex '(\\\\d+)'\"}",
    "map: {event.action: \"a | regex '(?<!\\\\d)(\\\\d++)$'\"}",
    "map: {event.action: \"a | regex '\\\\d{1,20}x'\"}",
    "cases:\n  - when: {'a|re': ['^.*x', 'x.*y', 'a?b']}\n    set: {event.action: x}",
    "map: {network.direction: a | table t}\ntables: {t: {in: inbound}}",
    "switch: {on: a | table t, cases: {x: {set: {event.action: x}}}}\ntables: {t: {1: x}}",
    "parse: [kv, {zip: {data: a | table t}, into: b}]\ntables: {t: {1: x}}",
    "drop: [end, a.b]\ncases:\n  - when: {b: 1}\n    append: {event.type: [end]}\n    map: {event.action: a}",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_only_looks_like_a_mistake_is_let_through(text: str) -> None:
    head = HEAD.replace("parse: [kv]\n", "") if text.startswith("parse") else HEAD
    normalizer, problems = compile_document(load_text(head + text + "\n", "x.yaml")[0], Path("."))
    assert normalizer is not None, "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("parse", "message"),
    [
        ("[nothing]", "is no format"),
        ("[{kv: {quotes: x}}]", "unknown key 'quotes'"),
        ("[{regex: 'abc'}]", "not anchored"),
        ("[{regex: '^(a+)+'}]", "repeats inside of a repeat"),
        ("[{dissect: '%{a}%{b}'}]", "touch"),
        ("[{json: {}, off: x}]", "no format"),
        ("[{csv: {header: a}}]", "a list of names"),
        ("[{csv: {header: [a], minimum: 3}}]", "only `sep` beside it"),
        ("[{any: {}}]", "any takes a list"),
        ("[csv]", "csv needs the names of its columns"),
        ("[{csv: {columns: a}}]", "columns takes a list"),
        ("[{csv: {columns: [a, b, a]}}]", "'a' stands twice"),
        ("[kv, {switch: {on: a, cases: {'1,2': json, 2: kv}}}]", "'2' stands twice; join the steps"),
        ("[{kv: {assign: 3}}]", "assign takes text"),
        ("[{regex: '^@{port}(?P<a>x)$'}]", "there is no fragment 'port'"),
    ],
)
def test_a_wrong_step_is_named(parse: str, message: str) -> None:
    text = f"id: acme.x\nidentify: [{{contains: ['acme']}}]\nparse: {parse}\nrest: acme.x\ntests: [{{raw: x}}]\n"
    problems = compile_document(load_text(text, "x.yaml")[0], Path("."))[1]
    assert any(message in str(problem) for problem in problems), "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("test", "message", "line"),
    [
        ("{name: a}", "needs `raw`, `event` or `files`", 6),
        ("{raw: x, expects: {a: b}}", "unknown key 'expects'; did you mean 'expect'?", 6),
        ("{raw: x,\n     receipt: yesterday}", "'yesterday' is no time", 7),
        ("{raw: x,\n     tz: Mars/X}", "'Mars/X' is no time zone", 7),
        ("{raw: x, expect: [a]}", "expect is a mapping", 6),
        ("{raw: x, absent: a}", "absent is a list", 6),
        ("{raw: x, meta: a}", "meta is a mapping", 6),
        ("{raw: x, documents: two}", "documents is a whole number", 6),
        ("{raw: x, nth: -1}", "nth is a whole number", 6),
        ("{raw: x, files: 'a/*.jsonl'}", "either `raw`, `event` or `files`", 6),
    ],
)
def test_a_test_that_is_wrong_is_named(test: str, message: str, line: int) -> None:
    text = f"id: acme.x\nidentify: [{{contains: ['acme']}}]\nparse: [kv]\nrest: acme.x\ntests:\n  - {test}\n"
    problems = compile_document(load_text(text, "x.yaml")[0], Path("."))[1]
    assert any(message in str(problem) and problem.line == line for problem in problems), "\n".join(map(str, problems))


@pytest.mark.parametrize("name", ["Acme.x", "acme x", "acme.", "acme/x"])
def test_an_id_is_a_name_that_a_data_stream_can_have(name: str) -> None:
    text = f"id: {name}\nidentify: [{{contains: ['acme']}}]\nparse: [kv]\nrest: acme.x\ntests: [{{raw: x}}]\n"
    problems = compile_document(load_text(text, "x.yaml")[0], Path("."))[1]
    assert any("is no id" in str(problem) and problem.line == 1 for problem in problems), "\n".join(map(str, problems))


def test_what_is_to_be_kept_has_to_be_a_path() -> None:
    text = (
        "id: acme.x\nidentify: [{contains: ['acme']}]\nparse: [kv]\nrest: {to: acme.x,\n  keep: [a, b..c]}\ntests: [{raw: x}]\n"
    )
    problems = compile_document(load_text(text, "x.yaml")[0], Path("."))[1]
    assert [(p.line, p.path) for p in problems] == [(5, "rest.keep[1]")]


def test_all_problems_of_a_file_come_at_once() -> None:
    text = "id: acme.x\nidentify: []\nparse: [kv]\nrest: source.x\nmap: {source.ipp: a, source.ip: b | x}\n"
    problems = compile_document(load_text(text, "x.yaml")[0], Path("."))[1]
    assert len(problems) >= 5
    assert all(problem.file == "x.yaml" and problem.line >= 1 for problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        *(HEAD + text for text in ("null_values: 3", "derive: [{}]", "drop: [a..b]\nmap: {event.action: a}", "drop: ['']")),
        HEAD + "cases:\n  - when: {a: 1}\n    set: [{}]",
        HEAD.replace("[kv]", "[{csv: {by: {column: 1, variants: x}}}]"),
        "[]",
        "x",
        "id: 1",
        "id: [x]\nmap: 3\ncases: {}\ntime: []\ntables: []\nparse: {}\ntests: 1\nrest: []\nidentify: 3\n",
    ],
)
def test_no_yaml_makes_the_compiler_raise(text: str) -> None:
    normalizer, problems = compile_document(load_text(text, "x.yaml")[0], Path("."))
    assert normalizer is None
    assert problems


def test_a_csv_table_is_read_as_spreadsheets_write_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfallow,success\r\n# a remark\r\n\r\n"a,b",failure\r\n_default,unknown\r\n')
    text = HEAD + "map: {event.outcome: a | table t}\ntables: {t: t.csv}\n"
    normalizer, problems = compile_document(load_text(text, "x.yaml")[0], tmp_path)
    assert normalizer is not None, problems
    catalogue = Catalogue([normalizer])
    made = [catalogue.normalize(f'acme=1 a="{a}"'.encode(), Facts("s"), RECEIPT)[0] for a in ("allow", "a,b", "c")]
    assert [document["event"]["outcome"] for document in made] == ["success", "failure", "unknown"]


def test_a_csv_table_says_what_other_values_become_by_an_empty_answer(tmp_path: Path) -> None:
    text = HEAD + "map: {event.outcome: a | table t}\ntables: {t: t.csv}\n"
    (tmp_path / "t.csv").write_bytes(b"allow,success\n")
    _, problems = compile_document(load_text(text, "x.yaml")[0], tmp_path)
    assert [(p.line, p.path, p.column) for p in problems] == [(7, "tables.t", 10)], problems
    (tmp_path / "t.csv").write_bytes(b"allow,success\n_default,\n")
    normalizer, problems = compile_document(load_text(text, "x.yaml")[0], tmp_path)
    assert normalizer is not None, problems
    catalogue = Catalogue([normalizer])
    made = [catalogue.normalize(f"acme=1 a={a}".encode(), Facts("s"), RECEIPT)[0] for a in ("allow", "else")]
    assert [(document["event"].get("outcome"), document["acme"]["x"]["a"]) for document in made] == [
        ("success", "allow"),
        (None, "else"),
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"a;b\n", "t.csv:1: 1 columns; write key,value"),
        (b"a,b\nc,d,e\n", "t.csv:2: 3 columns"),
        (b"a,b\na,c\n", "t.csv:2: key 'a' stands twice"),
        (b"\xff\xfea", "t.csv is not UTF-8 text"),
    ],
)
def test_what_is_wrong_in_a_csv_table_is_named(tmp_path: Path, table: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(table)
    text = HEAD + "map: {event.action: a | table t}\ntables: {t: t.csv}\n"
    _, problems = compile_document(load_text(text, "x.yaml")[0], tmp_path)
    assert any(message in str(problem) and problem.line == 7 for problem in problems), "\n".join(map(str, problems))
