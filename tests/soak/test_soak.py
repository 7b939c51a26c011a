"""A small cut of the soak, for every run of the tests; and that it would find what it looks for."""

import asyncio
import json
from collections import Counter, deque
from datetime import timedelta

import pytest

from leadflow.run.ports import Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, Scene, after
from tests.soak.leaks import growth, held, tasks_left, timers, waiters
from tests.soak.programs import text_of
from tests.soak.soak import Soak, main, soak
from tests.soak.weather import Weathered


def test_an_hour_in_bad_weather_leaves_nothing() -> None:
    """Z7: of thousands of executions under all policies, cancels and deadlines among them, nothing is left, nothing
    breaks, and the same seed gives the same logs."""
    world = Soak(3, 6)
    told = soak(world, periods=4, seconds=900, runs=60)
    assert [] == told["violations"]
    assert world.seen.executions >= 2_000
    ends = world.seen.runs
    assert ends["done"] and ends["failed"] and ends["cancelled"] + ends["by task"], "each of these was tried"
    again = soak(Soak(3, 6), periods=4, seconds=900, runs=60)
    assert told["hash"] == again["hash"]


def test_a_journal_on_disk_is_the_same_day() -> None:
    """Kept on disk nothing is left either, each run is there as it was told, and one seed gives the same log."""
    told = [soak(Soak(4, 3), periods=2, seconds=900, runs=20, kept=True) for _ in range(2)]
    assert [[], []] == [each["violations"] for each in told]
    assert 1 == len({each["hash"] for each in told})


def test_another_seed_is_another_day() -> None:
    """The hash depends on what happened."""
    one, other = (soak(Soak(seed, 1), periods=1, seconds=900, runs=5)["hash"] for seed in (1, 2))
    assert one != other


def test_programs_are_those_of_their_seed() -> None:
    """One number and seed give one text, with every policy somewhere among them."""
    assert text_of(3, 1) == text_of(3, 1) != text_of(3, 2)
    texts = "".join(text_of(number, 1) for number in range(40))
    names = "retry timeout fallback optional concurrency priority idempotent on_failure breaker"
    assert [] == [name for name in names.split() if f"@{name}" not in texts]


def test_the_script_says_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 0 when all is well, and with 1 when too little was executed; it runs as much as it has to."""
    arguments = ["--seconds", "900", "--runs", "3", "--programs", "1"]
    assert 0 == main([*arguments, "--periods", "1"])
    assert "soak" == json.loads(capsys.readouterr().out)["what"]
    assert 1 == main([*arguments, "--periods", "1", "--executions", "1000000"])
    assert 0 == main([*arguments, "--periods", "4", "--executions", "400"])


# --- planted leaks ------------------------------------------------------------------------------------------------


class Leaky(Weathered):
    """Begins something at each call that nobody ends."""

    async def call(self, request: Request) -> Reply:
        """Leave a task behind."""
        task = asyncio.get_running_loop().create_task(CLOCK.sleep(timedelta(days=3)), name="left")
        task.add_done_callback(lambda _: None)
        return Reply(1)


def test_a_planted_leak_is_found() -> None:
    """A task that an agent leaves is told, and so is its timer."""
    world = Soak(1, 1)
    for name in world.agents:
        world.agents[name] = Leaky(name, 1, CLOCK)
    told = json.dumps(soak(world, periods=1, seconds=900, runs=3)["violations"])
    assert "tasks are left" in told
    assert "'left'" in told
    assert "timers are left" in told


def test_waiters_are_found_wherever_they_wait() -> None:
    """A pending future in a queue in an object in a dict is found; one that is done is none."""

    class Slotted:
        """As a policy keeps its queue."""

        __slots__ = ("queue",)

        def __init__(self, queue: object) -> None:
            self.queue = queue

    async def look() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        pending, done = loop.create_future(), loop.create_future()
        done.set_result(None)
        return len(waiters({"a": Slotted(deque([(1, pending)]))})), len(waiters({"a": Slotted(deque([(1, done)]))}))

    assert (1, 0) == run_virtual(look())


def test_a_taken_slot_is_found() -> None:
    """Who has a turn, and who waits for it, are both told; afterwards nothing is."""

    async def look() -> tuple[list[str], list[str], list[str]]:
        scene = Scene({"a": Player(after(1))}, slots={"a": 1})
        shared, loop = scene.shared, asyncio.get_running_loop()
        tasks = [loop.create_task(scene.play()) for _ in range(2)]
        await CLOCK.sleep(timedelta(0))
        early, left = list(held(shared)), list(tasks_left())
        assert len(timers(loop)) == 1
        await asyncio.wait(tasks)
        return early, left, [*held(shared), *tasks_left()]

    early, left, late = run_virtual(look())
    assert ["1 waiters", "turns of"] == [" ".join(text.split()[:2]) for text in early]
    assert ["2 tasks"] == [" ".join(text.split()[:2]) for text in left]
    assert [] == late


def test_growth_is_more_than_the_slack() -> None:
    """A type grows when there are more than a twentieth and two hundred more of it."""
    before = Counter({"a": 1000, "b": 0})
    assert {} == growth(before, Counter({"a": 1250, "b": 200}))
    assert {"a": (1000, 1251), "b": (0, 201)} == growth(before, Counter({"a": 1251, "b": 201}))
