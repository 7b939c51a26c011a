"""Requests that begin together take turns: few at each turn of the loop, in order, and nobody is forgotten."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from leadflow.agents.turns import Turns


async def a_turn() -> None:
    """The event loop turns once."""
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(over.set_result, None)
    await over


@given(
    together=st.integers(1, 4),
    come=st.lists(st.integers(0, 6), max_size=6),
    gone=st.sets(st.integers(0, 36)),
)
def test_so_many_begin_at_each_turn_first_come_first_served(together: int, come: list[int], gone: set[int]) -> None:
    """Whatever comes at whichever turn, and whoever is cancelled while he waits, which takes no place from others."""

    async def scene() -> None:
        turns, begun, waited, most = Turns(together), list[int](), list[int](), [0]
        loop = asyncio.get_running_loop()
        at, number = 0, 0

        async def request(who: int) -> None:
            if (turn := turns.next()) is not None:
                await turn
                waited.append(who)
            begun.append(who)
            most[-1] += 1

        tasks: list[asyncio.Task[None]] = []
        while at < len(come) or not all(task.done() for task in tasks):
            for _ in range(come[at] if at < len(come) else 0):
                tasks.append(loop.create_task(request(number)))
                number += 1
            for who in gone & {*range(number)}:
                if at > len(come) // 2:
                    tasks[who].cancel()
            most.append(0)
            await a_turn()
            at += 1
        left = [who for who, task in enumerate(tasks) if not task.cancelled()]
        assert left == sorted(begun)
        assert waited == sorted(waited)
        assert max(most) <= 2 * together  # those who find a place, and those whose turn it has become

    asyncio.run(scene())


def test_few_never_wait() -> None:
    """Where fewer begin than may, there is nothing to wait for, at this turn and at every later one."""

    async def scene() -> None:
        turns = Turns(2)
        for _ in range(3):
            assert [None, None] == [turns.next(), turns.next()]
            assert turns.next() is not None
            await a_turn()
            await a_turn()

    asyncio.run(scene())
