"""Zone and host of a source and of some of its senders: by address or network, the narrowest that holds."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from router.errors import Problem
from router.normalize.remembered import Remembered
from router.normalize.zones import Zone, zone

_MOST = 16_384
Own = tuple[Zone | None, str]
"""The zone and the host of a sender; None and empty: as for the others."""


def told_zone(name: str, where: str, problems: list[Problem]) -> Zone | None:
    """The zone of this name; None, and a problem at this place of the configuration, where there is none."""
    found = zone(name)
    if found is None:
        problems.append(Problem("configuration", 1, where, f"{name!r} is no time zone", "write Europe/Paris, UTC or +02:00"))
    return found


class Senders(Remembered[str, Own]):
    """Address of a sender -> what is its own."""

    __slots__ = ()

    def __init__(self, source: str, rows: Iterable[tuple[str, str, str]], problems: list[Problem]) -> None:
        """`rows`: network, zone and host, each of the two may be empty."""
        made = []
        for name, tz, host in rows:
            found = told_zone(tz, f"sources.{source}.senders.{name}.tz", problems) if tz else None
            made.append((ip_network(name, strict=False), found, host))
        made.sort(key=lambda row: -row[0].prefixlen)

        def own(peer: str) -> Own:
            try:
                address = ip_address(peer.partition("%")[0])
            except ValueError:
                return None, ""
            address = getattr(address, "ipv4_mapped", None) or address
            held = [(tz, host) for network, tz, host in made if address.version == network.version and address in network]
            return next((tz for tz, _ in held if tz is not None), None), next((host for _, host in held if host), "")

        super().__init__(own, _MOST)


class Hints(NamedTuple):
    """What is configured for one source."""

    normalizer: str = ""
    """The only normalizer for it; empty: find out."""
    tz: str = ""
    """Zone of times that name none; empty: that of the catalogue."""
    host: str = ""
    """host.name of events that name no host; empty: leave it out."""
    senders: tuple[tuple[str, str, str], ...] = ()
    """Address or network, and `tz` and `host` of those that send from there; empty: as for the others."""


class Told(NamedTuple):
    """What is known about a payload before it is looked at."""

    site: Zone
    source: str
    peer: str
    envelope: str
    meta: dict[str, str]
    """Never written to."""
    host: str | None


def site_of(name: str, source: str, problems: list[Problem]) -> Zone:
    """The zone that is configured, for a source or for all; a problem where there is none of that name."""
    found = told_zone(name, f"sources.{source}.tz" if source else "normalize.tz", problems)
    if found is None:
        return Zone("UTC", known=False)
    return found if source or name != "UTC" else found.assumed()
