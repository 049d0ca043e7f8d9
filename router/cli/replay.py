"""`logweir replay`: what is stored, to one sink once more."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from router.cli.moments import span
from router.cli.progress import progress
from router.cli.run import ConfigFile, run_command
from router.config import Config, load
from router.deliver import replay as stored
from router.deliver.handover import Handover
from router.errors import ConfigError, Problem
from router.topology import chosen_sinks, existing, sink_of


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(replay)


def replay(
    sink: Annotated[str, typer.Option(help="The sink that it goes to.")],
    since: Annotated[str, typer.Option(help="Events from then on: 2h (ago) or 2026-11-24T10:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Events before then.")] = "",
    match: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=VALUE, or a dataset; a trailing * is any rest. All fields must match, and one of the datasets."),
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most so many a second, beside what the router sends.")] = None,
    config: ConfigFile = Path("logweir.yaml"),
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it only says how many there are.")] = False,
) -> None:
    """Send stored events and signals to one sink once more, as far as its `choose` wants them; noise rules do not apply.

    It keeps no place: one that was stopped or killed begins anew, and what had been sent is sent again, under the same ids.
    `--since` and `--until` cut it into parts.
    """
    settings, now = load(config), time.time()
    chosen_sinks(settings, [sink])
    datasets, values = _matches(match or ())
    selection = stored.Selection(
        settings.sinks[sink].choose,
        *span(since, until, now),
        datasets,
        values,
        settings.sinks[sink].shape,
    )
    sys.exit(run_command(_apply(settings, sink, selection, rate) if apply else _count(settings, sink, selection)))


def _matches(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Datasets, and pairs of field and value."""
    pairs = [(name.strip(), value.strip()) for name, equals, value in (t.partition("=") for t in texts) if equals]
    if any(not name for name, _ in pairs):
        raise ConfigError([Problem("--match", 1, "", "names no field", "write FIELD=VALUE, such as event.outcome=failure")])
    return tuple(t for t in texts if "=" not in t), tuple(pairs)


async def _count(settings: Config, sink: str, selection: stored.Selection) -> int:
    async with existing(settings) as log:
        places = await stored.ends(log, settings.sinks[sink].read)
        total = sum(stop - start for start, stop in places.values())
        with progress("counting", total) as seen:
            counts, size = await stored.count(log, places, selection, seen)
    typer.echo(f"{sink}: {counts.total()} of {total} stored records would be sent, {size} bytes")
    for dataset, number in counts.most_common():
        typer.echo(f"  {number:>8} {dataset}")
    if counts:
        typer.echo("nothing was sent; --apply does it")
    return 0


async def _apply(settings: Config, name: str, selection: stored.Selection, rate: float | None) -> int:
    sink = sink_of(settings, name)
    width = 1 if sink.limits.ordered else sink.limits.max_concurrency
    async with existing(settings) as log:
        places = await stored.ends(log, settings.sinks[name].read)
        await sink.open()
        try:
            handover = Handover(name, sink, log, records_per_second=rate)
            with progress(f"replaying to {name}", sum(stop - start for start, stop in places.values())) as seen:
                is_whole = await stored.replay(log, places, selection, handover, width, seen)
        finally:
            await sink.close()
    return report(name, handover, is_whole)


def report(name: str, handover: Handover, is_whole: bool) -> int:
    """Say what became of the records; the exit code."""
    words = [f"{count} {outcome}" for outcome, count in sorted(handover.counts.items())]
    typer.echo(f"{name}: {', '.join(words) or 'nothing to send'}")
    for word, count in handover.refused.most_common():
        typer.echo(f"{name}: {count} refused, and dead letters now: {word}", err=True)
    if not is_whole:
        typer.echo(f"{name}: stopped before the end: {handover.trouble}", err=True)
    return 0 if is_whole and not handover.refused else 1
