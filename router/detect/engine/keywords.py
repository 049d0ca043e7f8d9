"""Which events may hold a keyword at all. The message of the others need not be put together and searched.

What is searched here are the bytes of the event as JSON, as `orjson` writes them, and the payload; what is looked for are pieces
of keywords, as they stand in such bytes. A piece that is not there proves that the keyword is not in the message; the converse
does not hold, and the message itself decides.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import accumulate, repeat
from typing import Any, TypeAlias, cast

import orjson

from router.batch import Event
from router.detect.engine.databases import byte_finder
from router.detect.engine.numbers import Asked
from router.detect.engine.required import required
from router.detect.folding import fold
from router.detect.ir import Wild

_FOLDS_INTO_ASCII = ("\u212a".encode(), "\u017f".encode())
"""`K` and `ſ` fold to k and s: where they stand, nothing is proven by bytes."""
_NO_MESSAGE = (b"", b"{", b"[")
"""How payloads start that are searched in the event alone."""
_NUMBER = re.compile(r"[0-9.+-]*e?[0-9+-]*|[+-]?i?n?f?|n?a?n?")
"""What may stand in the text of a number. JSON writes some of them otherwise."""

Pieces: TypeAlias = frozenset[bytes]
Gate: TypeAlias = Callable[[Event, bytes, bytes | None], bool]
"""(event, payload, event as orjson wrote it or None) -> whether a keyword may be in the message."""


def pieces_of(keywords: Iterable[Asked]) -> Pieces | None:
    """What to look for, where at least one of the keywords must be in the message for it to matter; None if nothing tells."""
    found = [_pieces(asked) for asked in keywords]
    return None if None in found else frozenset[bytes]().union(_FOLDS_INTO_ASCII, *(f for f in found if f))


def gate(pieces: Pieces | None) -> Gate:
    """A test for one event."""
    if pieces is None:
        return lambda event, raw, encoded: True
    find = byte_finder(sorted(pieces))

    def may_hold(event: Event, raw: bytes, encoded: bytes | None) -> bool:
        searched = _searched(event, raw, encoded)
        return searched is None or bool(find(searched))

    return may_hold


def _searched(event: Event, raw: bytes, encoded: bytes | None) -> bytes | None:
    """The bytes to search; None if the event is more than JSON can hold."""
    if encoded is None:
        try:
            encoded = orjson.dumps(event)
        except TypeError:
            return None
    return encoded if raw[:1] in _NO_MESSAGE else encoded + b"\n" + raw


class Marks:
    """The same test for a batch of events, in one pass over all their bytes."""

    def __init__(self, pieces: Pieces) -> None:
        self._find = byte_finder(sorted(pieces))

    def of(self, events: Sequence[Event], raws: Sequence[bytes] | None, encoded: Sequence[bytes | None] | None) -> Container[int]:
        """The indexes of the events whose message may hold a keyword."""
        pieces, marked = encoded, set[int]()
        if raws is not None or encoded is None or None in encoded:
            searched = list(map(_searched, events, raws or repeat(b""), encoded or repeat(None)))
            marked.update(n for n, piece in enumerate(searched) if piece is None)
            pieces = [piece or b"" for piece in searched]
        given = cast(Sequence[bytes], pieces)
        ends = self._find(b"\n".join(given))
        if ends:
            stops = list(accumulate(len(piece) + 1 for piece in given))
            marked.update(bisect_left(stops, end) for end in ends)
        return marked


def _pieces(asked: Asked) -> set[bytes] | None:
    """Lower-case forms in bytes of which one stands wherever the keyword does; None if there is nothing to look for."""
    payload: Any = asked.payload
    if asked.kind == "re":
        sets = required(payload[0]).sets
        return _forms(sets[0]) if sets else None
    texts = [payload] if isinstance(payload, str) else [p for p in payload if not isinstance(p, Wild)]
    best = max((piece for text in texts for piece in _provable(fold(text))), key=len, default="")
    return _forms([best]) if best else None


def _provable(text: str) -> list[str]:
    """Pieces of a folded text whose bytes are the same in every event that has it: ASCII, within one line."""
    return "".join(c if " " <= c <= "~" else "\n" for c in text).split("\n")


def _forms(literals: Iterable[str]) -> set[bytes] | None:
    """A literal as it stands in a payload, and as it stands in JSON."""
    pieces = {max(_provable(literal), key=len) for literal in literals}
    if any(_NUMBER.fullmatch(piece) for piece in pieces):
        return None
    return {piece.encode() for piece in pieces} | {orjson.dumps(piece)[1:-1] for piece in pieces}
