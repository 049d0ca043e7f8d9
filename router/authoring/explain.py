"""Everything about one rule that its author wants to read: condition, fields, who feeds it, whether it can fire."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router.authoring import words
from router.authoring.reach import Reach, reach
from router.authoring.supply import Field, State, Supply
from router.detect import Correlation, Rule
from router.detect.sources import leading_to

_MAX_LEADS = 12


def explained(rule: Rule, supply: Supply) -> dict[str, Any]:
    """A rule, for machines; `told` makes text of it."""
    found = reach(rule, supply)
    return {
        **_about(rule),
        "logsource": str(rule.logsource),
        "condition": _lines(words.condition(rule.tree)),
        "routes": [_route(lead) for lead in leading_to(rule.logsource)],
        "fed_by": [feed.normalizer for feed in found.feeds],
        "fields": [field._asdict() for field in found.fields],
        "verdict": found.verdict,
        "because": because(rule, found),
        "raises": rule.alerts,
    }


def explained_correlation(correlation: Correlation, known: Iterable[Rule | Correlation], supply: Supply) -> dict[str, Any]:
    """A correlation, for machines. `known`: what it may refer to."""
    by_id = {one.id: one for one in known}
    lines = words.correlation(correlation, {one.id: one.title for one in by_id.values()})
    rules = [rule for name in correlation.rules if isinstance(rule := by_id.get(name), Rule)]
    fields = [(rule, field) for rule in rules if correlation.risk is None for field in _looked_at(correlation, rule, supply)]
    return {
        **_about(correlation),
        "condition": _lines(lines),
        "raises": correlation.alerts,
        "fields": [{"rule": rule.title, **field._asdict()} for rule, field in fields],
        "because": _counts(correlation, fields, "nobody") or _counts(correlation, fields, "kept"),
    }


def _looked_at(correlation: Correlation, rule: Rule, supply: Supply) -> Iterator[Field]:
    """The fields that a match of a rule needs, by the names that they have in its events."""
    for name in dict.fromkeys((*correlation.group_by, *correlation.fields)):
        called = correlation.aliases.get(name, {}).get(rule.id, name)
        yield supply.field(rule.logsource, rule.taxonomy, called)


def _counts(correlation: Correlation, fields: Iterable[tuple[Rule, Field]], state: State) -> str:
    """What it means for the matches of a correlation that fields are in this state, in a sentence; empty where none is."""
    lacking = [(rule, field) for rule, field in fields if field.state == state]
    if not lacking:
        return ""
    named = ", ".join(f"{field.name} in events of {rule.title!r}" for rule, field in lacking)
    needs_all = correlation.type.startswith("temporal") and not correlation.condition and correlation.expression is None
    all_lack = needs_all or {rule.id for rule, _ in lacking}.issuperset(correlation.rules)
    if state == "nobody":
        return f"{'it can never fire' if all_lack else 'such matches never count'}: nobody provides {named}"
    return f"{'it fires' if all_lack else 'such matches count'} only if senders write {named}: kept as sent, and in no example"


def _lines(lines: Iterable[words.Line]) -> list[dict[str, Any]]:
    return [{"depth": line.depth, "text": line.text} for line in lines]


def _about(rule: Rule | Correlation) -> dict[str, Any]:
    said = {"author": rule.author, "license": rule.license, "description": rule.description, "tags": list(rule.tags)}
    return {"id": rule.id, "title": rule.title, "level": rule.level, "place": f"{rule.file}:{rule.line}", **said}


def _route(lead: Any) -> str:
    begin = f"channel {lead.channel}" if lead.channel else f"dataset {lead.dataset}"
    return begin + (f", {lead.condition}" if lead.condition else "")


def because(rule: Rule, found: Reach) -> str:
    """Why a rule can or cannot fire, in a sentence."""
    fields = ", ".join(found.missing)
    match found.verdict:
        case "no source":
            return f"it can never fire: no source feeds {rule.logsource} yet"
        case "never":
            return f"it can never fire: nothing that feeds {rule.logsource} provides {fields}, and its condition needs that"
        case "not shown":
            return f"it fires only if senders write {fields}: kept as sent, and in no example"
    return "it can fire: every field that its condition needs is provided"


def told(rule: Mapping[str, Any]) -> Iterator[str]:
    """The lines for a person."""
    yield f"{rule['title']} ({rule['level']})"
    yield f"  {rule['id']}, {rule['place']}" + (f", by {rule['author']}" if rule["author"] else "")
    if rule["description"]:
        yield f"  {' '.join(str(rule['description']).split())}"
    if not rule["raises"]:
        yield "  raises nothing of its own: only correlations use it"
    yield "matches when" if "logsource" in rule else "fires when there are"
    yield from ("  " * (line["depth"] + 1) + line["text"] for line in rule["condition"])
    if "logsource" in rule:
        yield from _reached(rule)
        return
    if rule["fields"]:
        yield "fields that a match needs to count"
    yield from (f"{_field(field)}, of {field['rule']}" for field in rule["fields"])
    if rule["because"]:
        yield rule["because"]


def _reached(rule: Mapping[str, Any]) -> Iterator[str]:
    yield f"sees {rule['logsource']}"
    routes = rule["routes"]
    yield from (f"  {route}" for route in routes[:_MAX_LEADS])
    if len(routes) > _MAX_LEADS:
        yield f"  and {len(routes) - _MAX_LEADS} other ways"
    yield "  fed by " + (", ".join(rule["fed_by"]) or "no source yet")
    yield "fields"
    yield from map(_field, rule["fields"])
    yield rule["because"]


def _field(field: Mapping[str, Any]) -> str:
    names = field["normalizers"]
    more = f" and {len(names) - _MAX_LEADS} more" if len(names) > _MAX_LEADS + 1 else ""
    by = f" by {', '.join(names[:_MAX_LEADS] if more else names)}{more}" if names else ""
    return f"  {field['name']}: {_STATES[field['state']]}{by}" + (f" as {field['place']}" if field["place"] else "")


_STATES = {
    "mapped": "filled",
    "seen": "kept, and seen in examples",
    "kept": "kept if the sender writes it",
    "nobody": "provided by nobody",
}
