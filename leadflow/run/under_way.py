"""What is under way in a run: tasks of calls, timers, waits. Each ends with a fact, or with the run.

Knows how tasks start, stop and are given up; not what a fact means. A task that does not stop within a grace is left
behind and reported (case T8): nothing else outlives the run.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any, TypeAlias

from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    CallAdmitted,
    CallEvent,
    CallPassedOn,
    CallUsed,
    CallWaits,
    DeadlinePassed,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    ToolCalled,
)
from leadflow.events.places import in_place
from leadflow.events.words import Words
from leadflow.plan.looping import call_of
from leadflow.run.errors import has_left_open
from leadflow.run.kernel import Call, StartTimer, TryAgain
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.ports import BREATH, LATE, Answer, Caller, Callers, CallOrder, Clock, Earlier
from leadflow.run.set_aside import SetAside

_log = logging.getLogger("leadflow")
Task: TypeAlias = "asyncio.Task[None]"
Post: TypeAlias = Callable[[Event], None]
Waiting: TypeAlias = "dict[str, list[asyncio.Future[None]]]"


class Tasks:
    """Tasks that end with the run."""

    def __init__(self) -> None:
        self._tasks: set[Task] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> Task:
        """Begin something that is cancelled when the run ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self, others: Sequence[Task], grace: timedelta) -> None:
        """Cancel them all, and others too; wait for them no longer than the grace."""
        tasks = [*self._tasks, *others]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=grace.total_seconds())


class Timers:
    """Deadlines and waits, through the clock."""

    def __init__(self, clock: Clock, tasks: Tasks, post: Post) -> None:
        self._clock = clock
        self._tasks = tasks
        self._post = post
        self.running: dict[str, Task] = {}
        """Deadlines, by path."""
        self._ends: dict[str, float] = {}

    def end_of(self, path: str | None) -> float | None:
        """When the deadline of that path passes (monotonic seconds), or one around it."""
        return None if path is None else self._ends.get(path)

    def start(self, timer: StartTimer) -> None:
        """A deadline begins to run."""
        end = self._clock.monotonic() + timer.duration.total_seconds()
        outer = self.end_of(timer.within)
        self._ends[timer.path] = end if outer is None else min(end, outer)
        self.running[timer.path] = self._tasks.spawn(self._expire(timer))

    def stop(self, path: str) -> None:
        """A deadline means nothing any more."""
        self._ends.pop(path, None)
        if (task := self.running.pop(path, None)) is not None:
            task.cancel()

    def try_again(self, order: TryAgain) -> None:
        """The next attempt of a block begins after a while."""
        self._tasks.spawn(self._begin_again(order))

    async def _expire(self, timer: StartTimer) -> None:
        end = self._clock.monotonic() + max(0.0, timer.duration.total_seconds())
        await self._clock.sleep(timer.duration)
        if self._clock.monotonic() - end > LATE.total_seconds():
            await self._clock.sleep(BREATH)
        what = f"{timer.path} took" if timer.path else "the run took"
        text = f"{what} longer than {timer.duration.total_seconds():g} s"
        self._post(DeadlinePassed(timer.path, Failure("timeout.total", "timeout", text, timer.path)))

    async def _begin_again(self, order: TryAgain) -> None:
        await self._clock.sleep(order.delay)
        self._post(AttemptStarted(order.path, order.attempt, ""))


class Calls:
    """Calls of agents under way, each a task."""

    def __init__(
        self,
        run: str,
        callers: Callers,
        post: Post,
        earlier: Mapping[str, Earlier],
        hear: Callable[[Words], None] | None = None,
    ) -> None:
        self._run = run
        self._hear = hear
        self._earlier = earlier
        self._prepare = callers.prepare
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._callers: dict[NodeLayout, Caller] = {}
        self._running: dict[str, Task] = {}
        self._told: dict[str, str] = {}
        """Calls that were told to stop, and why."""
        self._asked: dict[str, str] = {}
        """Calls that are to stop after the attempt that is under way, and why."""
        self._pausing = {path for path, one in earlier.items() if one.pause}
        """Calls of which no attempt is under way: between two, or in a queue."""
        self._open = {path for path, one in earlier.items() if has_left_open(one.failed)}
        """Calls that go on although the other side may have acted: an attempt failed after that, or a tool was called
        that writes."""
        self._set_aside = SetAside()
        self._said: Waiting = {}
        """Calls that posted something that is not being committed yet, and who waits for that."""
        self._keeping: Waiting = {}
        """The same of what is being committed."""
        self.queues: dict[str, str] = {}
        """Calls that wait until others leave a place to them, and at which agent."""
        self._is_closing = False
        """Whoever is among those is put down."""
        self._put_down: list[Task] = []
        self.leaked: dict[str, Task] = {}
        self._when_left = _Waiters()
        self._holds = _Holds(self._running)

    def begin(self, call: Call, deadline: float | None) -> None:
        """A call starts."""
        caller = self._callers.get(call.layout)
        if caller is None:
            caller = self._callers[call.layout] = self._prepare(call.flow, call.layout.node)
        path = call.path
        order = CallOrder(
            path,
            call.args,
            call.key,
            self._run,
            deadline,
            self._heard,
            self._leave,
            call.priority,
            call.cache_key,
            call.budgets,
            self._earlier.get(path) if self._earlier else None,
            self._unkept,
            self._hear,
            self._when_left,
            call.once,
            self._is_ending,
            self._holds,
        )
        # Not `loop.create_task`: it asks three questions that are answered here already, once per call.
        self._running[path] = asyncio.Task(self._call(caller, order), loop=self._loop, name=path)

    async def _call(self, caller: Caller, order: CallOrder) -> None:
        """One call; however it ends, it ends with exactly one fact."""
        path = order.path
        fact: Event
        try:
            outcome = await caller(order)
        except asyncio.CancelledError:
            if (why := self._told.get(path)) is not None:
                fact = NodeCancelled(path, why, path not in self._pausing or path in self._open)
            else:
                fact = NodeFailed(path, _broken(path, "the call was cancelled from inside"))
        except Exception as problem:
            _log.exception("call %s of run %s", path, self._run)
            fact = NodeFailed(path, _broken(path, f"{type(problem).__name__}: {problem}"))
        else:
            if isinstance(outcome, Answer):
                fact = NodeDone(path, outcome.value, outcome.absorbed, outcome.agent, outcome.usage)
            else:
                fact = NodeFailed(path, outcome)
        if self._running.pop(path, None) is not None:
            self._post(fact)

    def _end(self, path: str, fact: Event) -> None:
        """A call is over; one that was left behind has been before."""
        if self._running.pop(path, None) is not None:
            self._post(fact)

    def _heard(self, event: CallEvent) -> None:
        """An attempt of a call began or failed, or the call waits for its turn."""
        if isinstance(event, CallWaits) and event.seconds is None:
            self.queues[event.path] = event.agent
        elif self.queues:
            self.queues.pop(event.path, None)
        if isinstance(event, CallUsed):  # most are, and say nothing of where the call is
            pass
        elif isinstance(event, AttemptStarted | CallAdmitted):
            self._pausing.discard(event.path)
        elif isinstance(event, CallWaits | CallPassedOn) or (isinstance(event, AttemptFailed) and not event.is_beside):
            self._pausing.add(event.path)
            if self._is_closing:
                self.put_down()
            elif (why := self._asked.pop(event.path, None)) is not None:
                self.stop(event.path, why)
        elif isinstance(event, ToolCalled) and event.effect in ("write", "dangerous"):
            self._open.add(event.path)
        elif not self._set_aside.hears(event):
            return
        if isinstance(event, AttemptFailed) and has_left_open([event.failure]):
            self._open.add(event.path)
        self._said.setdefault(getattr(in_place(event), "path", event.path), [])
        self._post(event)

    def are_all(self, is_waiting: Callable[[str], bool]) -> bool:
        """Whether that holds for the paths of all that are under way, and none of them was told to stop."""
        return all(is_waiting(path) and path not in self._told for path in self._running)

    @property
    def are_any(self) -> bool:
        """Whether calls are under way."""
        return bool(self._running)

    # --- pausing --------------------------------------------------------------------------------------------------

    def put_down(self) -> None:
        """No attempt begins any more: calls of which none is under way are let go without a word, now and later. What
        follows for them is known when the run is resumed."""
        self._is_closing = True
        for path in [path for path in self._running if path in self._pausing]:
            task = self._running.pop(path)
            task.cancel()
            self._put_down.append(task)

    # --- what is committed --------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """All that calls have posted is being committed."""
        if self._said:
            self._said, self._keeping = {}, self._said

    def has_kept(self) -> None:
        """That is committed: whoever waited for it goes on."""
        if self._keeping:
            kept, self._keeping = self._keeping, {}
            for future in chain.from_iterable(kept.values()):
                if not future.done():
                    future.set_result(None)

    def _unkept(self, path: str) -> "asyncio.Future[None] | None":
        found = self._said.get(path, self._keeping.get(path))
        if found is None:
            return None
        found.append(self._loop.create_future())
        return found[-1]

    # --- stopping -------------------------------------------------------------------------------------------------

    def stop_after_attempt(self, path: str, why: str) -> bool:
        """Stop a call that writes: at once between two attempts, else behind the one under way (rule A5)."""
        if path in self._pausing:
            return self.stop(path, why)
        self._asked[path] = why
        return False

    def _is_ending(self, path: str) -> bool:
        """Whether nothing more of a call may begin, told by its path or by that of one of its tools."""
        path = call_of(path)
        return self._is_closing or path in self._asked or path in self._told or path not in self._running

    def stop(self, path: str, why: str) -> bool:
        """Cancel a call; it still has to end."""
        task = self._running.get(path)
        if task is None or path in self._told:
            return False
        self._told[path] = why
        # A task that is cancelled before its first step ends without a word.
        task.add_done_callback(lambda _: self._end(path, NodeCancelled(path, why, path in self._open)))
        task.cancel()
        return True

    def stop_all(self, why: str, *, force: bool = False) -> list[str]:
        """Cancel all calls, and say which; by force also those that take back what they did."""
        if force:
            for path in self._holds.refuse():
                self._running[path].cancel()
        return [path for path in list(self._running) if self.stop(path, why)]

    def give_up(self, paths: Sequence[str]) -> list[str]:
        """Go on without those of these calls that have not stopped, and say of which that is to be asked again: flows
        in them take back what they did."""
        held = self._holds.calls()
        for path in paths:
            if path in self._running and path not in held:
                self._behind(path, NodeCancelled(path, f"{self._told[path]}; it did not stop", in_doubt=True))
        return [path for path in paths if path in held]

    def _leave(self, path: str, failure: Failure) -> None:
        """A call is over although it does not stop: its own policies say so."""
        if path in self._running:
            self._behind(path, NodeFailed(path, failure))

    def _behind(self, path: str, fact: Event) -> None:
        _log.warning("call %s of run %s does not stop and is left behind", path, self._run)
        self.leaked[path] = self._running[path]
        for one in self._set_aside.spent(path):
            self._heard(one)
        self._end(path, fact)
        self._when_left.tell(path)

    def abandon(self) -> list[Task]:
        """The run is left with calls under way, because it is paused or cannot be kept: their tasks."""
        tasks, paths = list(self._running.values()), list(self._running)
        self.leaked.update(zip(paths, tasks, strict=True))
        self._running.clear()
        return [*tasks, *self._put_down]

    def still_leaked(self) -> tuple[str, ...]:
        """The paths of those that have not ended even now."""
        return tuple(path for path, task in self.leaked.items() if not task.done())


class _Waiters:
    """Whom to tell when a call is left behind, by its path."""

    def __init__(self) -> None:
        self._told: dict[str, Callable[[], None]] = {}

    def __call__(self, path: str, told: Callable[[], None] | None) -> None:
        """`CallOrder.when_left`."""
        if told is None:
            self._told.pop(path, None)
        else:
            self._told[path] = told

    def tell(self, path: str) -> None:
        """The call of that path is."""
        if (told := self._told.pop(path, None)) is not None:
            told()


class _Holds:
    """What was told to stop, and takes back what it did: its calls are not left behind so long."""

    def __init__(self, running: Mapping[str, Task]) -> None:
        self._running = running
        self._paths: set[str] = set()
        self._are_refused = False

    def __call__(self, path: str, holds: bool) -> bool:
        """`CallOrder.hold`."""
        is_held = holds and not self._are_refused and call_of(path) in self._running
        if is_held:
            self._paths.add(path)
        else:
            self._paths.discard(path)
        return is_held

    def calls(self) -> set[str]:
        """The paths of those calls."""
        return {call for path in self._paths if (call := call_of(path)) in self._running}

    def refuse(self) -> set[str]:
        """Somebody insists: nobody waits for any of them, and they are to be told."""
        calls, self._are_refused = self.calls(), True
        self._paths.clear()
        return calls


def _broken(path: str, text: str) -> Failure:
    return Failure("system.internal", "system", text, path)
