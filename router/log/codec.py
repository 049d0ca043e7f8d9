"""Facts and record headers as bytes: what both logs store beside a body."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from operator import itemgetter
from struct import Struct, error

from router.batch import NO_FACTS, Facts, Origin, Record
from router.errors import Rejected

MAX_BODY_BYTES = 900_000
"""Of one body; with everything beside it a record stays below MAX_RECORD_BYTES, and that below what brokers take."""
MAX_RECORD_BYTES = 980_000
DEFAULT_ID_BYTES = 16

_CACHED_FACTS = 20_000
_HEAD = Struct(">B16sd")
_ORIGIN = Struct(">IQI")
_id, _body = itemgetter(0), itemgetter(1)
_PLAIN, _WITH_ORIGIN = 1, 2
_WIDTH = len(Facts._fields)
_decoded: dict[bytes, Facts] = {}


def encode_facts(facts: Facts) -> bytes:
    """A JSON array in the order of the fields; text that is no valid Unicode survives."""
    return json.dumps(facts, separators=(",", ":")).encode("ascii")


def decode_facts(data: bytes) -> Facts:
    """The same object for the same bytes, as long as it stays in a bounded cache.

    Fields that a newer version added are ignored; fields that an older one did not write have their defaults.
    """
    facts = _decoded.get(data)
    if facts is None:
        if len(_decoded) >= _CACHED_FACTS:
            _decoded.clear()
        facts = _decoded[data] = _parse_facts(data)
    return facts


def _parse_facts(data: bytes) -> Facts:
    source, peer, envelope, meta, *rest = json.loads(data)[:_WIDTH]
    facts = Facts(source, peer, envelope, tuple((k, v) for k, v in meta), *rest)
    facts = facts._replace(noise=tuple(facts.noise), trim=tuple(facts.trim))
    return NO_FACTS if facts == NO_FACTS else facts


class HeaderWriter:
    """Packs id, time, origin and facts of the records of one batch; each distinct value of facts is encoded once."""

    def __init__(self) -> None:
        self._facts: dict[int, tuple[Facts, bytes]] = {}
        self._encoded: dict[Facts, bytes] = {}

    def pack(self, record: Record) -> bytes:
        """One header: version and presence of an origin, id, time, origin, facts."""
        kept = self._facts.get(id(record.facts))
        if kept is None:
            kept = self._facts[id(record.facts)] = (record.facts, self._encode(record.facts))
        if record.origin is None:
            return _HEAD.pack(_PLAIN, record.id, record.time) + kept[1]
        return _HEAD.pack(_WITH_ORIGIN, record.id, record.time) + _ORIGIN.pack(*record.origin) + kept[1]

    def _encode(self, facts: Facts) -> bytes:
        encoded = self._encoded.get(facts)
        if encoded is None:
            encoded = self._encoded[facts] = encode_facts(facts)
        return encoded


def unpack(header: bytes, body: bytes, key: bytes) -> Record:
    """The record that a header belongs to. Raises ValueError for bytes that HeaderWriter did not write."""
    try:
        shape, record_id, time = _HEAD.unpack_from(header)
        if shape == _PLAIN:
            return Record(record_id, body, time, decode_facts(header[_HEAD.size :]), key)
        if shape != _WITH_ORIGIN:
            raise ValueError(f"record header of version {shape}")
        origin = Origin._make(_ORIGIN.unpack_from(header, _HEAD.size))
        return Record(record_id, body, time, decode_facts(header[_HEAD.size + _ORIGIN.size :]), key, origin)
    except (error, TypeError) as cause:
        raise ValueError("record header is cut off or foreign") from cause


def coordinates_id(topic: str, partition: int, offset: int) -> bytes:
    """The id of a record that came without one: the same wherever and whenever it is read."""
    return blake2b(f"{topic}\0{partition}\0{offset}".encode(), digest_size=DEFAULT_ID_BYTES).digest()


def check_sizes(topic: str, records: Sequence[Record]) -> None:
    """Raises Rejected when one body is larger than any log takes, ValueError when an id has not 16 bytes."""
    longest = max(map(len, map(_body, records)))
    if longest > MAX_BODY_BYTES:
        raise Rejected(f"topic {topic}: a record of {longest:,} bytes; the log takes {MAX_BODY_BYTES:,}")
    if set(map(len, map(_id, records))) != {DEFAULT_ID_BYTES}:
        raise ValueError(f"topic {topic}: an id that has not {DEFAULT_ID_BYTES} bytes")
