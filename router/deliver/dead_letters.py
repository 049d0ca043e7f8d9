"""What a dead letter looks like: a JSON envelope that keeps the record, every byte of it, and says why it lies there.

`{"stage", "reason", "attempts", "topic", "partition", "offset", "id", "time", "facts", "key", "origin", "encoding", "body"}`.
`id` and `key` are hexadecimal. `encoding` tells how `body` is written: `utf-8` (as it is), `base64`, or `zstd+base64` where
the text would outgrow what a log takes as one record; `absent` means that even that was too large, and that only the
coordinates lead back to it. The letter has the id of its record, so a letter that was written twice can be recognised.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard

from router.batch import NO_FACTS, Facts, Origin, Partition, Record
from router.errors import Malformed

_ROOMY_BYTES = 600_000
_MAX_BODY_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter, read back. `record` is the record as it was, fit to be sent again."""

    stage: str
    reason: str
    attempts: int
    topic: str
    partition: int
    offset: int
    record: Record
    complete: bool = True
    """False: the body was too large for the dead letters and is empty here; fetch it by its coordinates."""


def dead_letter(
    record: Record, *, stage: str, reason: str, topic: str, partition: int, offset: int, attempts: int, keep_body: bool = True
) -> Record:
    """The letter for a record that `stage` (process, correlate or a sink's name) could not use.

    The coordinates are those of the record in the log. `reason` must not hold event content or secrets.
    """
    encoding, body = _written(record.body) if keep_body else ("absent", "")
    envelope = {
        "stage": stage,
        "reason": reason.encode("utf-8", "replace").decode(),
        "attempts": attempts,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "id": record.id.hex(),
        "time": record.time,
        "facts": {k: v for k, v in record.facts._asdict().items() if v},
        "key": record.key.hex(),
        "origin": list(record.origin) if record.origin is not None else None,
        "encoding": encoding,
        "body": body,
    }
    return Record(record.id, orjson.dumps(envelope), record.time, record.facts)


def alert_too_large(record: Record, place: Partition, offset: int, keep_body: bool) -> Record:
    """The letter for what `correlate` made of a match at that place, and the log does not take."""
    return dead_letter(
        record,
        stage="correlate",
        reason="alert_too_large",
        topic=place.topic,
        partition=place.number,
        offset=offset,
        attempts=1,
        keep_body=keep_body,
    )


def read_dead_letter(letter: Record) -> DeadLetter:
    """Read a letter back. Raises Malformed where it is not one."""
    try:
        return _read(orjson.loads(letter.body))
    except (KeyError, TypeError, ValueError, zstandard.ZstdError) as error:
        raise Malformed("not_a_dead_letter", type(error).__name__) from error


def _read(envelope: dict[str, Any]) -> DeadLetter:
    record = Record(
        bytes.fromhex(envelope["id"]),
        _body(envelope["encoding"], envelope["body"]),
        float(envelope["time"]),
        _facts(envelope["facts"]),
        bytes.fromhex(envelope["key"]),
        Origin(*envelope["origin"]) if envelope["origin"] is not None else None,
    )
    place = envelope["topic"], int(envelope["partition"]), int(envelope["offset"])
    whole = envelope["encoding"] != "absent"
    return DeadLetter(envelope["stage"], envelope["reason"], int(envelope["attempts"]), *place, record, whole)


def _written(body: bytes) -> tuple[str, str]:
    """Text where it is text, base64 where it is not; compressed where that would outgrow the record it came from."""
    if len(body) <= _ROOMY_BYTES:
        text = _text(body)
        if text is not None:
            return "utf-8", text
        if len(body) <= _ROOMY_BYTES * 3 // 4:
            return "base64", b64encode(body).decode()
    return "zstd+base64", b64encode(zstandard.ZstdCompressor(3).compress(body)).decode()


def _text(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    # Control characters take six bytes each in JSON.
    return text if len(orjson.dumps(text)) <= max(_ROOMY_BYTES, 2 + len(body)) else None


def _body(encoding: str, text: str) -> bytes:
    if encoding == "utf-8":
        return text.encode()
    if encoding == "absent":
        return b""
    data = b64decode(text, validate=True)
    if encoding == "base64":
        return data
    if encoding != "zstd+base64":
        raise ValueError(encoding)
    return zstandard.ZstdDecompressor(max_window_size=_MAX_BODY_BYTES).decompress(data, max_output_size=_MAX_BODY_BYTES)


def _facts(known: dict[str, Any]) -> Facts:
    if "meta" in known:
        known["meta"] = tuple((str(k), str(v)) for k, v in known["meta"])
    for name in ("noise", "trim"):
        known[name] = tuple(map(str, known.get(name, ())))
    return NO_FACTS._replace(**known)
