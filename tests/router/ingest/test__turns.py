"""Large bodies take turns."""

import asyncio

from router.ingest._turns import Turns


async def test_in_a_round_of_the_loop_one_large_body_has_its_turn_however_many_wait() -> None:
    turns, taken = Turns(), list[int]()

    async def large() -> None:
        number = turns.number()
        for _ in range(10):
            await turns.wait(number)
            taken.append(number)

    waiting = [asyncio.create_task(large()) for _ in range(20)]
    for rounds in range(100):
        assert len(taken) <= rounds
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert taken == [number for number in range(20) for _ in range(10)], "what began first is through first"


async def test_one_that_has_nothing_yet_keeps_nobody_waiting() -> None:
    turns = Turns()
    slow, fast = turns.number(), turns.number()
    async with asyncio.timeout(5):
        for _ in range(3):
            await turns.wait(fast)
        await turns.wait(slow)


async def test_one_that_gives_up_takes_no_turn() -> None:
    turns = Turns()
    first, second, third = (asyncio.create_task(turns.wait(turns.number())) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    async with asyncio.timeout(5):
        await first
        await third
    assert second.cancelled()
