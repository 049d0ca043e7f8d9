"""All normalizers at work: choose one for each payload, run it, and give a valid ECS document whatever happens."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from router.batch import Event, Facts
from router.documents import load_file
from router.errors import ConfigError, Malformed, Problem
from router.ingest._multiline import Multiline
from router.normalize.compiler import compile_files
from router.normalize.container import written
from router.normalize.decoding import decode
from router.normalize.deferred import Candidate, compiled, shipped
from router.normalize.delivered import delivered, may_hold_several
from router.normalize.envelope import keep_envelope, unwrap
from router.normalize.explained import Asking, explained
from router.normalize.identify import HEAD
from router.normalize.line import Line
from router.normalize.marks import Asker, finder
from router.normalize.normalizer import Ignored, Normalizer
from router.normalize.products import Product, product
from router.normalize.recall import Recall, Sender
from router.normalize.relayed import GENERAL, LEAST, has_header, inner
from router.normalize.remembered import Remembered
from router.normalize.sealing import Original, failed, seal, unknown
from router.normalize.senders import Hints, Senders, Told, site_of
from router.normalize.wrapped import events, keep_group, kept, message
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
        self._normalizers = {n.id: n for n in normalizers}
        self._places = tuple(self._normalizers.values())
        self._asker: Asker | None = None
        self._weigh = Remembered[int, Callable[[str, Mapping[str, str]], int]](
            lambda place: self._places[place].identity.weigher(), len(self._places)
        )
        self._orders = Remembered(self._order, _MAX_ORDERS)
        self._original = original
        self.enrich: Callable[[list[Event]], None] | None = None
        """Adds to finished documents, in place, what others know."""
        self.ignored: Counter[str] = Counter()
        """Payloads that were noise of the protocol, by normalizer."""
        problems: list[Problem] = []
        self._default = site_of(tz, "", problems)
        self._sites = {name: site_of(hint.tz, name, problems) for name, hint in (sources or {}).items() if hint.tz}
        self._hosts = {name: hint.host for name, hint in (sources or {}).items() if hint.host}
        self._senders_of = {name: Senders(name, hint.senders, problems) for name, hint in (sources or {}).items() if hint.senders}
        self._forced = {name: hint.normalizer for name, hint in (sources or {}).items() if hint.normalizer}
        for name, wanted in self._forced.items():
            if wanted not in self._normalizers:
                text = f"source {name}: there is no normalizer {wanted!r}"
                remedy = nearest(wanted, list(self._normalizers))
                problems.append(Problem("configuration", 1, f"sources.{name}.normalizer", text, remedy))
        if problems:
            raise ConfigError(problems)
        self.disabled = frozenset[str]()
        """Ids that were turned off."""
        self._text = ""
        self._facts: Facts | None = None
        """Of the last payload, and what they say:"""
        self._told = Told(self._default, "", "", "", {}, None)
        self._recall = Recall()

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
        self._asking()

    def _asking(self) -> Asker:
        if self._asker is None:
            self._asker = finder([n.identity for n in self._places])
        return self._asker

    def multiline(self, name: str) -> Multiline | None:
        """How the lines of this normalizer's source are joined, as its file says."""
        held = self._normalizers.get(name)
        documents = load_file(Path(held.file)) if held is not None else ()
        told = next((d.value.get("multiline") for d in documents if d.value.get("id") == name), None)
        return Multiline.model_validate(told) if told is not None else None

    def ids(self) -> list[str]:
        """The ids of all normalizers."""
        return sorted(self._normalizers)

    def normalizers(self) -> tuple[Normalizer, ...]:
        """All normalizers, compiled."""
        return tuple(map(compiled, self._places))

    def normalize(self, body: bytes, facts: Facts, time: float) -> list[Event]:
        """The documents of one payload; none when it is noise of the protocol (counted). `time`: of receipt, in epoch seconds.

        Raises Malformed for what is empty or oversized.
        """
        x, tags, kept = self._line(body, facts, time)
        self._text = x.raw
        if not may_hold_several(x.raw):
            return self._sealed(x, tags, kept)
        if (payloads := delivered(x.raw)) is not None:
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
        made = self._made(x)
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

    def _made(self, x: Line) -> list[Event] | Ignored:
        if (held := written(x)) is not None:
            made = self._made_of(held[0])
            kept(made, x, *held)
            return made
        return self._made_of(x)

    def _made_of(self, x: Line) -> list[Event] | Ignored:
        forced = self._forced.get(x.source)
        if forced is not None:
            return self._run_forced(self._normalizers[forced], x)
        key = (x.source, x.peer)
        recent = self._recall.recent(key)
        head = x.raw[:HEAD]
        for normalizer in recent:
            if normalizer.wants(head, x.meta):
                made = self._try(normalizer, x)
                if made is not None:
                    if normalizer is not recent[0]:
                        self._recall.remember(key, normalizer)
                    return made
        named = product(head)
        if named is not None and (general := self._recall.general(key, named)) is not None:
            made = self._try(general, x)
            if made is not None:
                return made
        candidates = self.candidates(head, x.meta)
        asked = {n.id for n in recent}
        made = self._first([n for n in candidates if n.identity.priority > GENERAL and n.id not in asked], x, key)
        if made is None:
            made = self._relayed(x, key)
        if made is None:
            made = self._first(self._far(x), x, key)
        if made is None:
            made = self._general([n for n in candidates if n.identity.priority <= GENERAL], x, key, named)
        return [unknown(x)] if made is None else made

    def _first(self, candidates: Iterable[Candidate], x: Line, key: Sender) -> Answer:
        """The answer of the first that accepts; it is remembered for the sender unless it is a general one."""
        for normalizer in candidates:
            made = self._try(normalizer, x)
            if made is not None:
                if normalizer.identity.priority >= 0:
                    self._recall.remember(key, normalizer)
                return made
        return None

    def _general(self, candidates: Iterable[Candidate], x: Line, key: Sender, named: Product | None) -> Answer:
        """The same of those that take any product; remembered for this product of the sender."""
        for normalizer in candidates:
            made = self._try(normalizer, x)
            if made is not None:
                if named is not None:
                    self._recall.remember_general(key, named, normalizer)
                return made
        return None

    def _relayed(self, x: Line, key: Sender) -> Answer:
        """The answer for what stands behind a relay's header, or in the object of a shipper."""
        inside = self._inside(x)
        if inside is None:
            return None
        found, beside, places = inside
        if "winlog" in beside and (whole := self._first(self.candidates('"winlog"', x.meta), x, key)) is not None:
            return whole  # Winlogbeat's: the message only renders what stands beside it, far behind where it is long
        general = [place for place in places if self._places[place].identity.priority <= GENERAL]
        made = self._first(self._ranked([p for p in places if p not in general], found.raw[:HEAD], x.meta), found, key)
        if made is None and beside and (behind := self._behind_header(found)) is not None:
            made = kept(self._first(self._ranked(behind[1], behind[0].raw[:HEAD], x.meta), behind[0], key), found, behind[0], {})
        if made is None:
            made = self._first(self._ranked(general, found.raw[:HEAD], x.meta), found, key)
        return kept(self._first(self._far(found), found, key) if made is None else made, x, found, beside)

    def _behind_header(self, found: Line) -> tuple[Line, list[int]] | None:
        """What stands behind the header of a line in an object, and the places of products' files for it."""
        line = inner(found)
        if line is None:
            return None
        return line, [place for place in self._behind(found.raw, line) if self._places[place].identity.priority > GENERAL]

    def _inside(self, x: Line) -> tuple[Line, dict[str, Any], list[int]] | None:
        """What stands behind a header or in an object, what was said beside it, and the places of candidates for it."""
        found = inner(x)
        beside: dict[str, Any] = {}
        least = GENERAL + 1  # CEF and LEEF of any product are read with the header
        if found is not None and found.raw[:1] == "<" and has_header(found):
            least = LEAST
        if found is None:
            held = message(x)
            if held is None:
                return None
            found, beside = held.line, held.beside
            least = LEAST if held.is_syslog else GENERAL
        return found, beside, [place for place in self._behind(x.raw, found) if self._places[place].identity.priority >= least]

    def _far(self, x: Line) -> list[Candidate]:
        """Candidates for an object whose telling keys stand far behind: keys have no order, and some encoders sort them."""
        if x.raw[:1] != "{" or len(x.raw) <= HEAD:
            return []
        return [n for n in self.candidates(x.raw[:_FAR], x.meta) if n.identity.priority > GENERAL]

    def candidates(self, head: str, meta: Mapping[str, str]) -> list[Candidate]:
        """The normalizers whose identity holds for the first kilobyte; the most telling first."""
        return self._ranked(self._asking()(head, meta), head, meta)

    def _behind(self, outer: str, found: Line) -> list[int]:
        """The places of candidates for what stands in a line, which is mostly its end."""
        head = found.raw[:HEAD]
        if outer.endswith(found.raw):
            return self._asking().behind(head, outer, len(outer) - len(found.raw), found.meta)
        return self._asking()(head, found.meta)

    def _ranked(self, places: list[int], head: str, meta: Mapping[str, str]) -> list[Candidate]:
        known = self._orders[tuple(places)]
        if known is not None:
            return [*known]

        def rank(place: int) -> tuple[int, int, str]:
            held = self._places[place]
            return -held.identity.priority, -self._weigh[place](head, meta), held.id

        return [self._places[place] for place in sorted(places, key=rank)]

    def _order(self, places: tuple[int, ...]) -> list[Candidate] | None:
        """The normalizers at these places by priority; None where some have the same, so that it takes the text to rank them."""
        found = sorted((self._places[place] for place in places), key=lambda held: -held.identity.priority)
        return found if len({held.identity.priority for held in found}) == len(found) else None

    def _try(self, normalizer: Candidate, x: Line) -> Answer:
        """The answer of one normalizer; a failure inside of it keeps the event."""
        body, header = x.body, x.head
        try:
            made = normalizer.run(x)
        except Exception as error:  # a defect in generated code must not cost an event
            x.restart()
            return [failed(x, normalizer.id, f"{type(error).__name__}: {error}"[:500])]
        if made is None:
            x.restart()
            if not x.syslog_read:
                x.body, x.head = body, header
        elif isinstance(made, Ignored):
            self.ignored[normalizer.id] += 1
        return made

    def _run_forced(self, normalizer: Candidate, x: Line) -> list[Event] | Ignored:
        made = self._try(normalizer, x)
        if made is None and (found := inner(x)) is not None:
            made = kept(self._try(normalizer, found), x, found, {})
        if made is None and (held := message(x)) is not None:
            made = kept(self._try(normalizer, held.line), x, held.line, held.beside)
        return [failed(x, normalizer.id, f"not accepted by {normalizer.id}")] if made is None else made

    def explain(self, body: bytes, facts: Facts, time: float) -> dict[str, Any]:
        """What would happen to a payload and why, for a person: candidates, the choice, the documents, what was left over."""
        x, tags, _ = self._line(body, facts, time)
        if may_hold_several(x.raw) and (payloads := delivered(x.raw)):  # of several, the first
            x = self._line(payloads[0], facts._replace(envelope=""), time)[0]
        x = held[0] if (held := written(x)) is not None else x
        told = explained(x, self.candidates(x.raw[:HEAD], x.meta), self._stages(x, self._forced.get(facts.source)))
        fresh = Catalogue(self._normalizers.values(), original=self._original, sources=None)
        fresh._default, fresh._sites, fresh._hosts, fresh._forced = self._default, self._sites, self._hosts, self._forced
        fresh._senders_of = self._senders_of
        return {**told, "tags": tags, "documents": fresh.normalize(body, facts, time)}

    def _stages(self, x: Line, forced: str | None) -> Iterator[Asking]:
        """Who is asked, for which text, and why: in the order of `_made`, but for what is remembered of a sender."""
        if forced is not None:
            yield "set for the source", x, [self._normalizers[forced]]
            return
        telling = "most telling candidate that accepts"
        candidates = self.candidates(x.raw[:HEAD], x.meta)
        yield telling, x, [n for n in candidates if n.identity.priority > GENERAL]
        inside = self._inside(x)
        if inside is not None:
            found, beside, places = inside
            if "winlog" in beside:
                yield "what stands beside the message is Winlogbeat's", x, self.candidates('"winlog"', x.meta)
            yield f"{telling} what stands inside", found, self._ranked(places, found.raw[:HEAD], x.meta)
            if beside and (behind := self._behind_header(found)) is not None:
                yield (
                    f"{telling} what stands behind the header inside",
                    behind[0],
                    self._ranked(behind[1], behind[0].raw[:HEAD], x.meta),
                )
            yield f"{telling} what stands inside, by more than its first kilobyte", found, self._far(found)
        yield f"{telling}, by more than its first kilobyte", x, self._far(x)
        yield "general: no product's file accepts", x, [n for n in candidates if n.identity.priority <= GENERAL]


__all__ = ["Catalogue", "Hints", "Malformed"]
