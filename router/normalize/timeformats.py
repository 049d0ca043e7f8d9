"""Time formats in strptime's directives, compiled once to a regular expression and integer arithmetic."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from router.normalize.times import MONTHS, Moment, Zone, dated, epoch, placed
from router.normalize.times import clock_of as clock
from router.normalize.zones import resolve

TimeReader: TypeAlias = Callable[[str, Zone, float], Moment | None]
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"\s?(?P<d>\d{1,2})",
    "e": r"\s?(?P<d>\d{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<b>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{2,4}\.?",
    "A": r"[A-Za-z]{5,9}",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})\d*",
    "p": r"(?P<p>[AaPp])\.?[Mm]?\.?",
    "z": r"(?P<z>Z|(?:UTC|GMT)?[+-]\d{1,2}:?(?:\d\d)?)",
    "Z": r"(?P<z>[A-Za-z][A-Za-z_/+-]{0,40}\d{0,2})",
    "s": r"(?P<s>\d{9,20}(?:\.\d{1,9})?)",
    "j": r"(?P<j>\d{1,3})",
    "%": "%",
}


def _pattern(text: str) -> re.Pattern[str]:
    parts, seen, i = [], set(), 0
    while i < len(text):
        if text[i] != "%":
            parts.append(r"\s+" if text[i] == " " else re.escape(text[i]))
            i += 1
            continue
        code = text[i + 1 : i + 2]
        if code not in _DIRECTIVES:
            raise ValueError(f"unknown directive %{code}; known: {' '.join('%' + c for c in _DIRECTIVES)}")
        name = {"e": "d", "B": "b", "I": "H", "Z": "z"}.get(code, code)
        if name in seen and name not in "aA%":
            raise ValueError(f"%{code} stands twice")
        seen.add(name)
        parts.append(_DIRECTIVES[code])
        i += 2
    if "s" not in seen and not ({"d", "j"} & seen):
        raise ValueError("the format has no day; add %d, or join the fields first")
    return re.compile(r"\s*" + "".join(parts) + r"\s*\Z", re.ASCII)


def compile_format(text: str) -> TimeReader:
    """A reader of this format. Raises ValueError when the format is wrong."""
    pattern = _pattern(text)
    names = pattern.groupindex

    def read(value: str, where: Zone, receipt: float) -> Moment | None:
        found = pattern.match(value) if len(value) < 120 else None
        if found is None:
            return None
        parts = {name: found[name] for name in names}
        return epoch(parts["s"]) if parts.get("s") else _assembled(parts, where, receipt)

    return read


def _assembled(parts: dict[str, Any], where: Zone, receipt: float) -> Moment | None:
    seconds = clock(int(parts.get("H") or 0), int(parts.get("M") or 0), int(parts.get("S") or 0), parts.get("p"))
    year = _year(parts)
    if parts.get("j"):
        start = dated(year, 1, 1, seconds, where, receipt)
        local = None if start is None or not 1 <= int(parts["j"]) <= 366 else start + (int(parts["j"]) - 1) * 86_400
    else:
        month = MONTHS.get(parts["b"].lower()[:3], 0) if parts.get("b") else int(parts.get("m") or 1)
        local = dated(year, month, int(parts["d"]), seconds, where, receipt) if month else None
    if parts.get("z"):
        where = resolve(parts["z"], where, local or 0) or where
    return placed(local, parts.get("f") or "", where)


def _year(parts: dict[str, Any]) -> int | None:
    if parts.get("Y"):
        return int(parts["Y"])
    if parts.get("y"):
        short = int(parts["y"])
        return short + (2000 if short < 70 else 1900)
    return None
