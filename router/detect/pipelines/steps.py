"""The steps of a pipeline: each changes a rule, or refuses it (pySigma, "Transformations")."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from string import Template
from typing import Any, TypeAlias

from router.detect import modifiers, values
from router.detect.ir import Atom, Refused
from router.detect.items import Group, Item, Node
from router.detect.pipelines.subject import Subject
from router.detect.pipelines.when import When, text_of
from router.detect.selections import Reading, selection
from router.detect.views import Logsource
from router.documents import Document

Step: TypeAlias = Callable[[Subject, str], None]
"""Changes a rule; the text is the step's id. Raises Refused."""
Change: TypeAlias = Callable[[Subject, Item], Node | None]
"""An item -> itself, another node, or None where it goes."""
Rename: TypeAlias = Callable[[str | None], Sequence[str] | None]
"""A field's name -> its new names; None where it stays."""


def each_item(when: When, change: Change) -> Step:
    """A step that asks every item of the rule."""

    def apply(subject: Subject, name: str) -> None:
        def changed(node: Node) -> Node | None:
            if isinstance(node, Group):
                return Group([child for child in map(changed, node.children) if child is not None], node.every)
            if not when.item(subject, node):
                return node
            found = change(subject, node)
            return found if found is None or found is node else _marked(found, name)

        nodes = {key: changed(node) for key, node in subject.selections.items()}
        subject.selections = {key: Group([], True) if node is None else node for key, node in nodes.items()}

    return apply


def _marked(node: Node, name: str) -> Node:
    if isinstance(node, Item):
        return replace(node, applied=node.applied | {name})
    return Group([_marked(child, name) for child in node.children], node.every)


def renaming(when: When, rename: Rename) -> Step:
    """A step that gives fields other names: of items, and of fields that they are compared with."""

    def names_of(subject: Subject, field: str | None) -> Sequence[str] | None:
        return rename(field) if when.name(subject, field) else None

    def change(subject: Subject, item: Item) -> Node:
        item = _references(item, lambda field: names_of(subject, field))
        names = names_of(subject, item.field)
        if names is None:
            return item
        made: list[Node] = [_named(item, name.replace(" ", "")) for name in names]
        return made[0] if len(made) == 1 else Group(made, False)

    return each_item(when, change)


def _named(item: Item, name: str) -> Item:
    atoms = [[replace(atom, field=name) for atom in listed] for listed in item.values]
    return replace(item, field=name, values=atoms)


def _references(item: Item, names_of: Callable[[str], Sequence[str] | None]) -> Item:
    if not any(atom.kind == "fieldref" for listed in item.values for atom in listed):
        return item
    made = [[new for atom in listed for new in _referring(atom, names_of)] for listed in item.values]
    return replace(item, values=made)


def _referring(atom: Atom, names_of: Callable[[str], Sequence[str] | None]) -> list[Atom]:
    payload: Any = atom.payload
    names = names_of(payload[0])
    return [atom] if names is None else [replace(atom, payload=(name.replace(" ", ""), payload[1])) for name in names]


def mapped(parameters: Mapping[str, Any]) -> Rename:
    """field_name_mapping: a name to one or several others (of which one must match)."""
    table = {None if f is None else _plain(f): _texts(names, "mapping") for f, names in _mapping(parameters, "mapping").items()}
    return table.get


def mapped_by_prefix(parameters: Mapping[str, Any]) -> Rename:
    """field_name_prefix_mapping: the first prefix that fits."""
    table = [(str(prefix), _texts(names, "mapping")) for prefix, names in _mapping(parameters, "mapping").items()]

    def rename(field: str | None) -> Sequence[str] | None:
        found = next(((p, names) for p, names in table if field is not None and field.startswith(p)), None)
        return None if found is None or field is None else [name + field[len(found[0]) :] for name in found[1]]

    return rename


def extended(parameters: Mapping[str, Any], *, before: bool) -> Rename:
    """field_name_prefix, field_name_suffix."""
    piece = _text(parameters, "prefix" if before else "suffix")
    return lambda field: None if field is None else [piece + field if before else field + piece]


def _plain(field: Any) -> str:
    return str(field).replace(" ", "")


def _mapping(parameters: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    found = parameters.get(name)
    if not isinstance(found, Mapping):
        raise Refused(f"`{name}` is a mapping", f"write `{name}:` and the pairs below it")
    return found


def _texts(value: Any, name: str) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in listed):
        raise Refused(f"`{name}` maps to a text or a list of texts, not {value!r}", "quote it")
    return listed


def _text(parameters: Mapping[str, Any], name: str) -> str:
    found = parameters.get(name)
    if not isinstance(found, str):
        raise Refused(f"`{name}` is a text", "quote it")
    return found


def logsource_changed(parameters: Mapping[str, Any]) -> Step:
    """change_logsource: all three parts are replaced."""
    parts = {part: str(parameters[part]).lower() for part in Logsource._fields if parameters.get(part)}
    if not parts:
        raise Refused("a log source names a product, a category or a service", "write one of them")

    def apply(subject: Subject, name: str) -> None:
        if not subject.is_correlation:
            subject.logsources = [Logsource(**parts)]

    return apply


def condition_added(parameters: Mapping[str, Any], document: Document) -> Step:
    """add_condition: items that must be true as well (or false, if `negated`)."""
    wanted = _mapping(parameters, "conditions")
    negated, template = parameters.get("negated") is True, parameters.get("template") is True

    def apply(subject: Subject, name: str) -> None:
        if subject.is_correlation:
            return
        parts = {part: str(value) for part, value in subject.logsources[0]._asdict().items()}
        given = {field: _filled(value, parts) for field, value in wanted.items()} if template else wanted
        reading = Reading(document, {})
        node = selection(reading, given, ())
        if node is None:
            raise Refused(reading.problems[0].text, reading.problems[0].remedy)
        key = f"_added_{len(subject.added)}"
        subject.selections[key] = _marked(node, name)
        subject.added.append((key, negated))

    return apply


def _filled(value: Any, parts: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(v, parts) for v in value]
    return Template(value).safe_substitute(parts) if isinstance(value, str) else value


_ALGORITHMS = {32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}


def hashes_split(when: When, parameters: Mapping[str, Any]) -> Step:
    """hashes_fields: `Hashes` with `SHA1=...` becomes a field for each algorithm. `all` and `neq` stay what they are."""
    known = _texts(parameters.get("valid_hash_algos"), "valid_hash_algos")
    fields = _texts(parameters.get("field_to_parse", ["Hashes", "Hash"]), "field_to_parse")
    prefix, bare = str(parameters.get("field_prefix", "")), parameters.get("drop_algo_prefix") is True

    def change(subject: Subject, item: Item) -> Node:
        if item.field not in fields:
            return item
        pairs = [_hash(text_of(item, n), item.written[n], known) for n in range(len(item.values))]
        made: list[Node] = [
            Item(name, [digest], [[Atom(name, "eq", digest)]], item.path)
            for algorithm, digest in pairs
            for name in [prefix + ("" if bare else algorithm)]
        ]
        return _kept_negation(Group(made, item.every), item)

    return each_item(when, change)


def _kept_negation(group: Group, item: Item) -> Node:
    if not item.negated:
        return group
    for child in group.children:
        assert isinstance(child, Item)
        child.negated = True
    return Group(group.children, not group.every)


def _hash(text: str | None, written: Any, known: Sequence[str]) -> tuple[str, str]:
    parts = (text or "").replace("|", "=").split("=")
    digest = parts[-1].strip("*?")
    algorithm = parts[0].lstrip("*").upper() if len(parts) == 2 else _ALGORITHMS.get(len(digest), "")
    if len(parts) > 2 or algorithm not in known or not digest:
        raise Refused(f"{written!r} is no hash of {', '.join(known)}", "write ALGORITHM=HASH")
    return algorithm, digest


def value_set(when: When, parameters: Mapping[str, Any]) -> Step:
    """set_value: every value of the item becomes this one."""
    value = parameters.get("value")
    forced = parameters.get("force_type")
    if forced not in (None, "str", "num") or (forced and not isinstance(value, (str, int, float))):
        raise Refused(f"{value!r} cannot be made {forced!r}", "`force_type` is str or num")
    value = str(value) if forced == "str" else _number(value) if forced == "num" else value

    def change(subject: Subject, item: Item) -> Node:
        atoms = modifiers.atoms(modifiers.Chain(item.field, ()), value, {})
        return replace(item, written=[value] * len(item.values), values=[list(atoms) for _ in item.values])

    return each_item(when, change)


def type_converted(when: When, parameters: Mapping[str, Any]) -> Step:
    """convert_type: values are compared as text here, so only texts that are written otherwise than their number change."""
    target = parameters.get("target_type")
    if target not in ("str", "num"):
        raise Refused(f"`target_type` is str or num, not {target!r}", "write one of them")

    def change(subject: Subject, item: Item) -> Node:
        if target == "str" or not any(isinstance(w, str) for w in item.written):
            return item
        return replace(item, values=[[_converted(atom) for atom in listed] for listed in item.values])

    return each_item(when, change)


def _converted(atom: Atom) -> Atom:
    if atom.kind in ("contains", "startswith", "endswith", "wild", "empty"):
        raise Refused(f"{atom.payload or ''!r} cannot be converted into a number", "leave the field out of convert_type")
    return replace(atom, payload=values.text(_number(atom.payload))) if atom.kind == "eq" else atom


def _number(value: Any) -> int | float:
    exact = values.number(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    if exact is None:
        raise Refused(f"{value!r} cannot be converted into a number", "leave the field out")
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def failing(parameters: Mapping[str, Any]) -> Step:
    """rule_failure: the rule is refused with the message."""
    message = _text(parameters, "message")

    def apply(subject: Subject, name: str) -> None:
        raise Refused(message, "the pipeline refuses the rule")

    return apply


def item_failing(when: When, parameters: Mapping[str, Any]) -> Step:
    """detection_item_failure: a rule with such an item is refused with the message."""
    message = _text(parameters, "message")

    def change(subject: Subject, item: Item) -> Node:
        raise Refused(message, "the pipeline refuses the rule")

    return each_item(when, change)


def state_set(parameters: Mapping[str, Any]) -> Step:
    """set_state: for conditions of later steps."""
    key, value = _text(parameters, "key"), parameters.get("val")

    def apply(subject: Subject, name: str) -> None:
        subject.state[key] = value

    return apply
