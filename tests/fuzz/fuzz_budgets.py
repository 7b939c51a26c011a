"""Property Z11: whatever order 500 concurrent calls end in, spent and set aside stay within every budget, always.

    python -m tests.fuzz.fuzz_budgets --schedules 10000 --orders 90000 --seed 1

A schedule is a run of the real driver in virtual time: two blocks with budgets in a flow with one, agents that answer,
fail and are cut off after random times. Each event is looked at as it comes. An order is what the ledger alone sees of
such a run, several times cheaper: 500 claims on random nested budgets, of which any that is under way ends next,
or any that waits goes away. The ledger is pure, so nothing else can reach it. One line of JSON tells what was seen;
each finding names the seed that makes it again.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from time import perf_counter

from leadflow.events.model import BudgetReserved, BudgetSettled, Entry, RunStarted, Usage
from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.plan.policy import Budget
from leadflow.plan.types import Money
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.ledger import Account, Amount, Claim, Ledger
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.errors import ConnectFailed, RateLimited, Transient
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.fuzz.tally import Tally
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
        return Reply("ok", Usage(self.chance.randint(0, 60), self.chance.choice((0, 0, 0, 0, 0, 0, 0, 30))))

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


# --- the ledger alone ---------------------------------------------------------------------------------------------


class Crowd:
    """Claims on nested budgets, in a random order; what each took is added up beside the ledger."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.ledger = Ledger()
        names = ["f", *(f"f/{letter}" for letter in "abc"), "f/a/x", "f/b/y"]
        self.accounts = {name: self.ledger.account(name, self._budget()) for name in names}
        self.used: dict[Account, list[int]] = {account: [0, 0, 0] for account in self.accounts.values()}
        """What is spent and set aside in each, by the word of the claims."""
        self.waiting: list[Claim] = []
        self.under_way: list[Claim] = []
        self.served = 0
        kinds = [(self._chain(), self._amount()) for _ in range(self.chance.randint(1, 6))]
        self._kinds = [
            *kinds,
            *((self._chain(), self._amount()) for _ in range(self.chance.choice((0, 0, 0, 0, 0, 0, 0, 30)))),
        ]
        """Most calls of a run are of a few kinds."""

    def _budget(self) -> Budget:
        chance = self.chance
        limits = [None if chance.random() < 0.5 else chance.choice((50, 800, 9000)) for _ in range(3)]
        return Budget(None if limits[0] is None else Money(limits[0]), limits[1], limits[2])

    def _chain(self) -> tuple[Account, ...]:
        inner = self.chance.choice(list(self.accounts))
        return tuple(
            self.accounts[name] for name in sorted(self.accounts, reverse=True) if f"{inner}/".startswith(f"{name}/")
        )

    def _amount(self) -> Amount:
        return Amount(self.chance.choice((0, 1, 7, 40)), self.chance.choice((0, 3, 20)), 1)

    def come(self) -> None:
        """Somebody claims a part."""
        accounts, most = self.chance.choice(self._kinds)
        claim = Claim(accounts, most, is_open=self.chance.random() < 0.02)
        self.ledger.ask(claim)
        self.waiting.append(claim)
        self.look([claim] if claim.held is not None or claim.refused is not None else [])

    def end(self) -> None:
        """Somebody who is under way ends; nobody takes more than was set aside."""
        chance = self.chance
        claim = self.under_way.pop(chance.randrange(len(self.under_way)))
        held, share = claim.held or (), chance.choice((None, 0.0, 0.3, 1.0))
        took = None if share is None else Amount(*(int(min(each) * share) for each in zip(*held, strict=True)))
        for account, aside in zip(claim.accounts, held, strict=True):
            for at, most in enumerate(aside):
                self.used[account][at] -= most - (most if took is None else took[at])
        self.ledger.settle(claim, took)
        self.look(self.ledger.next())

    def go_away(self) -> None:
        """Somebody who waits does not wait any more."""
        self.ledger.withdraw(self.waiting.pop(self.chance.randrange(len(self.waiting))))
        self.look(self.ledger.next())

    def look(self, served: list[Claim]) -> None:
        """Some wait no longer: whatever is spent and set aside is within each budget, and the ledger knows it."""
        for claim in served:
            self.waiting.remove(claim)
            if claim.held is not None:
                self.served += 1
                self.under_way.append(claim)
                for account, held in zip(claim.accounts, claim.held, strict=True):
                    for at, most in enumerate(held):
                        self.used[account][at] += most
        for account, used in self.used.items():
            for at, limit in enumerate(account.limits):
                assert used[at] == account.spent[at] + account.reserved[at], f"{account.path} lost count of {used}"
                assert limit is None or used[at] <= limit, f"{account.path}: {used} of {account.limits}"


def order(seed: int, calls: int = CALLS) -> int:
    """One order; how many claims were served.

    Raises:
        AssertionError: a budget was overdrawn, something stays set aside, or somebody waits for nothing.
    """
    crowd = Crowd(seed)
    first = crowd.chance.randint(1, calls)
    for come in range(calls):
        crowd.come()
        if come > first and crowd.under_way:
            crowd.end()
    while crowd.under_way:
        if crowd.waiting and crowd.chance.random() < 0.1:
            crowd.go_away()
        else:
            crowd.end()
    assert not crowd.waiting, f"{len(crowd.waiting)} wait for nothing"
    assert all(account.reserved == (0, 0, 0) for account in crowd.used), "something stays set aside"
    return crowd.served


# --- the command line ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class BudgetTally(Tally):
    """What became of the schedules so far."""

    schedules: int = 0
    orders: int = 0
    reservations: int = 0


def run(attempt: Callable[[int], int], seeds: range) -> BudgetTally:
    """Try a range of seeds. What is no finding ends it, and names its seed."""
    tally = BudgetTally()
    for seed in seeds:
        try:
            tally.reservations += attempt(seed)
        except AssertionError as problem:
            tally.uncaught += 1
            tally.findings.append(f"{attempt.__name__} {seed}: {problem!r:.200}")
        except Exception as problem:
            problem.add_note(f"{attempt.__name__} {seed}")
            raise
    if attempt is schedule:
        tally.schedules += len(seeds)
    else:
        tally.orders += len(seeds)
    return tally


def main(arguments: list[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Z11: budgets hold at every event.")
    parser.add_argument("--schedules", type=int, default=100, help="runs of 500 calls")
    parser.add_argument("--orders", type=int, default=900, help="of 500 claims, on the ledger alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    total, begun, first = BudgetTally(), perf_counter(), chosen.seed * 1_000_000
    with ProcessPoolExecutor(chosen.processes) as pool:
        for attempt, count in ((schedule, chosen.schedules), (order, chosen.orders)):
            starts = range(first, first + count, 20)
            for tally in pool.map(partial(run, attempt), [range(at, min(at + 20, first + count)) for at in starts]):
                total.add(tally)
    print(json.dumps({"what": "budgets", **asdict(total), "seconds": round(perf_counter() - begun, 1)}))
    return int(total.uncaught > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
