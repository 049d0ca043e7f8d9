"""Pairs whose keys come in an order that was seen before: one pattern reads all values at once.

A device writes its events in a handful of layouts. For one that has come a few times, a pattern with the keys as literals is
made, of which every group ends at a character that it cannot hold: it never looks back, and what it does not fit is read step by
step. The pattern is compared with what the steps gave before it is used. Everything is bounded, also how often patterns are
made: that takes a millisecond, which senders of ever other keys must not be able to ask for with each line.
"""

import re
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

_SIGHTINGS = 3
"""A layout is worth a pattern when it comes for this time."""
_LEAST, _MOST = 5, 100
"""Fewer pairs are read as fast one by one; more take long to compile."""
_LONGEST_KEY, _LONGEST_TEXT = 80, 8192
_MOST_LAYOUTS, _MOST_SEEN, _SAME_MARK = 256, 256, 4
_AT_ONCE, _LINES_PER_PATTERN = 64, 2048


class _Layout(NamedTuple):
    match: Callable[[str], re.Match[str] | None]
    keys: tuple[str, ...]


class Layouts:
    """The layouts of one kind of text. `pattern`: text and its pairs -> the pattern, and the keys in the order of its groups."""

    def __init__(self, pattern: Callable[[str, dict[str, Any]], tuple[str, tuple[str, ...]] | None]) -> None:
        self._pattern = pattern
        self._known: dict[Hashable, tuple[_Layout, ...]] = {}
        self._seen: dict[tuple[Hashable, tuple[str, ...]], int] = {}
        self._count, self._credit = 0, _AT_ONCE * _LINES_PER_PATTERN

    def read(self, mark: Hashable, text: str) -> dict[str, Any] | None:
        """The pairs, where the layout is known. `mark`: what texts of one layout have in common, and costs little to find."""
        if mark in self._known:
            for match, keys in self._known[mark]:
                found = match(text)
                if found is not None:
                    return dict(zip(keys, found.groups()))  # noqa: B905 - as many
        return None

    def learn(self, mark: Hashable, text: str, pairs: dict[str, Any]) -> None:
        """Take note of the layout of a text that was read step by step."""
        if self._credit < _AT_ONCE * _LINES_PER_PATTERN:
            self._credit += 1
        if not _LEAST <= len(pairs) <= _MOST or self._credit < _LINES_PER_PATTERN or len(text) > _LONGEST_TEXT:
            return
        seen = mark, tuple(pairs)
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        count = self._seen[seen] = self._seen.get(seen, 0) + 1
        if count == _SIGHTINGS and max(map(len, pairs)) <= _LONGEST_KEY:
            self._credit -= _LINES_PER_PATTERN
            self._add(mark, text, pairs)

    def _add(self, mark: Hashable, text: str, pairs: dict[str, Any]) -> None:
        made = self._pattern(text, pairs)
        if made is None:
            return
        match, keys = re.compile(made[0]).fullmatch, made[1]
        found = match(text)
        if found is None or dict(zip(keys, found.groups(), strict=True)) != pairs:
            return
        if self._count >= _MOST_LAYOUTS:
            self._known.clear()
            self._count = 0
        self._count += 1
        self._known[mark] = (_Layout(match, keys), *self._known.get(mark, ()))[:_SAME_MARK]
