"""What rule files hold: Sigma rules, filters and correlations, each read from one YAML document."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from router.detect.ir import Tree
from router.detect.selections import Block, Reading, written
from router.detect.views import Logsource
from router.documents import PathKey
from router.registry import nearest

LEVELS = ("informational", "low", "medium", "high", "critical")
_STATUS = ("stable", "test", "experimental", "deprecated", "unsupported")
_TAXONOMIES = ("sigma", "ecs")
_LOGSOURCE_PROSE = frozenset({"definition"})


@dataclass(slots=True, eq=False)
class Metadata:
    """What every document says about itself. Where it has no `id`, one is derived from its content."""

    id: str
    title: str
    level: str
    name: str
    author: str
    license: str
    description: str
    references: tuple[str, ...]
    tags: tuple[str, ...]
    falsepositives: tuple[str, ...]
    file: str
    line: int
    tests: tuple[tuple[int, Any], ...]
    """Each test as written under `tests` or `logweir.tests`, with its line."""


@dataclass(slots=True, eq=False)
class Rule(Metadata):
    """One Sigma rule. `alerts` is False where only a correlation refers to it and none of them says `generate: true`."""

    logsource: Logsource
    taxonomy: str
    tree: Tree
    alerts: bool = True
    custom: Mapping[str, Any] = field(default_factory=dict)
    """Keys that the specification does not know, kept as they are."""
    filters: list["Filter"] = field(default_factory=list)
    """Those that were applied to it."""
    block: Block | None = None
    """As it is written; only where pipelines change it."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The same of all of it."""


@dataclass(slots=True, eq=False)
class Filter(Metadata):
    """A Sigma filter: ANDed to the rules that it names (None: any) within its log source."""

    logsource: Logsource
    tree: Tree
    rules: tuple[str, ...] | None
    taxonomy: str
    place: tuple[int, int]
    block: Block | None = None
    """As it is written; only where pipelines change it."""


def alone(reading: Reading, kind: str) -> None:
    """A document is one thing. What else it says to be would be passed over without a word."""
    for other in ("detection", "correlation", "filter"):
        if other != kind and other in reading.document.value:
            reading.problem((other,), f"a document has `{kind}` or `{other}`, not both", "make two documents of it, with `---`")


def logsource_of(reading: Reading, path: PathKey = ("logsource",)) -> Logsource | None:
    """The log source of a document; None and a problem if it names none."""
    value = reading.document.value.get("logsource")
    if not isinstance(value, Mapping):
        reading.problem(path if "logsource" in reading.document.value else (), "a `logsource` is needed", "name a product")
        return None
    for key in value.keys() - set(Logsource._fields) - _LOGSOURCE_PROSE:
        reading.lint((*path, key), f"{key!r} is not used for routing", "use product, category and service")
    parts = [value.get(part) for part in Logsource._fields]
    if any(part is not None and not isinstance(part, str) for part in parts):
        reading.problem(path, "product, category and service must be text", "quote the value")
        return None
    if not any(parts):
        reading.problem(path, "a log source names a product, a category or a service", "`product: logweir` is every event")
        return None
    return Logsource(*(cast(str, part).lower() if part else None for part in parts))


def metadata(reading: Reading) -> Metadata:
    """The descriptive keys; a wrong type of one is a problem."""
    value = reading.document.value
    title = _text(reading, "title")
    if not title:
        reading.problem(("title",) if "title" in value else (), "a `title` is needed", "say in a few words what is seen")
    line = reading.document.place(())[0]
    return Metadata(
        id=_text(reading, "id") or str(uuid.uuid5(uuid.NAMESPACE_OID, repr(value))),
        title=title,
        level=_level(reading),
        name=_text(reading, "name"),
        author=_text(reading, "author"),
        license=_text(reading, "license"),
        description=_text(reading, "description"),
        references=_texts(reading, "references"),
        tags=_texts(reading, "tags"),
        falsepositives=_texts(reading, "falsepositives"),
        file=reading.document.file,
        line=line,
        tests=_tests(reading),
    )


def _tests(reading: Reading) -> tuple[tuple[int, Any], ...]:
    value = reading.document.value
    key = "tests" if "tests" in value else "logweir.tests"
    listed = value.get(key, [])
    if not isinstance(listed, list):
        return ((reading.document.place((key,))[0], listed),)
    return tuple((reading.document.place((key, i))[0], test) for i, test in enumerate(listed))


def _text(reading: Reading, key: str) -> str:
    value = reading.document.value.get(key)
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        reading.problem((key,), f"`{key}` must be text", "write one text")
        return ""
    return str(value).strip()


def _texts(reading: Reading, key: str) -> tuple[str, ...]:
    value = reading.document.value.get(key)
    listed = value if isinstance(value, list) else [] if value is None else [value]
    if any(isinstance(v, (dict, list)) for v in listed):
        reading.problem((key,), f"`{key}` must be a list of texts", "write one text per item")
        return ()
    return tuple(str(v) for v in listed if v is not None)


def _level(reading: Reading) -> str:
    value = reading.document.value.get("level", "medium")
    if value not in LEVELS:
        reading.problem(("level",), f"unknown level {value!r}", nearest(str(value), LEVELS))
    return str(value)


def rule(reading: Reading) -> Rule | None:
    """A rule, or None and the problems in `reading`."""
    value = reading.document.value
    about, logsource = metadata(reading), logsource_of(reading)
    taxonomy = _taxonomy(reading)
    if "status" in value and value["status"] not in _STATUS:
        reading.problem(("status",), f"unknown status {value['status']!r}", nearest(str(value["status"]), _STATUS))
    found = written(reading, value["detection"], ("detection",))
    tree = found.tree() if found is not None else None
    if tree is None or logsource is None or reading.problems:
        return None
    custom = {k: v for k, v in value.items() if k not in _KNOWN and k not in _TESTS}
    read = Rule(**fields_of(about), logsource=logsource, taxonomy=taxonomy, tree=tree, custom=custom)
    if reading.pipelined:
        read.block, read.document = found, value
    return read


def _taxonomy(reading: Reading) -> str:
    taxonomy = str(reading.document.value.get("taxonomy", "sigma"))
    if taxonomy not in _TAXONOMIES and taxonomy not in reading.taxonomies:
        remedy = "use `sigma` or `ecs` field names, or a pipeline with `logweir: {taxonomy: ...}` that maps it"
        reading.problem(("taxonomy",), f"taxonomy {taxonomy!r} has no mapping", remedy)
    return taxonomy


_TESTS = ("tests", "logweir.tests")
_KNOWN = frozenset(
    {"title", "id", "name", "related", "taxonomy", "status", "level", "logsource", "detection", "fields", "tags", "scope"}
    | {"description", "references", "author", "date", "modified", "license", "falsepositives"}
)


def fields_of(about: Metadata) -> dict[str, Any]:
    """The descriptive fields by name, for what builds on them."""
    return {name: getattr(about, name) for name in Metadata.__slots__}


def filter_(reading: Reading) -> Filter | None:
    """A filter, or None and the problems in `reading`."""
    value = reading.document.value["filter"]
    alone(reading, "filter")
    about, logsource = metadata(reading), logsource_of(reading)
    found, taxonomy = written(reading, value, ("filter",)), _taxonomy(reading)
    tree = found.tree() if found is not None else None
    rules = _filtered(reading, value) if isinstance(value, Mapping) else ()
    if isinstance(value, Mapping) and isinstance(value.get("condition"), list):
        reading.problem(("filter", "condition"), "a filter has one condition", "join them with `or`")
    if tree is None or logsource is None or reading.problems:
        return None
    if not re.search(r"\bnot\b", str(value["condition"]), re.IGNORECASE):
        reading.lint(("filter", "condition"), "the filter is ANDed to the rule: without `not` only what it selects stays")
    return Filter(
        **fields_of(about),
        logsource=logsource,
        tree=tree,
        rules=rules,
        taxonomy=taxonomy,
        place=reading.document.place(("filter", "rules")),
        block=found if reading.pipelined else None,
    )


def _filtered(reading: Reading, value: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The rules of a filter; `any` (and an empty list, as pySigma reads it) is None: all of its log source."""
    rules = value.get("rules")
    if rules == [] or (isinstance(rules, str) and rules.lower() == "any"):
        return None
    listed = rules if isinstance(rules, list) else [rules]
    if not all(isinstance(r, str) for r in listed):
        reading.problem(("filter", "rules"), "a filter needs `rules`", "list ids or names, or write `any`")
        return ()
    return tuple(listed)
