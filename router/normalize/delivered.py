"""Payloads inside the requests by which AWS delivers streams: Firehose to HTTP, Kinesis and CloudWatch Logs to a function.

And the messages of SQS and SNS that a function gets ("Using Lambda with Amazon SQS", "... SNS"), the records that Azure Monitor
sends together to an event hub, where they hold Kubernetes' audit log or rows of tables (data export of a Log Analytics
workspace), and the log records of OpenTelemetry, as its collector writes them to Kafka and to files (OTLP/JSON,
"ExportLogsServiceRequest"). What other stores give out and push: `exported.py`.

Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications"; AWS Lambda Developer Guide,
"Kinesis" and "CloudWatch Logs": data is base64, of CloudWatch Logs also gzip. One record may hold several documents, a line each.
"""

import re
import zlib
from binascii import Error, a2b_base64
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from router.normalize.azure_flows import flows, may_hold_flows
from router.normalize.decoding import MAX_BYTES
from router.normalize.exported import FIRST_KEYS as FIRST_EXPORTED
from router.normalize.exported import exported
from router.normalize.formats.json import loads

EMPTY = "no_records"
"""What a request without a record is counted as."""
_HEAD, _SHORT = 4096, 256
_MOST_GROWTH = 24
"""A flow of Azure's becomes ten times as long with what its record says."""
_OF_A_REQUEST = frozenset(("records", "Records", "requestId", "timestamp"))
_FIRST = (
    "requestId timestamp records Records awslogs messageType owner logGroup logStream subscriptionFilters"
    " logEvents policyLevel resourceLogs time"
)
_FIRST_KEYS = frozenset(_FIRST.split()) | FIRST_EXPORTED
"""Every key that stands at the top of such a request, or of what CloudWatch Logs delivers: one of them is the first."""
_OF_FLOWS = ("records", "time")
_FIRST_KEY = re.compile(r'\s*\{\s*"(\w*)"')


def may_hold_several(text: str) -> bool:
    """A first look that costs next to nothing: can this be a request, or a subscription's message, with payloads inside?"""
    first = _first_key(text)
    return first in _FIRST_KEYS and (first != "time" or may_hold_flows(text[:_HEAD]))


def _first_key(text: str) -> str:
    if text.startswith('{"'):
        return text[2 : text.find('"', 2)]
    if text[:1] != "{" and not text[:1].isspace():
        return ""
    found = _FIRST_KEY.match(text)
    return found[1] if found is not None else ""


def delivered(text: str) -> list[bytes] | None:
    """The payloads in their order; None when the text is no such request, or one of its records cannot be read.

    None of them where the list of records is empty, and nothing else is said.
    """
    if len(text) < _SHORT and _is_empty(loads(text)):
        return []
    head, first = text[:_HEAD], _first_key(text)
    if first == "resourceLogs":
        return _encoded(_log_records(loads(text)), len(text))
    if first in FIRST_EXPORTED:
        return _encoded(exported(loads(text), first), len(text))
    if first in _OF_FLOWS and may_hold_flows(head):
        return _encoded(flows(loads(text)), len(text))
    if head[:1] == "{" and '"records"' in head and _are_of_several(text, head):
        return _rows(loads(text))
    if head[:1] == "{" and '"Records"' in head and ('"receiptHandle"' in head or '"aws:sns"' in head):
        return _queued(loads(text))
    if head[:1] != "{" or not _marked(head):
        return None
    value = loads(text)
    data = _data(value) if type(value) is dict else None
    if not data:
        return None
    found: list[bytes] = []
    for item in data:
        payload = decoded(item)
        if payload is None:
            return None
        found += [line for line in _documents(payload) if line.strip(b"\x00\x01 \t\r\n")]
    return found


def _is_empty(value: Any) -> bool:
    """`{"Records": []}`, as it stands in a bucket or comes with a request in which nothing happened."""
    if type(value) is not dict or not value.keys() <= _OF_A_REQUEST:
        return False
    lists = [value[name] for name in ("records", "Records") if name in value]
    return lists == [[]] * len(lists) and bool(lists)


def _marked(head: str) -> bool:
    """Does it name the parts of one of the three?"""
    if '"data"' not in head:
        return '"aws:kinesis"' in head and '"kinesis"' in head
    return ('"requestId"' in head and '"records"' in head) or '"awslogs"' in head or '"aws:kinesis"' in head


def _are_of_several(text: str, head: str) -> bool:
    """Are records of Azure Monitor of more than one product? Logs of Kubernetes, rows of tables, syslog of machines are."""
    return '"kube-audit' in text or '"Syslog"' in text or ('"TimeGenerated"' in head and '"Type":"' in text)


def _rows(value: Any) -> list[bytes] | None:
    """The records of Azure Monitor, where logs of Kubernetes or rows of tables are among them: they are of several products."""
    records = value.get("records") if type(value) is dict else None
    if type(records) is not list or not all(type(item) is dict for item in records):
        return None
    return [orjson.dumps(item) for item in records] or None


def _queued(value: Any) -> list[bytes] | None:
    """The messages of a queue with what stands beside their bodies, or the notifications of a topic, that a function gets."""
    records = value.get("Records") if type(value) is dict else None
    if type(records) is not list:
        return None
    found = [item.get("Sns", item) if type(item) is dict else None for item in records]
    if not all(type(item) is dict and ("body" in item or "TopicArn" in item) for item in found):
        return None
    return [orjson.dumps(item) for item in found] or None


def _encoded(items: Iterable[Any], size: int) -> list[bytes] | None:
    """Each as JSON, but a text as it is; None where there is none, or all of them are far larger than the request of this size:
    what is said once for many is in each of them, and must not be a way to fill the memory.
    """
    found, left = list[bytes](), size * _MOST_GROWTH
    for item in items:
        found.append(item.encode() if type(item) is str else orjson.dumps(item))
        left -= len(found[-1])
        if left < 0:
            return None
    return found or None


def _log_records(value: Any) -> Iterator[dict[str, Any]]:
    """The bodies of OpenTelemetry's log records: a text with what was said beside it, or the object that a receiver made."""
    for told in _objects(value, "resourceLogs") if type(value) is dict else ():
        resource = _attributes(told.get("resource"))
        for scope in _objects(told, "scopeLogs"):
            for record in _objects(scope, "logRecords"):
                yield _log_record(record, resource)


def _log_record(record: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    beside = {"attributes": _attributes(record), "resource": resource, "severity": record.get("severityText")}
    beside = {key: item for key, item in beside.items() if item}
    body = _any_value(record.get("body"))
    if type(body) is dict:
        return {**body, **{f"otel_{key}": item for key, item in beside.items()}}
    when = next((record[key] for key in ("timeUnixNano", "observedTimeUnixNano") if record.get(key) not in (None, "0", 0)), None)
    return {"body": body, "time": when, **beside}


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = value.get(key)
    return [item for item in items if type(item) is dict] if type(items) is list else []


def _attributes(value: Any) -> dict[str, Any]:
    pairs = _objects(value, "attributes") if type(value) is dict else []
    return {str(pair.get("key")): _any_value(pair.get("value")) for pair in pairs}


def _any_value(value: Any) -> Any:
    """What an `AnyValue` of OpenTelemetry holds."""
    if type(value) is not dict:
        return value
    if type(pairs := value.get("kvlistValue")) is dict:
        return {str(pair.get("key")): _any_value(pair.get("value")) for pair in _objects(pairs, "values")}
    if type(items := value.get("arrayValue")) is dict:
        held = items.get("values")
        return [_any_value(item) for item in held] if type(held) is list else []
    return next(iter(value.values()), None)


def _data(value: dict[str, Any]) -> list[Any] | None:
    """The base64 texts of a request of any of the three."""
    if type(value.get("records")) is list and "requestId" in value:
        return [item.get("data") if type(item) is dict else None for item in value["records"]]
    if type(value.get("awslogs")) is dict:
        return [value["awslogs"].get("data")]
    records = value.get("Records")
    if type(records) is list and records:
        streams = [item.get("kinesis") if type(item) is dict else None for item in records]
        return [stream.get("data") if type(stream) is dict else None for stream in streams]
    return None


def decoded(text: Any) -> bytes | None:
    """Base64, and gzip below it; None for what is neither, or larger than an event may be."""
    if type(text) is not str:
        return None
    try:
        data = a2b_base64(text, strict_mode=True)
        if data[:2] == b"\x1f\x8b":
            unpacking = zlib.decompressobj(31)
            data = unpacking.decompress(data, MAX_BYTES)
            return data if unpacking.eof else None
    except (Error, zlib.error, ValueError):
        return None
    return data


def _documents(payload: bytes) -> list[bytes]:
    """Lines, where each of them is an object; else the payload as it is."""
    lines = [line for line in payload.split(b"\n") if line.strip()]
    return lines if len(lines) > 1 and all(line.lstrip()[:1] == b"{" for line in lines) else [payload.rstrip(b"\r\n")]
