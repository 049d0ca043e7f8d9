"""`logweir rules stats`: what the rules of a running router do."""

import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli.setting import Json, Setting, print_json
from router.errors import LogweirError


def stats(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file of the router.")] = Path("logweir.yaml"),
    url: Annotated[str, typer.Option(help="Where its metrics are; its `admin.listen` if absent.")] = "",
    top: Annotated[int, typer.Option(min=1, help="Show so many rules.")] = 30,
    json: Json = False,
) -> None:
    """Say of a running router how often each rule matched, when last, at what cost, and which fields never come."""
    from router.authoring.stats import stats as read
    from router.cli.standing import admin_url, fetched
    from router.config import load

    is_there = config.exists() or not url
    where = url or f"{admin_url(load(config).admin.listen)}/metrics"
    setting = Setting(config if is_there else None, None)
    ruleset = setting.ruleset(builtin=setting.builtin)
    try:
        found = read(fetched(where), [*ruleset.rules, *ruleset.correlations])
    except (OSError, ValueError) as error:  # URLError is an OSError; what is no list of metrics is a ValueError
        why = getattr(getattr(error, "reason", error), "strerror", None) or error  # what lies below a URLError says it in words
        raise LogweirError(f"no router answers at {where}: {why}; start it, or give --url") from error
    if json:
        print_json({**dataclasses.asdict(found), **found.costs()})
        return
    for line in _lines(found, top, time.time()):
        typer.echo(line)


def _costly(found: Any, top: int) -> Iterable[str]:
    from router.cli.status import table

    costly = sorted((r for r in found.rules if r.candidates), key=lambda r: -r.candidates)[: max(1, top // 3)]
    if costly:
        yield "the costliest rules, by how often one had to be worked out:"
        yield from table(
            [("worked out", "matches", "rule"), *((str(r.candidates), str(r.matches), r.title or r.id) for r in costly)]
        )


def _not_counted(found: Any, top: int) -> Iterable[str]:
    """Why a correlation may stay silent though its rules match."""
    lacking = sorted((r for r in found.rules if r.not_counted), key=lambda r: -sum(r.not_counted.values()))[:top]
    if lacking:
        yield "matches that correlations did not count, by reason:"
    for r in lacking:
        reasons = sorted(r.not_counted.items(), key=lambda item: -item[1])
        yield f"  {r.title or r.id}: " + ", ".join(f"{count} {reason}" for reason, count in reasons)


def _lines(found: Any, top: int, now: float) -> Iterable[str]:
    from router.authoring.stats import silent
    from router.cli.status import duration, table

    refused = ", ".join(f"{count} {reason}" for reason, count in found.refused.items())
    yield f"{found.in_force} rules in force" + (f", refused: {refused}" if refused else "")
    costs = found.costs()
    yield (
        f"{found.events} events judged; memos knew {costs['value_hit_rate']:.2%} of the values; "
        f"{costs['value_misses_per_event']:.3f} value misses and "
        f"{costs['verdict_misses_per_event']:.3f} verdict misses an event, "
        f"{costs['candidates_per_verdict_miss']:.1f} rules worked out for each of those"
    )
    fired = [r for r in found.rules if r.matches or r.signals]
    rows = [("matches", "alerts", "last", "level", "rule")]
    for r in fired[:top]:
        last = "-" if r.last_match is None else f"{duration(max(0.0, now - r.last_match))} ago"
        rows.append((str(r.matches), str(r.signals or "-"), last, r.level, r.title or r.id))
    yield from table(rows) if fired else ["no rule has matched yet"]
    if len(fired) > top:
        yield f"and {len(fired) - top} others; --top shows more"
    yield from _costly(found, top)
    yield from _not_counted(found, top)
    quiet = list(silent(found))
    waiting = [r for r in quiet if r.unseen]
    yield f"{len(quiet)} rules never matched though events of their log source came, {len(waiting)} of them miss fields"
    for r in waiting[:top]:
        count = found.sampled.get(r.logsource, 0)
        yield f"  {r.title}: {', '.join(r.unseen)} in none of {count} sampled events of {r.logsource}"
