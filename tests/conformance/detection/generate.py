"""Events made for one rule: positives (a branch of every `or`), near misses (one atom broken), variants that should not matter."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import orjson

from router.batch import Event
from router.detect import Rule
from router.detect.routing import Router
from router.detect.views import Logsource
from tests.conformance.detection.corpus import Received
from tests.conformance.detection.places import ABSENT, homes, read, remove, steps, write
from tests.conformance.detection.solver import Proposal, Wish, propose, satisfy
from tests.conformance.detection.variants import variants

_MOST_HOMES = 12
_router = Router()


class Made(NamedTuple):
    """A generated event and what it was meant to be: positive, near or variant."""

    received: Received
    kind: str


class Quota(NamedTuple):
    """How many events of each kind a rule gets."""

    positives: int = 3
    near: int = 3
    variants: int = 3


def events_for(rule: Rule, quota: Quota, chance: random.Random) -> Iterator[Made]:
    """Events made for a rule; whether they are what they were meant to be is for the oracle to say."""
    for proposal in islice(_proposals(rule, chance, 4 * quota.positives), quota.positives):
        received = build(rule, proposal, chance)
        if received is None:
            continue
        yield Made(received, "positive")
        for broken in islice(_broken(proposal, chance), quota.near):
            if missed := build(rule, broken, chance):
                yield Made(missed, "near")
        yield from (Made(v, "variant") for v in variants(received, quota.variants, chance))


def _proposals(rule: Rule, chance: random.Random, tries: int) -> Iterator[Proposal]:
    for _ in range(tries):
        proposal = propose(rule.tree, True, chance)
        if proposal is not None:
            yield proposal


def _broken(proposal: Proposal, chance: random.Random) -> Iterator[Proposal]:
    """The same wishes but one: its literal altered by a character, or the atom wished false."""
    order = list(range(len(proposal.wishes)))
    chance.shuffle(order)
    for i in order:
        wish = proposal.wishes[i]
        others = [*proposal.wishes[:i], *proposal.wishes[i + 1 :]]
        altered = _altered(wish, chance)
        found = satisfy([*others, altered], chance) or satisfy([*others, Wish(wish.atom, not wish.true)], chance)
        if found is not None:
            yield found


def _altered(wish: Wish, chance: random.Random) -> Wish:
    """A wish for a text that is nearly what the atom looks for."""
    payload: Any = wish.atom.payload
    if not wish.true or wish.atom.kind not in ("eq", "contains", "startswith", "endswith", "wild"):
        return Wish(wish.atom, not wish.true)
    parts = list(payload) if isinstance(payload, tuple) else [payload]
    literals = [i for i, p in enumerate(parts) if isinstance(p, str) and p]
    if not literals:
        return Wish(wish.atom, False)
    at = chance.choice(literals)
    parts[at] = _nearly(parts[at], chance)
    changed = tuple(parts) if isinstance(payload, tuple) else parts[0]
    return Wish(replace(wish.atom, payload=changed), True)


def _nearly(text: str, chance: random.Random) -> str:
    at = chance.choice((0, len(text) - 1, chance.randrange(len(text))))
    return chance.choice((text[:at] + text[at + 1 :], text[:at] + "~" + text[at:], text[:at] + "~" + text[at + 1 :]))


def build(rule: Rule, proposal: Proposal, chance: random.Random) -> Received | None:
    """A document of the rule's log source with the proposed fields; None where no place for them was found."""
    found = list(_homes(rule.logsource))
    for home in [*chance.sample(found, len(found)), _own(rule.logsource)]:
        event = _filled(rule, orjson.loads(home), proposal, chance)
        if event is not None and _is_of(event, rule.logsource):
            return _with_message(event, proposal.lines, chance)
    return None


@lru_cache(1000)
def _homes(source: Logsource) -> Sequence[bytes]:
    return [orjson.dumps(home) for home in islice(homes(source), _MOST_HOMES)]


def _own(source: Logsource) -> bytes:
    return orjson.dumps({"logweir": {"logsource": {part: name for part, name in source._asdict().items() if name}}})


def _is_of(event: Event, source: Logsource) -> bool:
    sources = _router.sources(_router.key(event))
    return any(all(w in (None, p) for w, p in zip(source, s, strict=True)) for s in sources)


def _filled(rule: Rule, event: Event, proposal: Proposal, chance: random.Random) -> Event | None:
    for field, value in proposal.fields.items():
        places = _steps(rule.logsource, rule.taxonomy, field)
        if not _put(event, places, value, chance):
            return None
    seen = (read(event, _steps(rule.logsource, rule.taxonomy, field)) for field in proposal.fields)
    return event if all(_same(s, v) for s, v in zip(seen, proposal.fields.values(), strict=True)) else None


_steps = lru_cache(20_000)(steps)


def _same(seen: Any, wanted: Any) -> bool:
    return seen is wanted or seen == wanted


def _put(event: Event, places: list[Any], value: Any, chance: random.Random) -> bool:
    """At one of the places, none before it being there: mostly the first, as a source would write it."""
    paths = [place for place in places if isinstance(place, str)]
    if value is ABSENT:
        for path in paths:
            remove(event, path)
        return True
    if _same(read(event, places), value):
        return True
    wanted = paths[0] if chance.random() < 0.7 else chance.choice(paths)
    for path in paths[: paths.index(wanted)]:
        remove(event, path)
    return write(event, wanted, value)


def _with_message(event: Event, lines: Sequence[str], chance: random.Random) -> Received:
    """Keywords stand in the message, or in the payload as received."""
    if not lines:
        return Received(event, b"")
    text = chance.choice((" ", "\n", "")).join(chance.sample(lines, len(lines)))
    text = chance.choice(("", "x ")) + text + chance.choice(("", " y"))
    if chance.random() < 0.3:
        return Received(event, text.encode("utf-8", "replace"))
    event["message"] = f"{event['message']} {text}" if isinstance(event.get("message"), str) else text
    return Received(event, b"")
