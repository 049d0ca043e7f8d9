"""Streams that AWS delivers come apart into their payloads, each normalized as if it had come alone."""

import base64
import gzip
from typing import Any

import orjson
import pytest

from router.batch import Event, Facts
from router.normalize import Catalogue
from router.normalize.delivered import delivered

_FLOW = "2 123456789010 eni-1235b8ca123456789 192.0.2.1 198.51.100.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
_LOGS = {
    "messageType": "DATA_MESSAGE",
    "owner": "123456789010",
    "logGroup": "vpc",
    "logStream": "eni-1",
    "subscriptionFilters": ["all"],
    "logEvents": [{"id": str(i), "timestamp": 1_772_359_200_000 + i, "message": _FLOW} for i in range(2)],
}


def _packed(value: Any, *, compress: bool = True) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.b64encode(gzip.compress(data) if compress else data).decode()


def _firehose(*data: str) -> dict[str, Any]:
    return {
        "requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
        "timestamp": 1_772_359_300_000,
        "records": [{"data": d} for d in data],
    }


def _normalized(value: Any) -> list[Event]:
    return Catalogue.load().normalize(orjson.dumps(value), Facts("aws"), 1_772_400_000.0)


REQUESTS = {
    "firehose": _firehose(_packed(_LOGS)),
    "kinesis": {"Records": [{"kinesis": {"data": _packed(_LOGS), "sequenceNumber": "1"}, "eventSource": "aws:kinesis"}]},
    "function": {"awslogs": {"data": _packed(_LOGS)}},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_log_events_inside_of_streams_become_documents_of_their_own(name: str) -> None:
    documents = _normalized(REQUESTS[name])
    assert [d["event"]["dataset"] for d in documents] == ["aws.vpcflow"] * 2
    assert documents[0]["source"]["ip"] == "192.0.2.1"
    assert documents[1]["aws"]["cloudwatch"]["logGroup"] == "vpc"


def test_records_are_lines_of_objects_or_one_payload_each() -> None:
    objects = b'{"a":1}\n{"a":2}\n'
    request = orjson.dumps(_firehose(_packed(objects, compress=False), _packed(b"plain\ntext", compress=False))).decode()
    assert delivered(request) == [b'{"a":1}', b'{"a":2}', b"plain\ntext"]


@pytest.mark.parametrize(
    "value",
    [
        _firehose("not base64!"),
        _firehose(base64.b64encode(b"\x1f\x8bno gzip").decode()),
        _firehose(_packed(b"x" * (5 << 20))),
        {"requestId": "1", "records": [{"data": 5}]},
        {"requestId": "1", "records": [], "data": 1},
        {"records": [{"data": "eA=="}], "no": "request"},
    ],
)
def test_what_cannot_be_read_is_kept_whole(value: dict[str, Any]) -> None:
    assert delivered(orjson.dumps(value).decode()) is None
    assert len(_normalized(value)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"Records": []}',
        ' { "Records" :[ ] }\n',
        '{"records":[]}',
        '{"requestId": "1", "timestamp": 1772359200000, "records": []}',
    ],
)
def test_a_list_without_a_record_is_counted_and_gives_no_document(text: str) -> None:
    catalogue = Catalogue.load()
    assert catalogue.normalize(text.encode(), Facts("s"), 1_772_362_800.0) == []
    assert catalogue.ignored == {"no_records": 1}


@pytest.mark.parametrize(
    "text",
    [
        '{"Records": [], "message": "access denied"}',
        '{"Records": {}}',
        '{"Records": null}',
        '{"Records": [[]]}',
        '{"Records": [], "records": [{"a": 1}]}',
        '{"requestId": "1", "timestamp": 5}',
        '{"Records": []',
    ],
)
def test_what_says_more_than_that_there_is_no_record_is_kept(text: str) -> None:
    catalogue = Catalogue.load()
    assert len(catalogue.normalize(text.encode(), Facts("s"), 1_772_362_800.0)) == 1
    assert catalogue.ignored == {}


def test_the_audit_log_of_a_managed_cluster_is_found_among_records_of_azure_monitor() -> None:
    audit = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a1", "verb": "create", "user": {"username": "bob"}}
    other = {"category": "kube-apiserver", "properties": {"log": "I0301 starting"}}
    text = orjson.dumps({"records": [other, {"category": "kube-audit", "properties": {"log": orjson.dumps(audit).decode()}}]})
    first, second = Catalogue.load().normalize(text, Facts("s"), 1_772_362_800.0)
    assert (second["event"]["dataset"], second["event"]["action"], second["user"]["name"]) == (
        "kubernetes.audit",
        "create",
        "bob",
    )
    assert first["event"]["dataset"] != "kubernetes.audit"


def test_lines_of_others_are_not_looked_into() -> None:
    assert delivered("requestId records data") is None
    assert delivered('{"requestId": "1", "records": "data') is None


def _otlp(*bodies: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "node1"}}]}
    records = [{"timeUnixNano": "1772359200123456789", "severityText": "INFO", "body": body} for body in bodies]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": records}]}]}


def _otlp_value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _otlp_value(item)} for key, item in value.items()]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def test_log_records_of_opentelemetry_become_documents_of_their_own() -> None:
    said = "Mar  1 09:59:00 web1 sshd[7]: Accepted password for bob from 192.0.2.1 port 22 ssh2"
    windows = {
        "channel": "Security",
        "event_id": {"id": 4625, "qualifiers": 0},
        "provider": {"name": "Microsoft-Windows-Security-Auditing"},
        "system_time": "2026-03-01T10:00:00.5Z",
        "event_data": {"TargetUserName": "ann", "IpAddress": "192.0.2.9"},
    }
    login, logon = _normalized(_otlp({"stringValue": said}, _otlp_value(windows)))
    assert (login["event"]["dataset"], login["source"]["ip"], login["host"]["name"]) == ("linux.auth", "192.0.2.1", "node1")
    assert (logon["event"]["dataset"], logon["event"]["action"]) == ("windows.security", "logon-failed")
    assert (logon["user"]["name"], logon["source"]["ip"]) == ("ann", "192.0.2.9")


@pytest.mark.parametrize("value", [7, [], [7], [{"scopeLogs": 7}], [{"scopeLogs": [{"logRecords": [{}, 7]}], "resource": 7}]])
def test_what_only_looks_like_log_records_of_opentelemetry_is_kept(value: Any) -> None:
    assert len(_normalized({"resourceLogs": value})) == 1


@pytest.mark.parametrize("value", [7, {"Version": 2}, {"flows": [7, {"flows": [{"flowTuples": [7]}]}]}])
def test_a_record_of_flows_without_flows_is_kept(value: Any) -> None:
    record = {
        "time": "2026-03-01T10:00:00Z",
        "category": "NetworkSecurityGroupFlowEvent",
        "operationName": "x",
        "properties": value,
    }
    assert [document["event"]["module"] for document in _normalized({**record, "resourceId": "/S"})] == ["azure"]


def test_why_is_told_for_the_first_payload_of_a_request() -> None:
    said = "Mar  1 09:59:00 web1 sshd[7]: Accepted password for bob from 192.0.2.1 port 22 ssh2"
    told = Catalogue.load().explain(orjson.dumps(_otlp({"stringValue": said})), Facts("s"), 1_772_400_000.0)
    assert (told["chosen"], len(told["documents"])) == ("linux.auth", 1)


def _flows(tuples: list[Any], **more: Any) -> dict[str, Any]:
    group = {"rule": "r1", "flowTuples": tuples}
    return {
        "time": "2026-03-01T10:00:00Z",
        "category": "FlowLogFlowEvent",
        "flowRecords": {"flows": [{"aclID": "a1", "flowGroups": [group]}]},
        **more,
    }


FLOW = "1772359200000,192.0.2.10,198.51.100.7,44931,443,6,O,B,NX,0,0,0,0"


def test_records_beside_flows_and_records_with_odd_flows_are_kept_whole() -> None:
    other = {"time": "2026-03-01T10:00:00Z", "category": "Administrative", "operationName": "x", "resourceId": "/S"}
    odd = _flows([FLOW, 7])
    made = delivered(orjson.dumps({"records": [other, _flows([FLOW, FLOW]), odd]}).decode())
    assert made is not None
    assert [orjson.loads(body).get("flowTuple") for body in made] == [None, FLOW, FLOW, None]
    assert [orjson.loads(made[0]), orjson.loads(made[3])] == [other, odd]


def test_what_is_said_once_for_many_does_not_fill_the_memory() -> None:
    large = "x" * 200_000
    assert delivered(orjson.dumps(_flows([FLOW] * 2000, systemId=large)).decode()) is None
    request = _otlp(*[{"stringValue": "a"}] * 2000)
    request["resourceLogs"][0]["resource"]["attributes"][0]["value"]["stringValue"] = large
    assert delivered(orjson.dumps(request).decode()) is None


def test_a_flow_is_read_as_one_by_whoever_sees_its_first() -> None:
    made = Catalogue.load().normalize(orjson.dumps(_flows([FLOW], operationName="FlowLogFlowEvent")), Facts("s"), 1_772_400_000.0)
    assert [(document["event"]["dataset"], document["source"]["ip"]) for document in made] == [("azure.flow_logs", "192.0.2.10")]


def test_messages_of_a_queue_that_a_function_gets_come_apart() -> None:
    records = [{"messageId": str(i), "receiptHandle": "h", "body": _FLOW, "eventSource": "aws:sqs"} for i in range(2)]
    events = _normalized({"Records": records})
    assert [event["event"]["dataset"] for event in events] == ["aws.vpcflow"] * 2
    assert events[1]["shipper"] == {"messageId": "1", "receiptHandle": "h", "eventSource": "aws:sqs"}


def test_notifications_that_a_function_gets_come_apart() -> None:
    beside = {"Type": "Notification", "MessageId": "m1", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t1"}
    event = _normalized({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {**beside, "Message": _FLOW}}]})[0]
    assert (event["event"]["dataset"], event["shipper"]) == ("aws.vpcflow", beside)


def test_records_that_are_no_messages_stay_together() -> None:
    assert delivered('{"Records":[{"receiptHandle":"h"}]}') is None
