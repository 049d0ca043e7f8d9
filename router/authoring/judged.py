"""A rule held against one event: each part of its condition, true or false, with the value that it saw."""

from typing import NamedTuple

from router.authoring import words
from router.batch import Event
from router.detect import Rule, Ruleset
from router.detect.ir import Atom, Not, Or, Tree
from router.detect.matcher import View, compile_tree
from router.detect.message import message
from router.detect.probes import Values
from router.detect.routing import Router
from router.detect.views import view
from router.detect.why import seen_by

_MAX_SEEN = 200


class Part(NamedTuple):
    """One line of the condition in plain words."""

    depth: int
    text: str
    holds: bool
    seen: str | None
    """The value of its field as text, shortened, `absent` or `null`; of keywords what they searched; None of what joins parts."""


class Judgement(NamedTuple):
    """What one rule says of one event."""

    matches: bool
    """It is of the rule's log source, and the condition is true."""
    visible: bool
    """The event is of the rule's log source."""
    logsources: tuple[str, ...]
    """Of the event, those of product `logweir` left out."""
    parts: tuple[Part, ...]


def judged(rule: Rule, event: Event, raw: bytes = b"") -> Judgement:
    """Hold a rule against an event. `raw`: its payload as received, which keywords search too."""
    alone, fields, values, router = Ruleset([rule]), view(rule.logsource, rule.taxonomy), Values(event, raw), Router()
    parts = tuple(_part(line, fields, values) for line in words.condition(rule.tree))
    sources = sorted(str(s) for s in router.sources(router.key(event)) if s.product != "logweir")
    return Judgement(rule in alone.match(event, raw), rule in alone.visible(event), tuple(sources), parts)


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SEEN else text[:_MAX_SEEN] + "..."


def _searched(values: Values) -> str:
    """What keywords searched: the payload, where that is searched as it came, else the values of the event."""
    (text,), payload = message(values), values.raw.decode("utf-8", "replace")
    return _shortened(payload if payload and text.endswith(payload) else text)


def _part(line: words.Line, fields: View, values: Values) -> Part:
    part = line.part
    tree: Tree | None = Or(tuple(part)) if isinstance(part, list) else part
    assert tree is not None
    atom = _atom(part)
    seen = None if atom is None else _searched(values) if atom.field is None else seen_by(atom, fields, values)
    return Part(line.depth, line.text, compile_tree(tree, fields)(values), seen)


def _atom(part: Tree | list[Atom] | None) -> Atom | None:
    """The atom whose value is worth showing."""
    if isinstance(part, Not):
        return _atom(part.child)
    if isinstance(part, list):
        return part[0]
    return part if isinstance(part, Atom) else None
