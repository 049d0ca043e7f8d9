"""What a pipeline works on: one rule as it is written, and what the steps before did with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.detect.items import Item, Node, items
from router.detect.views import Logsource


@dataclass(slots=True)
class Subject:
    """A rule, or a correlation (which has no selections), on its way through the steps."""

    document: Mapping[str, Any]
    logsources: list[Logsource]
    """Of the rule itself; of a correlation those of the rules that it refers to."""
    selections: dict[str, Node] = field(default_factory=dict)
    is_correlation: bool = False
    added: list[tuple[str, bool]] = field(default_factory=list)
    """Selections that are ANDed to the condition, and whether negated."""
    state: dict[str, Any] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)

    taxonomy: str = ""
    """Of its field names, as they were written; rules for product `logweir` speak ECS whatever they say."""

    def __post_init__(self) -> None:
        ours = any(source.product == "logweir" for source in self.logsources)
        self.taxonomy = "ecs" if ours else str(self.document.get("taxonomy", "sigma"))

    def items(self) -> Iterator[Item]:
        """Every item of every selection."""
        for node in self.selections.values():
            yield from items(node)
