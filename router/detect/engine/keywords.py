"""Which events may hold a keyword at all. The message of the others need not be put together and searched.

What is searched here are the bytes of the event as JSON, as `orjson` writes them, and the payload; what is looked for are pieces
of keywords, as they stand in such bytes. A piece that is not there proves that the keyword is not in the message; the converse
does not hold, and the message itself decides.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from router.batch import Event
from router.detect.engine.databases import scan_bytes
from router.detect.engine.numbers import Asked
from router.detect.engine.required import required
from router.detect.folding import fold
from router.detect.ir import Wild

_FOLDS_INTO_ASCII = ("\u212a".encode(), "\u017f".encode())
"""`K` and `ſ` fold to k and s: where they stand, nothing is proven by bytes."""
_NUMBER = frozenset("0123456789.e+-infa")
"""What texts of numbers are made of. JSON writes some of them otherwise."""

Gate = Callable[[Event, bytes, bytes | None], bool]
"""(event, payload, event as orjson wrote it or None) -> whether a keyword may be in the message."""


def gate(keywords: Iterable[Asked]) -> Gate:
    """A test for keywords of which at least one must be in the message for it to matter."""
    pieces = [_pieces(asked) for asked in keywords]
    if any(found is None for found in pieces):
        return lambda event, raw, encoded: True
    find = scan_bytes(sorted({form for found in pieces for form in found or ()} | set(_FOLDS_INTO_ASCII)))

    def may_hold(event: Event, raw: bytes, encoded: bytes | None) -> bool:
        if encoded is None:
            try:
                encoded = orjson.dumps(event)
            except TypeError:  # more than JSON can hold
                return True
        return find(encoded) or (raw[:1] not in (b"", b"{", b"[") and find(raw))

    return may_hold


def _pieces(asked: Asked) -> set[bytes] | None:
    """Lower-case forms in bytes of which one stands wherever the keyword does; None if there is nothing to look for."""
    payload: Any = asked.payload
    if asked.kind == "re":
        literals = required(payload[0])
        return _forms(literals) if literals else None
    texts = [payload] if isinstance(payload, str) else [p for p in payload if not isinstance(p, Wild)]
    best = max((piece for text in texts for piece in _provable(fold(text))), key=len, default="")
    return _forms([best]) if best else None


def _provable(text: str) -> list[str]:
    """Pieces of a folded text whose bytes are the same in every event that has it: ASCII, within one line."""
    return "".join(c if " " <= c <= "~" else "\n" for c in text).split("\n")


def _forms(literals: Iterable[str]) -> set[bytes] | None:
    """A literal as it stands in a payload, and as it stands in JSON."""
    pieces = {max(_provable(literal), key=len) for literal in literals}
    if any(not piece or _NUMBER.issuperset(piece) for piece in pieces):
        return None
    return {piece.encode() for piece in pieces} | {orjson.dumps(piece)[1:-1] for piece in pieces}
