"""A proposed normalizer loads, passes its own tests, and maps what can be told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import Facts
from router.documents import load_text
from router.errors import ConfigError
from router.normalize import Catalogue
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from router.normalize.propose import propose
from router.normalize.selftest import problems_of

PAIRS = [
    f'ts=2026-03-01T10:00:0{i}Z client=192.0.2.{i} usr=ann{i} act=login msg="hello, world {i}" level=warn bytes_sent={i}7'.encode()
    for i in range(6)
]
OBJECTS = [
    orjson.dumps(
        {"doorEventTime": 1772359200 + i, "peer": {"clientIp": "2001:db8::1"}, "userName": "ann", "door.no": i, "ok": True}
    )
    for i in range(6)
]
COLUMNS = [
    b"when|srcip|dstip|dport|verdict",
    *[b"2026-03-01 10:00:00|192.0.2.1|198.51.100.2|%d|deny" % (440 + i) for i in range(6)],
]
HEADED = [b"<134>Mar  1 10:00:0%d fw1 wall: " % i + line for i, line in enumerate(PAIRS)]
CEF = [b"CEF:0|ACME|Wall|1|%d|a name|5|src=192.0.2.1 dpt=%d act=deny suser=ann" % (i, 440 + i) for i in range(6)]
TEXT = [b"<13>Mar  1 10:00:00 h1 doord[7]: the door number %d was opened slowly" % i for i in range(6)]
SAMPLES = {"pairs": PAIRS, "objects": OBJECTS, "columns": COLUMNS, "headed": HEADED, "cef": CEF, "text": TEXT}


def _compiled(text: str) -> tuple[Normalizer, list[dict[str, Any]]]:
    (document,) = load_text(text, "acme.app.yaml")
    normalizer, problems = compile_document(document, Path("."))
    assert normalizer is not None, problems
    return normalizer, document.value["tests"]


def _first(lines: Sequence[bytes], index: int = -1) -> dict[str, Any]:
    normalizer, _ = _compiled(propose(lines, "acme.app"))
    return Catalogue([normalizer]).normalize(lines[index], Facts("test", meta=(("sourcetype", "acme.app"),)), 1_772_400_000.0)[0]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_proposal_loads_and_passes_its_own_tests(name: str) -> None:
    normalizer, tests = _compiled(propose(SAMPLES[name], "acme.app"))
    assert len(tests) >= 2
    assert not [problem for test in tests if (problem := problems_of(test, normalizer))]


def test_keys_are_mapped_by_their_names_and_times_are_found() -> None:
    document = _first(PAIRS)
    assert document["@timestamp"] == "2026-03-01T10:00:05Z"
    assert document["user"]["name"] == "ann5"
    assert document["source"] == {"ip": "192.0.2.5", "bytes": 57}
    assert document["log"]["level"] == "warn"


def test_nested_keys_are_found_and_what_is_not_known_is_listed_and_left() -> None:
    text = propose(OBJECTS, "acme.app")
    document = _first(OBJECTS)
    assert document["source"]["ip"] == "2001:db8::1"
    assert document["user"]["name"] == "ann"
    assert document["acme"]["app"]["door.no"] == 5
    assert '#   "door.no": 0, 1, 2, 3' in text


def test_a_line_of_column_names_gives_the_names() -> None:
    document = _first(COLUMNS)
    assert document["destination"] == {"ip": "198.51.100.2", "port": 445}


def test_a_header_is_read_first_and_free_text_is_kept_as_the_message() -> None:
    assert _first(HEADED)["source"]["ip"] == "192.0.2.5"
    assert _first(TEXT)["message"] == "the door number 5 was opened slowly"


def test_a_name_alone_is_not_believed() -> None:
    lines = [orjson.dumps({"src": f"hall {i}", "status": "fine", "kind_of": "door", "n": i}) for i in range(5)]
    document = _first(lines)
    assert "source" not in document
    assert document["acme"]["app"]["src"] == "hall 4"


def test_a_proposal_does_not_take_lines_of_others() -> None:
    normalizer, _ = _compiled(propose(PAIRS, "acme.app"))
    assert Catalogue([normalizer]).normalize(OBJECTS[0], Facts("test"), 0.0)[0]["event"]["dataset"] == "unknown"


@pytest.mark.parametrize(("lines", "name"), [([], "acme.app"), ([b" "], "acme.app"), (PAIRS, "Acme")])
def test_without_a_line_or_a_name_there_is_no_proposal(lines: list[bytes], name: str) -> None:
    with pytest.raises(ConfigError):
        propose(lines, name)


QUOTED = [
    b"timestamp,src_ip,src_port,url,status",
    b"2026-03-01 10:00:01,192.0.2.1,51234,https://example.com/a,200",
    b'2026-03-01 10:00:02,192.0.2.2,51235,"http://example.org/x,y",403',
    b'2026-03-01 10:00:03,192.0.2.3,51236,"http://example.org/z,y",200',
]
TABS = [b"2026-03-01T10:00:0%dZ\tC%d\t192.0.2.1\t5123%d\t198.51.100.7\t443\ttcp\tGET\t/x\tcurl" % (i, i, i) for i in range(3)]
W3C = [
    b"#Software: AcmeProxy 3",
    b"#Fields: date time c-ip cs-username s-port cs-method cs-uri-stem sc-status x-verdict",
    b"2026-03-01 10:00:01 192.0.2.1 ann 443 GET /index.html 200 clean",
    b"2026-03-01 10:00:02 192.0.2.2 - 443 POST /login 302 clean",
    b"2026-03-01 10:00:03 192.0.2.3 bob 443 GET /evil 403 malware",
]
DAYS = [b"date;time;client;host;verdict", *[b"01.03.2026;10:00:0%d;192.0.2.1;www.example.com;OK" % i for i in range(3)]]
TRACES = [
    b"2026-03-01 10:00:01,123 ERROR [main] com.acme.Shop - Failed",
    b"java.lang.IllegalStateException: boom",
    b"\tat com.acme.Shop.run(Shop.java:10)",
    b"2026-03-01 10:00:02,456 INFO [worker-1] com.acme.Shop - ok",
    b"2026-03-01 10:00:03,789 WARN [worker-2] com.acme.Shop - slow",
    b"\tat com.acme.Shop.slow(Shop.java:99)",
]
LEEF = [
    b"<13>Mar  1 10:00:0%d h1 LEEF:1.0|Zorg|Box|1.0|login|src=192.0.2.1\tusrName=ann\tsrcPort=4%d\tsev=3" % (i, i)
    for i in range(3)
]
XML = [
    b'<Audit id="%d"><Time>2026-03-01T10:00:01Z</Time><User><Name>ann</Name></User><File>/srv/a.txt</File></Audit>' % i
    for i in range(3)
]
SPARSE = [b"2026-03-01 12 34", b"55 66"]
MORE = {
    "quoted": QUOTED, "tabs": TABS, "w3c": W3C, "days": DAYS, "traces": TRACES, "leef": LEEF, "xml": XML, "sparse": SPARSE,
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_a_proposal_for_other_formats_loads_and_passes_its_own_tests(name: str) -> None:
    normalizer, tests = _compiled(propose(MORE[name], "acme.app"))
    assert tests
    assert not [problem for test in tests if (problem := problems_of(test, normalizer))]


def test_a_separator_in_quotes_is_part_of_its_value() -> None:
    document = _first(QUOTED)
    assert (document["url"]["original"], document["source"]["ip"]) == ("http://example.org/z,y", "192.0.2.3")
    assert document["@timestamp"] == "2026-03-01T10:00:03Z"


def test_columns_without_names_are_told_by_their_values() -> None:
    document = _first(TABS)
    assert document["@timestamp"] == "2026-03-01T10:00:02Z"
    assert document["source"] == {"ip": "192.0.2.1", "port": 51232}
    assert document["destination"] == {"ip": "198.51.100.7", "port": 443}
    assert (document["network"]["transport"], document["http"]["request"]["method"]) == ("tcp", "GET")


def test_the_fields_line_of_w3c_names_the_columns_and_its_lines_are_ignored() -> None:
    document = _first(W3C)
    assert document["@timestamp"] == "2026-03-01T10:00:03Z"
    assert "_norm_tz_assumed" not in document.get("tags", [])
    assert (document["source"]["ip"], document["destination"]["port"], document["user"]["name"]) == ("192.0.2.3", 443, "bob")
    assert (document["url"]["path"], document["http"]["response"]["status_code"]) == ("/evil", 403)
    assert "user" not in _first(W3C, 3)
    normalizer, _ = _compiled(propose(W3C, "acme.app"))
    facts = Facts("test", meta=(("sourcetype", "acme.app"),))
    assert all(Catalogue([normalizer]).normalize(line, facts, 0.0) == [] for line in W3C[:2])


def test_a_day_and_a_time_in_two_columns_are_joined() -> None:
    assert _first(DAYS)["@timestamp"] == "2026-03-01T10:00:02Z"


def test_lines_that_only_continue_others_are_joined_to_them() -> None:
    text = propose(TRACES, "acme.app")
    assert "multiline: {first: '^\\d{4}-\\d\\d-\\d\\d'}" in text
    assert r"Failed\njava.lang.IllegalStateException: boom\n\tat com.acme" in text
    assert "host.name" not in text


def test_names_of_leef_and_what_is_a_path_are_known() -> None:
    document = _first(LEEF)
    assert (document["user"]["name"], document["source"]["port"], document["event"]["severity"]) == ("ann", 42, 3)
    assert _first(XML)["file"]["path"] == "/srv/a.txt"
    assert _first(CEF)["event"]["code"] == "5"


PROGRAMS = {
    "python": (b"2026-03-01 10:00:0%d,120 - app.auth - INFO - user ann%d came", "app.auth", "INFO"),
    "logback": (b"2026-03-01 10:00:0%d.120 [main] WARN  c.acme.Door - user ann%d came", "c.acme.Door", "WARN"),
    "spring": (b"2026-03-01T10:00:0%d.120Z  INFO 812 --- [  main] c.acme.Door   : user ann%d came", "c.acme.Door", "INFO"),
    "piped": (b"2026/03/01 10:00:0%d | ERROR    | acme.door | user ann%d came", "acme.door", "ERROR"),
    "behind a header": (b"<14>Mar  1 10:00:0%d h1 door[7]: WARNING acme.door: user ann%d came", "acme.door", "WARNING"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_logging_library_writes_before_the_message_is_parted(name: str) -> None:
    line, logger, level = PROGRAMS[name]
    lines = [line % (i, i) for i in range(6)]
    document = _first(lines)
    assert document["log"]["level"] == level
    assert document["log"]["logger"] == logger
    assert document["message"] == "user ann5 came"
    assert document["@timestamp"].startswith(("2026-03-01T10:00:05", "2025-03-01T10:00:05"))
    normalizer, tests = _compiled(propose(lines, "acme.app"))
    assert not [problem for test in tests if (problem := problems_of(test, normalizer))]
    assert any(test.get("unknown") for test in tests)


def test_a_level_and_a_logger_without_a_time_are_a_beginning_and_a_bracketed_time_is_no_thread() -> None:
    python = _first([b"%s:app.auth:user ann came" % level for level in (b"INFO", b"WARNING", b"ERROR")], 1)
    assert (python["log"], python["message"]) == ({"level": "WARNING", "logger": "app.auth"}, "user ann came")
    bracketed = _first([b"[2026-03-01 10:00:0%d] [INFO] started" % i for i in range(4)])
    assert bracketed["@timestamp"] == "2026-03-01T10:00:03Z"
    assert "process" not in bracketed


def test_a_proposal_for_programs_claims_nobody_elses_lines_by_their_shape() -> None:
    text = propose([b"2026-03-01 10:00:0%d [main] INFO c.acme.Door - one" % i for i in range(4)], "acme.app")
    assert "accept:" not in text


def test_what_an_access_log_adds_behind_the_combined_format_is_kept() -> None:
    line = b'192.0.2.%d - ann [01/Mar/2026:10:00:01 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8" 0.003 backend1'
    document = _first([line % i for i in range(1, 5)])
    assert document["source"]["ip"] == "192.0.2.4"
    assert document["http"]["response"] == {"status_code": 200, "bytes": 12}
    assert document["acme"]["app"]["extra"] == "0.003 backend1"


def test_events_in_a_list_are_proposed_one_by_one() -> None:
    bodies = [
        orjson.dumps(
            {"records": [{"time": "2026-03-01T10:00:00Z", "user": f"ann{i}", "result": r} for r in ("Succeeded", "Failed")]}
        )
        for i in range(3)
    ]
    normalizer, _ = _compiled(propose(bodies, "acme.app"))
    first, second = Catalogue([normalizer]).normalize(bodies[2], Facts("test"), 1_772_400_000.0)
    assert (first["user"]["name"], first["event"]["outcome"]) == ("ann2", "success")
    assert second["event"]["outcome"] == "failure"


def test_a_number_of_a_protocol_and_a_word_of_an_outcome_go_where_they_belong() -> None:
    document = _first([b"time=2026-03-01T10:00:0%dZ src=192.0.2.1 proto=17 status=denied what=door" % i for i in range(4)])
    assert document["network"] == {"iana_number": "17"}
    assert document["event"]["outcome"] == "failure"


def test_what_is_no_text_gets_no_proposal() -> None:
    with pytest.raises(ConfigError, match="no text"):
        propose([bytes(range(1, 256)) * 4], "acme.app")
