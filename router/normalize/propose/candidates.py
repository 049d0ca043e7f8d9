"""ECS fields for the keys of a source: told by the key's name, and only if its values have the type; or by the values alone."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from router.normalize import schema
from router.normalize.coerce import COERCIONS, each

_NAMES: Mapping[str, str] = {
    "source.ip": "src srcip src_ip source_ip sourceip source_address sourceaddress saddr client_ip clientip c_ip remote_ip "
    "remote_addr remoteaddr remoteip ip_address ipaddress ipaddr ip peer client_address caller_ip callerip src_addr srcaddr "
    "id.orig_h from_ip userip origin_ip",
    "source.port": "spt sport src_port srcport source_port sourceport client_port c_port remote_port id.orig_p",
    "event.severity": "sev",
    "source.mac": "smac src_mac srcmac source_mac client_mac",
    "source.bytes": "bytes_out sentbyte sent_bytes bytes_sent out_bytes bytesout src_bytes orig_bytes upload",
    "source.packets": "packets_out sentpkt sent_packets src_packets orig_pkts",
    "source.domain": "src_host srchost source_host shost client_host src_hostname",
    "source.nat.ip": "nat_src_ip transip src_nat_ip natsrcip",
    "destination.ip": "dst dstip dst_ip dest_ip destination_ip destip destinationip daddr dest destination dst_addr dstaddr "
    "server_ip serverip s_ip target_ip id.resp_h",
    "destination.port": "dpt dport dst_port dstport dest_port destination_port destport server_port s_port id.resp_p",
    "destination.mac": "dmac dst_mac dstmac destination_mac",
    "destination.bytes": "bytes_in rcvdbyte received_bytes rcvd_bytes bytes_received in_bytes bytesin dst_bytes "
    "resp_bytes download",
    "destination.packets": "packets_in rcvdpkt rcvd_packets dst_packets resp_pkts",
    "destination.domain": "dst_host dsthost dest_host dhost dst_hostname",
    "network.transport": "proto protocol transport l4proto ip_protocol",
    "network.application": "app application appname application_name",
    "network.direction": "direction dir",
    "network.bytes": "bytes total_bytes bytes_total",
    "network.packets": "packets total_packets pkts",
    "network.vlan.id": "vlan vlan_id vlanid",
    "network.protocol": "service l7proto app_protocol",
    "observer.ingress.interface.name": "srcintf in_interface inbound_interface iif in_if src_zone_if",
    "observer.egress.interface.name": "dstintf out_interface outbound_interface oif out_if",
    "user.name": "user username user_name usr suser duser account account_name accountname login login_name userid subject_user "
    "actor actor_name principal uname logname usrname cs_username",
    "user.id": "uid user_id sid user_sid actor_id",
    "user.email": "email mail user_email actor_email email_address",
    "user.domain": "user_domain userdomain account_domain",
    "group.name": "group group_name groupname",
    "host.name": "host hostname host_name computer computer_name computername device_name devname dvchost machine node server "
    "servername nodename",
    "host.ip": "host_ip device_ip dvc",
    "process.name": "process process_name procname image_name program",
    "process.pid": "pid process_id processid proc_id",
    "process.thread.name": "thread thread_name threadname",
    "process.executable": "exe image process_path image_path executable",
    "process.command_line": "cmd cmdline command command_line commandline process_command_line",
    "process.parent.pid": "ppid parent_pid parent_process_id",
    "event.action": "action act event event_name eventname operation event_type eventtype activity op",
    "event.code": "event_id eventid signature_id msgid message_id code class_id",
    "event.id": "id uuid event_uuid record_id log_id request_uuid",
    "event.outcome": "outcome result success auth_result login_result",
    "event.reason": "reason cause why",
    "event.provider": "provider log_source logger_name",
    "event.sequence": "seq sequence seqno",
    "rule.name": "rule rule_name policy policy_name policyname signature",
    "rule.id": "rule_id policy_id policyid ruleid sid_rule",
    "log.level": "level severity loglevel log_level priority lvl",
    "log.logger": "logger class component",
    "message": "msg message text description",
    "error.message": "error err error_message exception",
    "url.original": "url uri request_uri request_url",
    "url.path": "path uri_path cs_uri_stem",
    "url.query": "query_string cs_uri_query",
    "url.domain": "cs_host vhost site",
    "http.request.method": "method http_method request_method verb cs_method",
    "http.response.status_code": "status status_code http_status response_code sc_status statuscode",
    "http.request.referrer": "referer referrer http_referer cs_referer",
    "http.request.id": "request_id requestid",
    "http.response.bytes": "body_bytes_sent response_size sc_bytes",
    "user_agent.original": "user_agent useragent agent http_user_agent ua cs_user_agent",
    "dns.question.name": "query qname query_name domain_name dns_query",
    "dns.question.type": "qtype query_type",
    "dns.response_code": "rcode",
    "file.path": "file_path filepath filename_path target_file",
    "file.name": "file filename file_name fname",
    "file.size": "file_size filesize fsize",
    "file.hash.md5": "md5 hash_md5 file_md5",
    "file.hash.sha1": "sha1 hash_sha1",
    "file.hash.sha256": "sha256 hash_sha256 file_hash filehash hash",
    "cloud.region": "region aws_region",
    "cloud.account.id": "account_id aws_account",
    "trace.id": "trace_id traceid",
    "transaction.id": "transaction_id txid",
    "tls.version": "tls_version ssl_version ssl_protocol",
    "tls.cipher": "cipher ssl_cipher",
    "tls.client.server_name": "sni server_name",
}
_BREAKS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s\-]+")


def _simple(name: str) -> str:
    return _BREAKS.sub("_", name).lower().strip("_")


_BY_NAME = {key: field for field, keys in _NAMES.items() for key in keys.split()}
_BY_LETTERS = {key.replace("_", ""): field for key, field in _BY_NAME.items()}
TIMES = frozenset(
    "time timestamp ts date datetime @timestamp eventtime event_time log_time logtime received_time created created_at "
    "start_time when utc_time time_generated timegenerated published start rt devtime isotimestamp occurred".split()
)


class Candidate(NamedTuple):
    """One key with the field that it may belong to."""

    path: tuple[str, ...]
    field: str
    example: str
    by_value: bool
    """The values have the type, but the name says nothing: a person should look."""
    pipe: str = ""
    """What the value goes through on its way, as an expression has it."""


def by_name(path: Sequence[str]) -> str | None:
    """The field that a key's name stands for: ECS's own name, or one that vendors commonly use."""
    dotted = ".".join(path)
    if "." in dotted and schema.field(dotted) is not None and schema.field(dotted).kind != "free":  # type: ignore[union-attr]  # it is there
        return dotted
    for name in (dotted, *([f"{path[-2]}_{path[-1]}", path[-1]] if len(path) > 1 else [path[-1]])):
        simple = _simple(name)
        found = _BY_NAME.get(name.lower()) or _BY_NAME.get(simple) or _BY_LETTERS.get(simple.replace("_", "").replace(".", ""))
        if found is not None:
            return found
    return None


def is_time(path: Sequence[str]) -> bool:
    """Does the name say that it is a time?"""
    return _simple(path[-1]) in TIMES or path[-1].lower() in TIMES


def fits(field: str, values: Sequence[Any]) -> bool:
    """Have nearly all values that say something the type of the field, and its meaning where that can be told?"""
    held = schema.field(field)
    said = [value for value in values if value not in (None, "", "-", "N/A")]
    if held is None or not said or any(isinstance(value, dict) for value in said):
        return False
    good = sum(_fits_one(held, value) for value in said)
    return good >= 0.95 * len(said)


def _fits_one(field: schema.Field, value: Any) -> bool:
    found, complete = each(COERCIONS[field.kind], value)
    if not complete or not found:
        return False
    return all(_meant(field.name, item) for item in found)


_OTHERWISE: Mapping[str, str] = {
    "log.level": "event.severity",
    "file.name": "file.path",
    "network.transport": "network.iana_number",
    "http.response.status_code": "event.outcome",
}
"""Where the values do not fit the field of that name: another one that vendors mean by it."""
_OUTCOMES: Mapping[str, str] = {
    **dict.fromkeys("success succeeded successful ok true yes passed pass allowed granted accepted".split(), "success"),
    **dict.fromkeys("failure failed fail error false no denied rejected refused invalid".split(), "failure"),
    "unknown": "unknown",
}
_TRANSPORTS = frozenset("tcp udp icmp sctp gre esp igmp icmpv6 ipv6-icmp".split())
_METHODS = frozenset("GET POST PUT DELETE HEAD OPTIONS PATCH TRACE CONNECT PROPFIND".split())
_MEANINGS: Mapping[str, Callable[[Any], bool]] = {
    "http.response.status_code": lambda v: 100 <= v <= 599,
    "http.request.method": lambda v: str(v).upper() in _METHODS,
    "file.hash.md5": lambda v: re.fullmatch(r"[0-9a-fA-F]{32}", str(v)) is not None,
    "file.hash.sha1": lambda v: re.fullmatch(r"[0-9a-fA-F]{40}", str(v)) is not None,
    "file.hash.sha256": lambda v: re.fullmatch(r"[0-9a-fA-F]{64}", str(v)) is not None,
    "user.email": lambda v: re.fullmatch(r"[^@\s]+@[^@\s]+", str(v)) is not None,
    "event.outcome": lambda v: str(v).lower() in _OUTCOMES,
    "event.action": lambda v: len(str(v)) <= 64,
    "network.direction": lambda v: v in ("ingress", "egress", "inbound", "outbound", "internal", "external", "unknown"),
    "network.transport": lambda v: re.fullmatch(r"[a-z0-9\-]{2,12}", str(v)) is not None and not str(v).isdigit(),
    "log.level": lambda v: not str(v).isdigit(),
    "file.name": lambda v: "/" not in str(v) and "\\" not in str(v),
    "url.original": lambda v: "/" in str(v),
    "url.path": lambda v: str(v).startswith("/"),
    "file.path": lambda v: "/" in str(v) or "\\" in str(v),
}


def _meant(field: str, value: Any) -> bool:
    if field.endswith(".port"):
        return 0 <= int(value) <= 65_535
    test = _MEANINGS.get(field)
    return test is None or bool(test(value))


_BY_VALUE: Sequence[tuple[str, str]] = (
    ("source.ip", "destination.ip"),
    ("source.mac", "destination.mac"),
    ("file.hash.sha256", ""),
    ("file.hash.sha1", ""),
    ("file.hash.md5", ""),
    ("user.email", ""),
    ("http.request.method", ""),
)


def _named(path: Sequence[str], values: Sequence[Any]) -> str | None:
    """The field of that name; where the values do not fit it, the other one that vendors mean by it."""
    field = by_name(path)
    return _OTHERWISE[field] if field is not None and field in _OTHERWISE and not fits(field, values) else field


def candidates(columns: Mapping[tuple[str, ...], Sequence[Any]]) -> list[Candidate]:
    """At most one key for each field, in the order of the source."""
    taken: dict[str, Candidate] = {}
    for path, values in columns.items():
        field = _named(path, values)
        if field is not None and field not in taken and fits(field, values):
            pipe = " | table outcome" if field == "event.outcome" and _needs_table(values) else ""
            taken[field] = Candidate(path, field, _example(values), by_value=False, pipe=pipe)
    used = {found.path for found in taken.values()}
    for path, values in columns.items():
        if path not in used and not is_time(path):
            for field in _of_values(values, taken.keys()):
                taken[field] = Candidate(path, field, _example(values), by_value=True)
    order = list(columns)
    for field in ("source", "destination"):
        found = taken.get(f"{field}.ip")
        after = order[order.index(found.path) + 1 :][:1] if found is not None and found.by_value else []
        if after and not any(c.path == after[0] for c in taken.values()) and fits(f"{field}.port", columns[after[0]]):
            taken[f"{field}.port"] = Candidate(after[0], f"{field}.port", _example(columns[after[0]]), by_value=True)
    return sorted(taken.values(), key=lambda c: order.index(c.path))


def _needs_table(values: Sequence[Any]) -> bool:
    return any(value not in ("success", "failure", "unknown", None, "", "-") for value in values)


def outcomes(columns: Mapping[tuple[str, ...], Sequence[Any]]) -> dict[str, str | None]:
    """The rows of a table for the values that `event.outcome` is given from, and nothing for others."""
    said = {str(v).lower() for path, values in columns.items() if _named(path, values) == "event.outcome" for v in values}
    return {**{value: _OUTCOMES[value] for value in sorted(said & _OUTCOMES.keys())}, "_default": None}


def _of_values(values: Sequence[Any], taken: Iterable[str]) -> list[str]:
    """A field whose values cannot be mistaken, if it is free."""
    said = [str(value) for value in values if value not in (None, "", "-")]
    if said and "network.transport" not in taken and all(value.lower() in _TRANSPORTS for value in said):
        return ["network.transport"]
    for first, second in _BY_VALUE:
        if len(said) >= 1 and fits(first, said) and not (first.endswith(".ip") and not any("." in v or ":" in v for v in said)):
            return [field for field in (first, second) if field and field not in taken][:1]
    return []


def _example(values: Sequence[Any]) -> str:
    found = next((str(v) for v in values if v not in (None, "", "-")), "")
    return found.replace("\n", " ")[:40]
