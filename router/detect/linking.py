"""What refers to what: filters to rules, correlations to rules and to each other."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from router.detect.correlation import Correlation, in_expression
from router.detect.ir import And, Refused
from router.detect.pipelines import Pipelines
from router.detect.rules import Filter, Metadata, Rule
from router.detect.views import Logsource
from router.errors import Problem
from router.registry import nearest

MAX_CHAIN = 10


@dataclass(slots=True)
class Linked:
    """Rules with their filters applied, correlations with references resolved to ids, and what could not be."""

    rules: list[Rule] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lints: list[Problem] = field(default_factory=list)


def link(
    rules: Sequence[Rule],
    filters: Sequence[Filter],
    correlations: Sequence[Correlation],
    disable: Collection[str],
    pipelines: Pipelines = Pipelines(),  # noqa: B008 (never changed)
) -> Linked:
    """Everything that is not disabled, put together. A correlation of a disabled rule is disabled with it."""
    linked = Linked()
    off = {d.id for d in (*rules, *correlations) if disable and not {d.id, d.name}.isdisjoint(disable)}
    known = _index([*rules, *correlations], linked)
    linked.rules = [r for r in rules if r.id not in off and known.get(r.id) is r]
    _apply([f for f in filters if {f.id, f.name}.isdisjoint(disable)], known, linked, off)
    sources = {rule.id: {rule.logsource} for rule in linked.rules if _spoken(rule) != "ecs"}
    off |= _change(linked, pipelines)
    kept = [c for c in correlations if c.id not in off and known.get(c.id) is c]
    _correlate(kept, known, linked, off)
    _rename(linked, pipelines, sources)
    _mark(linked)
    _spread(linked)
    _carry({c.id: c for c in linked.correlations})
    return linked


def _index(documents: Sequence[Rule | Correlation], linked: Linked) -> dict[str, Rule | Correlation]:
    """By id and by name. The first keeps an id or a name that stands twice."""
    known: dict[str, Rule | Correlation] = {}
    for document in documents:
        for key in dict.fromkeys((document.id, document.name)):
            if not key:
                continue
            if key in known:
                what = "id" if key == document.id else "name"
                text = f"{what} {key!r} is taken by {known[key].file}:{known[key].line}"
                linked.problems.append(_problem(document, text, "every rule needs its own"))
            else:
                known[key] = document
    return known


def _problem(document: Metadata, text: str, remedy: str = "", place: tuple[int, int] | None = None) -> Problem:
    line, column = place or (document.line, 1)
    return Problem(document.file, line, "", text, remedy, column)


def within(inner: Logsource, outer: Logsource) -> bool:
    """Whether a rule of log source `inner` is in the scope `outer`: every part that the scope names is the rule's own."""
    return all(wanted is None or wanted == part for part, wanted in zip(inner, outer, strict=True))


def _apply(filters: Sequence[Filter], known: Mapping[str, Rule | Correlation], linked: Linked, off: Collection[str]) -> None:
    for filter_ in filters:
        in_scope = [rule for rule in linked.rules if within(rule.logsource, filter_.logsource)]
        named = None if filter_.rules is None else set(_named(filter_, known, linked, off))
        for rule in in_scope:
            if named is not None and rule.id not in named:
                continue
            if _spoken(rule) != _spoken(filter_):
                text = f"speaks taxonomy {_spoken(filter_)!r}, rule {rule.id!r} {_spoken(rule)!r}"
                told = linked.lints if named is None else linked.problems
                told.append(_problem(filter_, text, "write a filter for each taxonomy", filter_.place))
                continue
            rule.tree = And((rule.tree, filter_.tree))
            rule.filters.append(filter_)


def _spoken(document: Rule | Filter) -> str:
    """The taxonomy of its field names; rules for product `logweir` speak ECS whatever they say."""
    return "ecs" if document.logsource.product == "logweir" else document.taxonomy


def _change(linked: Linked, pipelines: Pipelines) -> set[str]:
    """What pipelines make of every rule with its filters; a rule that they refuse is a problem. Returns the ids of those."""
    if not pipelines:
        return set()
    kept = []
    for rule in linked.rules:
        assert rule.block is not None
        blocks = [filter_.block for filter_ in rule.filters if filter_.block is not None]
        try:
            rule.tree, rule.logsource = pipelines.applied(rule.block, blocks, rule.document, rule.logsource)
        except Refused as refused:
            linked.problems.append(_problem(rule, refused.text, refused.remedy))
            continue
        rule.taxonomy = "sigma" if rule.taxonomy in pipelines.taxonomies else rule.taxonomy
        rule.block, rule.document = None, {}
        kept.append(rule)
    left_out = {rule.id for rule in linked.rules} - {rule.id for rule in kept}
    linked.rules = kept
    return left_out


def _rename(linked: Linked, pipelines: Pipelines, sources: Mapping[str, set[Logsource]]) -> None:
    """Fields that correlations name, called as pipelines call them in the rules of these log sources."""
    if not pipelines:
        return
    of, depths, kept = dict(sources), _depths({c.id: c for c in linked.correlations}), list[str]()
    for correlation in sorted(linked.correlations, key=lambda c: depths[c.id]):
        of[correlation.id] = {source for rule in correlation.rules for source in of.get(rule, ())}
        if not of[correlation.id] or correlation.risk is not None:  # its fields are none that a pipeline knows
            kept.append(correlation.id)
            continue
        about = {"level": correlation.level, "tags": list(correlation.tags), "title": correlation.title, "id": correlation.id}
        try:
            pipelines.rename(correlation, about, sorted(of[correlation.id], key=str))
        except Refused as refused:
            linked.problems.append(_problem(correlation, refused.text, refused.remedy, correlation.place))
            continue
        if not any(rule in depths and rule not in kept for rule in correlation.rules):
            kept.append(correlation.id)
    linked.correlations = [c for c in linked.correlations if c.id in kept]


def _named(filter_: Filter, known: Mapping[str, Rule | Correlation], linked: Linked, off: Collection[str]) -> Iterator[str]:
    for reference in filter_.rules or ():
        found = known.get(reference)
        if found is None:
            remedy = nearest(reference, sorted(known)) if len(known) < 50 else "check the id or name"
            linked.problems.append(_problem(filter_, f"no rule {reference!r}", remedy, filter_.place))
        elif isinstance(found, Correlation):
            linked.problems.append(_problem(filter_, f"{reference!r} is a correlation", "filter its rules", filter_.place))
        elif not within(found.logsource, filter_.logsource):
            text = f"rule {reference!r} is not in the filter's log source {filter_.logsource}"
            linked.lints.append(_problem(filter_, text, "widen the log source", filter_.place))
        elif found.id not in off:
            yield found.id


def _correlate(
    correlations: Sequence[Correlation], known: Mapping[str, Rule | Correlation], linked: Linked, off: Collection[str]
) -> None:
    sound = {c.id: c for c in correlations if _resolve(c, known, linked, off)}
    while broken := [c for c in sound.values() if any(isinstance(known[r], Correlation) and r not in sound for r in c.rules)]:
        for correlation in broken:  # what refers to a correlation that is left out cannot run either
            del sound[correlation.id]
            linked.lints.append(_problem(correlation, "left out, as a correlation it refers to is", "", correlation.place))
    depths = _depths(sound)
    for correlation in sound.values():
        if depths[correlation.id] > MAX_CHAIN:
            text = f"refers to itself, or is a chain of more than {MAX_CHAIN}"
            linked.problems.append(_problem(correlation, text, "break the circle", correlation.place))
        else:
            linked.correlations.append(correlation)


def _resolve(correlation: Correlation, known: Mapping[str, Rule | Correlation], linked: Linked, off: Collection[str]) -> bool:
    """References made ids, in `rules` and `aliases`. False if one is unknown (a problem) or disabled (a lint)."""
    missing = [name for name in correlation.rules if name not in known]
    strangers = [
        r for table in correlation.aliases.values() for r in table if known.get(r) is None or _not_in(r, correlation, known)
    ]
    for name in dict.fromkeys((*missing, *strangers)):
        text = f"no rule {name!r}" if name in missing else f"alias of {name!r}, which is not among its rules"
        linked.problems.append(_problem(correlation, text, "check the id or name", correlation.place))
    odd = [] if missing or correlation.is_over_all else list(_inconsistent(correlation, known))
    linked.problems += [_problem(correlation, *told, correlation.place) for told in odd]
    if missing or strangers or odd:
        return False
    ids = tuple(dict.fromkeys(known[name].id for name in correlation.rules))
    correlation.names = {name: known[name].id for name in correlation.rules}
    correlation.aliases = {a: {known[r].id: f for r, f in t.items()} for a, t in correlation.aliases.items()}
    correlation.rules = ids
    disabled = [i for i in ids if i in off]
    if disabled:
        linked.lints.append(_problem(correlation, f"disabled with its rule {disabled[0]!r}", "", correlation.place))
    return not disabled


def _inconsistent(correlation: Correlation, known: Mapping[str, Rule | Correlation]) -> Iterator[tuple[str, str]]:
    """What is wrong with its rules, and how to mend it: in no condition, not listed, twice where their order counts."""
    listed = [known[name].id for name in correlation.listed]
    for n, name in enumerate(correlation.listed):
        if correlation.type == "temporal_ordered" and listed[n] in listed[:n]:
            yield f"rule {name!r} stands twice in an order", "count its events with event_count, or name it once"
    if correlation.expression is None or not listed:
        return
    asked = {known[name].id: name for name in in_expression(correlation.expression)}
    for name in correlation.listed:
        if known[name].id not in asked:
            yield f"rule {name!r} is not in the condition", "name it there, or leave it out of `rules`"
    for rule, name in asked.items():
        if rule not in listed:
            yield f"the condition names {name!r}, which is not among `rules`", "add it, or leave `rules` out"


def _not_in(reference: str, correlation: Correlation, known: Mapping[str, Rule | Correlation]) -> bool:
    return known[reference].id not in {known[name].id for name in correlation.rules if name in known}


def _depths(all_: Mapping[str, Correlation]) -> dict[str, int]:
    """Levels of correlations from each one down; more than MAX_CHAIN for a circle and what refers to one."""
    depths = dict.fromkeys(all_, 1)
    for _ in range(MAX_CHAIN):
        for correlation in all_.values():
            depths[correlation.id] = 1 + max([depths[r] for r in correlation.rules if r in all_], default=0)
    return depths


def _carry(all_: Mapping[str, Correlation]) -> None:
    """Fields that an outer correlation needs travel with the matches of the inner ones, from level to level."""
    for _ in range(MAX_CHAIN):
        for outer in [c for c in all_.values() if c.risk is None]:
            for inner in [all_[r] for r in outer.rules if r in all_]:
                needed = [outer.aliases.get(name, {}).get(inner.id, name) for name in (*outer.group_by, *outer.fields)]
                wanted = dict.fromkeys((*inner.carries, *needed, *outer.carries))
                inner.carries = tuple(sorted(name for name in wanted if name not in inner.group_by))


def _mark(linked: Linked) -> None:
    """Rules that only feed correlations raise nothing of their own; `generate: true` anywhere wins."""
    feeding = [c for c in linked.correlations if c.risk is None]
    generating = {r for c in feeding if c.generate for r in c.rules}
    quiet = {r for c in feeding for r in c.rules} - generating
    for rule in linked.rules:
        rule.alerts = rule.id not in quiet
    for correlation in linked.correlations:
        correlation.alerts = correlation.id not in quiet


def _spread(linked: Linked) -> None:
    """Correlations of risk over `any` are over whatever raises alerts, other correlations of risk left out."""
    raising = [r.id for r in linked.rules if r.alerts] + [c.id for c in linked.correlations if c.alerts and c.risk is None]
    for correlation in linked.correlations:
        if correlation.is_over_all:
            correlation.rules = tuple(raising)
