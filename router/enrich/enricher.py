"""All parts that are configured, in one call per payload."""

import time
from collections.abc import Callable, Iterable

from router.batch import Event
from router.config import Enrich

Part = Callable[[Event], None]


class Enricher:
    """Adds to documents in place. Raises ConfigError where a file that is configured cannot be read."""

    def __init__(self, settings: Enrich, clock: Callable[[], float] = time.monotonic) -> None:
        self._refresh, self._parts = _parts(settings, clock)

    def __bool__(self) -> bool:
        """Is anything configured at all?"""
        return bool(self._parts)

    def __call__(self, documents: Iterable[Event]) -> None:
        """Add what is known to each. Never raises: a document that a part cannot deal with stays as it is."""
        self._refresh()
        for document in documents:
            for part in self._parts:
                part(document)


def _parts(settings: Enrich, clock: Callable[[], float]) -> tuple[Callable[[], None], list[Part]]:
    """What renews the files, and the parts. Only what is configured is imported: lists and patterns take time to load."""
    refresh: Callable[[], None] = _nothing
    parts: list[Part] = []
    if settings.geoip:
        from router.enrich.geoip import GeoIp

        geoip = GeoIp(settings.geoip, settings.look_seconds, clock)
        refresh = geoip.refresh
        parts.append(geoip.add)
    if settings.domains:
        from router.enrich.domains import add_domains

        parts.append(add_domains)
    if settings.user_agent:
        from router.enrich.user_agent import add_user_agent

        parts.append(add_user_agent)
    if settings.community_id:
        from router.enrich.community import add_community_id

        parts.append(add_community_id)
    return refresh, parts


def _nothing() -> None:
    """No file is used."""
