"""Events in what other stores give out and are pushed with are taken out, one by one, and nothing said beside them is lost."""

from typing import Any

import orjson
import pytest

from router.batch import Facts
from router.normalize import Catalogue
from router.normalize.exported import exported

SSH = "Mar  1 10:00:00 web1 sshd[7]: Failed password for bob from 192.0.2.7 port 4242 ssh2"
BEAT = {"@timestamp": "2026-03-01T10:00:00Z", "message": SSH, "agent": {"type": "filebeat"}}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def normalized(catalogue: Catalogue, event: Any) -> list[dict[str, Any]]:
    return catalogue.normalize(orjson.dumps(event), Facts("s"), 1_780_272_000.0)


def test_lines_pushed_to_loki_are_events_with_the_labels_of_their_streams(catalogue: Catalogue) -> None:
    values = [["1772359200000000000", SSH], ["1772359201500000000", SSH.replace("bob", "eve"), {"trace": "t"}]]
    first, second = normalized(catalogue, {"streams": [{"stream": {"job": "auth", "hostname": "web9"}, "values": values}]})
    assert [d["user"]["name"] for d in (first, second)] == ["bob", "eve"]
    assert first["event"]["dataset"] == "linux.auth"
    assert first["shipper"]["labels"] == {"job": "auth", "hostname": "web9"}
    assert second["shipper"]["metadata"] == {"trace": "t"}


def test_the_time_of_a_pushed_line_counts_where_the_line_says_none(catalogue: Catalogue) -> None:
    values = [["1772359201500000000", "no header: the door was opened"]]
    (document,) = normalized(catalogue, {"streams": [{"stream": {"node_name": "n1"}, "values": values}]})
    assert document["@timestamp"].startswith("2026-03-01T10:00:01.5")


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        ({"preview": False, "result": {"_raw": SSH, "host": "web1", "index": "main"}}, {"preview": False, "index": "main"}),
        ({"sid": "s1", "search_name": "failed", "result": {"_raw": SSH, "host": "web1"}}, {"sid": "s1", "search_name": "failed"}),
        ({"_index": "logs", "_id": "1", "_score": 1.0, "_source": BEAT}, {"_index": "logs", "_id": "1", "_score": 1.0}),
        ({"schema": {"type": "string"}, "payload": SSH}, {}),
        (
            {"topic": "t", "partition": 0, "offset": 7, "key": "k", "payload": SSH},
            {"topic_record": {"topic": "t", "partition": 0, "offset": 7, "key": "k"}},
        ),
        (
            {"key": "k", "value": BEAT, "topic": "t", "partition": 0, "offset": 7},
            {"topic_record": {"key": "k", "topic": "t", "partition": 0, "offset": 7}},
        ),
        ({"schema": {"type": "struct"}, "payload": BEAT}, {"agent": {"type": "filebeat"}}),
    ],
)
def test_the_event_is_read_as_if_it_had_come_alone(catalogue: Catalogue, event: dict[str, Any], kept: dict[str, Any]) -> None:
    (document,) = normalized(catalogue, event)
    assert (document["event"]["dataset"], document["user"]["name"]) == ("linux.auth", "bob")
    assert kept.items() <= document.get("shipper", {}).items()


@pytest.mark.parametrize(
    ("event", "first"),
    [
        ({"streams": "none"}, "streams"),
        ({"streams": [{"stream": {}, "values": [["1", "x"]]}, {"values": [["1", "x"]]}]}, "streams"),
        ({"streams": [{"stream": {}, "values": [["1", "x"], 7]}]}, "streams"),
        ({"result": {"count": "3"}, "sid": "s1"}, "result"),
        ({"_id": "1", "name": "x"}, "_id"),
        ({"schema": {}, "payload": None}, "schema"),
        ({"payload": {"a": 1}, "time": 1}, "payload"),
        ({"key": "a", "value": "b"}, "key"),
        ([], "streams"),
    ],
)
def test_other_objects_hold_no_events(event: Any, first: str) -> None:
    assert list(exported(event, first)) == []


def test_an_object_that_only_looks_so_stays_whole(catalogue: Catalogue) -> None:
    (document,) = normalized(catalogue, {"sid": "s1", "time": "2026-03-01T10:00:00Z", "msg": "hello"})
    assert (document["event"]["dataset"], document["message"], document["json"]["sid"]) == ("json", "hello", "s1")
