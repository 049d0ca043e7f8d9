"""Literals that a text must hold for a regular expression to match it: most expressions are then never asked.

The idea is Russ Cox's (Regular Expression Matching with a Trigram Index, 2012). What is read is a part of RE2's syntax; where
anything else stands, nothing is required. Only ASCII is required, case folded: under folding `K` (U+212A) is k and `ſ` is s, and
no other character outside ASCII folds into it, in RE2 as in our table.
"""

from typing import NamedTuple, TypeAlias

from router.detect.folding import fold

Literals: TypeAlias = frozenset[str]
_MAX_LITERALS, _MAX_LENGTH, _MAX_DEPTH = 24, 64, 50
_EMPTY_WIDTH, _CLASSES = frozenset("bBAz"), frozenset("dDwWsS")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_NOTHING: Literals = frozenset({""})


class _Unknown(Exception):
    """The expression has something that is not read here."""


class _Known(NamedTuple):
    """What is known of the texts that a part matches."""

    exact: Literals | None
    """All of them, folded; None if they are many."""
    needed: Literals | None
    """One of these stands in each; None if nothing is known. Not used while `exact` is there."""


_ANYTHING = _Known(None, None)


def required(pattern: str) -> Literals | None:
    """Folded literals of which one at least stands in the folded form of every text that matches; None if unknown."""
    reader = _Reader(pattern)
    try:
        known = reader.alternatives(0)
        if reader.more():
            return None
    except (_Unknown, IndexError):
        return None
    return _needed(known)


def _needed(known: _Known) -> Literals | None:
    found = known.exact if known.exact is not None else known.needed
    return found if found and all(found) else None


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
            return _Known(_NOTHING, None)
        if char in "*+?":
            raise _Unknown
        return _ANYTHING if char == "." else _char(char)

    def _group(self, depth: int) -> _Known:
        if self._sees("?"):
            self._at += 1
            if self._sees("P<") or self._sees("<"):
                self._at = self._text.index(">", self._at) + 1
            elif not self._flags():
                return _Known(_NOTHING, None)
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
            return _Known(_NOTHING, None)
        if char in _CLASSES:
            return _ANYTHING
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
        return _ANYTHING if many or len(members) > 4 else _Known(frozenset(members), None)

    def _repeated(self, part: _Known) -> _Known:
        while self.more() and self._text[self._at] in "*+?{":
            char = self._next()
            if char == "{":
                least = self._least()
                if least is None:
                    raise _Unknown
                part = _ANYTHING if least == 0 else _Known(None, _needed(part))
            elif char == "+":
                part = _Known(None, _needed(part))
            elif char == "?":
                part = _either([part, _Known(_NOTHING, None)])
            else:
                part = _ANYTHING
            if self._sees("?"):
                self._at += 1
        return part

    def _least(self) -> int | None:
        """The lower bound of `{n}`, `{n,}`, `{n,m}`, read to its end; None if it is no repetition."""
        end = self._text.find("}", self._at)
        low, _, high = self._text[self._at : end].partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            return None
        self._at = end + 1
        return int(low)


def _char(char: str) -> _Known:
    return _Known(frozenset({fold(char)}), None) if char.isascii() else _ANYTHING


def _either(parts: list[_Known]) -> _Known:
    exact = [p.exact for p in parts]
    if None not in exact:
        union = frozenset[str]().union(*(e for e in exact if e))
        if len(union) <= _MAX_LITERALS:
            return _Known(union, None)
    needed = [_needed(p) for p in parts]
    if None in needed:
        return _ANYTHING
    union = frozenset[str]().union(*(n for n in needed if n))
    return _Known(None, union if len(union) <= _MAX_LITERALS else None)


def _joined(parts: list[_Known]) -> _Known:
    """Exact parts in a row are multiplied out, as long as they stay few; of all rows and needs the best remains."""
    run, needs, broken = _NOTHING, list[Literals | None](), False
    for part in parts:
        product = frozenset(a + b for a in run for b in part.exact) if part.exact is not None else None
        if product is not None and len(product) <= _MAX_LITERALS and max(map(len, product), default=0) <= _MAX_LENGTH:
            run = product
            continue
        needs += [run, part.needed]
        run, broken = part.exact if part.exact is not None else _NOTHING, True
    if not broken:
        return _Known(run, None)
    usable = [n for n in (*needs, run) if n and all(n)]
    return _Known(None, max(usable, key=_worth, default=None))


def _worth(literals: Literals) -> tuple[int, int]:
    return min(*map(len, literals), 8), -len(literals)
