"""What the engine holds and looks up, in numbers, for `/metrics`."""

from collections.abc import Iterable
from heapq import nlargest

from prometheus_client import Counter

from router.detect.engine.bucket import Bucket
from router.detect.engine.databases import Databases
from router.detect.engine.memo import Budget
from router.detect.engine.prepared import Prepared
from router.telemetry import DETECT_BUCKETS, DETECT_DATABASES, DETECT_LOOKUPS, DETECT_MEMO_BYTES, RULE_CANDIDATES, bound

_COSTLIEST = 100
"""Rules that are told by name at a time."""


class Counts:
    """Publishes what there was more since it last did."""

    def __init__(self) -> None:
        self._last: dict[Counter, int] = {}
        self._compiled, self._restored = DETECT_DATABASES.labels("compiled"), DETECT_DATABASES.labels("cache")
        self._rule, self._worked = bound(RULE_CANDIDATES.labels), dict[str, int]()
        self._ready, self._compiling = DETECT_BUCKETS.labels("ready"), DETECT_BUCKETS.labels("compiling")

    def publish(self, buckets: Iterable[Bucket], compiling: int, budget: Budget, databases: Databases) -> None:
        """Sums over every memo, so not for every batch."""
        listed = list(buckets)
        self._more(DETECT_LOOKUPS, sum(memo.lookups() for bucket in listed for memo in bucket.memos))
        self._more(self._compiled, databases.compiled)
        self._more(self._restored, databases.restored)
        self._ready.set(len(listed))
        self._compiling.set(compiling)
        DETECT_MEMO_BYTES.set(budget.spent)

    def rules(self, prepared: Iterable[Prepared]) -> None:
        """Tell of those that were worked out most often."""
        worked = ((one.worked, one.rule.id) for one in prepared if one.worked and one.rule.id)
        for count, rule in nlargest(_COSTLIEST, worked):
            self._rule(rule).inc(count - self._worked.get(rule, 0))
            self._worked[rule] = count

    def _more(self, counter: Counter, now: int) -> None:
        counter.inc(max(0, now - self._last.get(counter, 0)))
        self._last[counter] = now
