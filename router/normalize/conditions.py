"""`when`: Sigma's selection syntax, compiled to one Python expression."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from router.normalize.coerce import text as as_text
from router.normalize.expressions import Ref, reference
from router.normalize.formats.regex import faults
from router.normalize.writer import Function

MODIFIERS = frozenset("startswith endswith contains re exists cidr gt gte lt lte all i not".split())
ORDERS = frozenset(("gt", "gte", "lt", "lte"))
KINDS = MODIFIERS - {"all", "i", "not"}


class Conditions:
    """Reads `when` blocks. Every problem goes to `report(path, text, remedy)`; the code is then `False`.

    `holds(name, path)`: can a document hold that field? It reports where it cannot.
    """

    def __init__(
        self, report: Callable[[tuple[Any, ...], str, str], None], holds: Callable[[str, tuple[Any, ...]], bool]
    ) -> None:
        self._report, self._holds = report, holds

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
        name, *modifiers = key_parts(str(key))
        unknown = [m for m in modifiers if m not in MODIFIERS]
        if unknown or len(KINDS & set(modifiers)) > 1:
            self._report(at, f"modifier {(unknown or modifiers)[0]!r} is not known here", f"use {' '.join(sorted(MODIFIERS))}")
            return "False"
        try:
            ref = reference(name.strip())
            if ref.kind == "document" and not self._holds(".".join(map(str, ref.path)), at):
                return "False"
            test = _test(_Read(ref, into), value, modifiers, into)
        except ValueError as error:
            self._report(at, str(error), "see the reference, section when")
            return "False"
        return f"not {test}" if "not" in modifiers else test


def key_parts(key: str) -> list[str]:
    """`"a|b".c|startswith` -> the field and the modifiers."""
    if '"' not in key:
        return key.split("|")
    end = key.rindex('"') + 1
    name, rest = key[:end], key[end:]
    more, *modifiers = rest.split("|")
    return [name + more, *modifiers]


class _Read:
    """Code that reads one value, and tests on it that are not run where it is not there."""

    def __init__(self, ref: Ref, into: Function) -> None:
        self.code = into.value(ref)
        self._held = into.held(ref.path) if ref.kind == "record" else None

    def there(self, of_text: str, otherwise: str) -> str:
        """The one test where the value, which is left in `w`, is text; the other where it is something else."""
        if self._held is not None:
            node, key = self._held
            return f"({key!r} in {node} and ({of_text} if type(w := {node}[{key!r}]) is str else {otherwise}))"
        return f"((w := {self.code}) is not None and ({of_text} if type(w) is str else {otherwise}))"

    def empty(self) -> str:
        """Absent, or says nothing. (Inline: it is asked for most events.)"""
        return f"(not (w := {self.code}) and w != 0)"


def _test(read: _Read, value: Any, modifiers: list[str], into: Function) -> str:
    kind = next((m for m in modifiers if m in KINDS), "")
    values = value if isinstance(value, list) else [value]
    if isinstance(value, dict) or not values or any(isinstance(v, (dict, list)) for v in values):
        raise ValueError("a value is text, a number, true, false, null, or a list of these")
    if kind == "exists":
        if not isinstance(value, bool):
            raise ValueError("exists takes true or false")
        return f"{read.code} is {'not ' if value else ''}None"
    if kind == "" and "i" not in modifiers and "all" not in modifiers:
        return _equal(read, values, into)
    fold = "i" in modifiers
    if kind in ORDERS:
        tests = [read.empty() if v is None else f"compares({read.code}, {_order(kind, v, into)})" for v in values]
    elif "all" in modifiers:
        tests = [read.empty() if v is None else _texts(read, [v], kind, fold, into) for v in values]
    else:
        told = [v for v in values if v is not None]
        tests = [read.empty()] if len(told) < len(values) else []
        tests += [_texts(read, told, kind, fold, into)] if told else []
    return "(" + (" and " if "all" in modifiers else " or ").join(tests) + ")"


def _equal(read: _Read, values: list[Any], into: Function) -> str:
    terms = []
    if any(v is None for v in values):
        terms.append(read.empty())
    plain = frozenset(form for v in values if v is not None for form in _forms(v))
    if len(plain) == 1 and read.code.startswith("x."):
        terms.append(f"{read.code} == {next(iter(plain))!r}")
    elif plain:
        known = into.scope.constant(plain)
        terms.append(read.there(f"w in {known}", f"among(w, {known})"))
    return terms[0] if len(terms) == 1 else "(" + " or ".join(terms) + ")"


def _texts(read: _Read, values: list[Any], kind: str, fold: bool, into: Function) -> str:
    """Does one of the tests hold for the text?"""
    texts = [as_text(v) or "" for v in values]
    test = _one_of([text_test(kind, text, fold) for text in texts])
    call = into.scope.constant(test, "T")
    return read.there(_inline(kind, tuple(texts), fold) or f"{call}(w)", f"any_text(w, {call})")


def _one_of(tests: list[Callable[[str], bool]]) -> Callable[[str], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda text: any(test(text) for test in tests)


def _inline(kind: str, texts: tuple[str, ...], fold: bool) -> str:
    """The same test as code over `w`; empty where it is a function's."""
    if kind in ("re", "cidr"):
        return ""
    if fold:
        texts = tuple(text.lower() for text in texts)
    read = "w.lower()" if fold else "w"
    if kind in ("startswith", "endswith"):
        return f"{read}.{kind}({texts if len(texts) > 1 else texts[0]!r})"
    if kind == "":
        return f"{read} in {texts!r}" if len(texts) > 1 else f"{read} == {texts[0]!r}"
    if not fold or len(texts) == 1:
        return "(" + " or ".join(f"{text!r} in {read}" for text in texts) + ")"
    first, *others = texts
    return "(" + " or ".join([f"{first!r} in (lw := w.lower())", *(f"{text!r} in lw" for text in others)]) + ")"


def _order(kind: str, value: Any, into: Function) -> str:
    return into.scope.constant(ordering(kind, value), "T")


def _forms(value: Any) -> tuple[Any, ...]:
    """A value and its text: numbers match both."""
    if isinstance(value, str):
        number = int(value) if value.isdecimal() and len(value) < 19 and value == str(int(value)) else None
        return (value,) if number is None else (value, number)
    text = as_text(value)
    return (text,) if isinstance(value, (bool, float)) else (value, text)


def ordering(kind: str, value: Any) -> Callable[[float], bool]:
    """The test of `gt`, `gte`, `lt` or `lte`. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{kind} takes a number")
    tests: dict[str, Callable[[float], bool]] = {
        "gt": lambda n: n > value,
        "gte": lambda n: n >= value,
        "lt": lambda n: n < value,
        "lte": lambda n: n <= value,
    }
    return tests[kind]


def text_test(kind: str, value: str, fold: bool) -> Callable[[str], bool]:
    """The test of a text by this modifier (empty: equal). Raises ValueError."""
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
