"""Cut the body of a HEC request into its JSON objects: back to back, with or without space, or in one array. Sans-io."""

import json
import re
from enum import Enum
from typing import Any, NoReturn, TypeAlias

import orjson

from router.errors import Malformed
from router.ingest._json_brackets import MAX_DEPTH, Brackets

Envelope: TypeAlias = tuple[bytes, dict[str, Any]]
"""One object: its bytes as received, and what they say."""

_SPACE = re.compile(rb"[ \t\r\n]*")
# Where one object may end and the next begin. Within a string the same bytes mean nothing: what stands before is no JSON then.
_BETWEEN = re.compile(rb"\}[ \t\r\n]*\{")
_BETWEEN_ITEMS = re.compile(rb"\}[ \t\r\n]*(?:,[ \t\r\n]*\{|\])")
_LOOK_BYTES = 64 << 10  # looking again after every small piece would make a large object cost its square

_State = Enum("_State", "TOP FIRST_ITEM AFTER_ITEM ITEM")
_MOVES = {
    (_State.TOP, b"["): _State.FIRST_ITEM,
    (_State.FIRST_ITEM, b"]"): _State.TOP,
    (_State.AFTER_ITEM, b"]"): _State.TOP,
    (_State.AFTER_ITEM, b","): _State.ITEM,
}


class HecObjects:
    """The objects of one body, in order. The first bad one ends it; its number is the count of those handed out."""

    def __init__(self, max_object_bytes: int) -> None:
        self._max = max_object_bytes
        self._parts: list[bytes] = []
        self._held = 0
        self._state = _State.TOP
        self._brackets: Brackets | None = None  # of a large object, that starts where what is held starts
        self._end = 0
        self.problem = ""
        """Why the next object is bad: `json`, `too_deep` or `too_large`; empty while all is well."""

    def feed(self, data: bytes) -> list[Envelope]:
        """Objects that can be told apart so far."""
        self._parts.append(data)
        self._held += len(data)
        is_worth_a_look = self._held >= _LOOK_BYTES if self._brackets is None else self._ends_within(self._brackets, data)
        return self._cut(final=False) if is_worth_a_look else []

    def _ends_within(self, brackets: Brackets, data: bytes) -> bool:
        """Whether the object that is being held ends in what has just come. What is held is not copied until then."""
        try:
            self._end = brackets.feed(data)
            self._limit(self._end or self._held)
        except Malformed as error:
            self.problem, self._parts, self._held = error.reason, [], 0
        return self._end > 0 and not self.problem

    def finish(self) -> list[Envelope]:
        """The rest; afterwards `problem` is final."""
        return self._cut(final=True)

    def _cut(self, *, final: bool) -> list[Envelope]:
        data, at, found = b"".join(self._parts), 0, list[Envelope]()
        try:
            while not self.problem:
                at = self._start(data, at)
                if at == len(data) or (envelope := self._object(data, at, final)) is None:
                    break
                found.append(envelope)
                at += len(envelope[0])
                self._brackets, self._end = None, 0
                self._state = _State.TOP if self._state is _State.TOP else _State.AFTER_ITEM
            if final and self._state is not _State.TOP:
                _bad("ends within an array")
        except Malformed as error:
            self.problem = self.problem or error.reason
        self._parts, self._held = [data[at:]], 0
        return found

    def _start(self, data: bytes, at: int) -> int:
        """Where the next object starts; past everything when there is none yet."""
        while (at := _past_space(data, at)) < len(data):
            byte = data[at : at + 1]
            state = _MOVES.get((self._state, byte))
            if state is not None:
                self._state = state
                at += 1
            elif byte == b"{" and self._state is not _State.AFTER_ITEM:
                return at
            else:
                _bad("an object must start here")
        return at

    def _object(self, data: bytes, start: int, final: bool) -> Envelope | None:
        """The object at `start`, or None while its end has not come."""
        if self._brackets is None:
            end = self._likely_end(data, start, final)
            if end and end - start <= self._max and (value := _loads(data[start:end])) is not None:
                return data[start:end], value
            if not end and len(data) - start < _LOOK_BYTES:
                return None
            self._brackets = Brackets()
            self._end = self._brackets.feed(data, start)
        end = start + self._end if self._end else 0
        self._limit((end or len(data)) - start)
        if not end:
            return _bad("ends within an object") if final else None
        value = _loads(data[start:end])
        return (data[start:end], value) if value is not None else _bad("not a JSON object")

    def _limit(self, size: int) -> None:
        if size > self._max:
            raise Malformed("too_large", f"an object above {self._max} bytes")

    def _likely_end(self, data: bytes, start: int, final: bool) -> int:
        found = (_BETWEEN if self._state is _State.TOP else _BETWEEN_ITEMS).search(data, start)
        if found:
            return found.start() + 1
        return len(data.rstrip(b" \t\r\n")) if final else 0


def _past_space(data: bytes, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _loads(data: bytes) -> dict[str, Any] | None:
    """What a JSON object says; None where it is none. Raises Malformed where it is nested too deep to be looked at."""
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        Brackets().feed(data)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _loads_surrogates(data)
    return value if isinstance(value, dict) else None


def _loads_surrogates(data: bytes) -> Any:
    """JSON with escaped lone surrogates (Windows names have them) is JSON, yet orjson refuses it."""
    if b"\\u" not in data:
        return None
    try:
        return json.loads(data.decode(), parse_constant=_bad)
    except (ValueError, RecursionError, Malformed):
        return None


def _bad(text: str) -> NoReturn:
    raise Malformed("json", text)
