"""A `detection` block by itself, over the ECS names of an event: what noise rules are made of."""

from collections.abc import Callable, Mapping
from typing import Any

from router.batch import Event
from router.detect import selections
from router.detect.ir import Tree
from router.detect.matcher import compile_tree
from router.detect.modifiers import Placeholders
from router.detect.probes import Values
from router.detect.views import EcsView
from router.documents import Document, PathKey
from router.errors import ConfigError


def read_selection(
    detection: Mapping[str, Any], document: Document, path: PathKey, placeholders: Placeholders | None = None
) -> Tree:
    """What a block of Sigma selections and a condition asks of an event, fields being ECS names (`source.ip`).

    `path` is where the block stands in `document`. Raises ConfigError with every problem.
    """
    reading = selections.Reading(document, placeholders or {})
    tree = selections.block(reading, detection, path)
    if tree is None:
        raise ConfigError(reading.problems)
    return tree


def compile_selection(
    detection: Mapping[str, Any], document: Document, path: PathKey, placeholders: Placeholders | None = None
) -> Callable[[Event], bool]:
    """The same as a test for one event, by the exact matcher. Raises ConfigError with every problem."""
    test = compile_tree(read_selection(detection, document, path, placeholders), EcsView())
    return lambda event: test(Values(event))
