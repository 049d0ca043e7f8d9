"""Choosing a normalizer, and what every document carries whoever made it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import Facts
from router.documents import load_text
from router.errors import ConfigError, Malformed
from router.normalize import Catalogue, Hints
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer

RECEIPT = 1_780_272_000.25
FILES = """
id: acme.wall
identify: [{contains: ['wall:']}, {sourcetype: 'acme:*'}]
parse: [syslog, kv]
accept: {act|exists: true}
map: {event.action: act}
rest: acme.wall
tests: [{raw: x}]
---
id: acme.general
priority: -10
identify: [{contains: ['=']}]
parse: [syslog, kv]
rest: acme.general
tests: [{raw: x}]
---
id: acme.json
identify: [{contains: ['"acme"']}]
parse: [json]
map: {event.action: act, host.name: host}
rest: acme.json
tests: [{raw: x}]
"""


def normalizers() -> list[Normalizer]:
    made = []
    for document in load_text(FILES.replace("['=']", "['act=']"), "x.yaml"):
        normalizer, problems = compile_document(document, Path("."))
        assert normalizer is not None, problems
        made.append(normalizer)
    return made


FACTS = Facts("s")


def one(body: bytes, facts: Facts = FACTS, **options: Any) -> dict[str, Any]:
    documents = Catalogue(normalizers(), **options).normalize(body, facts, RECEIPT)
    assert len(documents) == 1
    orjson.dumps(documents[0])
    return documents[0]


def test_the_most_telling_candidate_that_accepts_is_chosen() -> None:
    assert one(b"wall: act=x")["event"]["dataset"] == "acme.wall"
    assert one(b"other: act=x")["event"]["dataset"] == "acme.general"
    assert one(b"wall: deny=x")["event"]["dataset"] == "unknown"


def test_what_the_receiver_was_told_is_a_hint() -> None:
    assert one(b"act=x b=1", Facts("s", meta=(("sourcetype", "ACME:fw"),)))["event"]["dataset"] == "acme.wall"


def test_the_setting_of_a_source_outranks_everything() -> None:
    forced = {"s": Hints("acme.general")}
    assert one(b"wall: act=x", sources=forced)["event"]["dataset"] == "acme.general"
    found = one(b"nothing to read", sources=forced)
    assert found["event"]["dataset"] == "acme.general"
    assert found["event"]["kind"] == "pipeline_error"
    assert "not accepted by acme.general" in found["error"]["message"]
    assert found["message"] == "nothing to read"
    assert "_norm_failed" in found["tags"]


def test_a_general_answer_is_not_remembered() -> None:
    catalogue = Catalogue(normalizers())
    facts = Facts("s", "192.0.2.1")
    answers = [
        catalogue.normalize(raw, facts, RECEIPT)[0]["event"]["dataset"]
        for raw in (b"act=x", b"wall: act=x", b"act=x", b"wall: act=x")
    ]
    assert answers == ["acme.general", "acme.wall", "acme.general", "acme.wall"]


def test_a_sender_keeps_several_normalizers_in_mind_each_once() -> None:
    catalogue = Catalogue.load()
    facts = Facts("s", "192.0.2.1")
    lines = (
        b"<13>Mar  1 10:00:00 relay1 CEF:0|FORCEPOINT|Firewall|6|1|n|1|src=192.0.2.1",
        b"<134>Mar  1 10:00:00 fw1 %ASA-6-302013: Built outbound TCP connection 1 for a:192.0.2.1/1 (192.0.2.1/1) to b:192.0.2.2/2 (192.0.2.2/2)",
    )
    for line in lines * 3:
        catalogue.normalize(line, facts, RECEIPT)
    kept = catalogue._chooser.recall.recent(("s", "192.0.2.1"))
    assert len(kept) == len(set(map(id, kept)))
    assert kept[0].id == "cisco.asa"


def test_the_general_reader_of_a_senders_product_is_asked_first_and_of_no_other_product(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue, facts, asked = Catalogue.load(), Facts("s", "192.0.2.1"), []
    choose = catalogue._chooser.candidates

    def candidates(head: str, meta: dict[str, str]) -> list[Any]:
        asked.append(head)
        return list(choose(head, meta))

    monkeypatch.setattr(catalogue._chooser, "candidates", candidates)

    def dataset(line: bytes) -> str:
        asked.clear()
        return str(catalogue.normalize(line, facts, RECEIPT)[0]["event"]["dataset"])

    plain = b"<13>Mar  1 10:00:00 h1 CEF:0|Acme|Box|1|7|n|1|act=x src=192.0.2.7"
    named = b"<13>Mar  1 10:00:00 h1 CEF:0|FORCEPOINT|Firewall|6|1|n|1|src=192.0.2.1"
    assert dataset(plain) == "cef"
    assert asked
    assert dataset(plain.replace(b"192.0.2.7", b"192.0.2.8")) == "cef"
    assert not asked
    assert dataset(named) == "forcepoint.products"
    relayed = catalogue.normalize(b"<13>Mar  1 10:00:00 relay1 " + plain, facts, RECEIPT)[0]
    assert (relayed["event"]["dataset"], relayed["observer"]["hostname"]) == ("cef", "h1")


def test_an_unknown_line_keeps_what_its_header_said() -> None:
    found = one(b"<38>Mar  1 10:00:00 h1 app[7]: hello", Facts("s", "192.0.2.1"))
    assert found["event"] == {
        "kind": "event", "module": "unknown", "dataset": "unknown", "created": "2026-06-01T00:00:00.250Z",
        "original": "<38>Mar  1 10:00:00 h1 app[7]: hello",
    }  # fmt: skip
    assert found["message"] == "hello"
    assert found["@timestamp"] == "2026-03-01T10:00:00Z"
    assert found["log"]["syslog"]["priority"] == 38
    assert found["log"]["source"] == {"address": "192.0.2.1"}
    assert found["process"] == {"name": "app", "pid": 7}
    assert found["tags"] == ["_norm_unknown", "_norm_tz_assumed"]


def test_every_document_has_the_fields_of_the_contract() -> None:
    for body in (b"wall: act=x", b"?", b'{"acme": 1}'):
        found = one(body)
        assert found["ecs"]["version"] == "9.4.0"
        assert found["@timestamp"].endswith("Z")
        assert {"created", "dataset", "module", "kind"} <= set(found["event"])


@pytest.mark.parametrize(
    ("original", "known", "doubtful"), [("always", True, True), ("doubtful", False, True), ("never", False, False)]
)
def test_the_original_is_kept_by_the_switch(original: Any, known: bool, doubtful: bool) -> None:
    assert ("original" in one(b"wall: act=x", original=original)["event"]) is known
    assert ("original" in one(b"?", original=original)["event"]) is doubtful


def test_a_hec_event_object_is_unwrapped() -> None:
    facts = Facts("hec", envelope="splunk_hec")
    envelope = {
        "time": "1772359200.5",
        "host": "h9",
        "sourcetype": "acme:fw",
        "index": "main",
        "fields": {"a": "b"},
        "event": "act=x b=1",
    }
    found = one(orjson.dumps(envelope), facts)
    assert found["event"]["dataset"] == "acme.wall"
    assert found["@timestamp"] == "2026-03-01T10:00:00.5Z"
    assert found["host"]["name"] == "h9"
    assert found["splunk"] == {"host": "h9", "sourcetype": "acme:fw", "index": "main", "fields": {"a": "b"}}


def test_an_object_inside_of_hec_is_not_parsed_again() -> None:
    facts = Facts("hec", envelope="splunk_hec")
    found = one(b'{"host": "outer", "event": {"acme": 1, "act": "x", "host": "inner"}}', facts)
    assert found["event"]["action"] == "x"
    assert found["host"]["name"] == "inner"
    assert one(b"no object", facts)["tags"][:2] == ["_norm_unknown", "_norm_envelope"]


@pytest.mark.parametrize(
    ("body", "message", "tag"),
    [
        ("caf\u00e9".encode(), "caf\u00e9", None),
        (b"caf\xe9", "caf\u00e9", "_norm_decoded:cp1252"),
        (b"caf\xe9 \x81", "caf\u00e9 \x81", "_norm_decoded:latin-1"),
        ("text".encode("utf-16"), "text", "_norm_decoded:utf-16"),
        (b"\xef\xbb\xbftext", "text", None),
        (b"a\x00b", "a b", "_norm_nul"),
        (b"text\x00\x00", "text", None),
        ("text".encode("utf-16-le"), "text", "_norm_nul"),
        (b"\xed\xa0\x80", None, "_norm_decoded:cp1252"),
    ],
)
def test_bytes_of_every_kind_become_text(body: bytes, message: str | None, tag: str | None) -> None:
    found = one(body)
    assert message is None or found["message"] == message
    assert [t for t in found["tags"] if t.startswith(("_norm_dec", "_norm_nul"))] == ([tag] if tag else [])


@pytest.mark.parametrize(
    ("body", "reason"), [(b"", "empty"), (b" \n", "empty"), (b"\x00\x00", "empty"), (b"x" * (4 << 20) + b"x", "oversized")]
)
def test_only_what_is_empty_or_too_large_is_malformed(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        one(body)
    assert caught.value.reason == reason


def test_a_defect_in_a_normalizer_keeps_the_event() -> None:
    import dataclasses

    def broken(x: object, record: object) -> dict[str, Any]:
        raise KeyError("defect")

    bad = [dataclasses.replace(n, build=broken) for n in normalizers()]
    found = Catalogue(bad).normalize(b"wall: act=x", Facts(), RECEIPT)[0]
    assert found["message"] == "wall: act=x"
    assert found["error"]["message"] == "KeyError: 'defect'"
    assert "_norm_failed" in found["tags"]


def test_the_same_input_gives_the_same_document() -> None:
    body = b"<13>Mar  1 10:00:00 h wall: act=x y=1"
    assert one(body) == one(body)


def test_explain_says_what_was_chosen_and_why() -> None:
    told = Catalogue(normalizers()).explain(b"wall: act=x", Facts("s"), RECEIPT)
    assert told["chosen"] == "acme.wall"
    assert [c["id"] for c in told["candidates"]] == ["acme.wall", "acme.general"]
    assert told["documents"][0]["event"]["action"] == "x"
    assert Catalogue(normalizers()).explain(b"?", Facts("s"), RECEIPT)["chosen"] == "unknown"


def test_explain_tells_of_what_stands_inside_of_a_shippers_object() -> None:
    body = b'{"message": "wall: act=x", "agent": {"type": "filebeat"}}'
    told = Catalogue(normalizers()).explain(body, Facts("s"), RECEIPT)
    assert told["chosen"] == told["documents"][0]["event"]["dataset"] == "acme.wall"
    assert (told["inside"], told["why"]) == ("wall: act=x", "most telling candidate that accepts what stands inside")


def test_zone_and_host_may_differ_by_sender() -> None:
    senders = (("192.0.2.0/24", "Asia/Tokyo", "site2"), ("192.0.2.7", "", "wall7"), ("2001:db8::/32", "+01:00", ""))
    catalogue = Catalogue(normalizers(), sources={"s": Hints(tz="America/New_York", host="all", senders=senders)})

    def seen(peer: str) -> tuple[str, str]:
        made = catalogue.normalize(b"<13>Mar  1 10:00:00 wall: act=x", Facts("s", peer), RECEIPT)[0]
        return made["@timestamp"], made["host"]["name"]

    assert seen("198.51.100.1") == ("2026-03-01T15:00:00Z", "all")
    assert seen("192.0.2.1") == ("2026-03-01T01:00:00Z", "site2")
    assert seen("192.0.2.7") == seen("::ffff:192.0.2.7") == ("2026-03-01T01:00:00Z", "wall7")
    assert seen("2001:db8::5") == ("2026-03-01T09:00:00Z", "all")
    assert seen("") == ("2026-03-01T15:00:00Z", "all")
    with pytest.raises(ConfigError, match=r"senders.192.0.2.7.tz: 'Mars/X' is no time zone"):
        Catalogue(normalizers(), sources={"s": Hints(senders=(("192.0.2.7", "Mars/X", ""),))})


def test_settings_that_name_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="no normalizer 'nothing'"):
        Catalogue(normalizers(), sources={"s": Hints("nothing")})
    with pytest.raises(ConfigError, match="no time zone"):
        Catalogue(normalizers(), tz="Nowhere/X")
    with pytest.raises(ConfigError, match="no such file"):
        Catalogue.load([Path("/nonexistent/x.yaml")])


def test_a_file_of_ones_own_replaces_a_built_in_one(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("id: acme.own\nidentify: [{contains: ['own-acme']}]\nparse: [kv]\nrest: acme.own\ntests: [{raw: x}]\n")
    catalogue = Catalogue.load([tmp_path])
    assert "acme.own" in catalogue.ids()
    assert "acme.own" not in Catalogue.load([own], disable=["acme.own"]).ids()
    assert catalogue.normalize(b"own-acme a=1", Facts(), RECEIPT)[0]["event"]["dataset"] == "acme.own"


@pytest.mark.parametrize(
    "header", ["<13>Mar  1 10:00:00 relay1 ", "<14>1 2026-03-01T10:00:00Z relay1 - - - - ", "Mar  1 10:00:00 relay1 fwd[7]: "]
)
def test_a_relays_header_hides_no_message(header: str) -> None:
    event = {"version": "1.100000", "query_timestamp": "2026-03-01T09:00:00Z", "query_name": "a.", "rcode": "NOERROR"}
    body = header.encode() + orjson.dumps(event)
    document = Catalogue.load().normalize(body, Facts("s"), 1_780_272_000.0)[0]
    assert document["event"]["dataset"] == "aws.route53"
    assert document["@timestamp"] == "2026-03-01T09:00:00Z"
    assert document["host"]["name"] == "relay1"


def test_a_header_behind_a_relays_header_counts() -> None:
    message = b"<86>Mar  1 09:59:00 web1 sshd[7]: Accepted password for bob from 192.0.2.1 port 22 ssh2"
    line = b"<14>1 2026-03-01T10:00:00Z relay1 - - - - " + message
    document = Catalogue.load().normalize(line, Facts("s"), 1_780_272_000.0)[0]
    assert (document["event"]["dataset"], document["host"]["hostname"], document["process"]["pid"]) == ("linux.auth", "web1", 7)
