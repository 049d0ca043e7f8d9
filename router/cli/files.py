"""Commands about files that people write: init, check, test, config schema, config reference."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from router.cli.run import ConfigFile
from router.errors import ConfigError, Problem
from router.wording import counted

_TEMPLATE = Path(__file__).parent / "template"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(init)
    app.command()(check)
    app.command("test")(run_tests)
    config = typer.Typer(help="About the configuration file.", no_args_is_help=True)
    config.command()(schema)
    config.command()(reference)
    app.add_typer(config, name="config")


def init(folder: Annotated[Path, typer.Argument(help="Where to write it; made if missing.")]) -> None:
    """Write a small commented configuration with a rule of your own, ready for `logweir run`."""
    targets = {p: folder / p.relative_to(_TEMPLATE) for p in sorted(_TEMPLATE.rglob("*")) if p.is_file()}
    there = [t for t in targets.values() if t.exists()]
    if there:
        raise ConfigError([Problem(str(t), 1, "", "exists already", "choose another folder or move it away") for t in there])
    for origin, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(origin.read_bytes())
        typer.echo(f"wrote {target}")
    typer.echo(f"next: cd {shlex.quote(str(folder))} && logweir check && logweir test rules && logweir run")


def check(config: ConfigFile = Path("logweir.yaml")) -> None:
    """Find every problem in the configuration and in all rules, at once. Exit code 2 if there is one."""
    from router.config import inspect
    from router.telemetry import configure_logging
    from router.topology import Content, unbuildable

    configure_logging("warning", json=False)
    settings, problems = inspect(config)
    try:
        if settings is not None:
            problems = problems + unbuildable(settings)
            content = Content(settings)
    except ConfigError as error:
        problems = problems + error.problems
    if problems:
        raise ConfigError(problems)
    assert settings is not None
    found = {
        "source": settings.sources,
        "sink": settings.sinks,
        "normalizer": content.catalogue.ids(),
        "detection rule": content.ruleset.rules,
        "correlation": content.ruleset.correlations,
        "noise rule": content.noise.rules,
    }
    typer.echo(f"{config}: good; " + ", ".join(counted(len(parts), noun) for noun, parts in found.items()))


def run_tests(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Rule files or folders; all that ship with Logweir if absent.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also name the tests that passed.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="First rewrite the golden documents (files: in tests) of the normalizers given.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail, not only warn, where no test reaches a case, or none has a malformed line.")
    ] = False,
) -> None:
    """Run the tests inside rule files: normalizers, detections, correlations, noise rules. Of a normalizer, tell the cases that
    no test reaches, and that no test has a malformed line (expects `unknown: true`, `error.message` or a tag `_norm_type:*`)."""
    from router.cli.ruletests import run_all

    if update:
        _renew_golden(paths)
    results, untested = run_all(paths)
    for result in results:
        if verbose or not result.passed:
            mark = "ok  " if result.passed else "FAIL"
            typer.echo(f"{mark} {result.file}:{result.line}: {result.name}" + (f": {result.detail}" if result.detail else ""))
    if not results:
        named = [str(path) for path in paths or ()]
        raise ConfigError(
            [Problem(name, 1, "", "there is no test in it", "write some below `tests` of a rule") for name in named]
        )
    for gap in untested:
        typer.echo(f"{'FAIL' if strict else 'warn'} {gap}")
    failed = sum(not r.passed for r in results)
    typer.echo(f"{len(results) - failed} passed, {failed} failed" + (f", {len(untested)} untested" if untested else ""))
    sys.exit(1 if failed or (strict and untested) else 0)


def _renew_golden(paths: list[Path] | None) -> None:
    """Only of files that were named: what ships with Logweir is not rewritten by accident."""
    from router.cli.rulefiles import kind_of
    from router.documents import yaml_files
    from router.normalize.golden import renew

    if not paths:
        raise ConfigError([Problem("--update", 1, "", "rewrites files, so it wants to be told which", "name normalizer files")])
    for file, changed, lines in renew([f for path in paths for f in yaml_files(path) if kind_of(f) == "normalize"]):
        typer.echo(f"{file}: {changed} of {lines} documents changed")


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors that complete YAML."""
    from router.config_schema import json_schema

    sys.stdout.buffer.write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def reference(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="Where to write the pages; made if missing.")]
) -> None:
    """Write the reference as Markdown: configuration, sources, sinks, commands, metrics, rules, as this version has them."""
    from router.reference import all_pages, write

    pages = all_pages(context.find_root().command)
    write(pages, folder)
    typer.echo(f"wrote {len(pages)} pages to {folder}")
