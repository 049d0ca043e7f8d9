"""Framing of syslog streams: what the frames are, and that it does not matter how the stream was cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ingest._syslog_frames import SyslogFrames

Frames = list[tuple[str, bytes]]


def read(pieces: list[bytes], cap: int = 1000) -> tuple[Frames, str]:
    """(flaw, frame) of everything, and why it broke."""
    codec = SyslogFrames(cap)
    runs = [run for piece in pieces for run in codec.feed(piece)] + codec.finish()
    return [(flaw, frame) for flaw, frames in runs for frame in frames], codec.broken


def plain(stream: bytes, cap: int = 1000) -> list[bytes]:
    """Frames of a stream in which nothing is odd."""
    frames, broken = read([stream], cap)
    assert not broken
    assert {flaw for flaw, _ in frames} <= {""}
    return [frame for _, frame in frames]


def counted(frame: bytes) -> bytes:
    return b"%d %s" % (len(frame), frame)


CASES = {
    "lines": (b"<13>a\n<14>b\n", [b"<13>a", b"<14>b"]),
    "CR before LF": (b"<13>a\r\n<14>b\r\n", [b"<13>a", b"<14>b"]),
    "CR inside": (b"<13>a\rb\n", [b"<13>a\rb"]),
    "empty lines": (b"\n\r\n<13>a\n\n\n<14>b\n", [b"<13>a", b"<14>b"]),
    "last line without LF": (b"<13>a\n<14>b", [b"<13>a", b"<14>b"]),
    "NUL before LF": (b"<13>a\0\n<14>b\0\r\n<15>c\r\0\n", [b"<13>a", b"<14>b", b"<15>c"]),
    "NUL as the only trailer": (b"<13>a\0<14>b\0<15>c\0", [b"<13>a", b"<14>b", b"<15>c"]),
    "NUL as the only trailer, after a piece of a frame": (b"\x01\0<191>", [b"\x01", b"<191>"]),
    "NUL inside": (b"<13>a\0b\n<14>c\n", [b"<13>a\0b", b"<14>c"]),
    "octet counting": (b"5 <13>a6 <14>bc", [b"<13>a", b"<14>bc"]),
    "octet counting over a line feed": (b"7 <13>a\nb5 <14>c", [b"<13>a\nb", b"<14>c"]),
    "one LF inside the count is framing": (b"6 <13>a\n5 <14>b", [b"<13>a", b"<14>b"]),
    "LF and NUL between counted frames": (b"5 <13>a\n5 <14>b\0\n5 <15>c", [b"<13>a", b"<14>b", b"<15>c"]),
    "the sender switches": (b"<13>a\n5 <14>b<15>c\n5 <16>d", [b"<13>a", b"<14>b", b"<15>c", b"<16>d"]),
    "a number and a bracket are no count": (b"54 <1 minute elapsed\n<13>a\n", [b"54 <1 minute elapsed", b"<13>a"]),
    "a PRI above 191 is no PRI": (b"5 <192>\n<13>a\n", [b"5 <192>", b"<13>a"]),
    "PRI 191": (b"6 <191>a<13>b\n", [b"<191>a", b"<13>b"]),
    "a leading zero is no count": (b"05 <13>a\n", [b"05 <13>a"]),
    "ten digits are no count": (b"1234567890 <13>a\n", [b"1234567890 <13>a"]),
    "two blanks are no count": (b"5  <13>a\n", [b"5  <13>a"]),
    "no PRI at all": (b"Jan  2 03:04:05 h a: b\n2026-01-02 x\n", [b"Jan  2 03:04:05 h a: b", b"2026-01-02 x"]),
    "a multi-byte character": ("<13>é€\n".encode(), ["<13>é€".encode()]),
    "a BOM": (b"\xef\xbb\xbf<13>a\n", [b"\xef\xbb\xbf<13>a"]),
    "Latin-1": (b"<13>\xe9\xff\n", [b"<13>\xe9\xff"]),
    "digits only": (b"123\n", [b"123"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "frames"), CASES.values(), ids=CASES.keys())
def test_frames_are_recognised_one_by_one(stream: bytes, frames: list[bytes]) -> None:
    assert plain(stream) == frames


@pytest.mark.parametrize(("stream", "frames"), CASES.values(), ids=CASES.keys())
def test_a_cut_at_any_byte_changes_nothing(stream: bytes, frames: list[bytes]) -> None:
    for cut in range(len(stream) + 1):
        assert read([stream[:cut], stream[cut:]])[0] == [("", frame) for frame in frames]
    assert read([bytes([b]) for b in stream])[0] == [("", frame) for frame in frames]


def test_a_frame_at_the_cap_is_whole_and_one_byte_more_is_cut_and_marked() -> None:
    cap = 100
    whole, long = b"<13>" + b"x" * 96, b"<13>" + b"x" * 97
    for stream in (whole + b"\n", whole + b"\r\n", whole + b"\0\n", counted(whole), counted(whole)):
        assert read([stream], cap)[0] == [("", whole)]
    for stream in (long + b"\n", long + b"\r\n", counted(long), long):
        assert read([stream], cap)[0] == [("truncated", whole)]


@pytest.mark.parametrize("length", [97, 98, 99, 103, 104, 105, 300, 5000])
def test_the_tail_of_a_long_frame_never_becomes_an_event(length: int) -> None:
    long = b"<13>" + b"5 <14>x"[: length % 7] + b"5 <14>x" * (length // 7)
    for stream in (long + b"\n<15>next\n", counted(long.replace(b"x", b"\n")) + b"<15>next\n"):
        for pieces in ([stream], [bytes([b]) for b in stream], [stream[:110], stream[110:]]):
            frames, _ = read(pieces, 100)
            assert frames[-1] == ("", b"<15>next")
            assert len(frames) == 2


def test_a_count_at_the_limit_is_consumed_and_one_more_breaks_the_stream() -> None:
    limit = 10 << 20
    assert limit >= 9_999_999
    most = b"9999999 <13>" + b"x" * (9_999_999 - 4) + b"<14>after\n"
    frames, broken = read([most], 100)
    assert [f for f, _ in frames] == ["truncated", ""]
    assert not broken
    for count in (b"10000000", b"10485761", b"999999999"):
        frames, broken = read([b"<13>a\n", count + b" <13>x", b"<14>ignored\n"], 100)
        assert frames == [("", b"<13>a")]
        assert broken == "octet_count"


def test_a_counted_frame_that_ends_too_early_is_kept_and_marked() -> None:
    assert read([b"20 <13>abc"])[0] == [("incomplete", b"<13>abc")]
    assert read([b"<13>a\n", b"20 <"])[0] == [("", b"<13>a"), ("", b"20 <")]


def test_it_knows_when_it_is_within_a_frame() -> None:
    codec = SyslogFrames(100)
    for piece, inside in ((b"<13>", True), (b"a\n", False), (b"30 <13>", True), (b"x" * 26, False), (b"y" * 200, True)):
        codec.feed(piece)
        assert codec.open is inside
    assert codec.feed(b"\n<13>b\n") == [("", [b"<13>b"])]
    assert not codec.open


def test_a_frame_in_single_bytes_costs_no_more_than_linear_copying() -> None:
    codec = SyslogFrames(1 << 18)
    for _ in range(100_000):
        codec.feed(b"x")
    assert codec.held_bytes == 100_000
    assert len(codec._parts) == 100_000  # not joined anew for every byte
    assert codec.feed(b"\n") == [("", [b"x" * 100_000])]


PIECES = st.one_of(
    st.sampled_from(
        [b"\n", b"\r\n", b"\0", b"\r", b"<13>", b"5 ", b"12 <13>", b"<191>", b"200 <14>", b"99999999 <13>", b" ", b"9"]
    ),
    st.binary(max_size=12),
    st.integers(0, 30).map(lambda n: counted(b"<13>" + b"y" * n)),
    st.integers(0, 30).map(lambda n: b"<13>" + b"z" * n + b"\n"),
)


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 400), max_size=12), st.sampled_from([20, 30, 1000]))
@settings(max_examples=600, deadline=None)
def test_any_stream_gives_the_same_frames_however_it_is_cut(stream: bytes, cuts: list[int], cap: int) -> None:
    places = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    cut = [stream[a:b] for a, b in pairwise(places)]
    assert read(cut, cap) == read([stream], cap) == read([bytes([b]) for b in stream], cap)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda b: not re.search(rb"[\0\r\n]", b)), max_size=20))
@settings(max_examples=300, deadline=None)
def test_what_is_framed_by_us_comes_out_as_it_went_in(bodies: list[bytes]) -> None:
    frames = [b"<13>" + body for body in bodies]
    assert plain(b"".join(counted(f) for f in frames)) == frames
    assert plain(b"".join(f + b"\n" for f in frames)) == frames
    assert plain(b"".join(counted(f) if i % 2 else f + b"\n" for i, f in enumerate(frames))) == frames


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 400), max_size=12), st.sampled_from([20, 30, 1000]))
@settings(max_examples=400, deadline=None)
def test_what_is_thrown_away_without_a_look_is_what_would_have_been_thrown_away(stream: bytes, cuts: list[int], cap: int) -> None:
    """And it takes the stream to the same place: the same frames come after it."""
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    codec, found = SyslogFrames(cap), Frames()
    for piece in pieces:
        if not codec.waste(bytearray(piece + b"rest of a buffer\n\0"), len(piece)):
            found += [(flaw, frame) for flaw, frames in codec.feed(piece) for frame in frames]
    found += [(flaw, frame) for flaw, frames in codec.finish() for frame in frames]
    assert (found, codec.broken) == read(pieces, cap)


def test_the_rest_of_a_large_frame_is_waste_until_its_end() -> None:
    codec = SyslogFrames(20)
    assert not codec.waste(bytearray(b"<13>"), 4), "nothing has begun"
    assert codec.feed(b"<13>" + b"x" * 100) == [("truncated", [b"<13>" + b"x" * 16])]
    assert codec.waste(bytearray(b"y" * 50), 50)
    assert not codec.waste(bytearray(b"y\n<14>"), 6)
    assert codec.feed(b"y\n<14>b\n") == [("", [b"<14>b"])]
