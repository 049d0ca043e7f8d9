"""A `detection` (or `filter`) block -> one tree, or every problem in it with its place."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.detect import conditions, modifiers
from router.detect.ir import Atom, Refused, Tree, without
from router.detect.items import Group, Item, Node, joined, tree_of
from router.detect.modifiers import Placeholders
from router.documents import Document, PathKey
from router.errors import Problem

_NO_SELECTIONS = frozenset({"condition", "timeframe", "rules"})
GONE = Atom(None, "null", None)
"""Stands for a selection of which pipelines left nothing, while conditions are read. No rule can say it."""


@dataclass(slots=True)
class Reading:
    """One document while it is read: what is wrong with it, and what is odd but exact (lints)."""

    document: Document
    placeholders: Placeholders
    taxonomies: frozenset[str] = frozenset()
    """Those, besides our own, that pipelines map."""
    pipelined: bool = False
    """Whether pipelines will change what is read, which therefore has to be kept as it is written."""
    problems: list[Problem] = field(default_factory=list)
    lints: list[Problem] = field(default_factory=list)

    def problem(self, path: PathKey, text: str, remedy: str = "") -> None:
        self.problems.append(self.document.problem(path, text, remedy))

    def lint(self, path: PathKey, text: str, remedy: str = "") -> None:
        self.lints.append(self.document.problem(path, text, remedy))


@dataclass(slots=True)
class Block:
    """Selections by name and the conditions over them, all of them sound."""

    selections: dict[str, Node]
    conditions: list[str]

    def tree(self) -> Tree | None:
        """The OR of the conditions; None where nothing is left of them."""
        trees = {name: tree_of(node) or GONE for name, node in self.selections.items()}
        return joined([without(conditions.parse(text, trees, set()), GONE) for text in self.conditions], every=False)


def block(reading: Reading, value: Any, path: PathKey) -> Tree | None:
    """The tree of a block with selections and a condition; None if there is a problem (which `reading` then has)."""
    found = written(reading, value, path)
    return None if found is None else found.tree()


def written(reading: Reading, value: Any, path: PathKey) -> Block | None:
    """A block with selections and a condition; None if there is a problem (which `reading` then has)."""
    if not isinstance(value, Mapping):
        reading.problem(path, "must be a mapping of selections and a condition", "see the Sigma rule format")
        return None
    before = len(reading.problems)
    names = [name for name in value if name not in _NO_SELECTIONS]
    selections = {str(name): selection(reading, value[name], (*path, name)) for name in names}
    if "timeframe" in value:
        reading.problem((*path, "timeframe"), "`timeframe` left the language", "write a correlation with a timespan")
    whole = {name: node for name, node in selections.items() if node is not None}
    listed = None if len(whole) < len(selections) else _conditions(reading, value.get("condition"), whole, (*path, "condition"))
    return None if listed is None or len(reading.problems) > before else Block(whole, listed)


def _conditions(reading: Reading, value: Any, selections: Mapping[str, Node], path: PathKey) -> list[str] | None:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) for text in listed):
        reading.problem(path, "a condition (text, or a list of texts) is needed", "write for example `condition: selection`")
        return None
    used: set[str] = set()
    known, sound = dict.fromkeys(selections, GONE), 0
    for index, text in enumerate(listed):
        place = (*path, index) if isinstance(value, list) else path
        try:
            conditions.parse(text, known, used)
            sound += 1
        except Refused as refused:
            reading.problems.append(_located(reading.document, place, refused))
    for name in selections.keys() - used - {n for n in selections if n.startswith("_")}:
        if sound == len(listed):
            reading.lint((*path[:-1], name), f"selection {name!r} is in no condition", "use it or remove it")
    return listed


def _located(document: Document, path: PathKey, refused: Refused) -> Problem:
    """The problem at its own column, where the condition is written on one line."""
    problem = document.problem(path, refused.text, refused.remedy)
    if refused.offset is None:
        return problem
    at = f"{refused.text} (character {refused.offset + 1} of the condition)"
    if path not in document.texts:
        return Problem(problem.file, problem.line, problem.path, at, problem.remedy, problem.column)
    line, column = document.texts[path]
    return Problem(problem.file, line, problem.path, at, problem.remedy, column + refused.offset)


def selection(reading: Reading, value: Any, path: PathKey) -> Node | None:
    """Map = AND of its items, list of maps = OR, list of scalars = keywords (OR). None if there is a problem."""
    if isinstance(value, Mapping):
        return _joined(reading, [_item(reading, key, v, (*path, key)) for key, v in value.items()], path, every=True)
    if isinstance(value, list):
        parts = [_part(reading, v, (*path, i)) for i, v in enumerate(value)]
        return _keywords(parts) or _joined(reading, parts, path, every=False)
    return _part(reading, value, path)


def _part(reading: Reading, value: Any, path: PathKey) -> Node | None:
    if isinstance(value, Mapping):
        return selection(reading, value, path)
    return _guarded(reading, path, lambda: _valued(modifiers.Chain(None, ()), [value], reading.placeholders, path))


def _keywords(parts: list[Node | None]) -> Node | None:
    """A list of scalars is one item with many values."""
    found = [part for part in parts if isinstance(part, Item) and part.field is None and not part.negated and not part.every]
    if not found or len(found) < len(parts):
        return None
    return Item(None, [w for f in found for w in f.written], [v for f in found for v in f.values], found[0].path)


def _joined(reading: Reading, nodes: list[Node | None], path: PathKey, *, every: bool) -> Node | None:
    whole = [node for node in nodes if node is not None]
    if not nodes:
        reading.problem(path, "selects nothing", "write at least one item, or remove it")
    return Group(whole, every) if whole and len(whole) == len(nodes) else None


def _item(reading: Reading, key: Any, value: Any, path: PathKey) -> Node | None:
    return _guarded(reading, path, lambda: _item_of(reading, _named(key), value, path))


def _named(key: Any) -> str:
    if isinstance(key, (bool, float)):  # `on` is true for YAML: the field would be called so, and never be there
        raise Refused(f"a field cannot be called {key!r}", "put its name in quotes")
    return str(key)


def _item_of(reading: Reading, key: str, value: Any, path: PathKey) -> Item:
    if key.rstrip().endswith("]:") or "[any]" in key or "[all]" in key:
        raise Refused("array matching is not in Sigma 2.1", "name the field alone: one element that matches is enough")
    chain = modifiers.parse_key(key)
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise Refused("an empty list of values is never true", "write a value, or remove the item")
    if any(v is None for v in listed) and len(listed) > 1:
        raise Refused("null cannot stand in a list of values", "make it a selection of its own, joined with `or`")
    if chain.all and len(listed) == 1:
        reading.lint(path, "`all` on a single value changes nothing", "remove `|all`")
    if chain.neq and chain.field is not None:
        reading.lint(path, "`neq` is also true where the field is absent", "add `exists: true` if it must be there")
    return _valued(chain, listed, reading.placeholders, path)


def _valued(chain: modifiers.Chain, listed: Iterable[Any], placeholders: Placeholders, path: PathKey) -> Item:
    values = [list(modifiers.atoms(chain, value, placeholders)) for value in listed]
    return Item(chain.field, list(listed), values, path, chain.all, chain.neq)


def _guarded(reading: Reading, path: PathKey, make: Callable[[], Item]) -> Node | None:
    try:
        return make()
    except Refused as refused:
        reading.problem(path, refused.text, refused.remedy)
        return None
