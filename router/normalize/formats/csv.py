"""CSV whose columns depend on the kind of line and its firmware (a value, the column count), or are named by a first line."""

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Columns: TypeAlias = Sequence[str]
Variant: TypeAlias = Columns | Mapping[int, Columns]
EXTRA = "_extra"
"""Key of values behind the last known column."""
SKIPPED = "_"
"""Name of a column that is left out."""
UNFIT = "_line"
"""Key of a line below a header that has more or fewer values than the header has names."""
_MAX_FIELD = 1 << 22


def cells(line: str, sep: str = ",") -> list[str]:
    """The values of one line; quotes by RFC 4180, section 2, where they occur. A quote that never closes is kept as text."""
    return _cells(line, sep)[0]


def _cells(line: str, sep: str) -> tuple[list[str], bool]:
    """The values, and whether every quote that closes does so at the end of a value: else no one can tell where each stands."""
    if '"' not in line:
        return line.split(sep), True
    bare = _bare(line, sep)
    if bare is not None:
        return bare.split(sep), True
    text = line.replace("\n", " ").replace("\r", " ")
    for strict in (True, False):
        try:
            rows = list(csv.reader([text], delimiter=sep, strict=strict))
        except csv.Error:
            continue
        return rows[0] if len(rows) == 1 else line.split(sep), strict or _before_fault(text, sep) is None
    return line.split(sep), True


def _before_fault(text: str, sep: str) -> int | None:
    """Where the first value begins behind whose closing quote more text stands; None where there is none."""
    start = 0
    while start < len(text):
        if text[start] != '"':
            end = text.find(sep, start)
        else:
            closing = text.find('"', start + 1)
            while closing >= 0 and text[closing + 1 : closing + 2] == '"':
                closing = text.find('"', closing + 2)
            if closing < 0:
                return None
            end = closing + 1
            if end < len(text) and text[end] != sep:
                return start
        if end < 0:
            return None
        start = end + 1
    return None


def _bare(line: str, sep: str) -> str | None:
    """The line without its quotes, where they do no more than stand around whole values; else None."""
    chunks = line.split('"')
    last = len(chunks) - 1
    if last & 1 or "\n" in line or "\r" in line:
        return None
    for i, chunk in enumerate(chunks):
        if i & 1:
            if sep in chunk:
                return None
        elif (i and not chunk.startswith(sep) and (chunk or i < last)) or (i < last and not chunk.endswith(sep) and (chunk or i)):
            return None
    return "".join(chunks)


def compile_csv(
    columns: Columns = (),
    by_column: int | None = None,
    variants: Mapping[str, Variant] | None = None,
    default: Columns = (),
    sep: str = ",",
    minimum: int = 2,
) -> Callable[[str], dict[str, Any] | None]:
    """A parser for these columns. Short lines give what they have; None for a line of another variant or with too few values."""
    csv.field_size_limit(_MAX_FIELD)
    fixed = tuple(columns)
    choices = {name: _by_count(variant) for name, variant in (variants or {}).items()}
    fallback = tuple(default)

    def parse(line: str) -> dict[str, Any] | None:
        values, sound = _cells(line, sep)
        if len(values) < minimum:
            return None
        names: Sequence[str] = fixed
        if by_column is not None:
            choice = choices.get(values[by_column].strip()) if by_column < len(values) else None
            names = _fitting(choice, len(values)) if choice is not None else fallback
            if not names:
                return None
        return _named(names, values) if sound or len(values) == len(names) else _certain(names, line, sep)

    return parse


def compile_headed(names: Sequence[str], sep: str = ",") -> Callable[[str], list[dict[str, str]] | None]:
    """A parser for lines below one that names their columns: an object per line, with `_` for a dash or a blank in a name.

    None unless the first line has all of `names` and no name twice, and another line follows. A line with more or fewer values
    than names is given whole (`_line`): which value stands where is not known.
    """
    csv.field_size_limit(_MAX_FIELD)
    needed = frozenset(names)

    def parse(text: str) -> list[dict[str, str]] | None:
        first, newline, rest = text.lstrip("\ufeff").partition("\n")
        if not newline:
            return None
        columns = [name.strip().replace("-", "_").replace(" ", "_") for name in cells(first.rstrip("\r"), sep)]
        if not needed.issubset(columns) or len(set(columns)) < len(columns):
            return None
        lines = [line for line in rest.replace("\r", "").split("\n") if line.strip()]
        return [_under(columns, line, sep) for line in lines] or None

    return parse


def _under(columns: list[str], line: str, sep: str) -> dict[str, str]:
    values = cells(line, sep)
    return dict(zip(columns, values, strict=True)) if len(values) == len(columns) else {UNFIT: line}


def _by_count(variant: Variant) -> list[tuple[int, Columns]]:
    if isinstance(variant, Mapping):
        return sorted((int(count), tuple(names)) for count, names in variant.items())
    return [(0, tuple(variant))]


def _fitting(choice: list[tuple[int, Columns]], count: int) -> Columns:
    """The columns for the nearest count that is not above the line's; the shortest when all are above."""
    best = choice[0][1]
    for least, names in choice:
        if least > count:
            break
        best = names
    return best


def _certain(names: Sequence[str], line: str, sep: str) -> dict[str, Any]:
    """The values in front of a broken quote, and the text from there on: with it, values have moved to other columns."""
    text = line.replace("\n", " ").replace("\r", " ")
    start = _before_fault(text, sep) or 0
    return {**_named(names, cells(text[:start].removesuffix(sep), sep) if start else []), EXTRA: [text[start:]]}


def _named(names: Sequence[str], values: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(names, values, strict=False))
    found.pop(SKIPPED, None)
    if len(values) > len(names):
        extra = values[len(names) :]
        if any(extra):
            found[EXTRA] = extra
    return found
