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
tables: {verdict: {y: allowed, n: denied, _default: null}}
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


@pytest.mark.parametrize("spec", ["{epoch: t}", "t", "{epoch: t, tz: z}", "{guess: t, zone: Europe/Paris}"])
@pytest.mark.parametrize("cut", ["177235920", "177235920123", "177235920.1"])
def test_an_epoch_that_was_cut_off_is_no_time_of_an_event(spec: str, cut: str) -> None:
    found = document(f"parse: [kv]\ntime: {{'@timestamp': {spec}, file.created: {{epoch: u}}}}\n", f"acme=1 u=946684800 t={cut}")
    assert (found["@timestamp"], found["acme"]["x"]["t"]) == ("2026-06-01T00:00:00.000Z", cut)
    assert "_norm_type:@timestamp" in found["tags"]
    assert found["file"]["created"] == "2000-01-01T00:00:00Z"
    early = document(f"parse: [kv]\ntime: {{'@timestamp': {spec}}}\n", "acme=1 t=1000000000")
    assert early["@timestamp"] == "2001-09-09T01:46:40Z"


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
