"""The whole OCSF event: class, common attributes, profiles, and what is left."""

from collections.abc import Iterator
from typing import Any

from router.batch import Event
from router.shapes import words
from router.shapes.ocsf import application, classes, identity, network, system
from router.shapes.ocsf.classes import CATEGORIES, Build, Made
from router.shapes.ocsf.objects import Object, device, put, user
from router.shapes.reading import Reading, integer, ip, millis, not_ip, text, texts

VERSION = "1.8.0"


def derive(event: Event, time: float) -> Event:
    """An ECS document as an OCSF event. `time` (epoch seconds) stands in where the document holds none that can be read.

    Valid by the JSON Schema of its class whatever the document holds; never raises.
    """
    r = Reading(event)
    made = _made(r)
    out: Event = {
        "class_uid": made.of.uid,
        "class_name": made.of.caption,
        "category_uid": made.of.category,
        "category_name": CATEGORIES[made.of.category],
        "activity_id": made.activity,
        "activity_name": _activity(r, made),
        "type_uid": made.of.uid * 100 + made.activity,
        **made.attributes,
    }
    out["type_name"] = f"{made.of.caption}: {out['activity_name']}"
    _common(r, out, time)
    out["metadata"] = _metadata(r, out)
    if found := _observables(out, r):
        out["observables"] = found
    if left := _left(r):
        out["unmapped"] = left
    return out


def _made(r: Reading) -> Made:
    """The first class that fits what happened and whose required parts are there; the base event takes all others."""
    for build in _candidates(r):
        mark = r.mark()
        made = build(r)
        if made is not None:
            return made
        r.reset(mark)
    return Made(classes.BASE, 99 if text(r.get("event.action")) else 0, _base(r))


def _base(r: Reading) -> Object:
    """Machine and user, where they are known."""
    found: Object = {}
    if (machine := device(r, "host", "observer")) is not None:
        found["device"] = machine
    if (doer := system.actor(r)) is not None:
        found["actor"] = doer
    elif (account := user(r, "source.user", "client.user")) is not None:
        found["actor"] = {"user": account}
    return found


_BY_CATEGORY: dict[str, tuple[Build, ...]] = {
    "authentication": (identity.authentication,),
    "registry": (system.registry,),
    "driver": (system.drivers,),
    "library": (system.modules,),
    "process": (system.scripts, system.modules, system.services, system.processes),
    "file": (system.files,),
    "email": (network.mail,),
    "iam": (identity.sessions, system.event_logs, identity.groups, identity.accounts),
    "package": (application.packages,),
    "configuration": (system.services, system.jobs),
    "web": (network.http,),
    "network": (network.dns, network.http, network.dhcp, network.connections),
    "session": (identity.authentication,),
}
_FINDINGS = frozenset(("malware", "vulnerability", "intrusion_detection", "threat"))


def _candidates(r: Reading) -> Iterator[Build]:
    """Classes to try, the most telling first."""
    categories = words.names(r, "event.category")
    if r.get("event.kind") in ("alert", "signal") or (categories & _FINDINGS and not categories & {"network"}):
        yield application.findings
    if "iam" in categories and "group" not in words.names(r, "event.type"):
        yield from (identity.sessions, system.event_logs, identity.accounts)
    for category, builds in _BY_CATEGORY.items():
        if category in categories:
            yield from builds
    if categories & _FINDINGS:
        yield application.findings
    if r.get("event.kind") != "metric":
        yield application.api


def _activity(r: Reading, made: Made) -> str:
    if made.activity in made.of.activities:
        return made.of.activities[made.activity]
    if made.activity == classes.OTHER:
        return text(r.take("event.action", text)) or "Other"
    return "Unknown"


_SEVERITIES = {
    **dict.fromkeys(("trace", "debug", "verbose", "informational", "information", "info", "notice", "success", "0x0"), 1),
    **dict.fromkeys(("low",), 2),
    **dict.fromkeys(("warning", "warn", "medium", "moderate"), 3),
    **dict.fromkeys(("error", "err", "high"), 4),
    **dict.fromkeys(("critical", "crit", "alert", "severe"), 5),
    **dict.fromkeys(("fatal", "emergency", "emerg", "panic"), 6),
}
_SEVERITY_NAMES = ("Unknown", "Informational", "Low", "Medium", "High", "Critical", "Fatal")
_SYSLOG = (6, 5, 5, 4, 3, 2, 1, 1)
_OUTCOMES = {"success": (1, "Success"), "failure": (2, "Failure")}


def _severity(r: Reading) -> int:
    """log.level, else the syslog severity."""
    level = r.get("log.level")
    if type(level) is str and level.lower() in _SEVERITIES:
        return _SEVERITIES[level.lower()]
    code = integer(r.get("log.syslog.severity.code"))
    return _SYSLOG[code] if code is not None and 0 <= code <= 7 else 0


def _common(r: Reading, out: Event, time: float) -> None:
    moment = r.first(("@timestamp", "event.created"), millis)
    out["time"] = moment if moment is not None else int(time * 1000)
    severity = _severity(r)
    out |= {"severity_id": severity, "severity": _SEVERITY_NAMES[severity]}
    outcome = r.get("event.outcome")
    if type(outcome) is str and outcome in _OUTCOMES and made_of(out) != classes.DETECTION.uid:
        out["status_id"], out["status"] = _OUTCOMES[outcome]
        r.used("event.outcome")
    rows: tuple[tuple[str, str, Any], ...] = (
        ("message", "message", text),
        ("event.original", "raw_data", text),
        ("event.start", "start_time", millis),
        ("event.end", "end_time", millis),
        ("event.reason", "status_detail", text),
        ("error.message", "status_detail", text),
        ("error.code", "status_code", text),
    )
    for path, name, kind in rows:
        if name not in out and (value := r.take(path, kind)) is not None:
            out[name] = value
    nanoseconds = integer(r.get("event.duration"))
    if nanoseconds is not None:
        out["duration"] = nanoseconds // 1_000_000
        if not nanoseconds % 1_000_000:
            r.used("event.duration")
    _cloud(r, out)
    _verdict(r, out)


def made_of(out: Event) -> int:
    """The class of an event that is being put together."""
    return int(out["class_uid"])


_CLOUD = (
    ("cloud.region", "region"),
    ("cloud.availability_zone", "zone"),
    ("cloud.project.id", "project_uid"),
    ("cloud.account.id", "account.uid"),
    ("cloud.account.name", "account.name"),
)


def _cloud(r: Reading, out: Event) -> None:
    """Profile cloud."""
    provider = r.take("cloud.provider", text)
    if provider is None:
        return
    found: Object = {"provider": provider}
    for path, name in _CLOUD:
        if (value := r.take(path, text)) is not None:
            put(found, name, value)
    out["cloud"] = found


_RULE = (("rule.name", "name"), ("rule.id", "uid"), ("rule.uuid", "uid"), ("rule.category", "category"))
_ALLOWED, _DENIED = (1, "Allowed"), (2, "Denied")


def _verdict(r: Reading, out: Event) -> None:
    """Profile security_control: what a control decided, by which rule."""
    types = words.names(r, "event.type")
    decided = _DENIED if "denied" in types else _ALLOWED if "allowed" in types else None
    if decided is None:
        return
    out["action_id"], out["action"] = decided
    out |= (
        {"disposition_id": 2, "disposition": "Blocked"} if decided is _DENIED else {"disposition_id": 1, "disposition": "Allowed"}
    )
    if made_of(out) == classes.DETECTION.uid:
        return
    rule: Object = {}
    rows = _RULE if r.node("rule") is not None else ()
    for path, name in rows:
        if name not in rule and (value := r.take(path, text)) is not None:
            rule[name] = value
    if "name" in rule or "uid" in rule:
        out["firewall_rule"] = rule
    if attacks := application.attack_list(r):
        out["attacks"] = attacks


def _metadata(r: Reading, out: Event) -> Object:
    product: Object = {}
    for paths, name in (
        (("observer.product", "event.module"), "name"),
        (("observer.vendor",), "vendor_name"),
        (("observer.version",), "version"),
    ):
        if (value := r.first(paths, text)) is not None:
            product[name] = value
    product.setdefault("name", "unknown")
    found: Object = {"version": VERSION, "product": product}
    if profiles := _profiles(out):
        found["profiles"] = profiles
    for path, name in (
        ("event.id", "uid"),
        ("event.code", "event_code"),
        ("event.provider", "log_provider"),
        ("event.dataset", "log_name"),
        ("log.level", "log_level"),
        ("organization.id", "tenant_uid"),
        ("trace.id", "correlation_uid"),
    ):
        if (value := r.take(path, text)) is not None:
            found[name] = value
    for path, name in (("event.created", "logged_time"), ("event.ingested", "processed_time")):
        if (moment := r.take(path, millis)) is not None:
            found[name] = moment
    if (number := r.take("event.sequence", integer)) is not None:
        found["sequence"] = number
    if (tags := r.take("tags", texts)) is not None:
        found["labels"] = tags
    _reporter(r, out, found)
    return found


def _reporter(r: Reading, out: Event, metadata: Object) -> None:
    """Who told, where that is another one than the device."""
    host = out.get("device", {}).get("hostname")
    name = text(r.get("observer.hostname")) or text(r.get("observer.name"))
    if name is not None and name != host:
        metadata["reporter"] = {"hostname": name}
        r.used("observer.hostname" if r.get("observer.hostname") else "observer.name")


def _profiles(out: Event) -> list[str]:
    """The profiles whose attributes the event uses beyond its class."""
    found = ["cloud"] if "cloud" in out else []
    if out["category_uid"] != 1 and ("device" in out or "actor" in out):
        found.append("host")
    return [*found, "security_control"] if "action_id" in out else found


_OBSERVABLES = (
    ("device.hostname", 1),
    ("src_endpoint.hostname", 1),
    ("dst_endpoint.hostname", 1),
    ("device.ip", 2),
    ("src_endpoint.ip", 2),
    ("dst_endpoint.ip", 2),
    ("user.name", 4),
    ("actor.user.name", 4),
    ("http_request.url.url_string", 6),
    ("url.url_string", 6),
    ("file.name", 7),
    ("file.path", 45),
    ("query.hostname", 1),
    ("process.cmd_line", 13),
    ("reg_key.path", 46),
    ("reg_value.path", 46),
)
_OBSERVED = tuple((path.partition(".")[0], path, kind) for path, kind in _OBSERVABLES)
_OBSERVABLE_NAMES = {
    1: "Hostname",
    2: "IP Address",
    4: "User Name",
    6: "URL String",
    7: "File Name",
    8: "Hash",
    13: "Command Line",
    45: "File Path",
    46: "Registry Key Path",
}
_RELATED = (("ip", 2, ip), ("user", 4, text), ("hosts", 1, not_ip), ("hash", 8, text))


def _observables(out: Event, r: Reading) -> list[Object]:
    """What can be looked up, with where it stands; what `related` knows beyond that too."""
    found = [
        _observable(path, kind, value) for first, path, kind in _OBSERVED if first in out and type(value := _at(out, path)) is str
    ]
    seen = {item["value"] for item in found}
    if r.node("related") is None:
        return found
    for name, kind, convert in _RELATED:
        values = r.get(f"related.{name}")
        items = values if type(values) is list else [values]
        good = [value for item in items if (value := convert(item)) is not None]
        if len(good) == len(items):
            r.used(f"related.{name}")
        found += [_observable(f"related.{name}", kind, value) for value in good if value not in seen]
    return found


def _observable(name: str, kind: int, value: str) -> Object:
    return {"name": name, "type_id": kind, "type": _OBSERVABLE_NAMES[kind], "value": value}


def _at(out: Event, path: str) -> Any:
    node: Any = out
    for step in path.split("."):
        node = node.get(step) if type(node) is dict else None
    return node


def _left(r: Reading) -> Event:
    """ECS and vendor fields that OCSF has no place for; the categorization stays, so that rules written for ECS can still ask."""
    r.used("ecs.version")
    if str(r.get("event.dataset")).startswith(f"{r.get('event.module')}."):
        r.used("event.module")
    return r.left()
