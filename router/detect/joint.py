"""Rules and other selections asked together: one walk over an event answers both."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from router.batch import Event
from router.detect.engine import Engine, Options
from router.detect.ir import Tree
from router.detect.rules import Rule
from router.detect.views import Logsource

T = TypeVar("T")
_EVERY_EVENT = Logsource("logweir")
_MANY = 20_000


class Joint(Generic[T]):
    """Which rules does an event satisfy, and the selections of which owners? Fields of selections are ECS names."""

    def __init__(self, rules: Sequence[Rule], owners: Sequence[tuple[T, Tree | None]], options: Options) -> None:
        """`owners`: each with its selection; None selects every event."""
        self._owners = [owner for owner, _ in owners]
        self._always = frozenset(i for i, (_, tree) in enumerate(owners) if tree is None)
        self._places = {_rule(tree): i for i, (_, tree) in enumerate(owners) if tree is not None}
        self.engine = Engine([*rules, *self._places], options)
        self._known: dict[tuple[Rule, ...], tuple[tuple[Rule, ...], tuple[T, ...]]] = {}

    def match(self, event: Event, raw: bytes = b"", encoded: bytes | None = None) -> tuple[tuple[Rule, ...], tuple[T, ...]]:
        """The rules, and the owners of selections, each in their order. `raw` and `encoded` as for `Ruleset.match`."""
        verdict = tuple(self.engine.match(event, raw, encoded))
        known = self._known.get(verdict)
        return self._learn(verdict) if known is None else known

    def _learn(self, verdict: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], tuple[T, ...]]:
        if len(self._known) > _MANY:
            self._known.clear()
        places = self._always.union(self._places[rule] for rule in verdict if rule in self._places)
        rules = tuple(rule for rule in verdict if rule not in self._places)
        return self._known.setdefault(verdict, (rules, tuple(self._owners[i] for i in sorted(places))))


def _rule(tree: Tree) -> Rule:
    """A selection in the shape of a rule that sees every event."""
    return Rule(
        id="",
        title="",
        level="low",
        name="",
        author="",
        license="",
        description="",
        references=(),
        tags=(),
        falsepositives=(),
        file="",
        line=0,
        tests=(),
        logsource=_EVERY_EVENT,
        taxonomy="ecs",
        tree=tree,
    )
