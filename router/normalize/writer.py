"""Generated source text: constants in the module's scope, functions with the objects they read looked up once at their top."""

from collections.abc import Hashable
from typing import Any

from router.normalize import schema
from router.normalize.expressions import Path, Ref
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
)


_RENEWED = "# the objects of the record"


class Scope:
    """The globals of the generated functions."""

    def __init__(self) -> None:
        calls = (among, any_text, below, child, compares, dig, empty, extend, many, place, restore, unset)
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
        if name is None or self.names[name] is not value and not isinstance(value, (frozenset, tuple, str)):
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
            return f"{locals_of[parent]}.get({path[-1]!r})"
        if locals_of:
            return "None"
        if len(parent) > 3 or not all(type(step) is str for step in path):
            return f"dig(out, {path!r})"
        node = "out"
        for n, step in enumerate(parent, 1):
            plain = schema.plain_object(".".join(parent[:n]))
            node = f"({node}.get({step!r}) or MISSING)" if plain else f"below({node}, {step!r})"
        return f"{node}.get({path[-1]!r})"

    def _record(self, path: Path) -> str:
        if len(path) == 1:
            return f"g({path[0]!r})"
        if any(type(step) is int or step == "*" for step in path):
            return f"dig(src, {path!r})"
        return f"{self._parent(path[:-1])}({path[-1]!r})"

    def _parent(self, path: Path) -> str:
        """The local name of the `get` of an object of the record."""
        if path not in self._parents:
            if len(path) > 1:
                self._parent(path[:-1])
            self._parents[path] = f"g{len(self._parents) + 1}"
        return self._parents[path]

    def present(self, ref: Ref | None = None) -> str:
        """Code: does `v` say anything? Records of text formats hold no zeros, so that being true is enough there."""
        truthy = self.scope.textual and ref is not None and ref.kind == "record"
        test = "v" if truthy else "(v or v == 0)"
        return f"{test} and v not in {self.scope.constant(self.nulls)}" if self.nulls else test

    def renew(self, depth: int) -> None:
        """The record is another one from here on: look its objects up again."""
        self.add("g = src.get if type(src) is dict else MISSING.get", depth)
        self.add(_RENEWED, depth)

    def finish(self) -> None:
        """Add the function's text to the scope."""
        head = [f"def {self.signature}:"]
        if any("g(" in line for line in self.lines) or self._parents:
            head.append("    g = src.get")
        parents = self._lookups()
        head += [f"    {line}" for line in parents]
        body = [renewed for line in self.lines for renewed in self._renewed(line, parents)]
        self.scope.functions.append("\n".join(head + body))

    def _lookups(self) -> list[str]:
        lines = []
        for path, name in self._parents.items():
            above = self._parents[path[:-1]] if len(path) > 1 else "g"
            lines.append(f"{name} = {above}({path[-1]!r})")
            lines.append(f"{name} = ({name} if type({name}) is dict else MISSING).get")
        return lines

    @staticmethod
    def _renewed(line: str, parents: list[str]) -> list[str]:
        if not line.endswith(_RENEWED):
            return [line]
        return [line.removesuffix(_RENEWED) + lookup for lookup in parents]
