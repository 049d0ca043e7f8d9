"""The pages of what ships as content: normalizers, detections with correlations, noise rules."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from router.detect import Correlation, Rule, Ruleset
from router.documents import Document, load_file
from router.normalize import run_tests
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from router.reduce import NoiseRules
from router.reduce.models import KINDS
from router.reference.markdown import code, codes, table
from router.reference.settings import settings_table
from rules import ROOT

_MARKS = {"contains": "all of", "any": "one of", "starts": "starts with"}


def normalizers_page() -> str:
    """What each reads, how it is recognised, what was tried on it, and which fields it fills."""
    parts = ["# Normalizers\n\nHow to write one: `rules/normalize/README.md`.\n"]
    return "\n".join(
        parts + [_normalizer(file, d) for file in sorted((ROOT / "normalize").glob("*.yaml")) for d in load_file(file)]
    )


def _normalizer(file: Path, document: Document) -> str:
    normalizer, _ = compile_document(document, file.parent)
    assert normalizer is not None, f"{file} does not compile; run `logweir test`"
    own = [f for f in normalizer.fields if _is_vendors(f, document)]
    lines = [
        f"## `{normalizer.id}`\n\n{normalizer.title}.\n",
        f"- Recognised by: {'; '.join(_marks(normalizer))}",
        f"- Tested on: {'; '.join(dict.fromkeys(r.name for r in run_tests([file])))}",
        f"- ECS fields: {codes(f for f in normalizer.fields if f not in own)}",
        f"- Derived: {codes(document.value.get('derive', ()) or ['nothing'])}",
        f"- Everything else below {code(_rest(document))}" + (f", named there: {codes(own)}" if own else ""),
    ]
    return "\n".join(lines) + "\n"


def _rest(document: Document) -> str:
    rest = document.value["rest"]
    return str(rest["to"] if isinstance(rest, dict) else rest)


def _is_vendors(field: str, document: Document) -> bool:
    return field.startswith(_rest(document).partition(".")[0] + ".")


def _marks(normalizer: Normalizer) -> Iterator[str]:
    for mark in normalizer.identity.marks:
        found = [f"{words} {codes(map(_shown, texts))}" for name, words in _MARKS.items() if (texts := getattr(mark, name))]
        found += [f"{name} is {codes(values)}" for name, values in mark.meta]
        yield " and ".join(found)


def _shown(text: str) -> str:
    """Blanks at the ends are seen only when quoted."""
    return repr(text).replace("`", "'") if text != text.strip() or "`" in text else text


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
