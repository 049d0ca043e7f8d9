"""Code for what depends on the record: `cases` (all that match), `switch` (one lookup), and the blocks below them."""

from collections.abc import Callable, Sequence
from typing import Any

from router.documents import PathKey
from router.normalize import coerce
from router.normalize.conditions import Conditions
from router.normalize.definition import Definition
from router.normalize.expressions import Path, Pipe
from router.normalize.mapping import Entry, MapWriter, Taken, check_answers, entries, literals, piped
from router.normalize.reached import Reached
from router.normalize.steps import keys_of
from router.normalize.writer import Function, Scope

BLOCK = frozenset(("when", "set", "map", "append", "unset", "ocsf", "cases", "switch"))


class Blocks:
    """Writes cases and switches."""

    def __init__(
        self,
        definition: Definition,
        scope: Scope,
        conditions: Conditions,
        taken: Taken,
        overwritten: set[str],
        nulls: tuple[str, ...],
        reached: Reached | None,
    ) -> None:
        self._definition, self._scope, self._conditions = definition, scope, conditions
        self._taken, self._overwritten, self._nulls, self._reached = taken, overwritten, nulls, reached

    def cases(self, value: Any, at: PathKey, into: Function, depth: int = 1) -> None:
        """All cases that match, top to bottom."""
        if not isinstance(value, list):
            self._definition.problem(at, "cases is a list", "write - when: {...}")
            return
        seen: dict[str, int] = {}
        for i, case in enumerate(value):
            place = (*at, i)
            if not isinstance(case, dict) or "when" not in case:
                self._definition.problem(place, "a case needs `when`", "write - when: {field: value}")
                continue
            if repr(case["when"]) in seen:
                self._definition.problem(
                    (*place, "when"), f"the same condition as case {seen[repr(case['when'])] + 1}", "join them"
                )
            seen.setdefault(repr(case["when"]), i)
            into.add(f"if {self._conditions.code(case['when'], (*place, 'when'), into)}:", depth)
            self.block(case, place, into, depth + 1)

    def block(self, block: dict[Any, Any], at: PathKey, into: Function, depth: int) -> None:
        """What one matching case does."""
        self._definition.check_keys(block, BLOCK, at)
        before = len(into.lines)
        if self._reached is not None:
            into.add(self._reached.code(at, self._scope), depth)
        for field, value in literals(self._definition, block["set"], (*at, "set")) if "set" in block else ():
            parent, leaf = into.slot(field.name)
            into.add(f"{parent}[{leaf!r}] = {value!r}", depth)
        if "map" in block:
            self._map(entries(self._definition, block["map"], (*at, "map")), into, depth)
        if "append" in block:
            self._append(block["append"], (*at, "append"), into, depth)
        for name in self._names(block.get("unset", []), (*at, "unset")):
            into.unset(name, depth)
        if "cases" in block:
            self.cases(block["cases"], (*at, "cases"), into, depth)
        if "switch" in block:
            self.switch(block["switch"], (*at, "switch"), into, depth)
        if len(into.lines) == before:
            into.add("pass", depth)

    def _names(self, value: Any, at: PathKey) -> list[str]:
        if not isinstance(value, list):
            self._definition.problem(at, "must be a list of fields", "write [a.b]")
            return []
        return [str(name) for i, name in enumerate(value) if self._definition.read(str(name), (*at, i))]

    def _map(self, found: list[Entry], into: Function, depth: int) -> None:
        paths: set[Path] = set()
        writer = MapWriter(into, self._taken, self._overwritten)
        for entry in found:
            writer.entry(entry, into.slot(entry.field.name)[0], depth, paths)
        if paths:
            into.add(f"m |= {self._taken.bit(paths)}", depth)

    def _append(self, value: Any, at: PathKey, into: Function, depth: int) -> None:
        if not self._definition.check_keys(value, frozenset(value if isinstance(value, dict) else ()), at):
            return
        for name, item in value.items():
            place = (*at, name)
            field = self._definition.target(name, place)
            if field is None:
                continue
            if not field.array and field.kind != "free":
                self._definition.problem(place, f"{name} holds one value", "use set or map")
                continue
            parent, leaf = into.slot(field.name)
            if isinstance(item, list):
                values = self._definition.literal(field, item, place) if field.kind != "free" else item
                if values is not None:
                    into.add(f"extend({parent}, {leaf!r}, {values!r})", depth)
                continue
            read = self._definition.expression(item, place)
            if read is not None:
                entry = Entry(field, *read, place)
                check_answers(self._definition, entry)
                self._append_value(entry, parent, leaf, into, depth)

    def _append_value(self, entry: Entry, parent: str, leaf: str, into: Function, depth: int) -> None:
        into.add("w = {}", depth)
        renamed = entry._replace(field=entry.field._replace(array=True) if entry.field.kind != "free" else entry.field)
        MapWriter(into, self._taken, self._overwritten | {entry.field.name}).entry(renamed, "w", depth, None)
        into.add(f"if w: extend({parent}, {leaf!r}, w[{leaf!r}] if type(w[{leaf!r}]) is list else [w[{leaf!r}]])", depth)

    def switch(self, value: Any, at: PathKey, into: Function, depth: int = 1) -> None:
        """One lookup (or a list of them): the block of the value runs."""
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            self._one_switch(item, (*at, i) if isinstance(value, list) else at, into, depth)

    def _one_switch(self, value: Any, at: PathKey, into: Function, depth: int) -> None:
        known = frozenset(("on", "cases", "default"))
        if not self._definition.check_keys(value, known, at):
            return
        if "on" not in value or not isinstance(value.get("cases"), dict):
            self._definition.problem(
                at, "switch needs `on` and `cases`", "write switch: {on: field, cases: {value: {set: {...}}}}"
            )
            return
        if isinstance(value["on"], list):
            self._definition.problem((*at, "on"), "`on` takes one expression, no list", "write a // b // c | pipe")
            return
        read = self._definition.expression(value["on"], (*at, "on"))
        chosen: dict[str, str] = {}
        for key, block in value["cases"].items():
            name = self._function(block, (*at, "cases", key))
            for text in keys_of(key):
                if text in chosen:
                    self._definition.problem((*at, "cases", key), f"{text!r} stands twice", "join the blocks")
                chosen[text] = name
        default = self._function(value["default"], (*at, "default")) if "default" in value else "None"
        if read is None:
            return
        self._reachable(read[0].choices[0].pipes, value["cases"], at)
        table = self._scope.fresh("W")
        rows = ", ".join(f"{key!r}: {name}" for key, name in chosen.items())
        self._scope.tables.append(f"{table} = {{{rows}}}")
        into.add(f"v = {into.value(read[0].choices[0].refs[0])}", depth)
        for more in read[0].choices[0].refs[1:]:
            into.add(f"if not ({into.present()}): v = {into.value(more)}", depth)
        for code in piped(into, read[1][0]):
            into.add(f"if v is not None: v = {code}", depth)
        text = self._scope.constant(coerce.text, "C")
        into.add(f"f = {table}.get(v if type(v) is str else {text}(v), {default})", depth)
        into.add("if f is not None: m |= f(x, src, g, out)", depth)
        into.forget(depth)

    def _reachable(self, pipes: Sequence[Pipe], cases: dict[Any, Any], at: PathKey) -> None:
        """Behind a last pipe that changes the case, a key in another one is never met."""
        last = pipes[-1].name if pipes else ""
        made: Callable[[str], str] | None = {"lower": str.lower, "upper": str.upper}.get(last)
        for key in cases if made is not None else ():
            for text in keys_of(key):
                if made is not None and made(text) != text:
                    problem = f"{text!r} never comes out of `{last}`: no value reaches this case"
                    self._definition.problem((*at, "cases", key), problem, f"write {made(text)!r}")

    def _function(self, block: Any, at: PathKey) -> str:
        name = self._scope.fresh("case")
        into = Function(self._scope, f"{name}(x, src, g, out)", self._nulls)
        into.add("m = 0")
        if isinstance(block, dict):
            self.block(block, at, into, 1)
        else:
            self._definition.problem(at, "a block is a mapping", "write {set: {...}, map: {...}}")
        into.add("return m")
        into.finish()
        return name
