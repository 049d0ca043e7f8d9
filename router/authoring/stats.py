"""What running rules do, read from the metrics of a router: matches, last fired, what they cost, what they wait for in vain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from router.authoring.reach import names
from router.detect import Correlation, Rule

_TOTALS = {
    "detect_rules": "in_force",
    "process_written_events_total": "events",
    "detect_value_lookups_total": "value_lookups",
    "detect_value_misses_total": "value_misses",
    "detect_verdict_misses_total": "verdict_misses",
    "detect_candidates_total": "candidates",
}
"""Metrics without labels, and what of `Stats` they are."""


@dataclass(slots=True)
class RuleStats:
    """One rule or correlation."""

    id: str
    title: str = ""
    level: str = ""
    logsource: str = ""
    matches: int = 0
    signals: int = 0
    """Of a correlation: alerts that it wrote."""
    last_match: float | None = None
    """Seconds since the epoch."""
    candidates: int = 0
    """How often it was worked out; 0 where it is not among the costliest."""
    not_counted: dict[str, int] = field(default_factory=dict)
    """Of a correlation: matches that it left out, by reason."""
    unseen: list[str] = field(default_factory=list)
    """Fields that it reads and no sampled event of its log source had."""


@dataclass(slots=True)
class Stats:
    """All of a router, since it was started."""

    rules: list[RuleStats]
    """The most frequent first."""
    in_force: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    events: int = 0
    """Judged."""
    value_lookups: int = 0
    value_misses: int = 0
    verdict_misses: int = 0
    candidates: int = 0
    sampled: dict[str, int] = field(default_factory=dict)
    """Events in which fields were looked for, by log source."""

    def costs(self) -> dict[str, float]:
        """Misses for each event, candidates for each verdict that was missed, and the share of values that a memo knew."""
        events, misses = max(1, self.events), max(1, self.verdict_misses)
        return {
            "value_hit_rate": 1 - self.value_misses / max(1, self.value_lookups, self.value_misses),
            "value_misses_per_event": self.value_misses / events,
            "verdict_misses_per_event": self.verdict_misses / events,
            "candidates_per_verdict_miss": self.candidates / misses,
        }


def stats(metrics: str, known: Sequence[Rule | Correlation] = ()) -> Stats:
    """The text of `/metrics`, with titles, levels and fields from the rules that are known. Raises ValueError for other text."""
    rules = {d.id: _entry(d) for d in known}
    found = Stats([])
    unseen: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            _read(sample, found, rules, unseen)
    for one in known:
        if isinstance(one, Rule) and (missing := unseen.get(str(one.logsource), set()).intersection(names(one.tree))):
            rules[one.id].unseen = sorted(missing)
    found.rules = sorted(rules.values(), key=lambda r: (-r.matches - r.signals, r.title, r.id))
    return found


def _entry(one: Rule | Correlation) -> RuleStats:
    source = str(one.logsource) if isinstance(one, Rule) else f"correlation {one.type}"
    return RuleStats(one.id, one.title, one.level, source)


def _read(sample: Any, found: Stats, rules: dict[str, RuleStats], unseen: dict[str, set[str]]) -> None:
    labels: Mapping[str, str] = sample.labels
    name, value = sample.name.removeprefix("logweir_"), sample.value
    match name:
        case "detect_matches_total" | "correlate_signals_total":
            rule = rules.setdefault(labels["rule"], RuleStats(labels["rule"], level=labels["level"]))
            if name == "detect_matches_total":
                rule.matches += int(value)
            else:
                rule.signals += int(value)
        case "correlate_not_counted_total" if value:
            rules.setdefault(labels["rule"], RuleStats(labels["rule"])).not_counted[labels["reason"]] = int(value)
        case "detect_last_match_timestamp_seconds" if value:
            rules.setdefault(labels["rule"], RuleStats(labels["rule"])).last_match = value
        case "detect_refused_rules" if value:
            found.refused[labels["reason"]] = int(value)
        case "detect_field_unseen" if value:
            unseen.setdefault(labels["logsource"], set()).add(labels["field"])
        case "detect_sampled_events":
            found.sampled[labels["logsource"]] = int(value)
        case "detect_rule_candidates_total":
            rules.setdefault(labels["rule"], RuleStats(labels["rule"])).candidates += int(value)
        case _ if name in _TOTALS:
            setattr(found, _TOTALS[name], int(value))


def silent(found: Stats) -> Iterable[RuleStats]:
    """Rules that never matched though events of their log source came."""
    return (r for r in found.rules if not r.matches and not r.signals and found.sampled.get(r.logsource))
