"""The oracle itself: what it calls disorder, and what it does not."""

import asyncio
from pathlib import Path

from tests.faults.events import text
from tests.faults.far_ends import Lines
from tests.faults.ledger import Arrived, Ledger
from tests.faults.outcome import Outcome


def _came(books: Arrived, numbers: list[int], connection: bytes = b"a") -> None:
    for number in numbers:
        books.note(text("one", number).encode(), b"%d" % number, connection=connection)


def test_events_that_come_in_order_are_no_disorder() -> None:
    books = Arrived()
    _came(books, [0, 1, 2])
    assert (books.disorder, books.disorder_on_one_connection) == (0, 0)


def test_an_event_that_comes_after_a_later_one_is_disorder() -> None:
    books = Arrived()
    _came(books, [0, 2, 1])
    assert (books.disorder, books.disorder_on_one_connection) == (1, 1)


def test_what_is_sent_again_after_a_crash_is_a_repeat_and_no_disorder() -> None:
    books = Arrived()
    _came(books, [0, 1, 2, 3])
    _came(books, [1, 2, 3, 4, 5], b"b")
    assert (books.disorder, books.disorder_on_one_connection, books.repeats) == (0, 0, 3)


def test_two_connections_that_are_read_side_by_side_are_told_from_one_that_is_out_of_order() -> None:
    books = Arrived()
    _came(books, [0, 1])
    _came(books, [4, 5], b"b")
    _came(books, [2, 3], b"a")
    _came(books, [6], b"b")
    assert (books.disorder, books.disorder_on_one_connection) == (2, 0)
    assert books.disorder_samples == ["one 2 after 5 (a after b)", "one 3 after 5 (a after b)"]


def test_each_sender_has_an_order_of_its_own() -> None:
    books = Arrived()
    for sender, number in (("one", 5), ("two", 0), ("one", 6), ("two", 1)):
        books.note(text(sender, number).encode(), b"", connection=b"a")
    assert (books.disorder, books.disorder_on_one_connection) == (0, 0)


def test_what_was_never_acknowledged_may_be_missing_and_what_was_may_not() -> None:
    ledger = Ledger()
    books, arrived = ledger.sender("one"), ledger.sink("lines")
    books.sent = 3
    books.acknowledged |= {0, 1}
    _came(arrived, [0])
    assert [key.number for key in ledger.missing("lines")] == [1]
    assert ledger.spurious("lines") == 0


async def test_the_line_receiver_notes_whole_lines_and_their_connection_and_outlives_nothing(tmp_path: Path) -> None:
    books = Arrived()
    async with Lines(tmp_path / "received.log", books) as lines:
        first, second = await _connected(lines.port), await _connected(lines.port)
        for number, writer in ((0, first), (3, second), (1, first)):
            writer.write(text("one", number).encode() + b"\n")
            await _until(lines, 1 + lines.count)
        second.write(text("one", 4).encode())  # no line yet
        await lines.kill_and_start()
        third = await _connected(lines.port)
        third.write(text("one", 5).encode() + b"\n")
        await _until(lines, 4)
        for writer in (first, second, third):
            writer.close()
    assert sorted(key.number for key in books.first) == [0, 1, 3, 5]
    assert (books.disorder, books.disorder_on_one_connection) == (1, 0)


async def test_lines_of_one_second_are_counted_by_when_they_came_and_not_by_when_they_were_read(tmp_path: Path) -> None:
    path = tmp_path / "received.log"
    lines = Lines(path, Arrived())
    came = ((10.0, 10.1), (10.1, 11.05), (11.05, 11.2), (11.2, 11.3), (13.0, 13.1))
    path.write_bytes(b"".join(b"1.1 %.4f %.4f x\n" % moments for moments in came))
    lines.look()
    assert lines.count == 5
    assert lines.most_in_a_second == 2


async def _connected(port: int) -> asyncio.StreamWriter:
    async with asyncio.timeout(20):
        while True:
            try:
                return (await asyncio.open_connection("127.0.0.1", port))[1]
            except OSError:
                await asyncio.sleep(0.05)


async def _until(lines: Lines, count: int) -> None:
    async with asyncio.timeout(20):
        while lines.count < count:
            await asyncio.sleep(0.02)
            lines.look()


def test_only_a_bound_is_excused_by_a_busy_machine() -> None:
    outcome = Outcome("X", 1, 1)
    outcome.check("nothing is missing", True, is_promise=True)
    outcome.check("within a second", False)
    assert not outcome.holds
    assert not outcome.breaks_a_promise
    outcome.check("nothing is doubled", False, is_promise=True)
    assert outcome.breaks_a_promise
