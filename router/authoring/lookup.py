"""Finding the rule that somebody means: by file, by id, by name or by title."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from router.detect import Correlation, Rule, Ruleset
from router.detect.examples import shipped_or_not
from router.errors import ConfigError, Problem
from router.registry import nearest


def found(
    text: str,
    paths: Sequence[Path] = (),
    placeholders: Mapping[str, Sequence[str]] | None = None,
    *,
    builtin: bool = True,
    pipelines: Sequence[Path] = (),
) -> tuple[Ruleset, list[Rule | Correlation]]:
    """The rules of a file (or folder), or the one with that id, name or title among `paths` and those that ship with Logweir.

    Raises ConfigError where there is none, where the file has none, or where its own rules are refused.
    """
    named = Path(text)
    outside, _ = shipped_or_not([*paths, *([named] if named.exists() else [])])
    ruleset = Ruleset.load(outside, placeholders=placeholders, builtin=builtin, strict=False, pipelines=pipelines)
    everything: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    if named.exists():
        names = set(shipped_or_not([named])[1].values())
        if refused := [p for p in ruleset.refused if p.file in names]:
            raise ConfigError(refused)
        if not (inside := [d for d in everything if d.file in names]):
            raise ConfigError([Problem(text, 1, "", "there is no rule in it", "name a Sigma rule, or a folder of them")])
        return ruleset, inside
    matching = [d for d in everything if text in (d.id, d.name) or text.lower() == d.title.lower()]
    if not matching:
        known = [key for d in everything for key in (d.id, d.name, d.title) if key]
        near = nearest(text, known) if len(known) < 2000 else ""
        remedy = near if near.startswith("did") else "give its file, id, name or title; --rules and --config say where others are"
        raise ConfigError([Problem("RULE", 1, "", f"there is no file and no rule {text!r}", remedy)])
    return ruleset, matching
