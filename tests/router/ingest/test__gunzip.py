"""Gzip under a lid."""

import gzip
import random
import tracemalloc

import pytest

from router.errors import Malformed
from router.ingest._gunzip import RATIO, RATIO_FROM_BYTES, Gunzip


def read(pieces: list[bytes], limit: int = 1 << 24) -> bytes:
    gunzip = Gunzip(limit)
    data = b"".join(out for piece in pieces for out in gunzip.feed(piece))
    gunzip.finish()
    return data


def test_a_stream_comes_out_whole_however_it_is_cut() -> None:
    text = random.Random(1).randbytes(3000) + b"a" * 5000
    packed = gzip.compress(text)
    assert read([bytes([b]) for b in packed]) == text
    for cut in range(0, len(packed), 97):
        assert read([packed[:cut], packed[cut:]]) == text


def test_several_members_and_padding_are_one_stream() -> None:
    assert read([gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + b"\0" * 64]) == b"one two"


def test_a_stream_that_stops_in_the_middle_is_no_gzip() -> None:
    packed = gzip.compress(b"hello" * 100)
    for cut in (1, 5, 12, len(packed) - 9, len(packed) - 1):
        with pytest.raises(Malformed, match="gzip"):
            read([packed[:cut]])


@pytest.mark.parametrize("data", [b"hello", b"\x1f\x8b\xff\xff" + b"x" * 40, gzip.compress(b"x", mtime=0) + b"garbage"])
def test_what_is_no_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="gzip"):
        read([data])


def test_a_damaged_stream_is_refused() -> None:
    packed = bytearray(gzip.compress(random.Random(2).randbytes(5000)))
    packed[-6] ^= 1  # its checksum
    with pytest.raises(Malformed, match="gzip"):
        read([bytes(packed)])


def test_output_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    text = random.Random(3).randbytes(100_000)
    assert read([gzip.compress(text)], 100_000) == text
    with pytest.raises(Malformed) as caught:
        read([gzip.compress(text + b"x")], 100_000)
    assert caught.value.reason == "inflated_too_large"


def test_a_bomb_is_stopped_by_its_ratio_and_without_memory() -> None:
    bomb = gzip.compress(b"\0" * (200 << 20), 9)
    assert RATIO * len(bomb) < 200 << 20
    tracemalloc.start()
    with pytest.raises(Malformed) as caught:
        for _ in Gunzip(1 << 40).feed(bomb):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == "inflated_ratio"
    assert peak < 8 << 20


def test_a_high_ratio_is_allowed_for_small_bodies() -> None:
    text = b"\0" * RATIO_FROM_BYTES
    assert read([gzip.compress(text, 9)]) == text


def test_the_ratio_is_that_of_what_was_read_so_far_however_much_of_the_stream_has_come() -> None:
    out = list[int]()
    with pytest.raises(Malformed, match="inflated_ratio"):
        out.extend(map(len, Gunzip(1 << 30).feed(gzip.compress(b"a" * (64 << 20), 9))))
    assert 0 < sum(out) <= 2 * RATIO_FROM_BYTES, "it is not inflated as far as the bytes that have come would allow"
