"""Holds mutants of the product against the battery, each in a process of its own.

Run as a module it is such a process: `python -m tests.conformance.detection.mutation FOLDER MODULE`, the module's new source
on standard input; exit 0 if nothing was noticed, 3 if something was, 4 if the mutant fails.
"""

import ast
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.detection.mutants import NAMED, Mutant

SURVIVED, NOTICED, FAILED = 0, 3, 4
_SECONDS, _AT_ONCE = 300, 2


class Source(NamedTuple):
    """A module as it shall be instead, and what is wrong with it."""

    module: str
    text: str
    fault: str


class Outcome(NamedTuple):
    """What became of a mutant: survived, noticed or failed (which is noticed as well), and how."""

    source: Source
    code: int
    said: str


def source_of(module: str) -> str:
    """The text of a module of the product."""
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).read_text("utf-8")


def named(mutants: Sequence[Mutant] = NAMED) -> tuple[list[Source], list[Mutant]]:
    """The sources of the mutants, and the mutants whose line is no longer there."""
    texts = {module: source_of(module) for module in {m.module for m in mutants}}
    there = [m for m in mutants if m.find in texts[m.module]]
    sources = [Source(m.module, texts[m.module].replace(m.find, m.replace), f"{m.module}: {m.fault}") for m in there]
    return sources, [m for m in mutants if m not in there]


def drawn(modules: Sequence[str], count: int, chance: random.Random) -> list[Source]:
    """Mutants that nobody chose: one operator or number of a module changed."""
    every = [source for module in modules for source in _changes(module)]
    return chance.sample(every, min(count, len(every)))


_OPPOSITE: dict[type[ast.AST], type[Any]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


def _changes(module: str) -> Iterator[Source]:
    text = source_of(module)
    for number in range(sum(1 for _ in _spots(ast.parse(text)))):
        tree = ast.parse(text)
        node, what = list(_spots(tree))[number]
        _change(node)
        yield Source(module, ast.unparse(ast.fix_missing_locations(tree)), f"{module}:{node.lineno}: {what}")


def _spots(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPPOSITE:
                    yield node, f"the comparison in `{ast.unparse(node)}` changed"
                elif isinstance(node, ast.BoolOp):
                    yield node, f"and, or changed over in `{ast.unparse(node)}`"
                elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                    yield node, f"`{ast.unparse(node)}` taken for its opposite"
                elif isinstance(node, ast.IfExp):
                    yield node, f"branches changed over in `{ast.unparse(node)}`"


def _change(node: Any) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = _OPPOSITE[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp):
        node.op = _OPPOSITE[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    else:
        node.body, node.orelse = node.orelse, node.body


def run(sources: Sequence[Source], folder: Path) -> list[Outcome]:
    """Every mutant held against the battery in `folder`."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda source: _held(source, folder), sources))


def _held(source: Source, folder: Path) -> Outcome:
    command = [sys.executable, "-m", "tests.conformance.detection.mutation", str(folder), source.module]
    try:
        done = subprocess.run(command, input=source.text.encode(), capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(source, FAILED, "it does not end")
    code = done.returncode if done.returncode in (SURVIVED, NOTICED) else FAILED
    said = (done.stdout or done.stderr[-300:]).decode(errors="replace")
    return Outcome(source, code, said.strip())


class _Instead(MetaPathFinder):
    """Finds the new source when the module is imported."""

    def __init__(self, module: str, text: str) -> None:
        self._module, self._text = module, text

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, _Text(self._text)) if fullname == self._module else None


class _Text(SourceLoader):
    """Loads a module from a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_filename(self, fullname: str) -> str:
        return f"<mutant of {fullname}>"

    def get_data(self, path: Any) -> bytes:
        return self._text.encode()


def _without_native(folder: Path) -> str:
    """What is noticed where literals are found without the matcher in C."""
    from router.detect.engine import native
    from tests.conformance.detection.battery import noticed

    native._kind = lambda: None  # type: ignore[assignment]  # as where it was not built
    return noticed(folder)


def _main(folder: str, module: str) -> int:
    sys.meta_path.insert(0, _Instead(module, sys.stdin.read()))
    from tests.conformance.detection.battery import noticed
    from tests.conformance.detection.correlations import first_wrong

    said = first_wrong() if module.startswith("router.correlate.") else noticed(Path(folder)) or _without_native(Path(folder))
    print(said)
    return NOTICED if said else SURVIVED


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2]))
