"""Many literals looked for in one text at once. This is the seam for other matchers: patterns in, a `Finder` out.

Texts and patterns are compared as they are: whoever wants case not to matter folds both.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

Side: TypeAlias = Literal["contains", "endswith", "startswith"]


class Pattern(NamedTuple):
    """A literal (never empty) and where in the text it must stand."""

    side: Side
    text: str


Finder: TypeAlias = Callable[[str], list[int]]
"""Text -> the indexes of the patterns that hold, each once, in any order. The list is the caller's until the next call."""
Build: TypeAlias = Callable[[Sequence[Pattern]], Finder]


def plain(patterns: Sequence[Pattern]) -> Finder:
    """Tests by `str` alone: best for a few patterns, and the way where there is no Hyperscan."""
    inside = [(i, p.text) for i, p in enumerate(patterns) if p.side == "contains"]
    edges = _edges(patterns)
    if not edges:
        return lambda text: [i for i, literal in inside if literal in text]

    def find(text: str) -> list[int]:
        found = [i for i, literal in inside if literal in text]
        for at_end, length, table in edges:
            piece = text[-length:] if at_end else text[:length]
            if piece in table:
                found.append(table[piece])
        return found

    return find


def _edges(patterns: Sequence[Pattern]) -> list[tuple[bool, int, dict[str, int]]]:
    """Prefixes and suffixes by their length: one look-up decides about all of a length."""
    tables: dict[tuple[bool, int], dict[str, int]] = {}
    for i, pattern in enumerate(patterns):
        if pattern.side != "contains":
            tables.setdefault((pattern.side == "endswith", len(pattern.text)), {})[pattern.text] = i
    return [(at_end, length, table) for (at_end, length), table in tables.items()]
