"""What the running rules are doing, as metrics: last matches, refused rules, fields never seen, the engine's misses.

Asked once a batch, and then only looks at a few events; labels are rules, log sources and fields that rules name.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

import orjson

from router.batch import Record
from router.detect import Ruleset
from router.detect.engine import Engine
from router.detect.presence import Presence
from router.detect.refusals import REASONS, reason
from router.telemetry import (
    DETECT_CANDIDATES,
    DETECT_VALUE_MISSES,
    DETECT_VERDICT_MISSES,
    FIELD_UNSEEN,
    LAST_MATCH,
    RULES_IN_FORCE,
    RULES_REFUSED,
    SOURCE_LOOKED,
    bound,
)

_LOOKS_A_BATCH, _EVERY_SECONDS = 8, 5.0
_MAX_FIELDS = 2000


class Meter:
    """For one rule set."""

    def __init__(self, ruleset: Ruleset, engine: Engine) -> None:
        """`engine` is the one that judges by these rules."""
        self._engine, self._presence = engine, Presence(ruleset.rules)
        self._last, self._unseen, self._looked = bound(LAST_MATCH.labels), bound(FIELD_UNSEEN.labels), bound(SOURCE_LOOKED.labels)
        self._told: set[tuple[str, str]] = set()
        self._at, self._turn = 0.0, 0
        self._counted = (0, 0, 0)
        RULES_IN_FORCE.set(len(ruleset.rules) + len(ruleset.correlations))
        refused = Counter(map(reason, ruleset.refused))
        for word in REASONS:
            RULES_REFUSED.labels(word).set(refused[word])

    def batch(self, hits: Iterable[tuple[str, str]], events: Sequence[Record]) -> None:
        """`hits`: rules that matched in the batch, with their levels; `events`: what was written."""
        now = time.time()
        for rule, _ in hits:
            self._last(rule).set(now)
        for record in self._chosen(events):
            self._presence.look(orjson.loads(record.body))
        if now - self._at >= _EVERY_SECONDS:
            self._at = now
            self._tell()

    def _chosen(self, events: Sequence[Record]) -> Iterable[Record]:
        """One of each dataset, another one in each batch."""
        self._turn += 1
        by_dataset: dict[str, list[Record]] = {}
        for record in events:
            by_dataset.setdefault(record.facts.dataset, []).append(record)
        chosen = list(by_dataset.values())
        first = self._turn % max(1, len(chosen))
        return [listed[self._turn % len(listed)] for listed in (chosen[first:] + chosen[:first])[:_LOOKS_A_BATCH]]

    def _tell(self) -> None:
        unseen = {(str(source), field) for source, fields in self._presence.unseen().items() for field in fields}
        for pair in self._told - unseen:
            self._unseen(*pair).set(0)
        for pair in sorted(unseen)[:_MAX_FIELDS]:
            self._unseen(*pair).set(1)
            self._told.add(pair)
        for source, count in self._presence.looked.items():
            self._looked(str(source)).set(count)
        self._tell_costs()

    def _tell_costs(self) -> None:
        counted = self._engine.costs()
        metrics = DETECT_VALUE_MISSES, DETECT_VERDICT_MISSES, DETECT_CANDIDATES
        for metric, now, before in zip(metrics, counted, self._counted, strict=True):
            metric.inc(now - before if now >= before else now)
        self._counted = counted
        self._engine.publish()
