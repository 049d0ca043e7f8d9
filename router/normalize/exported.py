"""Events in what other stores give out, and in what they are pushed with: Grafana Loki, Splunk, Elasticsearch, Kafka Connect.

Grafana Loki HTTP API, "Ingest logs" (`streams`, each with labels and values of time and line); Splunk REST API,
"search/jobs/export", and webhooks of alerts (`result`); Elasticsearch "Search API" and dumps of an index (a hit's `_source`);
Kafka Connect, `JsonConverter` with `schemas.enable` (`payload` beside `schema`); records of a topic as kcat and REST proxies
write them down (`payload` or `value` beside `topic`, `partition` and `offset`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Object = dict[str, Any]
_PLACE = frozenset(("topic", "partition", "offset"))
_HOST_LABELS = ("host", "hostname", "node_name", "nodename", "instance")


def _of_loki(value: Object) -> Iterator[Any]:
    """Each line with the labels of its stream; none where any of them is not as described, so that nothing is left out."""
    streams = value.get("streams")
    if type(streams) is list and all(map(_is_stream, streams)):
        for stream in streams:
            yield from (_line_of_loki(item, stream["stream"]) for item in stream["values"])


def _is_stream(stream: Any) -> bool:
    if type(stream) is not dict or type(stream.get("stream")) is not dict or type(stream.get("values")) is not list:
        return False
    return all(type(item) is list and len(item) > 1 for item in stream["values"])


def _line_of_loki(item: list[Any], labels: Object) -> Object:
    told = {"line": item[1], "time": item[0], "labels": labels}
    if len(item) > 2 and type(item[2]) is dict:
        told["metadata"] = item[2]
    host = next((labels[name] for name in _HOST_LABELS if type(labels.get(name)) is str), None)
    return told if host is None else {**told, "host": host}


def _of_splunk(value: Object) -> Iterator[Any]:
    """The event, with what was said about the search beside it."""
    result = value.get("result")
    if type(result) is dict and "_raw" in result:
        yield {**{key: item for key, item in value.items() if key != "result"}, **result}


def _of_elasticsearch(value: Object) -> Iterator[Any]:
    """The document, with what the index says of it."""
    source = value.get("_source")
    if type(source) is dict and source:
        yield {**source, **{key: item for key, item in value.items() if key != "_source" and key not in source}}


def _of_connect(value: Object) -> Iterator[Any]:
    """The payload alone: the schema says nothing of the event."""
    if value.keys() == {"schema", "payload"} and value["payload"] is not None:
        yield value["payload"]


def _of_topic(value: Object) -> Iterator[Any]:
    """What the record holds, with its key and its place in the topic."""
    name = next((key for key in ("payload", "value") if value.get(key) is not None), "")
    if name and value.keys() >= _PLACE:
        held, place = value[name], {key: item for key, item in value.items() if key != name}
        yield {**(held if type(held) is dict else {"message": held}), "topic_record": place}


def _of_payload(value: Object) -> Iterator[Any]:
    return _of_topic(value) if "topic" in value else _of_connect(value)


_READERS: Mapping[str, Callable[[Object], Iterator[Any]]] = {
    "streams": _of_loki,
    "preview": _of_splunk,
    "result": _of_splunk,
    "sid": _of_splunk,
    "search_name": _of_splunk,
    "_index": _of_elasticsearch,
    "_id": _of_elasticsearch,
    "schema": _of_connect,
    "payload": _of_payload,
    "topic": _of_topic,
    "key": _of_topic,
    "partition": _of_topic,
    "value": _of_topic,
}
FIRST_KEYS = frozenset(_READERS)
"""Of such an object one of these stands in front."""


def exported(value: Any, first: str) -> Iterator[Any]:
    """The events inside, each an object or a text; none where the object, whose first key is given, is no such one."""
    return _READERS[first](value) if type(value) is dict else iter(())
