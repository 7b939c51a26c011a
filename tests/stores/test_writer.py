"""The thread that has a journal's file: everything in order, and whoever waits hears what came of it."""

import asyncio
from threading import Event, current_thread

import pytest

from leadflow.stores.writer import Together, Writer
from leadflow.testing import run_virtual


async def _served(writer: Writer) -> list[str]:
    """What the thread does of four orders, the second of which fails."""
    said: list[str] = []

    def work(name: str) -> str:
        if name == "b":
            raise KeyError(name)
        said.append(f"{current_thread().name} {name}")
        return name.upper()

    orders = [writer.do(lambda name=name: work(name)) for name in "abcd"]  # type: ignore[misc]
    told = await asyncio.gather(*orders, return_exceptions=True)
    return [*said, *map(repr, told)]


def test_orders_are_done_one_after_the_other_in_a_thread() -> None:
    """One that raises is told to whoever waits for it, and stops no other."""

    async def main() -> list[str]:
        writer = Writer()
        writer.start()
        found = await _served(writer)
        assert not writer.is_busy
        writer.stop()
        return found

    done = ["journal a", "journal c", "journal d"]
    assert [*done, "'A'", "KeyError('b')", "'C'", "'D'"] == asyncio.run(main())


def test_whoever_stops_waiting_calls_nothing_off() -> None:
    """Case X3: what is under way when its waiter is cancelled is done, and others hear of theirs."""

    async def main() -> tuple[list[int], int]:
        writer, gate, done = Writer(), Event(), list[int]()
        writer.start()

        def work(items: "list[int] | tuple[int, ...]") -> list[int]:
            gate.wait(10)
            done.extend(items)
            return [item * 2 for item in items]

        together = Together[int, int](writer, lambda items: work(list(items)))
        first, second = together.do(1), together.do(2)
        first.cancel()
        gate.set()
        doubled = await second
        writer.stop()
        return done, doubled

    assert ([1, 2], 4) == asyncio.run(main())


def test_what_comes_meanwhile_is_done_together() -> None:
    """Case D20: what failed together is told to each of them, and what came behind it is done all the same."""

    async def main() -> tuple[list[list[int]], list[object]]:
        writer, batches = Writer(), list[list[int]]()
        writer.start()

        def work(items: list[int]) -> list[int]:
            batches.append(items)
            if 2 in items:
                raise OSError("full")
            return items

        together = Together[int, int](writer, lambda items: work(list(items)))
        told = await asyncio.gather(*(together.do(item) for item in (1, 2, 3)), return_exceptions=True)
        assert 4 == await together.do(4)
        writer.stop()
        return batches, [type(each) for each in told]

    assert ([[1], [2, 3], [4]], [int, OSError, OSError]) == asyncio.run(main())


def test_a_virtual_clock_stands_still_for_the_thread() -> None:
    """A timer of a minute does not pass while the thread is at work."""

    async def main() -> float:
        loop, writer, gate = asyncio.get_running_loop(), Writer(), Event()
        writer.start()
        late = loop.call_later(60, pytest.fail, "the clock jumped")
        loop.call_soon(gate.set)
        await writer.do(lambda: gate.wait(10))
        at = loop.time()
        late.cancel()
        writer.stop()
        return at

    assert 0 == run_virtual(main())


def test_stopping_waits_for_what_is_under_way() -> None:
    """A writer that never began, or was stopped before, has nothing to stop."""

    async def main() -> list[int]:
        writer, done = Writer(), list[int]()
        writer.stop()
        writer.start()
        writer.begin(lambda: done.append(1), lambda made, problem: None)
        writer.stop()
        writer.stop()
        return done

    assert [1] == asyncio.run(main())
