"""A flow as a tool: it runs inside of a call, under the call's deadline and budgets, and has no log of its own.

What happens in it is told in the log around it (`ToolStep`), for people and for `@once`; no run is taken up by that.
The call that it belongs to is one node of the run. A process that ends meanwhile leaves that node under way; so nothing
in here is ever gone on with.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from leadflow.events.model import (
    BreakerMoved,
    BudgetReserved,
    BudgetSettled,
    CallEvent,
    CallUsed,
    CallWaits,
    Entry,
    Event,
    Failure,
    FlowEvent,
    NodeCancelled,
    NodeDone,
    RunStarted,
    Status,
    ToolStep,
)
from leadflow.plan.paths import is_inside
from leadflow.plan.plan import AgentCall, FlowPlan, Node
from leadflow.plan.types import HARMFUL, Value
from leadflow.plan.undoing import SUFFIX, is_undoing
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import InternalError
from leadflow.run.kernel import Program
from leadflow.run.keys import Keys, Undone
from leadflow.run.ports import PAUSED, Answer, Caller, Callers, CallOrder, Clock, Journal, Memo, Ran, Rng, may_stand
from leadflow.run.set_aside import SetAside


class Nested:
    """Runs flows of a program inside of calls."""

    def __init__(
        self, program: Program, clock: Clock, rng: Rng, *, journal: Callable[[], Journal], calls: int | None,
        memo: Memo | None = None, undone: Undone | None = None,
    ) -> None:  # fmt: skip
        """
        Args:
            journal: makes one that is kept nowhere.
            calls: most calls of such a flow at once.
            memo: what blocks with `@cache` gave.
            undone: by such flows in the run, which is noted here as it happens; None: nothing so far.
        """
        self._program, self._clock, self._rng, self._undone = program, clock, rng, undone or Undone()
        self._journal, self._calls, self._memo = journal, calls, memo

    async def run(self, callers: Callers, flow: str, args: Mapping[str, Value], order: CallOrder) -> Ran:
        """What a flow gives for these arguments.

        Args:
            order: of the call inside of which it runs; its path is that of the flow here.

        Raises:
            CancelledError: it was stopped. Whoever does that has waited for writes already.
        """
        seed = int(self._rng.random() * (1 << 53))
        started = RunStarted(order.run, flow, self._program.plan.hash, args, seed, self._clock.now())
        inside = _Inside(callers, order, self._undone)
        hear = () if order.hear is None else (order.hear,)
        ports = Ports(inside, self._journal(), self._clock, (inside.tell,), listeners=hear, memo=self._memo)
        bounds = Bounds(calls=self._calls, drain=timedelta(0))
        keys = Keys(f"{order.path}/", self._undone)
        try:
            result = await _ended(Driver(self._program, ports, bounds, keys=keys), started, order)
        finally:
            inside.leave()
        return Ran(_outcome(result, inside, order), stands=bool(inside.standing))


async def _ended(driver: Driver, started: RunStarted, order: CallOrder) -> Result:
    """How a flow ended. Once it is stopped, it takes back what it did if somebody waits for that."""
    work = asyncio.get_running_loop().create_task(driver.run(started))
    is_stopped = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            driver.cancel("interrupted", force=is_stopped or not order.hold(order.path, True))
            is_stopped = True
    order.hold(order.path, False)
    result = work.result()
    if is_stopped:
        raise asyncio.CancelledError
    return result


def _outcome(result: Result, inside: "_Inside", order: CallOrder) -> Answer | Failure:
    """What the call that is ordered comes to."""
    if result.status is Status.DONE:
        return Answer(result.value)
    if inside.broken is not None:
        return replace(inside.broken, path=order.path)
    failure = result.failure or Failure("system.journal", "system", "the flow did not end")
    in_doubt = _is_in_doubt(failure) or not inside.standing.isdisjoint(inside.cut_off)
    return replace(failure, path=order.path, limit=None, in_doubt=in_doubt)


def _is_in_doubt(failure: Failure) -> bool:
    """Whether nobody knows if something in it was done."""
    return failure.in_doubt or any(map(_is_in_doubt, failure.causes))


class _Inside(Callers):
    """The callers of a flow that runs inside of a call."""

    def __init__(self, callers: Callers, order: CallOrder, undone: Undone) -> None:
        self._callers, self._order, self._undone = callers, order, undone
        self.broken: Failure | None = None
        """The end of something around the call, which ends the flow too."""
        self.standing: set[str] = set()
        """Steps that may have changed something, and were not taken back."""
        self.cut_off: set[str] = set()
        """Steps of which nobody knows whether they did: they were stopped."""
        self._set_aside = SetAside()
        """By paths in the log around."""
        self._under_way: set[str] = set()
        """Calls in here."""
        self._resting: set[str] = set()
        """Calls of which nothing is under way, nor will be: the call around is to stop."""
        self._has_told = False
        """The call around knows that it may stop."""

    def tell(self, entry: Entry) -> None:
        """Tell the log around the flow what happened in it. What it costs is told already, as it happened."""
        event = entry.event
        if isinstance(event, NodeDone) and event.path.endswith(SUFFIX):
            undone = event.path.removesuffix(SUFFIX)
            self.standing = {path for path in self.standing if path != undone and not is_inside(path, undone)}
        if isinstance(event, NodeCancelled) and event.in_doubt:
            self.cut_off.add(event.path)
        if isinstance(event, FlowEvent):
            told = ToolStep(self._order.path, event)
            self._undone.read(told)
            self._order.post(told)

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node, whose calls belong to what is around."""
        caller, outer = self._callers.prepare(flow, node), self._order
        is_harmful = node.effect in HARMFUL
        asks = node.work.agent if isinstance(node.work, AgentCall) else ""

        async def ask(order: CallOrder) -> Answer | Failure:
            def post(event: Any) -> None:
                if isinstance(event, BreakerMoved | BudgetReserved | BudgetSettled | CallUsed | ToolStep):
                    self._tell(event)
                if not isinstance(event, ToolStep):
                    order.post(replace(event, path=order.path))
                if isinstance(event, CallWaits) and self._stops(order.path):
                    self._rest(order.path)

            ends = [order.deadline]
            if self._stops(order.path):
                post(CallWaits(order.path, asks, PAUSED, None))
                await asyncio.get_running_loop().create_future()
            if not is_undoing(order.path):  # no time that is over keeps a step from being taken back
                ends.append(outer.deadline)
                if is_harmful:
                    self.standing.add(order.path)
            budgets = tuple((self._path(path), budget) for path, budget in order.budgets)
            inner = replace(
                order,
                path=self._path(order.path),
                deadline=min((end for end in ends if end is not None), default=None),
                post=cast(Callable[[Event], None], post),
                give_up=lambda _, failure: order.give_up(order.path, failure),
                when_left=lambda _, told: order.when_left(order.path, told),
                hold=lambda path, holds: order.hold(self._inner(path), holds),
                budgets=(*budgets, *outer.budgets),
                unkept=outer.unkept,  # what is told here is kept with what is around, or nowhere
                is_ending=lambda _: order.is_ending(order.path) or self._stops(order.path),
            )
            answer = await self._answer(caller, inner, order.path)
            if not may_stand(answer):
                self.standing.discard(order.path)
            return answer if isinstance(answer, Answer) else self._failed(answer, order)

        return ask

    async def _answer(self, caller: Caller, order: CallOrder, path: str) -> Answer | Failure:
        """What a call comes to, which is under way meanwhile."""
        self._under_way.add(path)
        try:
            return await caller(order)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not self._stops(path):
                raise
        finally:
            self._under_way.discard(path)
            self._end_at_last()
        await asyncio.get_running_loop().create_future()  # it has heeded that it is to stop, and is stopped
        raise InternalError(f"nobody has stopped {path}")

    def _stops(self, path: str) -> bool:
        """Whether nothing more of that call begins, because the one around is to stop; what is taken back, is."""
        return self._order.is_ending(self._order.path) and not is_undoing(path)

    def _rest(self, path: str) -> None:
        """That holds, and of that call nothing is under way."""
        self._resting.add(path)
        self._end_at_last()

    def _end_at_last(self) -> None:
        """The call around may stop once all has ended that is under way in here (rules A5, C1; case X8)."""
        if self._resting and self._under_way <= self._resting and not self._has_told:
            self._has_told = True
            self._order.post(CallWaits(self._order.path, "", PAUSED, None))

    def leave(self) -> None:
        """The flow is over: what attempts have set aside that it left behind is spent (case $3)."""
        for one in self._set_aside.spent():
            self._tell(one)

    def _tell(self, event: CallEvent) -> None:
        """Tell the log around the flow what a call in it took, or did."""
        if self._set_aside.hears(event):
            self._order.post(event)

    def _failed(self, failure: Failure, order: CallOrder) -> Failure:
        """A failure as the flow sees it: a budget of its own by its own path, one around it as the end of the run."""
        limit = failure.limit
        if limit is not None and is_inside(limit, self._order.path):
            limit = self._inner(limit)
        elif limit is not None:
            self.broken, limit = self.broken or failure, ""
        return replace(failure, path=order.path, limit=limit)

    def _inner(self, path: str) -> str:
        """A path of the log around, as the flow has it."""
        return path.removeprefix(f"{self._order.path}/")

    def _path(self, path: str) -> str:
        """A path of the flow, as the log around it has it: `main/answer~tools[0]/look/page`."""
        return f"{self._order.path}/{path}"
