"""The candidates of a payload by one pass over its first kilobyte: Hyperscan finds the texts that decide.

Of each mark one text is looked for: the longest of those that must be there, else each of those of which one must. The tests of
`identify` answer for the rest of the mark; and for all of it where Hyperscan is not installed, or is given half of a surrogate
pair. One thread at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from router.normalize.identify import Identity, Mark, selector

hyperscan: Any
try:
    import hyperscan
except ImportError:  # pragma: no cover (no wheel for the platform)
    hyperscan = None

_MAX_TOLD = 1024
"""How many answers to what receivers were told are kept."""
_FEW = 8
"""Of fewer normalizers the generated tests are as quick, and need no database."""

Select: TypeAlias = Callable[[str, Mapping[str, str]], list[int]]
Rest: TypeAlias = tuple[int, Callable[[str], bool]]
"""Place of a normalizer, and the test of a mark once one of its texts has been found."""


def keys(mark: Mark) -> tuple[str, ...]:
    """The texts one of which stands in whatever the mark holds for; none where it goes by the start or by what was told alone."""
    return (max(mark.contains, key=len),) if mark.contains else mark.any


def finder(identities: Sequence[Identity]) -> Select:
    """(first kilobyte, facts of the receiver) -> places of those identities of which a mark holds, in order."""
    slow = selector(identities)
    if hyperscan is None or len(identities) < _FEW:
        return slow
    plain = [(place, mark) for place, identity in enumerate(identities) for mark in identity.marks if not mark.meta]
    told = _told([(place, mark) for place, identity in enumerate(identities) for mark in identity.marks if mark.meta])
    starting = [(place, mark, mark.starts) for place, mark in plain if not keys(mark)]
    by_text: defaultdict[str, list[Rest]] = defaultdict(list)
    for place, mark in plain:
        test = _test(mark)
        for text in dict.fromkeys(keys(mark)):
            by_text[text].append((place, test))
    if not by_text:
        return slow
    texts = sorted(by_text)
    rests = [by_text[text] for text in texts]
    scan, hits = _scanner(texts)

    def select(head: str, meta: Mapping[str, str]) -> list[int]:
        try:
            scan(head)
        except (hyperscan.error, UnicodeEncodeError):
            return slow(head, meta)
        found = {place for hit in hits for place, test in rests[hit] if test(head)}
        found.update(place for place, _, starts in starting if head.startswith(starts))
        if meta:
            found.update(place for place, test in told(meta) if test(head))
        return sorted(found)

    return select


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
