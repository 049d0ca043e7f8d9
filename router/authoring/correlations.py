"""Checks of correlations: conditions that nothing fulfils, or every number; aliases that leave a rule out, or are not used."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise

from router.authoring.findings import Finding, Page
from router.correlate.order import ways
from router.detect import Correlation

_WHOLE = ("event_count", "value_count", "temporal", "temporal_ordered")
"""Types that count. What is counted is there: at least one."""
_CONDITION = ("correlation", "condition")


def correlated(pages: Iterable[Page], correlations: Iterable[Correlation]) -> Iterator[Finding]:
    """What there is to say about correlations, on the pages where they are written."""
    by_place = {(found.file, found.line): found for found in correlations}
    for page in pages:
        found = by_place.get((page.document.file, page.document.place(())[0]))
        for check in _CHECKS if found is not None else ():
            yield from check(page, found)  # type: ignore[arg-type]  # not None


def _numbers(page: Page, found: Correlation) -> Iterator[Finding]:
    if not found.condition:
        return
    numbers = list(_telling(found))
    if not any(map(found.holds, numbers)):
        most = f" (of {len(found.rules)} rules)" if found.type.startswith("temporal") else ""
        text = f"no {found.type}{most} fulfils it"
        yield page.say(_CONDITION, "warning", "never-true", text, "correct the numbers")
    elif found.type in _WHOLE and all(map(found.holds, (*numbers, 0))):
        yield page.say(_CONDITION, "warning", "always-true", f"every {found.type} fulfils it", "write how many are too many")


def _telling(found: Correlation) -> Iterator[Decimal | int]:
    """Numbers that the type can give, one at least of those for which the condition is true, and one for which it is not."""
    bounds = sorted({number for _, number in found.condition})
    if found.type not in _WHOLE:
        yield from (*bounds, bounds[0] - 1, bounds[-1] + 1, *((one + other) / 2 for one, other in pairwise(bounds)))
        return
    most = len(found.rules) if found.type.startswith("temporal") else math.inf
    near = {math.floor(bound) + step for bound in bounds for step in (-1, 0, 1, 2)}
    yield from sorted(number for number in {1, *near} if 1 <= number <= most)


def _aliases(page: Page, found: Correlation) -> Iterator[Finding]:
    written = {rule: name for name, rule in found.names.items()}
    for alias, table in found.aliases.items():
        path = ("correlation", "aliases", alias)
        if alias not in (*found.group_by, *found.fields, *found.carries):
            text = f"nothing uses the alias {alias!r}"
            yield page.say(path, "warning", "unused-alias", text, "group by it, or remove it")
            continue
        for rule in found.rules:
            if rule not in table:
                name = written.get(rule, rule)
                text = f"{alias!r} names no field of {name!r}: its matches count only if they have a field {alias!r}"
                yield page.say(path, "warning", "alias-without-rule", text, "name the field of every rule")


def _expression(page: Page, found: Correlation) -> Iterator[Finding]:
    """Of temporal_ordered it is refused."""
    if found.expression is not None and found.type == "temporal":
        with suppress(ValueError):  # too many ways to look at all of them
            if not ways(found.expression, found.rules):
                yield page.say(_CONDITION, "warning", "never-true", "no rules fulfil it together", "correct the condition")


def _months(page: Page, found: Correlation) -> Iterator[Finding]:
    written = str(page.mapping("correlation").get("timespan", ""))
    if written.endswith("M"):
        text = f"`{written}` is {found.timespan_seconds / 86400:.0f} days: M stands for months"
        yield page.say(("correlation", "timespan"), "warning", "months", text, f"write `{written.lower()}` for minutes, or days")


_CHECKS: tuple[Callable[[Page, Correlation], Iterator[Finding]], ...] = (_numbers, _expression, _aliases, _months)
