"""LEEF 2.0 lines: mapping, order of what is left out, nothing forged; values compared with a parser that is not ours."""

import os
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch import Facts, Record
from router.errors import Malformed
from sinks._leef import _ATTRIBUTES, Leef
from tests.contract.sink import record
from tests.peers import tenzir

WALL = Facts(dataset="acme.wall", severity=50)
LINE = re.compile(rb"<13>1 (\S+) (\S+) LEEF:2\.0\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|x09\|(.*)\n", re.DOTALL)
FIREWALL: dict[str, Any] = {
    "event": {"dataset": "acme.wall", "code": "106023", "action": "deny", "category": ["network"], "outcome": "failure"},
    "source": {"ip": "10.0.0.1", "port": 1234, "bytes": 5, "mac": "00-11-22-33-44-55", "nat": {"ip": "1.2.3.4", "port": 9}},
    "destination": {"ip": "2001:db8::1", "port": 443},
    "network": {"transport": "tcp"},
    "user": {"name": "alice", "domain": "CORP"},
    "rule": {"name": "outside_in"},
    "url": {"full": "https://x/?a=b&c=d"},
    "host": {"name": "web 01"},
    "observer": {"name": "fw1"},
    "message": "Deny tcp",
}


def line(document: dict[str, Any] | bytes, facts: Facts = WALL, size: int = 4096) -> bytes:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Leef(size, "logweir").line(Record(b"\x01" * 16, body, 1767323045.678, facts))


def read(text: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Header and attributes, read by the rules of the format."""
    match = LINE.fullmatch(text)
    assert match, text
    names = ("time", "host", "vendor", "product", "version", "event")
    header = {name: value.decode() for name, value in zip(names, match.groups(), strict=False)}
    pairs = [part.partition(b"=") for part in match[7].split(b"\t")]
    assert all(equals for _, equals, _ in pairs)
    assert len({key for key, _, _ in pairs}) == len(pairs)
    return header, {key.decode(): value.decode() for key, _, value in pairs}


def test_an_event_of_a_firewall_is_understood_by_qradar() -> None:
    header, values = read(line(FIREWALL))
    assert header["time"] == "2026-01-02T03:04:05.678Z"
    assert (header["host"], header["event"]) == ("web_01", "106023")
    assert values == {
        **{"cat": "acme.wall", "devTime": "1767323045678", "sev": "5", "eventUid": "01" * 16},
        **{"src": "10.0.0.1", "srcPort": "1234", "dst": "2001:db8::1", "dstPort": "443", "proto": "tcp"},
        **{"usrName": "alice", "domain": "CORP", "policy": "outside_in", "url": "https://x/?a=b&c=d"},
        **{"srcBytes": "5", "srcMAC": "00:11:22:33:44:55", "srcPostNAT": "1.2.3.4", "srcPostNATPort": "9"},
        **{"resource": "web 01", "identHostName": "web 01", "action": "deny", "outcome": "failure", "category": "network"},
        **{"dataset": "acme.wall", "msg": "Deny tcp"},
    }


def test_an_alert_comes_from_logweir_itself() -> None:
    alert = {"rule": {"id": "r-1", "name": "Brute force"}, "host": {"name": "dc1"}, "threat": {"technique": {"id": ["T1110"]}}}
    header, values = read(line(alert, Facts(dataset="x", kind="alert", severity=90)))
    assert (header["host"], header["event"]) == ("logweir", "r-1")
    assert (values["cat"], values["sev"], values["policy"], values["technique"]) == ("alert", "9", "Brute force", "T1110")
    assert values["resource"] == "dc1"


@pytest.mark.parametrize(("severity", "sev"), [(0, "2"), (10, "1"), (20, "2"), (50, "5"), (90, "9"), (1000, "10")])
def test_severity_is_within_1_and_10(severity: int, sev: str) -> None:
    assert read(line({}, Facts(severity=severity)))[1]["sev"] == sev


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source.ip", "not an address"),
        ("source.ip", 7),
        ("source.ip", {"a": 1}),
        ("source.port", "x"),
        ("source.port", 70_000),
        ("source.port", True),
        ("source.bytes", -1),
        ("source.ip", []),
        ("source", "text"),
        ("user.name", ""),
        ("user.name", None),
    ],
)
def test_a_value_that_does_not_fit_its_key_is_left_out(field: str, value: Any) -> None:
    assert set(read(line({field: value}))[1]) == {"cat", "devTime", "sev", "eventUid"}


def test_nothing_can_be_forged() -> None:
    evil = "a\tsev=10\r\n<13>1 2026-01-01T00:00:00Z dc1 LEEF:2.0|Evil|x|1|1|x09|src=6.6.6.6\x00\x1b[0m\u2028|"
    document = {"message": evil, "event": {"code": evil}, "host": {"name": evil}, "user": {"name": [evil, evil]}}
    text = line(document, Facts(dataset=evil, severity=30))
    header, values = read(text)
    assert text.count(b"\n") == 1
    assert values["sev"] == "3"
    assert "src" not in values
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,255}", header["host"])
    assert len(header["event"]) <= 255


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_value_makes_one_line_of_known_keys(value: Any) -> None:
    names = {field for attribute in _ATTRIBUTES for field in attribute.fields}
    try:
        body = orjson.dumps(dict.fromkeys(names, value) | {"event.code": value})
    except (TypeError, orjson.JSONEncodeError):
        return
    text = line(body, size=1500)
    _, values = read(text)
    assert len(text) <= 1501
    assert set(values) <= {a.key for a in _ATTRIBUTES} | {"cat", "devTime", "sev", "eventUid", "truncated"}


def test_the_least_important_is_left_out_first() -> None:
    document = FIREWALL | {"message": "m" * 5000, "user_agent": {"original": "u" * 900}}
    whole = read(line(document, size=60_000))[1]
    assert "truncated" not in whole
    assert len(whole["msg"]) == 5000
    for size in (4096, 1200, 700, 480):
        text = line(document, size=size)
        values = read(text)[1]
        assert len(text) <= size + 1
        assert values["truncated"] == "1"
        assert (values["src"], values["dst"]) == ("10.0.0.1", "2001:db8::1")
    assert "msg" not in values


def test_a_cut_is_between_characters() -> None:
    for size in range(300, 420):
        _, values = read(line({"message": "é漢🦉" * 100}, size=size))
        assert "\ufffd" not in values.get("msg", "")


def test_a_header_that_does_not_fit_is_malformed() -> None:
    with pytest.raises(Malformed, match="too_long_for_leef"):
        line({"event": {"code": "c" * 300}}, size=256)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'"x"', b"[" * 5000])
def test_what_is_no_document_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        line(body)


@pytest.mark.peer
def test_values_survive_in_a_parser_that_is_not_ours(tmp_path: Path) -> None:
    """Without a lone double quote and without `\\n` spelled out: Tenzir reads quotes and escapes, which LEEF does not know."""
    texts = ["a=b", "x|y^z", "007", "1.50", "true", "é漢🦉", " inner  blanks ", "back\\slash", "=", "a\tb\r\nc"]
    wanted = [
        record(message=t, user={"name": t}, event={"code": t or "c", "action": t}, source={"ip": "10.0.0.1"}) for t in texts
    ]
    wanted += [record(**FIREWALL)]
    lines = [Leef(4096, "logweir").line(one).rstrip(b"\n") for one in wanted]
    found = tenzir.parsed("parse_leef(raw=true)", [text[text.index(b"LEEF:") :] for text in lines], tmp_path)
    assert len(found) == len(lines)
    for text, theirs in zip(lines, found, strict=True):
        header, values = read(text + b"\n")
        assert theirs is not None
        assert theirs["attributes"] == values
        assert (theirs["vendor"], theirs["product_name"], theirs["event_class_id"]) == ("Logweir", "Logweir", header["event"])


def test_ids_differ() -> None:
    one, other = (read(Leef(4096, "x").line(Record(os.urandom(16), b"{}", 0.0)))[1]["eventUid"] for _ in range(2))
    assert one != other
