"""Property Z11: whatever order 500 concurrent calls end in, spent and set aside stay within every budget, always.

`python -m tests.fuzz.fuzz_budgets [SCHEDULES] [SEED]` runs the real driver in virtual time: two blocks with budgets in
a flow with one, agents that answer, fail and are cut off after random times. Each event is looked at as it comes.
"""

import asyncio
import sys
from random import Random
from time import perf_counter

from leadflow.events.model import BudgetReserved, BudgetSettled, Entry, RunStarted, Usage
from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.errors import ConnectFailed, RateLimited, Transient
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, s

CALLS = 500
TEXT = """leadflow 1
agent fast: openai { model: "m"  max_tokens: 40 }
@budget($FLOW)
flow f() -> int {
  @optional @budget($LEFT) @concurrency(CALLS)
  step left = for n in range(HALF) {
    @optional @retry(2, backoff: 1s) @timeout(attempt: 3s) step a = fast.ask("x")
  }
  @optional @budget($RIGHT) @concurrency(CALLS)
  step right = for n in range(HALF) {
    @optional @timeout(20s) step a = fast.ask("x")
  }
  return 1
}
"""


def plan_of(chance: Random, calls: int = CALLS) -> tuple[Plan, dict[str, int]]:
    """The flow with random budgets, in millionths of a dollar by path."""
    limits = {"f": chance.randint(1000, 60_000), "f/left": chance.randint(200, 40_000)}
    limits["f/right"] = chance.randint(200, 40_000)
    text = TEXT.replace("CALLS", str(calls)).replace("HALF", str(calls // 2))
    for word, path in (("FLOW", "f"), ("LEFT", "f/left"), ("RIGHT", "f/right")):
        text = text.replace(word, f"{limits[path] / 10**6:.6f}")
    plan, report = compile_source("z11.flow", text)
    assert plan is not None, report.diagnostics
    return plan, limits


class Agent:
    """Answers, fails or hangs, after a while; never takes more than it may."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    async def call(self, request: Request) -> Reply:
        """One attempt."""
        await CLOCK.sleep(s(self.chance.choice([0.0, 0.5, 1.0, 2.5, 9.0])))
        match self.chance.randint(0, 9):
            case 0:
                raise ConnectFailed("no", sent=False)
            case 1:
                raise RateLimited("slowly")
            case 2:
                raise Transient("no")
            case 3:
                return Reply("ok")
        return Reply("ok", Usage(self.chance.randint(0, 60), self.chance.randint(0, 40)))

    async def aclose(self) -> None:
        """Nothing is held."""


class Watcher:
    """Adds up what the events say, and looks at every one of them."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.used = dict.fromkeys(limits, 0)
        self.held: dict[tuple[str, int], int] = {}
        self.reservations = 0
        self.broken = ""
        """What was overdrawn."""

    def __call__(self, entry: Entry) -> None:
        """One event."""
        event = entry.event
        if isinstance(event, BudgetReserved):
            self.reservations += 1
            self.held[event.path, event.attempt] = event.money
            self._add(event.path, event.money)
        elif isinstance(event, BudgetSettled):
            self._add(event.path, event.money - self.held.pop((event.path, event.attempt)))

    def _add(self, path: str, money: int) -> None:
        for scope, limit in self.limits.items():
            if path.startswith(scope):
                self.used[scope] += money
                if self.used[scope] > limit:
                    self.broken = f"{scope}: {self.used[scope]} of {limit}"


def schedule(seed: int) -> int:
    """One run; how many reservations it made.

    Raises:
        AssertionError: a budget was overdrawn, or something stays set aside.
    """
    chance = Random(seed)
    plan, limits = plan_of(chance)
    watcher, purse = Watcher(limits), Purse({"fast": Charge(1_000_000, 1_000_000)})
    stack = Stack(plan.agents, {"fast": Agent(chance)}, PolicyPorts(CLOCK, SeededRng(seed), Shared()), purse=purse)
    driver = Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK, (watcher,)), Bounds(calls=None))
    cancel_after = chance.choice([0.2, 1.0, 5.0]) if chance.random() < 0.2 else None

    async def main() -> None:
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after, driver.cancel, "enough")
        await driver.run(RunStarted("run-1", "f", plan.hash, {}, seed, CLOCK.now()))

    run_virtual(main())
    assert not watcher.broken, f"seed {seed}: {watcher.broken}"
    assert not watcher.held, f"seed {seed}: {watcher.held}"
    return watcher.reservations


def main(count: int, first: int) -> None:
    """So many schedules."""
    begun, made = perf_counter(), 0
    for seed in range(first, first + count):
        made += schedule(seed)
    took = perf_counter() - begun
    print(f"{count} schedules, {made} reservations, {took:.0f} s, {count / took:.1f} schedules/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
