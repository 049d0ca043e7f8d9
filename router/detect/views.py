"""Views: what a Sigma field name means in a Logweir document, by log source.

`views.yaml` has the tables. A name is looked up in this order, and the first place that is there wins (null counts):
  1. the places that the tables of the log source give for it, in their order (`=` stands for step 2)
  2. the vendor's own fields, by their own name, below the roots that the tables name
  3. the ECS places that the tables give for the category
  4. the name itself as a path from the top: flat documents, and ECS names
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from router.detect.message import message
from router.detect.probes import Each, First, Folded, Item, Join, Path, Probe, Texts, Translate


class Logsource(NamedTuple):
    """The parts of a Sigma log source; None where the rule does not name one."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        return "/".join(part or "*" for part in self)


class _Probes:
    """Every probe once, so that the same question about an event is asked once."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self._made: dict[object, Probe] = {}

    def path(self, text: str) -> Probe:
        if text not in self._paths:
            self._paths[text] = Path(text, self.path)
        return self._paths[text]

    def make(self, kind: type[Any], *arguments: Any) -> Probe:
        key = (kind, *(tuple(a) if isinstance(a, list) else str(a) if isinstance(a, dict) else a for a in arguments))
        if key not in self._made:
            self._made[key] = kind(*arguments)
        return self._made[key]


_PROBES = _Probes()


class EcsView:
    """Field names are ECS names: dotted paths of the document."""

    def raw(self, field: str) -> Probe:
        return _PROBES.path(field)

    def texts(self, field: str | None) -> Probe:
        return message if field is None else _PROBES.make(Texts, self.raw(field))

    def folded(self, field: str | None) -> Probe:
        return _PROBES.make(Folded, message if field is None else self.raw(field))


class SigmaView(EcsView):
    """Field names are those of Sigma's own taxonomy for one log source."""

    def __init__(self, logsource: Logsource) -> None:
        self._profiles = [profile for profile in _tables() if _applies(profile, logsource)]
        self._roots = [root for profile in self._profiles for root in _roots(profile, logsource)]
        self._raw: dict[str, Probe] = {}

    def raw(self, field: str) -> Probe:
        probe = self._raw.get(field)
        if probe is None:
            probe = self._raw[field] = self._made(field)
        return probe

    def _made(self, field: str) -> Probe:
        steps = list(dict.fromkeys(_step(s) for s in self.steps(field)))
        probes = [_probe(step) for step in steps]
        return probes[0] if len(probes) == 1 else _PROBES.make(First, probes)

    def steps(self, field: str) -> Iterator[Any]:
        """The places as the tables have them."""
        own = [f"{root}.{field}" for root in self._roots]
        for profile in self._profiles:
            for step in _listed(profile.get("fields", {}).get(field)):
                yield from own if step == "=" else [step]
        yield from own
        for profile in self._profiles:
            yield from _listed(profile.get("ecs", {}).get(field))
        yield field


def view(logsource: Logsource, taxonomy: str = "sigma") -> EcsView:
    """The view for the rules of a log source. Rules for product `logweir` and of taxonomy `ecs` speak ECS."""
    return EcsView() if taxonomy == "ecs" or logsource.product == "logweir" else _sigma(logsource)


def places(logsource: Logsource, taxonomy: str, field: str) -> list[tuple[str, ...]]:
    """Where a field of a rule is looked for, in this order: dotted paths of a document, several where all are needed."""
    seen = view(logsource, taxonomy)
    steps = seen.steps(field) if isinstance(seen, SigmaView) else [field]
    return list(dict.fromkeys(paths for step in steps for paths in _paths(step)))


def _paths(step: Any) -> list[tuple[str, ...]]:
    if isinstance(step, str):
        return [(step,)]
    if "each" in step:
        return [(path,) for path in step["each"]]
    return [tuple(step["join"]) if "join" in step else (str(step["path"]),)]


@cache
def _sigma(logsource: Logsource) -> SigmaView:
    return SigmaView(logsource)


@cache
def _tables() -> tuple[Mapping[str, Any], ...]:
    text = files("router.detect").joinpath("views.yaml").read_text("utf-8")
    return tuple(yaml.load(text, Loader=yaml.CSafeLoader)["views"])


def _applies(profile: Mapping[str, Any], logsource: Logsource) -> bool:
    """A profile applies where each part that it names is in the log source; a list names alternatives."""
    wanted = profile.get("for", {})
    return all(getattr(logsource, part) in _listed(names) for part, names in wanted.items())


def _roots(profile: Mapping[str, Any], logsource: Logsource) -> list[str]:
    named = [str(root) for root in _listed(profile.get("roots"))]
    return [root.format(service=logsource.service) for root in named if "{" not in root or logsource.service]


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _step(step: Any) -> Any:
    """A hashable form of one place: a path, or its kind and what belongs to it.

    ("join", separator, paths), ("each", None, paths), ("item", path, number), ("table", path, pairs).
    """
    if isinstance(step, str):
        return step
    if "join" in step:
        return ("join", step["with"], tuple(step["join"]))
    if "each" in step:
        return ("each", None, tuple(step["each"]))
    if "item" in step:
        return ("item", step["path"], step["item"])
    return ("table", step["path"], tuple(sorted(step["table"].items())))


def _probe(step: Any) -> Probe:
    if isinstance(step, str):
        return _PROBES.path(step)
    kind, first, rest = step
    if kind == "join":
        return _PROBES.make(Join, [_PROBES.path(p) for p in rest], first)
    if kind == "each":
        return _PROBES.make(Each, [_PROBES.path(p) for p in rest])
    if kind == "item":
        return _PROBES.make(Item, _PROBES.path(first), rest)
    return _PROBES.make(Translate, _PROBES.path(first), dict(rest))
