"""Pipeline files -> the changes that a rule goes through, in order of priority."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.detect.correlation import Correlation
from router.detect.ir import Not, Refused, Tree
from router.detect.items import joined, tree_of
from router.detect.pipelines import steps
from router.detect.pipelines.subject import Subject
from router.detect.pipelines.when import When, when
from router.detect.selections import Block, Reading
from router.detect.views import Logsource
from router.documents import Document, PathKey, load_file, yaml_files
from router.errors import ConfigError, Problem
from router.registry import nearest

_KEYS = ("name", "priority", "vars", "transformations", "allowed_backends", "logweir")
_SHAPING = ("postprocessing", "finalizers")
_CONDITIONS = tuple(f"{kind}_{key}" for kind in ("rule", "detection_item", "field_name") for key in
                    ("conditions", "cond_op", "cond_not", "cond_expr"))  # fmt: skip
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "field_name_mapping": ("mapping",),
    "field_name_prefix_mapping": ("mapping",),
    "field_name_prefix": ("prefix",),
    "field_name_suffix": ("suffix",),
    "change_logsource": ("product", "category", "service"),
    "add_condition": ("conditions", "negated", "template", "name"),
    "hashes_fields": ("valid_hash_algos", "field_prefix", "drop_algo_prefix", "field_to_parse"),
    "value_placeholders": ("include", "exclude"),
    "wildcard_placeholders": ("include", "exclude"),
    "drop_detection_item": (),
    "set_value": ("value", "force_type"),
    "convert_type": ("target_type",),
    "rule_failure": ("message",),
    "detection_item_failure": ("message",),
    "set_state": ("key", "val"),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """One step with its conditions."""

    id: str
    when: When
    step: steps.Step | None
    """None of those that give placeholders their values: that is done as the rule is read."""
    rename: steps.Rename | None = None
    """Of those that rename fields: correlations name fields, too."""
    include: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()
    values: Mapping[str, Sequence[str]] | None = None
    """Of value_placeholders; None stands for a wildcard."""
    taxonomy: str = ""
    """That of the rules that the step is for, if it is not Sigma's own."""


@dataclass(slots=True)
class Pipelines:
    """Every step of every file. Without files nothing is changed."""

    placed: list[Placed] = field(default_factory=list)
    taxonomies: frozenset[str] = frozenset()
    """Those that a pipeline maps to Sigma's own."""

    def __bool__(self) -> bool:
        return bool(self.placed)

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "Pipelines":
        """Files, and the files of folders, by priority (0 first), then in the order given. Raises ConfigError."""
        problems: list[Problem] = []
        read = [_File(document, problems) for path in paths for p in yaml_files(path) for document in _documents(p, problems)]
        if problems:
            raise ConfigError(problems)
        ordered = sorted(read, key=lambda file: file.priority)
        return cls([p for file in ordered for p in file.placed], frozenset(f.taxonomy for f in ordered) - {"", "sigma", "ecs"})

    def reading(self, document: Document, given: Mapping[str, Sequence[str]]) -> Reading:
        """A document about to be read. Placeholders have the configuration's values or, for want of those, the pipelines'."""
        if not self.placed:
            return Reading(document, given)
        value = document.value if isinstance(document.value, Mapping) else {}
        source = value.get("logsource")
        parts = source if isinstance(source, Mapping) else {}
        logsource = Logsource(*(str(parts[p]).lower() if parts.get(p) else None for p in Logsource._fields))
        subject = Subject(value, [logsource], is_correlation="correlation" in value)
        applying = [p for p in self.placed if p.step is None and self._for(p, subject) and p.when.rule(subject)]
        return Reading(document, _Values(given, applying), self.taxonomies, pipelined=True)

    def _for(self, placed: Placed, subject: Subject) -> bool:
        return (placed.taxonomy or "sigma") == subject.taxonomy

    def applied(
        self, block: Block, filters: Sequence[Block], document: Mapping[str, Any], logsource: Logsource
    ) -> tuple[Tree, Logsource]:
        """What a rule and its filters come to, and the log source then. Raises Refused, also where nothing is left."""
        subject = Subject(document, [logsource], dict(block.selections))
        for n, filter_ in enumerate(filters):
            subject.selections |= {f"_filter_{n}_{name}": node for name, node in filter_.selections.items()}
        self._run(subject)
        if subject.taxonomy in self.taxonomies:
            self._all_mapped(subject.taxonomy, subject)
        own = Block({name: subject.selections[name] for name in block.selections}, block.conditions).tree()
        trees = [*_added(subject), own, *(_of_filter(subject, n, filter_) for n, filter_ in enumerate(filters))]
        whole = joined(trees, every=True)
        if whole is None:
            raise Refused("pipelines leave nothing of the rule", "drop fewer items")
        return whole, subject.logsources[0]

    def _run(self, subject: Subject) -> None:
        for placed in self.placed:
            if self._for(placed, subject) and placed.when.rule(subject):
                subject.applied.add(placed.id)
                if placed.step is not None:
                    placed.step(subject, placed.id)

    def _all_mapped(self, taxonomy: str, subject: Subject) -> None:
        """A field that no step of the taxonomy's pipeline touched has no meaning here."""
        ids = {p.id for p in self.placed if p.taxonomy == taxonomy}
        unmapped = [i.field for i in subject.items() if i.field is not None and i.applied.isdisjoint(ids)]
        if unmapped:
            text = f"field {unmapped[0]!r} of taxonomy {taxonomy!r} is not mapped"
            raise Refused(text, "add it to the pipeline of the taxonomy")

    def rename(self, correlation: Correlation, document: Mapping[str, Any], logsources: Sequence[Logsource]) -> None:
        """Give the fields that a correlation names the names that they have in its rules. Raises Refused."""
        subject = Subject(document, list(logsources), is_correlation=True)
        for placed in self.placed:
            if placed.taxonomy not in ("", "sigma") or not placed.when.rule(subject):
                continue
            subject.applied.add(placed.id)
            if placed.rename is not None:
                _rename(correlation, subject, placed)
            elif placed.step is not None:
                placed.step(subject, placed.id)


def _added(subject: Subject) -> Iterator[Tree | None]:
    for name, negated in subject.added:
        tree = tree_of(subject.selections[name])
        yield Not(tree) if tree is not None and negated else tree


def _of_filter(subject: Subject, number: int, filter_: Block) -> Tree | None:
    return Block({name: subject.selections[f"_filter_{number}_{name}"] for name in filter_.selections}, filter_.conditions).tree()


def _rename(correlation: Correlation, subject: Subject, placed: Placed) -> None:
    def many(name: str) -> Sequence[str]:
        found = placed.rename(name) if placed.rename and placed.when.name(subject, name) else None
        return [name] if found is None else found

    def one(name: str) -> str:
        found = many(name)
        if len(found) != 1:
            raise Refused(f"field {name!r} becomes {len(found)} fields, where one is needed", "map it to one")
        return found[0]

    aliases = {alias: {rule: one(name) for rule, name in table.items()} for alias, table in correlation.aliases.items()}
    groups = [new for name in correlation.group_by for new in ([name] if name in aliases else many(name))]
    correlation.aliases, correlation.group_by = aliases, tuple(groups)
    correlation.fields = tuple(map(one, correlation.fields))


class _Values(Mapping[str, Sequence[str]]):
    """Values of placeholders: the configuration's, then those of steps in their order."""

    def __init__(self, given: Mapping[str, Sequence[str]], placed: Sequence[Placed]) -> None:
        self._given, self._placed = given, placed

    def __getitem__(self, name: str) -> Sequence[str]:
        if name in self._given:
            return self._given[name]
        for p in self._placed:
            if (p.include is None or name in p.include) and name not in p.exclude:
                if p.values is None:
                    return ("*",)
                if name in p.values:
                    return p.values[name]
        raise KeyError(name)

    def __iter__(self) -> Any:
        return iter({**self._given, **{n: () for p in self._placed for n in p.values or ()}})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _documents(path: Path, problems: list[Problem]) -> list[Document]:
    try:
        return [document for document in load_file(path) if document.value is not None]
    except ConfigError as error:
        problems += error.problems
        return []


class _File:
    """One pipeline file as it is read."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self._document, self._problems = document, problems
        value = document.value if isinstance(document.value, Mapping) else {}
        if not isinstance(document.value, Mapping):
            self._problem((), "a pipeline is a mapping", "see pySigma's documentation of pipelines")
        for key in value:
            self._known(str(key))
        self.priority = value.get("priority", 0)
        if isinstance(self.priority, bool) or not isinstance(self.priority, int):
            self._problem(("priority",), f"priority is a whole number, not {self.priority!r}", "write a number")
            self.priority = 0
        ours = value.get("logweir")
        self.taxonomy = str(ours.get("taxonomy", "")) if isinstance(ours, Mapping) else ""
        self._vars = self._read_vars(value.get("vars"))
        listed = value.get("transformations", [])
        if not isinstance(listed, list):
            self._problem(("transformations",), "`transformations` is a list", "write `- type: ...` for each")
            listed = []
        placed = [self._placed(item, ("transformations", n)) for n, item in enumerate(listed)]
        self.placed = [p for p in placed if p is not None]

    def _problem(self, path: PathKey, text: str, remedy: str) -> None:
        self._problems.append(self._document.problem(path, text, remedy))

    def _known(self, key: str) -> None:
        if key in _SHAPING:
            self._problem((key,), f"`{key}` shapes a query, and here is none", "remove it")
        elif key not in _KEYS:
            self._problem((key,), f"unknown key {key!r}", nearest(key, _KEYS))

    def _read_vars(self, value: Any) -> dict[str, Sequence[str]]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._problem(("vars",), "`vars` is a mapping", "write names and their values")
            return {}
        return {str(name): [str(v) for v in (given if isinstance(given, list) else [given])] for name, given in value.items()}

    def _placed(self, item: Any, path: PathKey) -> Placed | None:
        if not isinstance(item, Mapping):
            self._problem(path, "a step is a mapping", "write `- type: ...`")
            return None
        try:
            return self._step(item, str(item.get("id") or f"step {path[-1]}"))
        except Refused as refused:
            self._problem(path, refused.text, refused.remedy)
            return None

    def _step(self, item: Mapping[str, Any], name: str) -> Placed:
        kind = str(item.get("type"))
        if kind not in _PARAMETERS:
            raise Refused(f"step {kind!r} is not one that changes a rule for a stream", nearest(kind, list(_PARAMETERS)))
        for key in item.keys() - {"id", "type", *_PARAMETERS[kind], *_CONDITIONS}:
            raise Refused(f"unknown parameter {key!r} of {kind!r}", nearest(str(key), (*_PARAMETERS[kind], *_CONDITIONS)))
        conditions = when(item)
        if kind.endswith("_placeholders"):
            return self._placeholders(item, name, conditions, kind)
        rename = _rename_of(kind, item)
        step = steps.renaming(conditions, rename) if rename else _step_of(kind, item, conditions, self._document)
        return Placed(name, conditions, step, rename, taxonomy=self.taxonomy)

    def _placeholders(self, item: Mapping[str, Any], name: str, conditions: When, kind: str) -> Placed:
        if not conditions.on_document_alone or any(key.startswith(("detection_item_", "field_name_")) for key in item):
            raise Refused(f"{kind!r} may hang on log source, tags and attributes of the rule only", "move the condition")
        include, exclude = item.get("include"), item.get("exclude")
        if include is not None and exclude is not None:
            raise Refused("`include` and `exclude` exclude each other", "remove one")
        return Placed(
            name,
            conditions,
            None,
            include=None if include is None else frozenset(map(str, include)),
            exclude=frozenset(map(str, exclude or ())),
            values=self._vars if kind == "value_placeholders" else None,
            taxonomy=self.taxonomy,
        )


def _rename_of(kind: str, item: Mapping[str, Any]) -> steps.Rename | None:
    match kind:
        case "field_name_mapping":
            return steps.mapped(item)
        case "field_name_prefix_mapping":
            return steps.mapped_by_prefix(item)
        case "field_name_prefix" | "field_name_suffix":
            return steps.extended(item, before=kind.endswith("prefix"))
    return None


def _step_of(kind: str, item: Mapping[str, Any], conditions: When, document: Document) -> steps.Step:
    match kind:
        case "change_logsource":
            return steps.logsource_changed(item)
        case "add_condition":
            return steps.condition_added(item, document)
        case "hashes_fields":
            return steps.hashes_split(conditions, item)
        case "drop_detection_item":
            return steps.each_item(conditions, lambda subject, dropped: None)
        case "set_value":
            return steps.value_set(conditions, item)
        case "convert_type":
            return steps.type_converted(conditions, item)
        case "rule_failure":
            return steps.failing(item)
        case "detection_item_failure":
            return steps.item_failing(conditions, item)
    return steps.state_set(item)
