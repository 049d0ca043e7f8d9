"""Code for `parse`: steps, alternatives and dispatch by a value, written as generated functions `(x, src) -> record or None`."""

from collections.abc import Callable
from typing import Any

from router.documents import PathKey
from router.normalize.conditions import Conditions
from router.normalize.definition import Definition
from router.normalize.expressions import reference
from router.normalize.formats import auditd, cef, csv, dissect, json, kv, leef, regex, syslog, winevent, xml, zipped
from router.normalize.mapping import piped
from router.normalize.reached import Reached
from router.normalize.writer import Function, Scope

Parser = Callable[[Any], Any]
_AROUND = frozenset(("of", "into", "optional", "when"))
FORMATS = frozenset("syslog json kv csv cef leef xml winevent auditd dissect regex zip any switch".split())
TEXT_FORMATS = frozenset("syslog kv csv cef leef dissect regex zip any switch".split())
"""Formats whose values are all text (or lists that hold something)."""
_OWN = TEXT_FORMATS - {"zip", "any", "switch"}
"""Formats that give an object of their own, which nobody else holds: more may be added to it."""
_LINES = frozenset("kv csv cef leef auditd dissect regex".split())
"""Formats of a line. None of them reads the text of a JSON object: it is the object of a shipper, or no event of theirs."""
_WHOLE = frozenset(("@body", "@raw", ""))
_OPTIONS: dict[str, frozenset[str]] = {
    "json": frozenset(("expand", "find")),
    "kv": frozenset("assign quote escape sep drop_values repeat strip".split()),
    "csv": frozenset("columns by default header sep minimum".split()),
    "cef": frozenset(("strip_prefix", "labels")),
    "leef": frozenset(),
    "xml": frozenset(),
    "winevent": frozenset(),
    "auditd": frozenset(),
}


class Steps:
    """Reads the `parse` block of one file into functions of its scope."""

    def __init__(self, definition: Definition, scope: Scope, conditions: Conditions, reached: Reached | None) -> None:
        self._definition, self._scope, self._conditions, self._reached = definition, scope, conditions, reached
        self.formats: set[str] = set()
        """Formats that occur anywhere in the block."""
        self._tentative = False

    def function(self, value: Any, at: PathKey, tentative: bool = False) -> str:
        """The name of a function that runs a step, or a list of steps. `tentative`: others go on with the record if it fails."""
        steps = value if isinstance(value, list) else [value]
        name = self._scope.fresh("parse")
        into = Function(self._scope, f"{name}(x, src)")
        outer, self._tentative = self._tentative, self._tentative or tentative
        for i, step in enumerate(steps):
            self._step(step, (*at, i) if isinstance(value, list) else at, into)
        self._tentative = outer
        if self._reached is not None and at != ("parse",):
            into.add(self._reached.code(at, self._scope))
        into.add("return src")
        into.finish()
        return name

    def _step(self, step: Any, at: PathKey, into: Function) -> None:
        options: dict[str, Any] = {step: {}} if isinstance(step, str) else step if isinstance(step, dict) else {}
        kinds = [key for key in options if key in FORMATS]
        strange = [key for key in options if key not in FORMATS and key not in _AROUND]
        if len(kinds) != 1 or strange:
            text = f"{strange[0]!r} is no format" if strange else "a step names one format"
            self._definition.problem(at, text, f"use one of {' '.join(sorted(FORMATS))}, with {' '.join(sorted(_AROUND))}")
            return
        kind = kinds[0]
        self.formats.add(kind)
        depth = 1
        if "when" in options:
            into.add(f"if {self._conditions.code(options['when'], (*at, 'when'), into)}:")
            depth = 2
        failing = "pass" if options.get("optional") else "return None"
        if kind == "syslog":
            self._syslog(options[kind] or {}, (*at, kind), into, depth, failing)
        elif kind == "any":
            self._any(options[kind], (*at, kind), into, depth, failing)
        elif kind == "switch":
            self._switch(options[kind], (*at, kind), into, depth, failing)
        elif kind == "zip":
            self._zip(options, (*at, kind), into, depth, failing)
        else:
            self._format(kind, options, at, into, depth, failing)

    def _syslog(self, options: Any, at: PathKey, into: Function, depth: int, failing: str) -> None:
        if not self._definition.check_keys(options, frozenset(("pri", "header", "body")), at):
            return
        for key in ("pri", "header"):
            if options.get(key, "optional") not in ("optional", "required"):
                self._definition.problem((*at, key), f"{key} is optional or required", "write one of them")
        made = syslog.compile_syslog(options.get("pri", "optional"), options.get("header", "optional"))
        into.add(f"if {self._scope.constant(made, 'S')}(x) is None: {failing}", depth)

    def _format(self, kind: str, options: dict[str, Any], at: PathKey, into: Function, depth: int, failing: str) -> None:
        parser = self._parser(kind, options[kind], (*at, kind))
        if parser is None:
            return
        text = "x.body"
        if "of" in options:
            try:
                text = into.value(reference(str(options["of"])))
            except ValueError as error:
                self._definition.problem((*at, "of"), str(error))
        elif kind in ("json", "winevent"):
            text = "x.data"
        name = self._scope.constant(parser, "F")
        into.add(f"t = {text}", depth)
        if text == "x.data":
            into.add("if t is None: t = x.body", depth)
        accepts = "t is not None" if kind in ("json", "winevent", "xml") else "type(t) is str"
        if kind in _LINES and str(options.get("of", "")) in _WHOLE and not _of_object(options[kind]):
            accepts += " and t[:1] != '{'"
        into.add(f"p = {name}(t) if {accepts} else None", depth)
        into.add(f"if p is None: {failing}", depth)
        self._keep(options, into, depth)

    def _zip(self, options: dict[str, Any], at: PathKey, into: Function, depth: int, failing: str) -> None:
        lists = options["zip"]
        if not isinstance(lists, dict) or not lists or "into" not in options or "of" in options:
            self._definition.problem(at, "zip needs lists by key, and `into`", "write {zip: {data: answers}, into: name}")
            return
        made = self._scope.constant(zipped.compile_zip(tuple(map(str, lists))), "F")
        into.add("l = []", depth)
        for key, text in lists.items():
            read = self._definition.expression(text, (*at, key))
            if read is None:
                continue
            into.add(f"v = {into.value(read[0].choices[0].refs[0])}", depth)
            for code in piped(into, read[1][0]):
                into.add(f"if v is not None: v = {code}", depth)
            into.add("l.append(v)", depth)
        into.add(f"p = {made}(*l)", depth)
        into.add(f"if p is None: {failing}", depth)
        self._keep(options, into, depth)

    def _keep(self, options: dict[str, Any], into: Function, depth: int) -> None:
        """Merge what a step gave into the record."""
        if "into" in options:
            into.add(f"else: src = {{**src, {str(options['into'])!r}: p}}", depth)
        else:
            into.add("elif not src: src = p", depth)
            added = "src.update(p)" if self.formats <= _OWN | {"switch"} and not self._tentative else "src = {**src, **p}"
            into.add(f"elif type(p) is dict and type(src) is dict: {added}", depth)
        into.renew(depth)

    def _any(self, value: Any, at: PathKey, into: Function, depth: int, failing: str) -> None:
        if not isinstance(value, list) or not value:
            self._definition.problem(at, "any takes a list of steps", "write - json")
            return
        names = [self.function(item, (*at, i), tentative=True) for i, item in enumerate(value)]
        into.add("b = x.body; h = x.head; y = x.syslog_read; z = x.header_time", depth)
        into.add("p = None", depth)
        for item, name in zip(value, names, strict=True):
            into.add(f"if {' and '.join(['p is None', *_needed(item)])}:", depth)
            into.add(f"p = {name}(x, src)", depth + 1)
            into.add("if p is None: x.body = b; x.head = h; x.syslog_read = y; x.header_time = z", depth + 1)
        into.add(f"if p is None: {failing}", depth)
        into.add("else: src = p", depth)
        into.renew(depth)

    def _switch(self, value: Any, at: PathKey, into: Function, depth: int, failing: str) -> None:
        known = frozenset(("on", "cases", "default"))
        if not self._definition.check_keys(value, known, at) or not isinstance(value.get("cases"), dict) or "on" not in value:
            self._definition.problem(at, "switch needs `on` and `cases`", "write switch: {on: field, cases: {value: step}}")
            return
        read = self._definition.expression(value["on"], (*at, "on"))
        if read is None:
            return
        chosen: dict[str, str] = {}
        for key, item in value["cases"].items():
            name = self.function(item, (*at, "cases", key), tentative=failing == "pass" and isinstance(item, list))
            for text in keys_of(key):
                if text in chosen:
                    self._definition.problem((*at, "cases", key), f"{text!r} stands twice", "join the steps")
                chosen[text] = name
        default = self.function(value["default"], (*at, "default"), failing == "pass") if "default" in value else None
        ref = read[0].choices[0].refs[0]
        into.add(f"v = {into.value(ref)}", depth)
        for code in piped(into, read[1][0]):
            into.add(f"if v is not None: v = {code}", depth)
        table = self._scope.fresh("D")
        self._scope.names[table] = _Dispatch(self._scope.names, chosen, default)
        into.add(f"f = {table}(v)", depth)
        into.add("if f is not None:", depth)
        into.add("p = f(x, src)", depth + 1)
        into.add(f"if p is None: {failing}", depth + 1)
        into.add("else: src = p", depth + 1)
        into.renew(depth)

    def _parser(self, kind: str, options: Any, at: PathKey) -> Parser | None:
        try:
            if kind == "regex":
                return self._regex(options, at)
            if kind == "dissect":
                return dissect.compile_dissect(str(options))
            options = options or {}
            if not self._definition.check_keys(options, _OPTIONS[kind], at):
                return None
            return _made(kind, {key: value for key, value in options.items() if key in _OPTIONS[kind]})
        except (ValueError, TypeError, KeyError) as error:
            self._definition.problem(at, f"{kind}: {error}", "see the reference, section parse")
            return None

    def _regex(self, options: Any, at: PathKey) -> Parser | None:
        pieces = self._definition.value.get("fragments") or {}
        patterns = [regex.expanded(str(p), pieces) for p in (options if isinstance(options, list) else [options])]
        asked = () if self._definition.trusted else patterns
        problems = [(i, fault) for i, p in enumerate(asked) for fault in regex.faults(p)]
        for i, fault in problems:
            self._definition.problem((*at, i) if isinstance(options, list) else at, f"pattern {fault}", "see the reference")
        return None if problems else regex.compile_regex(patterns)


def _made(kind: str, options: dict[str, Any]) -> Parser:
    if kind == "kv":
        _must_be_text(options, "assign", "quote", "escape", "strip", "repeat")
    if kind == "csv":
        _must_be_text(options, "sep")
        if "header" in options:
            if not isinstance(options["header"], list) or set(options) - {"header", "sep"}:
                raise ValueError("header takes a list of names that the first line must have, and only `sep` beside it")
            return csv.compile_headed(tuple(map(str, options["header"])), str(options.get("sep", ",")))
        by = options.pop("by", None)
        if by is not None:
            if not isinstance(by, dict) or not isinstance(by.get("variants"), dict) or not isinstance(by.get("column"), int):
                raise ValueError("`by` takes a column and variants: write {column: 3, variants: {TRAFFIC: [a, b]}}")
            options |= {"by_column": by["column"], "variants": by["variants"]}
        _has_columns(options)
        return csv.compile_csv(**options)
    makers: dict[str, Callable[..., Parser]] = {
        "json": json.compile_json,
        "kv": kv.compile_kv,
        "cef": cef.compile_cef,
        "leef": leef.compile_leef,
        "xml": xml.compile_xml,
        "winevent": winevent.compile_winevent,
        "auditd": auditd.compile_auditd,
    }
    return makers[kind](**options)


def _of_object(options: Any) -> bool:
    """Does one of these patterns ask for a brace in front?"""
    patterns = options if isinstance(options, list) else [options]
    return any(str(pattern).lstrip("^").startswith((r"\{", r"\s*\{", r"\s*+\{", "{")) for pattern in patterns)


def _must_be_text(options: dict[str, Any], *names: str) -> None:
    for name in names:
        if name in options and not isinstance(options[name], str):
            raise ValueError(f"{name} takes text, not {options[name]!r}; put it in quotes")


def _has_columns(options: dict[str, Any]) -> None:
    """Raises ValueError where columns have no name, or two the same."""
    columns = options.get("columns", [])
    if not columns and "variants" not in options:
        raise ValueError("csv needs the names of its columns: write {csv: {columns: [a, b]}}, `by`, or `header`")
    for names in (columns, options.get("default", [])):
        if not isinstance(names, list):
            raise ValueError(f"columns takes a list of names, not {names!r}")
        held = [str(name) for name in names if name != csv.SKIPPED]
        twice = next((name for name in held if held.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"column {twice!r} stands twice; name one of them `_` to leave it out")


def _needed(step: Any) -> list[str]:
    """Code for what a step, or the first of a list, cannot do without; asked before it is called, as most alternatives fail."""
    first = step[0] if isinstance(step, list) and step else step
    options: dict[str, Any] = {first: {}} if isinstance(first, str) else first if isinstance(first, dict) else {}
    if options.keys() & {"of", "when", "optional"}:
        return []
    if "json" in options and not (isinstance(options["json"], dict) and options["json"].get("find")):
        return ["(x.data is not None or (t := x.body[:1]) in '{[' or t.isspace())"]
    return [f"{mark!r} in x.body" for kind, mark in _MARKS.items() if kind in options]


_MARKS = {"cef": "CEF:", "leef": "LEEF:"}
"""What stands in every text of these formats."""


def keys_of(key: Any) -> list[str]:
    """'302014,302016' -> both; a number or a boolean as text."""
    if isinstance(key, bool):
        return ["true" if key else "false"]
    return [part.strip() for part in str(key).split(",")]


class _Dispatch:
    """Value -> generated function; the functions are known once the module has run."""

    def __init__(self, names: dict[str, Any], chosen: dict[str, str], default: str | None) -> None:
        self._names, self._chosen, self._default = names, chosen, default
        self._functions: dict[str, Any] = {}

    def __call__(self, value: Any) -> Any:
        key = value if type(value) is str else keys_of(value)[0] if type(value) in (int, bool) else ""
        name = self._chosen.get(key, self._default)
        return self._names[name] if name is not None else None
