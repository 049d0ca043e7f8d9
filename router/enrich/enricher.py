"""All parts that are configured, in one call per payload."""

import time
from collections.abc import Callable, Iterable

from router.batch import Event
from router.config import Enrich
from router.enrich.community import add_community_id
from router.enrich.domains import add_domains
from router.enrich.geoip import GeoIp
from router.enrich.user_agent import add_user_agent

Part = Callable[[Event], None]


class Enricher:
    """Adds to documents in place. Raises ConfigError where a file that is configured cannot be read."""

    def __init__(self, settings: Enrich, clock: Callable[[], float] = time.monotonic) -> None:
        self._geoip = GeoIp(settings.geoip, settings.look_seconds, clock) if settings.geoip else None
        self._parts: list[Part] = [self._geoip.add] if self._geoip else []
        self._parts += [add_domains] if settings.domains else []
        self._parts += [add_user_agent] if settings.user_agent else []
        self._parts += [add_community_id] if settings.community_id else []

    def __bool__(self) -> bool:
        """Is anything configured at all?"""
        return bool(self._parts)

    def __call__(self, documents: Iterable[Event]) -> None:
        """Add what is known to each. Never raises: a document that a part cannot deal with stays as it is."""
        if self._geoip is not None:
            self._geoip.refresh()
        for document in documents:
            for part in self._parts:
                part(document)
