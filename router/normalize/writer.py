"""Generated source text: constants in the module's scope, functions with the objects they read looked up once at their top."""

from collections.abc import Hashable
from typing import Any

from router.normalize import schema
from router.normalize.expressions import Path, Ref
from router.normalize.paths import lists_at, reader
from router.normalize.runtime import (
    MISSING,
    among,
    any_text,
    below,
    child,
    compares,
    dig,
    empty,
    extend,
    many,
    place,
    restore,
    unset,
    written,
)

_RENEWED = "# the objects of the record"


class Scope:
    """The globals of the generated functions."""

    def __init__(self) -> None:
        calls = (among, any_text, below, child, compares, dig, empty, extend, many, place, restore, unset, written)
        self.names: dict[str, Any] = {call.__name__: call for call in calls} | {"MISSING": MISSING}
        self.functions: list[str] = []
        self.tables: list[str] = []
        self.textual = False
        """Are all values of the record text?"""
        self._known: dict[Hashable, str] = {}
        self._count = 0

    def constant(self, value: Any, prefix: str = "K") -> str:
        """A global name that stands for this value; equal frozensets and tuples share one."""
        key: Hashable = (type(value), repr(value)) if isinstance(value, (frozenset, tuple, str)) else id(value)
        name = self._known.get(key)
        if name is None or (self.names[name] is not value and not isinstance(value, (frozenset, tuple, str))):
            name = self.fresh(prefix)
            self.names[name] = value
            self._known[key] = name
        return name

    def fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    @property
    def source(self) -> str:
        return "\n\n".join([*self.functions, *self.tables]) + "\n"


class Function:
    """One generated function. Lines are added with their depth; parents of nested fields are looked up once, at the top."""

    def __init__(self, scope: Scope, signature: str, nulls: tuple[str, ...] = ()) -> None:
        self.scope, self.signature, self.nulls = scope, signature, nulls
        self.lines: list[str] = []
        self._parents: dict[Path, str] = {}
        self._objects: dict[tuple[str, ...], str] = {}
        self._found: dict[Hashable, str] = {}
        self.lazy: set[str] = set()
        """Locals that are None until something is put into them."""

    def add(self, line: str, depth: int = 1) -> None:
        self.lines.append("    " * depth + line)

    def value(self, ref: Ref, locals_of: dict[tuple[str, ...], str] | None = None) -> str:
        """Code that reads a reference. `locals_of`: the document's objects that are local variables here."""
        if ref.kind == "constant":
            return repr(ref.value)
        if ref.kind == "line":
            return self._line(ref.path)
        if ref.kind == "document":
            return self._document(ref.path, locals_of or {})
        return self._record(ref.path)

    def _line(self, path: Path) -> str:
        match path:
            case ("body",) | ("raw",) | ("peer",) | ("source",):
                return f"x.{path[0]}"
            case ("meta", name):
                return f"x.meta.get({name!r})"
            case ("tz",):
                return "(x.site.name if x.site.known else None)"
            case ("host",):
                return "x.hint_host"
            case ("receipt",):
                return "x.received"
            case ("syslog", "time"):
                return "x.syslog_iso"
            case ("syslog", "sd", *rest):
                return f"dig(x.head.sd, {tuple(rest)!r})" if rest else "x.head.sd"
            case _:
                return f"x.head.{path[1]}"

    def _document(self, path: Path, locals_of: dict[tuple[str, ...], str]) -> str:
        parent = tuple(map(str, path[:-1]))
        if parent in locals_of:
            local = locals_of[parent]
            read = f"{local}.get({path[-1]!r})"
            return f"({read} if {local} is not None else None)" if local in self.lazy else read
        if locals_of:
            return "None"
        if parent == ("event",):  # always there
            return f"(out['event'][{path[-1]!r}] if {path[-1]!r} in out['event'] else None)"
        if len(parent) == 1 and schema.plain_object(parent[0]):
            held = f"{parent[0]!r} in out and {path[-1]!r} in (d1 := out[{parent[0]!r}])"
            return f"(d1[{path[-1]!r}] if {held} else None)"
        if not parent:
            return f"(out[{path[-1]!r}] if {path[-1]!r} in out else None)"
        if len(parent) > 3 or not all(type(step) is str for step in path):
            return f"dig(out, {path!r})"
        node = "out"
        for n, step in enumerate(parent, 1):
            plain = schema.plain_object(".".join(parent[:n]))
            held = f"{node}.get({step!r})"
            node = f"({held} or MISSING)" if plain else f"(d{n} if type(d{n} := {held}) is dict else MISSING)"
        return f"{node}.get({path[-1]!r})"

    def _record(self, path: Path) -> str:
        at = lists_at(path)
        held = self.held(path[:at]) if at else None
        if held is None:
            return f"dig(src, {path!r})"
        found = f"{held[0]}[{held[1]!r}]"
        if at < len(path):
            found = f"{self.scope.constant(reader(path[at:]), 'R')}({found})"
        return f"({found} if {held[1]!r} in {held[0]} else None)"

    def local(self, name: str) -> str:
        """Code of an object that is a local variable, to write to."""
        return f"({name} if {name} is not None else ({name} := {{}}))" if name in self.lazy else name

    def slot(self, name: str) -> tuple[str, str]:
        """Code of the parent object of an output field, made on demand, and the leaf's name."""
        *parents, leaf = name.split(".")
        return self._object(tuple(parents)), leaf

    def _object(self, path: tuple[str, ...]) -> str:
        """Code of an object of the document. One that ECS defines is always an object and never replaced: it is held."""
        if not path:
            return "out"
        if path == ("event",):
            return "out['event']"
        parent, name = self._object(path[:-1]), path[-1]
        if not schema.plain_object(".".join(path)):
            return f"child({parent}, {name!r})"
        local = self._objects.setdefault(path, f"q{len(self._objects) + 1}")
        return f"({local} if {local} is not None else ({local} := {parent}.setdefault({name!r}, {{}})))"

    def unset(self, name: str, depth: int) -> None:
        """Take a field out again, or an object with all that is in it."""
        *parents, leaf = name.split(".")
        if not parents:
            self.add(f"out.pop({leaf!r}, None)", depth)
        elif len(parents) == 1:
            self.add(f"if type(d := out.get({parents[0]!r})) is dict: d.pop({leaf!r}, None)", depth)
        else:
            self.add(f"unset(out, {tuple(name.split('.'))!r})", depth)
        if name in schema.inner():
            self.forget(depth)

    def forget(self, depth: int) -> None:
        """Other code may have taken objects out of the document: hold none any more."""
        if self._objects:
            self.add(f"{' = '.join(self._objects.values())} = None", depth)

    def found(self, search: Hashable) -> str:
        """The local name for what a search gives; MISSING until it has been made."""
        return self._found.setdefault(search, f"c{len(self._found) + 1}")

    def held(self, path: Path) -> tuple[str, str] | None:
        """The local name of the object that holds a value of the record, and its key; None for paths through lists."""
        if any(type(step) is int or step == "*" for step in path):
            return None
        return (self._parent(path[:-1]) if len(path) > 1 else "s"), str(path[-1])

    def _parent(self, path: Path) -> str:
        """The local name of an object of the record."""
        if path not in self._parents:
            if len(path) > 1:
                self._parent(path[:-1])
            self._parents[path] = f"s{len(self._parents) + 1}"
        return self._parents[path]

    def says(self, ref: Ref, locals_of: dict[tuple[str, ...], str] | None = None) -> str:
        """Code: does the value, which is left in `v`, say anything?

        Records of text hold no zeros: there being true is enough. What stands at their top has been looked through before: `g`
        holds only values that say something.
        """
        held = self.held(ref.path) if ref.kind == "record" else None
        if held and held[0] == "s" and self.scope.textual and len(self.nulls) > 1:
            return f"{held[1]!r} in g and (v := g[{held[1]!r}])"
        read = f"(v := {held[0]}[{held[1]!r}])" if held else f"(v := {self.value(ref, locals_of)})"
        test = read if self.scope.textual and held else f"({read} or v == 0)"
        if held:
            test = f"{held[1]!r} in {held[0]} and {test}"
        return f"{test} and v not in {self.scope.constant(self.nulls)}" if self.nulls else test

    def present(self) -> str:
        """Code: does `v` say anything?"""
        return f"(v or v == 0) and v not in {self.scope.constant(self.nulls)}" if self.nulls else "(v or v == 0)"

    def renew(self, depth: int) -> None:
        """The record is another one from here on: look its objects up again."""
        self.add("s = src if type(src) is dict else MISSING", depth)
        self.add(_RENEWED, depth)

    def finish(self) -> None:
        """Add the function's text to the scope."""
        head = [f"def {self.signature}:"]
        head.append("    s = src")
        parents = self._lookups()
        head += [f"    {line}" for line in parents]
        head += [f"    {' = '.join(self._objects.values())} = None"] if self._objects else []
        head += [f"    {' = '.join(self._found.values())} = MISSING"] if self._found else []
        body = [renewed for line in self.lines for renewed in self._renewed(line, parents)]
        self.scope.functions.append("\n".join(head + body))

    def _lookups(self) -> list[str]:
        lines = []
        for path, name in self._parents.items():
            above = self._parents[path[:-1]] if len(path) > 1 else "s"
            lines.append(f"{name} = w if {path[-1]!r} in {above} and type(w := {above}[{path[-1]!r}]) is dict else MISSING")
        return lines

    @staticmethod
    def _renewed(line: str, parents: list[str]) -> list[str]:
        if not line.endswith(_RENEWED):
            return [line]
        return [line.removesuffix(_RENEWED) + lookup for lookup in parents]
