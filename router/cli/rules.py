"""`logweir rules ...`: what an author of detections asks about rules, before and after they run."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from router.cli import rulecoverage, rulestats
from router.cli.rulefiles import present, rule_files
from router.cli.setting import Events, Json, MaybeConfig, Paths, RuleName, Rules, Setting, print_json
from router.errors import ConfigError, Problem
from router.wording import counted, one_line

_FILE = re.compile(r"[^\s{}<>|=\"]+\.(ndjson|jsonl|json|log|txt|gz|evtx)")
"""What can only be meant as the name of a file with events."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    rules = typer.Typer(help="About detection rules: lint, explain, coverage, stats, why.", no_args_is_help=True)
    for command in (lint, explain, rulecoverage.coverage, rulestats.stats, why):
        rules.command()(command)
    app.add_typer(rules, name="rules")


def lint(
    paths: Paths,
    json: Json = False,
    fail_on: Annotated[str, typer.Option(help="Exit with 1 from this severity on: error, warning, info or never.")] = "error",
    ignore: Annotated[list[str] | None, typer.Option(help="Name of a check to leave out; repeatable.")] = None,
    reach: Annotated[bool, typer.Option("--reach", help="Also say which rules can never fire.")] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A configuration, for values of placeholders.")] = None,
) -> None:
    """Say what is wrong with rules, odd about them, or could be better: file, line, column, reason and remedy."""
    from router.authoring.checks import CHECKS
    from router.authoring.findings import SEVERITIES
    from router.authoring.lint import lint as findings_of
    from router.registry import nearest

    levels = (*SEVERITIES, "never")
    if fail_on not in levels:
        raise ConfigError([Problem("--fail-on", 1, "", f"no severity {fail_on!r}", nearest(fail_on, levels))])
    unknown = [name for name in ignore or () if name not in CHECKS]
    if unknown:
        raise ConfigError([Problem("--ignore", 1, "", f"there is no check {n!r}", nearest(n, sorted(CHECKS))) for n in unknown])
    files = rule_files(paths)
    if not files:
        raise ConfigError(
            [Problem(str(p), 1, "", "there is no rule in it", "name a rule file, or a folder of them") for p in paths]
        )
    setting = Setting(config, None)
    supply = setting.supply(None) if reach else None
    found = findings_of(files, placeholders=setting.placeholders, ignore=ignore or (), supply=supply, pipelines=setting.pipelines)
    counts = {severity: sum(f.severity == severity for f in found) for severity in SEVERITIES}
    if json:
        print_json({"files": len(files), **counts, "findings": [f._asdict() for f in found]})
    else:
        for finding in found:
            typer.echo(str(finding))
        typer.echo(f"{counted(len(files), 'file')}: " + ", ".join(f"{count} {severity}" for severity, count in counts.items()))
    failing = SEVERITIES[: levels.index(fail_on) + 1] if fail_on != "never" else ()
    sys.exit(1 if any(f.severity in failing for f in found) else 0)


def explain(rule: RuleName, rules: Rules = None, config: MaybeConfig = None, events: Events = None, json: Json = False) -> None:
    """Say in plain words what a rule looks for, which sources feed it, where its fields come from, whether it can fire."""
    from router.authoring.explain import explained, explained_correlation, told
    from router.authoring.lookup import found
    from router.detect import Correlation, Rule

    setting = Setting(config, rules)
    ruleset, wanted = found(rule, setting.rules, setting.placeholders, pipelines=setting.pipelines)
    known: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    supply = setting.supply(events)
    answers = [explained(one, supply) if isinstance(one, Rule) else explained_correlation(one, known, supply) for one in wanted]
    if json:
        print_json(answers)
        return
    for i, answer in enumerate(answers):
        typer.echo(("\n" if i else "") + "\n".join(told(answer)))


def why(
    rule: RuleName,
    event: Annotated[str, typer.Argument(help="A file, a raw line, an ECS document as JSON, or - for standard input.")],
    rules: Rules = None,
    config: MaybeConfig = None,
    read_as: Annotated[
        str, typer.Option("--as", help="raw, ecs, or auto: JSON with ECS's event and @timestamp is ecs.")
    ] = "auto",
    json: Json = False,
) -> None:
    """Hold a rule against events: each condition true or false, with the value it saw. Exit code 1 if it matches none."""
    from router.authoring.judged import judged
    from router.authoring.lookup import found
    from router.detect import Rule

    if _FILE.fullmatch(event):  # or its name would be read as an event
        present([Path(event)])
    setting = Setting(config, rules)
    _, wanted = found(rule, setting.rules, setting.placeholders, pipelines=setting.pipelines)
    if not (plain := [w for w in wanted if isinstance(w, Rule)]):
        raise ConfigError([Problem(rule, 1, "", "is a correlation: no single event says whether it fires", "test its rules")])
    answers = [(one, judged(one, *pair)) for pair in setting.events(event, read_as) for one in plain]
    if not answers:
        raise ConfigError([Problem("EVENT", 1, "", "holds no event that can be read", "give a file, a line, or JSON")])
    if json:
        print_json([{"rule": one.id, **a._asdict(), "parts": [p._asdict() for p in a.parts]} for one, a in answers])
    else:
        for one, answer in answers:
            typer.echo("\n".join(_judgement(one, answer)))
    sys.exit(0 if any(answer.matches for _, answer in answers) else 1)


def _judgement(rule: Any, answer: Any) -> Iterable[str]:
    yield f"{rule.title}: " + ("matches" if answer.matches else "does not match")
    if not answer.visible:
        of = ", ".join(answer.logsources) or "no log source"
        yield f"  the event is of {of}; the rule sees {rule.logsource} only"
    for part in answer.parts:
        saw = "" if part.seen is None else f"; saw {one_line(part.seen)}"
        yield f"  {'true ' if part.holds else 'false'} {'  ' * part.depth}{part.text}{saw}"
