"""An agent that is made anew: which instance is asked, and that each is closed once, at the right time."""

import asyncio
import logging

import pytest

from leadflow.plan.types import JSON
from leadflow.policies.renewal import Renewable
from leadflow.run.ports import Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, s

REQUEST = Request("do", {}, JSON, False, "run-1", "main/a", 1, None, True, None)


class Instance:
    """Answers with its number after some time, and says when it is closed."""

    def __init__(self, number: int, log: list[tuple[float, str]], *, takes: float = 0.0, closing: float = 0.0) -> None:
        self.number = number
        self._log = log
        self._takes = takes
        self._closing = closing

    async def call(self, request: Request) -> Reply:
        """Its number."""
        await CLOCK.sleep(s(self._takes))
        return Reply(self.number)

    async def aclose(self) -> None:
        """It may take time."""
        await CLOCK.sleep(s(self._closing))
        self._log.append((round(CLOCK.monotonic(), 6), f"closed {self.number}"))


def renewable(log: list[tuple[float, str]], *, takes: float = 0.0, closing: tuple[float, ...] = (0, 0)) -> Renewable:
    """Instance 1, and after it 2 and so on: as many as there are times that closing one takes."""
    first, *others = (Instance(number, log, takes=takes, closing=time) for number, time in enumerate(closing, 1))
    return Renewable(first, iter(others).__next__)


def test_an_idle_instance_is_closed_when_another_is_made() -> None:
    """Once, and not again at the end."""
    log: list[tuple[float, str]] = []

    async def main() -> None:
        agent = renewable(log)
        agent.renew(agent.instance)
        assert 2 == (await agent.call(REQUEST)).value
        await CLOCK.sleep(s(1))
        assert [(0.0, "closed 1")] == log
        await agent.aclose()

    run_virtual(main())
    assert [(0.0, "closed 1"), (1.0, "closed 2")] == log


def test_a_busy_instance_is_closed_with_its_last_call() -> None:
    """Calls under way end with the instance that they began with."""
    log: list[tuple[float, str]] = []

    async def main() -> None:
        agent = renewable(log, takes=10)
        first = asyncio.create_task(agent.call(REQUEST))
        await CLOCK.sleep(s(4))
        second = asyncio.create_task(agent.call(REQUEST))
        await CLOCK.sleep(s(1))
        agent.renew(agent.instance)
        third = asyncio.create_task(agent.call(REQUEST))
        assert [1, 1, 2] == [(await task).value for task in (first, second, third)]
        await CLOCK.sleep(s(5))
        await agent.aclose()

    run_virtual(main())
    assert [(14.0, "closed 1"), (20.0, "closed 2")] == log


def test_the_end_closes_what_is_still_asked() -> None:
    """At the end of a run an old instance is closed although a call is under way, and the end waits for it."""
    log: list[tuple[float, str]] = []

    async def main() -> None:
        agent = renewable(log, takes=1_000, closing=(5, 5))
        first = asyncio.create_task(agent.call(REQUEST))
        await CLOCK.sleep(s(1))
        agent.renew(agent.instance)
        await agent.aclose()
        assert [(6.0, "closed 1"), (6.0, "closed 2")] == sorted(log)
        first.cancel()
        await asyncio.wait([first])

    run_virtual(main())
    assert 2 == len(log)


def test_the_end_waits_for_what_is_being_closed() -> None:
    """The closing of an instance that nobody used any more has ended when the run has."""
    log: list[tuple[float, str]] = []

    async def main() -> float:
        agent = renewable(log, closing=(5, 0))
        agent.renew(agent.instance)
        await CLOCK.sleep(s(1))
        await agent.aclose()
        return CLOCK.monotonic()

    assert 5.0 == run_virtual(main())
    assert [(1.0, "closed 2"), (5.0, "closed 1")] == log


def test_who_failed_with_an_older_instance_makes_none() -> None:
    """Of many calls that failed with one instance the first makes another one."""
    log: list[tuple[float, str]] = []

    async def main() -> object:
        agent = renewable(log)
        failed = agent.instance
        for _ in range(3):
            agent.renew(failed)
        return (await agent.call(REQUEST)).value

    assert 2 == run_virtual(main())


def test_what_goes_wrong_with_closing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It is no failure of a call, and not lost."""

    class Stuck(Instance):
        async def aclose(self) -> None:
            raise OSError("cannot be closed")

    async def main() -> None:
        agent = Renewable(Stuck(1, []), lambda: Instance(2, []))
        agent.renew(agent.instance)
        await agent.aclose()

    with caplog.at_level(logging.ERROR, "leadflow"):
        run_virtual(main())
    assert ["an agent that was made anew cannot be closed"] == [record.message for record in caplog.records]


def test_an_agent_that_starts_is_started() -> None:
    """Before a run its first instance starts, where it can; one that cannot is left alone."""
    log: list[tuple[float, str]] = []

    class Starts(Instance):
        async def start(self) -> None:
            """It takes three seconds."""
            await CLOCK.sleep(s(3))

    async def main() -> list[float]:
        times = []
        for agent in (Renewable(Starts(1, log), lambda: Instance(2, log)), renewable(log)):
            await agent.start()
            times.append(CLOCK.monotonic())
        return times

    assert [3.0, 3.0] == run_virtual(main())
