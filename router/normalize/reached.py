"""Which cases of a normalizer ran. The code that notes it is written for the self test only: what a router runs has none."""

from collections.abc import Iterator, Sequence
from typing import Any

from router.documents import Document, PathKey
from router.errors import Problem
from router.normalize.writer import Scope

ALARMS = ("_norm_type:", "_norm_failed", "_norm_unknown")
"""How the tags begin that say: this line was not read, or not all of it."""
_LONGEST = 120
"""Characters of a condition that are told."""


class Reached:
    """Of one file, those that ran: items of `cases`, branches of every `switch`, alternatives of `any`, at any depth.

    A branch or an alternative of `parse` ran when all of its steps fitted.
    """

    def __init__(self) -> None:
        self.places: list[PathKey] = []
        self.ran: set[int] = set()
        """Positions in `places`."""

    def code(self, at: PathKey, scope: Scope) -> str:
        """Code for the case of this place: it ran."""
        self.places.append(at)
        return f"{scope.constant(self.ran, 'C')}.add({len(self.places) - 1})"

    def missed(self, document: Document) -> Iterator[Problem]:
        """The cases that did not run, in the order of the file."""
        for place in sorted((p for n, p in enumerate(self.places) if n not in self.ran), key=document.place):
            yield document.problem(place, f"no test reaches {_asked(document.value, place)}", "add a test with a line that does")


def without_malformed(document: Document, tests: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    """That none of these tests is one of a malformed line."""
    if not any(map(_is_malformed, tests)):
        text = "no test has a malformed line, one that expects `unknown: true`, `error.message` or a tag _norm_type:*"
        yield document.problem(("tests",), text, "add a line cut short, or one with a value that does not fit its field")


def _is_malformed(test: dict[str, Any]) -> bool:
    """Does it say what becomes of what cannot be read? That a field is absent does not: it may just be empty."""
    expect = test.get("expect") or {}
    tags = expect.get("tags")
    told = map(str, tags if isinstance(tags, list) else [tags])
    return bool(test.get("unknown")) or "error.message" in expect or any(tag.startswith(ALARMS) for tag in told)


def _asked(value: Any, place: PathKey) -> str:
    """What a case asks for: its condition, or the value of its branch."""
    above = [value]
    for step in place:
        above.append(above[-1][step])
    block, holder = above[-1], above[-2]
    if isinstance(holder, list):
        asked = f"the alternative `{_flow(block)}`" if place[-2] == "any" else f"the case `{_flow(block['when'])}`"
        return _cut(asked)
    is_default = place[-2] != "cases"
    switch = holder if is_default else above[-3]
    on = switch.get("on", switch.get(True))  # YAML 1.1 reads a bare `on` as true
    return _cut(f"{'the default' if is_default else f'`{_flow(place[-1])}`'} of the switch on `{on}`")


def _flow(value: Any) -> str:
    """A condition as it is written on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return {"None": "null", "True": "true", "False": "false"}.get(repr(value), str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
