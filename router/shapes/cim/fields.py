"""Aliases by data model: CIM field <- ECS fields, the first that holds something (Splunk CIM 6, data model reference)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from router.shapes.reading import Reading, integer, ip, text


class Alias(NamedTuple):
    """One CIM field and where its value stands in ECS."""

    cim: str
    ecs: tuple[str, ...]
    convert: Callable[[Any], Any] = text


def _a(cim: str, *ecs: str, convert: Callable[[Any], Any] = text) -> Alias:
    return Alias(cim, ecs, convert)


def joined(value: Any) -> str | None:
    """A list as one text: CIM fields that are counted have one value."""
    if type(value) is list:
        parts = [part for item in value if (part := text(item))]
        return " ".join(parts) or None
    return text(value)


def many(value: Any) -> Any:
    """One value as it is, several as a list (Splunk: multivalue)."""
    if type(value) is list:
        found = [part for item in value if (part := text(item))]
        return found if len(found) > 1 else (found[0] if found else None)
    return text(value)


def seconds(value: Any) -> float | int | None:
    """Nanoseconds as seconds."""
    found = integer(value)
    if found is None:
        return None
    return found // 1_000_000_000 if found % 1_000_000_000 == 0 else found / 1e9


_USER = ("user.name", "source.user.name", "client.user.name", "destination.user.name")
COMMON: Sequence[Alias] = (
    _a("dvc", "observer.hostname", "observer.name", "host.name", "host.hostname", "observer.ip", "host.ip"),
    _a("signature_id", "event.code", "rule.id"),
    _a("vendor_account", "cloud.account.id"),
    _a("vendor_region", "cloud.region"),
    _a("user_agent", "user_agent.original"),
    _a("reason", "event.reason"),
)
SRC = _a("src", "source.ip", "client.ip", "source.domain", "client.domain", "source.address", "client.address")
DEST = _a("dest", "destination.ip", "server.ip", "destination.domain", "server.domain", "destination.address", "server.address")
HOST = _a("dest", "host.name", "host.hostname", "host.ip", "observer.hostname", "observer.name")
USER = (
    _a("user", *_USER, "user.email", "source.user.email", "user.id"),
    _a("user_id", "user.id", "source.user.id", "client.user.id"),
)
_PORTS = (
    _a("src_ip", "source.ip", "client.ip", convert=ip),
    _a("src_port", "source.port", "client.port", convert=integer),
    _a("dest_ip", "destination.ip", "server.ip", convert=ip),
    _a("dest_port", "destination.port", "server.port", convert=integer),
    _a("src_mac", "source.mac", "client.mac"),
    _a("dest_mac", "destination.mac", "server.mac"),
    _a("transport", "network.transport"),
)
_BYTES = (
    _a("bytes", "network.bytes", "http.response.bytes", "http.response.body.bytes", convert=integer),
    _a("bytes_in", "destination.bytes", "server.bytes", "http.response.bytes", "http.response.body.bytes", convert=integer),
    _a("bytes_out", "source.bytes", "client.bytes", "http.request.bytes", "http.request.body.bytes", convert=integer),
)
_PROCESS = (
    _a("process_id", "process.pid", convert=integer),
    _a("process_guid", "process.entity_id"),
)

MODELS: dict[str, Sequence[Alias]] = {
    "Authentication": (
        SRC,
        *USER,
        _a("app", "service.name", "network.application", "process.name", "observer.product", "event.module"),
        _a("duration", "event.duration", convert=seconds),
        _a("session_id", "winlog.logon.id", "network.session_id"),
        _a("authentication_method", "winlog.event_data.AuthenticationPackageName"),
        _a("signature", "event.action", "message"),
        _a("process", "process.executable", "process.name"),
    ),
    "Endpoint.Processes": (
        HOST,
        *USER,
        *_PROCESS,
        _a("process", "process.command_line", "process.executable", "process.name"),
        _a("process_name", "process.name"),
        _a("process_path", "process.executable"),
        _a("process_exec", "process.name"),
        _a("process_current_directory", "process.working_directory"),
        _a("process_integrity_level", "winlog.event_data.IntegrityLevel"),
        _a("original_file_name", "process.pe.original_file_name"),
        _a("parent_process", "process.parent.command_line", "process.parent.executable", "process.parent.name"),
        _a("parent_process_id", "process.parent.pid", convert=integer),
        _a("parent_process_guid", "process.parent.entity_id"),
        _a("parent_process_name", "process.parent.name"),
        _a("parent_process_exec", "process.parent.name"),
        _a("parent_process_path", "process.parent.executable"),
        _a("loaded_file", "dll.path"),
        _a("os", "host.os.name", "host.os.type"),
    ),
    "Endpoint.Filesystem": (
        HOST,
        *USER,
        *_PROCESS,
        _a("file_name", "file.name"),
        _a("file_path", "file.path"),
        _a("file_size", "file.size", convert=integer),
        _a("file_create_time", "file.created"),
        _a("file_modify_time", "file.mtime"),
        _a("file_access_time", "file.accessed"),
        _a("image", "process.executable"),
    ),
    "Endpoint.Registry": (
        HOST,
        *USER,
        *_PROCESS,
        _a("registry_path", "registry.path"),
        _a("registry_hive", "registry.hive"),
        _a("registry_key_name", "registry.key"),
        _a("registry_value_name", "registry.value"),
        _a("registry_value_data", "registry.data.strings", convert=joined),
        _a("registry_value_type", "registry.data.type"),
        _a("image", "process.executable"),
    ),
    "Endpoint.Services": (
        HOST,
        *USER,
        *_PROCESS,
        _a("service", "service.name", "winlog.event_data.ServiceName"),
        _a("service_name", "service.name", "winlog.event_data.ServiceName"),
        _a("service_path", "winlog.event_data.ImagePath", "winlog.event_data.ServiceFileName"),
        _a("start_mode", "winlog.event_data.StartType"),
    ),
    "Network_Traffic": (
        SRC,
        DEST,
        *USER,
        *_PORTS,
        *_BYTES,
        _a("packets", "network.packets", convert=integer),
        _a("packets_in", "destination.packets", "server.packets", convert=integer),
        _a("packets_out", "source.packets", "client.packets", convert=integer),
        _a("app", "network.application", "network.protocol", "process.executable"),
        _a("duration", "event.duration", convert=seconds),
        _a("rule", "rule.name", "rule.id"),
        _a("rule_id", "rule.id", "rule.uuid"),
        _a("src_interface", "observer.ingress.interface.name"),
        _a("dest_interface", "observer.egress.interface.name"),
        _a("src_zone", "observer.ingress.zone"),
        _a("dest_zone", "observer.egress.zone"),
        _a("src_translated_ip", "source.nat.ip", "client.nat.ip", convert=ip),
        _a("src_translated_port", "source.nat.port", "client.nat.port", convert=integer),
        _a("dest_translated_ip", "destination.nat.ip", "server.nat.ip", convert=ip),
        _a("dest_translated_port", "destination.nat.port", "server.nat.port", convert=integer),
        _a("protocol_version", "network.type"),
        _a("vlan", "network.vlan.id", "observer.ingress.vlan.id"),
        _a("session_id", "network.community_id"),
        _a("process_id", "process.pid", convert=integer),
    ),
    "Web": (
        SRC,
        _a("dest", *DEST.ecs, "url.domain", "host.name", "host.hostname"),
        *USER,
        *_BYTES,
        _a("dest_port", "destination.port", "server.port", "url.port", convert=integer),
        _a("status", "http.response.status_code", convert=integer),
        _a("http_method", "http.request.method"),
        _a("http_user_agent", "user_agent.original"),
        _a("http_referrer", "http.request.referrer"),
        _a("http_content_type", "http.response.mime_type"),
        _a("url", "url.full", "url.original"),
        _a("url_domain", "url.domain"),
        _a("uri_path", "url.path"),
        _a("uri_query", "url.query"),
        _a("category", "rule.category"),
        _a("duration", "event.duration", convert=seconds),
        _a("app", "network.application", "service.name"),
        _a("site", "url.domain"),
    ),
    "Network_Resolution": (
        SRC,
        DEST,
        *_PORTS,
        _a("query", "dns.question.name"),
        _a("record_type", "dns.question.type"),
        _a("transaction_id", "dns.id"),
        _a("answer", "dns.resolved_ip", convert=many),
        _a("duration", "event.duration", convert=seconds),
    ),
    "Network_Sessions": (
        *USER,
        _a("src_ip", "source.ip", "client.ip", convert=ip),
        _a("dest_ip", "destination.ip", "server.ip", "source.ip", "client.ip", convert=ip),
        _a("src_mac", "source.mac", "client.mac"),
        _a("dest_mac", "destination.mac", "source.mac", "client.mac"),
        _a("dest_dns", "destination.domain", "source.domain", "client.domain"),
        _a("src_dns", "source.domain", "client.domain"),
        _a("signature", "event.action"),
        _a("duration", "event.duration", convert=seconds),
    ),
    "Malware": (
        SRC,
        _a("dest", "host.name", "host.hostname", "destination.ip", "host.ip", "source.ip"),
        *USER,
        _a("signature", "rule.name", "threat.indicator.description", "event.action"),
        _a("signature_id", "rule.id", "event.code"),
        _a("category", "rule.category", "threat.indicator.type"),
        _a("file_name", "file.name"),
        _a("file_path", "file.path"),
        _a("url", "url.full", "url.original"),
    ),
    "Intrusion_Detection": (
        SRC,
        _a("dest", *DEST.ecs, "host.name"),
        *USER,
        _a("src_port", "source.port", "client.port", convert=integer),
        _a("dest_port", "destination.port", "server.port", convert=integer),
        _a("transport", "network.transport"),
        _a("signature", "rule.name", "rule.description", "event.action", "message"),
        _a("signature_id", "rule.id", "event.code"),
        _a("category", "rule.category", "event.action"),
        _a("file_name", "file.name"),
        _a("file_path", "file.path"),
    ),
    "Alerts": (
        SRC,
        _a("dest", "host.name", "host.hostname", *DEST.ecs),
        *USER,
        _a("app", "observer.product", "event.provider", "event.module"),
        _a("id", "event.id"),
        _a("signature", "rule.name", "event.action"),
        _a("signature_id", "rule.id", "event.code"),
        _a("description", "rule.description", "message"),
        _a("mitre_technique_id", "threat.technique.id", convert=many),
    ),
    "Change": (
        SRC,
        HOST,
        _a("user", "user.target.name", *_USER, "user.email"),
        _a("user_id", "user.target.id", "user.id"),
        _a("src_user", "user.name"),
        _a("src_user_id", "user.id"),
        _a("command", "process.command_line", "event.action"),
        _a(
            "object",
            "user.target.name",
            "group.name",
            "file.path",
            "registry.path",
            "service.name",
            "package.name",
            "orchestrator.resource.name",
            "rule.name",
        ),
        _a("object_id", "user.target.id", "group.id", "orchestrator.resource.id", "service.id", "rule.id"),
        _a("object_path", "file.path", "registry.path", "url.path"),
        _a("result", "event.outcome"),
    ),
    "Email": (
        SRC,
        DEST,
        _a("src_user", "email.from.address", convert=many),
        _a("recipient", "email.to.address", convert=many),
        _a("subject", "email.subject"),
        _a("message_id", "email.message_id"),
        _a("internal_message_id", "email.local_id"),
        _a("protocol", "network.protocol"),
        _a("return_addr", "email.sender.address", "email.from.address", convert=many),
    ),
    "Vulnerabilities": (
        HOST,
        _a("signature", "rule.name", "vulnerability.description", "event.action"),
        _a("cve", "vulnerability.id", convert=many),
        _a("cvss", "vulnerability.score.base"),
        _a("category", "vulnerability.category", convert=many),
        _a("url", "vulnerability.reference"),
    ),
}
"""By data model, or by dataset of one where its datasets share no fields."""

TAGS: dict[str, tuple[str, ...]] = {
    "Authentication": ("authentication",),
    "Endpoint.Processes": ("process", "report"),
    "Endpoint.Filesystem": ("endpoint", "filesystem"),
    "Endpoint.Registry": ("endpoint", "registry"),
    "Endpoint.Services": ("service", "report"),
    "Network_Traffic": ("network", "communicate"),
    "Web": ("web",),
    "Network_Resolution": ("network", "resolution", "dns"),
    "Network_Sessions": ("network", "session"),
    "Malware": ("malware", "attack"),
    "Intrusion_Detection": ("ids", "attack"),
    "Alerts": ("alert",),
    "Change": ("change",),
    "Email": ("email",),
    "Vulnerabilities": ("vulnerability", "report"),
}
"""An event belongs to a data model when it has all of these tags."""


def aliases(r: Reading, model: str, into: dict[str, Any]) -> None:
    """Fill the fields of a model that are not filled yet."""
    for name, paths, convert in MODELS[model]:
        if name not in into and (value := r.first(paths, convert)) is not None:
            into[name] = value
