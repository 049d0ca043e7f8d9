"""One compiled normalizer: from a line to documents, or to "not mine"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from router.batch import Event
from router.normalize.expressions import Path
from router.normalize.identify import Identity
from router.normalize.line import Line
from router.normalize.runtime import dig
from router.normalize.sealing import failed

Record = dict[str, Any]
PARENT = "_parent"
"""Key of what stood beside a list of records, where a record has the same name itself."""


class Ignored:
    """The answer "mine, and nothing but noise of the protocol"."""


IGNORED = Ignored()


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Generated functions and what is known about them. `source` is their text."""

    id: str
    title: str
    file: str
    identity: Identity
    wants: Callable[[str, Mapping[str, str]], bool]
    """Does its identity hold for the first kilobyte and the receiver's facts?"""
    parse: Callable[[Line, Record], Any]
    accept: Callable[[Line, Record], bool] | None
    ignore: Callable[[Line, Record], bool] | None
    build: Callable[[Line, Record], Event]
    each: Path | None
    source: str
    fields: tuple[str, ...] = ()
    """What its file may fill by name, sorted; fields that follow from others and the rest aside."""

    def run(self, x: Line) -> list[Event] | Ignored | None:
        """The documents, IGNORED, or None when it does not accept."""
        parsed = self.parse(x, {})
        if type(parsed) is dict and self.each is None:
            return self._single(x, parsed)
        records = self._records(parsed)
        if not records:
            return None
        made = [self._single(x, record) for record in records]
        if all(answer is None for answer in made):
            return None
        documents: list[Event] = []
        for answer, record in zip(made, records, strict=True):
            if answer is None:
                documents.append(self._unread(x, record))
            elif not isinstance(answer, Ignored):
                documents.extend(answer)
        return documents or IGNORED

    def _unread(self, x: Line, record: Record) -> Event:
        """One record of a list that is not like the others."""
        document = failed(x, self.id, f"a record of this list is not one of {self.id}")
        document["message"] = orjson.dumps(record, default=str).decode()
        return document

    def _single(self, x: Line, record: Record) -> list[Event] | Ignored | None:
        if self.accept is not None and not self.accept(x, record):
            return None
        if self.ignore is not None and self.ignore(x, record):
            return IGNORED
        document = self.build(x, record)
        if x.tags:
            document["tags"] = [*document.get("tags", ()), *x.tags]
            x.tags, x.doubts = [], []
        return [document]

    def _records(self, parsed: Any) -> list[Record]:
        found: list[Record] = []
        for record in parsed if type(parsed) is list else [parsed]:
            if type(record) is dict:
                found.extend(self._split(record))
        return found

    def _split(self, record: Record) -> list[Record]:
        """The items of the list at `each`, each with what stood beside the list; the record itself when there is no list."""
        if self.each is None:
            return [record]
        items = dig(record, self.each)
        if type(items) is not list or not all(type(item) is dict for item in items):
            return [record]
        beside = _without(record, self.each)
        return [_with_parent(item, beside) for item in items]


def _without(record: Record, path: Path) -> Record:
    first, rest = str(path[0]), path[1:]
    kept = {key: value for key, value in record.items() if key != first}
    if rest and type(record.get(first)) is dict:
        below = _without(record[first], rest)
        if below:
            kept[first] = below
    return kept


def _with_parent(item: Record, beside: Record) -> Record:
    if not beside:
        return item
    clash = {key: value for key, value in beside.items() if key in item and item[key] != value}
    merged = {**beside, **item}
    if clash:
        merged[PARENT] = clash
    return merged
