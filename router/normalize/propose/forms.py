"""Which format a sample is in: the parse steps that read most of its lines, and the records they give."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from router.normalize.formats.cef import compile_cef
from router.normalize.formats.csv import cells, compile_csv
from router.normalize.formats.json import compile_json
from router.normalize.formats.kv import FREE_TEXT, compile_kv
from router.normalize.formats.leef import compile_leef
from router.normalize.formats.regex import compile_regex
from router.normalize.formats.syslog import read
from router.normalize.formats.xml import compile_xml
from router.normalize.line import NO_HEADER, Line
from router.normalize.propose.application import access, beginning
from router.normalize.zones import UTC

Record = dict[str, Any]
_ENOUGH = 0.8
"""The part of the lines that a format must read."""
_MOST_BESIDE = 4
"""Keys of an object that only holds a list of events: the list, and what says how it was asked for."""


class Form(NamedTuple):
    """A format that fits: the steps as they are written in `parse`, and what they make of each line (None: does not fit)."""

    name: str
    steps: list[Any]
    records: list[Record | None]
    header: str = ""
    """The first column, if the first line of the sample names the columns."""
    comments: bool = False
    """Lines that begin with # say what the others are; they are ignored."""
    each: str = ""
    """The key of the list whose items are the events."""


def form_of(lines: Sequence[str]) -> Form:
    """The most structured format that reads most of the lines; as a last resort the text as it stands."""
    if (own := _w3c(lines) or _program(lines, [])) is not None:
        return own
    bodies, has_header = _bodies(lines)
    before: list[Any] = ["syslog"] if has_header else []
    for name, step, parse in _candidates(bodies):
        records = [_record(parse, body) for body in bodies]
        if sum(r is not None for r in records) >= _ENOUGH * len(bodies):
            if records[0] is not None and list(records[0]) == list(records[0].values()):
                return Form(name, [*before, step], [None, *records[1:]], next(iter(records[0])))
            return _parted(Form(name, [*before, step], records))
    return _program(bodies, before) or Form("text", ["syslog"], [{} for _ in lines])


def _program(bodies: Sequence[str], before: list[Any]) -> Form | None:
    """What a logging library or a web server writes before the message or between quotes."""
    found = [("access", access(bodies, _ENOUGH)), ("application", beginning(bodies, _ENOUGH, 1 if before else 2))]
    for name, pattern in found:
        if pattern is not None and not _are_pairs(bodies, name):
            parse = compile_regex(pattern)
            return Form(name, [*before, {"regex": pattern}], [_record(parse, body) for body in bodies])
    return None


def _are_pairs(bodies: Sequence[str], name: str) -> bool:
    """Do the messages say more by their pairs than the beginning does? `key=value` is read as pairs then."""
    return name == "application" and sum(len(_PAIR.findall(body)) >= 3 for body in bodies) >= _ENOUGH * len(bodies)


def _parted(form: Form) -> Form:
    """Where every record holds its events in a list of objects, and hardly anything beside it: the form of those events."""
    held = [record for record in form.records if record is not None]
    for key, value in held[0].items():
        if _are_events(value) and all(_are_events(record.get(key)) and len(record) <= _MOST_BESIDE for record in held):
            return form._replace(each=key, records=[item for record in held for item in record[key]])
    return form


def _are_events(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(item) is dict and len(item) > 1 for item in value)


def _w3c(lines: Sequence[str]) -> Form | None:
    """W3C Extended Log File Format: a line `#Fields:` names the columns."""
    named = next((line.split()[1:] for line in lines if line.startswith("#Fields:")), [])
    if len(named) < 3:
        return None
    columns = [name if name not in named[:i] else "_" for i, name in enumerate(named)]
    parse = compile_csv(columns=columns, sep=" ")
    records = [None if line.startswith("#") else _record(parse, line) for line in lines]
    return Form("csv", [{"csv": {"columns": columns, "sep": " "}}], records, comments=True)


def _bodies(lines: Sequence[str]) -> tuple[list[str], bool]:
    """The texts behind their syslog headers, where most lines have one that says when or who."""
    read_lines = [Line(text, 0.0, UTC) for text in lines]
    for line in read_lines:
        read(line)
    with_header = [line for line in read_lines if line.head is not NO_HEADER and _is_header(line)]
    if len(with_header) >= _ENOUGH * len(lines):
        return [line.body for line in read_lines], True
    return list(lines), False


def _is_header(line: Line) -> bool:
    """Has it a priority, or a time that is not the first of columns?"""
    return line.head.priority is not None or (line.header_time is not None and not line.body.startswith("\t"))


def _record(parse: Callable[[str], Any], body: str) -> Record | None:
    try:
        found = parse(body)
    except (ValueError, IndexError, KeyError):
        return None
    if isinstance(found, list):
        found = found[0] if found else None
    return found if isinstance(found, dict) and found else None


def _candidates(bodies: Sequence[str]) -> list[tuple[str, Any, Callable[[str], Any]]]:
    """Name, step and parser of every format worth a try, the most telling first."""
    found: list[tuple[str, Any, Callable[[str], Any]]] = []
    starts = Counter(body.lstrip()[:1] for body in bodies)
    if starts["{"] + starts["["] >= _ENOUGH * len(bodies):
        found.append(("json", "json", compile_json()))
    if sum("CEF:" in body for body in bodies) >= _ENOUGH * len(bodies):
        found.append(("cef", "cef", compile_cef()))
    if sum("LEEF:" in body for body in bodies) >= _ENOUGH * len(bodies):
        found.append(("leef", "leef", compile_leef()))
    if starts["<"] >= _ENOUGH * len(bodies):
        found.append(("xml", "xml", compile_xml()))
    return [*found, *_pairs(bodies), *_columns(bodies)]


_PAIR = re.compile(r"(?:^|[\s,;|])([A-Za-z_][\w.\-]{0,40})(=|: ?)(?:\"[^\"]*\"|[^\s,;|]*)")


def _pairs(bodies: Sequence[str]) -> list[tuple[str, Any, Callable[[str], Any]]]:
    """key=value, by the separator that gives the most pairs and the least text around them."""
    if sum(len(_PAIR.findall(body)) >= 3 for body in bodies) < _ENOUGH * len(bodies):
        return []
    best: tuple[float, Any, Callable[[str], Any]] | None = None
    for assign in ("=", ":"):
        for sep in (" ", ",", ";", "|", "\t"):
            parse = compile_kv(assign=assign, sep=sep)
            score = sum(_pair_score(_record(parse, body)) for body in bodies) / len(bodies)
            if best is None or score > best[0]:
                best = score, _kv_step(assign, sep), parse
    return [("kv", best[1], best[2])] if best is not None and best[0] >= 2 else []


def _pair_score(record: Record | None) -> float:
    """Pairs with sound keys; words outside of pairs, and values that hold further pairs, speak against it."""
    if record is None:
        return 0.0
    good = sum(bool(re.fullmatch(r"[A-Za-z_][\w.\-]{0,40}", key)) for key in record)
    loose = len(str(record.get(FREE_TEXT, "")).split())
    nested = sum(type(value) is str and bool(_PAIR.search(" " + value)) for value in record.values())
    return good - loose / 4 - nested * 2


def _kv_step(assign: str, sep: str) -> Any:
    options = {key: value for key, value, usual in (("assign", assign, "="), ("sep", sep, " ")) if value != usual}
    return {"kv": options} if options else "kv"


def _columns(bodies: Sequence[str]) -> list[tuple[str, Any, Callable[[str], Any]]]:
    """Delimited text: the separator that gives the same number of columns, four or more, in most lines."""
    for sep in ("\t", "|", ";", ","):
        counts = Counter(len(cells(body, sep)) - 1 for body in bodies)
        count, lines = counts.most_common(1)[0]
        if count >= 3 and lines >= _ENOUGH * len(bodies):
            names = _header(cells(bodies[0], sep), bodies) or [f"column{i + 1}" for i in range(count + 1)]
            options: dict[str, Any] = {"columns": names}
            if sep != ",":
                options["sep"] = sep
            return [("csv", {"csv": options}, compile_csv(**options))]
    return []


def _header(first: Sequence[str], bodies: Sequence[str]) -> list[str] | None:
    """Names of columns, if the first line holds them: words, all different, that no other line repeats."""
    names = [re.sub(r"[^0-9A-Za-z_.\-]+", "_", cell.strip().strip('"')).strip("_") for cell in first]
    sound = all(re.fullmatch(r"[A-Za-z][\w.\-]{0,60}", name) for name in names)
    return names if sound and len(set(names)) == len(names) and list(bodies).count(bodies[0]) == 1 else None
