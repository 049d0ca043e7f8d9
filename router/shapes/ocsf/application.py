"""OCSF categories 2 and 6: findings, calls of an API, software coming and going."""

from typing import Any

from router.shapes import words
from router.shapes.ocsf import classes
from router.shapes.ocsf.classes import Made
from router.shapes.ocsf.network import connection
from router.shapes.ocsf.objects import Object, device, endpoint, file, process, user
from router.shapes.ocsf.web import request, url
from router.shapes.reading import Reading, millis, text, texts

_WORDS = (
    ("creat add insert put upload register import install copy restore attach grant", 1),
    ("get list describe read view search head download lookup check access query select export", 2),
    ("delet remov purge destroy revoke detach deregister terminat", 4),
    ("updat modif set chang edit patch renam move enabl disabl start stop reset assign approv", 3),
)
_TYPES = (("creation", 1), ("deletion", 4), ("change", 3), ("access", 2))


def api(r: Reading) -> Made | None:
    """api_activity: who called what, and from where."""
    operation = text(r.get("event.action"))
    source = endpoint(r, "source", "client") if operation else None
    account = user(r, "user", "client.user", "source.user") if source is not None else None
    if operation is None or source is None or account is None:
        return None
    r.used("event.action")
    call: Object = {"operation": operation}
    if (service := r.first(("service.name", "event.provider"), text)) is not None:
        call["service"] = {"name": service}
    if (version := r.take("orchestrator.api_version", text)) is not None:
        call["version"] = version
    found: Object = {"api": call, "src_endpoint": source, "actor": {"user": account}}
    if (target := endpoint(r, "destination", "server")) is not None:
        found["dst_endpoint"] = target
    if resources := _resources(r):
        found["resources"] = resources
    request(r, found)
    types = words.by_type(r, _TYPES, 0)
    return Made(classes.API, types or words.told(words.action(r)[:2], _WORDS, 99), found)


def _resources(r: Reading) -> list[Object]:
    """What the call was about: a resource of an orchestrator, a file, an account, a group."""
    found = []
    for prefix, called in (("orchestrator.resource", ""), ("user.target", "user"), ("group", "group"), ("file", "file")):
        name = r.take(f"{prefix}.name", text) or r.take(f"{prefix}.path", text)
        uid = r.take(f"{prefix}.id", text)
        kind = called or r.take(f"{prefix}.type", text)
        item = {key: value for key, value in (("name", name), ("uid", uid), ("type", kind)) if value}
        if "name" in item or "uid" in item:
            found.append(item)
    return found


_LIFE_TYPES = (("installation", 1), ("deletion", 2), ("start", 3), ("end", 4), ("change", 8))


def packages(r: Reading) -> Made | None:
    """application_lifecycle."""
    name = r.take("package.name", text)
    if name is None:
        return None
    app: Object = {"name": name}
    if (version := r.take("package.version", text)) is not None:
        app["version"] = version
    found: Object = {"app": app}
    if (machine := device(r, "host", "observer")) is not None:
        found["device"] = machine
    return Made(classes.LIFECYCLE, words.by_type(r, _LIFE_TYPES, 99), found)


def findings(r: Reading) -> Made:
    """detection_finding: what a control found. Always possible; without an id of its own it is named by its rule."""
    title = r.first(("rule.name", "threat.indicator.description", "rule.description"), text)
    title = title or text(r.get("message")) or text(r.get("event.action")) or "finding"
    info: Object = {"title": title, "uid": _finding_uid(r, str(title))}
    if (analytic := _analytic(r)) is not None:
        info["analytic"] = analytic
    if (description := r.first(("rule.description", "event.reason"), text)) is not None:
        info["desc"] = description
    if (link := r.first(("event.url", "rule.reference", "event.reference"), text)) is not None:
        info["src_url"] = link
    for path, name in (("event.start", "first_seen_time"), ("event.end", "last_seen_time"), ("@timestamp", "created_time")):
        if (moment := millis(r.get(path))) is not None:
            info[name] = moment
    if attacks := attack_list(r):
        info["attacks"] = attacks
    found: Object = {"finding_info": info}
    if evidence := _evidence(r):
        found["evidences"] = [evidence]
    if (machine := device(r, "host", "observer")) is not None:
        found["device"] = machine
    return Made(classes.DETECTION, 1, found)


def _finding_uid(r: Reading, title: str) -> str:
    """The finding's own id; else rule and moment."""
    found = r.first(("event.id", "threat.enrichments.indicator.id", "transaction.id"), text)
    return str(found) if found is not None else f"{text(r.get('rule.id')) or title}@{r.get('@timestamp') or ''}"


def _analytic(r: Reading) -> Object | None:
    name, uid = text(r.get("rule.name")), r.first(("rule.id", "rule.uuid"), text)
    found = {key: value for key, value in (("name", name), ("uid", uid)) if value is not None}
    if not found:
        return None
    for path, key in (("rule.category", "category"), ("rule.version", "version")):
        if (value := r.take(path, text)) is not None:
            found[key] = value
    return {**found, "type_id": 1, "type": "Rule"}


def attack_list(r: Reading) -> list[Object]:
    """MITRE ATT&CK tactics and techniques, paired in their order."""
    if r.node("threat") is None:
        return []
    parts: dict[str, list[Any]] = {}
    for kind in ("tactic", "technique", "technique.subtechnique"):
        names, ids = r.take(f"threat.{kind}.name", texts) or [], r.take(f"threat.{kind}.id", texts) or []
        longest = max(len(names), len(ids))
        parts[kind] = [_named(names, ids, i) for i in range(longest)]
    found = []
    for i in range(max(map(len, parts.values()))):
        item = {_ATTACK[kind]: values[i] for kind, values in parts.items() if i < len(values)}
        found.append(item)
    return found


_ATTACK = {"tactic": "tactic", "technique": "technique", "technique.subtechnique": "sub_technique"}


def _named(names: list[str], ids: list[str], i: int) -> Object:
    pairs = (("name", names), ("uid", ids))
    return {key: values[i] for key, values in pairs if i < len(values)}


def _evidence(r: Reading) -> Object:
    """Everything that the finding is about."""
    found: Object = {}
    for name, part in (
        ("src_endpoint", endpoint(r, "source", "client")),
        ("dst_endpoint", endpoint(r, "destination", "server")),
        ("process", process(r)),
        ("file", file(r)),
        ("user", user(r, "user", "source.user", "destination.user", "user.target")),
        ("connection_info", connection(r)),
    ):
        if part is not None:
            found[name] = part
    if r.get("http") is not None or r.get("user_agent") is not None:
        request(r, found)
    if (address := url(r)) is not None:
        found["url"] = address
    if (path := r.get("registry.path")) and text(path):
        found["reg_key"] = {"path": r.take("registry.path")}
    if (name := r.get("dns.question.name")) and text(name):
        found["query"] = {"hostname": r.take("dns.question.name")}
    enough = found.keys() - {"http_request", "http_response"}
    return found if enough else {}
