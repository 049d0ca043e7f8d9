"""A shipped normalizer that is read when somebody has to choose, and compiled when the first line asks for it.

Reading all of them takes half a second, which a process that receives or delivers does without; compiling them takes seconds and
tens of megabytes, and a site uses a few. That every shipped file compiles, is free of what lints find, and is named by its id, is
what the tests hold; files of a user are compiled before the router starts, so that their problems come at once.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from router.batch import Event
from router.documents import Document, load_text, yaml_files
from router.errors import ConfigError
from router.normalize.compiler import compile_document
from router.normalize.definition import Definition
from router.normalize.identify import Identity, read_identity
from router.normalize.line import Line
from router.normalize.normalizer import Ignored, Normalizer

_TESTS = "\ntests:"
"""Where the second half of a file begins."""


class Deferred:
    """Stands for a Normalizer, whose every attribute it has. The file is read again when it is compiled."""

    def __init__(self, file: Path) -> None:
        self.id, self.file = file.stem, str(file)
        self._path = file
        self._made: Normalizer | None = None

    @cached_property
    def identity(self) -> Identity:
        """What it takes to be chosen. Raises ConfigError where the file does not say that well."""
        definition = Definition(self._document(), self._path.parent)
        identity = read_identity(definition, set())
        if definition.problems:
            raise ConfigError(definition.problems)
        return identity

    def _document(self) -> Document:
        """The file without its tests, which are half of it: that they are there, and hold, is what our own tests see to."""
        text = self._path.read_text("utf-8").partition(_TESTS)[0]
        return load_text(f"{text}{_TESTS} [{{raw: x}}]\n", self.file)[0]

    @cached_property
    def wants(self) -> Callable[[str, Mapping[str, str]], bool]:
        """As Normalizer.wants."""
        return self.identity.tester()

    def run(self, x: Line) -> list[Event] | Ignored | None:
        """As Normalizer.run; the first call compiles."""
        made = self._made
        return made.run(x) if made is not None else self.compiled().run(x)

    def compiled(self) -> Normalizer:
        """The normalizer itself. Raises ConfigError when its file does not compile."""
        if self._made is None:
            made, problems = compile_document(self._document(), self._path.parent, trusted=True)
            if made is None:
                raise ConfigError(problems)
            self._made = made
        return self._made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.compiled(), name)


Candidate: TypeAlias = Normalizer | Deferred


def shipped(folder: Path) -> list[Candidate]:
    """A normalizer for each file of a folder, none of them compiled."""
    return [Deferred(file) for file in yaml_files(folder)]


def compiled(candidate: Candidate) -> Normalizer:
    """The normalizer itself."""
    return candidate.compiled() if isinstance(candidate, Deferred) else candidate
