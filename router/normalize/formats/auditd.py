"""Linux audit records, raw from audit.log or behind a syslog header: `type=X msg=audit(time:serial): key=value ...`.

Follows the audit field dictionary of the Linux Audit documentation project: what the kernel could not print safely is upper-case
hex without quotes; `msg='...'` holds the fields of a program; the fields behind 0x1D are names that auditd added (ENRICHED).
"""

import re
from collections.abc import Callable
from socket import AF_INET6, inet_ntop
from typing import Any

_TIME = r"(?P<time>\d{1,12}(?:\.\d{1,9})?):(?P<serial>\d{1,20})\): ?"
_HEAD = re.compile(r"(?:node=(?P<node>\S{1,255}) )?(?:type=(?P<type>[A-Z_0-9]{1,64}(?:\[\d{1,5}\])?) )?msg=audit\(" + _TIME)
_KERNEL_HEAD = re.compile(r"(?:\[ {0,11}\d{1,11}\.\d{1,9}\] )?(?:audit: )?type=(?P<type>\d{1,5}) audit\(" + _TIME)
_JOURNAL_HEAD = re.compile(r"(?:<audit-(?P<number>\d{4})>|(?P<type>[A-Z][A-Z_0-9]{2,63})) (?=[a-z][\w-]{0,63}=)")
"""What the journal hands on to syslog, which has the time: `audit[77]: USER_LOGIN pid=77 ...`."""
_TOKEN = re.compile(r'([A-Za-z_][\w-]{0,63}(?:\[\d{1,5}\])?)=("[^"]*"(?=[\s,]|\Z),?|"[^"]*\Z|[^\s"]\S*|)(?=\s|\Z)|(\S+)')
_ARGUMENT = re.compile(r"a(\d{1,5})(?:\[(\d{1,5})\])?\Z")
_BEGUN = re.compile(r"[A-Za-z_][\w-]{0,63}\Z")
_COMPLETE = re.compile(r'"[^"]*+"\Z|[\d.:?-]++\Z')
"""Values behind which no more of them can come."""
_LENGTH = re.compile(r"a\d{1,5}_len\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_ENCODED = frozenset(
    "comm ocomm exe name cwd cmd proctitle acct data path file dir key vm device watch sw unit old-disk new-disk img".split()
)
_COMMAND_LINES = frozenset(("proctitle", "cmd"))
_TYPE_NAMES = {  # numbers that the kernel prints when no audit daemon runs: linux/audit.h
    "1100": "USER_AUTH", "1101": "USER_ACCT", "1103": "CRED_ACQ", "1104": "CRED_DISP", "1105": "USER_START",
    "1106": "USER_END", "1107": "USER_AVC", "1112": "USER_LOGIN", "1113": "USER_LOGOUT", "1123": "USER_CMD",
    "1130": "SERVICE_START", "1131": "SERVICE_STOP", "1300": "SYSCALL", "1302": "PATH", "1305": "CONFIG_CHANGE",
    "1306": "SOCKADDR", "1307": "CWD", "1309": "EXECVE", "1319": "TTY", "1320": "EOE",
    "1321": "BPRM_FCAPS", "1325": "NETFILTER_CFG", "1326": "SECCOMP", "1327": "PROCTITLE", "1330": "KERN_MODULE",
    "1334": "BPF", "1400": "AVC", "1403": "MAC_POLICY_LOAD", "1404": "MAC_STATUS", "1700": "ANOM_PROMISCUOUS",
    "1701": "ANOM_ABEND",
}  # fmt: skip
MAX_ARGUMENTS = 1024
_ADDED = re.compile(
    r"""(?:\#035|(?<=["')\da-z]))(?=(?:ARCH|SYSCALL|[A-Z]{0,3}UID|SADDR|ID)=)"""
    r"""((?:[A-Z]{2,8}(?:-[A-Z]{2,5})?=(?:"[^"]{0,300}+"|\{[^}]{0,300}+\}|[^\s"]\S{0,300}+)(?:\ |\Z))+)\Z""",
)
"""The names that auditd added where a relay wrote 0x1D as rsyslog does, or left it out: they are all that follows. What stands
for a name is bounded, so that a hostile line costs no more than its length."""


def auditd(text: str) -> dict[str, Any] | None:
    """One record: `type`, `time`, `serial`, `node`, its fields, those of `msg='...'` beside them (below `inner` where both have
    one), `args` of an EXECVE, `socket` of a SOCKADDR, `names` for what auditd resolved, `text` for words before the first field.
    """
    found = _HEAD.match(text) or _KERNEL_HEAD.match(text) or _JOURNAL_HEAD.match(text)
    if found is None:
        return None
    record: dict[str, Any] = {name: value for name, value in found.groupdict().items() if value is not None}
    number = record.pop("number", record.get("type", ""))
    kind = _TYPE_NAMES.get(number, number or None)
    if kind is None:
        return None
    record["type"] = kind
    body, _, added = text[found.end() :].rstrip("\r\n \x00").partition("\x1d")
    if not added and ("ID=" in body or "ARCH=" in body or "SADDR=" in body):
        body, added = _relayed(body)
    _read(body, kind, record)
    if added:
        record["names"] = {name.lower(): _plain(value) for name, value in _pairs(added)[0]}
    return record


def _relayed(body: str) -> tuple[str, str]:
    """The record and what auditd added to it, told apart by their letters; never inside of quotes."""
    found = _ADDED.search(body)
    if found is None or body.count('"', 0, found.start()) % 2:
        return body, ""
    return body[: found.start()], found[1]


def _read(body: str, kind: str, record: dict[str, Any]) -> None:
    outer, quote, inner = body.partition("msg='")
    pairs, words = _pairs(outer)
    if kind == "EXECVE":
        pairs = _arguments(pairs, record)
    if quote:
        more, inner_words = _pairs(_unbracketed(inner.rstrip("'")), cut_off="'" not in inner)
        pairs += more
        words = inner_words or words
    if words:
        record["text"] = words
    for name, value in pairs:
        hexed = name in _ENCODED and len(value) > 1 and _HEX.match(value)
        plain = _decoded(name, value) if hexed else _plain(value)
        if name not in record:
            record[name] = plain
        else:
            record.setdefault("inner", {}).setdefault(name, plain)
    if kind in ("SOCKADDR", "CKADDR") and isinstance(record.get("saddr"), str):
        where = socket_address(record["saddr"])
        if where:
            record["socket"] = where


def _unbracketed(inner: str) -> str:
    """Without the colon and the brackets of RHEL 5: `acct="root" : exe="/x" (hostname=?, addr=?, terminal=? res=success)`."""
    before, bracket, after = inner.partition(" (hostname=")
    return f"{before.replace(' : exe=', ' exe=')} hostname={after.rstrip().removesuffix(')')}" if bracket else inner


def _pairs(text: str, cut_off: bool = False) -> tuple[list[tuple[str, str]], str]:
    """(name, value) in order, quotes kept, and the words before the first pair. A later word belongs to the value before it,
    but for one at the end that may be the beginning of a name, where the text was cut off.
    """
    pairs: list[tuple[str, str]] = []
    lead: list[str] = []
    words: list[str] = []
    for name, value, word in _TOKEN.findall(text):
        if word:
            words.append(word)
            continue
        if pairs and words:
            _lengthen(pairs, words)
            words = []
        elif words:
            lead, words = words, []
        pairs.append((name, value.rstrip(",") if value[-1:] == "," else value))
    if pairs and words and not (len(words) == 1 and (cut_off or _COMPLETE.match(pairs[-1][1])) and _BEGUN.match(words[0])):
        _lengthen(pairs, words)
        words = []
    return pairs, " ".join(lead or words)


def _lengthen(pairs: list[tuple[str, str]], words: list[str]) -> None:
    name, held = pairs[-1]
    pairs[-1] = (name, " ".join((held, *words)))


def _plain(value: str) -> str:
    """Without its quotes; a record that was cut off may lack the second one."""
    if value[:1] != '"':
        return value
    if len(value) == 1:
        return ""
    return value[1:-1] if value[-1] == '"' else value[1:] if '"' not in value[1:] else value


def _decoded(name: str, value: str) -> str:
    data = bytes.fromhex(value)
    if name in _COMMAND_LINES:
        data = data.rstrip(b"\0").replace(b"\0", b" ")
    elif name == "key":
        data = data.replace(b"\1", b",")
    return data.decode("utf-8", "replace")


def _arguments(pairs: list[tuple[str, str]], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Collect aN and the pieces aN[M] of long ones into `args`; gives the other pairs. Pieces are joined, then decoded."""
    pieces: dict[int, list[tuple[int, str]]] = {}
    others: list[tuple[str, str]] = []
    for name, value in pairs:
        found = _ARGUMENT.match(name)
        if found is not None:
            pieces.setdefault(int(found[1]), []).append((int(found[2] or 0), value))
        elif not _LENGTH.match(name):
            others.append((name, value))
    if pieces:
        record["args"] = [_argument(pieces[i]) for i in sorted(pieces)[:MAX_ARGUMENTS]]
    return others


def _argument(pieces: list[tuple[int, str]]) -> str:
    joined = "".join(piece if piece[:1] != '"' else _plain(piece) for _, piece in sorted(pieces))
    quoted = pieces[0][1][:1] == '"'
    if quoted or len(joined) < 2 or not _HEX.match(joined):
        return joined
    return bytes.fromhex(joined).decode("utf-8", "replace")


def socket_address(text: str) -> dict[str, Any] | None:
    """The sockaddr that the kernel printed as hex: family (in either byte order), address, port or path."""
    if len(text) < 4 or not _HEX.match(text):
        return None
    data = bytes.fromhex(text)
    family = data[0] or data[1]
    port = int.from_bytes(data[2:4], "big")
    if family == 2 and len(data) >= 8:
        return {"family": "ipv4", "ip": ".".join(str(part) for part in data[4:8]), "port": port}
    if family == 10 and len(data) >= 24:
        return {"family": "ipv6", "ip": inet_ntop(AF_INET6, data[8:24]), "port": port}
    if family == 1:
        path = data[2:].lstrip(b"\0").partition(b"\0")[0].decode("utf-8", "replace")
        return {"family": "unix", "path": path} if path else {"family": "unix"}
    return {"family": {16: "netlink", 17: "packet", 40: "vsock"}.get(family, str(family))}


def compile_auditd() -> Callable[[str], dict[str, Any] | None]:
    """The parser; it has no options."""
    return auditd
