"""All noise rules of a configuration, and which of them concern which sink."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import rules as content
from router.errors import ConfigError, Problem
from router.reduce.models import Trim
from router.reduce.reading import NoiseRule, read_file, rule_files
from router.reduce.trim import Cut


@dataclass(frozen=True, slots=True)
class Scope:
    """What noise rules mean for one sink."""

    live: frozenset[str]
    """Ids that leave out."""
    shadow: frozenset[str]
    """Ids that would leave out, and only count."""
    cuts: dict[str, tuple[Cut, ...]]
    """Trim rules in force: id -> what they take out."""


class NoiseRules:
    """Checked noise rules, in the order of their ids: order carries no meaning."""

    def __init__(self, rules: Iterable[NoiseRule] = ()) -> None:
        self.rules = sorted(rules, key=lambda r: r.id)
        self._by_id = {r.id: r for r in self.rules}
        self.disabled = frozenset[str]()
        """Ids that were turned off."""

    @classmethod
    def load(cls, paths: Sequence[Path] = (), *, disable: Iterable[str] = (), builtin: bool = True) -> "NoiseRules":
        """Read every rule below `paths`, and those that ship with Logweir. Raises ConfigError with every problem.

        A rule of yours replaces a built-in one with the same id; two of yours with one id are a problem.
        """
        problems: list[Problem] = []
        own = _read(paths, problems)
        shipped = _read([content.ROOT / "noise"], problems) if builtin else []
        _complain_of_repeats(own, problems)
        if problems:
            raise ConfigError(problems)
        off = frozenset(disable)
        chosen = {r.id: r for r in (*shipped, *own) if r.id not in off}
        made = cls(chosen.values())
        made.disabled = off.intersection(r.id for r in (*shipped, *own))
        return made

    def applies(self, rule_id: str, sink: str, kind: str) -> bool:
        """Whether what this rule says is done at a sink of this name and kind; a rule in shadow is done nowhere.

        An id that is not known here (an older or newer process wrote it) applies nowhere: in doubt the event is sent.
        """
        rule = self._by_id.get(rule_id)
        return rule is not None and not rule.settings.shadow and _covers(rule, sink, kind)

    def scope(self, sink: str, kind: str) -> Scope:
        """Everything that concerns one sink."""
        covering = [r for r in self.rules if _covers(r, sink, kind)]
        live = frozenset(r.id for r in covering if not r.settings.shadow)
        cuts = {r.id: _cuts(r.settings) for r in covering if isinstance(r.settings, Trim) and r.id in live}
        return Scope(live - cuts.keys(), frozenset(r.id for r in covering) - live, cuts)


def _read(paths: Iterable[Path], problems: list[Problem]) -> list[NoiseRule]:
    return [rule for file in rule_files(paths, problems) for rule in read_file(file, str(file), problems)]


def _complain_of_repeats(rules: Iterable[NoiseRule], problems: list[Problem]) -> None:
    seen: dict[str, NoiseRule] = {}
    for rule in rules:
        first = seen.setdefault(rule.id, rule)
        if first is not rule:
            place = f"{first.document.file}:{first.document.place(('id',))[0]}"
            problems.append(rule.document.problem(("id",), f"id {rule.id!r} is taken by {place}", "choose another id"))


def _covers(rule: NoiseRule, sink: str, kind: str) -> bool:
    patterns = rule.settings.sinks
    return patterns is None or any(fnmatchcase(sink, p) or fnmatchcase(kind, p) for p in patterns)


def _cuts(rule: Trim) -> tuple[Cut, ...]:
    return tuple(Cut(f, rule.keep_characters) for f in rule.fields)
