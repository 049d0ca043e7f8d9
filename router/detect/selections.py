"""A `detection` (or `filter`) block -> one tree, or every problem in it with its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.detect import conditions, modifiers
from router.detect.ir import Not, Refused, Tree, all_of, any_of
from router.detect.modifiers import Placeholders
from router.documents import Document, PathKey
from router.errors import Problem

_NO_SELECTIONS = frozenset({"condition", "timeframe", "rules"})


@dataclass(slots=True)
class Reading:
    """One document while it is read: what is wrong with it, and what is odd but exact (lints)."""

    document: Document
    placeholders: Placeholders
    problems: list[Problem] = field(default_factory=list)
    lints: list[Problem] = field(default_factory=list)

    def problem(self, path: PathKey, text: str, remedy: str = "") -> None:
        self.problems.append(self.document.problem(path, text, remedy))

    def lint(self, path: PathKey, text: str, remedy: str = "") -> None:
        self.lints.append(self.document.problem(path, text, remedy))


def block(reading: Reading, value: Any, path: PathKey) -> Tree | None:
    """The tree of a block with selections and a condition; None if there is a problem (which `reading` then has)."""
    if not isinstance(value, Mapping):
        reading.problem(path, "must be a mapping of selections and a condition", "see the Sigma rule format")
        return None
    before = len(reading.problems)
    names = [name for name in value if name not in _NO_SELECTIONS]
    selections = {str(name): _selection(reading, value[name], (*path, name)) for name in names}
    if "timeframe" in value:
        reading.problem((*path, "timeframe"), "`timeframe` left the language", "write a correlation with a timespan")
    whole = {name: tree for name, tree in selections.items() if tree is not None}
    tree = None if len(whole) < len(selections) else _condition(reading, value.get("condition"), whole, (*path, "condition"))
    return None if len(reading.problems) > before else tree


def _condition(reading: Reading, value: Any, selections: Mapping[str, Tree], path: PathKey) -> Tree | None:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) for text in listed):
        reading.problem(path, "a condition (text, or a list of texts) is needed", "write for example `condition: selection`")
        return None
    used: set[str] = set()
    trees = []
    for index, text in enumerate(listed):
        place = (*path, index) if isinstance(value, list) else path
        try:
            trees.append(conditions.parse(text, selections, used))
        except Refused as refused:
            reading.problems.append(_located(reading.document, place, text, refused))
    for name in selections.keys() - used - {n for n in selections if n.startswith("_")}:
        if len(trees) == len(listed):
            reading.lint((*path[:-1], name), f"selection {name!r} is in no condition", "use it or remove it")
    return any_of(trees) if len(trees) == len(listed) else None


def _located(document: Document, path: PathKey, text: str, refused: Refused) -> Problem:
    """The problem at its own column, where the condition is written on one line behind its key."""
    problem = document.problem(path, refused.text, refused.remedy)
    if refused.offset is None:
        return problem
    at = f"{refused.text} (character {refused.offset + 1} of the condition)"
    behind_key = len("condition: ") if path[-1] == "condition" else 0
    one_line = "\n" not in text
    column = problem.column + behind_key + refused.offset if one_line else problem.column
    return Problem(problem.file, problem.line, problem.path, at, problem.remedy, column)


def _selection(reading: Reading, value: Any, path: PathKey) -> Tree | None:
    """Map = AND of its items, list of maps = OR, list of scalars = keywords (OR)."""
    if isinstance(value, Mapping):
        return _joined(reading, [_item(reading, key, v, (*path, key)) for key, v in value.items()], path, every=True)
    if isinstance(value, list):
        parts = [_part(reading, v, (*path, i)) for i, v in enumerate(value)]
        return _joined(reading, parts, path, every=False)
    return _part(reading, value, path)


def _part(reading: Reading, value: Any, path: PathKey) -> Tree | None:
    if isinstance(value, Mapping):
        return _selection(reading, value, path)
    return _guarded(reading, path, lambda: _values(modifiers.Chain(None, ()), [value], reading.placeholders))


def _joined(reading: Reading, trees: list[Tree | None], path: PathKey, *, every: bool) -> Tree | None:
    whole = [tree for tree in trees if tree is not None]
    if not trees:
        reading.problem(path, "selects nothing", "write at least one item, or remove it")
    if not whole or len(whole) < len(trees):
        return None
    return all_of(whole) if every else any_of(whole)


def _item(reading: Reading, key: Any, value: Any, path: PathKey) -> Tree | None:
    return _guarded(reading, path, lambda: _item_tree(reading, str(key), value, path))


def _item_tree(reading: Reading, key: str, value: Any, path: PathKey) -> Tree:
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
    tree = _values(chain, listed, reading.placeholders)
    return Not(tree) if chain.neq else tree


def _values(chain: modifiers.Chain, listed: Iterable[Any], placeholders: Placeholders) -> Tree:
    trees = [any_of(list(modifiers.atoms(chain, value, placeholders))) for value in listed]
    return all_of(trees) if chain.all else any_of(trees)


def _guarded(reading: Reading, path: PathKey, make: Any) -> Tree | None:
    try:
        tree: Tree = make()
    except Refused as refused:
        reading.problem(path, refused.text, refused.remedy)
        return None
    return tree
