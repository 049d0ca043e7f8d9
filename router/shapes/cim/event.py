"""The whole CIM event: which data models it belongs to, their fields, their tags, and what is left."""

from collections.abc import Callable, Sequence
from typing import Any

from router.batch import Event
from router.shapes import words
from router.shapes.cim import values
from router.shapes.cim.fields import COMMON, TAGS, Alias, aliases
from router.shapes.reading import Reading, text

Fill = Callable[[Reading, dict[str, Any]], None]


def derive(event: Event, time: float) -> Event:
    """An ECS document as flat CIM fields. What no model has a field for stands under `unmapped`. Never raises.

    The fields of the first model that fits win where two share a name; `tag` holds the tags of all of them. `_time` is seconds
    since the epoch, `time` where the document has none that can be read.
    """
    r = Reading(event)
    models = _models(r)
    out: Event = {"@timestamp": r.get("@timestamp")} if text(r.get("@timestamp")) else {}
    r.used("@timestamp")
    for model in models:
        if model in _VALUES:
            _VALUES[model](r, out)
        aliases(r, model, out)
    _common(r, out, COMMON)
    if tags := list(dict.fromkeys([tag for model in models for tag in TAGS[model]] + _extra(r, models))):
        out["tag"] = tags
    if (level := values.severity(r)) is not None:
        out.setdefault("severity", level)
    r.used("ecs.version")
    if left := r.left():
        out["unmapped"] = left
    return out


def _common(r: Reading, out: Event, rows: Sequence[Alias]) -> None:
    for name, paths, convert in rows:
        if name not in out and (value := r.first(paths, convert)) is not None:
            out[name] = value
    names = [text(r.get("observer.vendor")), text(r.get("observer.product"))]
    known = [name for name in names if name]
    out["vendor_product"] = " ".join(known) or text(r.get("event.module")) or "unknown"
    if len(known) == 2:
        r.used("observer.vendor", "observer.product")
    if (dataset := r.get("event.dataset")) is not None:
        out["dataset"] = dataset
        r.used("event.dataset", "event.module")
    if (message := r.take("message", text)) is not None:
        out["body"] = message
    if (action := r.take("event.action", text)) is not None:
        out["vendor_action"] = action


def _models(r: Reading) -> list[str]:
    """Data models by category and by what is there; the most telling first."""
    categories, kind = words.names(r, "event.category"), r.get("event.kind")
    found = [model for model, fits in _FITS if fits(r, categories)]
    if kind in ("alert", "signal"):
        found.append("Alerts")
    return found


def _is_attack(r: Reading, categories: frozenset[str]) -> bool:
    return "intrusion_detection" in categories or (r.get("event.kind") == "alert" and "network" in categories)


def _is_traffic(r: Reading, categories: frozenset[str]) -> bool:
    """Two ends, or one that is a network source: a connection somebody saw."""
    ends = any(r.get(f"{side}.{leaf}") for side in ("source", "destination") for leaf in ("ip", "address"))
    return "network" in categories and bool(ends) and r.get("event.kind") != "alert"


def _is_change(r: Reading, categories: frozenset[str]) -> bool:
    types = words.names(r, "event.type")
    return bool(categories & {"iam", "configuration", "package"}) and bool(types & {"change", "creation", "deletion", "admin"})


def _is_session(r: Reading, categories: frozenset[str]) -> bool:
    return ("session" in categories and "network" in categories) or r.get("network.protocol") == "dhcp"


_FITS: tuple[tuple[str, Callable[[Reading, frozenset[str]], bool]], ...] = (
    ("Authentication", lambda r, c: "authentication" in c),
    ("Malware", lambda r, c: "malware" in c),
    ("Intrusion_Detection", _is_attack),
    ("Vulnerabilities", lambda r, c: "vulnerability" in c),
    ("Endpoint.Registry", lambda r, c: "registry" in c),
    ("Endpoint.Services", lambda r, c: bool(r.get("winlog.event_data.ServiceName") and c & {"configuration", "process"})),
    ("Endpoint.Processes", lambda r, c: "process" in c),
    ("Endpoint.Filesystem", lambda r, c: "file" in c and bool(r.get("file.name") or r.get("file.path"))),
    ("Network_Resolution", lambda r, c: r.get("dns.question.name") is not None),
    ("Web", lambda r, c: r.get("http.request.method") is not None or r.get("http.response.status_code") is not None),
    ("Email", lambda r, c: "email" in c),
    ("Network_Sessions", _is_session),
    ("Network_Traffic", _is_traffic),
    ("Change", _is_change),
)


def _extra(r: Reading, models: list[str]) -> list[str]:
    """Tags of a dataset inside a model: kind of change, start and end of a session, failed defaults."""
    found: list[str] = []
    categories, types = words.names(r, "event.category"), words.names(r, "event.type")
    if "Change" in models:
        found.append("account" if "iam" in categories else "endpoint")
    if "Network_Sessions" in models:
        found += ["dhcp"] if r.get("network.protocol") == "dhcp" else []
        found += [name for name in ("start", "end") if name in types]
    if "Web" in models and str(r.get("observer.type")) in ("proxy", "web-proxy"):
        found.append("proxy")
    return found


def _authentication(r: Reading, out: Event) -> None:
    out["action"] = values.authentication_action(r)
    for path in ("destination.ip", "host.name", "host.hostname", "server.ip", "observer.hostname", "observer.name"):
        if (value := r.take(path, text)) is not None:
            out["dest"] = value
            break


def _traffic(r: Reading, out: Event) -> None:
    out.setdefault("action", values.traffic_action(r))
    if (way := values.direction(r)) is not None:
        out["direction"] = way
    out.setdefault("protocol", "icmp" if str(r.get("network.transport")).endswith("icmp") else "ip")


def _process(r: Reading, out: Event) -> None:
    out.setdefault("action", "blocked" if "denied" in words.names(r, "event.type") else "allowed")
    for prefix, name in (("process", "process_hash"), ("process.parent", "parent_process_hash")):
        if (value := values.hashes(r, prefix)) is not None:
            out.setdefault(name, value)


def _file(r: Reading, out: Event) -> None:
    out.setdefault("action", values.change_action(r))
    if r.get("file.name") is None and (path := text(r.get("file.path"))):
        out.setdefault("file_name", path.replace("\\", "/").rpartition("/")[2] or path)
    if (value := values.hashes(r, "file")) is not None:
        out.setdefault("file_hash", value)


def _registry(r: Reading, out: Event) -> None:
    out.setdefault("action", values.change_action(r))
    out.setdefault("status", "failure" if r.get("event.outcome") == "failure" else "success")
    hive = r.get("registry.hive")
    if type(hive) is str and hive in values.HIVES:
        out["registry_hive"] = values.HIVES[hive]
        r.used("registry.hive")


def _attack(r: Reading, out: Event) -> None:
    out.setdefault("action", values.verdict(r))
    out["ids_type"] = "host" if r.get("process") is not None and r.get("source") is None else "network"


def _malware(r: Reading, out: Event) -> None:
    out["action"] = values.verdict(r)
    if (value := values.hashes(r, "file")) is not None:
        out["file_hash"] = value


def _web(r: Reading, out: Event) -> None:
    code = r.get("http.response.status_code")
    types = words.names(r, "event.type")
    out.setdefault("action", "blocked" if "denied" in types or (type(code) is int and code in (401, 403, 407)) else "allowed")
    if (size := values.length(r.get("user_agent.original"))) is not None:
        out["http_user_agent_length"] = size
    if (size := values.length(r.get("url.full") or r.get("url.original"))) is not None:
        out["url_length"] = size


def _services(r: Reading, out: Event) -> None:
    said = words.action(r)
    rows = (("install creat", "installed"), ("stop terminat", "stopped"), ("fail", "critical"), ("start running", "started"))
    stems = [name for stem, name in rows if any(w.startswith(tuple(stem.split())) for w in said)]
    if stems:
        out["status"] = stems[0]


def _sessions(r: Reading, out: Event) -> None:
    types = words.names(r, "event.type")
    out.setdefault("action", "blocked" if "denied" in types else "ended" if "end" in types else "started")


def _change(r: Reading, out: Event) -> None:
    for name, value in values.change(r).items():
        out.setdefault(name, value)


def _mail(r: Reading, out: Event) -> None:
    out.setdefault("action", "blocked" if values.verdict(r) == "blocked" else "delivered")


_VALUES: dict[str, Fill] = {
    "Authentication": _authentication,
    "Network_Traffic": _traffic,
    "Endpoint.Processes": _process,
    "Endpoint.Filesystem": _file,
    "Endpoint.Registry": _registry,
    "Endpoint.Services": _services,
    "Intrusion_Detection": _attack,
    "Malware": _malware,
    "Web": _web,
    "Network_Sessions": _sessions,
    "Network_Resolution": lambda r, out: out.update(values.resolution(r)),
    "Change": _change,
    "Email": _mail,
}
