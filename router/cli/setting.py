"""Which rules and normalizers a command about rules speaks of, and the options that say so."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from router.cli.rulefiles import present, rule_files

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Paths = Annotated[list[Path], typer.Argument(help="Rule files or folders.")]
Rules = Annotated[list[Path] | None, typer.Option("--rules", help="More rules: files or folders; repeatable.")]
RuleName = Annotated[str, typer.Argument(help="A rule file, or the id or title of a rule.")]
MaybeConfig = Annotated[
    Path | None, typer.Option("--config", "-c", help="A configuration: its rules, normalizers and placeholders too.")
]
Events = Annotated[
    list[Path] | None, typer.Option("--events", help="Raw records whose fields count as provided too; repeatable.")
]


class Setting:
    """The rules and normalizers that a command speaks of: those of a configuration, and those that it names itself."""

    def __init__(self, config: Path | None, rules: Sequence[Path] | None) -> None:
        from router.config import load

        settings = load(config).rules if config else None
        self.rules: list[Path] = [*(settings.detections() if settings else ()), *rule_files(rules or ())]
        self.placeholders: dict[str, Sequence[str]] = dict(settings.placeholders) if settings else {}
        self.pipelines: Sequence[Path] = settings.pipelines if settings else ()
        self.normalizers: tuple[Path, ...] = settings.normalize if settings else ()
        self.disable: tuple[str, ...] = settings.disable if settings else ()
        self.builtin = settings.builtin if settings else True

    def ruleset(self, *, builtin: bool) -> Any:
        """Everything that is exact; what is refused is in `refused`."""
        from router.detect import Ruleset

        return Ruleset.load(
            self.rules,
            placeholders=self.placeholders,
            disable=self.disable,
            builtin=builtin,
            strict=False,
            pipelines=self.pipelines,
        )

    def supply(self, events: Sequence[Path] | None) -> Any:
        """What sources provide; the fields of events in these files too."""
        from router.authoring.supply import Supply

        present(file for file in events or () if str(file) != "-")  # or its name would be read as an event
        supply = Supply(self._catalogue())
        for file in events or ():
            supply.learn(event for event, _ in self.events(str(file), "auto"))
        return supply

    def _catalogue(self) -> Any:
        from router.normalize import Catalogue

        return Catalogue.load(self.normalizers)

    def events(self, text: str, read_as: str) -> Iterable[tuple[dict[str, Any], bytes]]:
        """The events of a file, of standard input, or of the text itself, each with its payload for keywords."""
        from router.cli.data import documents

        return documents(text, read_as, self._catalogue())


def print_json(value: Any) -> None:
    """One object, indented, to standard output."""
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
