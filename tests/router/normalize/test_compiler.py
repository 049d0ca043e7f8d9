"""The language of normalizer files: what it does, and what it refuses."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import Event, Facts
from router.documents import load_text
from router.normalize import Catalogue, Hints
from router.normalize.compiler import compile_document

RECEIPT = 1_780_272_000.0  # 2026-06-01T00:00:00Z


def catalogue(text: str, **options: Any) -> Catalogue:
    """A catalogue of one file; `text` follows a standard head."""
    head = "id: acme.x\nidentify: [{contains: ['acme']}]\nrest: acme.x\ntests: [{raw: acme}]\n"
    normalizer, problems = compile_document(load_text(head + text, "x.yaml")[0], Path("."))
    assert normalizer is not None, problems
    return Catalogue([normalizer], **options)


def document(text: str, raw: Any, **facts: Any) -> Event:
    body = raw.encode() if isinstance(raw, str) else orjson.dumps(raw)
    documents = catalogue(text, sources={"s": Hints(tz="UTC")}).normalize(body, Facts("s", **facts), RECEIPT)
    assert len(documents) == 1
    return documents[0]


def test_the_first_source_that_says_something_wins_and_the_others_are_kept() -> None:
    text = "parse: [kv]\nmap: {source.ip: a // b}\n"
    assert document(text, "acme=1 a=192.0.2.1 b=192.0.2.2")["acme"]["x"] == {"acme": "1", "b": "192.0.2.2"}
    found = document(text, "acme=1 a= b=192.0.2.2")
    assert found["source"]["ip"] == "192.0.2.2"
    assert found["acme"]["x"] == {"acme": "1", "a": ""}


def test_a_value_of_the_wrong_type_goes_to_the_rest_with_a_tag() -> None:
    found = document("parse: [kv]\nmap: {destination.ip: d, destination.port: p}\n", "acme=1 d=authid= p=80")
    assert found["destination"] == {"port": 80}
    assert found["acme"]["x"]["d"] == "authid="
    assert found["tags"] == ["_norm_type:destination.ip", "_norm_time_missing"]
    assert found["event"]["original"] == "acme=1 d=authid= p=80"


def test_a_value_that_ecs_does_not_allow_goes_to_the_rest_with_a_tag() -> None:
    text = "parse: [kv]\nmap: {event.outcome: a, event.kind: b, event.category: \"c | split ','\", event.type: d | table t}"
    found = document(text + "\ntables: {t: {x: end, _default: _same}}", "acme=1 a=OK b=odd c=network,bogus d=more")
    assert (found["event"]["category"], found["event"]["kind"]) == (["network"], "event")
    assert not {"outcome", "type"} & found["event"].keys()
    assert found["acme"]["x"] == {"acme": "1", "a": "OK", "b": "odd", "c": "network,bogus", "d": "more"}
    assert {tag for tag in found["tags"] if tag.startswith("_norm_type")} == {
        f"_norm_type:event.{name}" for name in ("outcome", "kind", "category", "type")
    }


def test_some_bad_items_of_a_list_are_kept_whole_in_the_rest() -> None:
    found = document("parse: [json]\nmap: {host.ip: ips}\n", {"acme": 1, "ips": ["192.0.2.1", "x"]})
    assert found["host"]["ip"] == ["192.0.2.1"]
    assert found["acme"]["x"]["ips"] == ["192.0.2.1", "x"]


def test_a_lossy_pipe_leaves_a_copy_and_a_lossless_one_does_not() -> None:
    found = document(
        "parse: [kv]\nmap:\n  network.protocol: s | lower\n  event.duration: d | mul 1000\n  dns.resolved_ip: i | split ','\n",
        "acme=1 s=DNS d=2 i=192.0.2.1,192.0.2.2",
    )
    assert found["network"]["protocol"] == "dns"
    assert found["event"]["duration"] == 2000
    assert found["dns"]["resolved_ip"] == ["192.0.2.1", "192.0.2.2"]
    assert found["acme"]["x"] == {"acme": "1", "s": "DNS"}


def test_a_pipe_that_finds_nothing_loses_nothing() -> None:
    found = document("parse: [kv]\nmap: {event.duration: d | mul 1000}\n", "acme=1 d=soon")
    assert "duration" not in found["event"]
    assert found["acme"]["x"]["d"] == "soon"


def test_nested_leaves_are_taken_one_by_one() -> None:
    raw = {"acme": 1, "actor": {"id": "u1", "name": "bob", "tags": [1], "none": None}, "empty": {}, "zero": 0, "no": False}
    found = document("parse: [json]\nmap: {user.id: actor.id, source.port: zero}\n", raw)
    assert found["user"]["id"] == "u1"
    assert found["source"]["port"] == 0
    assert found["acme"]["x"] == {"acme": 1, "actor": {"name": "bob", "tags": [1], "none": None}, "empty": {}, "no": False}


def test_lists_are_indexed_and_collected() -> None:
    raw = {"acme": 1, "t": [{"n": "a"}, {"n": "b"}, 3]}
    found = document("parse: [json]\nmap: {user.name: t.1.n, user.roles: t.*.n}\n", raw)
    assert found["user"] == {"name": "b", "roles": ["a", "b"]}
    assert found["acme"]["x"]["t"] == raw["t"]


def test_literal_keys_hold_dots_and_blanks() -> None:
    found = document("parse: [json]\nmap: {source.ip: '\"id.orig h\"'}\n", {"acme": 1, "id.orig h": "192.0.2.1"})
    assert found["source"]["ip"] == "192.0.2.1"


CONDITIONS = [
    ("{a: x}", True),
    ("{a: y}", False),
    ("{a: [y, x]}", True),
    ("{a: X}", False),
    ("{'a|i': X}", True),
    ("{n: 5}", True),
    ("{n: '5'}", True),
    ("{s: 7}", True),
    ("{t: true}", True),
    ("{a: x, n: 6}", False),
    ("[{a: y}, {n: 5}]", True),
    ("{'a|startswith': x, 'n|gt': 4, 'n|lte': 5}", True),
    ("{'path|endswith': ['.exe', '.dll']}", True),
    ("{'path|contains|all': [Win, cmd]}", True),
    ("{'path|contains|all': [Win, nothing]}", False),
    ("{'path|re': '\\\\\\w+\\.exe$'}", True),
    ("{'ip|cidr': 192.0.2.0/24}", True),
    ("{'ip|cidr': [10.0.0.0/8, '2001:db8::/32']}", False),
    ("{missing: null}", True),
    ("{'missing|exists': false}", True),
    ("{'nul|exists': true}", False),
    ("{'a|not': y}", True),
    ("{not: {a: y}}", True),
    ("{or: [{a: y}, {l: two}]}", True),
    ("{l: two}", True),
    ("{'l|startswith': tw}", True),
    ("{deep.er: 1}", True),
    ("{$event.kind: event}", True),
    ("{'@body|contains': acme}", True),
]


@pytest.mark.parametrize(("when", "expected"), CONDITIONS)
def test_conditions_read_as_sigma_selections(when: str, expected: bool) -> None:
    raw = {
        "acme": 1,
        "a": "x",
        "n": 5,
        "s": "7",
        "t": True,
        "path": "C:\\Win\\cmd.exe",
        "ip": "192.0.2.7",
        "l": ["one", "two"],
        "deep": {"er": 1},
        "nul": None,
    }
    found = document(f"parse: [json]\ncases:\n  - when: {when}\n    set: {{event.action: hit}}\n", raw)
    assert ("action" in found["event"]) is expected


def test_cases_apply_in_order_and_switches_after_them() -> None:
    text = """
parse: [kv]
const: {event.category: [network]}
cases:
  - when: {k: a}
    set: {event.type: [connection], event.action: one}
    append: {event.type: [end], tags: [seen]}
  - when: {k: [a, b]}
    map: {event.action: k | upper}
    unset: [event.outcome]
switch:
  on: k
  cases:
    a: {append: {event.type: v | table verdict}}
    'b,c': {set: {event.action: bc}, cases: [{when: {v: x}, set: {event.reason: inner}}]}
  default: {set: {event.action: other}}
tables: {verdict: {y: allowed, n: denied}}
"""
    assert document(text, "acme=1 k=a v=n")["event"]["type"] == ["connection", "end", "denied"]
    assert document(text, "acme=1 k=a v=n")["event"]["action"] == "A"
    assert "seen" in document(text, "acme=1 k=a")["tags"]
    assert document(text, "acme=1 k=c v=x")["event"] | {"created": 0} == {
        "kind": "event", "module": "acme", "dataset": "acme.x", "category": ["network"], "action": "bc", "reason": "inner", "created": 0,
    }  # fmt: skip
    assert document(text, "acme=1 k=z")["event"]["action"] == "other"
    assert document(text, "acme=1")["event"]["action"] == "other"


def test_a_leaf_that_only_another_case_takes_stays() -> None:
    text = "parse: [kv]\ncases: [{when: {k: a}, map: {event.reason: r}}]\n"
    assert "r" not in document(text, "acme=1 k=a r=x")["acme"]["x"]
    assert document(text, "acme=1 k=b r=x")["acme"]["x"]["r"] == "x"


def test_a_leaf_whose_field_is_overwritten_stays() -> None:
    found = document(
        "parse: [kv]\nmap: {event.action: a}\ncases: [{when: {k: a}, set: {event.action: fixed}}]\n", "acme=1 k=a a=original"
    )
    assert found["event"]["action"] == "fixed"
    assert found["acme"]["x"]["a"] == "original"


def test_a_leaf_whose_field_could_be_overwritten_and_was_not_stands_once() -> None:
    text = "parse: [kv]\nmap: {event.action: a // b, message: m}\ncases: [{when: {k: z}, map: {event.action: c}, set: {message: s}}]\n"
    found = document(text, "acme=1 k=y b=other c=case m=told")
    assert (found["event"]["action"], found["message"]) == ("other", "told")
    assert found["acme"]["x"] == {"acme": "1", "k": "y", "c": "case"}
    found = document(text, "acme=1 k=z a=one b=other c=case m=told")
    assert (found["event"]["action"], found["message"]) == ("case", "s")
    assert found["acme"]["x"] == {"acme": "1", "k": "z", "a": "one", "b": "other", "m": "told"}


def test_consume_drop_and_keep() -> None:
    text = "parse: [kv]\nmap: {event.action: a}\nconsume: [c]\ndrop: [d]\nrest: {to: acme.x, keep: [a]}\n"
    normalizer, problems = compile_document(
        load_text("id: acme.x\nidentify: [{contains: ['acme']}]\ntests: [{raw: acme}]\n" + text, "x.yaml")[0], Path(".")
    )
    assert normalizer is not None, problems
    found = Catalogue([normalizer]).normalize(b"acme=1 a=1 c=2 d=3 e=4", Facts(), RECEIPT)[0]
    assert found["acme"]["x"] == {"acme": "1", "a": "1", "e": "4"}


def test_a_mapped_value_under_the_rest_is_not_overwritten() -> None:
    found = document("parse: [json]\nmap: {acme.x.k: a | upper}\n", {"acme": 1, "a": "v", "k": "vendor"})
    assert found["acme"]["x"] == {"k": "V", "a": "v", "acme": 1, "_rest": {"k": "vendor"}}


def test_steps_dispatch_by_number_and_parse_fields() -> None:
    text = """
parse:
  - syslog
  - regex: '^%X-(?P<level>\\d)-(?P<id>\\d+): (?P<text>.*)$'
  - switch:
      on: id
      cases:
        '1,2': {dissect: '%{verb} %{what} acme', of: text}
        3: [{kv: {}, of: text, into: args}]
map: {event.action: verb, source.ip: args.src}
"""
    assert document(text, "<13>Mar  1 10:00:00 h %X-6-2: built it acme")["event"]["action"] == "built"
    assert document(text, "<13>Mar  1 10:00:00 h %X-6-3: src=192.0.2.1 acme=2")["source"]["ip"] == "192.0.2.1"
    assert document(text, "<13>%X-6-9: acme")["acme"]["x"] == {"level": "6", "id": "9", "text": "acme"}
    assert document(text, "<13>%X-6-1: not like that acme?")["event"]["dataset"] == "unknown"


def test_alternatives_are_tried_in_order() -> None:
    text = "parse: [syslog, {any: [json, [{cef: {}}], kv]}]\nmap: {event.action: a // class_id}\n"
    assert document(text, '{"a": "json", "acme": 1}')["event"]["action"] == "json"
    assert document(text, "<13>CEF:0|acme|p|1|cef|n|1|x=1")["event"]["action"] == "cef"
    assert document(text, "acme=1 a=kv")["event"]["action"] == "kv"


def test_a_list_gives_a_document_for_each_record() -> None:
    text = "parse: [json]\neach: Records\naccept: {'k|exists': true}\nmap: {event.action: k, cloud.account.id: owner}\n"
    found = catalogue(text).normalize(b'{"owner": "acme", "Records": [{"k": "a"}, {"k": "b"}, {"z": 1}]}', Facts(), RECEIPT)
    assert [d["event"].get("action") for d in found] == ["a", "b", None]
    assert [d.get("cloud") for d in found] == [{"account": {"id": "acme"}}, {"account": {"id": "acme"}}, None]
    assert found[2]["tags"][0] == "_norm_failed"
    assert catalogue(text).normalize(b'[{"k": "acme"}, {"k": "b"}]', Facts(), RECEIPT)[1]["event"]["action"] == "b"
    assert catalogue(text).normalize(b'{"k": "acme"}', Facts(), RECEIPT)[0]["event"]["action"] == "acme"


def test_noise_of_the_protocol_is_ignored_and_counted() -> None:
    found = catalogue("parse: [kv]\nignore: {type: keepalive}\n")
    assert found.normalize(b"acme=1 type=keepalive", Facts(), RECEIPT) == []
    assert found.ignored == {"acme.x": 1}


TIMES = [
    ("{'@timestamp': {epoch: t}}", "t=1772359200", "2026-03-01T10:00:00Z"),
    ("{'@timestamp': [{epoch: t}, {join: [d, h], tz: z}]}", "d=2026-03-01 h=10:00:00 z=-0500", "2026-03-01T15:00:00Z"),
    ("{'@timestamp': {join: [d, h], zone: Europe/Paris}}", "d=2026-07-01 h=10:00:00", "2026-07-01T08:00:00Z"),
    ("{'@timestamp': {format: '%d.%m.%Y', of: t}, tz_default: UTC}", "t=01.03.2026", "2026-03-01T00:00:00Z"),
    ("{'@timestamp': t}", 't="2026-03-01 10:00:00"', "2026-03-01T10:00:00Z"),
]


@pytest.mark.parametrize(("time", "raw", "expected"), TIMES)
def test_times(time: str, raw: str, expected: str) -> None:
    found = document(f"parse: [kv]\ntime: {time}\n", f"acme=1 {raw}")
    assert found["@timestamp"] == expected
    assert "t" not in found["acme"]["x"]


def test_a_time_that_cannot_be_read_is_kept_and_the_header_stands_in() -> None:
    found = document("parse: [syslog, kv]\ntime: {'@timestamp': {epoch: t}}\n", "<13>Mar  1 10:00:00 h acme=1 t=soon")
    assert found["@timestamp"] == "2026-03-01T10:00:00Z"
    assert found["acme"]["x"]["t"] == "soon"
    assert found["tags"] == ["_norm_type:@timestamp"]


def test_a_zone_that_nobody_set_is_tagged() -> None:
    text = "parse: [kv]\ntime: {'@timestamp': t}\n"
    raw = b'acme=1 t="2026-03-01 10:00:00"'
    assert catalogue(text).normalize(raw, Facts("s"), RECEIPT)[0]["tags"] == ["_norm_tz_assumed"]
    told = catalogue(text, sources={"s": Hints(tz="Asia/Tokyo")}).normalize(raw, Facts("s"), RECEIPT)[0]
    assert told["@timestamp"] == "2026-03-01T01:00:00Z"
    assert "tags" not in told
    assert catalogue(text, tz="Asia/Tokyo").normalize(raw, Facts("s"), RECEIPT)[0]["@timestamp"] == "2026-03-01T01:00:00Z"


def test_fields_that_follow_from_others() -> None:
    text = """
parse: [kv]
map: {source.ip: s, destination.ip: d, source.port: sp, destination.port: dp, source.bytes: sb, destination.bytes: db, network.transport: p,
      source.user.name: u, host.name: h, file.hash.md5: m, event.start: t1, event.end: t2}
derive: [network.bytes, network.packets, network.type, network.community_id, event.duration, related]
"""
    raw = "acme=1 s=128.232.110.120 d=66.35.250.204 sp=34855 dp=80 sb=1 db=2 p=tcp u=bob h=h1 m=x t1=1772359200 t2=1772359201500"
    found = document(text, raw)
    assert found["network"] == {"transport": "tcp", "bytes": 3, "type": "ipv4", "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="}
    assert found["event"]["duration"] == 1_500_000_000
    assert found["related"] == {"ip": ["128.232.110.120", "66.35.250.204"], "user": ["bob"], "hosts": ["h1"], "hash": ["x"]}


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
]


@pytest.mark.parametrize(("text", "message", "line"), LINT, ids=[case[1] for case in LINT])
def test_a_mistake_is_named_with_its_line_and_a_remedy(text: str, message: str, line: int) -> None:
    normalizer, problems = compile_document(load_text(HEAD + text + "\n", "x.yaml")[0], Path("."))
    assert normalizer is None
    assert any(message in str(problem) and problem.line == line for problem in problems), "\n".join(map(str, problems))


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
