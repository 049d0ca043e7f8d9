"""Cut the body of a HEC request into its JSON objects: back to back, with or without space, or in one array. Sans-io."""

import json
import re
from enum import Enum
from typing import Any, NoReturn, TypeAlias

import orjson

from router.errors import Malformed

Envelope: TypeAlias = tuple[bytes, dict[str, Any]]
"""One object: its bytes as received, and what they say."""

MAX_DEPTH = 64
_SPACE = re.compile(rb"[ \t\r\n]*")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
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
        self.problem = ""
        """Why the next object is bad: `json`, `too_deep` or `too_large`; empty while all is well."""

    def feed(self, data: bytes) -> list[Envelope]:
        """Objects that can be told apart so far."""
        self._parts.append(data)
        self._held += len(data)
        return self._cut(final=False) if self._held >= _LOOK_BYTES else []

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
        end = self._likely_end(data, start, final)
        if end and end - start <= self._max and (value := _loads(data[start:end])) is not None:
            return data[start:end], value
        if not end and len(data) - start <= self._max:
            return None
        end = _end(data, start)
        if (end or len(data)) - start > self._max:
            raise Malformed("too_large", f"an object above {self._max} bytes")
        if not end:
            return _bad("ends within an object") if final else None
        value = _loads(data[start:end])
        return (data[start:end], value) if value is not None else _bad("not a JSON object")

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
        _look_at_depth(data)
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


def _end(data: bytes, start: int) -> int:
    """Behind the bracket that closes the one at `start`; 0 where it is not there yet."""
    depth = 0
    for token in _TOKEN.finditer(data, start):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            if depth > MAX_DEPTH:
                _too_deep()
        elif text in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return token.end()
        elif text == b'"':  # a string without an end
            return 0
    return 0


def _look_at_depth(data: bytes) -> None:
    """Only as far as it takes: who nests a hundred thousand times keeps nobody waiting."""
    depth = 0
    for token in _TOKEN.finditer(data):
        depth += 1 if token[0] in (b"{", b"[") else -1 if token[0] in (b"}", b"]") else 0
        if depth > MAX_DEPTH:
            _too_deep()


def _too_deep() -> NoReturn:
    raise Malformed("too_deep", f"nested deeper than {MAX_DEPTH}")


def _bad(text: str) -> NoReturn:
    raise Malformed("json", text)
