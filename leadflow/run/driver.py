"""The driver: does what the kernel decided. The only async loop of a run.

It commits events, then obeys commands (case D1); gathers what came back meanwhile, and asks the kernel again. What
arrives together is decided, committed and dispatched together. Every call and every timer is a task of the driver,
which ends only when all of them have ended, or were given up after a grace (case T8). It knows no node and no rule.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal, TypeAlias, assert_never

from leadflow.events.fold import Used
from leadflow.events.model import (
    CallUsed,
    CancelRequested,
    DeadlinePassed,
    Entry,
    Event,
    Failure,
    NodeDone,
    NodeFailed,
    QuestionAsked,
    RunCancelled,
    RunDone,
    RunFailed,
    RunPaused,
    RunStarted,
    Status,
    UndoBegan,
    Usage,
)
from leadflow.events.words import Words
from leadflow.plan.policy import GRACE
from leadflow.plan.types import Money, Value
from leadflow.plan.undoing import SUFFIX
from leadflow.record import record
from leadflow.run.errors import InternalError
from leadflow.run.heap import Heap, uncollected
from leadflow.run.kernel import (
    Call,
    CancelCall,
    Command,
    Kernel,
    LookUp,
    Program,
    Remember,
    StartTimer,
    Step,
    StopTimer,
    TryAgain,
)
from leadflow.run.keys import OF_A_RUN, Keys
from leadflow.run.lookups import Lookups
from leadflow.run.ports import Callers, Clock, Earlier, Journal, Memo, Prompt
from leadflow.run.questions import Asked, Questions
from leadflow.run.recover import called_off, give_up, put_off, replay, take_up
from leadflow.run.store import Fenced, JournalProblem
from leadflow.run.taken_up import Told
from leadflow.run.under_way import Calls, Tasks, Timers

_log = logging.getLogger("leadflow")

Observer: TypeAlias = Callable[[Entry], None]
"""Is shown every entry after it is committed. What it raises is logged and changes nothing (case X10)."""


Listener: TypeAlias = Callable[[Words], None]
"""Hears what models say while they say it; models are asked for streams where there is one. What it raises is logged
and changes nothing (case X10)."""


@record
class Bounds:
    """What an operator allows a run."""

    calls: int | None = 1000
    """Most calls under way at once; None sets no bound."""
    deadline: timedelta | None = None
    """Of the whole run; None: it may take for ever."""
    drain: timedelta = timedelta(seconds=10)
    """How long a cancelled run waits for writes under way (rule A5), and a paused one for all that is (case X8)."""
    grace: timedelta = GRACE
    """How long a cancelled call may clean up before it is given up (case T8)."""


@record
class Ports:
    """What a driver needs of the world."""

    callers: Callers
    journal: Journal
    clock: Clock
    observers: Sequence[Observer] = ()
    questions: Questions | None = None
    """To people; None: nobody is asked."""
    listeners: Sequence[Listener] = ()
    memo: Memo | None = None
    """What blocks with `@cache` gave; None: nobody remembers."""


class RunNotDone(Exception):
    """A run has no value: it failed, was cancelled, or waits. The text says why, with every cause."""

    def __init__(self, result: "Result") -> None:
        failure = result.failure
        asked = [f"  {one.path} asks {one.assignee or one.agent}: {one.question}" for one in result.questions]
        super().__init__("\n".join([f"the run {_ENDED[result.status]}", *_told(failure, 1), *asked]))
        self.result = result
        self.failure = failure


@record
class Result:
    """How a run ended."""

    run: str
    status: Status
    """`done`, `failed` or `cancelled`; `waiting` when it can go on later: it is paused (`is_paused`), or its journal
    could not be written (case D8), or a call is in doubt (`failure` says which)."""
    value: Value
    failure: Failure | None
    entries: Sequence[Entry]
    """The whole log, of earlier parts of the run too."""
    leaked: tuple[str, ...] = ()
    """Paths of calls that did not stop when they were told to (case T8)."""
    questions: tuple[QuestionAsked, ...] = ()
    """Of a paused run: those that people have not answered."""

    @property
    def is_paused(self) -> bool:
        """Whether the run goes on when it is resumed: it waits for people, or somebody stopped its process."""
        return self.status is Status.WAITING and self.failure is None

    @property
    def undone(self) -> tuple[str, ...]:
        """Paths of the steps that were taken back since the run failed or was cancelled, in that order (rule C7).

        What could not be taken back is among the causes of the failure `flow.compensation`.
        """
        done = {entry.event.path for entry in self.entries if isinstance(entry.event, NodeDone)}
        began = (entry.event.paths for entry in reversed(self.entries) if isinstance(entry.event, UndoBegan))
        return tuple(path for path in next(began, ()) if path + SUFFIX in done)

    @property
    def usage(self) -> Usage:
        """What models read and wrote, of what they read also out of a provider's cache and into it; all attempts
        included. None for what one of them does not say."""
        used = self.used
        if used.uncounted:
            return Usage()
        return Usage(used.input_tokens, used.output_tokens, used.cached_tokens, used.stored_tokens)

    @property
    def cost(self) -> Money | None:
        """What models cost, all attempts included; None: nobody knows, because a price or a usage is not known."""
        used = self.used
        return None if used.unpriced else Money(used.money)

    @property
    def used(self) -> Used:
        """What models used, and of how much of it nobody knows."""
        used = Used()
        for entry in self.entries:
            if isinstance(entry.event, CallUsed):
                used.add(entry.event)
        return used

    def unwrap(self) -> Value:
        """The run's value, for callers who have no use for anything else; `value` alone is None when there is none.

        Raises:
            RunNotDone: the run failed, was cancelled, or waits.
        """
        if self.status is not Status.DONE:
            raise RunNotDone(self)
        return self.value


_FOR_PEOPLE = "it waits for people"
_ENDED = {Status.FAILED: "failed", Status.CANCELLED: "was cancelled", Status.WAITING: "waits"}


def _told(failure: Failure | None, depth: int) -> Iterator[str]:
    """A failure and its causes, a line each."""
    if failure is not None:
        where = f"{failure.path}: " if failure.path else ""
        yield f"{'  ' * depth}{where}{failure.message} [{failure.error}]"
        for cause in failure.causes:
            yield from _told(cause, depth + 1)


class Driver:
    """One run under way."""

    def __init__(self, program: Program, ports: Ports, bounds: Bounds | None = None, *, keys: Keys = OF_A_RUN) -> None:
        """Prepare a run.

        Args:
            keys: as `RunValues.keys` has them.
        """
        self._ports = ports
        self._bounds = bounds or Bounds()
        self._size = sum(len(flow.nodes) for flow in program.plan.flows.values())
        self._kernel = Kernel(program, calls=self._bounds.calls, deadline=self._bounds.deadline, keys=keys)
        self._heap = Heap()
        self._entries: list[Entry] = []
        self._arrived: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._tasks = Tasks()
        self._timers = Timers(ports.clock, self._tasks, self._post)
        self._lookups = Lookups(ports.memo, self._tasks, self._post)
        self._calls: Calls | None = None
        self._is_cancelled = False
        self._is_forced = False
        self._pauses: Literal["no", "soon", "now"] = "no"
        """Somebody asked to pause: as soon as nothing is under way, or at once since that took too long."""
        self._earlier: Mapping[str, Earlier] = {}
        """Of a run that was taken up: what its calls did before."""

    async def run(self, started: RunStarted) -> Result:
        """Run from the start to the end."""
        with uncollected():
            step = self._kernel.start(started)
        if self._is_cancelled:
            facts, self._arrived = self._arrived, []
            step = called_off(self._kernel, step, facts)
        elif self._pauses != "no" and not self._kernel.has_ended:
            facts, self._arrived = self._arrived, []
            return await self._paused(started.run, None, put_off(self._kernel, step, facts).events)
        return await self._shielded(started.run, step)

    async def resume(
        self,
        entries: Sequence[Entry],
        told: Mapping[str, Told] | None = None,
        *,
        owner: str = "",
        why: Mapping[str, str] | None = None,
    ) -> Result:
        """Go on where a log ends, at whatever event that is.

        Args:
            told: what somebody found out about calls in doubt, by path.
            owner: who works on the run now, for the log.
            why: why a probe could not tell, by path.

        What people have answered since stands in the log from then on.

        Returns: how the run ended; with status `waiting` and nothing done, when a call is in doubt and nobody has told.
        """
        self._entries = list(entries)
        questions = self._ports.questions
        answers = () if questions is None else await questions.take_up(entries)
        with uncollected():
            step = replay(self._kernel, [entry.event for entry in entries])
            run = self._kernel.state.started.run
            if self._kernel.has_ended:
                return await self._shielded(run, step)
            if self._pauses != "no" and not self._is_cancelled:
                return await self._let_go(run, None)
            now = self._ports.clock.timestamp()
            resumed = take_up(
                self._kernel, step, entries, told=told or {}, answers=answers, owner=owner, now=now, why=why
            )
        if isinstance(resumed, Failure):
            await self._tasks.aclose((), self._bounds.grace)  # of a wish to stop that came in the meantime
            return Result(run, Status.WAITING, None, resumed, self._entries)
        self._earlier = resumed.earlier
        return await self._shielded(run, resumed.step)

    async def end(self, entries: Sequence[Entry], wish: CancelRequested, *, owner: str = "") -> Result:
        """Cancel a run whose process has ended: nothing of it is called again, and its steps are taken back.

        Returns: how the run ended; with status `waiting` when an undo is in doubt and nobody has told.
        """
        self._entries = list(entries)
        with uncollected():
            step = replay(self._kernel, [entry.event for entry in entries])
            run = self._kernel.state.started.run
            if self._kernel.has_ended:
                return await self._shielded(run, step)
            now = self._ports.clock.timestamp()
            resumed = give_up(self._kernel, step, entries, wish, owner=owner, now=now)
        if isinstance(resumed, Failure):
            await self._tasks.aclose((), self._bounds.grace)  # of a wish to stop that came in the meantime
            return Result(run, Status.WAITING, None, resumed, self._entries)
        self._earlier = resumed.earlier
        self._is_cancelled, self._is_forced = True, wish.force
        return await self._shielded(run, resumed.step)

    def cancel(self, why: str, *, force: bool = False, by: str | None = None) -> None:
        """Ask the run to stop; calls that write and are under way are awaited for a while (rule A5).

        Then the steps that are done are taken back. Asking twice, or after the end, changes nothing (case X5).

        Args:
            force: insist, also behind an earlier wish: nothing is awaited, and nothing more is taken back (case S3).
            by: who asks, for the log.
        """
        if self._kernel.has_ended or self._is_forced or (self._is_cancelled and not force):
            return
        self._post(CancelRequested(why, force, by))
        if not self._is_cancelled:
            self._tasks.spawn(self._drain(why))
        self._is_cancelled, self._is_forced = True, force
        if force:
            self._stop_all(why, force=True)

    def pause(self, why: str) -> None:
        """Begin nothing more: what is under way may end for a while, then all is let go, and the run goes on when it is
        resumed (case X8). Asking twice, or after a wish to cancel, changes nothing."""
        if self._kernel.has_ended or self._is_cancelled or self._pauses != "no":
            return
        self._pauses = "soon"
        self._arrived.insert(0, RunPaused(why))  # nothing begins of what has arrived at the same time
        self._awake()
        if self._calls is not None:
            self._calls.put_down()
        self._tasks.spawn(self._pause_at_last())

    # --- the loop -------------------------------------------------------------------------------------------------

    async def _shielded(self, run: str, first: Step) -> Result:
        """The loop, so that a cancel from outside lets it end in order; a second one insists."""
        loop = asyncio.get_running_loop().create_task(self._loop(run, first), name=f"run {run}")
        interrupted = 0
        while True:
            try:
                result = await asyncio.shield(loop)
                break
            except asyncio.CancelledError:
                if loop.cancelled():
                    raise
                interrupted += 1
                if not loop.cancelling():  # who closes the event loop cancels all tasks: none can end in order
                    self.cancel("interrupted", force=interrupted > 1)
        if interrupted:
            raise asyncio.CancelledError
        return result

    async def _loop(self, run: str, step: Step) -> Result:
        loop = asyncio.get_running_loop()
        hear = _telling(self._ports.listeners) if self._ports.listeners else None
        calls = self._calls = Calls(run, self._ports.callers, self._post, self._earlier, hear)
        questions = self._ports.questions
        if questions is not None:
            questions.begin(post=self._post, wake=self._awake, spawn=self._tasks.spawn)
        journal = self._ports.journal
        append_idle = journal.append_idle if isinstance(journal, Prompt) else journal.append
        self._heap.begin()
        try:
            self._heap.grown_to(self._size)
            while True:
                if step.events:
                    append = journal.append if calls.are_any or calls.leaked else append_idle
                    try:
                        self._show(await append(step.events))
                    except OSError as problem:
                        return await self._let_go(run, calls, _with_late(problem, step.events))
                calls.has_kept()
                self._obey(step.commands, calls)
                if self._kernel.has_ended:
                    return result_of(run, self._entries, calls.still_leaked())
                if not self._arrived:
                    if self._pauses == "now" or (self._pauses == "soon" and _are_idle(calls, questions)):
                        return await self._let_go(run, calls)
                    if questions is not None and self._waits_for_people(calls, questions):
                        try:
                            await questions.look()
                        except OSError as problem:
                            return await self._let_go(run, calls, problem)
                        if self._waits_for_people(calls, questions):
                            paused = RunPaused(_FOR_PEOPLE, tuple(asked.path for asked in questions.waiting))
                            return await self._paused(run, calls, self._kernel.on((paused,)).events)
                    else:
                        self._waiter = loop.create_future()
                        await self._waiter
                calls.keep()
                step = self._kernel.on(self._gathered())
        finally:
            self._heap.give_back()
            self._lookups.abandon()
            await self._tasks.aclose(calls.abandon(), self._bounds.grace)

    def _gathered(self) -> list[Event]:
        """What has arrived. Of deadlines that passed together the outermost is told first (case T4)."""
        facts, self._arrived = self._arrived, []
        if self._timers.running:
            late = [fact for fact in facts if isinstance(fact, DeadlinePassed)]
            if len(late) > 1:
                late.sort(key=lambda fact: len(fact.path))
                facts = [*late, *(fact for fact in facts if not isinstance(fact, DeadlinePassed))]
        return facts

    def _post(self, event: Event) -> None:
        """Take in a fact, or an event of an attempt, and wake the loop."""
        self._arrived.append(event)
        self._awake()

    def _awake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():  # who closes the event loop has cancelled it
            waiter.set_result(None)

    def _waits_for_people(self, calls: Calls, questions: Questions) -> bool:
        """Whether nothing of the run can go on before a person answers."""
        is_idle = questions.is_anybody_waiting and not self._arrived and not self._kernel.state.pauses
        return is_idle and calls.are_any and _are_idle(calls, questions)

    async def _pause_at_last(self) -> None:
        await self._ports.clock.sleep(self._bounds.drain)
        self._pauses = "now"
        self._awake()

    def _show(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)
        self._heap.grown_to(len(self._entries))
        for observer in self._ports.observers:
            for entry in entries:
                try:
                    observer(entry)
                except Exception:
                    _log.exception("an observer failed at entry %d", entry.seq)

    def _obey(self, commands: Sequence[Command], calls: Calls) -> None:
        told: list[str] = []
        for command in commands:
            if isinstance(command, Call):  # most are, and the pattern of a class costs five times as much
                calls.begin(command, self._timers.end_of(command.within))
                continue
            match command:
                case CancelCall(path, why, force):
                    if calls.stop(path, why) if force else calls.stop_after_attempt(path, why):
                        told.append(path)
                case StartTimer():
                    self._timers.start(command)
                case StopTimer(path):
                    self._timers.stop(path)
                case TryAgain():
                    self._timers.try_again(command)
                case LookUp():
                    self._lookups.begin(command)
                case Remember():
                    self._lookups.end(command)
                case _:
                    assert_never(command)
        if told:
            self._tasks.spawn(self._give_up(told))

    async def _drain(self, why: str) -> None:
        await self._ports.clock.sleep(self._bounds.drain)
        if not self._kernel.is_undoing:
            self._stop_all(why)

    def _stop_all(self, why: str, *, force: bool = False) -> None:
        if self._calls is not None and (told := self._calls.stop_all(why, force=force)):
            self._tasks.spawn(self._give_up(told))

    async def _give_up(self, paths: Sequence[str]) -> None:
        while paths and self._calls is not None:
            await self._ports.clock.sleep(self._bounds.grace)
            paths = self._calls.give_up(paths)

    async def _paused(self, run: str, calls: Calls | None, events: Sequence[Event]) -> Result:
        """Keep what says that the run is paused, and let it go.

        Args:
            calls: None: none was made yet.
        """
        try:
            self._show(await self._ports.journal.append(events))
        except OSError as problem:
            return await self._let_go(run, calls, problem)
        return await self._let_go(run, calls)

    async def _let_go(self, run: str, calls: Calls | None, problem: OSError | None = None) -> Result:
        """Nothing more is done now: the run is paused, or it is not known what is committed, which the journal decides
        later (cases D8, D9)."""
        questions, waiting = self._ports.questions, Asked(self._entries).unanswered
        if questions is None or problem is not None:
            waiting = ()
        elif calls is not None:
            waiting = questions.waiting
        await self._tasks.aclose(() if calls is None else calls.abandon(), self._bounds.grace)
        leaked = () if calls is None else calls.still_leaked()
        failure = None if problem is None else _unusable(problem)
        return Result(run, Status.WAITING, None, failure, self._entries, leaked, waiting)


def _unusable(problem: OSError) -> Failure:
    told = str(problem) if isinstance(problem, JournalProblem) else f"the journal cannot be used: {problem}"
    return Failure("system.taken_over" if isinstance(problem, Fenced) else "system.journal", "system", told)


def _with_late(problem: OSError, events: Sequence[Event]) -> OSError:
    """What could not be kept. Of a run that another worker has now, what was done here too late for it (case D14)."""
    if not isinstance(problem, Fenced):
        return problem
    late = [event.path for event in events if isinstance(event, NodeDone | NodeFailed)]
    return Fenced(f"{problem}; done here, and not kept: {', '.join(late)}") if late else problem


def _are_idle(calls: Calls, questions: Questions | None) -> bool:
    """Whether all calls that are under way wait for people, or for the place of a call that does."""
    if questions is None:
        return not calls.are_any
    asking = {asked.agent for asked in questions.waiting}
    return calls.are_all(lambda path: questions.is_waiting(path) or calls.queues.get(path) in asking)


def _telling(listeners: Sequence[Listener]) -> Listener:
    """Passes words on to each of them."""

    def tell(words: Words) -> None:
        for listener in listeners:
            try:
                listener(words)
            except Exception:
                _log.exception("a listener failed at the words of %s", words.path)

    return tell


def result_of(run: str, entries: Sequence[Entry], leaked: tuple[str, ...] = ()) -> Result:
    """How a run ended, by its log, the last entry of which is its end."""
    match entries[-1].event:
        case RunDone(value):
            return Result(run, Status.DONE, value, None, entries, leaked)
        case RunFailed(failure):
            return Result(run, Status.FAILED, None, failure, entries, leaked)
        case RunCancelled(why):
            return Result(run, Status.CANCELLED, None, Failure("run.cancelled", "system", why), entries, leaked)
        case event:
            raise InternalError(f"the run ended with {type(event).__name__}")
