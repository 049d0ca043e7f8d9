"""Checks of what a rule says about itself: title, id, dates, tags, references (Sigma 2.1, rules, correlations and filters).

Each check takes a page and gives findings. What reading a rule refuses anyway is not repeated here.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from router.authoring.findings import Finding, Page
from router.detect.attack import TACTICS

_LONGEST = {"title": 256, "name": 256, "taxonomy": 256, "description": 65_535}
_KEYS = frozenset(
    {"title", "id", "name", "related", "taxonomy", "status", "level", "logsource", "detection", "correlation", "filter"}
    | {"fields", "tags", "scope", "description", "references", "author", "date", "modified", "license", "falsepositives"}
    | {"sigma-version", "custom_attributes", "tests", "logweir.tests", "logweir"}
)
_RELATIONS = ("derived", "obsolete", "merged", "renamed", "similar", "correlation")
_TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
_NAMES = {
    "attack": re.compile(r"t\d{4}(\.\d{3})?|[gscm]\d{4}|ds\d{4}|" + "|".join(TACTICS)),
    "car": re.compile(r"\d{4}-\d{2}-\d{3}"),
    "cve": re.compile(r"\d{4}[-.]\d{4,}"),
    "d3fend": re.compile(r"d3[a-z]?-[a-z0-9]+|[a-z-]+"),
    "detection": re.compile(r"dfir|emerging-threats|threat-hunting"),
    "stp": re.compile(r"[1-5][auk]?"),
    "tlp": re.compile(r"white|clear|green|amber|amber-strict|red"),
}
"""Namespaces of tags and what may stand behind the dot (Sigma 2.1, tags appendix; tactics, techniques, groups, software,
campaigns, mitigations and data sources of ATT&CK)."""
SPECIFICATION = 2
"""The newest major version of the specification that is read."""


def said_about_itself(page: Page) -> Iterator[Finding]:
    """Every check of this file."""
    for check in _CHECKS:
        yield from check(page)


def _missing(page: Page) -> Iterator[Finding]:
    if not page.value.get("id"):
        remedy = f"give it one that stays, such as {uuid.uuid4()}"
        yield page.say((), "warning", "missing-id", "has no `id`: it changes with every edit of the rule", remedy)
    if "level" not in page.value and page.kind != "filter":
        yield page.say((), "warning", "missing-level", "has no `level`; medium is assumed", "say how bad a match is")
    for key in ("description", "author"):
        if not page.value.get(key):
            yield page.say((), "info", f"missing-{key}", f"has no `{key}`", "an alert shows it to whoever has to act")
    if "status" not in page.value and page.kind == "detection":
        yield page.say((), "info", "missing-status", "has no `status`", "`experimental` is where a rule begins")
    if page.kind != "filter" and not (page.value.get("tests") or page.value.get("logweir.tests")):
        yield page.say((), "info", "missing-tests", "has no `tests`", "one event that matches and one that does not")


def _groups(page: Page) -> Iterator[Finding]:
    if page.kind == "correlation" and not page.mapping("correlation").get("group-by"):
        text = "has no `group-by`: everything is one group"
        yield page.say(("correlation",), "warning", "missing-group-by", text, "name the fields that belong together")


def _long(page: Page) -> Iterator[Finding]:
    for key, longest in _LONGEST.items():
        if len(page.text(key)) > longest:
            text = f"`{key}` is longer than {longest} characters"
            yield page.say((key,), "warning", f"{key}-too-long", text, "shorten it")


def _identity(page: Page) -> Iterator[Finding]:
    if page.value.get("id") and not _is_uuid(page.value["id"]):
        text = f"`id` {page.value['id']!r} is no UUID"
        yield page.say(("id",), "warning", "invalid-id", text, f"use a random one, such as {uuid.uuid4()}")


def _is_uuid(value: Any) -> bool:
    try:
        return str(uuid.UUID(str(value))) == str(value).lower()
    except ValueError:
        return False


def _dates(page: Page) -> Iterator[Finding]:
    found = {}
    for key in ("date", "modified"):
        if (value := page.value.get(key)) is None:
            continue
        found[key] = _date(value)
        if found[key] is None:
            text = f"`{key}` {str(value)!r} is no date of the form YYYY-MM-DD"
            yield page.say((key,), "error", f"invalid-{key}", text, "write it as ISO 8601 has it")
    created, changed = found.get("date"), found.get("modified")
    if created and changed and changed < created:
        yield page.say(("modified",), "warning", "modified-before-date", "`modified` is before `date`", "correct one of them")


def _date(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)) else None
    except ValueError:
        return None


def _keys(page: Page) -> Iterator[Finding]:
    for key in page.value:
        if not isinstance(key, str) or key in _KEYS:
            continue
        if key != key.lower() and key.lower() in _KEYS:
            yield page.say((key,), "warning", "key-not-lowercase", f"key {key!r} is ignored", f"write {key.lower()!r}")
        elif near := _near(key):
            text = f"key {key!r} is not in the specification"
            yield page.say((key,), "warning", "unknown-key", text, f"did you mean {near!r}?")


def _near(key: str) -> str:
    import difflib

    if len(key) < 4:
        return ""
    known = sorted(name for name in _KEYS if "." not in name and len(name) > 3)
    return next(iter(difflib.get_close_matches(key, known, 1, cutoff=0.8)), "")


def _tags(page: Page) -> Iterator[Finding]:
    for i, tag in page.items("tags"):
        namespace, _, name = tag.partition(".")
        if not _TAG.fullmatch(tag):
            text = f"tag {tag!r} is not `namespace.name` in lower case"
            yield page.say(("tags", i), "warning", "invalid-tag", text, "lower-case letters, digits, `-`, `_` and `.`")
        elif namespace not in _NAMES:
            known = ", ".join(sorted(_NAMES))
            yield page.say(("tags", i), "warning", "unknown-tag-namespace", f"no tags are in {namespace!r}", f"known: {known}")
        elif not _NAMES[namespace].fullmatch(name if namespace != "attack" else name.replace("_", "-")):
            text = f"{name!r} is nothing that {namespace!r} has"
            yield page.say(("tags", i), "warning", f"invalid-{namespace}-tag", text, "see the tags appendix of Sigma")


def _repeated(page: Page) -> Iterator[Finding]:
    for key in ("tags", "references", "fields", "falsepositives"):
        seen: set[str] = set()
        for i, item in page.items(key):
            if item in seen:
                yield page.say((key, i), "warning", f"duplicate-{key}", f"{item!r} stands twice in `{key}`", "remove one")
            seen.add(item)


def _short(page: Page) -> Iterator[Finding]:
    for key in ("falsepositives", "scope"):
        for i, item in page.items(key):
            if len(item.strip()) < 2:
                yield page.say((key, i), "warning", f"{key}-too-short", f"{item!r} says nothing", "say which cases, or remove it")


def _related(page: Page) -> Iterator[Finding]:
    related = page.value.get("related")
    for i, entry in enumerate(related if isinstance(related, list) else ()):
        if not isinstance(entry, dict) or not entry.get("id") or not entry.get("type"):
            text = "an entry of `related` needs `id` and `type`"
            yield page.say(("related", i), "error", "related-incomplete", text, "complete it")
            continue
        if not _is_uuid(entry["id"]):
            text = f"{entry['id']!r} is no UUID"
            yield page.say(("related", i, "id"), "warning", "invalid-related-id", text, "give the id of the other rule")
        if entry["type"] not in _RELATIONS:
            text, remedy = f"no relation {entry['type']!r}", f"one of {', '.join(_RELATIONS)}"
            yield page.say(("related", i, "type"), "error", "invalid-related-type", text, remedy)


def _status(page: Page) -> Iterator[Finding]:
    status = page.value.get("status")
    if status == "deprecated" and not page.value.get("related"):
        remedy = "name the rule that replaces it under `related`"
        yield page.say(("status",), "warning", "deprecated-without-related", "is deprecated, for what?", remedy)
    if status == "unsupported":
        yield page.say(("status",), "info", "unsupported-status", "calls itself unsupported, and runs", "disable or mend it")
    if page.kind == "filter":
        for key in ("level", "status"):
            if key in page.value:
                yield page.say((key,), "warning", f"filter-has-{key}", f"a filter has no `{key}`", "remove it")


def _version(page: Page) -> Iterator[Finding]:
    written = page.value.get("sigma-version")
    if written is None:
        return
    major = str(written).partition(".")[0]
    if not major.isdigit() or int(major) > SPECIFICATION:
        text = f"is written for Sigma {written}; up to {SPECIFICATION}.1 is read"
        yield page.say(("sigma-version",), "error", "unsupported-version", text, "update, or write it for Sigma 2")


_CHECKS: tuple[Callable[[Page], Iterator[Finding]], ...] = (
    *(_missing, _groups, _long, _identity, _dates, _keys, _tags, _repeated, _short, _related, _status, _version),
)
