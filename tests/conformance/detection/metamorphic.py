"""What must not change a verdict: order of keys, events and rules, memory, compile cache, processes, reloads, what is beside it."""

import multiprocessing
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import orjson

from router.batch import Event
from router.detect import Rule, Ruleset
from router.detect.engine.options import Options
from router.detect.ir import Atom
from tests.conformance.detection.corpus import Received
from tests.conformance.detection.generate import Quota, events_for

Verdicts: TypeAlias = list[list[str]]
"""For each event, the ids of the rules that it satisfies, in order."""
_TINY_BYTES = 20_000


@dataclass
class World:
    """Rules and events, and what a fresh engine says of them."""

    rules: Sequence[Rule]
    events: Sequence[Received]
    folder: Path
    chance: random.Random
    placeholders: Mapping[str, Sequence[str]]
    expected: Verdicts


def world(
    rules: Sequence[Rule],
    real: Sequence[Received],
    folder: Path,
    chance: random.Random,
    placeholders: Mapping[str, Sequence[str]],
) -> World:
    """Events made for the rules, and real ones, mixed."""
    made = [m.received for rule in rules for m in events_for(rule, Quota(1, 1, 2), chance)]
    events = [*made, *real]
    chance.shuffle(events)
    return World(rules, events, folder, chance, placeholders, verdicts(Ruleset(rules), events))


def verdicts(ruleset: Ruleset, events: Sequence[Received]) -> Verdicts:
    """What a rule set says."""
    return [[rule.id for rule in ruleset.match(event, raw)] for event, raw in events]


def _order_of_keys(w: World) -> Verdicts:
    return verdicts(Ruleset(w.rules), [Received(_shuffled(event, w.chance), raw) for event, raw in w.events])


def _shuffled(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _shuffled(value[key], chance) for key in chance.sample(list(value), len(value))}


def _a_field_that_no_rule_reads(w: World) -> Verdicts:
    more = [Received({**event, "labels": {"n": str(i)}}, raw) for i, (event, raw) in enumerate(w.events)]
    return verdicts(Ruleset(w.rules), more)


def _order_of_rules(w: World) -> Verdicts:
    order = {rule.id: i for i, rule in enumerate(w.rules)}
    mixed = w.chance.sample(list(w.rules), len(w.rules))
    return [sorted(ids, key=order.__getitem__) for ids in verdicts(Ruleset(mixed), w.events)]


def _what_was_seen_before(w: World) -> Verdicts:
    ruleset = Ruleset(w.rules)
    verdicts(ruleset, w.events)
    return verdicts(ruleset, w.events)


def _order_of_events(w: World) -> Verdicts:
    order = w.chance.sample(range(len(w.events)), len(w.events))
    found = verdicts(Ruleset(w.rules), [w.events[i] for i in order])
    return [found[order.index(i)] for i in range(len(order))]


def _hardly_any_memory(w: World) -> Verdicts:
    return verdicts(Ruleset(w.rules, options=Options(memory_bytes=_TINY_BYTES)), w.events)


def _memos_that_give_up(w: World) -> Verdicts:
    with patch("router.detect.engine.memo.WINDOW", 4), patch("router.detect.engine.memo.RETRY", 16):
        ruleset = Ruleset(w.rules)
        verdicts(ruleset, w.events)
        return verdicts(ruleset, w.events)


def _compiling_in_the_background(w: World) -> Verdicts:
    ruleset = Ruleset(w.rules, options=Options(background=True))
    middle = len(w.events) // 2
    before = verdicts(ruleset, w.events[:middle])
    ruleset._engine.settle()
    return before + verdicts(ruleset, w.events[middle:])


def _what_was_compiled_before(w: World) -> Verdicts:
    options = Options(cache=w.folder / "compiled")
    verdicts(Ruleset(w.rules, options=options), w.events)
    return verdicts(Ruleset(w.rules, options=options), w.events)


def _a_reload_in_the_middle(w: World) -> Verdicts:
    files = sorted({Path(rule.file) for rule in w.rules})
    wanted, middle = {rule.id for rule in w.rules}, len(w.events) // 2
    first = verdicts(Ruleset(w.rules), w.events[:middle])
    again = Ruleset.load(files, builtin=False, strict=False, placeholders=w.placeholders)
    order = {rule.id: i for i, rule in enumerate(w.rules)}
    anew = Ruleset([rule for rule in again.rules if rule.id in wanted])
    return first + [sorted(ids, key=order.__getitem__) for ids in verdicts(anew, w.events[middle:])]


def _the_document_encoded_already(w: World) -> Verdicts:
    ruleset = Ruleset(w.rules)
    return [[rule.id for rule in ruleset.match(event, raw, orjson.dumps(event))] for event, raw in w.events]


def _where_batches_are_cut(w: World) -> Verdicts:
    ruleset, found, rest = Ruleset(w.rules), list[list[str]](), list(w.events)
    while rest:
        cut = w.chance.choice((1, 2, 7, 100))
        batch, rest = rest[:cut], rest[cut:]
        answers = ruleset.match_batch([event for event, _ in batch], [raw for _, raw in batch])
        found += [[rule.id for rule in rules] for rules in answers]
    return found


def _selections_that_are_asked_together(w: World) -> Verdicts:
    """As the process stage asks: noise rules with the detections."""
    joint = Ruleset(w.rules).joined(
        [("all", None), ("some", Atom("winlog.event_id", "eq", "1")), ("none", Atom("zz", "eq", "no"))]
    )
    return [[rule.id for rule in joint.match(event, raw)[0]] for event, raw in w.events]


def _how_many_processes(w: World) -> Verdicts:
    middle = len(w.events) // 2
    halves = [(list(w.rules), list(w.events[:middle])), (list(w.rules), list(w.events[middle:]))]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return [ids for half in pool.map(_elsewhere, halves) for ids in half]


def _elsewhere(work: tuple[list[Rule], list[Received]]) -> Verdicts:
    return verdicts(Ruleset(work[0]), work[1])


def _the_other_rules(w: World) -> Verdicts:
    """Half of the rules say what they say among all; the other half is taken from the other half."""
    one, other = Ruleset(w.rules[::2]), Ruleset(w.rules[1::2])
    order = {rule.id: i for i, rule in enumerate(w.rules)}
    pairs = zip(verdicts(one, w.events), verdicts(other, w.events), strict=True)
    return [sorted(a + b, key=order.__getitem__) for a, b in pairs]


RELATIONS: tuple[Callable[[World], Verdicts], ...] = (
    _order_of_keys,
    _a_field_that_no_rule_reads,
    _order_of_rules,
    _what_was_seen_before,
    _order_of_events,
    _hardly_any_memory,
    _memos_that_give_up,
    _compiling_in_the_background,
    _what_was_compiled_before,
    _a_reload_in_the_middle,
    _the_document_encoded_already,
    _where_batches_are_cut,
    _selections_that_are_asked_together,
    _how_many_processes,
    _the_other_rules,
)


def problems(w: World) -> Iterator[str]:
    """Every relation that does not hold, with the first event for which it does not."""
    before = [orjson.dumps(event) for event, _ in w.events]
    for relation in RELATIONS:
        found = relation(w)
        differing = [i for i, (ours, theirs) in enumerate(zip(found, w.expected, strict=True)) if ours != theirs]
        if differing:
            yield _told(relation.__name__, w, found, differing)
    if before != [orjson.dumps(event) for event, _ in w.events]:
        yield "matching changed an event"


def _told(name: str, w: World, found: Verdicts, differing: Sequence[int]) -> str:
    first = differing[0]
    event: Event = w.events[first].event
    text = f"{name.strip('_').replace('_', ' ')} changes {len(differing)} of {len(w.events)} verdicts: "
    return f"{text}{found[first]} instead of {w.expected[first]} for {orjson.dumps(event, default=str).decode()}"
