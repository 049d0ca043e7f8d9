"""How a normalizer was chosen, for a person."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from router.normalize.deferred import Candidate
from router.normalize.identify import HEAD
from router.normalize.line import Line
from router.normalize.normalizer import Ignored

Asking: TypeAlias = tuple[str, Line, Sequence[Candidate]]
"""Why somebody is asked, for which text, and who, in their order."""


def explained(x: Line, candidates: Iterable[Candidate], askings: Iterable[Asking]) -> dict[str, Any]:
    """Who was asked and what each said until one accepted; `candidates` are those for the whole of `x`."""
    weights = {n.id: n.identity.weigher()(x.raw[:HEAD], x.meta) for n in candidates}
    tried: list[dict[str, Any]] = []
    chosen, why, inside = "unknown", "nobody accepts", ""
    for reason, line, choice in askings:
        if line is not x:
            weights |= {n.id: n.identity.weigher()(line.raw[:HEAD], x.meta) for n in choice}
        chosen = _asked(choice, line, tried)
        if chosen != "unknown":
            why, inside = reason, line.raw[:HEAD] if line is not x else ""
            break
    return {
        "chosen": chosen,
        "why": why,
        **({"inside": inside} if inside else {}),
        "candidates": [{"id": name, "weight": weight} for name, weight in weights.items()],
        "tried": tried,
    }


def _asked(choice: Iterable[Candidate], x: Line, tried: list[dict[str, Any]]) -> str:
    """The id of the first that accepts; what each said goes to `tried`."""
    for normalizer in choice:
        try:
            made = normalizer.run(x)
        except Exception as error:
            tried.append({"id": normalizer.id, "answer": f"failed: {type(error).__name__}: {error}"})
            return normalizer.id
        x.restart()
        answer = "not accepted" if made is None else "ignored" if isinstance(made, Ignored) else "accepted"
        tried.append({"id": normalizer.id, "answer": answer})
        if made is not None:
            return normalizer.id
    return "unknown"
