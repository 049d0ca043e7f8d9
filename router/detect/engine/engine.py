"""A rule set, matched fast: a bucket for every kind of event, compiled when the first such event comes."""

import threading
import time
from collections import deque
from collections.abc import Sequence

import orjson

from router.batch import Event
from router.detect.engine.bucket import Bucket
from router.detect.engine.counts import Counts
from router.detect.engine.databases import Databases, prune
from router.detect.engine.doors import Door
from router.detect.engine.keywords import Marks
from router.detect.engine.memo import Budget
from router.detect.engine.numbers import Numbers
from router.detect.engine.options import Options
from router.detect.engine.prepared import Prepared, prepare
from router.detect.engine.remembered import keep, kept, recall, remember
from router.detect.engine.routes import Routes
from router.detect.ir import atoms
from router.detect.linking import within
from router.detect.matcher import Test, compile_tree
from router.detect.probes import Values
from router.detect.routing import RouteKey
from router.detect.rules import Rule
from router.detect.views import Logsource, view
from router.telemetry import logger

_SMALL = 300
"""Atoms of a bucket that is compiled at once: some milliseconds."""
_EVERY = 16
"""One event of so many is kept for the engine that follows,"""
_MAX_WARM_SECONDS = 2.0
"""which has so long to judge them."""
_log = logger("detect")


class Slow:
    """The exact matcher without an engine: judges the events of a bucket that is still being compiled."""

    marks = None

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._tests: list[tuple[Rule, Test]] | None = None

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> list[Rule]:
        """The rules that the event satisfies."""
        if self._tests is None:
            self._tests = [(rule, compile_tree(rule.tree, view(rule.logsource, rule.taxonomy))) for rule in self._rules]
        values = Values(event, raw)
        return [rule for rule, test in self._tests if test(values)]

    judge = match

    def door(self) -> "Slow":
        """Itself."""
        return self

    told = door


class Nothing:
    """Judges events that no rule sees."""

    marks = None

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> tuple[Rule, ...]:
        """None."""
        return ()

    judge = match

    def door(self) -> "Nothing":
        """Itself."""
        return self

    told = door


Judge = Bucket | Slow | Nothing


class Engine:
    """Judges events by rules. One thread may match; compiling may go on in another."""

    def __init__(self, rules: Sequence[Rule], options: Options) -> None:
        self._rules, self._options = rules, options
        self._databases = Databases(options.cache)
        self._numbers, self._budget = Numbers(), Budget(options.memory_bytes)
        self._routes = Routes(self._open)
        self._logsources = list(dict.fromkeys(rule.logsource for rule in rules))
        self._judges: dict[frozenset[Logsource], Judge] = {}
        self._prepared: dict[Rule, Prepared] = {}
        self._waiting: deque[tuple[Slow, list[Rule]]] = deque()
        self._ready: deque[tuple[Slow, Bucket]] = deque()
        self._building = threading.Lock()
        self._queue = threading.Lock()
        self._thread: threading.Thread | None = None
        self._marks: Marks | None = None
        self._marked: frozenset[bytes] = frozenset()
        self._unmarked = False
        self._counts = Counts()
        self._until_kept = _EVERY if options.background else -1

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> Sequence[Rule]:
        """The rules that the event satisfies, in the order in which they were loaded."""
        if self._ready:
            self._swap()
        self._until_kept -= 1
        if not self._until_kept:
            self._until_kept = _EVERY
            if encoded is not None:
                keep(encoded)
        return self._routes.of(event).match(event, raw, encoded)  # type: ignore[no-any-return]  # a Judge's answer

    def match_batch(
        self, events: Sequence[Event], raws: Sequence[bytes] | None = None, encoded: Sequence[bytes] | None = None
    ) -> list[Sequence[Rule]]:
        """`match` for each, cheaper: keywords are looked for in the whole batch at once."""
        self.edge()
        given = [b""] * len(events) if raws is None else raws
        bodies: Sequence[bytes | None] = [None] * len(events) if encoded is None else encoded
        marks, of = self._marks, self._routes.of
        marked = marks.of(events, raws, encoded) if marks is not None else ()
        out: list[Sequence[Rule]] = []
        add = out.append
        for n, event in enumerate(events):
            judge: Door | Slow | Nothing = of(event)
            if judge.marks is marks is not None and n not in marked:
                add(judge.judge(event))
            else:
                add(judge.match(event, given[n], bodies[n]))
        return out

    def edge(self) -> None:
        """Between two batches: put what was compiled meanwhile to use."""
        if self._ready:
            self._swap()
        if self._unmarked:
            self._mark()

    def forget(self) -> None:
        """Drop what was learned from events; what is compiled stays."""
        for judge in self._judges.values():
            if isinstance(judge, Bucket):
                judge.forget()

    def publish(self) -> None:
        """Bring the metrics up to date. It sums up much: not for every batch."""
        judges = list(self._judges.values())
        buckets = [judge for judge in judges if isinstance(judge, Bucket)]
        self._counts.publish(buckets, sum(isinstance(j, Slow) for j in judges), self._budget, self._databases)
        self._counts.rules([*self._prepared.values()])

    def _mark(self) -> None:
        """One search for the keywords of all buckets that are there."""
        self._unmarked = False
        buckets = {judge: judge.pieces for judge in self._judges.values() if isinstance(judge, Bucket) and judge.pieces}
        pieces = frozenset[bytes]().union(*buckets.values())
        if pieces != self._marked:
            self._marks, self._marked = Marks(pieces), pieces
        for bucket in buckets:
            bucket.mark(self._marks)

    def costs(self) -> tuple[int, int, int]:
        """Values that no memo had, verdicts that none had, and rules that were worked out for those, since the beginning."""
        buckets = [judge for judge in [*self._judges.values()] if isinstance(judge, Bucket)]
        values = sum(memo.misses for bucket in buckets for memo in bucket.memos)
        return values, sum(bucket.verdict_misses for bucket in buckets), sum(bucket.candidates for bucket in buckets)

    def visible(self, event: Event) -> list[Rule]:
        """The rules of the event's log sources, whether they match or not."""
        return self._seen(self._logsources_of(self._routes.key(event)))

    def foresee(self) -> None:
        """Begin to compile, in the background, what the events of before needed."""
        for key in recall(self._options.cache):
            self._routes.open(key)

    def prepare(self) -> None:
        """The same, wait for it, and learn from the last events. Not for the thread that runs the event loop."""
        self.foresee()
        self.settle()
        self._warm()

    def _warm(self) -> None:
        """Judge some of the last events, so that the first ones to come find memos that know what is frequent."""
        end = time.monotonic() + _MAX_WARM_SECONDS
        for encoded in kept():
            if time.monotonic() > end:
                break
            self._routes.of(event := orjson.loads(encoded)).match(event, b"", encoded)

    def settle(self) -> None:
        """Wait until every bucket that was asked for is compiled. Not for the thread that runs the event loop."""
        while thread := self._thread:
            thread.join()
        self._swap()

    def _logsources_of(self, key: RouteKey) -> frozenset[Logsource]:
        sources = self._routes.sources(key)
        return frozenset(wanted for wanted in self._logsources if any(within(source, wanted) for source in sources))

    def _seen(self, logsources: frozenset[Logsource]) -> list[Rule]:
        return [rule for rule in self._rules if rule.logsource in logsources]

    def _open(self, key: RouteKey) -> Door | Slow | Nothing:
        """The way into the bucket of a route: the same for all routes whose events the same rules see."""
        logsources = self._logsources_of(key)
        judge = self._judges.get(logsources)
        if judge is None:
            judge = self._judges[logsources] = self._judge(self._seen(logsources))
            if self._options.background and not isinstance(judge, Nothing):
                remember(key, self._options.cache)
        return judge.door()

    def _judge(self, rules: list[Rule]) -> Judge:
        """Compiled at once where that is quick, and nobody else compiles; else by the slow matcher until it is done."""
        if not rules:
            return Nothing()
        small = sum(1 for rule in rules for _ in atoms(rule.tree)) <= _SMALL
        if not self._options.background or (small and self._building.acquire(blocking=False)):
            try:
                return self._build(rules)
            finally:
                if self._options.background:
                    self._building.release()
        slow = Slow(rules)
        with self._queue:
            self._waiting.append((slow, rules))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="detection rules", daemon=True)
                self._thread.start()
        return slow

    def _build(self, rules: Sequence[Rule]) -> Bucket:
        self._unmarked = True
        prepared = [self._prepare(rule) for rule in rules]
        return Bucket(prepared, self._numbers, self._databases.finder, self._budget)

    def _prepare(self, rule: Rule) -> Prepared:
        if rule not in self._prepared:
            self._prepared[rule] = prepare(rule, self._numbers)
        return self._prepared[rule]

    def _work(self) -> None:
        """The thread: compile what waits. Hyperscan leaves the GIL free, so that events go on."""
        if self._options.cache is not None:
            prune(self._options.cache, time.time())
        while (waiting := self._take()) is not None:
            slow, rules = waiting
            try:
                with self._building:
                    self._ready.append((slow, self._build(rules)))
            except Exception as error:
                _log.error("a bucket cannot be compiled; its events are judged slowly", rules=len(rules), exc_info=error)

    def _take(self) -> tuple[Slow, list[Rule]] | None:
        """The next bucket to compile; with None the thread ends, and whoever has more work starts another."""
        with self._queue:
            if self._waiting:
                return self._waiting.popleft()
            self._thread = None
            return None

    def _swap(self) -> None:
        """Put compiled buckets in the place of the slow matchers. Both are exact, so it may happen between any two events."""
        self._unmarked = True
        while self._ready:
            slow, bucket = self._ready.popleft()
            self._routes.replace(slow, bucket.door())
            for logsources, judge in self._judges.items():
                if judge is slow:
                    self._judges[logsources] = bucket
