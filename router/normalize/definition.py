"""A normalizer file while it is compiled: its document, its problems, and what its expressions and targets turned out to be."""

import difflib
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from router.documents import Document, PathKey
from router.errors import Problem
from router.normalize import pipes, schema
from router.normalize.expressions import Expression, Path, parse, path

KEYS = frozenset(
    "id title schema identify priority parse each multiline ignore accept null_values time "
    "const map tables fragments cases switch derive consume drop rest tests".split()
)
Target = tuple[str, ...]
_OF_THE_ENGINE = frozenset(("tags", "shipper", "labels"))


class Definition:
    """Reads parts of the document; problems are collected, never raised."""

    def __init__(self, document: Document, folder: FilePath, *, trusted: bool = False) -> None:
        """`trusted`: its lints were seen to before, and are left out."""
        self.document, self.folder, self.trusted = document, folder, trusted
        self.problems: list[Problem] = []
        self.value: dict[str, Any] = _on_is_no_boolean(document.value) if isinstance(document.value, dict) else {}
        self.id = str(self.value.get("id", ""))
        self.tables: dict[str, pipes.Transform] = {}
        self.used_tables: set[str] = set()
        self.targets: dict[str, tuple[PathKey, str]] = {}
        """Every field that is written -> where first, and how (object or leaf)."""
        self.vendor = self._vendor_roots()

    def problem(self, at: PathKey, text: str, remedy: str = "") -> None:
        self.problems.append(self.document.problem(at, text, remedy))

    def _vendor_roots(self) -> frozenset[str]:
        """First names below which a file may write what it likes."""
        rest = self.value.get("rest")
        name = rest.get("to") if isinstance(rest, dict) else rest
        const = self.value.get("const")
        module = const.get("event.module") if isinstance(const, dict) else None
        roots = {str(n).partition(".")[0] for n in (name, self.id, module) if n}
        return frozenset(root for root in roots if root not in schema.roots())

    def check_keys(self, value: Any, known: frozenset[str], at: PathKey) -> bool:
        """Is it a mapping, with no keys but these?"""
        if not isinstance(value, dict):
            self.problem(at, "must be a mapping", "write key: value")
            return False
        for key in value:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"known: {' '.join(sorted(known))}"
                self.problem((*at, key), f"unknown key {key!r}", remedy)
        return True

    @property
    def rest(self) -> str:
        """Below which name goes what is left over; empty where that is not said."""
        value = self.value.get("rest", "")
        return str(value.get("to", "") if isinstance(value, dict) else value)

    def expression(self, value: Any, at: PathKey) -> tuple[Expression, list[list[pipes.Transform]]] | None:
        """An expression with the transforms of each choice; None (and a problem) when it is wrong."""
        try:
            found = parse(value)
            made = [[pipes.make(pipe.name, pipe.arguments, self.tables) for pipe in c.pipes] for c in found.choices]
        except ValueError as error:
            self.problem(at, str(error), "see the reference, section Expressions")
            return None
        for choice in found.choices:
            self.used_tables.update(pipe.arguments[0] for pipe in choice.pipes if pipe.name == "table")
            for ref in choice.refs:
                if ref.kind == "document" and not self.read(".".join(map(str, ref.path)), at):
                    return None
        return found, made

    def read(self, name: str, at: PathKey) -> bool:
        """Can a document hold what `$name` reads, here or below it?"""
        first = name.partition(".")[0]
        below = name + "."
        known = schema.field(name) is not None or any(field.startswith(below) for field in schema.fields())
        if known or first in self.vendor or first in _OF_THE_ENGINE:
            return True
        near = schema.closest(name)
        self.problem(at, f"ECS {schema.VERSION} has no field {name!r}", f"did you mean {near!r}?" if near else "use an ECS field")
        return False

    def target(self, name: Any, at: PathKey) -> schema.Field | None:
        """The type of a field that is written; None (and a problem) when it must not be."""
        text = str(name)
        if text == "tags":
            return schema.Field("tags", "text", True)
        if text != schema.HEADER_HOST and any(text == held or text.startswith(held + ".") for held in schema.RESERVED):
            self.problem(at, f"{text} is written by the engine", "leave it out")
            return None
        if self.rest == text or self.rest.startswith(text + "."):
            self.problem(at, f"{text} is what is left over, by `rest`", f"write below it, as {self.rest}.name")
            return None
        found = schema.field(text)
        if found is None and text.partition(".")[0] in self.vendor and "." in text and all(text.split(".")):
            found = schema.Field(text, "free", False)
        if found is None:
            near = schema.closest(text)
            allowed = ", ".join(f"{root}.*" for root in sorted(self.vendor))
            remedy = f"did you mean {near!r}?" if near else f"use an ECS field, or one below {allowed or 'the vendor name'}"
            self.problem(at, f"ECS {schema.VERSION} has no field {text!r}", remedy)
            return None
        self._one_shape(text, at)
        return found

    def _one_shape(self, name: str, at: PathKey) -> None:
        """A path holds a value or an object, never both."""
        parts = name.split(".")
        for n in range(1, len(parts)):
            parent = ".".join(parts[:n])
            if self.targets.setdefault(parent, (at, "object"))[1] == "leaf":
                self.problem(at, f"{parent} holds a value elsewhere, and an object for {name} here", "write one of them")
        if self.targets.setdefault(name, (at, "leaf"))[1] == "object":
            self.problem(at, f"{name} is an object elsewhere, and gets a value here", "write one of them")

    def literal(self, field: schema.Field, value: Any, at: PathKey) -> Any:
        """A constant in the type of its field; None (and a problem) when it does not fit."""
        from router.normalize.coerce import COERCIONS, each

        convert = COERCIONS[field.kind]
        if field.array:
            found, complete = each(convert, value)
            if not complete or not found:
                self.problem(at, f"{field.name} is a list of {field.kind} values; {value!r} does not fit", "change the value")
                return None
            self._check_allowed(field, found, at)
            return found
        single = convert(value)
        if single is None:
            self.problem(at, f"{field.name} holds {field.kind} values; {value!r} does not fit", "change the value")
            return None
        self._check_allowed(field, [single], at)
        return single

    def _check_allowed(self, field: schema.Field, values: list[Any], at: PathKey) -> None:
        allowed = field.allowed if field.chosen else None
        for value in values if allowed is not None else ():
            if allowed is not None and value not in allowed:
                self.problem(at, f"{value!r} is not allowed in {field.name}", f"use one of {' '.join(sorted(allowed))}")

    def paths(self, key: str) -> list[Path]:
        """The source paths of a list such as `consume`."""
        value = self.value.get(key, [])
        if not isinstance(value, list):
            self.problem((key,), "must be a list of field names", f"write {key}: [a, b]")
            return []
        return self.paths_of(value, (key,))

    def paths_of(self, names: list[Any], at: PathKey) -> list[Path]:
        """The source paths that a list names."""
        found: list[Path] = []
        for i, name in enumerate(names):
            try:
                found.append(path(str(name)))
            except ValueError as error:
                self.problem((*at, i), str(error))
        return found


def named_tables(value: Any) -> list[str]:
    """The CSV files that the tables of a file name."""
    tables = value.get("tables") if isinstance(value, dict) else None
    return [name for name in tables.values() if isinstance(name, str)] if isinstance(tables, dict) else []


def _on_is_no_boolean(value: Any) -> Any:
    """YAML 1.1 reads the key `on` as true; beside `cases` it is the key of a switch."""
    if isinstance(value, dict):
        named = {("on" if key is True and "cases" in value else key): item for key, item in value.items()}
        return {key: _on_is_no_boolean(item) for key, item in named.items()}
    return [_on_is_no_boolean(item) for item in value] if isinstance(value, list) else value


def flat(value: dict[Any, Any], stop: Callable[[str], bool], prefix: str = "") -> list[tuple[str, Any]]:
    """{"a": {"b": 1}} -> [("a.b", 1)]; `stop` says where an object is a value."""
    found: list[tuple[str, Any]] = []
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and item and not stop(name):
            found.extend(flat(item, stop, name + "."))
        else:
            found.append((name, item))
    return found
