"""Z12: a cancel at each await, enumerated: no task, permit, slot, reservation or timer is left, and the end is at once.

    python -m tests.soak.cancels --pairs --programs 40

A call under its policies is one coroutine, with tasks of its own perhaps. Here every suspension of them is counted;
then the call is made anew for each, and cancelled just there: right after it began to wait, or in the turn in which
what it waits for is there. Two other calls of the same agent are under way, which have to end as if nothing happened.
Whole runs are cancelled at each commit of their journal instead, in memory and on disk, and the task of a kept run at
each of its own waits, down to those in which it lets the run go. In virtual time; the script tells the real time too
that a call takes from its cancel to its end. One line of JSON.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, combinations, count
from time import perf_counter, process_time
from typing import Any, Literal

from leadflow.events.model import Entry, Event, Failure, RunStarted
from leadflow.keeping import begin, heeding
from leadflow.keeping import held as work_on
from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import ConnectionLost, RateLimited, Rejected
from leadflow.run.kernel import Program
from leadflow.run.ports import Answer, Caller, CallOrder, Journal, Reply, Request
from leadflow.run.store import HeldJournal, Store
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, after, play, s
from tests.run.fakes import STARTED
from tests.simulation.inline import inline_store
from tests.soak.leaks import held, tasks_left, timers
from tests.soak.programs import program_of
from tests.soak.soak import renewable
from tests.soak.weather import Weathered

AT_ONCE = 0.1
"""Virtual seconds within which a cancelled call has to end."""
LONG = timedelta(days=2)
"""After this no timer may be left."""

ON_AGENT = {
    "concurrency": "@concurrency(1)",
    "breaker": "@breaker(failures: 2, window: 60s, recovery: 3s)",
    "limit": "@limit(2 per second, 20 per minute, concurrent: 1)",
    "cache": "@cache(1m)",
}
ON_STEP = {
    "retry": '@retry(3, backoff: 2s, jitter: "none")',
    "timeout": "@timeout(30s, attempt: 4s)",
    "fallback": "@fallback(spare)",
    "hedge": "@hedge(after: 500ms)",
    "budget": "@budget(calls: 4)",
    "on_error": "@on_error(timeout: retry(2), permission: escalate(spare))",
}
POLICIES = (*ON_AGENT, *ON_STEP)

SCRIPTS: Mapping[str, Sequence[Act]] = {
    "answers": (after(1, 7),),
    "answers at once": (7,),
    "breaks": (after(0.5, ConnectionLost("broke")), ConnectionLost("broke"), after(1, 7)),
    "slow down": (RateLimited("slow down", status=429, retry_after=s(3)), after(1, 7)),
    "invalid": (after(0.5, "seven"), "eight", 7),
    "hangs": (after(10_000),),
    "refuses": (after(0.5, Rejected("no")),),
}
"""What the agent does to the call that is cancelled."""

When = Literal["waiting", "woken"]


# --- counting suspensions -----------------------------------------------------------------------------------------


class Suspensions:
    """Counts them, and does something at one of them."""

    def __init__(self, at: int, when: When, act: Callable[[], object]) -> None:
        self.count = 0
        self._at = at
        self._when = when
        self._act = act

    def note(self, awaited: Any) -> None:
        """A coroutine waits now."""
        self.count += 1
        if self.count != self._at:
            return
        if self._when == "woken" and isinstance(awaited, asyncio.Future):
            awaited.add_done_callback(lambda _: self._act())  # before the task's own, which comes next
        else:
            asyncio.get_running_loop().call_soon(self._act)


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose suspensions are counted."""

    def __init__(self, work: Coroutine[Any, Any, Any], suspensions: Suspensions) -> None:
        self._work = work
        self._suspensions = suspensions

    def send(self, value: Any) -> Any:
        """Go on to the next suspension."""
        awaited = self._work.send(value)
        self._suspensions.note(awaited)
        return awaited

    def throw(self, *problem: Any) -> Any:
        """Go on with an exception."""
        awaited = self._work.throw(*problem)
        self._suspensions.note(awaited)
        return awaited

    def close(self) -> None:
        """End it."""
        self._work.close()

    def __await__(self) -> Any:
        return (yield from self._work.__await__())


COUNTING: ContextVar[Suspensions | None] = ContextVar("COUNTING", default=None)
"""What counts the suspensions of the tasks that are made in this context."""


def counting(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """A task factory that counts in the tasks of a counted call too."""
    found = COUNTING.get()
    return asyncio.Task(work if found is None else Counted(work, found), loop=loop, **options)


# --- one call -----------------------------------------------------------------------------------------------------


class Scripted:
    """An agent that does to each call what its script says; what has none is answered after a second."""

    def __init__(self, script: Sequence[Act]) -> None:
        self._script = script
        self.requests: list[tuple[float, str]] = []
        """When, and for which call."""
        self.under_way = 0

    async def call(self, request: Request) -> Reply:
        """The next act."""
        number = sum(path == request.path for _, path in self.requests)
        self.requests.append((CLOCK.monotonic(), request.path))
        act = self._script[min(number, len(self._script) - 1)] if request.path == VICTIM else after(1, 8)
        self.under_way += 1
        try:
            return Reply(await play(act, request))
        finally:
            self.under_way -= 1

    async def aclose(self) -> None:
        """Nothing is held."""


VICTIM = "f/victim"


def plan_with(policies: Sequence[str]) -> Plan:
    """A flow whose step has these policies, on itself or on its agent."""
    on_agent, on_step = (" ".join(where[name] for name in policies if name in where) for where in (ON_AGENT, ON_STEP))
    text = f"""leadflow 1
{on_agent} agent main: python {{ module: "main.py"  reads: ["look"] }}
agent spare: python {{ module: "spare.py"  reads: ["look"] }}
flow f(x: int) -> int {{ {on_step} step a: int = main.look(x) return a }}
"""
    plan, report = compile_source("test.flow", text)
    if plan is None:
        raise ValueError("\n".join([text, *(str(found.message) for found in report.diagnostics)]))
    return plan


@dataclass
class Cancelled:
    """What became of one trial."""

    suspensions: int = 0
    violations: list[str] = field(default_factory=list)
    real: float | None = None
    """Real seconds from the cancel to the end; None: it had ended before."""


class Trial:
    """One world: an agent, and three calls of it at once, of which one is cancelled."""

    def __init__(self, plan: Plan, script: Sequence[Act], at: int, when: When) -> None:
        self._at, self._when = at, when
        self._agents = {"main": Scripted(script), "spare": Scripted(())}
        self._shared = Shared()
        stack = Stack(plan.agents, self._agents, PolicyPorts(CLOCK, SeededRng(1), self._shared))
        flow = plan.flows["f"]
        self._call: Caller = stack.prepare(flow, flow.nodes[0])
        self._told = (0.0, 0.0)
        """When the cancel was: virtual time, and processor time, which a busy machine makes no longer."""
        self.found = Cancelled()

    async def play(self) -> None:
        """Make the calls, cancel one, and look at what is left."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(counting)
        suspensions = Suspensions(self._at, self._when, lambda: self._cancel(victim))
        early = loop.create_task(self._make("f/early"))
        COUNTING.set(suspensions)
        victim = loop.create_task(self._make(VICTIM))
        COUNTING.set(None)
        late = loop.create_task(self._make("f/late"))
        await asyncio.wait([victim])
        ended, real = CLOCK.monotonic(), process_time()
        self.found.suspensions = suspensions.count
        if victim.cancelled():
            self.found.real = real - self._told[1]
            self.found.violations += self._late(ended)
        done, undone = await asyncio.wait([early, late], timeout=LONG.total_seconds() / 2)
        self.found.violations += [f"{len(undone)} other calls do not end"] if undone else []
        for task in done:
            if not isinstance(task.result(), Answer):
                self.found.violations.append(f"another call ended with {task.result()}")
        await CLOCK.sleep(LONG)
        self.found.violations += self._left(ended if victim.cancelled() else None)

    def _cancel(self, victim: "asyncio.Task[Any]") -> None:
        if not victim.done():
            self._told = (CLOCK.monotonic(), process_time())
            victim.cancel()

    async def _make(self, path: str) -> Answer | Failure:
        events: list[Event] = []
        order = CallOrder(path, {"0": 1}, None, "run-1", None, events.append, lambda _, failure: None)
        return await self._call(order)

    def _late(self, ended: float) -> Iterator[str]:
        if ended - self._told[0] > AT_ONCE:
            yield f"it took {ended - self._told[0]:g} s to end"

    def _left(self, cancelled: float | None) -> Iterator[str]:
        yield from tasks_left()
        yield from held(self._shared)
        if left := timers(asyncio.get_running_loop()):
            yield f"{len(left)} timers are left"
        for name, agent in self._agents.items():
            if agent.under_way:
                yield f"{agent.under_way} calls of {name} are under way"
            if cancelled is not None and [at for at, path in agent.requests if path == VICTIM and at > cancelled]:
                yield f"{name} was asked after the cancel"


def trials(policies: Sequence[str], scripts: Sequence[str]) -> Iterator[tuple[str, Cancelled]]:
    """Every trial of some policies: its name, and what became of it."""
    plan = plan_with(policies)
    whens: Sequence[When] = ("waiting", "woken")
    for script in scripts:
        for when in whens:
            for at in count(1):
                trial = Trial(plan, SCRIPTS[script], at, when)
                run_virtual(trial.play())
                yield f"{'+'.join(policies)}, {script}, {when} {at}", trial.found
                if trial.found.suspensions < at:  # it had ended before
                    break


def groups(*, pairs: bool) -> list[tuple[str, ...]]:
    """The sets of policies to try: each alone, all together, all but one; pairs if wanted."""
    every = POLICIES
    found: dict[tuple[str, ...], None] = {(): None, every: None}
    found |= dict.fromkeys((name,) for name in every)
    found |= dict.fromkeys(tuple(name for name in every if name != one) for one in every)
    return [*found, *(combinations(every, 2) if pairs else ())]


# --- whole runs ---------------------------------------------------------------------------------------------------


class Watched:
    """A journal that does something at one of its commits, while it is under way."""

    def __init__(self, journal: Journal, at: int, act: Callable[[], object]) -> None:
        self.commits = 0
        self._journal = journal
        self._at = at
        self._act = act

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        self.commits += 1
        if self.commits == self._at:
            asyncio.get_running_loop().call_soon(self._act)
        return await self._journal.append(events)

    async def load(self) -> Sequence[Entry]:
        """All entries so far."""
        return await self._journal.load()


def cancelled_run(program: Program, at: int, seed: int, *, kept: bool = False) -> tuple[int, list[str]]:
    """One run that is cancelled at a commit: how many commits there were, and what is wrong.

    Args:
        kept: in a journal on disk. Then the run is over in it too, all of it is there, and nobody holds it.
    """
    agents = {name: Weathered(name, seed, CLOCK) for name in program.plan.agents}
    for agent in agents.values():
        agent.set_weather("shaky")
    shared, violations = Shared(), list[str]()
    started = RunStarted("run-1", "main", program.plan.hash, {"x": 50}, seed, STARTED)

    async def work(journal: Journal) -> tuple[int, Result]:
        instances = {name: renewable(agent) for name, agent in agents.items()}
        stack = Stack(program.plan.agents, instances, PolicyPorts(CLOCK, SeededRng(seed), shared))
        watched = Watched(journal, at, lambda: driver.cancel("enough"))
        driver = Driver(program, Ports(stack, watched, CLOCK))
        result = await driver.run(started)
        for instance in instances.values():
            await instance.aclose()
        return watched.commits, result

    async def on_disk() -> int:
        async with inline_store(CLOCK) as store:
            async with work_on(store, await begin(store, started, program.plan, Bounds()), CLOCK) as journal:
                commits, result = await work(journal)
            (row,) = await store.runs()
            if row.is_held or row.status is not result.status or await store.load("run-1") != result.entries:
                violations.append(f"the run is {result.status}, and in the journal {row.status}, held: {row.is_held}")
        return commits

    async def main() -> int:
        commits = await on_disk() if kept else (await work(MemoryJournal(CLOCK)))[0]
        ended, calls = CLOCK.monotonic(), sum(agent.calls for agent in agents.values())
        await CLOCK.sleep(LONG)
        violations.extend([*tasks_left(), *held(shared)])
        if timers(asyncio.get_running_loop()):
            violations.append("timers are left")
        if calls != sum(agent.calls for agent in agents.values()):
            violations.append(f"agents were asked after the end at {ended:g}")
        return commits

    return run_virtual(main()), violations


def cancelled_runs(programs: int, seed: int, *, kept: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Runs of programs of the soak, each cancelled at every commit."""
    for number in range(programs):
        program = program_of(number, seed)
        for at in count(1):
            commits, violations = cancelled_run(program, at, seed, kept=kept)
            yield f"program {number}, commit {at}{' on disk' * kept}", violations
            if at >= commits:
                break


def interrupted_run(program: Program, at: int, when: When, seed: int) -> tuple[int, list[str]]:
    """One kept run whose task is cancelled from outside at one of its waits: how many there were, and what is wrong.

    Whoever cancels a task is heard: it ends as cancelled, and the run is let go.
    """
    agents = {name: Weathered(name, seed, CLOCK) for name in program.plan.agents}
    shared, violations = Shared(), list[str]()
    started = RunStarted("run-1", "main", program.plan.hash, {"x": 50}, seed, STARTED)

    async def work(store: Store, claimed: HeldJournal) -> None:
        async with work_on(store, claimed, CLOCK) as journal:
            instances = {name: renewable(agent) for name, agent in agents.items()}
            stack = Stack(program.plan.agents, instances, PolicyPorts(CLOCK, SeededRng(seed), shared))
            driver = Driver(program, Ports(stack, journal, CLOCK))
            async with AsyncExitStack() as made:
                for instance in instances.values():
                    made.push_async_callback(instance.aclose)
                async with heeding(journal, CLOCK, driver):
                    await driver.run(started)

    async def main() -> int:
        told: list[bool] = []
        """Whether the task was under way when it was cancelled."""
        suspensions = Suspensions(at, when, lambda: told.append(victim.cancel()))
        async with inline_store(CLOCK) as store:
            claimed = await begin(store, started, program.plan, Bounds())
            victim = asyncio.get_running_loop().create_task(Counted(work(store, claimed), suspensions))
            await asyncio.wait([victim])
            if any(told) != victim.cancelled():
                violations.append("a cancel is lost" if any(told) else "nobody cancelled it")
            if not victim.cancelled():
                victim.result()
            violations.extend(f"{row.id} is held" for row in await store.runs() if row.is_held)
        await CLOCK.sleep(LONG)
        violations.extend([*tasks_left(), *held(shared)])
        if timers(asyncio.get_running_loop()):
            violations.append("timers are left")
        return suspensions.count

    return run_virtual(main()), violations


def interrupted_runs(programs: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """Runs of programs of the soak, each cancelled from outside at every wait of its task, in both ways."""
    whens: Sequence[When] = ("waiting", "woken")
    for number in range(programs):
        program = program_of(number, seed)
        for when in whens:
            for at in count(1):
                waits, violations = interrupted_run(program, at, when, seed)
                yield f"program {number}, {when} {at}", violations
                if waits < at:  # it had ended before
                    break


# --- the command line ---------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Z12: a cancel at each await.")
    parser.add_argument("--pairs", action="store_true", help="every pair of policies too")
    parser.add_argument("--programs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    violations, cancels, real = [], 0, []
    begun = perf_counter()
    for policies in groups(pairs=chosen.pairs):
        for name, found in trials(policies, list(SCRIPTS)):
            violations += [f"{name}: {text}" for text in found.violations]
            if found.real is not None:
                cancels += 1
                real.append(found.real)
    runs = 0
    in_memory, on_disk = (cancelled_runs(chosen.programs, chosen.seed, kept=kept) for kept in (False, True))
    for name, wrong in chain(in_memory, on_disk, interrupted_runs(chosen.programs, chosen.seed)):
        runs += 1
        violations += [f"{name}: {text}" for text in wrong]
    real.sort()
    told = {
        "what": "cancels", "calls": cancels, "runs": runs, "p99_ms": round(1e3 * real[int(len(real) * 0.99)], 2),
        "most_ms": round(1e3 * real[-1], 2), "seconds": round(perf_counter() - begun, 1),
        "violations": violations[:20], "violated": len(violations),
    }  # fmt: skip
    print(json.dumps(told))
    return int(bool(violations) or real[int(len(real) * 0.99)] > AT_ONCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
