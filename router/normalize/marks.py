"""The candidates of a payload by one pass over its first kilobyte: Hyperscan finds the texts that decide.

Of each mark one text is looked for: the longest of those that must be there, or each of those of which one must, if these say
more. The tests of `identify` answer for the rest of the mark; and for all of it where Hyperscan is not installed, or is given
half of a surrogate pair. One thread at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from router.normalize.identify import HEAD, Identity, Mark, selector

hyperscan: Any
try:
    import hyperscan
except ImportError:  # pragma: no cover (no wheel for the platform)
    hyperscan = None

_MAX_TOLD = 1024
"""How many answers to what receivers were told are kept."""
_FEW = 8
"""Of fewer normalizers the generated tests are as quick, and need no database."""

Rest: TypeAlias = tuple[int, Callable[[str], bool]]
"""Place of a normalizer, and the test of a mark once one of its texts has been found."""


def keys(mark: Mark) -> tuple[str, ...]:
    """The texts one of which stands in whatever the mark holds for; none where it goes by the start, which is quicker to see."""
    if mark.starts:
        return ()
    longest = max(mark.contains, key=len, default="")
    return (longest,) if len(longest) > min(map(len, mark.any), default=0) else mark.any


class Asker:
    """(first kilobyte, facts of the receiver) -> places of those identities of which a mark holds, in order."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._slow = selector(identities)

    def __call__(self, head: str, meta: Mapping[str, str]) -> list[int]:
        return self._slow(head, meta)

    def behind(self, head: str, outer: str, start: int, meta: Mapping[str, str]) -> list[int]:
        """The same for the head of what begins at a place of a text whose own head was asked for last."""
        return self._slow(head, meta)


def finder(identities: Sequence[Identity]) -> Asker:
    """The quickest for so many."""
    plain = [(place, mark) for place, identity in enumerate(identities) for mark in identity.marks if not mark.meta]
    if hyperscan is None or len(identities) < _FEW or not any(keys(mark) for _, mark in plain):
        return Asker(identities)
    return Finder(identities, plain)


class Finder(Asker):
    """By one search for all texts."""

    def __init__(self, identities: Sequence[Identity], plain: Sequence[tuple[int, Mark]]) -> None:
        super().__init__(identities)
        self._told = _told([(place, mark) for place, identity in enumerate(identities) for mark in identity.marks if mark.meta])
        self._starting: dict[str, list[tuple[int, str, Callable[[str], bool]]]] = {}
        """By the first two characters, or by the one there is."""
        for place, mark in plain:
            for start in mark.starts:
                self._starting.setdefault(start[:2], []).append((place, start, _test(mark._replace(starts=()))))
        sure, rests = defaultdict[str, list[int]](list), defaultdict[str, list[Rest]](list)
        for place, mark in plain:
            texts = dict.fromkeys(keys(mark))
            if _enough(mark):
                for text in texts:
                    sure[text].append(place)
            elif texts:
                test = _test(mark)
                for text in texts:
                    rests[text].append((place, test))
        self._texts = sorted(sure.keys() | rests.keys())
        self._sure = [sure[text] for text in self._texts]
        self._rests = [rests[text] for text in self._texts]
        self._longest = max(map(len, self._texts))
        self._scan, self._hits = _scanner(self._texts)
        self._last: tuple[str, list[int]] = ("", [])

    def __call__(self, head: str, meta: Mapping[str, str]) -> list[int]:
        try:
            self._scan(head)
        except (hyperscan.error, UnicodeEncodeError):
            return self._slow(head, meta)
        self._last = head, self._hits.copy()
        return self._holding(self._hits, head, meta)

    def behind(self, head: str, outer: str, start: int, meta: Mapping[str, str]) -> list[int]:
        """What was found before is not searched again, only what lay across its end or behind it."""
        last, hits = self._last
        if last != outer[:HEAD] or not last:
            return self(head, meta)
        if len(outer) > HEAD:
            try:
                self._scan(outer[HEAD - self._longest : HEAD + start])
            except (hyperscan.error, UnicodeEncodeError):
                return self._slow(head, meta)
            hits = [*dict.fromkeys((*hits, *self._hits))]
        return self._holding(hits, head, meta, certain=False)

    def _holding(self, hits: Sequence[int], head: str, meta: Mapping[str, str], certain: bool = True) -> list[int]:
        """`certain`: the texts of `hits` stand in the head."""
        found: set[int] = set()
        for hit in hits:
            if certain or self._texts[hit] in head:
                found.update(self._sure[hit])
                for place, test in self._rests[hit]:
                    if test(head):
                        found.add(place)
        for key in (head[:2], head[:1]):
            if key in self._starting:
                for place, start, test in self._starting[key]:
                    if head.startswith(start) and test(head):
                        found.add(place)
        if meta:
            found.update(place for place, test in self._told(meta) if test(head))
        return sorted(found) if len(found) > 1 else list(found)


def _enough(mark: Mark) -> bool:
    """Does it hold wherever one of its texts has been found?"""
    return not mark.contains or (mark.contains == keys(mark) and not mark.any)


def _told(marks: Sequence[tuple[int, Mark]]) -> Callable[[Mapping[str, str]], tuple[Rest, ...]]:
    """What the receiver was told -> those of whose marks it speaks, with the test of their texts; many are told the same."""
    names = tuple(sorted({name for _, mark in marks for name, _ in mark.meta}))
    rows = [(place, mark._replace(contains=(), any=(), starts=()), _test(mark)) for place, mark in marks]

    @lru_cache(_MAX_TOLD)
    def remembered(values: tuple[str, ...]) -> tuple[Rest, ...]:
        meta = dict(zip(names, values, strict=True))
        return tuple((place, test) for place, bare, test in rows if bare.holds("", meta))

    return lambda meta: remembered(tuple(meta.get(name, "") for name in names))


def _test(mark: Mark) -> Callable[[str], bool]:
    made: Callable[[str], bool] = eval(f"lambda h: {mark.code()}")
    return made


def _scanner(texts: Sequence[str]) -> tuple[Callable[[str], None], list[int]]:
    """A scan, and the list that it fills with the places of the texts that it finds, each once."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = ["".join(f"\\x{byte:02x}" for byte in text.encode()).encode() for text in texts]
    database.compile(
        expressions=expressions,
        ids=list(range(len(texts))),
        elements=len(texts),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(texts),
    )
    scratch, hits = hyperscan.Scratch(database), list[int]()
    add = hits.append

    def on_hit(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        add(index)

    def scan(head: str) -> None:
        hits.clear()
        database.scan(head.encode(), on_hit, 0, None, scratch)

    return scan, hits
