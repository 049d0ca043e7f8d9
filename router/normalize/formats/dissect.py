"""Dissect: text cut at literals, `%{a} from %{b}`. Plain splitting, so its cost is linear in the length of the text."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

_KEY = re.compile(r"(%?)%\{([^}]*)\}")


class _Cut(NamedTuple):
    name: str
    append: bool
    padded: bool
    literal: str
    """What ends it; empty: the end of the text."""


def names(pattern: str) -> list[str]:
    """The keys that a pattern fills. Raises ValueError as `compile_dissect` does."""
    return list(dict.fromkeys(cut.name for cut in _cuts(pattern)[1] if cut.name))


def _cuts(pattern: str) -> tuple[str, list[_Cut]]:
    literals, keys, at = [""], [], 0
    for found in _KEY.finditer(pattern):
        literals[-1] += pattern[at : found.start()]
        at = found.end()
        if found[1]:  # %%{ is a literal
            literals[-1] += "%{" + found[2] + "}"
            continue
        keys.append(found[2])
        literals.append("")
    literals[-1] += pattern[at:]
    if not keys:
        raise ValueError("the pattern has no %{key}")
    cuts = []
    for i, key in enumerate(keys):
        literal = literals[i + 1]
        if not literal and i + 1 < len(keys):
            raise ValueError(f"%{{{key}}} and %{{{keys[i + 1]}}} touch; put a literal between them")
        bare = key.removeprefix("+").removesuffix("->").removeprefix("?")
        cuts.append(_Cut("" if key.startswith("?") else bare, key.startswith("+"), key.endswith("->"), literal))
    return literals[0], cuts


def compile_dissect(pattern: str) -> Callable[[str], dict[str, Any] | None]:
    """A parser for this pattern; None when a literal is missing. Raises ValueError when the pattern is wrong."""
    prefix, cuts = _cuts(pattern)

    def parse(text: str) -> dict[str, Any] | None:
        if not text.startswith(prefix):
            return None
        out: dict[str, Any] = {}
        at = len(prefix)
        for name, append, padded, literal in cuts:
            if literal:
                end = text.find(literal, at)
                if end < 0:
                    return None
                value, at = text[at:end], end + len(literal)
                while padded and text.startswith(literal, at):
                    at += len(literal)
            else:
                value, at = text[at:], len(text)
            if name:
                out[name] = f"{out[name]} {value}" if append and name in out else value
        return out if at == len(text) else None

    return parse
