"""Small GeoIP files in the shape of MaxMind's."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

CITY = {
    "city": {"names": {"en": "Sampleton", "de": "Musterstadt"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
    "location": {"latitude": 51.5, "longitude": -0.25, "time_zone": "Europe/London"},
    "postal": {"code": "OX1"},
    "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
}
ASN = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Net"}


def written(path: Path, networks: dict[str, dict[str, Any]], kind: str = "GeoLite2-City") -> Path:
    """A database of these networks, in the place of whatever stands there (as updaters do it)."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind, languages=["en"])
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    part = path.with_suffix(".part")
    writer.to_db_file(str(part))
    part.replace(path)
    return path
