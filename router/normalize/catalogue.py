"""All normalizers at work: choose one for each payload, run it, and give a valid ECS document whatever happens."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Literal, TypeAlias

from router.batch import Event, Facts
from router.documents import load_file
from router.errors import ConfigError, Malformed, Problem
from router.ingest._multiline import Multiline
from router.normalize.choosing import Chooser
from router.normalize.compiler import compile_files
from router.normalize.container import written
from router.normalize.decoding import decode
from router.normalize.deferred import Candidate, shipped
from router.normalize.delivered import EMPTY, delivered, may_hold_several
from router.normalize.envelope import keep_envelope, unwrap
from router.normalize.explained import explained
from router.normalize.identify import HEAD
from router.normalize.line import Line
from router.normalize.normalizer import Ignored, Normalizer
from router.normalize.sealing import Original, seal
from router.normalize.senders import Hints, Senders, Told, site_of
from router.normalize.wrapped import events, keep_group
from router.registry import nearest
from rules import ROOT

Answer: TypeAlias = list[Event] | Ignored | None
_MAX_ORDERS = 1024
_FAR = 16 * HEAD
"""How much of an object that nobody knows by its first kilobyte is looked through."""


class Catalogue:
    """Compiled normalizers. `normalize` is a pure function of bytes, facts, settings and receipt time."""

    def __init__(
        self,
        normalizers: Iterable[Candidate],
        *,
        tz: str = "UTC",
        original: Original = "doubtful",
        sources: Mapping[str, Hints] | None = None,
    ) -> None:
        forced = {name: hint.normalizer for name, hint in (sources or {}).items() if hint.normalizer}
        self._chooser = Chooser(normalizers, forced)
        self._original = original
        self.enrich: Callable[[list[Event]], None] | None = None
        """Adds to finished documents, in place, what others know."""
        problems: list[Problem] = []
        self._default = site_of(tz, "", problems)
        self._sites = {name: site_of(hint.tz, name, problems) for name, hint in (sources or {}).items() if hint.tz}
        self._hosts = {name: hint.host for name, hint in (sources or {}).items() if hint.host}
        self._senders_of = {name: Senders(name, hint.senders, problems) for name, hint in (sources or {}).items() if hint.senders}
        for name, wanted in forced.items():
            if wanted not in self._chooser.normalizers:
                text = f"source {name}: there is no normalizer {wanted!r}"
                remedy = nearest(wanted, list(self._chooser.normalizers))
                problems.append(Problem("configuration", 1, f"sources.{name}.normalizer", text, remedy))
        if problems:
            raise ConfigError(problems)
        self.disabled = frozenset[str]()
        """Ids that were turned off."""
        self._text = ""
        self._facts: Facts | None = None
        """Of the last payload, and what they say:"""
        self._told = Told(self._default, "", "", "", {}, None)

    @classmethod
    def load(
        cls,
        paths: Sequence[Path] = (),
        *,
        tz: str = "UTC",
        original: Literal["always", "doubtful", "never"] = "doubtful",
        sources: Mapping[str, Hints] | None = None,
        disable: Collection[str] = (),
    ) -> "Catalogue":
        """The built-in normalizers and those of `paths` (files or folders); the same id later replaces. Raises ConfigError.

        Of `disable`, names of other rules are passed over: one list turns off rules of every kind.
        Those of `paths` are compiled now, so that their problems come at once; a built-in one when the first line asks for it.
        """
        found: dict[str, Candidate] = {normalizer.id: normalizer for normalizer in shipped(ROOT / "normalize")}
        problems: list[Problem] = []
        for path in paths:
            for normalizer in compile_files(path, problems):
                found[normalizer.id] = normalizer
        if problems:
            raise ConfigError(problems)
        kept = [n for n in found.values() if n.id not in disable]
        made = cls(kept, tz=tz, original=original, sources=sources)
        made.disabled = frozenset(disable).intersection(found)
        return made

    def prepare(self) -> None:
        """Read what it takes to choose one. Else the first payload waits for that. Raises ConfigError."""
        self._chooser.asker()

    @property
    def ignored(self) -> Counter[str]:
        """Payloads that were noise of the protocol, by normalizer."""
        return self._chooser.ignored

    def multiline(self, name: str) -> Multiline | None:
        """How the lines of this normalizer's source are joined, as its file says."""
        held = self._chooser.normalizers.get(name)
        documents = load_file(Path(held.file)) if held is not None else ()
        told = next((d.value.get("multiline") for d in documents if d.value.get("id") == name), None)
        return Multiline.model_validate(told) if told is not None else None

    def ids(self) -> list[str]:
        """The ids of all normalizers."""
        return sorted(self._chooser.normalizers)

    def normalizers(self) -> tuple[Normalizer, ...]:
        """All normalizers, compiled."""
        return self._chooser.compiled()

    def normalize(self, body: bytes, facts: Facts, time: float) -> list[Event]:
        """The documents of one payload; none when it is noise of the protocol (counted). `time`: of receipt, in epoch seconds.

        Raises Malformed for what is empty or oversized.
        """
        x, tags, kept = self._line(body, facts, time)
        self._text = x.raw
        if not may_hold_several(x.raw):
            return self._sealed(x, tags, kept)
        if (payloads := delivered(x.raw)) is not None:
            if not payloads:
                self.ignored[EMPTY] += 1
            lines = [self._line(payload, facts._replace(envelope=""), time) for payload in payloads]
            return [document for line in lines for document in self._documents(*line)]
        return self._documents(x, tags, kept)

    def _documents(self, x: Line, tags: list[str], kept: dict[str, Any] | None) -> list[Event]:
        """The documents of a payload that may hold several events."""
        found = events(x)
        if found is None:
            return self._sealed(x, tags, kept)
        documents: list[Event] = []
        for line, told in found:
            for document in self._sealed(line, tags, kept):
                keep_group(document, told)
                documents.append(document)
        return documents

    def _sealed(self, x: Line, tags: list[str], kept: dict[str, Any] | None) -> list[Event]:
        """The documents of one line, with everything that belongs into each."""
        made = self._chooser.made(x)
        if isinstance(made, Ignored):
            return []
        for document in made:
            if tags:
                document["tags"] = [*document.get("tags", ()), *tags]
            if kept:
                keep_envelope(document, kept)
            seal(document, x, self._original)
        if self.enrich is not None:
            self.enrich(made)
        return made

    def received(self) -> bytes:
        """The last payload as its sender wrote it, without envelope, for rules that search the whole message.

        Empty for JSON and XML: names of keys and escapes are no part of a message.
        """
        text = self._text
        first = text[:1]
        if first in "{[" or (first == "<" and not text[1:2].isdigit()):
            return b""
        return text.encode("utf-8", "replace")

    def _line(self, body: bytes, facts: Facts, time: float) -> tuple[Line, list[str], dict[str, Any] | None]:
        text, tags = decode(body)
        site, source, peer, envelope, meta, host = self._told if facts is self._facts else self._learn(facts)
        if envelope == "splunk_hec":
            found = unwrap(text, time, site, source, peer, dict(meta))
            if found is not None:
                return found[0], tags, found[1]
            tags.append("_norm_envelope")
        return Line(text, time, site, source, peer, meta, None, host), tags, None

    def _learn(self, facts: Facts) -> Told:
        """What a record's facts say. Records that arrived together share the object."""
        source, meta = facts.source, dict(facts.meta)
        host = meta.get("host") or self._hosts.get(source)
        site = self._sites.get(source, self._default)
        if source in self._senders_of:
            own_site, own_host = self._senders_of[source][facts.peer]
            site, host = own_site or site, meta.get("host") or own_host or host
        self._facts, self._told = facts, Told(site, source, facts.peer, facts.envelope, meta, host)
        return self._told

    def explain(self, body: bytes, facts: Facts, time: float) -> dict[str, Any]:
        """What would happen to a payload and why, for a person: candidates, the choice, the documents, what was left over."""
        x, tags, _ = self._line(body, facts, time)
        if may_hold_several(x.raw) and (payloads := delivered(x.raw)):  # of several, the first
            x = self._line(payloads[0], facts._replace(envelope=""), time)[0]
        x = held[0] if (held := written(x)) is not None else x
        told = explained(x, self._chooser.candidates(x.raw[:HEAD], x.meta), self._chooser.stages(x))
        fresh = copy(self)
        fresh._chooser, fresh.enrich = self._chooser.fresh(), None
        return {**told, "tags": tags, "documents": fresh.normalize(body, facts, time)}


__all__ = ["Catalogue", "Hints", "Malformed"]
