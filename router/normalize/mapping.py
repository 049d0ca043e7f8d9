"""Code for `map`, `set`, `append` and `unset`: from expressions to typed fields, with a record of which leaves were taken."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from router.documents import PathKey
from router.normalize import coerce, pipes, schema
from router.normalize.definition import Definition, flat
from router.normalize.expressions import Choice, Expression, Path
from router.normalize.remembered import SCALARS, RememberedScalar
from router.normalize.writer import Function

Locals = dict[tuple[str, ...], str]
_COSTLY = frozenset(("regex", "line_after", "args"))
"""Pipes that look through long text."""


class Entry(NamedTuple):
    """One line of a `map`."""

    field: schema.Field
    expression: Expression
    transforms: list[list[pipes.Transform]]
    at: PathKey

    @property
    def target(self) -> tuple[str, ...]:
        return tuple(self.field.name.split("."))


class Taken:
    """Which source paths the generated code took: always, or by bits of the mask `m`."""

    def __init__(self) -> None:
        self.always: set[Path] = set()
        self.groups: list[set[Path]] = []

    def bit(self, paths: set[Path]) -> int:
        """The mask bit of these paths."""
        if paths in self.groups:
            return 1 << self.groups.index(paths)
        self.groups.append(paths)
        return 1 << (len(self.groups) - 1)


def entries(definition: Definition, value: Any, at: PathKey) -> list[Entry]:
    """The lines of a `map`; what is wrong becomes a problem and is left out."""
    if not isinstance(value, dict):
        definition.problem(at, "must be a mapping of fields to expressions", "write ecs.field: source")
        return []
    found = []
    for name, text in flat(value, lambda name: False):
        place = _place(value, name, at)
        field = definition.target(name, place)
        read = definition.expression(text, place)
        if field is not None and read is not None:
            found.append(Entry(field, *read, place))
            check_answers(definition, found[-1])
    return found


def check_answers(definition: Definition, entry: Entry) -> None:
    """What a table, or a constant, writes into a field with a fixed set of values has to be of them."""
    for answer in _answers(entry) if entry.field.chosen else ():
        if answer not in (entry.field.allowed or {}):
            text = f"{answer!r} is not allowed in {entry.field.name}"
            definition.problem(entry.at, text, f"let the table answer one of {' '.join(sorted(entry.field.allowed or {}))}")
    _check_others(definition, entry)


def _check_others(definition: Definition, entry: Entry) -> None:
    """The last table of such a field says what a value becomes that it does not hold: the vendor's next release has one."""
    tables = zip(entry.expression.choices[-1].pipes, entry.transforms[-1], strict=True)
    for pipe, made in tables if entry.field.chosen else ():
        if not getattr(made, "decided", True):
            name, allowed = pipe.arguments[0], " ".join(sorted(entry.field.allowed or {}))
            text = f"{name!r} does not say what {entry.field.name} becomes for a value that it does not hold"
            definition.problem(("tables", name), text, f"add `_default: null` to write none, or one of {allowed}")


def _answers(entry: Entry) -> list[Any]:
    """What is known beforehand of what an expression gives."""
    found: list[Any] = []
    for choice, transforms in zip(entry.expression.choices, entry.transforms, strict=True):
        if transforms:
            found += getattr(transforms[-1], "answers", None) or []
        else:
            found += [ref.value for ref in choice.refs if ref.kind == "constant"]
    return found


def _is_settled(entry: Entry) -> bool:
    """Is everything known beforehand that an expression can give?"""
    return all(
        getattr(transforms[-1], "answers", None) is not None if transforms else all(r.kind == "constant" for r in choice.refs)
        for choice, transforms in zip(entry.expression.choices, entry.transforms, strict=True)
    )


def literals(definition: Definition, value: Any, at: PathKey) -> list[tuple[schema.Field, Any]]:
    """The fields and typed values of a `set` or `const`."""
    if not isinstance(value, dict):
        definition.problem(at, "must be a mapping of fields to values", "write ecs.field: value")
        return []
    found = []
    for name, item in flat(value, _takes_objects):
        place = _place(value, name, at)
        field = definition.target(name, place)
        typed = definition.literal(field, item, place) if field is not None else None
        if field is not None and typed is not None:
            found.append((field, typed))
    return found


def _takes_objects(name: str) -> bool:
    field = schema.fields().get(name)
    return field is not None and field.kind == "open" and name not in schema.inner()


def _place(value: dict[Any, Any], name: str, at: PathKey) -> PathKey:
    """Where a dotted name stands in nested mappings."""
    if name in value:
        return (*at, name)
    parts = name.split(".")
    for n in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:n])
        if isinstance(value.get(head), dict):
            return _place(value[head], ".".join(parts[n:]), (*at, head))
    return at


def _kept_by_pipes(expression: Expression) -> bool:
    """One source through pipes after which the value counts as kept."""
    choice = expression.choices[0]
    return (
        len(expression.choices) == 1
        and len(choice.refs) == 1
        and choice.refs[0].kind == "record"
        and bool(choice.pipes)
        and all(pipe.name in pipes.LOSSLESS for pipe in choice.pipes)
    )


def piped(into: Function, transforms: Sequence[pipes.Transform]) -> list[str]:
    """Code of `v` through pipes, a line each; each may leave None, on which the next must not be called.

    What ends in a table has few different inputs, so its answers are remembered; other pipes are called, for text by what they
    do with text.
    """
    if transforms and hasattr(transforms[-1], "rows"):
        change = transforms[0] if len(transforms) == 1 else pipes.through(transforms)
        known = into.scope.constant(RememberedScalar(change, 4096), "X")
        scalars, otherwise = into.scope.constant(SCALARS), into.scope.constant(change, "P")
        return [f"{known}[v] if type(v) in {scalars} else {otherwise}(v)"]
    return [_one(into, transform) for transform in transforms]


def _one(into: Function, transform: pipes.Transform) -> str:
    call, change = f"{into.scope.constant(transform, 'P')}(v)", getattr(transform, "of_text", None)
    if change is None:
        return call
    return f"{'v.lower()' if change is str.lower else into.scope.constant(change, 'Y') + '(v)'} if type(v) is str else {call}"


def _converted(into: Function, kind: str, convert: str) -> str:
    """Code of `v` in the type of its field."""
    if kind == "lower":
        return f"v.lower() if type(v) is str else {convert}(v)"
    if kind not in coerce.OF_TEXT:
        return f"{convert}(v)"
    known, longer = coerce.OF_TEXT[kind]
    of_text = f"{into.scope.constant(known, 'Y')}[v] if type(v) is str and len(v) < {longer} else {convert}(v)"
    if kind != "whole" or into.scope.textual:
        return of_text
    return f"v if type(v) is int and {-coerce.LIMIT} <= v < {coerce.LIMIT} else {of_text}"


@cache
def _members(name: str) -> tuple[dict[str, Callable[[Any], Any]], frozenset[str]]:
    """Coercions of what ECS defines right below the objects of a list (dns.answers.ttl is a number), and what is text there."""
    below = {field.removeprefix(f"{name}."): held.kind for field, held in schema.fields().items() if field.startswith(f"{name}.")}
    kinds = {key: kind for key, kind in below.items() if "." not in key and kind != "open"}
    texts = frozenset(key for key, kind in kinds.items() if kind == "text")
    return {key: coerce.COERCIONS[kind] for key, kind in kinds.items() if key not in texts}, texts


def _any(tests: Sequence[str]) -> str:
    return " or ".join(f"({test})" for test in tests) if len(tests) > 1 else tests[0]


class MapWriter:
    """Writes map entries into one function."""

    def __init__(self, into: Function, taken: Taken, overwritten: set[str], locals_of: Locals | None = None) -> None:
        self.into, self.taken, self._overwritten = into, taken, overwritten
        self.locals_of = locals_of or {}

    def entry(self, entry: Entry, slot: str, depth: int, conditional: set[Path] | None) -> None:
        """Code that computes and assigns one field; `slot` is the code of its parent object.

        `conditional`: where paths go that this entry takes when its block runs; None: it always runs.
        """
        counted = entry.field.name not in self._overwritten
        ways = zip(entry.expression.choices, entry.transforms, strict=True)
        tests = [
            self._way(choice, transforms, entry.field, counted and not transforms, None if n else (conditional,))
            for n, (choice, transforms) in enumerate(ways)
        ]
        self.into.add(f"if {_any(tests)}:", depth)
        if counted and _kept_by_pipes(entry.expression):
            self.into.add(f"m |= {self.taken.bit({entry.expression.choices[0].refs[0].path})}", depth + 1)
        self._assign(entry, slot, depth + 1)

    def _way(
        self,
        choice: Choice,
        transforms: Sequence[pipes.Transform],
        field: schema.Field,
        counted: bool,
        first: tuple[set[Path] | None] | None,
    ) -> str:
        """Code that leaves the first source that says something in `v`, through pipes, and is true if something is left.

        It notes which source was taken, where that counts. `first`: of the first source it is known beforehand, see `entry`.
        """
        tests = []
        for i, ref in enumerate(choice.refs):
            test = self.into.says(ref, self.locals_of)
            if counted and ref.kind == "record":
                if first is not None and not i:
                    (self.taken.always if first[0] is None else first[0]).add(ref.path)
                else:
                    test = f"{test} and (m := m | {self.taken.bit({ref.path})})"
            tests.append(test)
        codes = piped(self.into, transforms)
        if len(codes) == len(transforms):
            codes = self._shared(choice, codes, field)
        found = _any(tests)
        return " and ".join([f"({found})" if len(tests) > 1 else found, *(f"(v := {code}) is not None" for code in codes)])

    def _shared(self, choice: Choice, codes: list[str], field: schema.Field) -> list[str]:
        """Answers of costly pipes are held for the other fields that ask the same: searching long text costs most."""
        if any(ref.kind == "document" for ref in choice.refs):
            return codes
        for i, pipe in enumerate(choice.pipes):
            if pipe.name not in _COSTLY or (pipe.name == "args" and field.kind == "free"):  # a list must be in one place
                break
            held = self.into.found((choice.refs, choice.pipes[: i + 1]))
            codes[i] = f"{held} if {held} is not MISSING else ({held} := {codes[i]})"
        return codes

    def _assign(self, entry: Entry, slot: str, depth: int) -> None:
        into, field = self.into, entry.field
        leaf = entry.target[-1]
        names = into.scope.constant(entry.expression.record_paths)
        if field.kind == "free":
            into.add(f"{slot}[{leaf!r}] = v", depth)
            return
        if field.chosen and not _is_settled(entry):
            convert = into.scope.constant(coerce.one_of(frozenset(field.allowed or ())), "C")
            read = f"many(x, {field.name!r}, {names}, {convert}, v)" if field.array else f"{convert}(v)"
            into.add(f"v = {read}", depth)
            into.add(f"if v: {slot}[{leaf!r}] = v", depth)
            if not field.array:
                into.add(f"else: x.fail({field.name!r}, {names})", depth)
            return
        members, texts = _members(field.name) if field.array and field.kind == "open" else ({}, frozenset[str]())
        held = coerce.typed(members, texts) if members or texts else coerce.COERCIONS[field.kind]
        convert = into.scope.constant(held, "C")
        if field.array:
            if field.kind == "text":
                into.add(f"if type(v) is str: {slot}[{leaf!r}] = [v]", depth)
                into.add("else:", depth)
                depth += 1
            into.add(f"v = many(x, {field.name!r}, {names}, {convert}, v)", depth)
            into.add(f"if v: {slot}[{leaf!r}] = v", depth)
            return
        if field.kind == "text":
            into.add(f"if type(v) is str: {slot}[{leaf!r}] = v", depth)
            into.add(f"elif (v := written(x, {convert}, v, {field.name!r}, {names})) is not None: {slot}[{leaf!r}] = v", depth)
            return
        into.add(f"v = {_converted(into, field.kind, convert)}", depth)
        into.add(f"if v is None: x.fail({field.name!r}, {names})", depth)
        into.add(f"else: {slot}[{leaf!r}] = v", depth)
