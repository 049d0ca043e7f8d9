"""Community ID of flows whose normalizer does not derive it (Community ID 1, seed 0)."""

from router.batch import Event
from router.normalize.derive import community_id

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


def add_community_id(document: Event) -> None:
    """network.community_id of TCP, UDP and SCTP between two addresses with ports."""
    source, destination, network = document.get("source"), document.get("destination"), document.get("network")
    if type(source) is not dict or type(destination) is not dict or type(network) is not dict or "community_id" in network:
        return
    number = _PROTOCOLS.get(str(network.get("transport") or ""))
    ports = source.get("port"), destination.get("port")
    addresses = source.get("ip"), destination.get("ip")
    if number is None or not all(type(p) is int and 0 <= p < 65_536 for p in ports) or not all(type(a) is str for a in addresses):
        return
    try:
        network["community_id"] = community_id(addresses[0], addresses[1], number, ports[0], ports[1])  # type: ignore[arg-type]  # checked
    except OSError:
        return  # no addresses after all
