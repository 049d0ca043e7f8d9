"""Pipes for what security telemetry writes in a way of its own: command lines, distinguished names, Sysmon's DNS results."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from router.normalize import coerce
from router.normalize.remembered import Remembered

_BACKSLASHES = re.compile(r'(\\*)(["\s]|$)')
_DNS_TYPES = {
    "1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "12": "PTR", "13": "HINFO", "15": "MX", "16": "TXT", "28": "AAAA", "33": "SRV",
    "35": "NAPTR", "39": "DNAME", "41": "OPT", "43": "DS", "46": "RRSIG", "47": "NSEC", "48": "DNSKEY", "64": "SVCB",
    "65": "HTTPS",
}  # fmt: skip


def arguments(line: str) -> list[str] | None:
    """A Windows command line as its program reads it: the rules of CommandLineToArgvW, backslashes before quotes included."""
    if '"' not in line:
        return line.split() or None
    return list(_ARGUMENTS[line]) if len(line) < _MOSTLY else _arguments(line)


def _arguments(line: str) -> list[str]:
    found, i, end = [], 0, len(line)
    if line[0] == '"':
        close = line.find('"', 1)
        close = end if close < 0 else close
        found, i = [line[1:close]], close + 1
    while i < end:
        if line[i] in " \t\r\n":
            i += 1
            continue
        argument, i = _argument(line, i)
        found.append(argument)
    return found


def _argument(line: str, start: int) -> tuple[str, int]:
    """One argument from `start`, and where it ends. 2n backslashes and a quote are n backslashes and the end of a quotation,
    2n+1 are n and a quote that stays; elsewhere a backslash is just one; two quotes inside a quotation are one."""
    parts: list[str] = []
    i, quoted = start, False
    while True:
        found = _BACKSLASHES.search(line, i)
        if found is None:
            return "".join(parts) + line[i:], len(line)
        slashes, stop = found[1], found[2]
        parts.append(line[i : found.start()])
        i = found.end()
        if stop != '"':
            parts.append(slashes)
            if not stop or not quoted:
                return "".join(parts), i
            parts.append(stop)
            continue
        parts.append(slashes[: len(slashes) // 2])
        if len(slashes) % 2:
            parts.append('"')
        elif quoted and line[i : i + 1] == '"':
            parts.append('"')
            i += 1
        else:
            quoted = not quoted


_MOSTLY = 512
"""Command lines are mostly shorter, and come again and again."""
_ARGUMENTS = Remembered[str, list[str]](_arguments, 4096)


def dns_results(text: str) -> list[dict[str, str]] | None:
    """Sysmon's QueryResults (`type:  5 name;::ffff:192.0.2.1;`) as ECS dns.answers."""
    return [_answer(item) for item in map(str.strip, text.split(";")) if item and item != "-"] or None


def _answer(item: str) -> dict[str, str]:
    if item.startswith("type:"):
        number, _, data = item[5:].strip().partition(" ")
        return {"data": data.strip(), "type": _DNS_TYPES.get(number, number)}
    bare = item.removeprefix("::ffff:")
    return {"data": bare, "type": "AAAA" if ":" in bare else "A"}


def answered_addresses(text: str) -> list[str] | None:
    """The addresses among Sysmon's QueryResults, which may be cut off in the middle of one."""
    return [a["data"] for a in dns_results(text) or () if a["type"] in ("A", "AAAA") and coerce.ip(a["data"])] or None


_USUAL_NAME = 512
"""Issuers and subjects shorter than this come again and again."""


@lru_cache(64)
def name_part(key: str) -> Callable[[str], Any]:
    """The values of one attribute (CN, O, ...) of a distinguished name, in either order, escaped or not (RFC 4514 and as
    OpenSSL prints them): the text, or a list where the attribute repeats."""
    search = re.compile(
        rf"(?:^|[,/+]\s*){re.escape(key)}\s?=\s?((?:\\.|[^\\])*?)(?=[,/+]\s*[A-Za-z][A-Za-z0-9.]*\s?=|[,/+]?$)", re.S
    ).findall

    def parts(name: str) -> Any:
        values = [re.sub(r"\\(.)", r"\1", value).strip() for value in search(name[:8192])]
        return values[0] if len(values) == 1 else values or None

    known = Remembered(parts, 2048)

    def change(name: str) -> Any:
        found = known[name] if len(name) < _USUAL_NAME else parts(name)
        return found.copy() if type(found) is list else found

    return change


def renamed(pairs: tuple[str, ...]) -> Callable[[Any], Any]:
    """`old:new ...`: an object, or each of a list of them, with these keys only, by their new names. Raises ValueError."""
    names = [tuple(pair.split(":")) for pair in pairs]
    if any(len(pair) != 2 for pair in names):
        raise ValueError("write rename OLD:NEW ...")

    def one(value: Any) -> Any:
        return {new: value[old] for old, new in names if value.get(old) is not None} if type(value) is dict else None

    def pipe(value: Any) -> Any:
        if type(value) is list:
            return [item for item in map(one, value) if item] or None
        return one(value) or None

    return pipe


def named(key: str) -> Callable[[Any], Any]:
    """What the item of this name (case ignored) says in a list of {name, value} objects, as cloud APIs write properties."""
    wanted = key.lower()

    def pipe(value: Any) -> Any:
        for item in value if type(value) is list else ():
            if type(item) is dict:
                if len(item) == 2 and "Name" in item and "Value" in item:  # as nearly all are
                    if str(item["Name"]).lower() == wanted:
                        return item["Value"] if item["Value"] not in (None, "", []) else None
                    continue
                low = {str(k).lower(): v for k, v in item.items()}
                if str(low.get("name", low.get("key", ""))).lower() == wanted:
                    return _value_of(low)
        return None

    return pipe


def _value_of(item: dict[str, Any]) -> Any:
    """The first that is there: value, its typed forms (Google, CrowdStrike), or the new one (Microsoft)."""
    for name in ("value", "multivalue", "boolvalue", "intvalue", "valuestring", "newvalue"):
        if item.get(name) not in (None, "", []):
            return item[name]
    return None
