"""YAML as people write it here: positions of every key kept, aliases and duplicate keys refused, depth bounded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import yaml

from router.errors import ConfigError, Problem

PathKey: TypeAlias = tuple[str | int, ...]
MAX_BYTES, MAX_DEPTH = 5 << 20, 24
_KINDS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_scalar = yaml.constructor.SafeConstructor()


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain value, and where each key and item stands (1-based line and column)."""

    file: str
    value: Any
    places: dict[PathKey, tuple[int, int]]

    def place(self, path: PathKey) -> tuple[int, int]:
        """Line and column of `path`, or of its nearest parent that is written down."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def problem(self, path: PathKey, text: str, remedy: str = "") -> Problem:
        line, column = self.place(path)
        return Problem(self.file, line, dotted(path), text, remedy, column)


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of one test that stands inside a rule file, whatever kind of rule it is."""

    __test__: ClassVar[bool] = False  # for pytest: no test class

    file: str
    line: int
    name: str
    passed: bool
    detail: str = ""


def dotted(path: PathKey) -> str:
    """("sinks", "soc", "urls", 0) -> "sinks.soc.urls[0]"."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def yaml_files(path: Path) -> list[Path]:
    """The `.yaml` and `.yml` files of a folder and what is below it, sorted; a file is itself.

    What is hidden is passed over: a mounted ConfigMap keeps its files twice, once below a folder that starts with dots.
    """
    if not path.is_dir():
        return [path]
    found = (p for p in path.rglob("*.y*ml") if p.suffix in (".yaml", ".yml") and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts))


def load_file(path: Path, name: str = "") -> list[Document]:
    """Every document of a file. Raises ConfigError with the place of the first thing that is not readable YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError([Problem(name or str(path), 1, "", f"larger than {MAX_BYTES} bytes", "split it")])
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = (error.strerror, "check the path") if isinstance(error, OSError) else ("not UTF-8 text", "save it as UTF-8")
        raise ConfigError([Problem(name or str(path), 1, "", f"cannot be read: {told[0]}", told[1])]) from error
    return load_text(text, name or str(path))


def load_text(text: str, name: str) -> list[Document]:
    """Every document of a text; `name` stands for the file in messages."""
    loader = yaml.CSafeLoader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            places: dict[PathKey, tuple[int, int]] = {}
            documents.append(Document(name, _plain(node, (), places, name, set()), places))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError([Problem(name, line, "", f"not YAML: {error.problem}", _remedy(text, line), column)]) from error
    except yaml.reader.ReaderError as error:
        raise ConfigError([_unprintable(text, name)]) from error
    finally:
        loader.dispose()
    return documents


def _remedy(text: str, line: int) -> str:
    """A line that is indented with a tab looks right to whoever wrote it."""
    broken = text.split("\n")[line - 1 : line]
    indented = any("\t" in words[: len(words) - len(words.lstrip())] for words in broken)
    return "indent with blanks, not tabs" if indented else "mend the syntax"


def _unprintable(text: str, name: str) -> Problem:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    before = text[: found.start()] if found else ""
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Problem(name, line, "", f"character {found[0]!r} is not allowed" if found else "not YAML", "remove it", column)


def _plain(node: Any, path: PathKey, places: dict[PathKey, tuple[int, int]], name: str, seen: set[int]) -> Any:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    places.setdefault(path, (line, column))
    if len(path) > MAX_DEPTH:
        raise ConfigError([Problem(name, line, dotted(path), f"nested deeper than {MAX_DEPTH}", "flatten it", column)])
    if not isinstance(node, yaml.ScalarNode):
        if id(node) in seen:
            raise ConfigError([Problem(name, line, dotted(path), "YAML aliases are not allowed", "write it out", column)])
        seen.add(id(node))
        if node.tag not in _KINDS:
            raise ConfigError([Problem(name, line, dotted(path), f"tag {node.tag} means nothing here", "leave it out", column)])
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, path, places, name, seen))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), places, name, seen) for i, item in enumerate(node.value)]
    return _value(node, path, name)


def _pairs(
    node: Any, path: PathKey, places: dict[PathKey, tuple[int, int]], name: str, seen: set[int]
) -> Iterator[tuple[Any, Any]]:
    keys = set()
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        key = _value(key_node, path, name) if isinstance(key_node, yaml.ScalarNode) else None
        if key is None or key in keys:
            twice = f"key {key_node.value!r} stands twice", "remove one"
            told = twice if key in keys else ("a key must be text", "put it in quotes")
            raise ConfigError([Problem(name, line, dotted(path), *told, column)])
        keys.add(key)
        below = (*path, key)
        places[below] = (line, column)
        yield key, _plain(value_node, below, places, name, seen)


def _value(node: Any, path: PathKey, name: str) -> Any:
    try:
        return _scalar.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if node.tag == "tag:yaml.org,2002:merge":
            raise ConfigError(
                [Problem(name, line, dotted(path), "YAML merge keys are not allowed", "write it out", column)]
            ) from error
        reason = getattr(error, "problem", None) or error  # the whole of YAML's errors takes several lines
        raise ConfigError(
            [Problem(name, line, dotted(path), f"bad value {node.value!r}: {reason}", "quote it", column)]
        ) from error
