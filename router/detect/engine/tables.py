"""What has to be known to judge one field: its atoms, sorted by how they are decided. Plain data, no matcher."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, NamedTuple

from router.detect.engine.literals import Pattern
from router.detect.engine.networks import Network
from router.detect.engine.numbers import Asked
from router.detect.engine.required import required
from router.detect.engine.runs import Run, run, signs
from router.detect.engine.wild import wild
from router.detect.ir import Wild
from router.detect.modifiers import compile_regex

Check = tuple[int, Callable[[str], bool]]
"""Number of an atom, and its test."""


class Regex(NamedTuple):
    """A regular expression, and what is required before it is worth asking."""

    atom: int
    search: Callable[[bytes], Any]
    gates: tuple[frozenset[int], ...]
    """Indexes of folded patterns: of each set one must have been found."""
    characters: int
    """So long is the text at least."""
    signs: tuple[tuple[str, int], ...]
    """These characters are all in it, so often at least."""
    run: Run | None
    """This row of characters is in it."""


@dataclass(slots=True)
class Literals:
    """Atoms over the text in one form: folded, or as it is."""

    equal: dict[str, int] = field(default_factory=dict)
    """Text -> the atom that is true for it."""
    indexes: dict[Pattern, int] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    """What to look for. By the index of a pattern:"""
    atoms: list[int] = field(default_factory=list)
    """the atom that it decides, -1 if none;"""
    gates: dict[int, list[Check]] = field(default_factory=dict)
    """the wildcard patterns that need a test where it is found."""
    always: list[Check] = field(default_factory=list)
    """Wildcard patterns without a literal."""


@dataclass(slots=True)
class FieldTable:
    """All atoms of one field in one bucket, by number."""

    folded: Literals = field(default_factory=Literals)
    cased: Literals = field(default_factory=Literals)
    regexes: list[Regex] = field(default_factory=list)
    regex_gates: dict[int, list[Regex]] = field(default_factory=dict)
    """Index of a folded pattern -> the regular expressions that may match where it is found."""
    regex_always: list[Regex] = field(default_factory=list)
    """Those that require no literal."""
    networks: list[Network] = field(default_factory=list)
    numbers: list[tuple[int, str, Any]] = field(default_factory=list)
    """(atom, operator, exact number)"""
    times: list[tuple[int, str, str, Any]] = field(default_factory=list)
    """(atom, unit, operator, number)"""
    empty: list[int] = field(default_factory=list)
    null: list[int] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)


def field_table(atoms: Iterable[tuple[int, Asked]]) -> FieldTable:
    """The table of the atoms of one field (those of kind fieldref aside, which two fields decide).

    Its patterns stand in an order that hangs on nothing but the atoms: equal tables find the same compiled database.
    """
    table = FieldTable()
    for number, asked in sorted(atoms, key=lambda atom: (atom[1].kind, repr(atom[1].payload), atom[1].cased)):
        _FILE[asked.kind](table, number, asked)
    return table


def _equal(table: FieldTable, number: int, asked: Asked) -> None:
    _form(table, asked).equal[asked.payload] = number


def _literal(table: FieldTable, number: int, asked: Asked) -> None:
    form = _form(table, asked)
    form.atoms[_index(form, Pattern(asked.kind, asked.payload))] = number  # type: ignore[arg-type]  # a Side


def _wild(table: FieldTable, number: int, asked: Asked) -> None:
    form, check = _form(table, asked), (number, wild(asked.payload))
    literal = max((p for p in asked.payload if not isinstance(p, Wild)), key=len, default="")
    listed = form.gates.setdefault(_index(form, Pattern("contains", literal)), []) if literal else form.always
    listed.append(check)


def _regex(table: FieldTable, number: int, asked: Asked) -> None:
    """A single character is in most texts: it is worth a test here and there, but no search for it in all."""
    needs, row = required(asked.payload[0]), run(*asked.payload)
    often = {sign: 1 for literals in needs.sets if _is_sign(literals) for sign in literals} | signs(asked.payload[0])
    sets = [literals for literals in needs.sets if not _is_sign(literals) and (row is None or min(map(len, literals)) > 1)]
    gates = [frozenset(_index(table.folded, Pattern("contains", literal)) for literal in sorted(literals)) for literals in sets]
    regex = Regex(number, _search(*asked.payload), tuple(gates), needs.characters, tuple(often.items()), row)
    table.regexes.append(regex)
    for index in gates[0] if gates else ():
        table.regex_gates.setdefault(index, []).append(regex)
    if not gates:
        table.regex_always.append(regex)


def _is_sign(literals: frozenset[str]) -> bool:
    """One character that has no case?"""
    return len(literals) == 1 and all(len(literal) == 1 and not literal.isalpha() for literal in literals)


@lru_cache(4096)
def _search(pattern: str, flags: str) -> Callable[[bytes], Any]:
    search: Callable[[bytes], Any] = compile_regex(pattern, flags).search
    return search


def _form(table: FieldTable, asked: Asked) -> Literals:
    return table.cased if asked.cased else table.folded


def _index(form: Literals, pattern: Pattern) -> int:
    """The index of a pattern, which is added if it is new."""
    index = form.indexes.setdefault(pattern, len(form.patterns))
    if index == len(form.patterns):
        form.patterns.append(pattern)
        form.atoms.append(-1)
    return index


def _network(table: FieldTable, number: int, asked: Asked) -> None:
    network = ip_network(asked.payload)
    table.networks.append((number, network.version, int(network.network_address), int(network.broadcast_address)))


def _exists(table: FieldTable, number: int, asked: Asked) -> None:
    (table.present if asked.payload else table.absent).append(number)


_FILE: dict[str, Callable[[FieldTable, int, Asked], None]] = {
    "eq": _equal,
    "contains": _literal,
    "startswith": _literal,
    "endswith": _literal,
    "wild": _wild,
    "re": _regex,
    "cidr": _network,
    "exists": _exists,
    "num": lambda table, number, asked: table.numbers.append((number, *asked.payload)),
    "time": lambda table, number, asked: table.times.append((number, *asked.payload)),
    "empty": lambda table, number, _: table.empty.append(number),
    "null": lambda table, number, _: table.null.append(number),
}
