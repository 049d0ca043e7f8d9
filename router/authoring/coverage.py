"""What a set of rules covers: log sources that are fed or not, rules that can fire or not, techniques of ATT&CK."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.authoring.reach import Reach, Verdict, reach
from router.authoring.supply import Supply
from router.detect import Correlation, Rule, Ruleset
from router.detect.attack import TACTICS
from router.detect.refusals import reason
from router.detect.views import Logsource

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """One log source that rules name."""

    source: Logsource
    rules: int
    normalizers: tuple[str, ...]
    """Who feeds it; empty: no source does yet."""
    fields: Mapping[str, str]
    """Every field that its rules read -> mapped, seen, kept or nobody."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Everything, worked out once."""

    sources: tuple[Source, ...]
    """Those with most rules first."""
    rules: tuple[tuple[Rule, Reach], ...]
    correlations: tuple[Correlation, ...]
    refused: Mapping[str, int]
    """Rules that are left out, by reason."""

    def verdicts(self) -> Counter[Verdict]:
        """How many rules can fire, or why they cannot."""
        return Counter(found.verdict for _, found in self.rules)

    def techniques(self) -> dict[str, list[Rule | Correlation]]:
        """Technique or sub-technique -> the rules with its tag, those that can never fire left out."""
        table: defaultdict[str, list[Rule | Correlation]] = defaultdict(list)
        for rule in self._live():
            for name in dict.fromkeys(found.group(1).upper() for tag in rule.tags if (found := _TECHNIQUE.fullmatch(tag))):
                table[name].append(rule)
        return dict(sorted(table.items()))

    def _live(self) -> list[Rule | Correlation]:
        """Rules that can fire, and correlations over one that can."""
        live: dict[str, Rule | Correlation] = {
            rule.id: rule for rule, found in self.rules if found.verdict in ("can fire", "not shown")
        }
        for _ in self.correlations:  # chains: what one makes live, the next may need
            live.update({c.id: c for c in self.correlations if c.id not in live and any(r in live for r in c.rules)})
        return list(live.values())

    def tactics(self) -> Counter[str]:
        """How many rules that can fire carry each tactic."""
        live = [rule for rule, found in self.rules if found.verdict in ("can fire", "not shown")]
        named = (tag.lower().removeprefix("attack.").replace("_", "-") for rule in live for tag in dict.fromkeys(rule.tags))
        return Counter(name for name in named if name in TACTICS)


def coverage(ruleset: Ruleset, supply: Supply) -> Coverage:
    """Work out every rule."""
    worked = tuple((rule, reach(rule, supply)) for rule in ruleset.rules)
    refused = Counter(reason(problem) for problem in ruleset.refused)
    return Coverage(tuple(_sources(worked)), worked, tuple(ruleset.correlations), refused)


def _sources(worked: Sequence[tuple[Rule, Reach]]) -> Iterable[Source]:
    by_source: defaultdict[Logsource, list[Reach]] = defaultdict(list)
    for rule, found in worked:
        by_source[rule.logsource].append(found)
    for source, reaches in sorted(by_source.items(), key=lambda pair: (-len(pair[1]), str(pair[0]))):
        fields = {field.name: field.state for found in reaches for field in found.fields}
        normalizers = tuple(feed.normalizer for feed in reaches[0].feeds)
        yield Source(source, len(reaches), normalizers, dict(sorted(fields.items())))


def layer(covered: Coverage, name: str, description: str = "") -> dict[str, Any]:
    """A layer for the ATT&CK Navigator, format 4.5: a technique's score is how many rules can see it."""
    techniques = covered.techniques()
    scores = {technique: len(rules) for technique, rules in techniques.items()}
    return {
        "name": name,
        "versions": {"navigator": "5.0.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": description,
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [_technique(technique, rules, scores) for technique, rules in techniques.items()],
        "gradient": {"colors": ["#cfe8d5", "#2f9e57"], "minValue": 1, "maxValue": max(2, *scores.values(), 2)},
        "legendItems": [{"label": "one rule", "color": "#cfe8d5"}, {"label": "most rules", "color": "#2f9e57"}],
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
    }


_MAX_NAMED = 20


def _technique(technique: str, rules: Sequence[Rule | Correlation], scores: Mapping[str, int]) -> dict[str, Any]:
    titles = [rule.title for rule in rules[:_MAX_NAMED]]
    more = f"\nand {len(rules) - len(titles)} others" if len(rules) > len(titles) else ""
    entry: dict[str, Any] = {"techniqueID": technique, "score": scores[technique], "comment": "\n".join(titles) + more}
    below = any(other.startswith(technique + ".") for other in scores)
    return {**entry, "enabled": True, **({"showSubtechniques": True} if below else {})}
