"""Rules for tests, from text."""

from typing import Any

from router.detect import Ruleset, compile_selection
from router.detect.rules import Rule, rule
from router.detect.selections import Reading
from router.documents import load_text
from router.errors import ConfigError


def holds(selection: str, event: dict[str, Any], placeholders: dict[str, list[str]] | None = None) -> bool:
    """Whether one selection (flow YAML) is true for an event with ECS or plain names."""
    return whole(f"sel: {selection}\ncondition: sel", event, placeholders)


def whole(block: str, event: dict[str, Any], placeholders: dict[str, list[str]] | None = None) -> bool:
    """Whether a whole detection block is true for an event."""
    document = load_text(block, "r.yml")[0]
    return compile_selection(document.value, document, (), placeholders)(event)


def problems(block: str) -> list[str]:
    """What is wrong with a detection block, as text."""
    try:
        whole(block, {})
    except ConfigError as error:
        return [str(p) for p in error.problems]
    return []


def refused(selection: str) -> str:
    """Why a selection is refused; empty if it is not."""
    return "\n".join(problems(f"sel: {selection}\ncondition: sel"))


def read(text: str) -> Rule:
    """A rule that must be readable."""
    reading = Reading(load_text(text, "r.yml")[0], {})
    found = rule(reading)
    assert found is not None, reading.problems
    return found


def ruleset(*texts: str) -> Ruleset:
    """A rule set of rules that must be readable."""
    return Ruleset([read(text) for text in texts])


def titled(title: str, logsource: str, detection: str, more: str = "") -> str:
    """The text of a rule with one selection."""
    return f"title: {title}\nlogsource: {logsource}\n{more}\ndetection:\n  sel: {detection}\n  condition: sel\n"
