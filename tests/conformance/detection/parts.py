"""The parts of the suite. Each takes a setting and returns its figures, and every problem it found."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from router.detect import Rule, Ruleset
from router.detect.refusals import reason
from tests.conformance.detection import battery, corpus, correlations, differential, frontend, fuzz, metamorphic, mutation, tables
from tests.conformance.detection.generate import Quota
from tests.conformance.detection.oracle import Judge, Matcher, Oracle, Product

LEAST_PAIRS, LEAST_TRUES, LEAST_COVER = 10_000_000, 10_000, 0.99


@dataclass
class Setting:
    """What all parts share: the corpus read once, and how much to do."""

    short: bool
    seed: int
    folder: Path
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    oracle: Oracle = field(default_factory=lambda: Oracle(()))

    def __post_init__(self) -> None:
        self.placeholders = corpus.placeholders(corpus.unpack(self.folder))
        self.rules = corpus.load(self.folder, dict(self.placeholders)).rules
        self.oracle = Oracle(self.rules)

    def sample(self, share: int) -> list[Rule]:
        """One rule in `share`, where the short form runs; else all."""
        return random.Random(self.seed).sample(self.rules, len(self.rules) // share) if self.short else self.rules

    def engine(self) -> Matcher:
        """The engine under test: the product's own entry."""
        return Product(Ruleset(self.rules))


@dataclass
class Part:
    """What came of one part."""

    figures: dict[str, Any]
    problems: list[str]
    seconds: float = 0.0


def rules_read(setting: Setting) -> Part:
    """How many rules are exact as they are, how many are refused, and why."""
    plain = corpus.load(setting.folder, {})
    by_reason = Counter(reason(problem) for problem in plain.refused)
    silent = [str(p) for p in plain.refused if not (p.line and p.column and p.text and p.remedy)]
    figures = {"exact": len(plain.rules), "refused": len(plain.refused), "refused_by_reason": dict(sorted(by_reason.items()))}
    given = {"exact_with_placeholders": len(setting.rules)}
    return Part(figures | given, [f"refused without place, reason or remedy: {p}" for p in silent])


def front_end(setting: Setting) -> Part:
    """Our reading against pySigma's."""
    found = frontend.compare(setting.sample(10), setting.placeholders, setting.seed, 3 if setting.short else 10)
    figures = {"rules": found.compared, "truths": found.truths, "differing": len(found.differing)}
    return Part(figures, found.differing)


def fuzzed(setting: Setting) -> Part:
    """Rules that nobody wrote."""
    with TemporaryDirectory() as folder:
        found = fuzz.fuzz(setting.rules, 150 if setting.short else 2000, setting.seed + 4, Path(folder))
    figures = {"conditions": found.conditions, "values": found.values, "broken_rules": found.broken, "refused": found.refused}
    return Part({**figures, "wrong": len(found.wrong)}, found.wrong)


def semantic_tables(setting: Setting) -> Part:
    """The rows written from the specification."""
    with TemporaryDirectory() as folder:
        found = tables.ask(Path(folder))
    figures = {"rows": found.rows, "also_by_pysigma": found.by_pysigma, "wrong": len(found.wrong)}
    return Part(figures, found.wrong)


def real_events(setting: Setting) -> Part:
    """Engine against oracle on real events."""
    score = differential.over_real(
        setting.engine(), setting.oracle, setting.oracle, corpus.real_events(101 if setting.short else 1)
    )
    return Part(_figures(score), score.kept)


def generated_events(setting: Setting) -> Part:
    """Engine against oracle on events made for every rule."""
    rules = setting.sample(60)
    score, cover = differential.over_generated(
        setting.engine(), setting.oracle, setting.oracle, rules, Quota(2, 2, 3) if setting.short else Quota(), setting.seed
    )
    names = {r.id: Path(r.file).relative_to(setting.folder).as_posix() for r in rules}
    bare = [name for rule, name in names.items() if rule not in cover.positive]
    unmissed = [name for rule, name in names.items() if rule not in cover.negative]
    figures = {
        **_figures(score),
        "rules_made_true": len(cover.positive),
        "rules_made_nearly_true": len(cover.negative),
        "rules": len(rules),
        "made": dict(sorted(cover.kinds.items())),
        "never_true": bare,
        "never_nearly": unmissed,
    }
    short_of = len(rules) * LEAST_COVER
    few = [f"only {len(s)} of {len(rules)} rules: {what}" for s, what in _covers(cover) if len(s) < short_of]
    return Part(figures, [*score.kept, *few])


def _covers(cover: differential.Cover) -> list[tuple[set[str], str]]:
    return [(cover.positive, "made true by an event of their own"), (cover.negative, "nearly made true")]


def judged(setting: Setting) -> Part:
    """Oracle against the judge, which shares no code with it, on a sample of events."""
    judge, share = Judge(setting.oracle), 200 if setting.short else 12
    rules = random.Random(setting.seed + 1).sample(setting.rules, len(setting.rules) // share)
    quota = Quota(2, 2, 3)
    made, _ = differential.over_generated(setting.oracle, judge, setting.oracle, rules, quota, setting.seed + 1)
    real = differential.over_real(setting.oracle, judge, setting.oracle, corpus.real_events(2003 if setting.short else 101))
    sums = {name: value + _figures(real)[name] for name, value in _figures(made).items()}
    return Part(sums, [*made.kept, *real.kept])


def _figures(score: differential.Score) -> dict[str, Any]:
    return {
        "events": score.events,
        "pairs": score.pairs,
        "true_matches": score.trues,
        "differences": score.differences,
        "rules_fired": len(score.fired),
    }


def unchanged(setting: Setting) -> Part:
    """Verdicts that must not hang on anything but rule and event."""
    chance = random.Random(setting.seed + 2)
    rules = chance.sample(setting.rules, 150 if setting.short else 600)
    with TemporaryDirectory() as folder:
        real = list(corpus.real_events(2003 if setting.short else 101))
        world = metamorphic.world(rules, real, Path(folder), chance, setting.placeholders)
        found = list(metamorphic.problems(world))
    figures = {"relations": len(metamorphic.RELATIONS), "events": len(world.events), "rules": len(rules), "broken": len(found)}
    return Part(figures, found)


def correlation_vectors(setting: Setting) -> Part:
    """The 17 groups of vectors, restarts, rebalances and reloads among them."""
    found = correlations.play(5 if setting.short else 1)
    empty = [f"group {group} has no vector" for group in correlations.GROUPS if not found.by_group[group]]
    figures = {
        "groups": len(found.by_group),
        "vectors": found.by_group.total() + found.rows,
        "disturbed": found.disturbed,
        "wrong": len(found.wrong),
    }
    return Part(figures, [*found.wrong, *empty])


def mutants_noticed(setting: Setting) -> Part:
    """Faults put in on purpose: each must be noticed."""
    chance = random.Random(setting.seed + 3)
    sources, gone = mutation.named()
    drawn = [] if setting.short else mutation.drawn(_MUTATED, 40, chance)
    chosen = chance.sample(sources, 3) if setting.short else sources
    with TemporaryDirectory() as folder:
        battery.pack(Path(folder), chance.sample(setting.rules, 20 if setting.short else 150), setting.placeholders, chance)
        sound = battery.noticed(Path(folder))
        outcomes = mutation.run([*chosen, *drawn], Path(folder))
    missed = [o.source.fault for o in outcomes if o.code == mutation.SURVIVED]
    by_chance = {source.fault for source in drawn}
    figures = {
        "mutants": len(chosen),
        "noticed": len(chosen) - sum(fault not in by_chance for fault in missed),
        "drawn_by_chance": len(drawn),
        "drawn_and_noticed": len(drawn) - sum(fault in by_chance for fault in missed),
        "drawn_and_not_noticed": sorted(fault for fault in missed if fault in by_chance),
    }
    stale = [f"the line is gone, renew the mutant: {m.module}: {m.fault}" for m in gone]
    unseen = [f"not noticed: {fault}" for fault in missed if fault not in by_chance]
    return Part(figures, [*unseen, *stale, *([f"the sound product fails the battery: {sound}"] if sound else [])])


_MUTATED = tuple(
    f"router.detect.{name}"
    for name in (
        *("conditions", "message", "modifiers", "probes", "selections", "strings", "values", "views"),
        *("engine.bucket", "engine.field", "engine.keywords", "engine.layouts", "engine.literals", "engine.memo"),
        *("engine.places", "engine.predicates", "engine.required", "engine.routes", "engine.tables", "engine.wild"),
    )
)

PARTS: dict[str, Callable[[Setting], Part]] = {
    "rules": rules_read,
    "front_end": front_end,
    "fuzz": fuzzed,
    "tables": semantic_tables,
    "real": real_events,
    "generated": generated_events,
    "judged": judged,
    "metamorphic": unchanged,
    "correlations": correlation_vectors,
    "mutants": mutants_noticed,
}


def run(setting: Setting, names: Sequence[str]) -> dict[str, Part]:
    """The named parts, one after the other, each with the CPU seconds that it took."""
    done = {}
    for name in names:
        began = time.process_time()
        part = PARTS[name](setting)
        part.seconds = round(time.process_time() - began, 1)
        done[name] = part
        print(f"{name}: {'ok' if not part.problems else 'FAILED'} in {part.seconds} s CPU, {_short(part.figures)}", flush=True)
        for problem in part.problems[:5]:
            print(f"  {problem[:1000]}", flush=True)
    return done


def _short(figures: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in figures.items() if not isinstance(value, (dict, list))
    )


def totals(parts: Mapping[str, Part]) -> dict[str, int]:
    """Engine against oracle, all events together."""
    both = [parts[name].figures for name in ("real", "generated") if name in parts]
    return {name: sum(f[name] for f in both) for name in ("events", "pairs", "true_matches", "differences")}


def shortfalls(setting: Setting, parts: Mapping[str, Part]) -> list[str]:
    """What the whole form promises and did not reach."""
    if setting.short or not {"real", "generated"} <= parts.keys():
        return []
    found, least = totals(parts), {"pairs": LEAST_PAIRS, "true_matches": LEAST_TRUES}
    return [f"{found[name]} {name}, fewer than {number}" for name, number in least.items() if found[name] < number]
