"""The ports of a configuration: where a listener is written down, and which of them cannot all be had."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from router.documents import PathKey, dotted

_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:.%a-z]+\]|[^\[\]:\s]*):([0-9]{1,5})")
_EVERY = frozenset({"", "0.0.0.0", "::"})


class Port(NamedTuple):
    """One listener: where it stands in the file, and what it takes of the machine."""

    path: PathKey
    transport: str
    host: str
    number: int

    @property
    def text(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.number}" if ":" in self.host else f"{self.host}:{self.number}"

    def clashes(self, other: "Port") -> bool:
        """True if both want the same."""
        same = (
            self.host == other.host or {self.host, other.host} <= _EVERY or self._covers(other.host) or other._covers(self.host)
        )
        return same and (self.transport, self.number) == (other.transport, other.number) and self.number != 0

    def _covers(self, host: str) -> bool:
        """True if this listens on the other one's address too; `::` is every address of both families."""
        return self.host in _EVERY and not (self.host == "0.0.0.0" and ":" in host)


def listen_address(text: str) -> str:
    """The text, if it is empty or `host:port`. Raises ValueError with the remedy."""
    found = _LISTEN.fullmatch(text)
    if text and not (found and int(found[1]) <= 65535):
        raise ValueError(f'{text!r} is no address; write host:port, such as 127.0.0.1:9600, or "" to turn it off')
    return text


def ports(sources: Mapping[str, BaseModel], admin: str) -> Iterator[Port]:
    """Every listener of a configuration."""
    if admin:
        host, _, number = admin.rpartition(":")
        yield Port(("admin", "listen"), "tcp", host.strip("[]"), int(number))
    for name, settings in sources.items():
        yield from _below(settings, ("sources", name))


def _below(settings: BaseModel, path: PathKey) -> Iterator[Port]:
    """Addresses are pairs of host and port that know their parts by name."""
    for key, value in settings:
        if isinstance(value, BaseModel):
            yield from _below(value, (*path, key))
        elif getattr(value, "_fields", ()) == ("host", "port"):
            yield Port((*path, key), "udp" if key == "udp" else "tcp", value.host, value.port)


def clashes(found: Iterable[Port], workers: int) -> Iterator[tuple[PathKey, str, str]]:
    """(place, what is wrong, remedy) of listeners that cannot be had; workers would share a port that two sources want."""
    before: list[Port] = []
    for port in found:
        if other := next((o for o in before if port.clashes(o)), None):
            yield port.path, f"{port.text} is taken by {dotted(other.path)} already", "choose another port"
        if workers > 1 and not port.number and port.path[0] == "sources":
            yield port.path, f"with {workers} workers each would get a port of its own", "give a fixed port"
        before.append(port)
