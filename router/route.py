"""Which records a sink wants, told by their facts alone."""

from collections.abc import Callable
from typing import NamedTuple

from router.batch import Facts
from router.reduce import Scope
from router.registry import Choice

CHOICE = "choice"
"""What stands in metrics in place of a noise rule where the sink's own choice left a record out."""

_SEVERITY = {"unknown": 0, "debug": 10, "informational": 20, "low": 30, "medium": 50, "high": 70, "critical": 90}
_ALERTS = frozenset({"alert", "signal"})
_MANY = 20_000


class Verdict(NamedTuple):
    """What a sink does with records that have the same facts."""

    left_out: str = ""
    """Empty: wanted. Else "choice", or the id of the first noise rule that leaves it out."""
    trim: tuple[str, ...] = ()
    """Ids of trim rules to follow before it is sent."""
    shadow: tuple[str, ...] = ()
    """Ids of rules in shadow that would leave it out."""
    is_alert: bool = False
    """Alerts and signals may use the reserved part of a budget."""


class Route(dict[Facts, Verdict]):
    """facts -> verdict. Worked out once for each distinct facts; remembers at most 20,000 of them."""

    def __init__(self, choice: Choice, scope: Scope) -> None:
        super().__init__()
        self._chosen, self._scope, self._noise = compile_choice(choice), scope, choice.noise

    def __missing__(self, facts: Facts) -> Verdict:
        if len(self) >= _MANY:
            self.clear()
        self[facts] = verdict = self._judge(facts)
        return verdict

    def _judge(self, facts: Facts) -> Verdict:
        is_alert = facts.kind in _ALERTS
        if not self._chosen(facts):
            return Verdict(CHOICE, is_alert=is_alert)
        if not self._noise:
            return Verdict(is_alert=is_alert)
        scope = self._scope
        left_out = next((rule for rule in facts.noise if rule in scope.live), "")
        trim = tuple(rule for rule in facts.trim if rule in scope.cuts)
        shadow = tuple(rule for rule in facts.noise if rule in scope.shadow)
        return Verdict(left_out, () if left_out else trim, () if left_out else shadow, is_alert)


def compile_choice(choice: Choice) -> Callable[[Facts], bool]:
    """A test for what a sink's `choose` block wants, noise rules aside."""
    wanted = _patterns(choice.datasets) if choice.datasets else None
    excluded = _patterns(choice.exclude_datasets)
    kinds, least = frozenset(choice.kinds), _SEVERITY[choice.min_severity]

    def chosen(facts: Facts) -> bool:
        return (
            facts.severity >= least
            and (not kinds or facts.kind in kinds)
            and (wanted is None or wanted(facts.dataset))
            and not excluded(facts.dataset)
        )

    return chosen


def _patterns(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Exact names, or prefixes with a trailing `*`."""
    exact = frozenset(p for p in patterns if not p.endswith("*"))
    prefixes = tuple(p[:-1] for p in patterns if p.endswith("*"))
    return lambda dataset: dataset in exact or dataset.startswith(prefixes)
