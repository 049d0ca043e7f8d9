"""The templates that data streams of ECS documents need: plain data, made from settings."""

import hashlib
from typing import Any

import orjson

from sinks._elasticsearch_settings import ElasticsearchSettings

PRIORITY = 250  # above the stock `logs` template (100) and those of integrations (200)
_ENDPOINTS = ("client", "destination", "server", "source")
_TYPES: dict[str, tuple[str, ...]] = {
    "date": (
        "@timestamp",
        *("event.created", "event.ingested", "event.start", "event.end"),
        *("file.accessed", "file.created", "file.ctime", "file.mtime"),
        *("process.start", "process.end", "process.parent.start", "process.parent.end"),
        *("tls.client.not_after", "tls.client.not_before", "tls.server.not_after", "tls.server.not_before"),
        *("threat.indicator.first_seen", "threat.indicator.last_seen", "threat.indicator.modified_at"),
    ),
    "ip": (
        *(f"{side}.{field}" for side in _ENDPOINTS for field in ("ip", "nat.ip")),
        *("dns.resolved_ip", "host.ip", "network.forwarded_ip", "observer.ip", "related.ip", "threat.indicator.ip"),
    ),
    "geo_point": tuple(f"{place}.geo.location" for place in (*_ENDPOINTS, "host", "observer")),
    "long": (
        *(f"{s}.{f}" for s in _ENDPOINTS for f in ("port", "nat.port", "bytes", "packets", "as.number")),
        *("event.duration", "event.sequence", "event.severity"),
        *("file.size", "host.uptime", "network.bytes", "network.packets", "url.port"),
        *("http.request.bytes", "http.request.body.bytes", "http.response.bytes", "http.response.body.bytes"),
        *("http.response.status_code", "log.syslog.priority", "log.syslog.facility.code", "log.syslog.severity.code"),
        *("process.exit_code", "process.pid", "process.thread.id", "process.parent.pid", "process.parent.thread.id"),
    ),
    "float": ("event.risk_score", "event.risk_score_norm"),
    "boolean": ("network.inner.vlan.tagged", "process.interactive", "tls.established", "tls.resumed"),
    "match_only_text": ("message", "error.message"),
}
_LONG_KEYWORDS = (
    *("process.command_line", "process.parent.command_line", "url.full", "url.original", "url.path"),
    *("user_agent.original", "error.stack_trace", "registry.data.strings", "http.request.body.content"),
)


def component_name(sink: str, part: str) -> str:
    return f"logweir-{sink}@{part}"


def templates(sink: str, settings: ElasticsearchSettings) -> dict[str, dict[str, Any]]:
    """API path -> body of everything that setup makes, in the order in which it has to be made."""
    wanted: dict[str, dict[str, Any]] = {}
    if settings.retention.by == "ilm":
        wanted[f"/_ilm/policy/logweir-{sink}"] = {"policy": _marked(_policy(settings.retention.days))}
    mappings, options = component_name(sink, "mappings"), component_name(sink, "settings")
    wanted[f"/_component_template/{mappings}"] = _marked({"template": {"mappings": _mappings()}})
    wanted[f"/_component_template/{options}"] = _marked({"template": {"settings": _options(sink, settings)}})
    wanted[f"/_index_template/logweir-{sink}"] = _marked(_index_template(settings, [mappings, options]))
    return wanted


def stream_patterns(settings: ElasticsearchSettings) -> list[str]:
    """What the names of all streams of a sink look like."""
    patterns = (settings.data_stream, settings.alerts_stream)
    return sorted({p.replace("{dataset}", "*").replace("{namespace}", settings.namespace) for p in patterns})


def without_failure_store(body: dict[str, Any]) -> dict[str, Any]:
    """The same index template for a server that has no failure store."""
    inner = {k: v for k, v in body["template"].items() if k != "data_stream_options"}
    return body | {"template": inner}


def fingerprint(body: dict[str, Any]) -> str:
    """The mark by which setup knows what it made before."""
    return str(body.get("_meta", {}).get("fingerprint", ""))


def _marked(body: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    return body | {"_meta": {"managed_by": "logweir", "fingerprint": digest}}


def _index_template(settings: ElasticsearchSettings, parts: list[str]) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    if settings.retention.by == "lifecycle":
        inner["lifecycle"] = {"data_retention": f"{settings.retention.days}d"}
    if settings.failure_store:
        inner["data_stream_options"] = {"failure_store": {"enabled": True}}
    return {
        "index_patterns": stream_patterns(settings),
        "data_stream": {},
        "priority": PRIORITY,
        "composed_of": parts,
        "template": inner,
    }


def _policy(days: int) -> dict[str, Any]:
    rollover = {"max_primary_shard_size": "50gb", "max_age": "1d"}
    hot = {"min_age": "0ms", "actions": {"rollover": rollover}}
    return {"phases": {"hot": hot, "delete": {"min_age": f"{days}d", "actions": {"delete": {}}}}}


def _options(sink: str, settings: ElasticsearchSettings) -> dict[str, Any]:
    mapping = {"total_fields": {"limit": 2000, "ignore_dynamic_beyond_limit": True}, "ignore_malformed": True}
    index: dict[str, Any] = {"number_of_replicas": settings.replicas, "mapping": mapping}
    if settings.retention.by == "ilm":
        index["lifecycle"] = {"name": f"logweir-{sink}"}
    return {"index": index}


def _mappings() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for kind, names in _TYPES.items():
        for name in names:
            _place(properties, name, {"type": kind})
    for name in _LONG_KEYWORDS:
        _place(properties, name, {"type": "keyword", "ignore_above": 8191})  # times 4 bytes: below Lucene's term limit
    _place(properties, "event.original", {"type": "keyword", "index": False, "doc_values": False})
    return {
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": _dynamic(),
        "properties": properties,
    }


def _dynamic() -> list[dict[str, Any]]:
    text = {"match_mapping_type": "string", "path_match": "*.message", "mapping": {"type": "match_only_text"}}
    keyword = {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}
    return [{"messages": text}, {"strings_as_keyword": keyword}]


def _place(properties: dict[str, Any], name: str, mapping: dict[str, Any]) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        properties = properties.setdefault(parent, {"properties": {}})["properties"]
    properties[last] = mapping
