"""The tool loop: a model's turn that asks for tools is answered, and it has the next turn, until it answers the step.

    turn 1 --uses--> tools --results--> turn 2 --uses--> … --> the answer

Each turn is a request of its own: it is tried again, waits for its turn, and pays like any other call. What was said
stays with the call, so another attempt repeats no tool, and a fallback goes on where the other model stopped. The loop
ends with a reason of its own for each bound (case O1). Uses of one turn run side by side when all of them only read,
else in their order.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    BreakerMoved,
    BudgetReserved,
    BudgetSettled,
    CallUsed,
    CallWaits,
    Event,
    Failure,
    ToolCalled,
    ToolEnded,
    ToolStep,
    Usage,
)
from leadflow.plan.forms import to_json_text
from leadflow.plan.looping import TOOLS, Loop
from leadflow.plan.policy import Budget
from leadflow.plan.tokens import PER_MESSAGE, text_tokens
from leadflow.plan.types import Value
from leadflow.policies.budget import Tariff
from leadflow.policies.call import DOUBT, Course, Step
from leadflow.policies.talk import Talk
from leadflow.policies.tool_use import Use
from leadflow.policies.toolset import Refusal, Tool, Toolset
from leadflow.policies.watch import Timer
from leadflow.record import record
from leadflow.run.errors import (
    BudgetExceeded,
    CallError,
    FunctionCutOff,
    LoopStopped,
    TotalTimeout,
)
from leadflow.run.ports import Answer, CallOrder
from leadflow.run.redact import one_line
from leadflow.run.toolbox import Asked, Exchange, ToolResult, ToolUse

UNHEARD = "error: nothing was heard of it before the time was over"
"""What a model is told of a use that was cut off, or not begun."""
BESIDE = 8
"""Uses of one turn that run side by side, at the most."""


def conversing(inner: Step, tools: Toolset, loop: Loop, tariff: Tariff, own: Budget | None) -> Step:
    """A call whose model may use tools.

    Args:
        inner: one turn, with its attempts.
        tariff: what turns take.
        own: the budget of the call itself, which its tools share.
    """

    async def converse(course: Course) -> Answer:
        now = course.ports.clock.monotonic()
        if course.talk is None:
            course.talk = Talk(now + loop.time.total_seconds())
        talk = course.talk
        course.must_answer = not tools.specs and bool(talk.exchanges)
        course.tools = course.tools if course.must_answer else tools.specs
        end, late = talk.ends, course.deadline
        if late is not None:
            end = min(end, late)
        talking = _Talking(course, talk, tools, loop, own)

        def expired() -> CallError:
            if late is not None and late <= talk.ends:
                return TotalTimeout(_said(talk, "the turns and tools took longer than the total time"))
            return _stopped(talk, "time", f"the turns and tools took longer than {loop.time.total_seconds():g} s")

        def leave() -> None:
            if not talking.is_answering:  # a tool is left behind by itself
                course.leave(expired())

        timer = Timer(end, course.watch, leave)
        try:
            while True:
                course.further = tools.tokens + talk.further
                answer = await _turn(inner, course, talk, loop, tariff)
                if answer.asked is None:
                    break
                await talking.answer(answer.asked)
                course.next_turn()
                course.heed(course.agent)
        except BaseException as problem:
            if timer.stop() and isinstance(problem, asyncio.CancelledError):
                raise expired() from None
            raise
        timer.stop()
        return replace(answer, usage=talk.usage)

    return converse


async def _turn(inner: Step, course: Course, talk: Talk, loop: Loop, tariff: Tariff) -> Answer:
    """The model's next turn.

    Raises:
        CallError: there is none: a bound of the loop, or the model fails.
    """
    if talk.turns >= loop.turns:
        raise _stopped(talk, "turns", f"the model still asks for tools after {loop.turns} turns")
    most, estimate = tariff.most(course)
    if talk.tokens + most.tokens > loop.tokens:
        raise _stopped(talk, "tokens", f"the next turn may take {most.tokens:,} tokens, and {talk.tokens:,} of "
                                     f"{loop.tokens:,} are used")  # fmt: skip
    if loop.money is not None and tariff.charge is not None and talk.money + most.money > loop.money.micros:
        raise _stopped(talk, "money", "the next turn may cost more than is left of its money")
    failed = len(course.attempts or ())
    answer = await inner(course)
    took = tariff.took(answer.usage, estimate) or most
    talk.usage = _sum(talk.usage, answer.usage)
    again = len(course.attempts or ()) - failed
    talk.turns += 1
    talk.tokens += took.tokens + again * most.tokens
    talk.money += took.money + again * most.money
    return answer


def _sum(before: Usage | None, more: Usage | None) -> Usage | None:
    """What several turns used, so far as they say it."""
    if before is None or more is None:
        return before or more
    return Usage(**{each.name: _both(getattr(before, each.name), getattr(more, each.name)) for each in fields(Usage)})


def _both(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _stopped(talk: Talk, bound: str, what: str) -> LoopStopped:
    return LoopStopped(_said(talk, what), bound=bound)


def _said(talk: Talk, what: str) -> str:
    return f"{what}; tools have written: {', '.join(dict.fromkeys(talk.written))}" if talk.written else what


@record
class _Wanted:
    """A use of a turn, as it will be run."""

    number: int
    use: ToolUse
    found: tuple[Tool, Mapping[str, Value]] | Refusal

    @property
    def is_harmful(self) -> bool:
        """Whether it may change something outside."""
        return not isinstance(self.found, Refusal) and self.found[0].is_harmful


class _Talking:
    """Answers the turns of one call."""

    def __init__(self, course: Course, talk: Talk, tools: Toolset, loop: Loop, own: Budget | None) -> None:
        self._course, self._talk, self._tools, self._loop = course, talk, tools, loop
        order = course.order
        self._budgets = order.budgets if own is None else ((order.path, own), *order.budgets)
        self.is_answering = False
        """Tools run."""
        self._failed: dict[str, list[AttemptFailure]] = {}
        """Attempts of tools, by the paths of their calls."""

    async def answer(self, asked: Asked) -> None:
        """Run what a turn asks for, and note what the model is told.

        Raises:
            CallError: a bound of the loop is reached, nobody knows whether a tool has written, or a budget is over.
        """
        talk = self._talk
        if talk.calls >= self._loop.calls:
            raise _stopped(talk, "calls", f"the model still asks for tools after {talk.calls} calls of them")
        uses: dict[str, ToolUse] = {}
        for use in asked.uses:
            uses.setdefault(use.id, use)
        wanted = [self._wanted(use) for use in uses.values()]
        results = [ToolResult(use.id, UNHEARD, is_error=True) for use in uses.values()]
        self.is_answering = True
        try:
            if any(each.is_harmful for each in wanted):
                for place, each in enumerate(wanted):
                    results[place] = await self._run(each)
            else:
                await self._beside(wanted, results)
        finally:  # what was done is done: whoever goes on with a turn that was cut off has to know
            self.is_answering = False
            talk.exchanges.append(Exchange(asked, tuple(results)))
            talk.further += asked.tokens + sum(PER_MESSAGE + text_tokens(result.text) for result in results)
            self._course.exchanges = tuple(talk.exchanges)

    def _wanted(self, use: ToolUse) -> _Wanted:
        talk, most = self._talk, self._loop
        number, talk.calls = talk.calls, talk.calls + 1
        if number >= most.calls:
            return _Wanted(number, use, Refusal("tool.calls", f"not run: no more than {most.calls} calls are allowed"))
        told = (use.name, as_told(use.args))
        talk.same[told] = talk.same.get(told, 0) + 1
        if talk.same[told] >= most.repeats:
            times = f"{talk.same[told]} times with the same arguments"
            raise _stopped(talk, "repeats", f"the model asks for '{one_line(use.name, most=64)}' {times}")
        tool = self._tools.find(use)
        if isinstance(tool, Refusal):
            return _Wanted(number, use, tool)
        args = tool.admit(use)
        return _Wanted(number, use, args if isinstance(args, Refusal) else (tool, args))

    async def _beside(self, wanted: Sequence[_Wanted], results: list[ToolResult]) -> None:
        """Run uses that only read side by side, and put each result in its place."""
        places = asyncio.Semaphore(BESIDE)

        async def one(place: int, each: _Wanted) -> None:
            async with places:
                results[place] = await self._run(each)

        try:
            async with asyncio.TaskGroup() as group:
                for place, each in enumerate(wanted):
                    group.create_task(one(place, each))
        except BaseExceptionGroup as problems:  # the first is why the others were stopped
            raise problems.exceptions[0] from None

    async def _run(self, wanted: _Wanted) -> ToolResult:
        """What the model is told of one use.

        Raises:
            CallError: it is nothing that a model can mend.
        """
        self._course.heed(self._course.agent)
        order, clock, found = self._course.order, self._course.ports.clock, wanted.found
        if isinstance(found, Refusal):
            name = one_line(wanted.use.name, most=64)
            order.post(ToolCalled(order.path, wanted.number, self._talk.turns, name, "pure", {}))
            refused = Failure(found.error, "validation", found.message, order.path)
            return self._told(wanted, name, refused, 0.0)
        tool, args = found
        name = tool.plan.key
        order.post(ToolCalled(order.path, wanted.number, self._talk.turns, name, tool.plan.effect, args))
        if tool.is_harmful:
            self._talk.written.append(name)
        if (unkept := order.unkept(order.path)) is not None:
            await unkept
        begun = clock.monotonic()
        inner = CallOrder(
            f"{order.path}{TOOLS}[{wanted.number}]", {}, None, order.run, self._deadline(), self._post,
            priority=order.priority, budgets=self._budgets, unkept=order.unkept, hear=order.hear,
            is_ending=order.is_ending, hold=order.hold,
        )  # fmt: skip
        try:
            ran = await Use(tool, args, inner, self._course.ports.grace).end()
        except asyncio.CancelledError:
            self._talk.is_in_doubt = self._talk.is_in_doubt or not tool.is_repeatable
            raise
        if tool.is_harmful and not ran.stands:
            self._talk.written.remove(name)
        return self._told(wanted, name, ran.outcome, round(clock.monotonic() - begun, 6))

    def _post(self, event: Event) -> None:
        """Of what a tool's call tells, what it costs has a place in the log, and what a flow does; its attempts are
        told when it has ended. Where nothing of the tool is under way, nothing of the step is, should that be to stop.
        """
        order = self._course.order
        if isinstance(event, BudgetReserved | BudgetSettled | BreakerMoved | CallUsed | ToolStep):
            order.post(event)
        elif isinstance(event, AttemptFailed):
            self._failed.setdefault(event.path, []).append(event.failure)
        elif isinstance(event, CallWaits) and order.is_ending(order.path):
            order.post(replace(event, path=order.path, agent=self._course.agent))

    def _told(self, wanted: _Wanted, name: str, ended: Answer | Failure, seconds: float) -> ToolResult:
        order, use = self._course.order, wanted.use
        if isinstance(ended, Answer) and ended.absorbed is not None:  # whoever asked goes on, and knows of it
            ended = ended.absorbed
        if isinstance(ended, Answer):
            text, size = _cut(_text(ended.value), self._loop.result)
            again = tuple(self._failed.pop(f"{order.path}{TOOLS}[{wanted.number}]", ()))
            order.post(ToolEnded(order.path, wanted.number, name, seconds, None, size, again))
            return ToolResult(use.id, text)
        order.post(ToolEnded(order.path, wanted.number, name, seconds, ended, 0))
        if ended.limit is not None:
            limit = None if ended.limit == order.path else ended.limit
            raise BudgetExceeded(f"tool '{name}': {ended.message}", limit)
        if ended.in_doubt:
            self._talk.is_in_doubt = True
            raise FunctionCutOff(f"tool '{name}': {ended.message.removesuffix(DOUBT)}")  # the step says it itself
        return ToolResult(use.id, f"error: {one_line(ended.message, self._course.ports.secrets)}", is_error=True)

    def _deadline(self) -> float:
        end = self._course.order.deadline
        return self._talk.ends if end is None else min(end, self._talk.ends)


def as_told(args: Mapping[str, object]) -> str:
    """Arguments, alike where they say the same."""
    return json.dumps(args, sort_keys=True, default=str)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else "done" if value is None else to_json_text(value)


def _cut(text: str, most: int) -> tuple[str, int]:
    """A result as a model is told it, and how many bytes it has in full (case O2)."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return text, len(data)
    shown = data[:most].decode("utf-8", "ignore")
    return f"{shown}\n[cut off: this is the beginning, {most:,} of {len(data):,} bytes]", len(data)
