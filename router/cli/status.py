"""`logweir status`: who is how far behind, and how much time is left."""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from router.cli.run import ConfigFile, run_command
from router.cli.standing import Reading, Router, standing
from router.config import Config, load
from router.topology import existing

_HEAD = ("", "reads", "lag", "oldest", "headroom", "unread", "lost", "dead letters", "breaker")


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(status)


def status(
    config: ConfigFile = Path("logweir.yaml"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Show how far stages and sinks are behind, how much time retention leaves them, and which sinks are waited for."""
    settings = load(config, reaches_out=False)
    router, readings = run_command(_standing(settings))
    if json:
        answer = {"router": dataclasses.asdict(router), "stages": [dataclasses.asdict(r) for r in readings]}
        sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return
    typer.echo(_about(router))
    for line in table([_HEAD, *map(_row, readings)]):
        typer.echo(line)


async def _standing(settings: Config) -> tuple[Router, list[Reading]]:
    async with existing(settings) as log:
        return await standing(settings, log)


def _about(router: Router) -> str:
    if not router.url:
        return "no admin port is configured; breakers are not known"
    if not router.is_running:
        return f"no router answers at {router.url}; breakers are not known"
    return f"router {router.version} runs at {router.url}" + ("; its last reload was REFUSED" if router.reload_failed else "")


def _row(reading: Reading) -> tuple[str, ...]:
    return (
        reading.name,
        ", ".join(reading.topics),
        str(reading.lag_events),
        duration(reading.lag_seconds),
        duration(reading.headroom_seconds),
        f"{reading.unread_share:.0%}",
        str(reading.lost_events or "-"),
        "-" if reading.dead_letters is None else str(reading.dead_letters),
        reading.breaker or "-",
    )


def duration(seconds: float) -> str:
    """The two largest units: 3 s, 4 min 5 s, 2 h 3 min, 2 d 23 h."""
    whole = int(seconds)
    for name, size, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // part} {smaller}"
    return f"{whole} s"


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with columns side by side, not wrapped."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
