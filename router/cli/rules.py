"""`logweir rules ...`: what an author of detections asks about rules, before and after they run."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from router.errors import ConfigError, Problem

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Paths = Annotated[list[Path], typer.Argument(help="Rule files or folders.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    rules = typer.Typer(help="About detection rules: lint, explain, coverage, stats, why.", no_args_is_help=True)
    for command in (lint,):
        rules.command()(command)
    app.add_typer(rules, name="rules")


def lint(
    paths: Paths,
    json: Json = False,
    fail_on: Annotated[str, typer.Option(help="Exit with 1 from this severity on: error, warning, info or never.")] = "error",
    ignore: Annotated[list[str] | None, typer.Option(help="Name of a check to leave out; repeatable.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A configuration, for values of placeholders.")] = None,
) -> None:
    """Say what is wrong with rules, odd about them, or could be better: file, line, column, reason and remedy."""
    from router.authoring.findings import SEVERITIES
    from router.authoring.lint import lint as findings_of
    from router.registry import nearest

    levels = (*SEVERITIES, "never")
    if fail_on not in levels:
        raise ConfigError([Problem("--fail-on", 1, "", f"no severity {fail_on!r}", nearest(fail_on, levels))])
    files = rule_files(paths)
    found = findings_of(files, placeholders=_placeholders(config), ignore=ignore or ())
    counts = {severity: sum(f.severity == severity for f in found) for severity in SEVERITIES}
    if json:
        print_json({"files": len(files), **counts, "findings": [f._asdict() for f in found]})
    else:
        for finding in found:
            typer.echo(str(finding))
        typer.echo(f"{len(files)} files: " + ", ".join(f"{count} {severity}" for severity, count in counts.items()))
    failing = SEVERITIES[: levels.index(fail_on) + 1] if fail_on != "never" else ()
    sys.exit(1 if any(f.severity in failing for f in found) else 0)


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The detection rules below the paths; of a folder, what its keys do not show to be something else."""
    from router.cli.ruletests import kind_of
    from router.documents import yaml_files

    missing = [p for p in paths if not p.exists()]
    if missing:
        raise ConfigError([Problem(str(p), 1, "", "cannot be read: it is not there", "check the path") for p in missing])
    return [f for p in paths for f in yaml_files(p) if not p.is_dir() or kind_of(f) == "detect"]


def _placeholders(config: Path | None) -> dict[str, Sequence[str]]:
    if config is None:
        return {}
    from router.config import load

    return dict(load(config).rules.placeholders)


def print_json(value: Any) -> None:
    """One object, indented, to standard output."""
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
