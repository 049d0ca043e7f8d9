"""The condition grammar of Sigma 2.1: `or` < `and` < `not` < `x of` < parentheses, keywords in any case.

Every refusal carries the character of the condition at which it went wrong.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from router.detect.ir import Refused, Tree, all_of, any_of
from router.registry import nearest

MAX_DEPTH = 50
T = TypeVar("T")
_TOKEN = re.compile(r"\s*(?:([()])|([\w.*-]+)|(\S))")
_NAME = re.compile(r"[\w.-]+")
_OLD_AGGREGATIONS = {"count": "event_count (or value_count)", "near": "temporal", "sum": "value_sum", "avg": "value_avg"}


class Token(NamedTuple):
    """One word or parenthesis and where it starts, from 0."""

    text: str
    offset: int


class Operators(NamedTuple, Generic[T]):
    """How the grammar builds its results, so that rules and boolean correlation conditions share it."""

    name: Callable[[Token], T]
    of: Callable[[str, Token], T] | None
    negate: Callable[[T], T]
    all_of: Callable[[list[T]], T]
    any_of: Callable[[list[T]], T]


def parse(text: str, selections: Mapping[str, Tree], used: set[str]) -> Tree:
    """The tree of a condition over named selections; their names are added to `used`. Raises Refused with an offset."""
    return Grammar(text, _rule_operators(selections, used)).parse()


def _rule_operators(selections: Mapping[str, Tree], used: set[str]) -> Operators[Tree]:
    from router.detect.ir import Not

    def name(token: Token) -> Tree:
        if token.text not in selections:
            raise Refused(f"no selection is named {token.text!r}", nearest(token.text, list(selections)), token.offset)
        used.add(token.text)
        return selections[token.text]

    def of(quantifier: str, token: Token) -> Tree:
        names = list(_matching(token.text, selections))
        if not names:
            remedy = f"known: {', '.join(selections)}" if selections else "there are none; write one: `selection: {field: value}`"
            raise Refused(f"no selection matches {token.text!r}", remedy, token.offset)
        used.update(names)
        trees = [selections[n] for n in names]
        return all_of(trees) if quantifier == "all" else any_of(trees)

    return Operators(name, of, Not, all_of, any_of)


def _matching(pattern: str, names: Mapping[str, Tree]) -> Iterator[str]:
    """`them` and patterns leave out names that start with `_`, unless the pattern itself starts so."""
    them = pattern.lower() == "them"
    wanted = re.compile(".*" if them else ".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    hidden = not pattern.startswith("_")
    return (name for name in names if wanted.fullmatch(name) and not (hidden and name.startswith("_")))


class Grammar(Generic[T]):
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str, operators: Operators[T]) -> None:
        self._build, self._at, self._depth = operators, 0, 0
        self._tokens, self._end = list(_tokens(text)), len(text)

    def parse(self) -> T:
        result = self._chain("or", lambda: self._chain("and", self._not, self._build.all_of), self._build.any_of)
        if self._at < len(self._tokens):
            self._refuse(f"unexpected {self._tokens[self._at].text!r}", "join parts with `and` or `or`")
        return result

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].text.lower() if at < len(self._tokens) else ""

    def _refuse(self, text: str, remedy: str) -> None:
        offset = self._tokens[self._at].offset if self._at < len(self._tokens) else self._end
        raise Refused(text, remedy, offset)

    def _chain(self, word: str, part: Callable[[], T], join: Callable[[list[T]], T]) -> T:
        parts = [part()]
        while self._word() == word:
            self._at += 1
            parts.append(part())
        return join(parts)

    def _not(self) -> T:
        negations = 0
        while self._word() == "not":
            self._at += 1
            negations += 1
        result = self._operand()
        return self._build.negate(result) if negations % 2 else result

    def _operand(self) -> T:
        if not self._word():
            self._refuse("the condition ends where a selection should stand", "complete it")
        if self._word() == "(":
            return self._parentheses()
        if self._word(1) == "of" and self._build.of is not None:
            return self._of()
        token = self._tokens[self._at]
        if self._word() in (")", "and", "or", "of") or not _NAME.fullmatch(token.text):
            self._refuse(f"{token.text!r} where a selection should stand", "name a selection, or write `1 of` before a pattern")
        self._at += 1
        return self._build.name(token)

    def _parentheses(self) -> T:
        opening = self._tokens[self._at]
        self._at += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH}", "flatten it")
        result = self._chain("or", lambda: self._chain("and", self._not, self._build.all_of), self._build.any_of)
        if self._word() != ")":
            raise Refused("parenthesis is never closed", "close it", opening.offset)
        self._at += 1
        self._depth -= 1
        return result

    def _of(self) -> T:
        quantifier = self._word()
        if quantifier not in ("1", "any", "all"):
            self._refuse(f"`{quantifier} of` is not in the language", "use `1 of`, `any of` or `all of`")
        self._at += 2
        pattern = self._tokens[self._at] if self._at < len(self._tokens) else Token("", self._end)
        if not pattern.text or pattern.text in ("(", ")"):
            self._refuse("`of` needs `them` or a pattern of names", "write for example `1 of selection_*`")
        self._at += 1
        assert self._build.of is not None
        return self._build.of(quantifier, pattern)


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        if match.group(3) == "|":
            raise _aggregation(text, match.start(3))
        if match.group(3):
            remedy = "names are letters, digits, `_`, `-` and `.`"
            raise Refused(f"unexpected character {match.group(3)!r}", remedy, match.start(3))
        yield Token(match.group(1) or match.group(2), match.start(1) if match.group(1) else match.start(2))


def _aggregation(text: str, offset: int) -> Refused:
    word = re.search(r"\w+", text[offset:])
    kind = _OLD_AGGREGATIONS.get(word.group().lower() if word else "", "event_count, value_count, temporal ...")
    return Refused("`|` aggregations left the language", f"write a correlation of type {kind}", offset)
