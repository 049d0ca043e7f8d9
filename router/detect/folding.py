"""Case folding: Unicode simple folding, one table for every string test.

The table is `CaseFolding.txt` statuses C and S, derived from Python's own character data: a full folding of one
character is the common one (C); where the full folding is longer, the simple one (S) is the lower case, if that is one
character. So `K` (U+212A) is `k`, `ſ` is `s`, `ς` is `σ`, `É` is `é`, and `İ` and `ß` stay what they are.
"""

import unicodedata
from collections.abc import Iterator
from itertools import chain


def _simple(char: str) -> str:
    full = char.casefold()
    if len(full) == 1:
        return full
    lower = char.lower()
    return lower if len(lower) == 1 else char


def _table() -> dict[int, int]:
    pairs = ((code, ord(_simple(chr(code)))) for code in _may_fold())
    ascii_letters = ((code, code + 32) for code in range(ord("A"), ord("Z") + 1))
    return dict(ascii_letters) | {code: folded for code, folded in pairs if code != folded}


def _may_fold() -> Iterator[int]:
    """Only letters, marks, letter numbers (Ⅰ) and other symbols (Ⓐ) have case; the planes of what has none are skipped."""
    codes = chain(range(0x80, 0x2E80), range(0xA640, 0xAC00), range(0xFB00, 0x1F000))
    return (code for code in codes if unicodedata.category(chr(code))[0] in "LMNS")


TABLE = _table()


def fold(text: str) -> str:
    """The text as it is compared where case does not matter. Its length in characters does not change."""
    return text.lower() if text.isascii() else text.translate(TABLE)
