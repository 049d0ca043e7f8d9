"""Lines, however the stream is cut."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from router.ingest._lines import Lines


def read(pieces: list[bytes], cap: int = 100) -> list[tuple[str, bytes]]:
    codec = Lines(cap)
    runs = [run for piece in pieces for run in codec.feed(piece)] + codec.finish()
    return [(flaw, line) for flaw, lines in runs for line in lines]


def test_lines_end_at_lf_lose_one_cr_and_empty_ones_are_skipped() -> None:
    assert read([b"a\r\n\n\r\nb\rc\nd\0\nlast"]) == [("", b"a"), ("", b"b\rc"), ("", b"d\0"), ("", b"last")]


def test_a_line_at_the_cap_is_whole_and_one_byte_more_is_cut_and_marked() -> None:
    assert read([b"x" * 100 + b"\r\n" + b"y" * 101 + b"\nz"]) == [("", b"x" * 100), ("truncated", b"y" * 100), ("", b"z")]


def test_unfinished_bytes_count_from_the_start_of_the_line_even_when_its_head_is_out() -> None:
    codec = Lines(10)
    codec.feed(b"a\nbcd")
    assert codec.unfinished_bytes == 3
    codec.feed(b"e" * 20)
    assert codec.unfinished_bytes == 23
    codec.feed(b"f" * 5)
    assert codec.unfinished_bytes == 28
    codec.feed(b"\ng")
    assert codec.unfinished_bytes == 1


@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"ab", b"x" * 9, b"x" * 25]), max_size=30).map(b"".join),
    st.lists(st.integers(0, 300), max_size=8),
)
@settings(max_examples=400, deadline=None)
def test_any_stream_gives_the_same_lines_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    whole = read([stream], 20)
    assert read([stream[a:b] for a, b in pairwise(places)], 20) == whole == read([bytes([b]) for b in stream], 20)
    assert whole == [
        ("truncated" if len(line) > 20 else "", line[:20])
        for line in (raw.removesuffix(b"\r") for raw in stream.split(b"\n"))
        if line
    ]
