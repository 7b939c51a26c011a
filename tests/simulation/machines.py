"""A machine of the simulation: the ports of one worker process, which may freeze, die, and hear late, twice or nothing.

The store is the real one, on a real file; only the thread that has the file is not: it does its work at a simulated
moment, or not at all, and says so later, or never. A frozen machine goes on where it was; a dead one has no effect on
anything any more, and what is left of its tasks is told so.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import Context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

from leadflow.events.model import CancelRequested, Entry, Event, NodeDone, NodeFailed
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Driver
from leadflow.run.errors import CallError, ConnectFailed
from leadflow.run.ports import Reply, Request
from leadflow.run.store import Fenced, HeldJournal, JournalProblem, NewRun
from leadflow.run.toolbox import Asked
from leadflow.stores.rows import Chain, Rows
from leadflow.stores.sqlite import SqliteStore
from leadflow.stores.sqlite_file import JournalFile
from leadflow.stores.writer import Then, Work, Writer, outcome
from leadflow.testing import JumpLoop
from tests.simulation.world import World

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall clock when a simulation begins."""


MOST = 3600.0
"""Virtual seconds in which a run has to end, whatever the weather was."""
MOST_CALLBACKS = 30_000
"""Far more than any simulation needs."""


class SimulatedLoop(JumpLoop):
    """A virtual loop whose executors are simulated: time passes while one has something to do. It stops when what it
    is given does not end: when it goes on for ever, or round and round in one moment."""

    def __init__(self) -> None:
        self._callbacks, self._end = 0, 2 * MOST
        self.stopped = ""
        """Why it stopped by itself, if it did."""
        super().__init__()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As every loop's, so many times."""
        self._callbacks += 1
        if self._callbacks % MOST_CALLBACKS == 0:
            self._give_up(f"{self._callbacks} callbacks")
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As every loop's, for so long."""
        if self.time() > self._end:
            self._end = self.time() + 2 * MOST  # what is left may clean up
            self._give_up(f"{2 * MOST:.0f} s")
        return super().call_at(when, callback, *args, context=context)

    def _give_up(self, after: str) -> None:
        self.stopped = self.stopped or after
        self.stop()

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        """As every loop's."""
        return asyncio.SelectorEventLoop.run_in_executor(self, executor, func, *args)


class Machine:
    """One worker process."""

    def __init__(self, number: int, world: World) -> None:
        self.name = f"machine-{number}"
        self.world = world
        self.clock = MachineClock(self)
        self.epoch = 0
        """Of its last claim that it heard of."""
        self.is_fenced = False
        """It was told that the run is another one's now."""
        self.is_dead = False
        self.thread = SimulatedThread(self)
        self._thawed = asyncio.Event()
        self._thawed.set()

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped."""
        return not self._thawed.is_set()

    def freeze(self) -> None:
        """Stop it."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Let it go on."""
        self._thawed.set()

    def die(self) -> None:
        """Kill it; a commit that is on its way may still come through."""
        self.is_dead = True
        self.world.counts["deaths"] += 1
        self.thread.die()
        self.thaw()

    async def goes_on(self) -> None:
        """Wait while it is frozen."""
        while self.is_frozen:
            await self._thawed.wait()


class MachineClock(SystemClock):
    """Virtual time; nobody wakes on a frozen machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def timestamp(self) -> float:
        """The wall clock, the same on all machines."""
        return BEGUN.timestamp() + self.monotonic()

    def now(self) -> datetime:
        """The same."""
        return BEGUN + timedelta(seconds=self.monotonic())

    async def sleep(self, duration: timedelta) -> None:
        """Wait, and then until the machine goes on."""
        await super().sleep(duration)
        await self._machine.goes_on()


class Upstream:
    """An agent of one machine: the world's answer, after a while."""

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine, self._name = machine, name

    async def call(self, request: Request) -> Reply:
        """Ask the world."""
        machine, chance = self._machine, self._machine.world.chance
        if chance.random() < 0.5:
            await machine.clock.sleep(timedelta(seconds=chance.expovariate(1 / 0.2)))
        if machine.is_dead:
            raise ConnectFailed("the machine is dead", sent=False)
        answer = machine.world.arrives(
            machine.epoch, self._name, request, now=machine.clock.timestamp(), is_fenced=machine.is_fenced
        )
        slow = chance.uniform(5, 15) if chance.random() < 0.02 else chance.expovariate(1 / 0.2)
        await machine.clock.sleep(timedelta(seconds=slow))
        if isinstance(answer, CallError):
            raise answer
        return Reply(None, asked=answer) if isinstance(answer, Asked) else Reply(answer)

    async def aclose(self) -> None:
        """Nothing is held."""


class EchoingDriver(Driver):
    """A driver that hears of an answer twice."""

    def __init__(self, *args: Any, machine: Machine) -> None:
        super().__init__(*args)
        self._machine = machine

    def _post(self, event: Event) -> None:
        super()._post(event)
        world = self._machine.world
        if world.turbulent and isinstance(event, NodeDone | NodeFailed) and world.chance.random() < 0.1:
            world.counts["echoes"] += 1
            asyncio.get_running_loop().call_later(world.chance.random(), super()._post, event)


# --- the store --------------------------------------------------------------------------------------------------------


class SimulatedThread(Writer):
    """The thread that has the file: what it is given happens one after the other, each after a while."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._waiting: deque[tuple[Work[Any], Then[Any]]] = deque()
        self.faults = False
        """Whether what it does may go wrong."""

    def start(self) -> None:
        """There is no thread."""

    def begin(self, work: Work[T], then: Then[T]) -> None:
        """Do that when it is its turn."""
        if self._machine.is_dead:
            asyncio.get_running_loop().call_soon(then, None, JournalProblem("the machine is dead"))
            return
        self._waiting.append((work, then))
        if len(self._waiting) == 1:
            self._next()

    def die(self) -> None:
        """Nothing more is done, but perhaps what is under way; nobody hears of it."""
        if self._waiting and self._machine.world.chance.random() < 0.5:
            outcome(self._waiting[0][0])
        left, self._waiting = self._waiting, deque()
        for _, then in left:
            then(None, JournalProblem("the machine is dead"))

    def _next(self) -> None:
        """Begin what is next."""
        if not self._waiting:
            return
        chance = self._machine.world.chance
        took = chance.uniform(1, 12) if self.faults and chance.random() < 0.01 else chance.expovariate(1 / 0.02)
        asyncio.get_running_loop().call_later(took, self._go)

    def _go(self) -> None:
        machine = self._machine
        if machine.is_dead:
            return
        if machine.is_frozen:
            asyncio.get_running_loop().call_later(0.1, self._go)
            return
        work, then = self._waiting.popleft()
        fault = self._fault()
        told = (None, JournalProblem("the disk is full")) if fault == "refused" else outcome(work)
        if fault == "twice":
            told = outcome(work)
        elif fault == "lost":
            told = (None, JournalProblem("nobody knows"))
        self._next()
        then(*told)

    def _fault(self) -> str:
        world = self._machine.world
        if not (self.faults and world.turbulent) or world.chance.random() >= 0.06:
            return ""
        fault = world.chance.choice(("refused", "lost", "twice"))
        world.counts[fault] += 1
        return fault


class WitnessedFile(JournalFile):
    """The real file; the world sees what is done to it."""

    def __init__(self, path: Path, machine: Machine, *, lease: timedelta) -> None:
        super().__init__(path, owner=f"elsewhere {machine.name} 1", lease=lease, now=machine.clock.timestamp)
        self._world = machine.world
        self._machine = machine
        self.kill_at: str | None = None
        """Whether the machine dies at its next commit: `before` or `behind` it."""

    def write(self, batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
        """Commit a batch."""
        kill, self.kill_at = self.kill_at, None
        if kill == "before":
            self._machine.die()
            raise JournalProblem("the machine is dead")
        results = super().write(batch)
        for rows, problem in zip(batch, results, strict=True):
            if problem is None:
                self._world.committed(rows)
        if kill == "behind":
            self._machine.die()
        return results

    def create(self, run: NewRun, plan: str) -> Chain:
        """A new run."""
        chain = super().create(run, plan)
        self._world.epoch = 1
        return chain

    def claim(self, run: str) -> tuple[int, Chain] | None:
        """The new epoch of a run."""
        claimed = super().claim(run)
        if claimed is not None:
            self._world.epoch = claimed[0]
            self._world.counts["claims"] += 1
        return claimed


class MachineStore(SqliteStore):
    """The store of one machine."""

    def __init__(self, path: Path, machine: Machine) -> None:
        super().__init__(path, machine.clock, owner=machine.name, writer=machine.thread)
        self._machine = machine
        self.file = self._file = WitnessedFile(path, machine, lease=self.lease)

    async def keep(self, rows: Rows) -> None:
        """Keep the rows of an append."""
        try:
            await super().keep(rows)
            await self._machine.goes_on()
        except Fenced:
            self._machine.is_fenced = True
            self._machine.world.counts["fenced"] += 1
            raise


class Around:
    """A journal around another one, for what stands between a driver and its journal."""

    def __init__(self, journal: HeldJournal) -> None:
        self.run, self.epoch = journal.run, journal.epoch
        self._journal = journal

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        return await self._journal.append(events)

    async def load(self) -> Sequence[Entry]:
        """All entries so far."""
        return await self._journal.load()

    async def wishes(self) -> Sequence[CancelRequested]:
        """All that was asked of the run."""
        return await self._journal.wishes()


class WitnessedJournal(Around):
    """The journal that a driver has: the world hears what it was told."""

    def __init__(self, journal: HeldJournal, world: World) -> None:
        super().__init__(journal)
        self._world = world

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        entries = await super().append(events)
        self._world.acknowledged(entries)
        return entries
