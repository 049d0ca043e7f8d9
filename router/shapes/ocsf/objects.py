"""ECS field sets to OCSF objects. Each builder gives an object valid by itself, or None where required parts are missing."""

import ntpath
import posixpath
from collections.abc import Sequence
from typing import Any, NamedTuple

from router.shapes.reading import (
    Convert,
    Reading,
    boolean,
    email,
    integer,
    ip,
    mac,
    millis,
    not_ip,
    number,
    port,
    table,
    text,
    texts,
)

Object = dict[str, Any]


class Row(NamedTuple):
    """One attribute: where it stands in ECS below a prefix, its name in OCSF (dots: nested), its type."""

    ecs: str
    ocsf: str
    convert: Convert = text


def fill(r: Reading, prefix: str, rows: Sequence[Row], into: Object | None = None) -> Object:
    """The attributes that are there."""
    found: Object = {} if into is None else into
    if r.node(prefix) is None:
        return found
    for ecs, ocsf, convert in rows:
        if (value := r.take(f"{prefix}.{ecs}", convert)) is not None:
            put(found, ocsf, value)
    return found


def put(into: Object, path: str, value: Any) -> None:
    """Set `a.b`, unless it is set."""
    *parents, leaf = path.split(".")
    for step in parents:
        into = into.setdefault(step, {})
    into.setdefault(leaf, value)


def whole(r: Reading, mark: int, found: Object, *needed: str) -> Object | None:
    """The object if it has one of `needed`; else nothing was taken."""
    if any(name in found for name in needed):
        return found
    r.reset(mark)
    return None


_USER = (
    Row("name", "name"),
    Row("id", "uid"),
    Row("email", "email_addr", email),
    Row("full_name", "full_name"),
    Row("domain", "domain"),
    Row("risk.calculated_score_norm", "risk_score", integer),
)
_GROUP = (Row("name", "name"), Row("id", "uid"), Row("domain", "domain"))


def user(r: Reading, *prefixes: str) -> Object | None:
    """From the first of these field sets that names one. A user without a name is called by what else is known."""
    for prefix in prefixes:
        if r.node(prefix) is None:
            continue
        mark = r.mark()
        found = fill(r, prefix, _USER)
        if "name" not in found and "uid" not in found and (name := found.get("email_addr") or found.get("full_name")):
            found["name"] = name
        if whole(r, mark, found, "name", "uid"):
            if (held := group(r, f"{prefix}.group")) is not None:
                found["groups"] = [held]
            if (roles := r.get(f"{prefix}.roles")) and (names := texts(roles)):
                r.used(f"{prefix}.roles")
                found.setdefault("groups", []).extend({"name": name, "type": "role"} for name in names)
            return found
    return None


def group(r: Reading, prefix: str) -> Object | None:
    mark = r.mark()
    return whole(r, mark, fill(r, prefix, _GROUP), "name", "uid")


_HASHES = {
    "md5": 1,
    "sha1": 2,
    "sha256": 3,
    "sha512": 4,
    "ssdeep": 5,
    "tlsh": 6,
    "sha384": 9,
}
_ALGORITHMS = {1: "MD5", 2: "SHA-1", 3: "SHA-256", 4: "SHA-512", 5: "CTPH", 6: "TLSH", 9: "SHA-384", 18: "Imphash"}


def fingerprint(algorithm: int, value: str) -> Object:
    return {"algorithm_id": algorithm, "algorithm": _ALGORITHMS[algorithm], "value": value}


def hashes(r: Reading, prefix: str) -> list[Object]:
    """Fingerprints of `prefix.hash`, and the imphash of `prefix.pe`."""
    if r.node(f"{prefix}.hash") is None and r.node(f"{prefix}.pe") is None:
        return []
    places = {**{f"{prefix}.hash.{name}": number for name, number in _HASHES.items()}, f"{prefix}.pe.imphash": 18}
    return [fingerprint(number, value) for path, number in places.items() if (value := r.take(path, text)) is not None]


_PE = (
    Row("pe.company", "company_name"),
    Row("pe.description", "desc"),
    Row("pe.file_version", "version"),
    Row("pe.original_file_name", "internal_name"),
    Row("pe.product", "product.name"),
)
_FILE_TYPES = {"file": 1, "dir": 2, "directory": 2, "device": 3, "pipe": 6, "socket": 5, "symlink": 7, "link": 7}
_FILE = (
    Row("path", "path"),
    Row("name", "name"),
    Row("extension", "ext"),
    Row("size", "size", integer),
    Row("mime_type", "mime_type"),
    Row("directory", "parent_folder"),
    Row("owner", "owner.name"),
    Row("uid", "owner.uid"),
    Row("created", "created_time", millis),
    Row("mtime", "modified_time", millis),
    Row("accessed", "accessed_time", millis),
    Row("inode", "uid"),
    *_PE,
)


def basename(path: str) -> str:
    """The last part of a path of either kind; the path itself where it ends in a separator."""
    return (ntpath if "\\" in path else posixpath).basename(path) or path


def file(r: Reading, prefix: str = "file") -> Object | None:
    """A file needs a name; the last part of its path is one."""
    mark = r.mark()
    found = fill(r, prefix, _FILE)
    if "name" not in found and "path" in found:
        found["name"] = basename(found["path"])
    if whole(r, mark, found, "name") is None:
        return None
    found["type_id"] = r.take(f"{prefix}.type", table(_FILE_TYPES)) or 0
    if prints := hashes(r, prefix):
        found["hashes"] = prints
    return found


def module_file(r: Reading) -> Object | None:
    """The file of a library or driver (`dll`)."""
    return file(r, "dll") or file(r)


def _executable(r: Reading, prefix: str) -> Object | None:
    path = r.take(f"{prefix}.executable", text)
    name = r.get(f"{prefix}.name")
    if path is None and not text(name):
        return None
    found: Object = {"name": basename(path) if path else str(name), "type_id": 1 if path else 0}
    if path:
        found["path"] = path
    fill(r, prefix, _PE, found)
    if prints := hashes(r, prefix):
        found["hashes"] = prints
    return found


_PROCESS = (
    Row("name", "name"),
    Row("pid", "pid", integer),
    Row("entity_id", "uid"),
    Row("command_line", "cmd_line"),
    Row("working_directory", "working_directory"),
    Row("start", "created_time", millis),
    Row("end", "terminated_time", millis),
    Row("thread.id", "tid", integer),
)


def process(r: Reading, prefix: str = "process", *, parents: bool = True) -> Object | None:
    """A process needs an id: its pid, or what the sensor calls it."""
    mark = r.mark()
    found = fill(r, prefix, _PROCESS)
    if whole(r, mark, found, "pid", "uid") is None:
        return None
    _command(r, prefix, found)
    if (executable := _executable(r, prefix)) is not None:
        found["file"] = executable
        found.setdefault("name", executable["name"])
    if (owner := user(r, f"{prefix}.user")) is not None:
        found["user"] = owner
    if parents and (parent := process(r, f"{prefix}.parent", parents=False)) is not None:
        found["parent_process"] = parent
    return found


def _command(r: Reading, prefix: str, found: Object) -> None:
    """Arguments are the command line in parts."""
    arguments = r.get(f"{prefix}.args")
    if "cmd_line" not in found and type(arguments) is list and (parts := texts(arguments)):
        found["cmd_line"] = " ".join(parts)
    line = found.get("cmd_line")
    if line is not None and (parts := texts(arguments)) and all(part in line for part in parts):
        r.used(f"{prefix}.args", f"{prefix}.args_count")


_GEO = (
    Row("geo.city_name", "city"),
    Row("geo.country_iso_code", "country"),
    Row("geo.country_name", "desc"),
    Row("geo.continent_name", "continent"),
    Row("geo.region_name", "region"),
    Row("geo.postal_code", "postal_code"),
)
_ENDPOINT = (
    Row("ip", "ip", ip),
    Row("port", "port", port),
    Row("domain", "hostname"),
    Row("mac", "mac", mac),
    Row("as.number", "autonomous_system.number", integer),
    Row("as.organization.name", "autonomous_system.name"),
)
_NAMES = ("ip", "hostname", "name", "uid", "interface_name", "svc_name", "domain")


def endpoint(r: Reading, *prefixes: str) -> Object | None:
    """One side of a connection, from the first of these field sets that names it."""
    for prefix in prefixes:
        if r.node(prefix) is None:
            continue
        mark = r.mark()
        found = fill(r, prefix, _ENDPOINT)
        if (address := r.get(f"{prefix}.address")) is not None:
            _address(r, f"{prefix}.address", address, found)
        if whole(r, mark, found, *_NAMES) is None:
            continue
        if (place := location(r, prefix)) is not None:
            found["location"] = place
        return found
    return None


def _address(r: Reading, path: str, address: Any, found: Object) -> None:
    if address in (found.get("ip"), found.get("hostname")):
        r.used(path)
    elif "ip" not in found and ip(address):
        found["ip"] = r.take(path)
    elif "hostname" not in found and not_ip(address):
        found["hostname"] = r.take(path, text)


def location(r: Reading, prefix: str) -> Object | None:
    mark = r.mark()
    found = fill(r, prefix, _GEO)
    if not whole(r, mark, found, "city", "country", "region", "postal_code"):
        return None
    lon, lat = r.get(f"{prefix}.geo.location.lon"), r.get(f"{prefix}.geo.location.lat")
    if number(lon) is not None and number(lat) is not None:
        found |= {"lat": float(lat), "long": float(lon)}
        r.used(f"{prefix}.geo.location")
    return found


_DEVICE = (
    Row("hostname", "hostname"),
    Row("name", "name"),
    Row("ip", "ip", ip),
    Row("id", "uid"),
    Row("serial_number", "uid"),
    Row("mac", "mac", mac),
    Row("domain", "domain"),
    Row("os.name", "os.name"),
    Row("os.version", "os.version"),
    Row("os.kernel", "os.kernel_release"),
    Row("vendor", "vendor_name"),
)
_SYSTEMS = {"windows": 100, "linux": 200, "android": 201, "macos": 300, "ios": 301, "solaris": 400, "aix": 401}
_DEVICE_TYPES = {"firewall": 9, "ids": 13, "ips": 14, "router": 12, "switch": 10, "load-balancer": 15, "loadbalancer": 15}


def device(r: Reading, *prefixes: str) -> Object | None:
    """The machine where it happened: the host, else what observed it."""
    for prefix in prefixes:
        if r.node(prefix) is None:
            continue
        mark = r.mark()
        found = fill(r, prefix, _DEVICE)
        if whole(r, mark, found, "hostname", "name", "ip", "uid") is None:
            continue
        found["type_id"] = r.take(f"{prefix}.type", table(_DEVICE_TYPES)) or 0
        _system(r, prefix, found)
        if "hostname" not in found and "name" in found:
            found["hostname"] = found["name"]
        return found
    return None


def _system(r: Reading, prefix: str, found: Object) -> None:
    """An operating system has a name and a type, or is left out."""
    kind = r.take(f"{prefix}.os.type", table(_SYSTEMS)) or r.take(f"{prefix}.os.family", table(_SYSTEMS))
    known = found.get("os", {})
    if not kind and "name" not in known:
        found.pop("os", None)
        return
    if kind and "name" not in known:
        known["name"] = str(r.get(f"{prefix}.os.type") or r.get(f"{prefix}.os.family"))
    r.used(f"{prefix}.os.family" if kind else f"{prefix}.os.name")
    found["os"] = known | {"type_id": kind or 0}


def is_true(r: Reading, path: str) -> bool | None:
    return boolean(r.take(path, boolean))
