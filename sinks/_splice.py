"""Stored documents put into requests as they are: ids as text, and what may be spliced at all. Nothing is decoded."""

import re
from binascii import b2a_base64
from collections.abc import Awaitable, Callable, Sequence

import orjson

from router.batch import Record
from router.errors import Retryable
from router.protocols import Outcome, WriteResult

_KEY_OR_BRACE = {key: re.compile(rb'[{}]|"%b":"' % key) for key in (b"name", b"hostname")}
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def id_texts(records: Sequence[Record]) -> list[bytes]:
    """Each record's id as 22 characters of unpadded base64url (RFC 4648, 5).

    All in one call: 16 bytes and 2 zero bytes give 24 characters, of which the first 22 are the id's.
    """
    text = b2a_base64(b"\0\0".join([record.id for record in records]), newline=False).translate(_URL_SAFE)
    return [text[start : start + 22] for start in range(0, 24 * len(records), 24)]


def one_line(body: bytes) -> bytes:
    """The same document without line breaks: between JSON tokens they are blanks, inside strings they are not allowed."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ")


def name_in(body: bytes, parent: bytes, key: bytes = b"name") -> bytes:
    """`parent.name` (or `parent.hostname`) of a document, as the JSON string stands there without quotes; empty if not found.

    A search, not a parser: it wants compact JSON, and braces that are balanced within strings. `"host":{` cannot stand
    inside a string (its quotes would be escaped), and a value is copied with its escapes, so it stays a JSON string.
    """
    start = _top_level(body, b'"%b":{' % parent)
    found = _inside(body, start + len(parent) + 4, key) if start else 0
    end = body.find(b'"', found)
    name = body[found:end] if found and end > 0 else b""
    return name if len(name) <= 255 and b"\\" not in name else b""


def text_in(body: bytes, key: bytes) -> bytes:
    """The text at a key of the document itself, as it stands there without quotes; empty if there is none."""
    start = _top_level(body, b'"%b":"' % key)
    value = body[start + len(key) + 4 : body.find(b'"', start + len(key) + 4)] if start else b""
    return value if len(value) <= 255 and b"\\" not in value else b""


def _top_level(body: bytes, key: bytes) -> int:
    """Where a key of the document itself stands; 0 if it does not."""
    at = body.find(key)
    while at > 0 and body.count(b"{", 0, at) - body.count(b"}", 0, at) != 1:
        at = body.find(key, at + 1)
    return max(at, 0)


def _inside(body: bytes, start: int, key: bytes) -> int:
    """Where the value of `key` begins in the object that `start` is in (right behind its brace); 0 if it has none."""
    depth = 0
    for match in _KEY_OR_BRACE[key].finditer(body, start):
        token = match[0]
        if len(token) > 1:
            if not depth:
                return match.end()
            continue
        depth += 1 if token == b"{" else -1
        if depth < 0:
            return 0
    return 0


def sendable(records: Sequence[Record]) -> tuple[Sequence[Record], list[int]]:
    """What may be spliced, and the indexes of what cannot be a JSON object and so could break the request."""
    odd = [i for i, r in enumerate(records) if r.body[:1] != b"{" or r.body[-1:] != b"}"]
    if not odd:
        return records, odd
    left_out = set(odd)
    return [r for i, r in enumerate(records) if i not in left_out], odd


async def answered(records: Sequence[Record], send: Callable[[Sequence[Record]], Awaitable[WriteResult]]) -> WriteResult:
    """One outcome for each record: `send` gets those that may be spliced, and is raised through unless one of them is broken."""
    sent, odd = sendable(records)
    try:
        result = await send(sent) if sent else WriteResult([])
    except Retryable as failure:
        result = _with_broken(sent, failure)
    return with_unfit(result, odd)


def _with_broken(records: Sequence[Record], failure: Retryable) -> WriteResult:
    """What to make of a request without an answer: documents that are no JSON are rejected, the rest is sent again.

    Only asked after a failure, since it decodes. Some servers never answer a request that holds such a document.
    Raises `failure` when every document is sound.
    """
    broken = [i for i, record in enumerate(records) if not _is_json(record.body)]
    if not broken:
        raise failure
    bad = set(broken)
    outcomes = [Outcome.REJECTED if i in bad else Outcome.RETRY for i in range(len(records))]
    reasons = {i: "not_json" if i in bad else "no_answer" for i in range(len(records))}
    return WriteResult(outcomes, reasons, failure.retry_after_seconds)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True


def with_unfit(result: WriteResult, odd: Sequence[int]) -> WriteResult:
    """The result of the records that were sent, with those that were not put back in their places."""
    if not odd:
        return result
    total = len(result.outcomes) + len(odd)
    places = sorted(set(range(total)) - set(odd))
    outcomes = [Outcome.REJECTED] * total
    for place, outcome in zip(places, result.outcomes, strict=True):
        outcomes[place] = outcome
    reasons = {places[i]: reason for i, reason in result.reasons.items()} | dict.fromkeys(odd, "not_a_json_object")
    return WriteResult(outcomes, reasons, result.retry_after_seconds)
