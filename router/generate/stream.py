"""The mix: everyday telemetry in natural proportions with attacks in between."""

from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import Any, NamedTuple

import orjson

from router.generate import attacks, documents, syslog
from router.generate.world import World


class Message(NamedTuple):
    """One message as its sender would put it on the wire."""

    format: str
    """Which of FORMATS it is."""
    time: float
    """When it happened, seconds since the epoch."""
    body: bytes
    """A syslog line without its newline, or a JSON document."""
    is_syslog: bool
    """True: goes out as syslog; false: a document for HEC."""
    attack: bool


# share of the stream, and who makes one
_EVERYDAY: dict[str, tuple[int, tuple[Callable[[World, float], Any], ...]]] = {
    "windows": (30, (documents.sysmon, documents.security)),
    "asa": (22, (syslog.cisco_asa,)),
    "panos": (10, (syslog.panos,)),
    "fortigate": (8, (syslog.fortigate,)),
    "nginx": (10, (syslog.nginx,)),
    "linux": (6, (syslog.sshd, syslog.sudo)),
    "zeek": (6, (documents.zeek_conn,)),
    "suricata": (4, (documents.suricata,)),
    "cloudtrail": (4, (documents.cloudtrail,)),
}
FORMATS = tuple(_EVERYDAY)


def messages(
    world: World, start: float, rate: float, formats: Collection[str] = FORMATS, attack_every: int = 1500
) -> Iterator[Message]:
    """Without end: message i happens at start + i / rate. About every `attack_every` messages an attack; 0: none."""
    chosen = [f for f in FORMATS if f in formats]
    weights = [_EVERYDAY[f][0] for f in chosen]
    kinds = [a for a in attacks.ATTACKS if attack_every]
    waiting: list[tuple[str, Any]] = []
    next_attack = attack_every // 3
    for i in count():
        when = start + i / rate
        if kinds and i >= next_attack and not waiting:
            waiting = [s for s in kinds[0](world, when) if s[0] in chosen]
            kinds, next_attack = [*kinds[1:], kinds[0]], i + attack_every
        if waiting:
            name, content = waiting.pop(0)
            yield _message(name, when, content, True)
        else:
            name = world.dice.choices(chosen, weights)[0]
            yield _message(name, when, world.dice.choice(_EVERYDAY[name][1])(world, when), False)


def _message(name: str, when: float, content: Any, attack: bool) -> Message:
    if isinstance(content, str):
        return Message(name, when, content.encode(), True, attack)
    return Message(name, when, orjson.dumps(content), False, attack)
