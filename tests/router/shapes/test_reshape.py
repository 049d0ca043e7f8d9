"""Stored documents come out in the shape that a sink asks for."""

import orjson

from router.batch import EVENTS, NO_FACTS, SIGNALS, Batch, Facts, Record, Span
from router.deliver.sort import Sorter
from router.deliver.tally import Tally
from router.reduce import NoiseRules
from router.registry import Choice
from router.route import Route
from router.shapes import reshaper
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks._hec_settings import SplunkHecSettings
from sinks.elasticsearch import Elasticsearch
from sinks.splunk_hec import SplunkHec
from tests.router.shapes import ocsf_schema

_BODY = orjson.dumps({"@timestamp": "2026-03-01T10:00:00Z", "event": {"kind": "event"}, "host": {"name": "ws1"}})


def test_ecs_needs_no_work() -> None:
    assert reshaper("ecs") is None


def test_what_is_no_object_is_left_for_the_sink_to_refuse() -> None:
    ocsf = reshaper("ocsf")
    assert ocsf is not None
    assert [ocsf(body, 0.0) for body in (b"{", b"[1]", b"3")] == [b"{", b"[1]", b"3"]


def test_a_sink_is_sent_the_shape_that_it_is_set_to() -> None:
    scope = NoiseRules.load((), builtin=False).scope("lake", "file")
    record = Record(b"i" * 16, _BODY, 1.0, NO_FACTS)
    for shape, key in (("ocsf", "class_uid"), ("cim", "vendor_product"), ("ecs", "event")):
        sorter = Sorter(Route(Choice(), scope), scope, Tally("lake"), ordered=False, shape=shape)  # type: ignore[arg-type]  # a Literal
        made = sorter.sort(Batch([record], Span(EVENTS, 0, 0, 1))).records[0]
        assert key in orjson.loads(made.body)
        assert made.id == record.id


def test_our_own_alerts_become_findings_with_the_id_of_their_record() -> None:
    scope = NoiseRules.load((), builtin=False).scope("lake", "file")
    rule = {"id": "r1", "name": "brute force"}
    event = {"kind": "alert", "dataset": "logweir.alert", "module": "logweir", "severity": 70}
    body = orjson.dumps({"@timestamp": "2026-03-01T10:00:00Z", "event": event, "rule": rule, "message": "brute force"})
    record = Record(b"i" * 16, body, 1.0, Facts(dataset="logweir.alert", kind="alert"))
    sorter = Sorter(Route(Choice(), scope), scope, Tally("lake"), ordered=False, shape="ocsf")
    made = orjson.loads(sorter.sort(Batch([record], Span(SIGNALS, 0, 0, 1))).records[0].body)
    assert (made["class_uid"], made["severity_id"], made["finding_info"]["uid"]) == (2004, 4, record.id.hex())
    assert not ocsf_schema.faults(made)


def test_splunk_is_told_the_host_of_either_shape() -> None:
    for shape in ("ocsf", "cim"):
        settings = SplunkHecSettings.model_validate(
            {"kind": "splunk_hec", "as": shape, "urls": ["https://splunk.example:8088"], "token": _secret()}
        )
        derive = reshaper(shape)  # type: ignore[arg-type]  # a Literal
        assert derive is not None
        body = SplunkHec("soc", settings).body([Record(b"i" * 16, derive(_BODY, 1.0), 1.0, NO_FACTS)])
        assert orjson.loads(body)["host"] == "ws1"


def test_a_data_stream_gets_the_timestamp_that_ocsf_does_not_have() -> None:
    settings = ElasticsearchSettings.model_validate({"kind": "elasticsearch", "as": "ocsf", "urls": ["http://es.example:9200"]})
    derive = reshaper("ocsf")
    assert derive is not None
    body = Elasticsearch("lake", settings).body([Record(b"i" * 16, derive(_BODY, 1.5), 1.5, NO_FACTS)])
    document = orjson.loads(body.splitlines()[1])
    assert document["@timestamp"] == "1970-01-01T00:00:01.500Z"
    assert document["class_uid"] == 0


def _secret() -> object:
    from pydantic import SecretStr

    return SecretStr("t")
