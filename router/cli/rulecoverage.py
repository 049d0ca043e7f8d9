"""`logweir rules coverage`: log sources, fields and techniques that rules cover."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from router.cli.setting import Events, Json, MaybeConfig, Setting, print_json


def coverage(
    paths: Annotated[list[Path] | None, typer.Argument(help="Rule files or folders; those in force if absent.")] = None,
    config: MaybeConfig = None,
    events: Events = None,
    navigator: Annotated[Path | None, typer.Option(help="Write an ATT&CK Navigator layer to this file.")] = None,
    details: Annotated[bool, typer.Option("--details", help="Also every rule that cannot fire, and why.")] = False,
    json: Json = False,
) -> None:
    """Say which log sources are fed and by whom, which rules can fire with the fields there are, what of ATT&CK is covered."""
    from router.authoring import coverage as covering

    setting = Setting(config, paths)
    ruleset = setting.ruleset(builtin=setting.builtin and not paths)
    covered = covering.coverage(ruleset, setting.supply(events))
    if navigator is not None:
        layer = covering.layer(covered, "Logweir", f"{len(ruleset.rules)} rules; score: how many can see the technique")
        navigator.write_bytes(orjson.dumps(layer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    if json:
        print_json(_coverage_answer(covered))
        return
    for line in _coverage_lines(covered, details):
        typer.echo(line)


def _coverage_answer(covered: Any) -> dict[str, Any]:
    from router.authoring.explain import because

    rules = [
        {"id": r.id, "title": r.title, "logsource": str(r.logsource), "verdict": f.verdict, "because": because(r, f)}
        for r, f in covered.rules
    ]
    sources = [
        {"logsource": str(s.source), "rules": s.rules, "fed_by": s.normalizers, "fields": s.fields} for s in covered.sources
    ]
    techniques = {name: [rule.id for rule in listed] for name, listed in covered.techniques().items()}
    return {
        "rules": rules,
        "verdicts": covered.verdicts(),
        "refused": covered.refused,
        "logsources": sources,
        "techniques": techniques,
        "tactics": covered.tactics(),
    }


def _coverage_lines(covered: Any, details: bool) -> Iterable[str]:
    from router.authoring.explain import because
    from router.cli.status import table

    fed, unfed = [s for s in covered.sources if s.normalizers], [s for s in covered.sources if not s.normalizers]
    yield f"{len(covered.sources)} log sources, {len(fed)} fed, {len(unfed)} that no source feeds yet"
    rows: list[tuple[str, ...]] = [("log source", "rules", "fields", "not shown", "provided by nobody", "fed by")]
    rows += [_row(s) for s in covered.sources]
    yield from ("  " + line for line in table(rows))
    yield f"{len(covered.rules)} rules: " + ", ".join(f"{count} {verdict}" for verdict, count in covered.verdicts().most_common())
    if covered.refused:
        yield "refused: " + ", ".join(f"{count} {reason}" for reason, count in covered.refused.items())
    if details:
        yield from (f"  {rule.title} ({rule.file}): {because(rule, f)}" for rule, f in covered.rules if f.verdict != "can fire")
    tactics = ", ".join(f"{name} {count}" for name, count in covered.tactics().most_common())
    yield f"{len(covered.techniques())} techniques of ATT&CK; rules by tactic: {tactics or 'none'}"


def _row(source: Any) -> tuple[str, ...]:
    states, by = list(source.fields.values()), source.normalizers
    others = f" and {len(by) - 4} more" if len(by) > 4 else ""
    counts = (str(states.count("kept")), str(states.count("nobody"))) if by else ("-", "-")
    named = ", ".join(by[:4]) + others or "no source feeds this yet"
    return str(source.source), str(source.rules), str(len(states)), *counts, named
