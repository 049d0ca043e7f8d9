"""From the rules that an event satisfied to records of `matches`: alerts, and what correlations count."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

from router.batch import Event, Facts, Record, record_of
from router.correlate.lane import MATCH
from router.correlate.match import Sighting, home
from router.detect import Correlation, Rule
from router.detect.alerts import DATASET, Alerts
from router.detect.probes import Values
from router.process.severity import BY_LEVEL


class Hits:
    """Writes what matches of rules are to others."""

    def __init__(self, correlations: Sequence[Correlation], partitions: int) -> None:
        """`partitions` of `matches`."""
        self._partitions = partitions
        self._counting: dict[str, list[Correlation]] = {}
        for correlation in correlations:
            for rule in correlation.rules:
                self._counting.setdefault(rule, []).append(correlation)

    def records(self, rules: Sequence[Rule], event: Event, record: Record, received: bytes) -> Iterator[tuple[int, Record]]:
        """(partition of `matches`, record) of each alert and each match that a correlation counts.

        `record` is the event's own. `received` is what was given to the rules beside it.
        """
        values, source = Values(event, received), record.facts.source
        alerts = Alerts(event, event_id=record.id, time=record.time, values=values)
        sighting = Sighting(event, record.id, record.time, values)
        own = record.origin.partition if record.origin else 0
        for rule in rules:
            if rule.alerts:
                alert_id = blake2b(rule.id.encode() + record.id, digest_size=16).digest()
                facts = _alert_facts(source, rule.level)
                yield own, record_of((alert_id, alerts.of(rule), record.time, facts, record.key, record.origin))
            facts = _match_facts(source)
            for key, body, match_id in sighting.matches(self._counting.get(rule.id, ()), rule):
                yield home(key, self._partitions), record_of((match_id, body, record.time, facts, key, record.origin))


@lru_cache(1024)
def _alert_facts(source: str, level: str) -> Facts:
    return Facts(source, dataset=DATASET, kind="alert", severity=BY_LEVEL.get(level, 0))


@lru_cache(1024)
def _match_facts(source: str) -> Facts:
    return Facts(source, kind=MATCH)
