"""Place and autonomous system of public addresses, from MaxMind DB files (GeoLite2, GeoIP2, or others of that format).

Format: MaxMind DB File Format Specification 2.0. Field names: GeoIP2 City, Country, ASN and ISP databases.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from router.batch import Event
from router.errors import ConfigError, Problem
from router.telemetry import logger

_SIDES = ("source", "destination", "client", "server")
_CACHED = 65_536
_log = logger("enrich")

Fields = dict[str, Any]


class _Open(NamedTuple):
    """A database and what its file looked like when it was opened."""

    reader: maxminddb.Reader
    stamp: tuple[int, int, int]


class GeoIp:
    """`geo` and `as` of source, destination, client and server. Files that change are opened again."""

    def __init__(self, paths: Sequence[Path], look_seconds: float, clock: Callable[[], float]) -> None:
        """Raises ConfigError for files that are missing or no databases."""
        self._paths, self._look, self._clock = paths, look_seconds, clock
        self._open: dict[Path, _Open] = {}
        problems = [problem for path in paths if (problem := self._opened(path)) is not None]
        if problems:
            raise ConfigError(problems)
        self._next = clock() + look_seconds
        self._found = self._cache()

    def refresh(self) -> None:
        """Look, now and then, whether a file has changed. One that cannot be read any more stays in use as it was."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + self._look
        changed = [path for path in self._paths if _stamp(path) not in (None, self._open[path].stamp)]
        for path in changed:
            if (problem := self._opened(path)) is not None:
                _log.error("a GeoIP file cannot be read; the one before stays in use", path=str(path), problem=problem.text)
            else:
                _log.info("a GeoIP file was read again", path=str(path))
        if changed:
            self._found = self._cache()

    def add(self, document: Event) -> None:
        """What is known about each side's address."""
        for name in _SIDES:
            side = document.get(name)
            if type(side) is dict and type(address := side.get("ip")) is str:
                for key, value in self._found(address).items():
                    if key not in side:
                        side[key] = _copied(value)

    def _opened(self, path: Path) -> Problem | None:
        """Open a file; what is wrong with it otherwise."""
        stamp = _stamp(path)
        try:
            reader = maxminddb.open_database(str(path), maxminddb.MODE_MEMORY)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            remedy = "give the path of a .mmdb file that this process may read"
            return Problem("configuration", 1, "process.enrich.geoip", f"{path}: {error}", remedy)
        self._open[path] = _Open(reader, stamp or (0, 0, 0))
        return None

    def _cache(self) -> Callable[[str], Fields]:
        readers = [self._open[path].reader for path in self._paths]

        @lru_cache(_CACHED)
        def found(address: str) -> Fields:
            known: Fields = {}
            for reader in readers:
                for key, value in _fields(_looked_up(reader, address)).items():
                    known.setdefault(key, {}).update(value)
            return known

        return found


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _looked_up(reader: maxminddb.Reader, address: str) -> Any:
    """The record; None where there is none, and for version 6 in a database of version 4."""
    try:
        return reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        return None


def _fields(record: Any) -> Fields:
    """ECS `geo` and `as` of a record of any of these databases."""
    if type(record) is not dict:
        return {}
    found = {"geo": _geo(record), "as": _as(record)}
    return {key: value for key, value in found.items() if value}


def _geo(record: Fields) -> Fields:
    country, continent = _part(record, "country"), _part(record, "continent")
    place = _part(record, "location")
    regions = record.get("subdivisions")
    region = regions[0] if type(regions) is list and regions and type(regions[0]) is dict else {}
    found = {
        "continent_code": continent.get("code"),
        "continent_name": _named(continent),
        "country_iso_code": country.get("iso_code"),
        "country_name": _named(country),
        "region_iso_code": _region(country, region),
        "region_name": _named(region),
        "city_name": _named(_part(record, "city")),
        "postal_code": _part(record, "postal").get("code"),
        "timezone": place.get("time_zone"),
        "location": _location(place),
    }
    return {key: value for key, value in found.items() if value}


def _location(place: Fields) -> Fields | None:
    lat, lon = place.get("latitude"), place.get("longitude")
    return {"lat": lat, "lon": lon} if type(lat) is float and type(lon) is float else None


def _region(country: Fields, region: Fields) -> str | None:
    """ISO 3166-2, as ECS writes it: with the country."""
    one, other = country.get("iso_code"), region.get("iso_code")
    return f"{one}-{other}" if one and other else None


def _as(record: Fields) -> Fields:
    found: Fields = {}
    if type(number := record.get("autonomous_system_number")) is int:
        found["number"] = number
    if type(name := record.get("autonomous_system_organization")) is str:
        found["organization"] = {"name": name}
    return found


def _part(record: Fields, key: str) -> Fields:
    found = record.get(key)
    return found if type(found) is dict else {}


def _named(part: Fields) -> str | None:
    names = _part(part, "names")
    name = names.get("en")
    return name if type(name) is str else None


def _copied(value: Fields) -> Fields:
    """Documents are changed later, what is remembered must not be."""
    return {key: dict(item) if type(item) is dict else item for key, item in value.items()}
