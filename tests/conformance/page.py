"""The published score of the normalizers: what NORMALIZATION.md says, from the figures of one run over all pairs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.conformance import gates, oddities, sources
from tests.conformance.compare import Tally

PAGE = Path(__file__).with_name("NORMALIZATION.md")
_HEAD = """# How faithful normalizing is

Written by `python -m tests.conformance.ecs --pairs ../shared/data/ecs --write-page`; not by hand. What came in and the ECS document
that another pipeline made of it, {pairs:,} times; every ECS leaf is compared by value ([`compare.py`](compare.py)). Recall is the
share of expected leaves that are right, precision the share of ours. *Strict* counts against us as well what our documents carry by
design (dataset, kind, the syslog header, a time where the shipper would add it). *Odd* is the share of a source's fields listed in
[`oddities.yaml`](oddities.yaml) as expectations that tell of that pipeline and not of the event, each with its reason: {limit:.0%} at
most. Gates: recall {r1} and precision {p1} in tier 1, {r2} and {p2} in tiers 2 and 3; a value below its gate is **bold**.

The pairs are an opinion: where they leave out what the event says, a document that says it loses precision here.

{counts}

## By source

The sources as the specification of normalizing names them, the pairs of all streams of a source together. LEEF, Kubernetes audit and
others have no pairs; what they map is held by the tests in their files.

| source | tier | pairs | recall | precision | strict | odd | gate |
|---|---|---|---|---|---|---|---|
{by_source}

## Fields that detections read most, tier 1

| fields | expected | recall | precision |
|---|---|---|---|
{groups}

## By stream

The same figures for each stream of the folder by itself. A stream of one or two pairs fails its gate with a single field.

| stream | tier | pairs | recall | precision | strict | odd | gate |
|---|---|---|---|---|---|---|---|
{by_stream}
"""


def text(tallies: Mapping[str, Tally], pooled: Mapping[sources.Source, Tally]) -> str:
    """The page."""
    (r1, p1), (r2, p2) = gates.GATES[1], gates.GATES[2]
    return _HEAD.format(
        pairs=sum(tally.pairs for tally in tallies.values()),
        limit=oddities.LIMIT,
        r1=r1,
        p1=p1,
        r2=r2,
        p2=p2,
        counts="\n".join(f"- {line}" for line in counts(tallies, pooled)),
        by_source="\n".join(_row(s.name, s.tier, s.gate, t, sources.holds(s, t)) for s, t in pooled.items()),
        groups="\n".join(_groups(tallies)),
        by_stream="\n".join(
            _row(n, gates.tier(n), gates.GATES[gates.tier(n)], t, gates.passes(n, t)) for n, t in tallies.items()
        ),
    )


def counts(tallies: Mapping[str, Tally], pooled: Mapping[sources.Source, Tally]) -> Iterator[str]:
    """How many hold their gates: sources, then streams."""
    for what, held in (
        ("sources", [(source.tier == 1, sources.holds(source, tally)) for source, tally in pooled.items()]),
        ("streams", [(gates.tier(name) == 1, gates.passes(name, tally)) for name, tally in tallies.items()]),
    ):
        for tier, is_first in (("tier 1", True), ("tier 2 and 3", False)):
            of = [passed for first, passed in held if first == is_first]
            if of:
                yield f"{tier}: {sum(of)} of {len(of)} {what} hold their gate"


def _row(name: str, tier: int, gate: tuple[float, float], tally: Tally, held: bool) -> str:
    recall, precision = (_figure(value, least) for value, least in zip((tally.recall, tally.precision), gate, strict=True))
    verdict = "holds" if held else "**misses**"
    return (
        f"| {name} | {tier} | {tally.pairs} | {recall} | {precision} | {tally.strict:.3f} | {tally.odd_share:.3f} | {verdict} |"
    )


def _figure(value: float, least: float) -> str:
    return f"{value:.3f}" if value >= least else f"**{value:.3f}**"


def _groups(tallies: Mapping[str, Tally]) -> Iterator[str]:
    whole = Tally()
    for name, tally in tallies.items():
        if gates.tier(name) == 1:
            whole.add(tally)
    for group, (recall, precision, expected) in gates.groups(whole).items():
        yield f"| {group} | {expected} | {_figure(recall, gates.CORE_GATE)} | {_figure(precision, gates.CORE_GATE)} |"
