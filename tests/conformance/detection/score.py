"""The published score: what CONFORMANCE.md says, from the figures of one whole run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "CONFORMANCE.md"
_PAGE = """# How exact detection is

Written by `python -m tests.conformance.detection --write` (a part of `make conformance`); not by hand. Form: {form}, seed {seed}.
The rules are those of SigmaHQ's release folders, the events are real Windows, cloud, network and Linux logs, and events that
were made for each rule. What each part does is said in [`detection/`](detection/).

| | |
|---|---|
| rules exact | **{exact:,}** of {rules:,} |
| rules refused | {refused:,}{reasons} |
| exact once placeholders have values | {filled:,} |
| front end against pySigma | {compared:,} rules, {truths:,} assignments of truth: **{reading} differences** |
| semantic tables | {rows:,} rows ({by_pysigma:,} of them also by pySigma's reading): **{wrong} wrong** |

## Engine against oracle

| events | number | (event, rule) pairs | true matches | rules that fired | differences |
|---|---|---|---|---|---|
{streams}
| **together** | **{events:,}** | **{pairs:,}** | **{trues:,}** | | **{differences}** |

Events made for their rule were true for {made_true:,} of {made_of:,} rules, and nearly true (one atom broken) for {made_near:,}.{never}

The oracle itself was held against a judge that shares no code with it or the engine, on a sample: {judge_pairs:,} pairs,
{judge_trues:,} true matches, **{judge_differences} differences**.

## What must not matter, and what must be noticed

- Order of keys, events and rules, memory, compiling, processes, reloads and fields beside: {relations} relations over
  {meta_events:,} events and {meta_rules:,} rules, **{broken} broken**.
- Faults put in on purpose: **{noticed} of {mutants} noticed**. Of {drawn} changes to the source that chance chose, whether they
  matter or not, {drawn_noticed} were.{unnoticed}
- Correlations: {vectors} vectors in {groups} groups, {disturbed:,} more runs of them with a restart or a kill in the middle:
  **{wrong_vectors} wrong**.
"""


def page(summary: Mapping[str, Any]) -> str:
    """The text of the page. Raises KeyError where a part was not run."""
    parts = {name: part["figures"] for name, part in summary["parts"].items()}
    rules, made, meta = parts["rules"], parts["generated"], parts["metamorphic"]
    together, judge, mutants, vectors = summary["engine_against_oracle"], parts["judged"], parts["mutants"], parts["correlations"]
    return _PAGE.format(
        form=summary["form"],
        seed=summary["seed"],
        exact=rules["exact"],
        rules=rules["exact"] + rules["refused"],
        refused=rules["refused"],
        reasons="".join(f"; {reason}: {count}" for reason, count in rules["refused_by_reason"].items()),
        filled=rules["exact_with_placeholders"],
        compared=parts["front_end"]["rules"],
        truths=parts["front_end"]["truths"],
        reading=parts["front_end"]["differing"],
        rows=parts["tables"]["rows"],
        by_pysigma=parts["tables"]["also_by_pysigma"],
        wrong=parts["tables"]["wrong"],
        streams="\n".join(_stream(name, parts[key]) for key, name in (("real", "real"), ("generated", "made for a rule"))),
        events=together["events"],
        pairs=together["pairs"],
        trues=together["true_matches"],
        differences=together["differences"],
        made_true=made["rules_made_true"],
        made_near=made["rules_made_nearly_true"],
        made_of=made["rules"],
        never=_listed(" Never true: ", made["never_true"]),
        judge_pairs=judge["pairs"],
        judge_trues=judge["true_matches"],
        judge_differences=judge["differences"],
        relations=meta["relations"],
        meta_events=meta["events"],
        meta_rules=meta["rules"],
        broken=meta["broken"],
        noticed=mutants["noticed"],
        mutants=mutants["mutants"],
        drawn=mutants["drawn_by_chance"],
        drawn_noticed=mutants["drawn_and_noticed"],
        unnoticed=_listed(" Not noticed: ", mutants["drawn_and_not_noticed"]),
        vectors=vectors["vectors"],
        groups=vectors["groups"],
        disturbed=vectors["disturbed"],
        wrong_vectors=vectors["wrong"],
    )


def _stream(name: str, figures: Mapping[str, Any]) -> str:
    numbers = (figures[key] for key in ("events", "pairs", "true_matches", "rules_fired", "differences"))
    return f"| {name} | " + " | ".join(f"{number:,}" for number in numbers) + " |"


def _listed(before: str, names: list[str]) -> str:
    return before + "; ".join(names) + "." if names else ""
