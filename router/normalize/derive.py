"""Fields that follow from others: sums, the address family, related.*, the duration, the community id."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from router.batch import Event
from router.normalize import schema
from router.normalize.runtime import child, extend
from router.normalize.times import Moment, iso, stamp
from router.normalize.zones import UTC

Derivation = Callable[[Event], None]
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "sctp": 132}
_HOSTS = ("host.name", "host.hostname", "source.domain", "destination.domain", "client.domain", "server.domain")
_OTHER_HOSTS = ("dns.question.name", "url.domain", "observer.hostname", "observer.name")


def _sum(leaf: str) -> Derivation:
    def derive(out: Event) -> None:
        source, destination = out.get("source"), out.get("destination")
        if source and destination and leaf in source and leaf in destination:
            one, other = source[leaf], destination[leaf]
            if type(one) is int and type(other) is int:
                child(out, "network").setdefault(leaf, one + other)

    return derive


def _network_type(out: Event) -> None:
    """ipv4 or ipv6, from the first address there is."""
    for side in ("source", "destination", "client", "server"):
        node = out.get(side)
        address = node.get("ip") if type(node) is dict else None
        if address:
            child(out, "network").setdefault("type", "ipv6" if ":" in address else "ipv4")
            return


def _duration(out: Event) -> None:
    """event.end - event.start in nanoseconds, where it is not negative."""
    event = out["event"]
    start, end = event.get("start"), event.get("end")
    if type(start) is str and type(end) is str and "duration" not in event:
        first, last = iso(start, UTC), iso(end, UTC)
        if first is not None and last is not None and 0 <= last.nanos - first.nanos < 1 << 63:
            event["duration"] = last.nanos - first.nanos


def _start(out: Event) -> None:
    """event.start (and event.end) of what was reported at its end: @timestamp - event.duration."""
    event = out["event"]
    end, duration = event.get("end") or out.get("@timestamp"), event.get("duration")
    if type(end) is str and type(duration) is int and "start" not in event:
        moment = iso(end, UTC)
        if moment is not None:
            event["start"] = _shifted(moment, -duration)
            event["end"] = end


def _end(out: Event) -> None:
    """event.end = event.start + event.duration."""
    event = out["event"]
    start, duration = event.get("start"), event.get("duration")
    if type(start) is str and type(duration) is int and "end" not in event:
        moment = iso(start, UTC)
        if moment is not None:
            event["end"] = _shifted(moment, duration)


def _shifted(moment: Moment, nanoseconds: int) -> str:
    """A moment moved, with as many digits as it needs; one that the calendar cannot hold stays."""
    if moment.fraction:
        seconds, rest = divmod(moment.nanos + nanoseconds, 1_000_000_000)
    else:
        seconds, rest = divmod(nanoseconds, 1_000_000_000)
        seconds += moment.seconds
    if not -62_135_596_800 <= seconds <= 253_402_300_799:
        return moment.iso
    return f"{stamp(seconds)}.{f'{rest:09d}'.rstrip('0')}Z" if rest else f"{stamp(seconds)}Z"


def _packed(address: str) -> bytes:
    return inet_pton(AF_INET6 if ":" in address else AF_INET, address)


def community_id(source: str, destination: str, protocol: int, source_port: int, destination_port: int) -> str:
    """Community ID version 1, seed 0, of a flow with ports."""
    one, other = (_packed(source), source_port), (_packed(destination), destination_port)
    if one > other:
        one, other = other, one
    ports = one[1].to_bytes(2, "big") + other[1].to_bytes(2, "big")
    digest = hashlib.sha1(b"\x00\x00" + one[0] + other[0] + bytes((protocol, 0)) + ports, usedforsecurity=False).digest()
    return "1:" + base64.b64encode(digest).decode("ascii")


def _community(out: Event) -> None:
    """network.community_id for TCP, UDP and SCTP."""
    source, destination, network = out.get("source", {}), out.get("destination", {}), out.get("network", {})
    number = network.get("iana_number") or _PROTOCOLS.get(network.get("transport", ""))
    ports = source.get("port"), destination.get("port")
    if number is None or str(number) not in ("6", "17", "132") or not all(type(p) is int and 0 <= p < 65536 for p in ports):
        return
    if source.get("ip") and destination.get("ip"):
        network.setdefault("community_id", community_id(source["ip"], destination["ip"], int(number), *ports))


def _related(targets: Iterable[str]) -> Derivation:
    """related.ip, .user, .hosts and .hash from the fields that this normalizer writes."""
    by_list: dict[str, list[tuple[str, ...]]] = {}
    for name in targets:
        key = _related_key(name)
        if key is not None:
            by_list.setdefault(key, []).append(tuple(name.split(".")))
    plans: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for key, paths in sorted(by_list.items()):
        for path in paths:
            plans.setdefault(path[0], []).append((key, path[1:]))
    lists = {key: f"r{i}" for i, key in enumerate(sorted(by_list))}
    lines = ["def derive(out):", *(f"    {held} = None" for held in lists.values())]
    for root, items in plans.items():
        lines.append(f"    if {root!r} in out and type(n0 := out[{root!r}]) is dict:")
        for key, path in items:
            held = lists[key]
            lines += [f"        if {_reached(path)}:", f"            if type(v) is not str: {held} = take({held}, v)"]
            lines += [f"            elif {held} is None: {held} = [v]", f"            elif v not in {held}: {held}.append(v)"]
    lines.append("    found = {}")
    lines += [f"    if {held}: found[{key!r}] = {held}" for key, held in lists.items()]
    lines.append("    if found: add(out, found)")
    names: dict[str, Any] = {"take": _take, "add": _add_related}
    exec("\n".join([*lines, "    return"]), names)
    made: Derivation = names["derive"]
    return made


def _reached(path: tuple[str, ...]) -> str:
    """Code: is there something at this path below `n0`? It is left in `v`."""
    *parents, leaf = path
    tests = [f"{name!r} in n{i} and type(n{i + 1} := n{i}[{name!r}]) is dict" for i, name in enumerate(parents)]
    last = f"n{len(parents)}"
    return " and ".join([*tests, f"{leaf!r} in {last}", f"(v := {last}[{leaf!r}])"])


def _take(held: list[Any] | None, value: Any) -> list[Any]:
    """Add a value, or those of a list, once each."""
    held = [] if held is None else held
    for item in value if type(value) is list else (value,):
        if item not in held:
            held.append(item)
    return held


def _add_related(out: Event, found: dict[str, list[Any]]) -> None:
    related = out.get("related")
    if type(related) is not dict:
        out["related"] = found
        return
    for key, values in found.items():
        extend(related, key, values)


def _related_key(name: str) -> str | None:
    field = schema.field(name)
    if field is None or name.startswith("related."):
        return None
    if field.kind == "ip":
        return "ip"
    if name in _HOSTS or name in _OTHER_HOSTS:
        return "hosts"
    if name.split(".")[-2:-1] == ["hash"]:
        return "hash"
    user = name.endswith("user.name") or (".user." in "." + name and name.endswith(".name") and ".group." not in name)
    return "user" if user or name == "user.name" else None


def derivations(names: Iterable[str], targets: Iterable[str]) -> dict[str, Derivation]:
    """What `derive` may name -> what it does."""
    known: dict[str, Derivation] = {
        "network.bytes": _sum("bytes"),
        "network.packets": _sum("packets"),
        "network.type": _network_type,
        "event.duration": _duration,
        "event.start": _start,
        "event.end": _end,
        "network.community_id": _community,
        "related": _related(targets),
    }
    return {name: known[name] for name in names if name in known}


NAMES = frozenset(
    (
        "network.bytes",
        "network.packets",
        "network.type",
        "event.duration",
        "event.start",
        "event.end",
        "network.community_id",
        "related",
    )
)
