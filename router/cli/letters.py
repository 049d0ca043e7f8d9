"""`logweir dlq`: what was refused and why, and how it is sent on its way again."""

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from router.cli.progress import progress
from router.cli.run import ConfigFile, run_command
from router.config import Config, load
from router.deliver.cursor import Cursor
from router.deliver.handover import Handover
from router.deliver.letters import Found, cursors, ends, is_about, pages, stages
from router.deliver.redrive import Redrive, Target, ToRaw, ToSink, survey
from router.errors import ConfigError, Problem
from router.process.stage import NAME as PROCESS
from router.protocols import Log
from router.registry import nearest
from router.shapes import document_of
from router.topology import existing, sink_of

StageName = Annotated[str, typer.Argument(help="`process` or the name of a sink, also of one that is not configured any more.")]
Reason = Annotated[str, typer.Option(help="Only letters with this reason: its text up to the first colon.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(help="Dead letters: list, look at, send again.", no_args_is_help=True)
    for command in (list_, peek, redrive):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="dlq")


def list_(config: ConfigFile = Path("logweir.yaml")) -> None:
    """How many dead letters each stage and sink has."""
    run_command(_list(load(config, reaches_out=False)))


def peek(
    stage: StageName,
    config: ConfigFile = Path("logweir.yaml"),
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    reason: Reason = "",
) -> None:
    """Print the oldest dead letters, one JSON line each, with reason, coordinates and body."""
    run_command(_peek(load(config, reaches_out=False), stage, count, reason))


def redrive(
    stage: StageName,
    config: ConfigFile = Path("logweir.yaml"),
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is changed.")] = False,
    reason: Reason = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    to: Annotated[str, typer.Option(help="Send letters of a sink to this one instead, such as when theirs was removed.")] = "",
) -> None:
    """Send dead letters again, each once: those of `process` are read anew, those of a sink go to that sink only."""
    settings = load(config, reaches_out=apply)
    target = _target(settings, stage, to)
    sys.exit(run_command(_redrive(settings, stage, target, reason, limit) if apply else _survey(settings, stage, reason, limit)))


def _target(settings: Config, stage: str, to: str) -> str:
    """The stage or sink that letters go to. Raises ConfigError where there is none."""
    if to and stage == PROCESS:
        text = "letters of `process` are payloads that no sink takes"
        raise ConfigError([Problem("--to", 1, "", text, "leave out `--to`: they are read anew")])
    if to and to not in settings.sinks:
        raise ConfigError([Problem("--to", 1, "", f"no sink {to!r} is configured", nearest(to, list(settings.sinks)))])
    return to or stage


async def _known(settings: Config, log: Log, stage: str) -> None:
    """Raises ConfigError for what has no dead letters."""
    if stage not in (known := await _stages(settings, log)):
        text = f"no stage or sink {stage!r} has dead letters"
        raise ConfigError([Problem("STAGE", 1, "", text, nearest(stage, known))])


async def _stages(settings: Config, log: Log) -> list[str]:
    """Those of the configuration, then those that only the log knows of."""
    return list(dict.fromkeys((PROCESS, *settings.sinks, *await stages(log))))


def _is_gone(settings: Config, stage: str) -> bool:
    return stage != PROCESS and stage not in settings.sinks


async def _list(settings: Config) -> None:
    async with existing(settings) as log:
        for stage in await _stages(settings, log):
            total, found = sum(stop - start for start, stop in (await ends(log, stage)).values()), await survey(log, stage)
            typer.echo(f"{stage}: {total}" + (f", {found.done} of them redriven" if found.done else ""))
            if _is_gone(settings, stage):
                typer.echo(f"  no sink {stage!r} is configured; `dlq redrive {stage} --to SINK` sends these to another one")
            if found.expired:
                typer.echo(f"  {found.expired} more were removed by retention before they were redriven")
            _print_reasons(found.waiting)


def _print_reasons(reasons: Counter[str]) -> None:
    for word, count in reasons.most_common():
        typer.echo(f"  {count:>8} {word}")


async def _peek(settings: Config, stage: str, count: int, reason: str) -> None:
    left = count
    async with existing(settings) as log:
        await _known(settings, log, stage)
        done = await cursors(log, stage)
        for partition, (start, stop) in (await ends(log, stage)).items():
            async for page in pages(log, partition, start, stop):
                for found in [f for f in page if is_about(f.reason, reason)][:left]:
                    left -= 1
                    sys.stdout.buffer.write(orjson.dumps(_shown(found, done[partition]), default=str) + b"\n")
                if not left:
                    return
    if left == count:
        typer.echo(f"{stage}: no dead letters" + (f" for the reason {reason!r}" if reason else ""), err=True)


def _shown(found: Found, done: Cursor) -> dict[str, Any]:
    """A letter for a person: body readable, time in words."""
    letter = found.letter
    if letter is None:
        return {"reason": "not a dead letter", "offset": found.offset, "body": _readable(found.raw.body)}
    record = letter.record
    return {
        "stage": letter.stage,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "redriven": done.is_done(found.offset, letter.reason),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "id": record.id.hex(),
        "time": _moment(record.time),
        "facts": {k: v for k, v in record.facts._asdict().items() if v},
        "body": _readable(record.body) if letter.complete else None,
    }


def _moment(seconds: float) -> str | float:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return seconds


def _readable(body: bytes) -> Any:
    """A JSON object as such, text as text; bytes that are no UTF-8 as escapes."""
    value = document_of(body)
    return body.decode("utf-8", "backslashreplace") if value is None else value


async def _survey(settings: Config, stage: str, reason: str, limit: int | None) -> int:
    async with existing(settings) as log:
        await _known(settings, log, stage)
        found = await survey(log, stage, reason)
    waiting = found.waiting.total()
    count = waiting if limit is None else min(limit, waiting)
    typer.echo(f"{stage}: {count} dead letters would be sent again" + (f"; {found.done} were already" if found.done else ""))
    _print_reasons(found.waiting)
    if count:
        typer.echo("nothing was changed; --apply does it")
    return 0


async def _redrive(settings: Config, stage: str, target: str, reason: str, limit: int | None) -> int:
    async with existing(settings) as log:
        await _known(settings, log, stage)
        if stage == PROCESS:
            return await _run(log, stage, ToRaw(log), reason, limit)
        if _is_gone(settings, target):
            remedy = "name another one by `--to SINK`, or configure it again"
            raise ConfigError([Problem("STAGE", 1, "", f"no sink {stage!r} is configured to send its dead letters to", remedy)])
        sink = sink_of(settings, target)
        await sink.open()
        try:
            handover = Handover(target, sink, log)
            to_sink = ToSink(handover, settings.sinks[target].shape, of_another=target != stage)
            code = await _run(log, stage, to_sink, reason, limit)
        finally:
            await sink.close()
        _complain(target, handover)
        return 1 if handover.trouble or handover.refused else code


async def _run(log: Log, stage: str, target: Target, reason: str, limit: int | None) -> int:
    total = sum(stop - start for start, stop in (await ends(log, stage)).values())
    with progress(f"redriving {stage}", total) as seen:
        run = Redrive(log, stage, target, reason=reason, limit=limit, seen=seen)
        await run.run()
    typer.echo(f"{stage}: " + (_words(target.counts) or "nothing to send again"))
    if run.unreadable:
        typer.echo(f"{stage}: {run.unreadable} letters hold no event that could be sent; `dlq peek` shows them", err=True)
    return 1 if run.unreadable or run.is_stuck else 0


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


def _complain(name: str, handover: Handover) -> None:
    """What a sink did not take."""
    for word, count in handover.refused.most_common():
        typer.echo(f"{name}: {count} refused again, and dead letters again: {word}", err=True)
    if handover.trouble:
        typer.echo(f"{name}: stopped; the rest waits where it is: {handover.trouble}", err=True)
