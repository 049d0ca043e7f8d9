"""What the normalizers really provide: which of them feed a log source, and what becomes of a field there.

Known from three things: what a normalizer's file fills by name, what its own examples (and events that are given) hold, and
the place below which it keeps whatever else a sender writes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from router.batch import Event, Facts
from router.detect.linking import within
from router.detect.routing import Router
from router.detect.sources import Lead, leading_to
from router.detect.views import Logsource, places
from router.documents import load_file
from router.errors import ConfigError, Malformed
from router.normalize import Catalogue
from router.normalize.normalizer import Normalizer

State: TypeAlias = Literal["mapped", "seen", "kept", "nobody"]
"""mapped: some normalizer fills it by name; seen: an example holds it; kept: it would be kept where the sender writes it, and no
example shows that; nobody: there is no way for it to be there."""
_ORDER: tuple[State, ...] = ("mapped", "seen", "kept", "nobody")
_NOW = 1_767_225_600.0
_COMMON = 8
"""What examples of so many log sources hold is in the header of every event of a normalizer."""


class Feed(NamedTuple):
    """A normalizer whose events a log source's rules see."""

    normalizer: str
    leads: tuple[Lead, ...]
    """On what conditions; empty where only an example showed it."""


class Field(NamedTuple):
    """What becomes of a rule's field."""

    name: str
    state: State
    place: str
    """The path of a document that has it, the best that was found."""
    normalizers: tuple[str, ...]


@dataclass(slots=True)
class _Offer:
    """One normalizer."""

    fields: frozenset[str]
    root: str
    datasets: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    """Of the Windows event logs that it read in examples."""
    seen: defaultdict[Logsource, set[str]] = field(default_factory=lambda: defaultdict(set))


class Supply:
    """Built once; asked for many rules."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._router, self._offers = Router(), dict[str, _Offer]()
        self._feeds: dict[Logsource, list[Feed]] = {}
        for normalizer in catalogue.normalizers():
            self._offers[normalizer.id] = _offer(normalizer)
            for document in _examples(normalizer):
                self._learn(normalizer.id, document)

    def learn(self, events: Iterable[Event]) -> None:
        """Take in events as they are in the stream: ECS documents."""
        for event in events:
            facts = event.get("event")
            dataset = str(facts.get("dataset", "")) if isinstance(facts, dict) else ""
            known = next((name for name, offer in self._offers.items() if dataset in offer.datasets), dataset or "events")
            self._offers.setdefault(known, _Offer(frozenset(), ""))
            self._learn(known, event)
        self._feeds.clear()

    def _learn(self, name: str, document: Event) -> None:
        offer, key = self._offers[name], self._router.key(document)
        if key.dataset:
            offer.datasets.add(key.dataset)
        paths = set(_paths(document))
        for source in self._router.sources(key):
            offer.seen[source] |= paths
            if key.windows and source.product not in (None, "logweir"):
                offer.products.add(str(source.product))

    def feeds(self, source: Logsource) -> list[Feed]:
        """Who feeds the rules of a log source, by name; empty if no source does yet."""
        if source not in self._feeds:
            ways = leading_to(source)
            found = ((name, tuple(_led(ways, offer, source))) for name, offer in self._offers.items())
            self._feeds[source] = sorted(
                Feed(name, led) for name, led in found if led or any(within(s, source) for s in self._offers[name].seen)
            )
        return self._feeds[source]

    def field(self, source: Logsource, taxonomy: str, name: str) -> Field:
        """The best that any normalizer which feeds the log source makes of a field."""
        best = Field(name, "nobody", "", ())
        for place in places(source, taxonomy, name):
            states = {f.normalizer: self._state(f.normalizer, source, place) for f in self.feeds(source)}
            state: State = min(states.values(), key=_ORDER.index, default=_ORDER[-1])
            if _ORDER.index(state) < _ORDER.index(best.state):
                best = Field(name, state, " + ".join(place), tuple(n for n, s in states.items() if s == state))
        return best

    def _state(self, normalizer: str, source: Logsource, place: tuple[str, ...]) -> State:
        offer = self._offers[normalizer]
        seen = [paths for s, paths in offer.seen.items() if within(s, source)]
        return max((_of_path(path, offer, seen) for path in place), key=_ORDER.index)


def _of_path(path: str, offer: _Offer, seen: Iterable[set[str]]) -> State:
    if path in offer.fields or any(_related(path, known) for known in offer.fields):
        return "mapped"
    if any(path in paths for paths in seen) or sum(path in paths for paths in offer.seen.values()) >= _COMMON:
        return "seen"
    return "kept" if offer.root and path.startswith(offer.root + ".") else "nobody"


def _related(path: str, known: str) -> bool:
    """An object and what is in it: `url` is there where `url.path` is, and a list of objects holds the names below."""
    return known.startswith(path + ".") or (path.startswith(known + ".") and known.count(".") > 0)


def _led(ways: Iterable[Lead], offer: _Offer, source: Logsource) -> Iterator[Lead]:
    for lead in ways:
        if lead.channel:
            if lead.source.product in offer.products:
                yield lead
        elif source.product == "logweir":
            if not source.service or source.service in offer.datasets:
                yield lead
        elif any(_is_called(dataset, lead.dataset) for dataset in offer.datasets):
            yield lead


def _is_called(dataset: str, pattern: str) -> bool:
    return dataset.startswith(pattern[:-1]) if pattern.endswith("*") else dataset == pattern


def _offer(normalizer: Normalizer) -> _Offer:
    datasets = {normalizer.id}
    root = ""
    for value in _documents(normalizer):
        rest = value.get("rest")
        root = str(rest.get("to", "") if isinstance(rest, dict) else rest or "")
        datasets |= set(_datasets(value))
    return _Offer(frozenset(normalizer.fields), root, datasets)


def _documents(normalizer: Normalizer) -> Iterator[Mapping[str, Any]]:
    """The file's documents as written; none where it is gone."""
    try:
        read = load_file(Path(normalizer.file))
    except ConfigError:
        return
    yield from (d.value for d in read if isinstance(d.value, dict) and d.value.get("id") == normalizer.id)


def _datasets(value: Any, key: str = "") -> Iterator[str]:
    """Every literal that a file gives `event.dataset`, in tables of that name too."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name in ("tests", "map"):
                continue
            if key == "tables" and str(name).startswith("dataset") and isinstance(below, dict):
                yield from (str(v) for v in below.values() if isinstance(v, str) and not v.startswith("_"))
            yield from [str(below)] if name == "event.dataset" and isinstance(below, str) else _datasets(below, str(name))
    elif isinstance(value, list):
        for below in value:
            yield from _datasets(below, key)


def _examples(normalizer: Normalizer) -> Iterator[Event]:
    """What the tests in the normalizer's file become."""
    alone = Catalogue([normalizer])
    for value in _documents(normalizer):
        for test in _tests(value, Path(normalizer.file).parent):
            meta = tuple(sorted((str(k), str(v)) for k, v in test.get("meta", {}).items()))
            facts = Facts("test", str(test.get("peer", "")), str(test.get("envelope", "")), meta)
            body = str(test["raw"]).encode("utf-8", "surrogateescape") if "raw" in test else None
            try:
                body = body if body is not None else orjson.dumps(test.get("event"), default=str)
                documents = alone.normalize(body, facts, _NOW)
            except (Malformed, TypeError):
                continue
            yield from (d for d in documents if d.get("event", {}).get("dataset") != "unknown")


def _tests(value: Mapping[str, Any], folder: Path) -> Iterator[Mapping[str, Any]]:
    for test in value.get("tests", ()):
        if not isinstance(test, dict):
            continue
        if "files" not in test:
            yield test
            continue
        for golden in sorted(folder.glob(str(test["files"]))):
            yield from (orjson.loads(line) for line in golden.read_bytes().splitlines() if line.strip())


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted path of a document, objects and leaves; lists are looked through."""
    if isinstance(value, dict):
        for key, below in value.items():
            path = f"{prefix}{key}"
            yield path
            yield from _paths(below, path + ".")
    elif isinstance(value, list):
        for below in value:
            yield from _paths(below, prefix)
