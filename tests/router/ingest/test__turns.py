"""What is large takes turns."""

import asyncio
import itertools

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


async def test_from_one_turn_to_the_next_it_rests_where_that_is_wanted() -> None:
    turns, loop, began = Turns(rest_seconds=0.02), asyncio.get_running_loop(), list[float]()

    async def waste() -> None:
        await turns.wait(turns.number())
        began.append(loop.time())

    async with asyncio.timeout(10):
        await asyncio.gather(*[waste() for _ in range(5)])
    assert all(later - sooner >= 0.015 for sooner, later in itertools.pairwise(began))


async def test_it_rests_only_while_somebody_asks_for_that() -> None:
    pressed = True
    turns, loop = Turns(0.02, lambda: pressed), asyncio.get_running_loop()

    async def seconds(count: int) -> float:
        began = loop.time()
        for _ in range(count):
            await turns.wait(turns.number())
        return loop.time() - began

    assert await seconds(6) >= 0.08
    pressed = False
    await seconds(1)  # the last rest is over
    rounds = asyncio.create_task(_rounds_until(asyncio.create_task(seconds(6))))
    assert await rounds < 40, "a turn in each round of the loop, or nearly"


async def _rounds_until(task: "asyncio.Task[float]") -> int:
    rounds = 0
    while not task.done():
        await asyncio.sleep(0)
        rounds += 1
    return rounds
