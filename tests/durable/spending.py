"""Z11 over crashes: runs with budgets, killed with calls under way; what was really spent is never more than allowed.

    python -m tests.durable.spending --scenarios 500

The flow is that of `tests.fuzz.fuzz_budgets`: two blocks with budgets in a flow with one. An agent writes into a file,
when it is asked, what the call costs: whatever becomes of its process, that is spent. Processes are killed before or
behind a commit, with many calls under way, and again while they are taken up. In the end the file and the journal are
held against the budgets, at every event; and each reservation is settled once (case $8). One line of JSON.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from leadflow.events.model import BudgetReserved, BudgetSettled, RunStarted, Usage
from leadflow.keeping import begin, held
from leadflow.plan.plan import Plan
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.ledger import Amount
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.errors import ConnectFailed, RateLimited
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.run.store import HeldJournal
from leadflow.run.taken_up import Past, Told
from leadflow.stores.owner import this_owner
from leadflow.testing import run_virtual
from tests.durable.corpus import CLOCK
from tests.durable.crashes import Kill, MortalStore, in_child, stored
from tests.fuzz.fuzz_budgets import Watcher, plan_of
from tests.policies.playing import s
from tests.run.fakes import STARTED
from tests.simulation.inline import fast_folder

CALLS = 40
_MOST_LIVES = 12


@dataclass
class Till:
    """An agent that writes down what it costs."""

    file: Path
    chance: Random

    async def call(self, request: Request) -> Reply:
        """One attempt."""
        act = self.chance.randint(0, 9)
        read, written = self.chance.randint(0, 60), self.chance.randint(0, 40)
        cost = 0 if act < 2 else read + written
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, (json.dumps([request.path, cost]) + "\n").encode())
        os.close(handle)
        await CLOCK.sleep(s(self.chance.choice([0.0, 0.5, 1.0, 2.5])))
        if act == 0:
            raise ConnectFailed("no", sent=False)
        if act == 1:
            raise RateLimited("slowly")
        return Reply("ok", None if act == 2 else Usage(read, written))

    async def aclose(self) -> None:
        """Nothing is held."""


async def live(plan: Plan, folder: Path, kill: Kill | None, seed: int) -> None:
    """One process: it begins the run, or takes it up."""
    store = MortalStore(folder / "journal.db", CLOCK, owner=this_owner())
    await store.open()
    store.mortal(kill)
    rows = await store.runs()
    journal: HeldJournal | None = await store.claim(rows[0].id) if rows else None
    started = RunStarted("run-1", "f", plan.hash, {}, seed, STARTED)
    if journal is None:
        journal = await begin(store, started, plan, Bounds(calls=None))
    async with held(store, journal, CLOCK):
        entries = await journal.load()
        purse = Purse({"fast": Charge(1_000_000, 1_000_000)})
        for one in Past(entries).spent():
            purse.ledger.remember(one.path, Amount(one.money, one.tokens, one.calls))
        till = Till(folder / "till", Random(f"{seed} {len(entries)}"))
        stack = Stack(plan.agents, {"fast": till}, PolicyPorts(CLOCK, SeededRng(seed), Shared()), purse=purse)
        ports = Ports(stack, journal, CLOCK)
        if not entries:
            await Driver(Program(plan), ports, Bounds(calls=None)).run(started)
            return
        result = await Driver(Program(plan), ports, Bounds(calls=None)).resume(entries, owner="second")
        if result.failure is not None and result.failure.in_doubt:
            told = {cause.path: Told("retry") for cause in result.failure.causes}
            await Driver(Program(plan), ports, Bounds(calls=None)).resume(entries, told, owner="second")
    await store.aclose()


def _life(plan: Plan, folder: Path, kill: Kill | None, seed: int) -> None:
    run_virtual(live(plan, folder, kill, seed))


def try_scenario(seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Kill a run until it ends: what was seen, and what is wrong."""
    chance = Random(seed)
    plan, limits = plan_of(chance, CALLS)
    kills: list[Kill | None] = [
        Kill(chance.randint(2, 12), chance.choice(("before", "behind"))) for _ in range(chance.randint(1, 3))
    ]
    lives = 0
    while True:
        kill = kills[lives] if lives < len(kills) else None
        if in_child(partial(_life, plan, folder, kill, seed)):
            break
        lives += 1
        if lives > _MOST_LIVES:
            return Counter(), ["the run never ends"]
    return _judged(folder, limits, lives)


def _judged(folder: Path, limits: dict[str, int], lives: int) -> tuple[Counter[str], list[str]]:
    entries, watcher = stored(folder), Watcher(limits)
    for entry in entries:
        watcher(entry)
    wrong = [watcher.broken] if watcher.broken else []
    wrong += [f"{one} is never settled" for one in watcher.held]
    spent: Counter[str] = Counter()
    till = folder / "till"
    for line in till.read_text().splitlines() if till.exists() else ():  # nothing may have fitted
        path, cost = json.loads(line)
        spent.update({scope: cost for scope in limits if path.startswith(scope)})
    wrong += [f"{scope}: {spent[scope]} is spent of {limit}" for scope, limit in limits.items() if spent[scope] > limit]
    events = [entry.event for entry in entries]
    estimated = sum(isinstance(event, BudgetSettled) and event.is_estimated for event in events)
    reserved = sum(isinstance(event, BudgetReserved) for event in events)
    return Counter(kills=lives, reserved=reserved, estimated=estimated), wrong


def main(arguments: Sequence[str]) -> int:
    """Try scenarios, and say what was found; 1 when more was spent than allowed."""
    parser = argparse.ArgumentParser(description="Z11: budgets over crashes.")
    parser.add_argument("--scenarios", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    seen: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    for seed in range(chosen.seed * 10_000, chosen.seed * 10_000 + chosen.scenarios):
        with fast_folder() as folder:
            counts, problems = try_scenario(seed, Path(folder))
        seen += counts
        if problems:
            wrong[seed] = problems
    told = {"what": "spending", "scenarios": chosen.scenarios, "seen": seen, "wrong": len(wrong)}
    print(json.dumps(told | {"findings": dict(list(wrong.items())[:5])}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
