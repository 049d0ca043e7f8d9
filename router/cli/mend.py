"""`logweir mend`: what of the embedded log cannot be read, and how to go on without it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from router.cli.run import ConfigFile, run_command
from router.config import Config, load
from router.errors import ConfigError, Problem
from router.topology import existing


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(mend)


def mend(
    config: ConfigFile = Path("logweir.yaml"),
    apply: Annotated[
        bool, typer.Option("--apply", help="Let readers pass what is damaged; without this nothing is changed.")
    ] = False,
) -> None:
    """Look for damage in all that the embedded log stores. A reader waits before it, until --apply lets it pass: what is lost
    there is counted as what retention removed unread. Keep a copy of the file first."""
    sys.exit(run_command(_mend(load(config, reaches_out=False), apply)))


async def _mend(settings: Config, apply: bool) -> int:
    from router.log.embedded import SqliteLog

    if settings.log.kind != "embedded":
        text, remedy = "only the embedded log is mended here", "brokers hold replicas; look at these with Kafka's tools"
        raise ConfigError([Problem("configuration", 1, "log.kind", text, remedy)])
    async with existing(settings) as log:
        assert isinstance(log, SqliteLog)
        found = await log.damaged()
        for torn in found:
            for start, stop, reason in torn.stretches:
                typer.echo(f"{torn.partition.topic} {torn.partition.number}: offsets {start} to {stop - 1}: {reason}")
            if apply:
                await log.let_pass(torn)
    lost = sum(stop - start for torn in found for start, stop, _ in torn.stretches)
    if not found:
        typer.echo("everything that is stored can be read")
    elif apply:
        typer.echo(f"{lost} records are lost; readers pass them")
    else:
        typer.echo(f"{lost} records cannot be read; keep a copy of the file, then let readers pass them by --apply")
    return 1 if found and not apply else 0
