"""What holds for the folder: every sink inherits the contract, and adding one is adding one file and its test."""

import importlib
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sinks
from router.config import SINKS
from router.config_schema import json_schema
from tests.contract.sink import SinkContract

ROOT = Path(__file__).parents[2]
KINDS = [m.name for m in pkgutil.iter_modules(sinks.__path__) if not m.name.startswith("_")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sink_inherits_the_contract(kind: str) -> None:
    module = importlib.import_module(f"tests.sinks.test_{kind}")
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, SinkContract)]
    assert [c for c in classes if c.__name__.startswith("Test") and c.__module__ == module.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sink_is_found_has_a_page_and_explains_its_settings(kind: str) -> None:
    assert kind in SINKS.kinds()
    assert len(SINKS.page(kind)) > 200
    fields = SINKS.spec(kind).settings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_a_sink_that_is_added_as_one_file_is_found_validated_and_described(tmp_path: Path) -> None:
    """In a copy of the tree, by another process: nothing but the file is new."""
    for package in ("router", "sinks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "sinks/file.py", tmp_path / "sinks/ledger_book.py")
    (tmp_path / "c.yaml").write_text("sinks:\n  mine: {kind: ledger_book, path: x}\n  bad: {kind: ledger_book, pat: x}\n")
    program = (
        "from pathlib import Path\nfrom router.config import SINKS, load\nfrom router.config_schema import json_schema\nfrom router.errors import ConfigError\n"
        "assert 'ledger_book' in SINKS.kinds()\nassert 'sink.ledger_book.Choice' in json_schema()['$defs']\n"
        "try:\n    load(Path('c.yaml'))\nexcept ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert "did you mean 'path'" in done.stdout, done.stderr
    assert "sinks.mine" not in done.stdout


def test_the_schema_describes_every_sink() -> None:
    blocks = json_schema()["properties"]["sinks"]["additionalProperties"]["oneOf"]
    assert {block["properties"]["kind"]["const"] for block in blocks} >= set(KINDS)
