"""The rules in force: read from files, linked, indexed by log source, matched."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from router.batch import Event
from router.detect.correlation import Correlation, correlation
from router.detect.engine import Engine, Options
from router.detect.ir import Tree
from router.detect.joint import Joint
from router.detect.linking import link
from router.detect.modifiers import Placeholders
from router.detect.pipelines import Pipelines
from router.detect.rules import Filter, Rule, filter_, rule
from router.detect.selections import Reading
from router.documents import Document, load_file, yaml_files
from router.errors import ConfigError, Problem
from rules import ROOT

BUILTIN = ("detect", "correlate", "risk")
T = TypeVar("T")


class _Read(NamedTuple):
    rules: list[Rule]
    filters: list[Filter]
    correlations: list[Correlation]
    problems: list[Problem]
    lints: list[Problem]
    starts: dict[str, list[int]]
    """File -> the lines where its documents start."""

    def left_out(self, problems: Iterable[Problem]) -> int:
        """How many documents the problems are in; a file that cannot be read is one."""
        return len({(p.file, bisect_right(self.starts.get(p.file, ()), p.line)) for p in problems})


class Ruleset:
    """Rules and correlations in force. Matching is a pure function of the event."""

    rules: list[Rule]
    correlations: list[Correlation]
    refused: list[Problem]
    """Why rules were left out; empty unless loaded with `strict=False`."""
    left_out = 0
    """How many rules, filters and correlations that is."""
    lints: list[Problem]
    """What is exact but odd."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation] = (),
        refused: Sequence[Problem] = (),
        lints: Sequence[Problem] = (),
        options: Options = Options(),  # noqa: B008 (frozen)
    ) -> None:
        self.rules, self.correlations = list(rules), list(correlations)
        self.refused, self.lints = sorted(refused), sorted(lints)
        self.disabled = frozenset[str]()
        """Ids and names that were turned off."""
        self._options = options
        self._engine = Engine(self.rules, options)

    @classmethod
    def load(
        cls,
        paths: Sequence[Path],
        *,
        placeholders: Mapping[str, Sequence[str]] | None = None,
        disable: Collection[str] = (),
        builtin: bool = True,
        strict: bool = True,
        pipelines: Sequence[Path] = (),
        options: Options = Options(),  # noqa: B008 (frozen)
    ) -> "Ruleset":
        """Read files and folders (`*.yml`, `*.yaml`, recursively), and the rules that ship with Logweir.

        `pipelines` are files and folders of processing pipelines, which change rules as they are loaded.
        Raises ConfigError with every problem; with `strict=False` keeps what is exact and lists the rest in `refused`.
        """
        changes = Pipelines.load(pipelines)
        read = _read_all([*(_builtin() if builtin else ()), *rule_files(paths)], placeholders or {}, changes)
        linked = link(read.rules, read.filters, read.correlations, frozenset(disable), changes)
        problems = [*read.problems, *linked.problems]
        if problems and strict:
            raise ConfigError(problems)
        made = cls(linked.rules, linked.correlations, problems, [*read.lints, *linked.lints], options)
        made.left_out = read.left_out(problems)
        there = (*read.rules, *read.filters, *read.correlations)
        made.disabled = frozenset(disable).intersection(name for one in there for name in (one.id, one.name))
        return made

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> Sequence[Rule]:
        """The rules that the event satisfies, in the order in which they were loaded.

        `raw` is the payload that the event was made from, if it alone was: keywords search it too, unless it is JSON or XML.
        `encoded` is the event as `orjson.dumps` writes it, if that was done already: it saves doing it again.
        """
        return self._engine.match(event, raw, encoded)

    def joined(self, owners: Sequence[tuple[T, Tree | None]]) -> Joint[T]:
        """These rules and the selections of other owners, asked together."""
        return Joint(self.rules, owners, self._options)

    def match_batch(
        self, events: Sequence[Event], raws: Sequence[bytes] | None = None, encoded: Sequence[bytes] | None = None
    ) -> list[Sequence[Rule]]:
        """`match` for each of a batch, cheaper. Between batches, buckets that were compiled meanwhile are put to use."""
        return self._engine.match_batch(events, raws, encoded)

    def visible(self, event: Event) -> list[Rule]:
        """The rules of the event's log sources, whether they match or not."""
        return self._engine.visible(event)


def _builtin() -> Iterator[tuple[Path, str]]:
    for folder in BUILTIN:
        for path, _ in rule_files([ROOT / folder] if (ROOT / folder).is_dir() else []):
            yield path, f"rules/{path.relative_to(ROOT).as_posix()}"


def rule_files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The rule files below paths, each once however often it is named, with its name (the last one) in messages."""
    files = {whole / file.relative_to(path): file for path in paths for whole in (path.resolve(),) for file in yaml_files(path)}
    yield from ((file, str(file)) for file in files.values())


def _read_all(paths: Sequence[tuple[Path, str]], placeholders: Placeholders, pipelines: Pipelines) -> _Read:
    read = _Read([], [], [], [], [], {})
    for path, name in paths:
        try:
            documents = load_file(path, name)
        except ConfigError as error:
            read.problems.extend(error.problems)
            continue
        read.starts[name] = [document.place(())[0] for document in documents]
        for document in documents:
            _read(document, placeholders, pipelines, read)
    return read


def _read(document: Document, placeholders: Placeholders, pipelines: Pipelines, into: _Read) -> None:
    if document.value is None:
        return
    reading = pipelines.reading(document, placeholders)
    found = _dispatch(reading)
    into.problems.extend(reading.problems)
    into.lints.extend(reading.lints)
    if reading.problems:
        return
    if isinstance(found, Rule):
        into.rules.append(found)
    elif isinstance(found, Filter):
        into.filters.append(found)
    elif isinstance(found, Correlation):
        into.correlations.append(found)


def _dispatch(reading: Reading) -> Rule | Filter | Correlation | None:
    value = reading.document.value
    if not isinstance(value, dict):
        reading.problem((), "a rule is a mapping", "see the Sigma rule format")
    elif "action" in value:
        reading.problem(("action",), "`action` documents left the language", "write every rule in full")
    elif "correlation" in value:
        return correlation(reading)
    elif "filter" in value:
        return filter_(reading)
    elif "detection" in value:
        return rule(reading)
    else:
        reading.problem((), "neither `detection` nor `correlation` nor `filter` is there", "see the Sigma rule format")
    return None
