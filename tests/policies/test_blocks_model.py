"""`@cache` on blocks against its reference model: kernel, driver and memory together, in runs that begin, end, fail and
are stopped in any order.
"""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leadflow.events.model import CacheUsed, CallWaits, RunStarted, Status
from leadflow.policies.shared import Shared
from leadflow.run.driver import Result
from leadflow.run.errors import Rejected
from leadflow.run.ports import Request
from leadflow.testing.virtual import JumpLoop
from tests.policies.models.blocks import Model, Run
from tests.policies.models.runs import RUNS, steps
from tests.policies.playing import CLOCK, Player, s
from tests.policies.test_cached_blocks import House, of

TEXT = """flow f(q: string) -> int {{
  @cache({ttl}s)
  step g = do {{
    step a: int = main.look(q)
    @optional step b: int? = spare.look(q)
    yield a
  }}
  return g
}}"""
NOW: ContextVar[Run] = ContextVar("now")
BEGUN: ContextVar[list[tuple[float, int]]] = ContextVar("begun")


async def first(request: Request) -> object:
    """What the block of a run is about."""
    run = NOW.get()
    BEGUN.get().append((round(CLOCK.monotonic(), 6), run.number))
    await CLOCK.sleep(s(run.seconds))
    if run.end == "fails":
        raise Rejected("no")
    return run.number


async def beside(request: Request) -> object:
    """What makes it less when it fails."""
    if NOW.get().end == "degraded":
        raise Rejected("no")
    return 0


HOUSES = {ttl: House(TEXT.format(ttl=ttl), first, spare=Player(beside)) for ttl in (3, 60)}
PLANNED = st.tuples(
    st.sampled_from(["a", "b", "a of another"]),
    st.integers(0, 6),
    st.integers(1, 5),
    st.sampled_from(["answers", "answers", "degraded", "fails"]),
    st.none() | st.integers(0, 8),
)


class Blocks(RuleBasedStateMachine):
    """Runs of one process, some at the same time."""

    @initialize(ttl=st.sampled_from(sorted(HOUSES)))
    def begin(self, ttl: int) -> None:
        """Nothing is remembered."""
        self.house, self.model, self.count = HOUSES[ttl], Model(ttl), 0
        self.house.shared = Shared()
        self.runner = asyncio.Runner(loop_factory=JumpLoop)

    @rule(planned=st.lists(PLANNED, min_size=1, max_size=6))
    def runs(self, planned: Sequence[tuple[str, int, int, str, int | None]]) -> None:
        """Runs that begin shortly after each other; no two things happen in one moment."""
        base, runs = int(self.runner.get_loop().time()) + 1, list[Run]()
        for key, begins, seconds, end, stopped in planned:
            self.count += 1
            at = base + begins + 0.001 * self.count
            runs.append(Run(self.count, key, at, seconds, end, None if stopped is None else at + stopped + 0.0005))
        begun: list[tuple[float, int]] = []
        told = self.runner.run(self.together(runs, begun))
        ends, wanted = self.model.together(runs)
        assert {number: (end, round(at, 6)) for number, (end, at) in ends.items()} == told
        assert [(round(at, 6), number) for at, number in wanted] == begun
        assert 0 == len(self.house.shared.flights)

    async def together(self, runs: Sequence[Run], begun: list[tuple[float, int]]) -> dict[int, tuple[str, float]]:
        """Make the runs."""
        BEGUN.set(begun)
        async with asyncio.TaskGroup() as group:
            tasks = {run.number: group.create_task(self.one(run)) for run in runs}
        return {number: task.result() for number, task in tasks.items()}

    async def one(self, run: Run) -> tuple[str, float]:
        """Make one."""
        NOW.set(run)
        await CLOCK.sleep(s(run.begins - CLOCK.monotonic()))
        key, _, scope = run.key.partition(" ")
        driver = self.house.driver(scope=scope.encode())
        name = f"run-{run.number}"
        task = asyncio.ensure_future(
            driver.run(RunStarted(name, "f", self.house.plan.hash, {"q": key}, 1, CLOCK.now()))
        )
        if run.stopped is not None:
            handle = asyncio.get_running_loop().call_at(run.stopped, driver.cancel, "enough")
            task.add_done_callback(lambda _: handle.cancel())
        result = await task
        return said(result, run), round(CLOCK.monotonic(), 6)

    def teardown(self) -> None:
        """The process ends."""
        if hasattr(self, "runner"):
            self.runner.close()


def said(result: Result, run: Run) -> str:
    """How a run ended, in the words of the model; and its log says where that is from."""
    if result.status is not Status.DONE:
        assert [] == of(result, CacheUsed)
        return "stopped" if result.status is Status.CANCELLED else "fails"
    used = [entry.event for entry in result.entries if isinstance(entry.event, CacheUsed)]
    assert bool(used) == (result.unwrap() != run.number)
    assert all(event.is_shared == bool(of(result, CallWaits)) for event in used)
    return f"has {result.unwrap()}"


Blocks.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=steps(6), deadline=None)
TestBlocks = Blocks.TestCase
