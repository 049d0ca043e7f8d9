"""Checks of selections, values and conditions: exact as they stand, and probably not what was meant."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from router.authoring.findings import Finding, Page
from router.detect import strings
from router.detect.ir import Refused, Wild
from router.detect.modifiers import Chain, parse_key
from router.detect.sources import generic_category, leads
from router.detect.values import text as canonical
from router.documents import PathKey

_NOT_SELECTIONS = ("condition", "timeframe", "rules")
_SIDES = ("contains", "startswith", "endswith")
_NUMBER = re.compile(r"0|-?[1-9]\d{0,18}")
_MAX_TOLD = 5


class Item(NamedTuple):
    """One line of a selection: `Image|endswith: [a, b]`."""

    path: PathKey
    key: str
    chain: Chain
    values: list[Any]


def selected(page: Page) -> Iterator[Finding]:
    """Every check of this file."""
    block = page.mapping(page.kind)
    yield from _conditions(page, block)
    yield from _logsource(page)
    for item in items_of(page):
        for check in _CHECKS:
            yield from check(page, item)


def items_of(page: Page) -> Iterator[Item]:
    """Every line of every selection of a rule or filter."""
    for name, value in page.mapping(page.kind).items() if page.kind != "correlation" else ():
        if name not in _NOT_SELECTIONS:
            yield from _items(value, (page.kind, name))


def _items(value: Any, path: PathKey) -> Iterator[Item]:
    if isinstance(value, list):
        if value and not any(isinstance(v, dict) for v in value):
            yield Item(path, "", Chain(None, ()), value)
            return
        for i, below in enumerate(value):
            yield from _items(below, (*path, i))
    elif isinstance(value, Mapping):
        for key, below in value.items():
            try:
                chain = parse_key(str(key))
            except Refused:
                continue  # said by whoever reads the rule
            yield Item((*path, key), str(key), chain, below if isinstance(below, list) else [below])


def _conditions(page: Page, block: Mapping[str, Any]) -> Iterator[Finding]:
    written = block.get("condition")
    listed = written if isinstance(written, list) else [written]
    names = [name for name in block if name not in _NOT_SELECTIONS]
    for i, text in enumerate(listed):
        if page.kind == "correlation" or not isinstance(text, str):
            continue
        path = (page.kind, "condition", i) if isinstance(written, list) else (page.kind, "condition")
        words = text.lower().split()
        if "them" in words and len(names) == 1:
            yield page.say(path, "info", "them-with-one-selection", "`them` is a single selection", f"write `{names[0]}`")
        if re.search(r"\ball\s+of\s+them\b", text, re.IGNORECASE):
            odd = "`all of them` also takes in every selection that is added later, filters too"
            yield page.say(path, "warning", "all-of-them", odd, "write `all of selection_*`")


def _logsource(page: Page) -> Iterator[Finding]:
    for part, value in page.mapping("logsource").items():
        if part in ("product", "category", "service") and isinstance(value, str) and value != value.lower():
            text = f"{part} {value!r} is compared in lower case"
            yield page.say(("logsource", part), "warning", "logsource-not-lowercase", text, f"write {value.lower()!r}")
        if near := _near(part, value):
            yield page.say(
                ("logsource", part), "warning", "unknown-logsource", f"no {part} {value!r} is known", f"did you mean {near!r}?"
            )


def _near(part: str, value: Any) -> str:
    """The known part of a log source that one is probably meant to be; empty if it is known, or like none."""
    known = _parts().get(part, ())
    if not isinstance(value, str) or not known or value.lower() in known:
        return ""
    return next(iter(get_close_matches(value.lower(), known, 1, cutoff=0.85)), "")


@cache
def _parts() -> dict[str, list[str]]:
    """What leads to log sources, part by part."""
    parts = {part: {getattr(lead.source, part) or "*" for lead in leads()} for part in ("product", "category", "service")}
    return {part: sorted(name for name in names if "*" not in name) for part, names in parts.items()}


def _modifiers(page: Page, item: Item) -> Iterator[Finding]:
    chain = item.chain
    names = set(chain.modifiers)
    if chain.all and chain.field is not None and "contains" not in names and len(item.values) > 1:
        if "re" in names:
            text = "every pattern has to be found"
            yield page.say(item.path, "info", "all-with-re", text, "remove `|all` unless that is meant")
        elif "cidr" not in names:
            text = "`all` without `contains`: one value can hardly equal, begin or end with all of these"
            yield page.say(item.path, "warning", "all-without-contains", text, "write `|contains|all`")
    if "base64offset" in names and "contains" not in names:
        text = "`base64offset` without `contains` compares whole values; the encoded text is part of a longer one"
        yield page.say(item.path, "warning", "base64offset-without-contains", text, "write `|base64offset|contains`")
    if "windash" in names and chain.all:
        text = "each value with its dashes is one of the things that all must be true; some other engines join them wrongly"
        yield page.say(item.path, "info", "windash-with-all", text, "keep it if only this engine has to read it")
    if len(sides := [m for m in chain.modifiers if m in _SIDES]) > 1 and "fieldref" not in names:
        text = f"{' and '.join(f'`{side}`' for side in sides)} together are `contains`"
        yield page.say(item.path, "warning", "incompatible-modifiers", text, "keep the one that is meant")
    if chain.field is None and (sides := [m for m in chain.modifiers if m in _SIDES[1:]]):
        text = f"`{sides[0]}` of a keyword changes nothing: it may stand anywhere in the message"
        yield page.say(item.path, "warning", "anchored-keyword", text, "name a field, or use `|re` with `(?m)` and an anchor")


def _values(page: Page, item: Item) -> Iterator[Finding]:
    seen: dict[Any, int] = {}
    told = 0
    for i, value in enumerate(item.values):
        path = (*item.path, i) if len(item.values) > 1 else item.path
        key = value.lower() if isinstance(value, str) and not {"re", "cased"} & {*item.chain.modifiers} else value
        if key in seen and isinstance(value, (str, int)) and not isinstance(value, bool):
            yield page.say(path, "warning", "duplicate-value", f"{value!r} stands twice", "remove one")
        seen.setdefault(key if isinstance(key, (str, int)) else id(value), i)
        if path in page.document.written and not isinstance(value, str):
            yield _odd_number(page, path, value)
        for finding in _value(page, item, path, value):
            told += 1
            if told <= _MAX_TOLD or finding.severity != "info":
                yield finding


def _odd_number(page: Page, path: PathKey, value: Any) -> Finding:
    """Values are compared as texts, so that what YAML makes of `0x1010` never equals what events have."""
    written = page.document.written[path]
    return page.say(path, "warning", "yaml-number", f"YAML reads {written} as {canonical(value)!r}", "put it in quotes")


def _value(page: Page, item: Item, path: PathKey, value: Any) -> Iterator[Finding]:
    if not isinstance(value, str):
        return
    if any(ord(c) < 32 for c in value) and "re" not in item.chain.modifiers:
        text = f"{value!r} holds a control character"
        yield page.say(path, "warning", "control-character", text, "single quotes keep backslashes: '\\n' is two characters")
    if item.chain.modifiers[:1] in (("re",), ("cidr",), ("fieldref",)):
        return
    if "**" in value.replace("\\*", ""):
        yield page.say(path, "info", "double-wildcard", f"{value!r}: `**` is `*`", "write one")
    if re.search(r"(?<!\\)\\[*?]", value):
        yield page.say(
            path, "info", "escaped-wildcard", f"{value!r}: the character itself is looked for", "check that it is meant"
        )
    if item.chain.field is None:
        return
    if value == "*":
        remedy = f"write `{item.chain.field}|exists: true`" if not item.chain.modifiers else "remove the item"
        yield page.say(path, "warning", "wildcard-only", "`*` is true for every text, the empty one too", remedy)
    if value == "" and {*item.chain.modifiers} & {*_SIDES}:
        yield page.say(path, "warning", "empty-part", f"every text {item.chain.modifiers[-1]} nothing", "write what to look for")
    if not item.chain.modifiers and _NUMBER.fullmatch(value):
        yield page.say(path, "info", "number-as-text", f"{value!r} is a number in quotes", "it is compared as text either way")


def _wildcards(page: Page, item: Item) -> Iterator[Finding]:
    """Wildcards at the ends of all values, where a modifier says the same."""
    if {*item.chain.modifiers} & {*_SIDES, "re", "cidr", "fieldref"} or not all(isinstance(v, str) for v in item.values):
        return
    if not item.values or item.chain.field is None:
        return
    shapes = {_shape(value) for value in item.values}
    if len(shapes) == 1 and (shape := shapes.pop()):
        text = f"wildcards where `{shape}` says the same"
        yield page.say(item.path, "info", f"wildcards-instead-of-{shape}", text, f"write `{item.key}|{shape}` without them")


def _shape(value: str) -> str:
    match strings.parse(value):
        case (Wild.MANY, str(), Wild.MANY):
            return "contains"
        case (Wild.MANY, str()):
            return "endswith"
        case (str(), Wild.MANY):
            return "startswith"
    return ""


def _generic(page: Page, item: Item) -> Iterator[Finding]:
    """A Windows event id for which there is a category that other sources feed too."""
    source = page.mapping("logsource")
    if item.chain.field != "EventID" or item.chain.modifiers or source.get("category") or source.get("product") != "windows":
        return
    for value in item.values:
        category = generic_category(str(source.get("service") or ""), str(value))
        if category:
            text = f"event {value} of {source.get('service')} is category {category!r}, which other sources feed too"
            yield page.say(item.path, "warning", "specific-logsource", text, f"use `category: {category}` without the id")


_CHECKS: tuple[Callable[[Page, Item], Iterator[Finding]], ...] = (_modifiers, _values, _wildcards, _generic)
