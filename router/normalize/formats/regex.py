"""Regular expressions with named groups, and the lint that keeps them linear: anchored, no repeat inside of a repeat."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from re import _constants as sre  # type: ignore[attr-defined]  # typeshed leaves the parser of re out
from re import _parser  # type: ignore[attr-defined]  # typeshed leaves the parser of re out
from typing import Any

from router.registry import nearest

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_FRAGMENT = re.compile(r"@\{(\w+)\}")
_MAX_TEXT = 1 << 16
"""Longer texts are not searched: a line cap of 64 Ki characters."""


def _children(op: Any, argument: Any) -> Iterator[Any]:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        yield argument[2]
    elif op is sre.SUBPATTERN:
        yield argument[3]
    elif op is sre.BRANCH:
        yield from argument[1]
    elif op is sre.ATOMIC_GROUP:
        yield argument
    elif op in (sre.ASSERT, sre.ASSERT_NOT):
        yield argument[1]
    elif op is sre.GROUPREF_EXISTS:
        yield from (part for part in argument[1:] if part is not None)


def _nested(tree: Any, inside: bool) -> bool:
    """Does an unbounded repeat that can give back stand inside of another one?"""
    for op, argument in tree:
        unbounded = op in _REPEATS and argument[1] is sre.MAXREPEAT
        if unbounded and inside:
            return True
        # Possessive repeats and atomic groups never give back: what is inside of them starts anew.
        closed = op is sre.ATOMIC_GROUP or op is sre.POSSESSIVE_REPEAT
        deeper = not closed and (inside or unbounded)
        if any(_nested(child, deeper) for child in _children(op, argument)):
            return True
    return False


def _leading(tree: Any) -> bool:
    """Is the pattern anchored at the start, in every branch?"""
    for op, argument in tree:
        if op is sre.AT:
            return argument in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
        if op is sre.SUBPATTERN:
            return _leading(argument[3])
        if op is sre.BRANCH:
            return all(_leading(branch) for branch in argument[1])
        return False
    return False


def _wild(tree: Any) -> int:
    """How many unbounded repeats of nearly any character stand side by side: each adds a power to the worst case."""
    count = 0
    for op, argument in tree:
        if op in _REPEATS and argument[1] is sre.MAXREPEAT:
            body = list(argument[2])
            count += len(body) == 1 and body[0][0] is sre.ANY
        elif op is sre.SUBPATTERN:
            count += _wild(argument[3])
    return count


def _roams(tree: Any) -> bool:
    """Does it begin with a repeat without end, and go on behind it? A search runs along it from each place."""
    items = list(tree)
    for i, (op, argument) in enumerate(items):
        rest = items[i + 1 :]
        if op in (*_REPEATS, sre.POSSESSIVE_REPEAT):
            if argument[1] is sre.MAXREPEAT:
                return bool(rest)
            roams = _roams([*argument[2], *rest[:1]])
            if roams or argument[0]:
                return roams
        elif op is sre.BRANCH:
            return any(_roams([*branch, *rest]) for branch in argument[1])
        elif op in (sre.SUBPATTERN, sre.ATOMIC_GROUP):
            return _roams([*(argument[3] if op is sre.SUBPATTERN else argument), *rest])
        else:
            return False
    return False


def faults(pattern: str, anchored: bool = True) -> list[str]:
    """What the lint has against a pattern; empty when nothing."""
    try:
        tree = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return [f"not a regular expression: {error}"]
    found = []
    if anchored and not _leading(tree):
        found.append("is not anchored; begin it with ^")
    if not anchored and _roams(tree):
        found.append("begins with a repeat without end; leave it out, begin with ^ or (?<!...), or say how often, as {1,64}")
    if _nested(tree, False):
        found.append("repeats inside of a repeat; use possessive ++ or *+, or (?>...)")
    if _wild(tree) > 2:
        found.append("has more than two .* or .+; name the characters, as [^ ]++")
    return found


def literal_start(pattern: str) -> str:
    """The text that every match begins with, as far as it is certain; empty where case is ignored or a choice comes first."""
    tree = _parser.parse(pattern)
    if tree.state.flags & re.IGNORECASE:
        return ""
    text = ""
    for op, argument in tree:
        if op is not sre.LITERAL:
            break
        text += chr(argument)
    return text


def expanded(pattern: str, fragments: Mapping[str, str]) -> str:
    """`@{name}` -> the fragment of that name; it may hold others. ValueError: unknown, or a circle."""
    for _ in range(8):
        if "@{" not in pattern:
            return pattern
        for found in _FRAGMENT.finditer(pattern):
            if found[1] not in fragments:
                raise ValueError(f"there is no fragment {found[1]!r}; {nearest(found[1], sorted(fragments))}")
        pattern = _FRAGMENT.sub(lambda found: str(fragments[found[1]]), pattern)
    raise ValueError("fragments hold one another")


def names(pattern: str) -> list[str]:
    """The named groups."""
    return list(re.compile(pattern).groupindex)


def _certain(tree: Any) -> Iterator[int]:
    """The groups that take part in every match."""
    for op, argument in tree:
        if op is sre.SUBPATTERN:
            if argument[0] is not None:
                yield argument[0]
            yield from _certain(argument[3])
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and argument[0]:
            yield from _certain(argument[2])
        elif op is sre.ATOMIC_GROUP:
            yield from _certain(argument)


def _reader(pattern: str) -> tuple[Callable[[str], Any], tuple[str, ...], tuple[int, ...], bool]:
    """How to match, the names of the groups, their numbers (none: all in order), and whether all always take part."""
    compiled = re.compile(pattern)
    found, numbers = tuple(compiled.groupindex), tuple(compiled.groupindex.values())
    certain = frozenset(_certain(_parser.parse(pattern)))
    return compiled.match, found, () if len(numbers) == compiled.groups else numbers, certain.issuperset(numbers)


def compile_regex(patterns: str | Sequence[str]) -> Callable[[str], dict[str, Any] | None]:
    """A parser: the first pattern that fits gives its named groups, those that took part."""
    readers = [_reader(p) for p in ((patterns,) if isinstance(patterns, str) else patterns)]
    if len(readers) == 1:
        return _alone(*readers[0])

    def parse(text: str) -> dict[str, Any] | None:
        if len(text) > _MAX_TEXT:
            text = text[:_MAX_TEXT]
        for match, found, numbers, complete in readers:
            taken = match(text)
            if taken is None:
                continue
            values = [taken[i] for i in numbers] if numbers else taken.groups()
            if complete:
                return dict(zip(found, values, strict=True))
            return {k: v for k, v in zip(found, values, strict=True) if v is not None}
        return None

    return parse


def _alone(
    match: Callable[[str], Any], names: tuple[str, ...], numbers: tuple[int, ...], complete: bool
) -> Callable[[str], dict[str, Any] | None]:
    """The parser for one pattern."""
    if complete and not numbers:

        def whole(text: str) -> dict[str, Any] | None:
            taken = match(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT])
            return dict(zip(names, taken.groups())) if taken is not None else None  # noqa: B905 - as many

        return whole

    def parse(text: str) -> dict[str, Any] | None:
        taken = match(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT])
        if taken is None:
            return None
        values = [taken[i] for i in numbers] if numbers else taken.groups()
        if complete or None not in values:
            return dict(zip(names, values))  # noqa: B905 - as many
        return {k: v for k, v in zip(names, values) if v is not None}  # noqa: B905 - as many

    return parse
