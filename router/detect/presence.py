"""Which fields of rules have been seen in events: a field that never comes makes rules that never fire, and nobody notices.

Looks at samples, not at every event: a field that is named here may still come in events that were not looked at.
"""

from collections import Counter
from collections.abc import Sequence

from router.batch import Event
from router.detect.ir import atoms
from router.detect.linking import within
from router.detect.probes import Probe, Values
from router.detect.routing import RouteKey, Router
from router.detect.rules import Rule
from router.detect.values import MISSING
from router.detect.views import Logsource, view

_MAX_KEYS = 4096


class Presence:
    """What is left of the fields of some rules once those are struck out that an event had."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._router = Router()
        self._unseen: dict[Logsource, dict[str, Probe]] = {}
        self._sources: dict[RouteKey, list[Logsource]] = {}
        self.looked: Counter[Logsource] = Counter()
        """Events looked at, by log source of rules."""
        for rule in rules:
            fields, reader = self._unseen.setdefault(rule.logsource, {}), view(rule.logsource, rule.taxonomy)
            for atom in atoms(rule.tree):
                if atom.field is not None and atom.kind not in ("null", "exists"):
                    fields[atom.field] = reader.raw(atom.field)

    def look(self, event: Event) -> None:
        """Strike out what this event has."""
        values = Values(event)
        for source in self._of(self._router.key(event)):
            self.looked[source] += 1
            left = self._unseen[source]
            for name in [name for name, probe in left.items() if values[probe] is not MISSING]:
                del left[name]

    def _of(self, key: RouteKey) -> list[Logsource]:
        found = self._sources.get(key)
        if found is None:
            if len(self._sources) >= _MAX_KEYS:
                self._sources.clear()
            sources = self._router.sources(key)
            found = self._sources[key] = [w for w in self._unseen if any(within(s, w) for s in sources)]
        return found

    def unseen(self) -> dict[Logsource, list[str]]:
        """Fields that no event had, of log sources of which events were looked at."""
        return {source: sorted(self._unseen[source]) for source in self.looked}
