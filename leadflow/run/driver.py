"""The driver: does what the kernel decided. The only async loop of a run.

It commits events, then obeys commands (case D1); gathers what came back meanwhile, and asks the kernel again. What
arrives together is decided, committed and dispatched together. Every call and every timer is a task of the driver,
which ends only when all of them have ended, or were given up after a grace (case T8). It knows no node and no rule.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias, assert_never

from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    CancelRequested,
    DeadlinePassed,
    Entry,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    RunCancelled,
    RunDone,
    RunFailed,
    RunStarted,
    Status,
)
from leadflow.plan.types import Value
from leadflow.run.errors import InternalError
from leadflow.run.heap import Heap
from leadflow.run.kernel import Call, CancelCall, Command, Kernel, Program, StartTimer, Step, StopTimer, TryAgain
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.ports import Answer, Caller, Callers, CallOrder, Clock, Journal
from leadflow.run.recover import replay

_log = logging.getLogger("leadflow")
Task: TypeAlias = "asyncio.Task[None]"

Observer: TypeAlias = Callable[[Entry], None]
"""Is shown every entry after it is committed. What it raises is logged and changes nothing (case X10)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator allows a run."""

    calls: int | None = 1000
    """Most calls under way at once; None sets no bound."""
    deadline: timedelta | None = None
    """Of the whole run; None: it may take for ever."""
    drain: timedelta = timedelta(seconds=10)
    """How long a cancelled run waits for writes under way (rule A5)."""
    grace: timedelta = timedelta(seconds=5)
    """How long a cancelled call may clean up before it is given up (case T8)."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a driver needs of the world."""

    callers: Callers
    journal: Journal
    clock: Clock
    observers: Sequence[Observer] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    run: str
    status: Status
    """`done`, `failed` or `cancelled`; `waiting` when the journal could not be written (case D8)."""
    value: Value
    failure: Failure | None
    entries: Sequence[Entry]
    """The whole log, of earlier parts of the run too."""
    leaked: tuple[str, ...] = ()
    """Paths of calls that did not stop when they were told to (case T8)."""


class Driver:
    """One run under way."""

    def __init__(self, program: Program, ports: Ports, bounds: Bounds | None = None) -> None:
        self._ports = ports
        self._bounds = bounds or Bounds()
        self._size = sum(len(flow.nodes) for flow in program.plan.flows.values())
        self._kernel = Kernel(program, calls=self._bounds.calls, deadline=self._bounds.deadline)
        self._run = ""
        self._entries: list[Entry] = []
        self._arrived: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._callers: dict[NodeLayout, Caller] = {}
        self._calls: dict[str, Task] = {}
        self._told: dict[str, str] = {}
        """Calls that were told to stop, and why."""
        self._asked: dict[str, str] = {}
        """Calls that are to stop after the attempt that is under way, and why."""
        self._pausing: set[str] = set()
        """Calls between two attempts."""
        self._timers: dict[str, Task] = {}
        self._deadlines: dict[str, float] = {}
        self._others: set[Task] = set()
        """Tasks of the driver's own: drains and graces."""
        self._is_cancelled = False
        self._leaked: dict[str, Task] = {}
        self._heap = Heap()

    async def run(self, started: RunStarted) -> Result:
        """Run from the start to the end."""
        self._run = started.run
        return await self._shielded(self._kernel.start(started))

    async def resume(self, entries: Sequence[Entry]) -> Result:
        """Go on where a log ends, at whatever event that is."""
        self._entries = list(entries)
        step = replay(self._kernel, [entry.event for entry in entries])
        self._run = self._kernel.state.started.run
        return await self._shielded(step)

    def cancel(self, why: str) -> None:
        """Ask the run to stop; calls that write and are under way are awaited for a while (rule A5).

        Asking twice, or after the end, changes nothing (case X5).
        """
        if self._is_cancelled or self._kernel.has_ended:
            return
        self._is_cancelled = True
        self._post(CancelRequested(why))
        self._spawn(self._drain(why))

    # --- the loop -------------------------------------------------------------------------------------------------

    async def _shielded(self, first: Step) -> Result:
        """The loop, so that a cancel from outside lets it end in order; a second one waits for no write."""
        loop = asyncio.get_running_loop().create_task(self._loop(first), name=f"run {self._run}")
        interrupted = 0
        while True:
            try:
                result = await asyncio.shield(loop)
                break
            except asyncio.CancelledError:
                interrupted += 1
                self.cancel("interrupted")
                if interrupted > 1:
                    self._stop_all("interrupted")
        if interrupted:
            raise asyncio.CancelledError
        return result

    async def _loop(self, step: Step) -> Result:
        self._heap.grown_to(self._size)
        try:
            while True:
                if step.events:
                    try:
                        self._show(await self._ports.journal.append(step.events))
                    except OSError as problem:
                        return self._parked(problem)
                self._obey(step.commands)
                if self._kernel.has_ended:
                    return self._result()
                step = self._kernel.on(await self._facts())
        finally:
            self._heap.give_back()
            await self._close()

    async def _facts(self) -> list[Event]:
        """What has arrived; waits until something has."""
        if not self._arrived:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        facts, self._arrived = self._arrived, []
        late = [fact for fact in facts if isinstance(fact, DeadlinePassed)] if self._timers else []
        if len(late) > 1:  # the outermost first (case T4)
            late.sort(key=lambda fact: len(fact.path))
            facts = [*late, *(fact for fact in facts if not isinstance(fact, DeadlinePassed))]
        return facts

    def _post(self, event: Event) -> None:
        """Take in a fact, or an event of an attempt, and wake the loop."""
        if isinstance(event, AttemptStarted):
            self._pausing.discard(event.path)
        elif isinstance(event, AttemptFailed):
            self._pausing.add(event.path)
            if (why := self._asked.pop(event.path, None)) is not None:
                self._stop(event.path, why)
        self._arrived.append(event)
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None

    def _show(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)
        self._heap.grown_to(len(self._entries))
        for observer in self._ports.observers:
            for entry in entries:
                try:
                    observer(entry)
                except Exception:
                    _log.exception("an observer failed at entry %d of run %s", entry.seq, self._run)

    def _obey(self, commands: Sequence[Command]) -> None:
        told: list[str] = []
        for command in commands:
            match command:
                case Call():
                    self._begin(command)
                case CancelCall(path, why, force):
                    if force or path in self._pausing:
                        told.append(path)
                        self._stop(path, why)
                    else:
                        self._asked[path] = why
                case StartTimer():
                    self._time(command)
                case StopTimer(path):
                    self._forget(path)
                case TryAgain():
                    self._spawn(self._again(command))
                case _:
                    assert_never(command)
        if told:
            self._spawn(self._give_up(told))

    # --- calls ----------------------------------------------------------------------------------------------------

    def _begin(self, call: Call) -> None:
        caller = self._callers.get(call.layout)
        if caller is None:
            caller = self._callers[call.layout] = self._ports.callers.prepare(call.flow, call.layout.node)
        deadline = None if call.within is None else self._deadlines.get(call.within)
        order = CallOrder(call.path, call.args, call.key, self._run, deadline, self._post, self._leave)
        self._calls[call.path] = asyncio.get_running_loop().create_task(self._call(caller, order), name=call.path)

    async def _call(self, caller: Caller, order: CallOrder) -> None:
        """One call; however it ends, it ends with exactly one fact."""
        path = order.path
        fact: Event
        try:
            outcome = await caller(order)
        except asyncio.CancelledError:
            if path in self._told:
                fact = NodeCancelled(path, self._told.pop(path))
            else:
                fact = NodeFailed(path, _broken(path, "the call was cancelled from inside"))
        except Exception as problem:
            _log.exception("call %s of run %s", path, self._run)
            fact = NodeFailed(path, _broken(path, f"{type(problem).__name__}: {problem}"))
        else:
            if isinstance(outcome, Answer):
                fact = NodeDone(path, outcome.value, None, outcome.agent, outcome.usage)
            else:
                fact = NodeFailed(path, outcome)
        if self._calls.get(path) is asyncio.current_task():
            del self._calls[path]
            self._post(fact)

    def _stop(self, path: str, why: str) -> None:
        task = self._calls.get(path)
        if task is None:
            return
        self._told[path] = why
        task.add_done_callback(lambda _: self._never_begun(path, task))
        task.cancel()

    def _never_begun(self, path: str, task: Task) -> None:
        """A task that is cancelled before its first step ends without a word."""
        if self._calls.get(path) is task:
            del self._calls[path]
            self._post(NodeCancelled(path, self._told.pop(path)))

    def _leave(self, path: str, failure: Failure) -> None:
        """A call is over although it does not stop (case T8)."""
        if (task := self._calls.pop(path, None)) is not None:
            _log.warning("call %s of run %s does not stop and is left behind", path, self._run)
            self._leaked[path] = task
            self._told.pop(path, None)
            self._post(NodeFailed(path, failure))

    async def _give_up(self, paths: Sequence[str]) -> None:
        """After a grace, go on without the calls that do not stop."""
        tasks = {path: self._calls[path] for path in paths if path in self._calls}
        await self._ports.clock.sleep(self._bounds.grace)
        for path, task in tasks.items():
            if self._calls.get(path) is task:
                _log.warning("call %s of run %s does not stop and is left behind", path, self._run)
                self._leaked[path] = self._calls.pop(path)
                self._post(NodeCancelled(path, f"{self._told.pop(path)}; it did not stop"))

    async def _drain(self, why: str) -> None:
        await self._ports.clock.sleep(self._bounds.drain)
        self._stop_all(why)

    def _stop_all(self, why: str) -> None:
        paths = [path for path in self._calls if path not in self._told]
        for path in paths:
            self._stop(path, why)
        self._spawn(self._give_up(paths))

    # --- timers ---------------------------------------------------------------------------------------------------

    def _time(self, timer: StartTimer) -> None:
        end = self._ports.clock.monotonic() + timer.duration.total_seconds()
        outer = None if timer.within is None else self._deadlines.get(timer.within)
        self._deadlines[timer.path] = end if outer is None else min(end, outer)
        self._timers[timer.path] = self._spawn(self._expire(timer))

    async def _expire(self, timer: StartTimer) -> None:
        await self._ports.clock.sleep(timer.duration)
        what = f"{timer.path} took" if timer.path else "the run took"
        text = f"{what} longer than {timer.duration.total_seconds():g} s"
        self._post(DeadlinePassed(timer.path, Failure("timeout.total", "timeout", text, timer.path)))

    async def _again(self, order: TryAgain) -> None:
        await self._ports.clock.sleep(order.delay)
        self._post(AttemptStarted(order.path, order.attempt, ""))

    def _forget(self, path: str) -> None:
        self._deadlines.pop(path, None)
        if (task := self._timers.pop(path, None)) is not None:
            task.cancel()

    # --- tasks and the end ----------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> Task:
        """A task that the driver ends with itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    async def _close(self) -> None:
        """Nothing of the run is left behind but what does not stop."""
        tasks = [*self._others, *self._calls.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._bounds.grace.total_seconds())
        self._leaked.update({path: task for path, task in self._calls.items() if not task.done()})

    def _result(self) -> Result:
        entries, leaked = self._entries, tuple(self._leaked)
        match entries[-1].event:
            case RunDone(value):
                return Result(self._run, Status.DONE, value, None, entries, leaked)
            case RunFailed(failure):
                return Result(self._run, Status.FAILED, None, failure, entries, leaked)
            case RunCancelled(why):
                failure = Failure("run.cancelled", "system", why)
                return Result(self._run, Status.CANCELLED, None, failure, entries, leaked)
            case event:
                raise InternalError(f"the run ended with {type(event).__name__}")

    def _parked(self, problem: OSError) -> Result:
        """It is not known what is committed: nothing more is done, and the journal decides later (cases D8, D9)."""
        failure = Failure("system.journal", "system", f"the journal cannot be written: {problem}")
        return Result(self._run, Status.WAITING, None, failure, self._entries, tuple(self._leaked))


def _broken(path: str, text: str) -> Failure:
    return Failure("system.internal", "system", text, path)
