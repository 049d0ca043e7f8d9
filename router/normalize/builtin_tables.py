"""Tables that every file may name."""

from typing import Any

from router.normalize.formats.syslog import FACILITIES, SEVERITIES

# IANA protocol numbers, with the names in lower case as ECS wants them in network.transport.
_PROTOCOLS = {
    0: "hopopt", 1: "icmp", 2: "igmp", 3: "ggp", 4: "ipv4", 6: "tcp", 8: "egp", 9: "igp", 17: "udp", 27: "rdp", 33: "dccp",
    41: "ipv6", 43: "ipv6-route", 44: "ipv6-frag", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 58: "ipv6-icmp",
    59: "ipv6-nonxt", 60: "ipv6-opts", 88: "eigrp", 89: "ospf", 94: "ipip", 97: "etherip", 103: "pim", 108: "ipcomp",
    112: "vrrp", 115: "l2tp", 132: "sctp", 133: "fc", 136: "udplite", 137: "mpls-in-ip",
}  # fmt: skip

TABLES: dict[str, dict[Any, Any]] = {
    "iana_proto": {**_PROTOCOLS, **{name: name for name in _PROTOCOLS.values()}, "icmp6": "ipv6-icmp", "icmpv6": "ipv6-icmp"},
    "syslog_severity": {i: name.lower() for i, name in enumerate(SEVERITIES)},
    "syslog_facility": dict(enumerate(FACILITIES)),
    "http_outcome": {**{code: "success" if code < 400 else "failure" for code in range(100, 600)}, "_default": None},
}
