"""The linter: every remark on the rules of some files, with place, reason, remedy and severity.

What reading the rules refuses is an error; what it finds odd, and what the checks here find, is a warning or an info. The
checks cover the Sigma specification 2.1 and what other linters of it look for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from router.authoring.blocks import selected
from router.authoring.contradictions import contradicted
from router.authoring.correlations import correlated
from router.authoring.explain import because
from router.authoring.findings import SEVERITIES, Finding, Page, Severity, of_problem
from router.authoring.metadata import said_about_itself
from router.authoring.reach import reach
from router.authoring.supply import Supply
from router.detect import Rule, Ruleset
from router.detect.examples import nested, remedy_for, shipped_or_not
from router.detect.refusals import reason
from router.documents import load_file
from router.errors import ConfigError, Malformed, Problem

_NAME_LENGTHS = (10, 90)


def lint(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    ignore: Collection[str] = (),
    builtin: bool = True,
    supply: Supply | None = None,
    pipelines: Sequence[Path] = (),
) -> list[Finding]:
    """Everything there is to say about the files and folders, by place. `ignore`: names of checks to leave out.

    References are looked for among these files and, with `builtin`, the rules that ship with Logweir.
    With `supply`, also says which rules can never fire with what sources provide.
    """
    files, asked = shipped_or_not(paths)
    ruleset = Ruleset.load(files, placeholders=placeholders, builtin=builtin, strict=False, pipelines=pipelines)
    found = [of_problem(p, "error", f"refused-{reason(p)}") for p in ruleset.refused if p.file in asked.values()]
    found += [of_problem(p, "warning", _odd(p)) for p in ruleset.lints if p.file in asked.values()]
    pages, empty = _pages(asked)
    found += [
        Finding(name, 1, 1, "warning", "no-rule", "", "there is no rule in it", "write one, or remove it") for name in empty
    ]
    found += [finding for page in pages for check in (said_about_itself, selected) for finding in check(page)]
    found += [
        *contradicted(pages, ruleset.rules),
        *correlated(pages, ruleset.correlations),
        *_across(pages),
        *_file_names(asked.values()),
    ]
    found += [f for rule in ruleset.rules if rule.tests and rule.file in asked.values() for f in _vacuous(rule, ruleset)]
    if supply is not None:
        found += [f for rule in ruleset.rules if rule.file in asked.values() for f in _reached(rule, supply)]
    kept = (f for f in dict.fromkeys(found) if f.check not in ignore)
    return sorted(kept, key=lambda f: (f.file, f.line, f.column, SEVERITIES.index(f.severity), f.check))


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The severity that matters; None if there is nothing to say."""
    return min((f.severity for f in findings), key=SEVERITIES.index, default=None)


_ODD = (
    ("`all` on", "single-value-all"),
    ("`neq`", "neq-on-absent"),
    ("in no condition", "unused-selection"),
    ("not used for routing", "unknown-logsource-key"),
    ("without `not`", "filter-without-not"),
)


def _odd(problem: Problem) -> str:
    """The name of what reading a rule finds odd."""
    return next((name for text, name in _ODD if text in problem.text), "odd-reference")


def _pages(asked: Mapping[Path, str]) -> tuple[list[Page], list[str]]:
    """What stands in the files, and the names of those in which nothing does."""
    pages, empty = list[Page](), list[str]()
    for path, name in asked.items():
        try:
            documents = [document for document in load_file(path, name) if document.value is not None]
        except ConfigError:
            continue  # refused already
        if not documents:
            empty.append(name)
        pages += [Page(document) for document in documents if isinstance(document.value, dict)]
    return pages, empty


def _reached(rule: Rule, supply: Supply) -> Iterator[Finding]:
    known = reach(rule, supply)
    if known.verdict in ("never", "no source"):
        check, severity = _UNREACHED[known.verdict]
        remedy = "see `logweir rules explain`"
        yield Finding(rule.file, rule.line, 1, severity, check, "", because(rule, known), remedy)


def _vacuous(rule: Rule, ruleset: Ruleset) -> Iterator[Finding]:
    """Events that should not match, and could not: the rule does not see their log source. `test` tells of the others."""
    for line, test in rule.tests:
        event = test.get("event") if isinstance(test, Mapping) and test.get("match") is False else None
        if isinstance(event, Mapping) and not _sees(rule, event, ruleset):
            text = f"holds whatever the condition says: its event is not of log source {rule.logsource}"
            yield Finding(rule.file, line, 1, "info", "vacuous-test", "tests", text, remedy_for(rule))


def _sees(rule: Rule, event: Mapping[str, Any], ruleset: Ruleset) -> bool:
    try:
        return rule in ruleset.visible(nested(event))
    except Malformed:  # `test` tells
        return True


_UNREACHED: dict[str, tuple[str, Severity]] = {"never": ("never-fires", "warning"), "no source": ("no-source", "info")}


def _across(pages: Sequence[Page]) -> Iterator[Finding]:
    """What two rules must not share. (Ids and names that stand twice are refused.)"""
    titles: dict[str, Page] = {}
    for page in pages:
        title = page.text("title").strip().lower()
        first = titles.setdefault(title, page) if title else page
        if first is not page:
            line = first.document.place(("title",))[0]
            text = f"title {page.text('title')!r} is also that of {first.document.file}:{line}"
            yield page.say(("title",), "warning", "duplicate-title", text, "alerts are told apart by it")


def _file_names(names: Collection[str]) -> Iterator[Finding]:
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_name[Path(name).name].append(name)
        shortest, longest = _NAME_LENGTHS
        if not shortest <= len(Path(name).name) <= longest:
            text = f"the file's name has {len(Path(name).name)} characters"
            yield Finding(name, 1, 1, "info", "file-name-length", "", text, f"{shortest} to {longest} say what it is")
    for short, listed in by_name.items():
        for other in listed[1:]:
            yield Finding(other, 1, 1, "info", "duplicate-file-name", "", f"{listed[0]} has the name {short} too", "rename one")
