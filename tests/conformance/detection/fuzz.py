"""Rules that nobody wrote: random conditions by both front ends, random values of modifiers by both, and rules broken at random."""

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError

from router.detect import Rule, Ruleset
from router.detect.ir import atoms
from router.detect.selections import Reading, block
from router.documents import load_text
from router.errors import ConfigError
from tests.conformance.detection.frontend import read_by_pysigma, truth

_NAMES = ("a", "b1", "b2", "c_x", "_h")
_LETTERS = "ab\\*?-/ %.é'\"\n"
_CHAINS = (
    "",
    "|contains",
    "|startswith",
    "|endswith",
    "|windash",
    "|windash|contains",
    "|base64offset|contains",
    "|cased",
    "|re",
)
_RUBBISH: tuple[Any, ...] = (None, "", 0, -1.5, True, [], {}, [None], {"a": None}, "x" * 300, [[1]], {"|": 1}, "1 of", "(", 2**70)


@dataclass
class Fuzzed:
    """What came of it."""

    conditions: int = 0
    values: int = 0
    broken: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def fuzz(rules: Sequence[Rule], count: int, seed: int, folder: Path) -> Fuzzed:
    """`count` of each kind."""
    found, chance = Fuzzed(), random.Random(seed)
    for _ in range(count):
        found.conditions += 1
        found.wrong += _compared(f"{_SELECTIONS}condition: {_condition(chance, 3)}\n", chance)
        found.values += 1
        found.wrong += _compared(_valued(chance), chance)
    for document in islice(_documents(rules, chance), count):
        found.broken += 1
        found.wrong += _read(_broken(document, chance), folder, found)
    return found


_SELECTIONS = "".join(f"{name}: {{f{name}: x}}\n" for name in _NAMES)


def _condition(chance: random.Random, depth: int) -> str:
    kind = chance.choice(("name", "of", "not", "and", "or", "()") if depth else ("name", "of"))
    if kind == "name":
        return chance.choice(_NAMES)
    if kind == "of":
        return f"{chance.choice(('1', 'all', 'any'))} of {chance.choice(('them', 'b*', '*x', 'a', '_*', '*'))}"
    if kind == "not":
        return f"not {_condition(chance, depth - 1)}"
    if kind == "()":
        return f"({_condition(chance, depth - 1)})"
    return f" {kind} ".join(_condition(chance, depth - 1) for _ in range(chance.choice((2, 2, 3))))


def _valued(chance: random.Random) -> str:
    values = ["".join(chance.choices(_LETTERS, k=chance.randint(0, 7))) for _ in range(chance.choice((1, 1, 2)))]
    key = "f" + chance.choice(_CHAINS) + ("|all" if len(values) > 1 and chance.random() < 0.5 else "")
    return yaml.safe_dump({"sel": {key: values}, "condition": "sel"}, allow_unicode=True)


def _compared(text: str, chance: random.Random) -> Iterator[str]:
    """A block that both read must mean the same; what only one of them reads is left to the tables."""
    reading = Reading(load_text(text, "fuzz.yml")[0], {})
    ours = block(reading, reading.document.value, ())
    rule = {"title": "t", "logsource": {"product": "p"}, "detection": yaml.load(text, Loader=yaml.CSafeLoader)}
    try:
        theirs = read_by_pysigma(rule, {})
    except (SigmaError, AttributeError, TypeError):
        return
    if ours is None:
        return
    known, other = set(atoms(ours)), set(atoms(theirs))
    if known != other:
        yield f"atoms of {text!r}: {sorted(map(str, known ^ other))[:4]}"
        return
    ordered = sorted(known, key=str)
    for _ in range(12):
        true = {atom for atom in ordered if chance.random() < 0.5}
        if truth(ours, true) != truth(theirs, true):
            yield f"the meaning of {text!r} where {sorted(map(str, true))} are true"
            return


def _documents(rules: Sequence[Rule], chance: random.Random) -> Iterator[Any]:
    while True:
        path = Path(chance.choice(rules).file)
        yield next(yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader))


def _broken(document: Any, chance: random.Random) -> Any:
    """One place taken away, or taken by rubbish."""
    document = deepcopy(document)
    spots = list(_spots(document))
    parent, key = chance.choice(spots)
    if chance.random() < 0.3:
        del parent[key]
    elif isinstance(parent, dict) and chance.random() < 0.4:
        parent[str(key) + chance.choice(("|foo", "|re", "|cidr|all", "x", "|exists", "|expand", "|hour|lt", "|neq|fieldref"))] = (
            parent.pop(key)
        )
    else:
        parent[key] = deepcopy(chance.choice(_RUBBISH))
    return document


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs: Sequence[tuple[Any, Any]] = (
        list(value.items()) if isinstance(value, Mapping) else list(enumerate(value)) if isinstance(value, list) else ()
    )
    for key, below in pairs:
        yield value, key
        yield from _spots(below)


def _read(document: Any, folder: Path, found: Fuzzed) -> Iterator[str]:
    """A rule that is broken is read, or refused with a place, a reason and a remedy; nothing else may happen."""
    path = folder / "broken.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    try:
        ruleset = Ruleset.load([path], builtin=False, strict=False)
        ruleset.match({"winlog": {"channel": "Security", "event_id": "4688", "event_data": {"Image": "x"}}})
    except ConfigError as error:
        problems = error.problems
    except Exception as error:
        yield f"{error!r} for {path.read_text()[:1500]}"
        return
    else:
        problems = ruleset.refused
    found.refused += bool(problems)
    yield from (f"no place, reason or remedy: {p}" for p in problems if not (p.line and p.column and p.text and p.remedy))
