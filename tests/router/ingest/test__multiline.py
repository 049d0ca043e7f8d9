"""Lines are joined to events by their first line, and none is ever lost, however the stream was cut."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router.ingest._multiline import Joined, Multiline
from tests.contract.memory_log import MemoryLog
from tests.contract.source import running
from tests.router.ingest.test_file import append, once, source

_DATED = {"first": r"^\d{4}-\d\d-\d\d "}
_TRACE = b"2026-03-01 ERROR boom\n\tat a.b(C.java:1)\n\nCaused by: x\n"
_LINE = st.sampled_from([b"2026-03-01 a", b"\tat b", b"", b"x" * 70, b"2026-03-02 \xff\r", b"Caused by: c"])


def _joined(text: bytes, *cuts: int, cap: int = 100, most: int = 4, **how: str) -> list[tuple[str, bytes]]:
    codec = Joined(Multiline(**(how or _DATED)).begins, most, cap)
    found, at = [], 0
    for cut in (*sorted(cuts), len(text)):
        found += codec.feed(text[at:cut])
        at = cut
    found += codec.finish()
    assert codec.unfinished_bytes == 0
    return [(flaw, event) for flaw, events in found for event in events]


def test_lines_up_to_the_next_first_line_are_one_event() -> None:
    found = _joined(_TRACE + _TRACE + b"2026-03-02 fine")
    trace = b"2026-03-01 ERROR boom\n\tat a.b(C.java:1)\n\nCaused by: x"
    assert found == [("", trace), ("", trace), ("", b"2026-03-02 fine")]


def test_or_lines_that_look_like_more_of_the_one_before() -> None:
    assert _joined(b"one\r\n two\r\nthree\n", continuation=r"^\s") == [("", b"one\n two"), ("", b"three")]


def test_what_stands_before_the_first_event_is_an_event() -> None:
    assert _joined(b"\n lost?\n2026-03-01 a\n") == [("", b" lost?"), ("", b"2026-03-01 a")]


def test_too_many_lines_or_bytes_begin_another_event() -> None:
    assert [e.count(b"\n") for _, e in _joined(b"2026-03-01 a\n" + b"b\n" * 9)] == [3, 3, 1]
    assert [len(e) for _, e in _joined(b"2026-03-01 a\n" + (b"b" * 60 + b"\n") * 2)] == [73, 60]
    assert _joined(b"2026-03-01 a\n" + b"b" * 150 + b"\nc") == [("", b"2026-03-01 a"), ("truncated", b"b" * 100), ("", b"c")]


@given(st.lists(_LINE, max_size=12), st.lists(st.integers(0, 400), max_size=5))
def test_where_the_stream_was_cut_changes_nothing_and_no_line_is_lost(lines: list[bytes], cuts: list[int]) -> None:
    text = b"\n".join(lines)
    found = _joined(text, *[cut for cut in cuts if cut <= len(text)])
    assert found == _joined(text)
    kept = [line for _, event in found for line in event.split(b"\n") if line]
    assert kept == [line.removesuffix(b"\r") for line in lines if line.removesuffix(b"\r")]


@given(st.lists(_LINE, max_size=12), st.integers(0, 400))
def test_unfinished_bytes_are_those_since_the_start_of_the_event_in_hand(lines: list[bytes], cut: int) -> None:
    text = b"\n".join(lines)
    codec = Joined(Multiline(**_DATED).begins, 4, 100)
    before = [e for _, events in codec.feed(text[:cut]) for e in events]
    again = Joined(Multiline(**_DATED).begins, 4, 100)
    rest = text[len(text[:cut]) - codec.unfinished_bytes :]
    after = [e for _, events in (*again.feed(rest), *again.finish()) for e in events]
    assert before + after == [e for _, e in _joined(text)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({}, "either"), ({"first": "a", "continuation": "b"}, "either"), ({"first": "("}, "RE2"), ({"first": "a" * 2000}, "longer")],
)
def test_settings_that_say_nothing_sound_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Multiline(**settings)  # type: ignore[arg-type]  # that is the point


async def test_a_file_gives_whole_events_and_the_last_one_when_it_has_been_quiet(tmp_path: Path) -> None:
    joined = {**_DATED, "timeout_seconds": 0.2}
    async with running(source(tmp_path, multiline=joined)) as one:
        append(tmp_path / "a.log", _TRACE + _TRACE[:30])
        await one.arrived(1)
        append(tmp_path / "a.log", _TRACE[30:])
        bodies = await one.arrived(2)
        assert bodies == [_TRACE.rstrip()] * 2


async def test_a_restart_in_the_middle_of_an_event_reads_it_whole(tmp_path: Path) -> None:
    log = MemoryLog()
    joined = {**_DATED, "timeout_seconds": 3_600}
    append(tmp_path / "a.log", _TRACE + _TRACE[:30])
    async with running(source(tmp_path, multiline=joined), log) as one:
        await one.arrived(1)
        await asyncio.sleep(0.1)
    append(tmp_path / "a.log", _TRACE[30:])
    assert await once(tmp_path, log=log, multiline=joined) == [_TRACE.rstrip()] * 2
