"""Z8: the real driver, policies and store on machines that freeze and die; commits are torn, lost or repeated.

    python -m tests.simulation.simulate --seeds 2000
    python -m tests.simulation.simulate --first 1234 --seeds 1 --show

A seed is a program, an undisturbed run of it, and a run in bad weather by several workers, one after the other or at
once. Both happen in one thread in virtual time, so that a seed is the same simulation every time. What they break of
the rules of `world.py` is told, and whether the two came to the same end. One line of JSON.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, TypeAlias

from leadflow.agents.human import HumanAgent
from leadflow.agents.registry import find_kinds
from leadflow.assembly import Making, needed_by, upstream_keys
from leadflow.bound.budgets import has_budgets
from leadflow.events.fold import RunState, fold
from leadflow.events.model import CancelRequested, DoubtSettled, Entry, QuestionAnswered, RunStarted, Status
from leadflow.keeping import begin, heeding, held
from leadflow.plan.plan import AgentCall, Plan
from leadflow.policies.budget import Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.ledger import Amount
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Granted, Stack
from leadflow.recalling import recall
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.keys import Undone
from leadflow.run.ports import Agent
from leadflow.run.questions import Questions
from leadflow.run.store import HeldJournal, JournalProblem, RunRow
from leadflow.run.taken_up import Past, Told
from leadflow.run.waking import wakes
from leadflow.settings import Project, Settings
from tests.policies.playing import CLOCK
from tests.simulation.inline import fast_folder
from tests.simulation.machines import (
    BEGUN,
    MOST,
    EchoingDriver,
    Machine,
    MachineStore,
    SimulatedLoop,
    Upstream,
    WitnessedJournal,
)
from tests.simulation.programs import is_tight, plan_of, text_of
from tests.simulation.world import World, is_in_race

RUN = "run-1"
PROJECT = Project(Path(), Settings())
KINDS = find_kinds()
Task: TypeAlias = "asyncio.Task[None]"
Wrap: TypeAlias = Callable[[HeldJournal], HeldJournal]
"""Puts something between a driver and its journal: a planted mistake."""


@dataclass
class Simulated:
    """What became of one seed."""

    violations: list[str]
    counts: Counter[str] = field(default_factory=Counter)
    entries: Sequence[Entry] = ()


class Simulation:
    """Workers on one journal."""

    def __init__(self, world: World, file: Path, wrap: Wrap | None, *, is_stopped: bool) -> None:
        self._world = world
        self._is_stopped = is_stopped
        """Whether an operator asks the run to stop."""
        self._file = file
        self._wrap = wrap
        self._program = Program(world.plan)
        self._alive: dict[Machine, Task] = {}
        self._stores: dict[Machine, MachineStore] = {}
        self._begun = 0
        self._tasks: list[Task] = []
        """Of machines that died, and of the weather."""

    async def run(self, workers: int) -> Sequence[Entry]:
        """From the start of the first worker to the end of the run; what stands in the journal then."""
        for _ in range(workers):
            self._begin()
        self._spawn(self._weather())
        if self._is_stopped:
            self._spawn(self._wishes())
        if asks_people(self._world.plan):
            self._spawn(self._people())
        try:
            async with asyncio.timeout(MOST):
                while not self._world.is_over:
                    for machine in [each for each in self._alive if each.is_dead]:
                        self._tasks.append(self._alive.pop(machine))  # what is left of it may wait for ever
                        self._spawn(self._replaces())
                    await CLOCK.sleep(timedelta(seconds=0.5))
        except TimeoutError:
            self._world.wrong("the run never ends")
        self._world.turbulent = False
        for machine in self._alive:
            machine.thaw()
        left = [*self._alive.values(), *self._tasks]
        for task in left:
            task.cancel()
        for problem in await asyncio.gather(*left, return_exceptions=True):
            if isinstance(problem, Exception):
                self._world.wrong(f"a worker fell over: {type(problem).__name__}: {problem}")
        return await self._judged() if self._world.log else []

    async def _judged(self) -> Sequence[Entry]:
        """What the store says in the end; the world has seen the same."""
        store = MachineStore(self._file, Machine(self._begun, self._world))
        await store.open()
        entries = await store.load(RUN)
        if [entry.event for entry in entries] != self._world.log:
            self._world.wrong("the journal is not what was committed")
        for each in (*self._stores.values(), store):
            each.file.close()
        return entries

    def _begin(self) -> None:
        machine = Machine(self._begun, self._world)
        self._begun += 1
        self._alive[machine] = asyncio.get_running_loop().create_task(self._works(machine))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    # --- the weather --------------------------------------------------------------------------------------------------

    async def _weather(self) -> None:
        """Machines die and freeze for a while; then nothing goes wrong any more."""
        world, chance = self._world, self._world.chance
        for _ in range(chance.randint(1, 6) if world.turbulent else 0):
            await CLOCK.sleep(timedelta(seconds=chance.expovariate(1 / 1.5)))
            if not self._alive:
                continue
            machine = chance.choice(list(self._alive))
            what = chance.choice(("die", "commit", "commit", "freeze"))
            if what == "freeze" and not machine.is_frozen:
                world.counts["frozen"] += 1
                machine.freeze()
                self._spawn(self._thaws(machine, chance.choice((0.3, 5.0, 15.0, 40.0))))
            elif what == "commit" and machine in self._stores:
                self._stores[machine].file.kill_at = chance.choice(("before", "behind"))
            elif what == "die":
                machine.die()
        await CLOCK.sleep(timedelta(seconds=20))
        world.turbulent = False

    async def _wishes(self) -> None:
        """An operator asks the run to stop, and may insist."""
        operator = MachineStore(self._file, Machine(self._begun, self._world))
        await CLOCK.sleep(timedelta(seconds=self._world.chance.expovariate(1 / 4)))
        await operator.open()
        for force in (False, True)[: self._world.chance.randint(1, 2)]:
            self._world.counts["wishes"] += 1
            await operator.wish(RUN, CancelRequested("enough", force, by="ops"))
            await CLOCK.sleep(timedelta(seconds=self._world.chance.expovariate(1 / 2)))
        operator.file.close()

    async def _people(self) -> None:
        """People answer what they are asked, some time; and now and then somebody says something else behind it."""
        world, chance = self._world, self._world.chance
        machine = Machine(self._begun, world)
        store = MachineStore(self._file, machine)
        while not (world.log or world.is_over):
            await CLOCK.sleep(timedelta(seconds=0.5))
        await store.open()
        while not world.is_over:
            await CLOCK.sleep(timedelta(seconds=chance.expovariate(1 / 2)))
            for asked in world.asked.unanswered:
                if asked.agent == "desk" and chance.random() < 0.6:
                    said = asked.question != "no" if asked.is_approval else f"{asked.question} {asked.path}"
                    for value in (said, "something else")[: chance.randint(1, 2)]:
                        answer = QuestionAnswered(asked.path, asked.number, value, "ada", machine.clock.timestamp(), "")
                        if await store.answer(RUN, answer) is None:
                            world.counts["answers"] += 1
                            world.said(answer)
        store.file.close()

    async def _thaws(self, machine: Machine, seconds: float) -> None:
        await CLOCK.sleep(timedelta(seconds=seconds))
        machine.thaw()

    async def _replaces(self) -> None:
        """Another machine comes for one that died."""
        await CLOCK.sleep(timedelta(seconds=self._world.chance.uniform(0.1, 5)))
        self._begin()

    # --- a worker -----------------------------------------------------------------------------------------------------

    async def _works(self, machine: Machine) -> None:
        """Look for the run, and work on it, until it has ended or the machine is dead."""
        store = self._stores[machine] = MachineStore(self._file, machine)
        while not (machine.is_dead or self._world.is_over):
            with suppress(JournalProblem):
                if not machine.thread.faults:
                    await store.open()
                    machine.thread.faults = True
                await self._looks(machine, store)
            await machine.clock.sleep(timedelta(seconds=1))

    async def _looks(self, machine: Machine, store: MachineStore) -> None:
        first = RunStarted(RUN, "f", self._world.plan.hash, {"x": "x"}, 1, BEGUN)
        rows = await store.runs()
        if not rows:
            await self._runs(machine, store, await begin(store, first, self._world.plan, Bounds()), first)
        elif rows[0].status.is_settled:
            self._world.is_over = True
        elif (
            not rows[0].is_held
            and await self._is_due(machine, store, rows[0])
            and (journal := await store.claim(RUN)) is not None
        ):
            await self._runs(machine, store, journal, first)

    async def _is_due(self, machine: Machine, store: MachineStore, row: RunRow) -> bool:
        """Whether a run can go on: it does not wait for people, or not any more."""
        if row.status is not Status.WAITING:
            return True
        entries, now = await store.load(RUN), machine.clock.timestamp()
        wake = wakes(Kernel(self._program), entries, await store.answers(RUN), now)
        self._world.counts["due" if wake is not None and wake.at <= now else "waits"] += 1
        return wake is not None and wake.at <= now

    async def _runs(self, machine: Machine, store: MachineStore, journal: HeldJournal, first: RunStarted) -> None:
        machine.epoch, machine.is_fenced = journal.epoch, False
        async with held(store, journal, machine.clock):
            entries = await journal.load()
            witnessed: HeldJournal = WitnessedJournal(journal, self._world)
            if self._wrap is not None:
                witnessed = self._wrap(witnessed)
            if not entries:
                driver = await self._driver(machine, store, witnessed, entries)
                async with self._heeding(witnessed, machine, driver):
                    await driver.run(first)
                return
            result = await self._resumes(machine, store, witnessed, entries, {})
            if result.status is Status.WAITING and result.failure is not None and result.failure.in_doubt:
                self._world.counts["doubts"] += len(result.failure.causes)
                await self._resumes(machine, store, witnessed, entries, self._world.told(result.failure))

    def _heeding(self, journal: HeldJournal, machine: Machine, driver: Driver) -> AbstractAsyncContextManager[None]:
        """Who looks for wishes does so all the time: only where there are any."""
        return heeding(journal, machine.clock, driver) if self._is_stopped else nullcontext()

    async def _resumes(
        self,
        machine: Machine,
        store: MachineStore,
        journal: HeldJournal,
        entries: Sequence[Entry],
        told: Mapping[str, Told],
    ) -> Result:
        driver = await self._driver(machine, store, journal, entries)
        async with self._heeding(journal, machine, driver):
            return await driver.resume(entries, told, owner=machine.name)

    async def _driver(
        self, machine: Machine, store: MachineStore, journal: HeldJournal, entries: Sequence[Entry]
    ) -> EchoingDriver:
        plan, shared = self._world.plan, Shared()
        purse = Purse() if has_budgets(plan, "f") else None
        if purse is not None:
            for one in Past(entries).spent():
                purse.ledger.remember(one.path, Amount(one.money, one.tokens, one.calls))
        needed = needed_by(plan, "f")
        making = Making(plan, "f", needed, {}, PROJECT, KINDS, shared, purse, {}, {}, (), Undone())
        await recall(store, making, machine.clock)
        questions = Questions(machine.clock)
        questions.listen(lambda: store.answers(RUN))
        agents: dict[str, Agent] = {name: Upstream(machine, name) for name in plan.agents}
        agents |= {name: HumanAgent(spec, questions) for name, spec in plan.agents.items() if spec.kind == "human"}
        callers = Stack(
            plan.agents,
            agents,
            PolicyPorts(machine.clock, SeededRng(machine.epoch), shared),
            upstream_keys(making),
            purse=purse,
            rates=dict.fromkeys(name for name in plan.agents if name == "writer"),
            granted=Granted({tool.key: tool for tool in plan.tools}, None),
        )
        ports = Ports(callers, journal, machine.clock, questions=questions)
        return EchoingDriver(self._program, ports, machine=machine)


def asks_people(plan: Plan) -> bool:
    """Whether anybody is asked who answers."""
    works = [node.work for flow in plan.flows.values() for node in flow.nodes]
    return any(isinstance(work, AgentCall) and work.agent == "desk" for work in works)


def played(
    plan: Plan, seed: str, folder: Path, *, turbulent: bool, wrap: Wrap | None = None, is_tight: bool = False
) -> Simulated:
    """One run of a plan, in good weather or bad; a tight one may be stopped by an operator."""
    chance = Random(seed)
    world = World(plan, chance, turbulent=turbulent)
    workers = chance.randint(1, 3) if turbulent else 1
    is_stopped = turbulent and is_tight and chance.random() < 0.4

    async def main() -> Sequence[Entry]:
        return await Simulation(world, folder / f"{turbulent}.db", wrap, is_stopped=is_stopped).run(workers)

    loop = SimulatedLoop()
    entries: Sequence[Entry] = ()
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            entries = runner.run(main())
    except RuntimeError:
        if not loop.stopped:
            raise
        world.wrong(f"what is left of it never ends: given up after {loop.stopped}")
    return Simulated(world.violations, world.counts, entries)


def simulate(seed: int, folder: Path, wrap: Wrap | None = None) -> Simulated:
    """A seed: what is wrong with it."""
    plan = plan_of(seed)
    calm = played(plan, f"calm {seed}", folder, turbulent=False)
    found = played(plan, f"bad {seed}", folder, turbulent=True, wrap=wrap, is_tight=is_tight(seed))
    found.violations += [f"undisturbed: {text}" for text in calm.violations]
    if not is_tight(seed) and calm.entries and found.entries:
        found.violations += _differences(plan, fold(calm.entries), fold(found.entries), _lost(found.entries))
    return found


def _lost(entries: Sequence[Entry]) -> set[str]:
    """Paths of the calls of which an attempt was under way when a machine died: nobody knows what it did."""
    return {
        entry.event.path
        for entry in entries
        if isinstance(entry.event, DoubtSettled) and entry.event.why != "no attempt was under way"
    }


def _differences(plan: Plan, calm: RunState, found: RunState, lost: set[str]) -> Iterator[str]:
    """What a run came to that an undisturbed one did not. Of one that fails, what else was under way is left open.

    An undo that reads what its step gave cannot be called for an attempt that was lost: then the run has to say so.
    """
    if (calm.status, calm.value) != (found.status, found.value):
        yield f"the run is {found.status} with {found.value!r}, undisturbed {calm.status} with {calm.value!r}"
    for path in found.kept if found.status is Status.FAILED else ():
        undo = found.nodes.get(f"{path}~undo")
        failure = None if undo is None else undo.failure
        is_told = path in lost and failure is not None and failure.error == "flow.not_undone"
        if not is_told and (undo is None or undo.status is not Status.DONE):
            yield f"{path} is not taken back"
    for path in sorted({*calm.nodes, *found.nodes}) if calm.status is Status.DONE else ():
        one, other = (_seen(state, path) for state in (calm, found))
        if one != other and not is_in_race(plan, path):
            yield f"{path} is {other}, undisturbed {one}"


def _seen(state: RunState, path: str) -> tuple[object, ...]:
    node = state.nodes.get(path)
    if node is None:
        return ("unheard of",)
    return node.status.value, node.value, None if node.failure is None else node.failure.error


def main(arguments: Sequence[str]) -> int:
    """Simulate seeds, and say what was found; 1 when something was."""
    parser = argparse.ArgumentParser(description="Z8: the whole machinery on simulated machines.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="the program and the journal too")
    chosen = parser.parse_args(arguments)
    logging.getLogger("leadflow").addHandler(logging.NullHandler())  # what is said of bad weather is no finding
    counts: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    begun = perf_counter()
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        with fast_folder() as folder:
            found = simulate(seed, Path(folder))
        counts += found.counts
        if found.violations:
            wrong[seed] = found.violations
        if chosen.show:
            print(text_of(seed), *found.entries, sep="\n")
    seconds = round(perf_counter() - begun, 1)
    findings = {seed: texts[:3] for seed, texts in list(wrong.items())[:10]}
    told = {"what": "simulation", "seeds": chosen.seeds, "seconds": seconds, "seen": counts, "violations": len(wrong)}
    print(json.dumps(told | {"findings": findings}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
