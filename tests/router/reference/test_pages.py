"""The reference says what the code does, and the committed pages are those of this code."""

from pathlib import Path

import pytest
import typer

from router import telemetry
from router.cli import app
from router.config import SINKS, SOURCES
from router.detect import Ruleset
from router.normalize import Catalogue
from router.reduce import NoiseRules
from router.reference import MADE_BY, all_pages, write
from router.reference.markdown import table
from router.reference.settings import settings_table, type_of

COMMITTED = Path(__file__).parents[3] / "deploy/reference"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return all_pages(typer.main.get_command(app))


def test_the_committed_pages_are_those_of_this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that has no page yet was just added, as one file and its test: `make reference` lists it."""
    there = {p.relative_to(COMMITTED).as_posix(): p.read_text("utf-8") for p in COMMITTED.rglob("*.md")}
    for section, registry in (("sources", SOURCES), ("sinks", SINKS)):
        told = [kind for kind in registry.kinds() if f"{section}/{kind}.md" in there]
        monkeypatch.setattr(registry, "kinds", lambda told=told: told)
    pages = all_pages(typer.main.get_command(app))
    stale = [place for place in {*there, *pages} if there.get(place) != pages.get(place)]
    assert not stale, f"stale: {sorted(stale)}; run `make reference` and commit the result"


def test_every_kind_of_source_and_sink_has_a_page_with_all_its_keys(pages: dict[str, str]) -> None:
    for section, registry in (("sources", SOURCES), ("sinks", SINKS)):
        for kind in registry.kinds():
            page = pages[f"{section}/{kind}.md"]
            assert registry.page(kind).splitlines()[0] in page
            for name, field in registry.spec(kind).settings.model_fields.items():
                assert f"| `{field.alias or name}` |" in page


def test_every_metric_is_there_by_the_name_that_is_served(pages: dict[str, str]) -> None:
    served = {sample.name for family in telemetry.REGISTRY.collect() for sample in family.samples}
    for family in telemetry.REGISTRY.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"| `{name}` | {family.type} |" in pages["metrics.md"]
    assert "logweir_process_read_events_total" in served
    assert "| `logweir_process_read_events_total` | counter |" in pages["metrics.md"]


def test_every_rule_that_ships_is_there(pages: dict[str, str]) -> None:
    for normalizer in Catalogue.load().ids():
        assert f"\n## `{normalizer}`\n" in pages["normalizers.md"]
    shipped = Ruleset.load([])
    for rule in (*shipped.rules, *shipped.correlations):
        assert f"| `{rule.id}` | {rule.title} | {rule.level} |" in pages["detections.md"]
    for noise in NoiseRules.load().rules:
        assert f"| `{noise.id}` |" in pages["noise.md"]


def test_commands_of_groups_are_there_with_their_options(pages: dict[str, str]) -> None:
    assert "\n## `logweir dlq peek STAGE`\n" in pages["commands.md"]
    assert "| `--config`, `-c` | `logweir.yaml` |" in pages["commands.md"]


def test_the_index_links_to_every_page(pages: dict[str, str]) -> None:
    assert all(f"]({place})" in pages["README.md"] for place in pages if place != "README.md")


def test_writing_removes_pages_of_ours_that_are_none_any_more_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text(MADE_BY + "# Old\n")
    (tmp_path / "mine.md").write_text("# Mine\n")
    write({"sinks/new.md": MADE_BY + "# New\n"}, tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.md")) == ["mine.md", "sinks/new.md"]


def test_what_would_end_a_cell_is_escaped() -> None:
    assert table(["a"], [["x | y\nz"]]) == "| a |\n|---|\n| x \\| y z |\n"


def test_keys_of_mappings_inside_are_dotted_and_needed_ones_say_so() -> None:
    inner = {"properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How deep."}}}
    block = {"properties": {"well": {"type": "array", "items": {"$ref": "#/$defs/Well"}}}, "required": ["well"]}
    text = settings_table(block, {"Well": inner})
    assert "| `well` | list of mapping | needed |  |" in text
    assert "| `well[].depth` | whole number, at least 1, at most 9 | `3` | How deep. |" in text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "format": "password"}, "secret: `${NAME}` or `${file:PATH}`"),
        ({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, "number, more than 0"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
        ({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}, "mapping to list of text"),
        ({"type": "integer", "maximum": 15728640}, "whole number, at most 15728640"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, object], words: str) -> None:
    assert type_of(schema) == words
