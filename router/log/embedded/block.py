"""One appended batch as one compressed block of columns."""

import threading
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from struct import Struct, error
from typing import Any

import zstandard

from router.batch import Facts, Origin, Record, origin_of, record_of
from router.log.codec import DEFAULT_ID_BYTES, decode_facts, encode_facts

# version, flags, records, distinct facts; then ids, times, body lengths, facts lengths, facts, [facts index], [key lengths,
# keys], [origins], bodies. Numbers after the head are in the byte order of the machine: the file does not leave it.
_HEAD = Struct("<BBII")
_ID = Struct(f"{DEFAULT_ID_BYTES}s")
_VERSION = 1
_INDEXED, _KEYED, _DERIVED = 1, 2, 4
_NO_ORIGIN = Origin(0, -1, 0)
_LEVEL, _WINDOW_LOG = 1, 21
"""Over the whole of a block: a tenth smaller than with the window of this level, 512 KiB, and no slower."""


class _Codecs(threading.local):
    """Contexts are dear to make and not to be shared between threads."""

    def __init__(self) -> None:
        how = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=_WINDOW_LOG, write_checksum=True)
        self.compressor = zstandard.ZstdCompressor(compression_params=how)
        self.decompressor = zstandard.ZstdDecompressor()


_codecs = _Codecs()


class Damaged(Exception):
    """A block is not what was written."""


def encode(records: Sequence[Record]) -> bytes:
    """The block of one or more records. Ids must have 16 bytes."""
    ids, bodies, times, facts, keys, origins = zip(*records, strict=True)
    place, table = _distinct(facts)
    encoded = [encode_facts(f) for f in table]
    flags, parts = 0, [b"".join(ids), _pack("d", times), _lengths(bodies), _lengths(encoded), *encoded]
    if len(table) > 1:
        flags |= _INDEXED
        parts.append(_pack("I", [place[id(f)] for f in facts]))
    if any(keys):
        flags |= _KEYED
        parts += _lengths(keys), *keys
    if any(origins):
        flags |= _DERIVED
        partitions, offsets, subs = zip(*[o or _NO_ORIGIN for o in origins], strict=True)
        parts += _pack("I", partitions), _pack("q", offsets), _pack("I", subs)
    head = _HEAD.pack(_VERSION, flags, len(records), len(table))
    return _codecs.compressor.compress(b"".join((head, *parts, *bodies)))


def _distinct(facts: Sequence[Facts]) -> tuple[dict[int, int], dict[Facts, int]]:
    """Position in the table by identity, and the table; values are compared once per object, not per record."""
    table: dict[Facts, int] = {}
    return {key: table.setdefault(f, len(table)) for key, f in {id(f): f for f in facts}.items()}, table


def decode(block: bytes) -> list[Record]:
    """The records of a block. Raises Damaged when it cannot be read whole."""
    try:
        return _decode(_codecs.decompressor.decompress(block))
    except (zstandard.ZstdError, error, ValueError, TypeError, IndexError, MemoryError) as cause:
        raise Damaged(str(cause)) from cause


def _decode(data: bytes) -> list[Record]:
    version, flags, count, distinct = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"block of version {version}; this program reads {_VERSION}")
    cursor = _Cursor(data, _HEAD.size)
    ids = cursor.ids(count)
    times, lengths = cursor.numbers("d", count), cursor.numbers("I", count)
    table = [decode_facts(f) for f in cursor.slices(cursor.numbers("I", distinct))]
    facts = _facts(cursor, table, count, flags)
    keys = cursor.slices(cursor.numbers("I", count)) if flags & _KEYED else [b""] * count
    origins = _origins(cursor, count) if flags & _DERIVED else [None] * count
    bodies = cursor.slices(lengths)
    return list(map(record_of, zip(ids, bodies, times, facts, keys, origins, strict=True)))


def _facts(cursor: "_Cursor", table: list[Facts], count: int, flags: int) -> list[Facts]:
    return [table[i] for i in cursor.numbers("I", count)] if flags & _INDEXED else table * count


def _origins(cursor: "_Cursor", count: int) -> list[Origin | None]:
    columns = cursor.numbers("I", count), cursor.numbers("q", count), cursor.numbers("I", count)
    return [origin_of(place) if place[1] >= 0 else None for place in zip(*columns, strict=True)]


class _Cursor:
    """Takes columns off the front of a block."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place

    def numbers(self, code: str, count: int) -> "array[Any]":
        column = array(code)
        start, self._place = self._place, self._place + count * column.itemsize
        column.frombytes(self._data[start : self._place])
        if len(column) != count:
            raise ValueError("block is cut off")
        return column

    def ids(self, count: int) -> list[bytes]:
        start, self._place = self._place, self._place + count * _ID.size
        found = [i for (i,) in _ID.iter_unpack(self._data[start : self._place])]
        if len(found) != count:
            raise ValueError("block is cut off")
        return found

    def slices(self, lengths: Sequence[int]) -> list[bytes]:
        data, bounds = self._data, list(accumulate(lengths, initial=self._place))
        self._place = bounds[-1]
        if self._place > len(data):
            raise ValueError("block is cut off")
        return [data[a:b] for a, b in pairwise(bounds)]


def _pack(code: str, numbers: Sequence[Any]) -> bytes:
    return array(code, numbers).tobytes()


def _lengths(parts: Sequence[bytes]) -> bytes:
    return array("I", map(len, parts)).tobytes()
