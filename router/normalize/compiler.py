"""Compile one normalizer file to Python functions: parse, accept, ignore, build. All problems of the file come at once."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path as FilePath
from typing import Any

from router.batch import Event
from router.documents import Document, load_file, yaml_files
from router.errors import ConfigError, Problem
from router.normalize import pipes, schema
from router.normalize.blocks import Blocks
from router.normalize.builtin_tables import TABLES
from router.normalize.conditions import Conditions
from router.normalize.definition import KEYS, Definition
from router.normalize.derive import NAMES, derivations
from router.normalize.expressions import Path, Ref, path
from router.normalize.identify import Identity, read_identity
from router.normalize.line import Line
from router.normalize.lint import lint
from router.normalize.mapping import Entry, Locals, MapWriter, Taken, entries, literals
from router.normalize.normalizer import Normalizer
from router.normalize.overwriting import block_targets, doubly_mapped
from router.normalize.reached import Reached
from router.normalize.rest import Rest, Telling
from router.normalize.runtime import restore
from router.normalize.steps import TEXT_FORMATS, Steps
from router.normalize.timing import TimeSpec, Timing
from router.normalize.writer import Function, Scope

_NEEDED = ("id", "identify", "parse", "rest", "tests")


def compile_document(
    document: Document, folder: FilePath, reached: Reached | None = None, *, trusted: bool = False
) -> tuple[Normalizer | None, list[Problem]]:
    """The normalizer of one document, or None and what is wrong with it. `folder`: where its tables lie.

    `reached`: where the normalizer notes which of its cases ran, for the self test; else it holds no code for that. `trusted`:
    that its lints hold is known, and they are not asked.
    """
    compiler = _Compiler(Definition(document, folder, trusted=trusted), reached)
    normalizer = compiler.compile()
    problems = sorted(set(compiler.definition.problems))
    return (None if problems else normalizer), problems


def compile_files(path: FilePath, problems: list[Problem]) -> list[Normalizer]:
    """The normalizers of a file, or of every YAML file of a folder."""
    made: list[Normalizer] = []
    if not path.exists():
        problems.append(Problem(str(path), 1, "", "there is no such file or folder", "correct the path"))
        return made
    for file in yaml_files(path):
        try:
            documents = load_file(file)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        for document in documents:
            normalizer, found = compile_document(document, file.parent)
            problems.extend(found)
            if normalizer is not None:
                made.append(normalizer)
    return made


class _Compiler:
    def __init__(self, definition: Definition, reached: Reached | None) -> None:
        self.definition = definition
        self._reached = reached
        self._scope = Scope()
        self._taken = Taken()
        self._conditions = Conditions(self.definition.problem, self.definition.read)

    def compile(self) -> Normalizer | None:
        definition = self.definition
        if not definition.check_keys(definition.document.value, KEYS, ()):
            return None
        for key in _NEEDED:
            if not definition.value.get(key):
                definition.problem((), f"{key} is missing", f"add {key}:")
        definition.tables = self._tables()
        steps = Steps(definition, self._scope, self._conditions, self._reached)
        parse = steps.function(definition.value.get("parse") or [], ("parse",))
        accept = self._condition("accept")
        ignore = self._condition("ignore")
        self._scope.textual = steps.formats <= TEXT_FORMATS
        rest = self._build()
        if not definition.trusted:
            lint(definition)
        identity = read_identity(definition, steps.formats)
        if definition.problems or rest is None:
            return None
        return self._assemble(parse, accept, ignore, identity)

    def _assemble(self, parse: str, accept: str | None, ignore: str | None, identity: Identity) -> Normalizer:
        source = self._scope.source
        exec(compile(source, f"<normalizer {self.definition.id}>", "exec"), self._scope.names)
        names = self._scope.names
        each = self.definition.value.get("each")
        return Normalizer(
            id=self.definition.id,
            title=str(self.definition.value.get("title", self.definition.id)),
            file=self.definition.document.file,
            identity=identity,
            wants=identity.tester(),
            parse=names[parse],
            accept=names[accept] if accept else None,
            ignore=names[ignore] if ignore else None,
            build=names["build"],
            each=path(str(each)) if each else None,
            source=source,
            fields=tuple(sorted(name for name, (_, shape) in self.definition.targets.items() if shape == "leaf")),
        )

    def _tables(self) -> dict[str, pipes.Transform]:
        made = {name: pipes.table(name, rows) for name, rows in TABLES.items()}
        value = self.definition.value.get("tables", {})
        if not isinstance(value, dict):
            self.definition.problem(("tables",), "must be a mapping of names to tables", "write name: {key: value}")
            return made
        for name, rows in value.items():
            table = self._csv_table(rows, ("tables", name)) if isinstance(rows, str) else rows
            if isinstance(table, dict):
                made[str(name)] = pipes.table(str(name), table)
            else:
                self.definition.problem(("tables", name), "a table is a mapping, or the name of a CSV file", "write {key: value}")
        return made

    def _csv_table(self, name: str, at: tuple[str, ...]) -> Any:
        """Two columns, key and value, no header, `#` in front of remarks; beside the file and nowhere else."""
        file = self.definition.folder / name
        if file.resolve().parent != self.definition.folder.resolve() or not file.is_file():
            self.definition.problem(at, f"there is no file {name!r} beside this one", "put the CSV beside it")
            return {}
        try:
            text = file.read_text("utf-8-sig")
        except UnicodeDecodeError:
            self.definition.problem(at, f"{name} is not UTF-8 text", "save it as UTF-8")
            return {}
        reader = csv.reader(StringIO(text, newline=""))
        found: dict[str, str] = {}
        for row in reader:
            if not row or row[0].startswith("#"):
                continue
            if len(row) != 2:
                self.definition.problem(at, f"{name}:{reader.line_num}: {len(row)} columns", "write key,value; quote commas")
            elif row[0] in found:
                self.definition.problem(at, f"{name}:{reader.line_num}: key {row[0]!r} stands twice", "remove one")
            else:
                found[row[0]] = row[1]
        return found

    def _condition(self, key: str) -> str | None:
        if key not in self.definition.value:
            return None
        into = Function(self._scope, f"{key}(x, src)")
        into.add(f"return {self._conditions.code(self.definition.value[key], (key,), into)}")
        into.finish()
        return key

    def _build(self) -> Rest | None:
        definition, value = self.definition, self.definition.value
        written = value.get("null_values")
        nulls = tuple(text for text in map(str, written) if text) if isinstance(written, list) else ()
        into = Function(self._scope, "build(x, src)", nulls)
        const = self._constants()
        mapped = entries(definition, value["map"], ("map",)) if "map" in value else []
        timed = self._times()
        overwritten = block_targets(value)
        locals_of = _objects(const, mapped, [target for target, _ in timed])
        into.add(f"g = {self._scope.constant(Telling(nulls), 'G')}(src)" if self._looked_through(nulls) else "g = None")
        self._open(into, const, locals_of)
        into.add("m = 0")
        for target, specs in timed:
            self._time(into, target, specs, locals_of)
        writer = MapWriter(into, self._taken, overwritten, locals_of)
        for entry in mapped:
            writer.entry(entry, into.local(locals_of[entry.target[:-1]]), 1, None)
        _attach(into, locals_of)
        blocks = Blocks(definition, self._scope, self._conditions, self._taken, doubly_mapped(value), nulls, self._reached)
        if "cases" in value:
            blocks.cases(value["cases"], ("cases",), into)
        if "switch" in value:
            blocks.switch(value["switch"], ("switch",), into)
        self._not_overwritten(into, [entry for entry in mapped if entry.field.name in overwritten])
        self._derive(into)
        rest = self._rest(into, nulls)
        into.add("return out")
        into.finish()
        return rest

    def _not_overwritten(self, into: Function, mapped: Iterable[Entry]) -> None:
        """Text that a block could have overwritten, and did not, was taken: the document holds the very same object."""
        for entry in mapped:
            if entry.field.kind != "text" or entry.field.array:
                continue
            now = into.value(Ref("document", entry.target))
            for choice, transforms in zip(entry.expression.choices, entry.transforms, strict=True):
                for ref in () if transforms else choice.refs:
                    held = into.held(ref.path) if ref.kind == "record" else None
                    if held is not None:
                        node, key = held
                        into.add(f"if {key!r} in {node} and {node}[{key!r}] is {now}: m |= {self._taken.bit({ref.path})}")

    def _looked_through(self, nulls: tuple[str, ...]) -> bool:
        """Are null values sorted out once, not at each read? Where only emptiness counts, a look at the value is cheaper."""
        return self._scope.textual and len(nulls) > 1

    def _constants(self) -> dict[str, Any]:
        value = self.definition.value
        found = {
            "ecs.version": schema.VERSION,
            "event.kind": "event",
            "event.module": self.definition.id.partition(".")[0],
            "event.dataset": self.definition.id,
        }
        for name in ("event.kind", "event.module", "event.dataset"):
            self.definition.target(name, ("id",))
        if "const" in value:
            found |= {field.name: item for field, item in literals(self.definition, value["const"], ("const",))}
        return found

    def _times(self) -> list[tuple[tuple[str, ...], list[TimeSpec]]]:
        block = self.definition.value.get("time", {})
        if not isinstance(block, dict):
            self.definition.problem(("time",), "must be a mapping of date fields to times", "write '@timestamp': field")
            return []
        timing = Timing(self.definition)
        found = []
        for name, spec in block.items():
            if name == "tz_default":
                continue
            field = self.definition.target(name, ("time", name))
            if field is not None and field.kind not in ("date", "free"):
                self.definition.problem(("time", name), f"{name} is no date", "put it under map")
            specs = timing.specs(spec, ("time", name))
            if field is not None and specs:
                found.append((tuple(str(name).split(".")), specs))
        return found

    def _open(self, into: Function, const: dict[str, Any], locals_of: Locals) -> None:
        """One local per object of the document, with its constants in it; those that may stay empty are made on demand."""
        filled = _filled(const)
        into.lazy.update(local for node, local in locals_of.items() if node and node not in filled)
        if into.lazy:
            into.add(" = ".join([*(local for local in locals_of.values() if local in into.lazy), "None"]))
        for node, local in locals_of.items():
            own = {name.split(".")[-1]: item for name, item in const.items() if tuple(name.split(".")[:-1]) == node}
            if local not in into.lazy:
                into.add(f"{local} = {own!r}")

    def _time(self, into: Function, target: tuple[str, ...], specs: list[TimeSpec], locals_of: Locals) -> None:
        depth = 1
        names: list[Path] = []
        only = into.held(specs[0].refs[0].path) if _is_one_field(specs) else None
        if only:
            into.add(f"if {only[1]!r} in {only[0]}:")
            depth = 2
        end = depth
        for i, spec in enumerate(specs):
            refs = [*spec.refs, *([spec.zone_ref] if spec.zone_ref else [])]
            arguments = ", ".join(["x", *(into.value(ref, locals_of) for ref in refs)])
            if i:
                into.add("if t is None:", depth)
                depth += 1
            read = f"{self._scope.constant(spec.read, 'T')}({arguments})"
            first = into.held(spec.refs[0].path) if not only and spec.refs and spec.refs[0].kind == "record" else None
            into.add(f"t = {read} if {first[1]!r} in {first[0]} else None" if first else f"t = {read}", depth)
            own = {ref.path for ref in refs if ref.kind == "record"}
            names.extend(ref.path for ref in spec.refs if ref.kind == "record")
            if own:
                into.add(f"if t is not None: m |= {self._taken.bit(own)}", depth)
        failed = self._scope.constant(tuple(names))
        into.add("if t is not None:", end)
        into.add(f"{into.local(locals_of[target[:-1]])}[{target[-1]!r}] = t.iso", end + 1)
        into.add("if not t.known: x.assume_zone()", end + 1)
        if names:
            into.add(f"{self._anything(into, names)}: x.fail_time({'.'.join(target)!r}, src, {failed})", end)

    @staticmethod
    def _anything(into: Function, names: list[Path]) -> str:
        """Code: otherwise, if any of these values is there at all."""
        held = [into.held(name) for name in dict.fromkeys(names)]
        if None in held:
            return "else"
        return "elif " + " or ".join(
            f"{key!r} in {node} and {node}[{key!r}] not in (None, '')" for node, key in filter(None, held)
        )

    def _derive(self, into: Function) -> None:
        names = self.definition.value.get("derive", [])
        if not isinstance(names, list):
            self.definition.problem(("derive",), "must be a list of names", f"write [{names}]")
            return
        for i, name in enumerate(names):
            if not isinstance(name, str) or name not in NAMES:
                self.definition.problem(("derive", i), f"{name!r} cannot be derived", f"known: {' '.join(sorted(NAMES))}")
        names = [name for name in names if isinstance(name, str)]
        leaves = [name for name, (_, shape) in self.definition.targets.items() if shape == "leaf"]
        for derivation in derivations(names, leaves).values():
            into.add(f"{self._scope.constant(derivation, 'N')}(out)")

    def _rest(self, into: Function, nulls: tuple[str, ...]) -> Rest | None:
        definition = self.definition
        value = definition.value.get("rest", {})
        block = {"to": value} if isinstance(value, str) else value
        if not definition.check_keys(block, frozenset(("to", "keep")), ("rest",)):
            return None
        to = str(block.get("to", ""))
        if not to or to.partition(".")[0] in schema.roots():
            definition.problem(
                ("rest",), f"rest {to!r} must be a name of the vendor's own, outside of ECS", "write vendor.product"
            )
            return None
        kept = block.get("keep", [])
        taken: Iterable[Path] = [] if kept == "all" else self._taken.always
        groups = [] if kept == "all" else self._taken.groups
        dropped = [*definition.paths("consume"), *definition.paths("drop")]
        keep = definition.paths_of(kept, ("rest", "keep")) if isinstance(kept, list) else []
        rest = Rest(taken, groups, dropped, keep, nulls)
        into.add(f"r = {self._scope.constant(rest, 'R')}(src, m, g)")
        into.add(f"if x.doubts: {self._scope.constant(doubted, 'X')}(x, src, r)")
        placed = f"place(out, {tuple(to.split('.'))!r}, r)"
        if to.count(".") == 1:
            first, second = to.split(".")
            into.add(f"if r and {first!r} not in out: out[{first!r}] = {{{second!r}: r}}")
            into.add(f"elif r: {placed}")
        elif "." in to:
            into.add(f"if r: {placed}")
        else:
            into.add(f"if r and {to!r} not in out: out[{to!r}] = r")
            into.add(f"elif r: {placed}")
        return rest


def _is_one_field(specs: list[TimeSpec]) -> bool:
    """Is there one way to read the time, and one field that it stands in? Then nothing is to be done where that is not there."""
    return len(specs) == 1 and len(specs[0].refs) == 1 and specs[0].refs[0].kind == "record"


def doubted(x: Line, src: Event, rest: Event) -> None:
    """Values that did not fit their field go back to what is left over; the document says so."""
    for field, names in x.doubts:
        for name in names:
            restore(rest, src, name)
        tag = f"_norm_type:{field}"
        if tag not in x.tags:
            x.tags.append(tag)


def _objects(const: dict[str, Any], mapped: list[Entry], timed: list[tuple[str, ...]]) -> Locals:
    """A local name for every object that constants, times and the map write to; the document itself is `out`."""
    targets = [tuple(name.split(".")) for name in const] + [entry.target for entry in mapped] + timed
    nodes = {target[:n] for target in targets for n in range(len(target))}
    ordered = sorted(nodes, key=lambda node: (len(node), node))
    return {node: "out" if not node else f"o{i}" for i, node in enumerate(ordered)}


def _attach(into: Function, locals_of: Locals) -> None:
    """Hang every object that holds something into its parent, the deepest first."""
    for node in sorted(locals_of, key=len, reverse=True):
        if node:
            local = locals_of[node]
            test = f"if {local} is not None: " if local in into.lazy else ""
            into.add(f"{test}{into.local(locals_of[node[:-1]])}[{node[-1]!r}] = {local}")


def _filled(const: dict[str, Any]) -> set[tuple[str, ...]]:
    """The objects that constants are in."""
    return {tuple(name.split("."))[:n] for name in const for n in range(name.count(".") + 1)}
