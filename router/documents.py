"""YAML as people write it here: positions of every key kept, duplicate keys refused, depth and what aliases repeat bounded."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import yaml

from router.errors import ConfigError, Problem

PathKey: TypeAlias = tuple[str | int, ...]
MAX_BYTES, MAX_DEPTH = 5 << 20, 24
_KINDS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_QUOTES = ("'", '"')
_MERGE = "tag:yaml.org,2002:merge"
MAX_REPEATED, _NODE_CHARACTERS = 1 << 20, 8
"""What aliases may repeat in one document, in characters; each node counts as some more."""
_scalar = yaml.constructor.SafeConstructor()


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain value, and where each key and item stands (1-based line and column)."""

    file: str
    value: Any
    places: dict[PathKey, tuple[int, int]]
    written: dict[PathKey, str] = field(default_factory=dict)
    """Numbers and truths that do not look like what YAML 1.1 reads in them, as they are written: `0x10`, `12:30`, `010`, `no`."""
    texts: dict[PathKey, tuple[int, int]] = field(default_factory=dict)
    """Where the text of a value begins that stands on one line (behind its quote, if it has one)."""

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
            walk = _Walk(name)
            documents.append(Document(name, walk.value(node, ()), walk.places, walk.written, walk.texts))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError([Problem(name, line, "", f"not YAML: {error.problem}", _remedy(text, line), column)]) from error
    except yaml.reader.ReaderError as error:
        raise ConfigError([_unprintable(text, name)]) from error
    finally:
        loader.dispose()
        _scalar.constructed_objects.clear()  # it remembers every node
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


class _Walk:
    """From the nodes of one document to its value. What an alias repeats has the places of what it names: there it is written."""

    def __init__(self, name: str) -> None:
        self.places: dict[PathKey, tuple[int, int]] = {}
        self.written: dict[PathKey, str] = {}
        self.texts: dict[PathKey, tuple[int, int]] = {}
        self._name = name
        self._seen, self._open = set[int](), set[int]()
        self._repeated = 0

    def value(self, node: Any, path: PathKey) -> Any:
        """The plain value of a node. Raises ConfigError."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self.places.setdefault(path, (line, column))
        if len(path) > MAX_DEPTH:
            raise self._refused(node, path, f"nested deeper than {MAX_DEPTH}", "flatten it")
        if id(node) in self._seen:
            self._count(node, path)
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _KINDS:
            raise self._refused(node, path, f"tag {node.tag} means nothing here", "leave it out")
        return self._below(node, path)

    def _scalar(self, node: Any, path: PathKey) -> Any:
        value = _value(node, path, self._name)
        if isinstance(value, (int, float)) and node.value.lower() != str(value).lower():
            self.written[path] = node.value
        elif node.end_mark.line == node.start_mark.line:
            self.texts.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1 + (node.style in _QUOTES)))
        return value

    def _below(self, node: Any, path: PathKey) -> Any:
        if id(node) in self._open:
            raise self._refused(node, path, "an alias stands inside of what it names", "write it out")
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node, path)
        else:
            value = [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        self._open.discard(id(node))
        return value

    def _count(self, node: Any, path: PathKey) -> None:
        """A few aliases of aliases stand for billions of nodes."""
        self._repeated += _NODE_CHARACTERS + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if self._repeated > MAX_REPEATED:
            raise self._refused(node, path, f"YAML aliases repeat more than {MAX_REPEATED} characters", "write it out")

    def _mapping(self, node: Any, path: PathKey) -> dict[Any, Any]:
        """Its keys, and those of the mappings that it merges (`<<`), as far as it has not got them itself."""
        found: dict[Any, Any] = {}
        merges = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merges.append((key_node, value_node))
                continue
            key = _value(key_node, path, self._name) if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key in found:
                twice = f"key {key_node.value!r} stands twice", "remove one"
                raise self._refused(key_node, path, *(twice if key in found else ("a key must be text", "put it in quotes")))
            below = (*path, key)
            self.places.setdefault(below, (key_node.start_mark.line + 1, key_node.start_mark.column + 1))
            found[key] = self.value(value_node, below)
        for key_node, value_node in merges:
            for other in self._merged(key_node, value_node, path):
                for key, value in other.items():
                    found.setdefault(key, value)
        return found

    def _merged(self, key_node: Any, node: Any, path: PathKey) -> list[dict[Any, Any]]:
        """The mappings to merge, the first before the others (YAML 1.1, "Merge Key Language-Independent Type")."""
        listed = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(one, yaml.MappingNode) for one in listed):
            raise self._refused(key_node, path, "`<<` merges mappings only", "name a mapping, or a list of them")
        return [self.value(one, path) for one in listed]

    def _refused(self, node: Any, path: PathKey, text: str, remedy: str) -> ConfigError:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        return ConfigError([Problem(self._name, line, dotted(path), text, remedy, column)])


def _value(node: Any, path: PathKey, name: str) -> Any:
    try:
        return _scalar.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        reason = getattr(error, "problem", None) or error  # the whole of YAML's errors takes several lines
        raise ConfigError(
            [Problem(name, line, dotted(path), f"bad value {node.value!r}: {reason}", "quote it", column)]
        ) from error
