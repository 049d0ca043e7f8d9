"""`when`: Sigma's selection syntax, compiled to one Python expression."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from router.normalize.coerce import text as as_text
from router.normalize.expressions import reference
from router.normalize.formats.regex import faults
from router.normalize.writer import Function

_MODIFIERS = frozenset("startswith endswith contains re exists cidr gt gte lt lte all i not".split())
_KINDS = _MODIFIERS - {"all", "i", "not"}


class Conditions:
    """Reads `when` blocks. Every problem goes to `report(path, text, remedy)`; the code is then `False`."""

    def __init__(self, report: Callable[[tuple[Any, ...], str, str], None]) -> None:
        self._report = report

    def code(self, when: Any, at: tuple[Any, ...], into: Function) -> str:
        """One expression. A mapping is AND, a list of mappings is OR."""
        if isinstance(when, list) and when:
            return "(" + " or ".join(self.code(item, (*at, i), into) for i, item in enumerate(when)) + ")"
        if not isinstance(when, dict) or not when:
            self._report(at, "a condition is a mapping of fields to values, or a list of such", "write field: value")
            return "False"
        return "(" + " and ".join(self._item(key, value, (*at, key), into) for key, value in when.items()) + ")"

    def _item(self, key: Any, value: Any, at: tuple[Any, ...], into: Function) -> str:
        if key == "not":
            return f"not {self.code(value, at, into)}"
        if key == "or":
            return self.code(value if isinstance(value, list) else [value], at, into)
        name, *modifiers = str(key).split("|") if '"' not in str(key) else _quoted(str(key))
        unknown = [m for m in modifiers if m not in _MODIFIERS]
        if unknown or len(_KINDS & set(modifiers)) > 1:
            self._report(at, f"modifier {(unknown or modifiers)[0]!r} is not known here", f"use {' '.join(sorted(_MODIFIERS))}")
            return "False"
        try:
            read = into.value(reference(name.strip()))
            test = _test(read, value, modifiers, into)
        except ValueError as error:
            self._report(at, str(error), "see the reference, section when")
            return "False"
        return f"not {test}" if "not" in modifiers else test


def _quoted(key: str) -> list[str]:
    end = key.rindex('"') + 1
    name, rest = key[:end], key[end:]
    more, *modifiers = rest.split("|")
    return [name + more, *modifiers]


def _test(read: str, value: Any, modifiers: list[str], into: Function) -> str:
    kind = next((m for m in modifiers if m in _KINDS), "")
    values = value if isinstance(value, list) else [value]
    if isinstance(value, dict) or not values or any(isinstance(v, (dict, list)) for v in values):
        raise ValueError("a value is text, a number, true, false, null, or a list of these")
    if kind == "exists":
        if not isinstance(value, bool):
            raise ValueError("exists takes true or false")
        return f"{read} is {'not ' if value else ''}None"
    if kind == "" and "i" not in modifiers and "all" not in modifiers:
        return _equal(read, values, into)
    tests = [_single(read, v, kind, "i" in modifiers, into) for v in values]
    return "(" + (" and " if "all" in modifiers else " or ").join(tests) + ")"


def _equal(read: str, values: list[Any], into: Function) -> str:
    terms = []
    if any(v is None for v in values):
        terms.append(_empty(read))
    plain = frozenset(form for v in values if v is not None for form in _forms(v))
    if len(plain) == 1 and read.startswith("x."):
        terms.append(f"{read} == {next(iter(plain))!r}")
    elif plain:
        known = into.scope.constant(plain)
        terms.append(f"(w in {known} if type(w := {read}) is str else among(w, {known}))")
    return terms[0] if len(terms) == 1 else "(" + " or ".join(terms) + ")"


def _empty(read: str) -> str:
    """Absent, or says nothing. (Inline: it is asked for most events.)"""
    return f"(not (w := {read}) and w != 0)"


def _forms(value: Any) -> tuple[Any, ...]:
    """A value and its text: numbers match both."""
    if isinstance(value, str):
        number = int(value) if value.isdecimal() and len(value) < 19 and value == str(int(value)) else None
        return (value,) if number is None else (value, number)
    text = as_text(value)
    return (text,) if isinstance(value, (bool, float)) else (value, text)


def _single(read: str, value: Any, kind: str, fold: bool, into: Function) -> str:
    if value is None:
        return _empty(read)
    if kind in ("gt", "gte", "lt", "lte"):
        return f"compares({read}, {into.scope.constant(_ordering(kind, value), 'T')})"
    test = into.scope.constant(_text_test(kind, as_text(value) or "", fold), "T")
    return f"({test}(w) if type(w := {read}) is str else any_text(w, {test}))"


def _ordering(kind: str, value: Any) -> Callable[[float], bool]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{kind} takes a number")
    tests: dict[str, Callable[[float], bool]] = {
        "gt": lambda n: n > value,
        "gte": lambda n: n >= value,
        "lt": lambda n: n < value,
        "lte": lambda n: n <= value,
    }
    return tests[kind]


def _text_test(kind: str, value: str, fold: bool) -> Callable[[str], bool]:
    if kind == "re":
        problems = faults(value, anchored=False)
        if problems:
            raise ValueError(f"pattern {value!r}: {problems[0]}")
        search = re.compile(value, re.IGNORECASE if fold else 0).search
        return lambda text: search(text[:65_536]) is not None
    if kind == "cidr":
        return _inside(value)
    if fold:
        value = value.lower()
        tests: dict[str, Callable[[str], bool]] = {
            "startswith": lambda text: text.lower().startswith(value),
            "endswith": lambda text: text.lower().endswith(value),
            "contains": lambda text: value in text.lower(),
            "": lambda text: text.lower() == value,
        }
        return tests[kind]
    exact: dict[str, Callable[[str], bool]] = {
        "startswith": lambda text: text.startswith(value),
        "endswith": lambda text: text.endswith(value),
        "contains": lambda text: value in text,
        "": lambda text: text == value,
    }
    return exact[kind]


def _inside(network: str) -> Callable[[str], bool]:
    try:
        net = ip_network(network, strict=False)
    except ValueError:
        raise ValueError(f"{network!r} is no network") from None

    @lru_cache(4096)
    def test(text: str) -> bool:
        try:
            return ip_address(text) in net
        except (ValueError, TypeError):
            return False

    return test
