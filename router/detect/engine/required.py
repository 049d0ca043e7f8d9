"""What a text must hold for a regular expression to match it: most expressions are then never asked.

The idea is Russ Cox's (Regular Expression Matching with a Trigram Index, 2012). What is read is a part of RE2's syntax; where
anything else stands, nothing is required. Only ASCII is required, case folded: under folding `K` (U+212A) is k and `ſ` is s, and
no other character outside ASCII folds into it, in RE2 as in our table.
"""

import re
from typing import NamedTuple, TypeAlias

from router.detect.folding import fold

Literals: TypeAlias = frozenset[str]
REACHES_BACK = re.compile(r"\(\?[A-Za-z-]*\)[*+?{]|\\Q")
"""Where RE2 repeats what stands before flags, or before an empty quotation: `a(?i)*` is `a*`. Such expressions are not read."""
_MAX_LITERALS, _MAX_LENGTH, _MAX_DEPTH, _MAX_SETS, _MAX_LEAST = 36, 64, 50, 3, 1000
_EMPTY_WIDTH, _CLASSES = frozenset("bBAz"), frozenset("dDwWS")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_NOTHING: Literals = frozenset({""})
_SPACES: Literals = frozenset("\t\n\f\r ")
"""`\\s` of RE2."""


class Required(NamedTuple):
    """Conditions that every text fulfils that matches."""

    sets: tuple[Literals, ...]
    """Of each set one literal at least stands in the folded text. The most telling set is first."""
    characters: int
    """So long is the text at least."""


NONE = Required((), 0)


class _Unknown(Exception):
    """The expression has something that is not read here."""


class _Known(NamedTuple):
    """What is known of the texts that a part matches."""

    exact: Literals | None
    """All of them, folded; None if they are many."""
    needed: tuple[Literals, ...]
    """Of each of these sets one stands in them. Not used while `exact` is there."""
    least: int
    """Characters of the shortest."""


_EMPTY = _Known(_NOTHING, (), 0)
_ANY_CHARACTER = _Known(None, (), 1)
_ANYTHING = _Known(None, (), 0)


def required(pattern: str) -> Required:
    """What a regular expression requires, whatever its flags."""
    if REACHES_BACK.search(pattern):
        return NONE
    reader = _Reader(pattern)
    try:
        known = reader.alternatives(0)
        if reader.more():
            return NONE
    except (_Unknown, IndexError, ValueError):
        return NONE
    return Required(_best(_sets(known)), known.least)


def _sets(known: _Known) -> tuple[Literals, ...]:
    found = known.needed if known.exact is None else (known.exact,)
    return tuple(literals for literals in found if literals and all(literals))


def _best(sets: tuple[Literals, ...]) -> tuple[Literals, ...]:
    """The most telling sets: few and long literals. None of those left out says less than it would in vain."""
    ordered = sorted(set(sets), key=_worth, reverse=True)
    return tuple(ordered[:_MAX_SETS])


def _worth(literals: Literals) -> tuple[int, int, list[str]]:
    return min(*map(len, literals), 8), -len(literals), sorted(literals)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._text, self._at = pattern, 0

    def more(self) -> bool:
        return self._at < len(self._text)

    def _next(self) -> str:
        char = self._text[self._at]
        self._at += 1
        return char

    def _sees(self, start: str) -> bool:
        return self._text.startswith(start, self._at)

    def alternatives(self, depth: int) -> _Known:
        if depth > _MAX_DEPTH:
            raise _Unknown
        found = [self._sequence(depth)]
        while self._sees("|"):
            self._at += 1
            found.append(self._sequence(depth))
        return found[0] if len(found) == 1 else _either(found)

    def _sequence(self, depth: int) -> _Known:
        parts = []
        while self.more() and not self._sees("|") and not self._sees(")"):
            parts.append(self._repeated(self._part(depth)))
        return _joined(parts)

    def _part(self, depth: int) -> _Known:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            return _EMPTY
        if char in "*+?":
            raise _Unknown
        return _ANY_CHARACTER if char == "." else _char(char)

    def _group(self, depth: int) -> _Known:
        if self._sees("?"):
            self._at += 1
            if self._sees("P<") or self._sees("<"):
                self._at = self._text.index(">", self._at) + 1
            elif not self._flags():
                return _EMPTY
        inner = self.alternatives(depth + 1)
        if self._next() != ")":
            raise _Unknown
        return inner

    def _flags(self) -> bool:
        """Read flags up to `:` (True) or `)` (False: they stand alone). None of them changes what is required."""
        while (char := self._next()) not in ":)":
            if char not in "imsU-":
                raise _Unknown
        return char == ":"

    def _escape(self) -> _Known:
        char = self._next()
        if char in _EMPTY_WIDTH:
            return _EMPTY
        if char == "s":
            return _Known(_SPACES, (), 1)
        if char in _CLASSES:
            return _ANY_CHARACTER
        if char in _CONTROLS:
            return _char(_CONTROLS[char])
        if char.isalnum() or not char.isascii():
            raise _Unknown
        return _char(char)

    def _class(self) -> _Known:
        """A few characters are so many literals; everything else is anything. A class that starts with `]` is not read."""
        if self._sees("]") or self._sees("^]"):
            raise _Unknown
        members, many = set[str](), False
        while (char := self._next()) != "]":
            if char == "\\":
                char = self._next()
                if char in "pPQExC":
                    raise _Unknown
                many |= char.isalnum()
            elif char == "[":
                raise _Unknown  # perhaps [[:alpha:]]
            else:
                many |= char in "^-"
            many |= not char.isascii()
            members.add(fold(char))
        return _ANY_CHARACTER if many or len(members) > 6 else _Known(frozenset(members), (), 1)

    def _repeated(self, part: _Known) -> _Known:
        while self.more() and self._text[self._at] in "*+?{":
            char = self._next()
            times = self._times() if char == "{" else 1 if char == "+" else 0
            if char == "?":
                part = _either([part, _EMPTY])
            else:
                part = _Known(None, _sets(part), min(times * part.least, _MAX_LEAST)) if times else _ANYTHING
            if self._sees("?"):
                self._at += 1
        return part

    def _times(self) -> int:
        """The lower bound of `{n}`, `{n,}`, `{n,m}`, read to its end."""
        end = self._text.find("}", self._at)
        low, _, high = self._text[self._at : end].partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            raise _Unknown
        self._at = end + 1
        return int(low)


def _char(char: str) -> _Known:
    return _Known(frozenset({fold(char)}), (), 1) if char.isascii() else _ANY_CHARACTER


def _either(parts: list[_Known]) -> _Known:
    least = min(p.least for p in parts)
    exact = [p.exact for p in parts]
    if None not in exact:
        union = frozenset[str]().union(*(e for e in exact if e))
        if len(union) <= _MAX_LITERALS:
            return _Known(union, (), least)
    best = [_best(_sets(p))[:1] for p in parts]
    union = frozenset[str]().union(*(s for sets in best for s in sets))
    return _Known(None, (union,) if all(best) and len(union) <= _MAX_LITERALS else (), least)


def _joined(parts: list[_Known]) -> _Known:
    """Exact parts in a row are multiplied out, as long as they stay few; every row and every need of a part is a need."""
    run, needs, broken = _NOTHING, list[Literals](), False
    for part in parts:
        product = frozenset(a + b for a in run for b in part.exact) if part.exact is not None else None
        if product is not None and len(product) <= _MAX_LITERALS and max(map(len, product)) <= _MAX_LENGTH:
            run = product
            continue
        needs += [run, *part.needed]
        run, broken = part.exact if part.exact is not None else _NOTHING, True
    least = min(sum(p.least for p in parts), _MAX_LEAST)
    if not broken:
        return _Known(run, (), least)
    return _Known(None, tuple(n for n in (*needs, run) if n and all(n)), least)
