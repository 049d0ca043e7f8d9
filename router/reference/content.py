"""The pages of what ships as content: detections with correlations, noise rules."""

from collections.abc import Iterable
from typing import Any

from router.detect import Correlation, Rule, Ruleset
from router.reduce import NoiseRules
from router.reduce.models import KINDS
from router.reference.markdown import code, codes, table
from router.reference.settings import settings_table


def detections_page() -> str:
    """Sigma rules and correlations that ship, by id."""
    shipped = Ruleset.load([])
    rules = table(("id", "title", "level", "log source", "ATT&CK"), map(_rule, sorted(shipped.rules, key=_by_place)))
    correlations = table(
        ("id", "title", "level", "type", "counts", "by", "within", "ATT&CK"), map(_correlation, shipped.correlations)
    )
    return f"# Detections\n\nSigma rules. What they see: `rules/detect/README.md`.\n\n{rules}" + (
        f"\n## Correlations\n\n{correlations}" if correlations else ""
    )


def _by_place(rule: Rule) -> tuple[str, str]:
    return str(rule.logsource), rule.title


def _rule(rule: Rule) -> tuple[str, ...]:
    source = ", ".join(f"{k} {v}" for k, v in rule.logsource._asdict().items() if v)
    return code(rule.id), rule.title, rule.level, source, codes(_attack(rule.tags))


def _correlation(rule: Correlation) -> tuple[str, ...]:
    about: Any = rule
    return (
        code(rule.id),
        rule.title,
        rule.level,
        code(about.type),
        codes(about.rules),
        codes(about.group_by),
        f"{about.timespan_seconds:g} s",
        codes(_attack(rule.tags)),
    )


def _attack(tags: Iterable[str]) -> list[str]:
    return [tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")]


def noise_page() -> str:
    """Noise rules that ship, and the keys of each kind of rule."""
    head = ("id", "title", "kind", "datasets", "sinks", "shadow")
    rows = (
        (code(r.id), s.title, code(s.kind), codes(s.datasets), codes(s.sinks or ["all"]), "yes" if s.shadow else "no")
        for r in NoiseRules.load().rules
        if (s := r.settings)
    )
    parts = [f"# Noise rules\n\nHow to write one: `rules/noise/README.md`.\n\n{table(head, rows)}"]
    for kind, model in KINDS.items():
        schema = model.model_json_schema()
        parts.append(f"## `kind: {kind}`\n\n{model.__doc__}\n\n{settings_table(schema, schema.get('$defs', {}))}")
    return "\n".join(parts)
