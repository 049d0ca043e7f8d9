"""Two matchers over the same events: every difference is kept, with the event."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import orjson

from router.detect import Rule
from tests.conformance.detection.corpus import Received
from tests.conformance.detection.generate import Made, Quota, events_for
from tests.conformance.detection.oracle import Matcher, Oracle, Product

_MOST_KEPT, _MIXED, _BATCH = 50, 40, 100


@dataclass
class Score:
    """What one comparison came to. A pair is an event and a rule of its log sources."""

    events: int = 0
    pairs: int = 0
    trues: int = 0
    differences: int = 0
    kept: list[str] = field(default_factory=list)
    """The first differences, each a line with the rules and the event."""
    fired: set[str] = field(default_factory=set)
    """Ids of rules that were true at least once."""


@dataclass
class Cover:
    """Which rules were made true, and nearly, by an event that was made for them."""

    positive: set[str] = field(default_factory=set)
    negative: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)


def compare(left: Matcher, right: Matcher, oracle: Oracle, stream: Iterable[Received], score: Score) -> Iterator[list[Rule]]:
    """Ask both about each event; yields what `right` says, an event at a time. `oracle` knows the rules of an event."""
    for (event, raw), ours in _asked(left, stream):
        theirs = list(right.match(event, raw))
        score.events += 1
        score.pairs += len(oracle.visible(event))
        score.trues += len(theirs)
        score.fired.update(rule.id for rule in theirs)
        if ours != theirs:
            _keep(score, ours, theirs, Received(event, raw))
        yield theirs


def _asked(matcher: Matcher, stream: Iterable[Received]) -> Iterator[tuple[Received, list[Rule]]]:
    """What a matcher says of each; the product is asked by batches."""
    events = iter(stream)
    while batch := list(islice(events, _BATCH)):
        if isinstance(matcher, Product):
            answers = matcher.match_batch([event for event, _ in batch], [raw for _, raw in batch])
        else:
            answers = [list(matcher.match(event, raw)) for event, raw in batch]
        yield from zip(batch, answers, strict=True)


def _keep(score: Score, ours: Sequence[Rule], theirs: Sequence[Rule], received: Received) -> None:
    more, fewer = [r for r in ours if r not in theirs], [r for r in theirs if r not in ours]
    score.differences += max(1, len(more) + len(fewer))
    if len(score.kept) < _MOST_KEPT:
        names = {"only_left": [f"{r.file}:{r.line} {r.title}" for r in more]}
        names["only_right"] = [f"{r.file}:{r.line} {r.title}" for r in fewer]
        text = orjson.dumps({**names, "event": received.event, "raw": received.raw.decode("utf-8", "replace")}, default=str)
        score.kept.append(text.decode())


def over_real(left: Matcher, right: Matcher, oracle: Oracle, events: Iterable[Received]) -> Score:
    """Real events."""
    score = Score()
    for _ in compare(left, right, oracle, events, score):
        pass
    return score


def over_generated(
    left: Matcher, right: Matcher, oracle: Oracle, rules: Sequence[Rule], quota: Quota, seed: int
) -> tuple[Score, Cover]:
    """Events made for each rule, those of some rules mixed, so that whatever a matcher remembers is put to use."""
    score, cover = Score(), Cover()
    made = list[tuple[Rule, Made]]()
    for made in _mixed(rules, quota, random.Random(seed)):
        verdicts = compare(left, right, oracle, [m.received for _, m in made], score)
        for (rule, event), found in zip(made, verdicts, strict=True):
            cover.kinds[f"{event.kind}, {'true' if rule in found else 'false'}"] += 1
            if rule in found:
                cover.positive.add(rule.id)
            elif event.kind != "positive":
                cover.negative.add(rule.id)
    return score, cover


def _mixed(rules: Sequence[Rule], quota: Quota, chance: random.Random) -> Iterator[list[tuple[Rule, Made]]]:
    order = chance.sample(list(rules), len(rules))
    for start in range(0, len(order), _MIXED):
        made = [(rule, event) for rule in order[start : start + _MIXED] for event in events_for(rule, quota, chance)]
        chance.shuffle(made)
        yield made
