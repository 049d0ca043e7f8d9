"""`logweir backtest`: new rules over what the log still holds."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli.moments import span
from router.cli.progress import progress
from router.cli.rulefiles import rule_files
from router.cli.run import ConfigFile, run_command
from router.cli.setting import Json, print_json
from router.errors import ConfigError, Problem
from router.wording import counted, one_line

_LISTED = 20
"""Of so many rules without a match each is named."""


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(backtest)


def backtest(
    rules: Annotated[list[Path], typer.Option(help="The rules to try: files or folders; repeatable.")],
    since: Annotated[str, typer.Option(help="Events from then on: 7d (ago) or 2026-11-24T10:00Z.")] = "7d",
    until: Annotated[str, typer.Option(help="Events before then.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Judge at most so many stored records, from every partition.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Normalize the raw topic anew: what normalizers of today make of it, keywords exact.")
    ] = False,
    config: ConfigFile = Path("logweir.yaml"),
    json: Json = False,
) -> None:
    """Try rules on stored events: how often each would have matched, when, on what, and what it costs. Changes nothing."""
    from router.config import load

    settings, now = load(config), time.time()
    begin, end = span(since, until, now)
    ruleset, wanted, refused = _loaded(rule_files(rules), settings)
    for problem in refused:
        typer.echo(str(problem), err=True)
    if refused:
        typer.echo(
            f"{counted(len(refused), 'problem')}: the rules that have them are left out, the other {len(wanted)} judge", err=True
        )
    result = run_command(_run(settings, ruleset, wanted, begin, end, limit, raw))
    if json:
        print_json(_answer(result))
        return
    for line in _lines(result):
        typer.echo(line)


def _loaded(files: Sequence[Path], settings: Any) -> tuple[Any, list[Any], list[Problem]]:
    """Every rule that the new ones may refer to, the new ones, and what is wrong with others of them.

    Raises ConfigError where no new one is left.
    """
    from router.detect import Ruleset
    from router.detect.examples import shipped_or_not

    outside, asked = shipped_or_not(files)
    mine = {path.resolve() for path in outside}
    others = [f for f in rule_files(settings.rules.detections()) if f.resolve() not in mine]
    known = settings.rules
    ruleset = Ruleset.load([*outside, *others], placeholders=known.placeholders, strict=False, pipelines=known.pipelines)
    refused = [p for p in ruleset.refused if p.file in asked.values()]
    wanted = [d for d in (*ruleset.rules, *ruleset.correlations) if d.file in asked.values()]
    if not wanted:
        nothing = Problem(
            str(files[0] if files else "--rules"), 1, "", "there is no rule in it", "name a Sigma rule, or a folder of them"
        )
        raise ConfigError(refused or [nothing])
    return ruleset, wanted, refused


async def _run(
    settings: Any, ruleset: Any, wanted: Sequence[Any], since: float, until: float, limit: int | None, raw: bool
) -> Any:
    from router.authoring.backtest import Trial, ends
    from router.authoring.backtest import backtest as tried
    from router.topology import Content, existing

    trial = Trial(ruleset, wanted, Content(settings).catalogue if raw else None)
    async with existing(settings) as log:
        places = await ends(log, raw=raw)
        with progress("judging", sum(stop - start for start, stop in places.values())) as seen:
            return await tried(log, trial, since=since, until=until, limit=limit, raw=raw, progressed=seen, places=places)


def _answer(result: Any) -> dict[str, Any]:
    from router.authoring.backtest import top

    return {
        "events": result.events,
        "records": result.read,
        "unreadable": result.unreadable,
        "cut": result.is_cut,
        "from": _time(result.oldest),
        "to": _time(result.newest),
        "microseconds_per_event": _cost(result),
        "rules": [
            {
                "id": f.rule.id,
                "title": f.rule.title,
                "level": f.rule.level,
                "file": f.rule.file,
                "matches": f.matches,
                "seen": f.seen,
                "per_day": _per_day(f, result),
                "first": _time(f.first),
                "last": _time(f.last),
                "hosts": dict(top(f.hosts)),
                "users": dict(top(f.users)),
                "events": f.samples,
                "microseconds_alone": f.micros_alone,
            }
            for f in _sorted(result)
        ],
    }


def _sorted(result: Any) -> list[Any]:
    return sorted(result.found, key=lambda f: (-f.matches, f.rule.title))


def _cost(result: Any) -> float | None:
    return result.seconds / result.events * 1e6 if result.events else None


def _per_day(found: Any, result: Any) -> float:
    return float(found.matches * 86_400 / max(86_400.0, result.newest - result.oldest)) if found.matches else 0.0


def _time(when: float) -> str | None:
    if abs(when) == float("inf"):
        return None
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _lines(result: Any) -> Iterable[str]:
    from router.authoring.backtest import top

    cost = _cost(result)
    yield f"{result.events} events" + (
        f", {_time(result.oldest)} to {_time(result.newest)}" if result.events else " in this time"
    )
    if cost is not None:
        yield f"matching cost {cost:.1f} us an event, all these rules together"
    if result.unreadable:
        yield f"{result.unreadable} records could not be read"
    if result.is_cut:
        yield "not everything was judged: --limit, or more matches than correlations are given here"
    quiet = [found for found in result.found if not found.matches]
    listed = len(quiet) <= _LISTED
    for found in _sorted(result):
        if not found.matches and not listed:
            continue
        alone = f", {found.micros_alone:.1f} us an event alone" if found.micros_alone is not None else ""
        yield f"{found.matches:>8} {found.rule.title} ({found.rule.level}), of {found.seen} it saw{alone}"
        if not found.matches:
            continue
        yield f"         {_time(found.first)} to {_time(found.last)}, about {_per_day(found, result):.1f} a day"
        for what, counter in (("hosts", found.hosts), ("users", found.users)):
            if counter:
                more = f" and {len(counter) - 5} others" if len(counter) > 5 else ""
                yield f"         {what}: " + ", ".join(f"{one_line(str(name))} {count}" for name, count in top(counter)) + more
        yield f"         events: {', '.join(found.samples)}"
    if not listed:
        unseen = sum(not found.seen for found in quiet)
        yield f"{len(quiet):>8} rules matched nothing; {unseen} of them saw no event of their log source (--json names each)"
