"""Zone and host of some senders of a source: by address or network, the narrowest that holds."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

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
