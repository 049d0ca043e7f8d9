"""`logweir dlq`: what was refused, and why."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from router.batch import DEAD_LETTERS
from router.cli.run import ConfigFile
from router.config import load
from router.topology import opened

_PAGE = 500


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(help="Dead letters: list, look at.", no_args_is_help=True)
    for command in (list_, peek):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="dlq")


def list_(config: ConfigFile = Path("logweir.yaml")) -> None:
    """How many dead letters each stage and sink has."""
    asyncio.run(_list(config))


def peek(
    stage: Annotated[str, typer.Argument(help="`process` or the name of a sink.")],
    config: ConfigFile = Path("logweir.yaml"),
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
) -> None:
    """Print the oldest dead letters, one JSON line each, with reason and raw coordinates."""
    asyncio.run(_peek(config, stage, count))


def _stages(settings: Any) -> list[str]:
    return ["process", *settings.sinks]


async def _list(config: Path) -> None:
    settings = load(config)
    async with opened(settings) as log:
        for stage in _stages(settings):
            topic = DEAD_LETTERS + stage
            await log.partitions(topic)
            count = sum(stop - start for start, stop in (await log.ends(topic)).values())
            typer.echo(f"{stage}: {count}")


async def _letters(log: Any, stage: str) -> Any:
    topic = DEAD_LETTERS + stage
    await log.partitions(topic)
    for partition, (start, stop) in (await log.ends(topic)).items():
        offset = start
        while offset < stop:
            batch = await log.fetch(topic, partition, offset, _PAGE)
            if not batch.items:
                break
            offset = batch.span.stop
            for record in batch.items:
                yield record


async def _peek(config: Path, stage: str, count: int) -> None:
    async with opened(load(config)) as log:
        async for record in _letters(log, stage):
            if not count:
                break
            count -= 1
            sys.stdout.buffer.write(record.body + b"\n")
