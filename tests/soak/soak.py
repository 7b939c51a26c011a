"""Z7: a day of hundreds of agents in bad weather, in virtual time: nothing leaks, and a seed repeats to the last event.

    python -m tests.soak.soak --periods 24 --seconds 3600 --programs 50 --executions 1000000 --twice

The real kernel, driver and stack run programs of every construct and policy (`programs.py`) against agents that
misbehave (`weather.py`). Runs begin at random, more at once in some minutes; some are cancelled, some have a deadline.
At the end of each period nothing runs, and nothing may be left (`leaks.py`). One line of JSON tells what was seen;
`--twice` does it in two processes with hashing of their own, and compares the hashes of all logs.
"""

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from math import ceil
from pathlib import Path
from random import Random
from time import perf_counter, process_time

from leadflow.events.fold import fold
from leadflow.events.model import (
    AttemptStarted,
    BudgetReserved,
    BudgetSettled,
    Entry,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    RunStarted,
    Status,
)
from leadflow.keeping import begin
from leadflow.keeping import held as work_on
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.renewal import Renewable
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.kernel import Program
from leadflow.run.ports import Journal
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.simulation.inline import InlineStore, inline_store
from tests.soak.leaks import counts, growth, held, tasks_left, timers
from tests.soak.programs import program_of
from tests.soak.weather import Weathered

QUIET = 0.2
"""The share of a period at its end in which no run begins."""
LONGEST = timedelta(minutes=4)
"""No run takes longer: its flow has a deadline, which an operator may shorten."""


@dataclass
class Seen:
    """What a soak has seen."""

    runs: Counter[str] = field(default_factory=Counter)
    """By how they ended."""
    executions: int = 0
    """Nodes that started."""
    attempts: int = 0
    """Further attempts."""
    entries: int = 0
    events: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    """Resident megabytes at the end of each period."""

    def still(self, executions: int) -> int:
        """How many runs more it takes until so many nodes are executed, and a tenth more: some runs are short."""
        mean = self.executions / sum(self.runs.values())
        return max(0, ceil((executions - self.executions) / mean * 1.1) + 1)


class Soak:
    """The world of one soak."""

    def __init__(self, seed: int, programs: int) -> None:
        self.seen = Seen()
        self.store: InlineStore | None = None
        """Where runs are kept; None: in memory."""
        self._chance = Random(f"soak {seed}")
        self._programs = [program_of(number, seed) for number in range(programs)]
        names = [name for program in self._programs for name in program.plan.agents]
        self.agents = {name: Weathered(name, seed, CLOCK) for name in names}
        self._active: set[str] = set()
        for agent in self.agents.values():
            agent.active = self._active
        self._shared = Shared()
        self._hash = blake2b(digest_size=16)
        self._number = 0
        self._counts: list[Counter[str]] = []

    @property
    def hash(self) -> str:
        """Of the logs of all runs, in the order in which they ended; their times are virtual."""
        return self._hash.hexdigest()

    async def period(self, runs: int, seconds: float) -> None:
        """Runs that begin at random, and then silence."""
        begun = CLOCK.monotonic()
        busy = seconds * (1 - QUIET)
        at = sorted(self._moment(busy) for _ in range(runs))
        async with asyncio.TaskGroup() as group:
            for moment in at:
                await CLOCK.sleep(timedelta(seconds=begun + moment - CLOCK.monotonic()))
                group.create_task(self._cancelled_or_not())
        if CLOCK.monotonic() > begun + seconds:
            self.seen.violations.append("runs took longer than their deadlines")
        await CLOCK.sleep(timedelta(seconds=begun + seconds - CLOCK.monotonic()))
        self._look()

    def _moment(self, busy: float) -> float:
        """When a run begins: one in five in a rush at the middle."""
        return busy / 2 + self._chance.random() if self._chance.random() < 0.2 else self._chance.uniform(0, busy)

    # --- runs ---------------------------------------------------------------------------------------------------------

    async def _cancelled_or_not(self) -> None:
        """One run; one in twenty is cancelled by its task."""
        program, number = self._chance.choice(self._programs), self._number
        self._number += 1
        chance = Random(f"{number} {self._chance.random()}")
        if chance.random() > 0.05:
            await self._one(program, number, chance)
            return
        task = asyncio.get_running_loop().create_task(self._one(program, number, chance))
        await asyncio.wait([task], timeout=chance.expovariate(1 / 10))
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        self.seen.runs["by task"] += task.cancelled()

    async def _one(self, program: Program, number: int, chance: Random) -> None:
        plan, rng = program.plan, SeededRng(number)
        agents = {each: renewable(self.agents[each]) for each in plan.agents}
        stack = Stack(plan.agents, agents, PolicyPorts(CLOCK, rng, self._shared))
        deadline = timedelta(seconds=chance.expovariate(1 / 30)) if chance.random() < 0.05 else None
        bounds = Bounds(calls=chance.choice([None, 1000, 4]), deadline=deadline)
        inputs = {"x": chance.randint(0, 99)}
        name = f"run-{number}"
        cancel_after = chance.expovariate(1 / 10) if chance.random() < 0.05 else None
        started = RunStarted(name, "main", plan.hash, inputs, number, CLOCK.now())
        self._active.add(name)
        try:
            async with self._kept(plan, started, bounds) as journal:
                driver = Driver(program, Ports(stack, journal, CLOCK), bounds)
                if cancel_after is not None:
                    asyncio.get_running_loop().call_later(cancel_after, driver.cancel, "enough")
                try:
                    result = await driver.run(started)
                except asyncio.CancelledError:  # it has ended in its log nevertheless
                    self._note(name, await journal.load(), looks=True)
                    raise
                if self.store is not None and number % 20 == 0 and await journal.load() != result.entries:
                    self.seen.violations.append(f"{name}: what is kept is not what was told")
        finally:
            self._active.remove(name)
            for agent in agents.values():
                await agent.aclose()
        self.seen.runs[result.status.value] += 1
        self._note(name, result.entries, looks=number % 20 == 0)
        if result.leaked and not any(agent.acts["deaf"] for agent in self.agents.values()):
            self.seen.violations.append(f"{name} left {result.leaked} behind")

    @asynccontextmanager
    async def _kept(self, plan: Plan, started: RunStarted, bounds: Bounds) -> AsyncIterator[Journal]:
        """The journal of a run; what was kept is forgotten when the run has ended."""
        if self.store is None:
            yield MemoryJournal(CLOCK)
            return
        begun = asyncio.ensure_future(begin(self.store, started, plan, bounds))
        journal = await asyncio.shield(begun)
        try:
            async with work_on(self.store, journal, CLOCK):
                yield journal
        finally:
            if not await self.store.remove(started.run):
                self.seen.violations.append(f"{started.run} is held though it has ended")

    def _note(self, run: str, entries: Sequence[Entry], *, looks: bool) -> None:
        """Count what a run did, and judge how it ended."""
        seen = self.seen
        seen.entries += len(entries)
        ends = reserved = 0
        for entry in entries:
            event = entry.event
            seen.events[type(event).__name__] += 1
            seen.executions += isinstance(event, NodeStarted)
            seen.attempts += isinstance(event, AttemptStarted)
            ends += isinstance(event, RunDone | RunFailed | RunCancelled)
            reserved += isinstance(event, BudgetReserved)
            reserved -= isinstance(event, BudgetSettled)
            told = repr(entry)
            self._hash.update(told.encode("utf-8", "surrogatepass"))
            if "system.internal" in told:
                seen.violations.append(f"{run}: {told}")
        if ends != 1 or not isinstance(entries[-1].event, RunDone | RunFailed | RunCancelled):
            seen.violations.append(f"{run} ended {ends} times")
        if reserved:
            seen.violations.append(f"{run}: {reserved} reservations are not settled")
        if looks:
            seen.violations += _unsettled(run, entries)

    # --- silence ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Nothing runs: look for what is left."""
        seen = self.seen
        seen.violations += tasks_left()
        seen.violations += held(self._shared)
        if left := timers(asyncio.get_running_loop()):
            seen.violations.append(f"{len(left)} timers are left: {left[:3]}")
        for agent in self.agents.values():
            seen.violations += [f"{agent.name} was asked after the end of {stray}" for stray in agent.strays]
            agent.strays.clear()
        if busy := [agent.name for agent in self.agents.values() if agent.under_way]:
            seen.violations.append(f"calls are under way in {busy[:5]}")
        self._counts.append(counts())
        seen.memory.append(_resident())

    def grown(self) -> dict[str, tuple[int, int]]:
        """Types of which there are more at the end than after the first third, when all caches are warm."""
        return growth(self._counts[len(self._counts) // 3], self._counts[-1])


def renewable(agent: Weathered) -> Renewable:
    """The same upstream behind each instance of an agent."""
    return Renewable(agent, lambda: agent)


def _unsettled(run: str, entries: Sequence[Entry]) -> Iterator[str]:
    """What a log says to be under way when the run has ended."""
    state = fold(entries)
    if open_ones := [path for path, node in state.nodes.items() if not node.status.is_settled]:
        yield f"{run} ended with {open_ones[:3]} under way"
    if state.status not in (Status.DONE, Status.FAILED, Status.CANCELLED):
        yield f"{run} ended {state.status}"


def _resident() -> int:
    """Megabytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


class _Complaints(logging.Handler):
    """Keeps what is logged as an error, by leadflow or by asyncio."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.texts.append(record.getMessage())


def soak(
    world: Soak, *, periods: int, seconds: float, runs: int, executions: int = 0, kept: bool = False
) -> dict[str, object]:
    """So many periods of a world, in virtual time; what was seen.

    Args:
        runs: in each period.
        executions: nodes that are to be executed in all: then it is as many runs as that takes, after a first period.
        kept: runs are kept in a journal on disk, and forgotten when they have ended.
    """
    complaints, begun, busy = _Complaints(), perf_counter(), process_time()
    loggers = [logging.getLogger(name) for name in ("asyncio", "leadflow")]
    for logger in loggers:
        logger.addHandler(complaints)

    async def all_periods() -> None:
        async with inline_store(CLOCK) if kept else nullcontext() as world.store:
            await periods_of_it()

    async def periods_of_it() -> None:
        for left in range(periods, 0, -1):
            still = world.seen.still(executions) if executions and left < periods else runs * left
            await world.period(ceil(still / left), seconds)

    try:
        run_virtual(all_periods())
    finally:
        for logger in loggers:
            logger.removeHandler(complaints)
    seen, took, used = world.seen, perf_counter() - begun, process_time() - busy
    violations = [*seen.violations, *complaints.texts]
    if grown := world.grown():
        violations.append(f"more and more of these: {grown}")
    if seen.executions < executions:
        violations.append(f"{seen.executions:,} of {executions:,} nodes were executed")
    return {
        "what": "soak", "agents": len(world.agents), "hours": periods * seconds / 3600,
        "runs": dict(seen.runs), "executions": seen.executions, "attempts": seen.attempts, "entries": seen.entries,
        "events": dict(seen.events), "calls": sum(agent.calls for agent in world.agents.values()),
        "memory_mb": seen.memory, "seconds": round(took, 1), "cpu_us": round(1e6 * used / max(1, seen.executions)),
        "hash": world.hash, "violations": violations[:20], "violated": len(violations),
    }  # fmt: skip


# --- the command line ---------------------------------------------------------------------------------------------


def _twice(arguments: Sequence[str]) -> int:
    """The same in two processes at once, whose strings hash differently; 1 when they differ or either is violated."""
    processes = []
    for salt in ("1", "2"):
        command = [sys.executable, "-m", "tests.soak.soak", *arguments]
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    told = [json.loads(process.communicate()[0]) for process in processes]
    for each in told:
        print(json.dumps(each))
    same = len({each["hash"] for each in told}) == 1
    print(json.dumps({"what": "soak twice", "same": same}))
    return int(not same or any(process.returncode for process in processes))


def main(arguments: list[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Z7: a day in bad weather.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--periods", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1800.0, help="of virtual time, for each period")
    parser.add_argument("--runs", type=int, default=50, help="in each period, or in the first")
    parser.add_argument("--programs", type=int, default=5, help="of ten agents each")
    parser.add_argument("--executions", type=int, default=0, help="so many in all, after the runs of a first period")
    parser.add_argument("--kept", action="store_true", help="in a journal on disk")
    parser.add_argument("--twice", action="store_true", help="in two processes, with equal hashes")
    chosen = parser.parse_args(arguments)
    if chosen.twice:
        return _twice([argument for argument in arguments if argument != "--twice"])
    world = Soak(chosen.seed, chosen.programs)
    told = soak(
        world, periods=chosen.periods, seconds=chosen.seconds, runs=chosen.runs, executions=chosen.executions,
        kept=chosen.kept,
    )  # fmt: skip
    print(json.dumps(told))
    return int(bool(told["violations"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
