"""The picture of imports in router/README.md is the truth."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = re.search(r"```imports\n(.*?)```", (ROOT / "router/README.md").read_text("utf-8"), re.DOTALL)[1].split()  # type: ignore[index]  # a match is part of the test


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def unit_of(module: str) -> str:
    """The entry of the picture that a module belongs to: itself, or the package below `router` that holds it."""
    return ".".join(module.split(".")[:2])


def imports(path: Path) -> set[str]:
    """Modules of the product that a file imports at its top level (imports inside functions are late on purpose)."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"router.{alias.name}" for alias in node.names if node.module == "router"}
            found |= {node.module} | {name for name in below if name in ORDER}
    return {name for name in found if name.split(".")[0] in ("router", "sinks")}


MODULES = sorted((ROOT / "router").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_a_module_of_the_router_imports_only_what_stands_above_it(path: Path) -> None:
    here = unit_of(module_of(path))
    if here == "router":
        assert not imports(path)
        return
    assert here in ORDER, f"{here} is missing in the picture"
    for name in imports(path):
        unit = unit_of(name)
        assert unit in (here, "router") or (unit in ORDER and ORDER.index(unit) < ORDER.index(here)), f"{here} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "sinks").rglob("*.py")), ids=module_of)
def test_a_sink_imports_nothing_below_the_seams(path: Path) -> None:
    allowed = {"router", *ORDER[: ORDER.index("router.telemetry") + 1]}
    for name in imports(path):
        assert name.startswith("sinks") or unit_of(name) in allowed, f"imports {name}"


def test_everything_in_the_picture_exists() -> None:
    units = {unit_of(module_of(p)) for p in MODULES} - {"router"}
    assert units == set(ORDER)


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [
        p for folder in ("router", "sinks", "tests", "benchmarks") for p in (ROOT / folder).rglob("*.py") if p.stem in vague
    ]
