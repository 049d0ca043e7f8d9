"""The two sides of every comparison: whatever has `match(event, received)`."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Protocol

import orjson

from router.batch import Event
from router.detect import Rule, Ruleset
from router.detect.linking import within
from router.detect.matcher import Test, compile_tree
from router.detect.probes import Values
from router.detect.routing import RouteKey, Router
from router.detect.views import view
from tests.conformance.detection.judge import message_of, reader, verdict


class Matcher(Protocol):
    """The rules that an event satisfies, in the order in which they were loaded."""

    def match(self, event: Event, raw: bytes = b"") -> Sequence[Rule]: ...


class Product:
    """The engine under test: asked event by event and by batches, now with the encoded document at hand, now without."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset, self._asked = ruleset, 0

    def match(self, event: Event, raw: bytes = b"") -> list[Rule]:
        self._asked += 1
        return list(self._ruleset.match(event, raw, orjson.dumps(event) if self._asked % 2 else None))

    def match_batch(self, events: Sequence[Event], raws: Sequence[bytes]) -> list[list[Rule]]:
        """The same for many; every third time one by one."""
        self._asked += 1
        if self._asked % 3 == 0:
            return [self.match(event, raw) for event, raw in zip(events, raws, strict=True)]
        encoded = [orjson.dumps(event) for event in events] if self._asked % 3 == 1 else None
        return list(map(list, self._ruleset.match_batch(events, raws, encoded)))


class Oracle:
    """The exact matcher, rule by rule: no index, no memo, nothing shared with the engine but how fields are read."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules, self._router = rules, Router()
        self._buckets: dict[RouteKey, list[tuple[Rule, Test]]] = {}
        self._tests: dict[Rule, Test] = {}

    def visible(self, event: Event) -> list[tuple[Rule, Test]]:
        """The rules whose log source an event is of."""
        key = self._router.key(event)
        if key not in self._buckets:
            sources = self._router.sources(key)
            seen = [r for r in self._rules if any(within(source, r.logsource) for source in sources)]
            self._buckets[key] = [(rule, self._test(rule)) for rule in seen]
        return self._buckets[key]

    def _test(self, rule: Rule) -> Test:
        if rule not in self._tests:
            self._tests[rule] = compile_tree(rule.tree, view(rule.logsource, rule.taxonomy))
        return self._tests[rule]

    def match(self, event: Event, raw: bytes = b"") -> list[Rule]:
        values = Values(event, raw)
        return [rule for rule, test in self.visible(event) if test(values)]


class Judge:
    """The same by the judge: slower, and written apart from both. `visible` is the oracle's."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def match(self, event: Event, raw: bytes = b"") -> list[Rule]:
        message, fields = message_of(event, raw), cache(partial(reader, event))
        seen = [rule for rule, _ in self._oracle.visible(event)]
        return [rule for rule in seen if verdict(rule.tree, fields(rule.logsource, rule.taxonomy), message)]
