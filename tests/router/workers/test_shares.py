"""What a process does differently when it is one of several."""

import asyncio
import socket
from pathlib import Path

import pytest

from router.config import EmbeddedLog, KafkaLog
from router.errors import Misconfigured
from router.ingest._addresses import Address
from router.ingest._listener import bind
from router.share import VARIABLE, Share, mine, turn
from router.topology import _for_one_of


@pytest.fixture
def second_of_three(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Share:
    monkeypatch.setenv(VARIABLE, Share(1, 3, tmp_path).told())
    return mine()


def test_a_process_that_was_told_nothing_is_the_only_one() -> None:
    assert mine() == Share(0, 1)
    assert not mine().is_one_of_several


def test_a_worker_knows_its_place(second_of_three: Share, tmp_path: Path) -> None:
    assert second_of_three == (1, 3, tmp_path)


def test_a_port_is_shared_by_workers_alone(second_of_three: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            place = Address("127.0.0.1", probe.getsockname()[1])
        with bind("one", place, kind) as one, bind("two", place, kind):
            if kind == socket.SOCK_STREAM:
                one.listen()
            monkeypatch.delenv(VARIABLE)
            with pytest.raises(Misconfigured, match="cannot listen"):
                bind("three", place, kind)
        monkeypatch.setenv(VARIABLE, second_of_three.told())


def test_any_free_port_is_refused_where_it_would_be_another_one_for_each(second_of_three: Share) -> None:
    with pytest.raises(Misconfigured, match="give a fixed one"):
        bind("one", Address("127.0.0.1", 0), socket.SOCK_STREAM)


def test_every_worker_is_a_static_member_by_itself(second_of_three: Share) -> None:
    log = KafkaLog(kind="kafka", bootstrap=("k:9092",), instance="pod-0")
    assert _for_one_of(log).instance == "pod-0-1"  # type: ignore[union-attr]  # it stays what it is
    assert _for_one_of(log.model_copy(update={"instance": ""})).instance == ""  # type: ignore[union-attr]  # as above
    assert _for_one_of(EmbeddedLog()) == EmbeddedLog()


async def test_only_one_has_its_turn_and_the_next_when_it_is_done(second_of_three: Share) -> None:
    stop, entered = asyncio.Event(), list[str]()

    async def have(name: str, leave: asyncio.Event) -> None:
        async with turn("source files", stop) as is_ours:
            if is_ours:
                entered.append(name)
                await leave.wait()

    done = asyncio.Event()
    first = asyncio.create_task(have("a", done))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(have("b", asyncio.Event()))
    await asyncio.sleep(0.05)
    assert entered == ["a"]
    done.set()
    await first
    async with asyncio.timeout(20):
        while entered != ["a", "b"]:
            await asyncio.sleep(0.05)
    second.cancel()
    await asyncio.wait([second])


async def test_who_waits_for_a_turn_stops_when_told_to(second_of_three: Share) -> None:
    stop = asyncio.Event()
    async with turn("x", stop) as mine_first:
        assert mine_first
        stop.set()
        async with turn("x", stop) as is_ours:
            assert not is_ours
