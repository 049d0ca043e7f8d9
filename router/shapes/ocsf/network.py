"""OCSF category 4, Network Activity: connections, DNS, DHCP, HTTP, mail."""

from typing import Any

from router.shapes import words
from router.shapes.ocsf import classes
from router.shapes.ocsf.classes import Made
from router.shapes.ocsf.objects import Object, device, endpoint, file, process, user
from router.shapes.ocsf.web import METHODS, request, tls, url
from router.shapes.reading import Reading, email, integer, table, text, texts

_DIRECTIONS = {"inbound": 1, "ingress": 1, "outbound": 2, "egress": 2, "internal": 3, "external": 99, "unknown": 0}
_VERSIONS = {"ipv4": 4, "ipv6": 6}


def _sides(r: Reading, into: Object) -> bool:
    """Both ends, with the interfaces and zones that the observer saw them at."""
    for name, prefixes, seen in (
        ("src_endpoint", ("source", "client"), "observer.ingress"),
        ("dst_endpoint", ("destination", "server"), "observer.egress"),
    ):
        if (side := endpoint(r, *prefixes)) is None:
            continue
        places = (("interface.name", "interface_name"), ("zone", "zone"), ("vlan.id", "vlan_uid"))
        side |= {key: value for path, key in places if (value := r.take(f"{seen}.{path}", text)) is not None}
        into[name] = side
    return "src_endpoint" in into or "dst_endpoint" in into


def connection(r: Reading) -> Object | None:
    """connection_info."""
    direction = r.take("network.direction", table(_DIRECTIONS))
    found: Object = {"direction_id": direction or 0}
    rows: tuple[tuple[str, str, Any], ...] = (
        ("network.transport", "protocol_name", text),
        ("network.iana_number", "protocol_num", integer),
        ("network.community_id", "community_uid", text),
        ("network.type", "protocol_ver_id", table(_VERSIONS)),
    )
    found |= {name: value for path, name, kind in rows if (value := r.take(path, kind)) is not None}
    return found if len(found) > 1 or direction else None


def _traffic(r: Reading) -> Object | None:
    """Bytes and packets; `out` is what the source sent."""
    found: Object = {}
    for leaf in ("bytes", "packets"):
        for path, name in ((f"network.{leaf}", leaf), (f"source.{leaf}", f"{leaf}_out"), (f"destination.{leaf}", f"{leaf}_in")):
            if (value := r.take(path, integer)) is not None:
                found[name] = value
    return found or None


def _common(r: Reading) -> Object | None:
    """What all network classes share; None without any endpoint."""
    found: Object = {}
    if not _sides(r, found):
        return None
    parts = (("connection_info", connection(r)), ("traffic", _traffic(r)), ("tls", tls(r)))
    found |= {name: value for name, value in parts if value is not None}
    for path, name in (("network.application", "app_name"), ("network.protocol", "app_protocol_name")):
        if (value := r.take(path, text)) is not None:
            found[name] = value
    _doer(r, found)
    return found


def _doer(r: Reading, into: Object) -> None:
    """The user and process of the source, as far as they are known."""
    doer: Object = {}
    if (program := process(r)) is not None:
        doer["process"] = program
    if (account := user(r, "source.user", "user", "client.user", "destination.user")) is not None:
        doer["user"] = account
    if doer:
        into["actor"] = doer
    if (machine := device(r, "host", "observer")) is not None:
        into["device"] = machine


_TYPES = (("denied", 5), ("end", 2), ("start", 1))


def connections(r: Reading) -> Made | None:
    """network_activity."""
    found = _common(r)
    if found is None:
        return None
    if (address := url(r)) is not None:
        found["url"] = address
    said = words.action(r)
    activity = 3 if "reset" in said and "denied" not in words.names(r, "event.type") else words.by_type(r, _TYPES, 6)
    return Made(classes.NETWORK, activity, found)


def http(r: Reading) -> Made | None:
    """http_activity."""
    if r.get("http") is None:
        return None
    method = str(r.get("http.request.method") or "").upper()
    found = _common(r) or {}
    if not found:
        _doer(r, found)
    request(r, found)
    if "http_request" not in found and "http_response" not in found:
        return None
    if (held := file(r)) is not None:
        found["file"] = held
    if (code := found.get("http_response", {}).get("code")) is not None:
        found["http_status"] = code
    return Made(classes.HTTP, METHODS.get(method, 99 if method else 0), found)


_RCODES = {
    "noerror": 0,
    "formerr": 1,
    "formerror": 1,
    "servfail": 2,
    "serverror": 2,
    "nxdomain": 3,
    "notimp": 4,
    "refused": 5,
    "yxdomain": 6,
    "yxrrset": 7,
    "nxrrset": 8,
    "notauth": 9,
    "notzone": 10,
}
_OPCODES = {"query": 0, "iquery": 1, "status": 2, "notify": 4, "update": 5}


def dns(r: Reading) -> Made | None:
    """dns_activity. Without endpoints (a resolver's client log) the host that asked is the source."""
    name = r.take("dns.question.name", text)
    if name is None:
        return None
    found = _common(r)
    if found is None:
        machine = device(r, "host")
        if machine is None:
            return None
        found = {"src_endpoint": {k: machine[k] for k in ("hostname", "name", "ip", "uid") if k in machine}, "device": machine}
        _doer(r, found)
    found["query"] = _query(r, str(name))
    if answers := _answers(r):
        found["answers"] = answers
    code = r.take("dns.response_code", text)
    if code is not None:
        found |= {"rcode": code, "rcode_id": _RCODES.get(str(code).lower(), 99)}
    kind = r.take("dns.type", text)
    activity = {"query": 1, "answer": 2}.get(str(kind)) or (2 if answers or code is not None else 1)
    return Made(classes.DNS, activity, found)


def _query(r: Reading, name: str) -> Object:
    query: Object = {"hostname": name}
    rows: tuple[tuple[str, str, Any], ...] = (
        ("dns.question.type", "type", text),
        ("dns.question.class", "class", text),
        ("dns.id", "packet_uid", integer),
        ("dns.op_code", "opcode_id", table(_OPCODES)),
    )
    return query | {key: value for path, key, kind in rows if (value := r.take(path, kind)) is not None}


def _answers(r: Reading) -> list[Object]:
    """dns.answers, else the addresses that a name was resolved to."""
    listed = r.get("dns.answers")
    items = listed if type(listed) is list else [listed]
    found = [made for item in items if type(item) is dict and (made := _answer(item, r.get("dns.question.name")))]
    if found and len(found) == len(items):
        r.used("dns.answers", "dns.resolved_ip")
        return found
    return [{"rdata": value} for value in r.take("dns.resolved_ip", texts) or ()]


def _answer(item: dict[str, Any], asked: Any) -> Object | None:
    """One record; what OCSF has no name for keeps the whole list under `unmapped`."""
    rows: tuple[tuple[str, str, Any], ...] = (("data", "rdata", text), ("type", "type", text), ("class", "class", text))
    found = {key: value for name, key, kind in rows if (value := kind(item.get(name))) is not None}
    if (ttl := integer(item.get("ttl"))) is not None:
        found["ttl"] = ttl
    known = item.keys() <= {"data", "type", "class", "ttl", "name"} and item.get("name", asked) == asked
    return found if "rdata" in found and known else None


_DHCP = (("discover", 1), ("offer", 2), ("request renew", 3), ("declin", 4), ("ack assign", 5), ("nak deni", 6), ("releas", 7))


def dhcp(r: Reading) -> Made | None:
    """dhcp_activity."""
    if r.get("network.protocol") != "dhcp" and not str(r.get("event.dataset")).endswith(("dhcp", "dhcpv6")):
        return None
    found = _common(r)
    if found is None:
        return None
    return Made(classes.DHCP, words.told(words.action(r), _DHCP, 99), found)


_MAIL_DIRECTIONS = {"inbound": 1, "outbound": 2, "internal": 3}


def mail(r: Reading) -> Made | None:
    """email_activity."""
    message: Object = {}
    if (sender := r.take("email.from.address", email)) is not None:
        message["from"] = sender
    receivers = texts(r.get("email.to.address")) or []
    if receivers and all(email(item) for item in receivers):
        message["to"] = receivers
        r.used("email.to.address")
    if not message:
        return None
    for path, name in (("email.subject", "subject"), ("email.message_id", "message_uid"), ("email.local_id", "uid")):
        if (value := r.take(path, text)) is not None:
            message[name] = value
    found: Object = {"email": message, "direction_id": r.take("email.direction", table(_MAIL_DIRECTIONS)) or 0}
    _sides(r, found)
    _doer(r, found)
    return Made(classes.EMAIL, {1: 2, 2: 1}.get(found["direction_id"], 99), found)
