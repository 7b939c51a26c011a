"""One call on its way through its policies: what they share, and the two innermost layers.

A layer is a function from a `Course` to a reply or an answer, around another one. It raises `CallError` for what can
be absorbed, and lets `CancelledError` pass. It knows no kernel: it reads the order and posts events of attempts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, TypeAlias

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    CallPassedOn,
    CallWaits,
    ErrorHandled,
    Failure,
)
from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import GRACE, Does, ErrorClass
from leadflow.plan.rates import Rates
from leadflow.policies.meter import Meter
from leadflow.policies.outcomes import is_in_doubt
from leadflow.policies.shared import Shared, Upstream
from leadflow.policies.talk import Talk
from leadflow.policies.voice import Voice
from leadflow.policies.watch import Timer, Watch
from leadflow.record import record
from leadflow.run.errors import AnswerInvalid, BudgetExceeded, CallError, FunctionFailed, InternalError
from leadflow.run.ports import PAUSED, Agent, Answer, Caller, CallOrder, Claims, Clock, Reply, Request, Rng, untold
from leadflow.run.redact import one_line
from leadflow.run.toolbox import Exchange, ToolSpec
from leadflow.run.values import Mismatch, door

DOUBT = "; nobody knows whether it was done"
"""Behind the message of a call that is in doubt."""


@record
class Ports:
    """What policies need of the world."""

    clock: Clock
    rng: Rng
    shared: Shared
    secrets: tuple[str, ...] = ()
    """Values that no message may show."""
    grace: timedelta = GRACE
    """How long an attempt may clean up after its timeout before it is left behind (case T8)."""
    claims: Claims | None = None
    """Who has which key of `@once`; None: nobody keeps that here."""


class Course:
    """One call under way, from its order to its outcome."""

    __slots__ = (
        "agent", "attempt", "attempts", "begun", "behind", "deadline", "exchanges", "further", "has_last_of_total",
        "instance", "is_left", "limit", "meter", "must_answer", "order", "pending", "ports", "repair", "repeatable",
        "resumed", "talk", "tools", "tried", "watch", "why",
    )  # fmt: skip

    def __init__(self, order: CallOrder, ports: Ports, watch: Watch, *, repeatable: bool = False) -> None:
        self.order = order
        self.repeatable = repeatable
        """The call may be sent again although it may have been done: it is idempotent, or has a key."""
        self.ports = ports
        self.watch = watch
        earlier = order.earlier
        self.attempt = 0 if earlier is None else earlier.attempts
        """Number of the attempt under way or last made, over all agents, also before the process ended (case R22)."""
        self.begun = 0.0
        """When it began (monotonic seconds)."""
        self.resumed = earlier
        """What the candidate did before the process ended, until another one is asked."""
        self.behind: Callable[[], None] | None = None
        """What to do when the call is left behind although it does not stop (case T8)."""
        self.is_left = False
        """It was: its node has failed, and nothing more may follow (case X1)."""
        self.deadline: float | None = None
        """When the candidate's total time is over; None: it has none, or what encloses the call ends first."""
        self.has_last_of_total = False
        """True when the attempt under way is limited by what is left of the total time."""
        self.instance = 0
        """Of an agent that can be made anew: which one the attempt under way, or last made, asked."""
        self.meter: Meter | None = None
        """What the attempt under way, or last made, uses; None: it asks no model."""
        self.limit: str | None = None
        """The path of what fails as a whole with this call (`Failure.limit`); None: only the call does."""
        self.repair: str | None = None
        """What was wrong with the last answer, for the next attempt (case R20)."""
        self.attempts: list[AttemptFailure] | None = None if earlier is None else [*earlier.failed]
        """Those that failed; None is none yet."""
        self.pending: AttemptFailure | None = None
        """The last of them, while it is not decided what follows it."""
        self.why = ""
        """Why nothing follows the last error, where that is not plain."""
        self.tried: list[tuple[str, Failure]] | None = None
        """Candidates that failed, when there are fallbacks."""

        self.agent = ""
        """Who was asked last."""
        self.talk: Talk | None = None
        """What its model and its tools have said to each other; None: nothing yet."""
        self.tools: tuple[ToolSpec, ...] = ()
        """What the model of this candidate may use."""
        self.exchanges: tuple[Exchange, ...] = ()
        """What it is told of what was said."""
        self.must_answer = False
        """Its model may use no tools any more."""
        self.further = 0
        """Most tokens of a request beside what its arguments say: its tools, and what was said."""

    @property
    def next_attempt(self) -> int:
        """The number of the attempt that begins next."""
        return self.attempt + 1

    def begin(self, agent: str, *, is_fallback: bool) -> None:
        """An attempt begins. The first of a call is known from the start of its node, unless a fallback makes it."""
        self.heed(agent)
        self.attempt += 1
        self.begun = self.ports.clock.monotonic()
        earlier = self.order.earlier
        if earlier is not None and earlier.asks == agent and self.attempt == earlier.attempts + 1:
            self.begun -= earlier.asked  # it began when it asked
        is_new = is_fallback and agent != self.agent
        self.agent = agent
        if self.attempt > 1 or is_new:
            self.order.post(AttemptStarted(self.order.path, self.attempt, agent))

    def heed(self, agent: str) -> None:
        """Begin nothing more in a call that is to stop, or whose run pauses: what was sent has ended (rules A5, C1;
        case X8).

        Raises:
            CancelledError: it is so.
        """
        order = self.order
        if order.is_ending(order.path):
            order.post(CallWaits(order.path, agent, PAUSED, None))
            raise asyncio.CancelledError

    def next_turn(self) -> None:
        """A turn of the model is over and another one begins, with attempts of its own."""
        self.attempt, self.repair, self.why, self.pending, self.resumed = 0, None, "", None, None

    def key(self) -> str | None:
        """The idempotency key of the next request: each turn of a model says something else, and has its own."""
        key = self.order.key
        return f"{key}~{len(self.exchanges)}" if key is not None and self.exchanges else key

    def is_stuck(self, error: CallError) -> bool:
        """Whether nobody may go on with the call in another way: it is not known whether something was done.

        A model's turn changes nothing, so only a tool can leave that open.
        """
        return is_in_doubt(error, repeatable=self.repeatable) if self.talk is None else self.talk.is_in_doubt

    def is_doubtful(self, error: CallError) -> bool:
        """Whether the call, which ends with this error, may have changed something. What tools have written, is done,
        and doing it all again would do it twice.
        """
        if self.talk is None:
            return is_in_doubt(error, repeatable=self.repeatable)
        return self.talk.is_in_doubt or (bool(self.talk.written) and not self.repeatable)

    def made_before(self) -> tuple[int, float]:
        """Attempts of the candidate, and seconds under way, before the process ended (T12, R22). Two attempts beside
        each other are one."""
        earlier = self.resumed
        return (0, 0.0) if earlier is None else (earlier.attempts - earlier.beside, earlier.seconds)

    def resume_with(self, agent: str) -> None:
        """The candidate goes on that was asked when the process ended; those before it have failed. Who asked a person
        then is in the middle of that attempt."""
        if (earlier := self.resumed) is not None:
            own, seconds = earlier.own
            if earlier.asks is not None:
                own, seconds = sum(failed.agent == agent for failed in earlier.failed), earlier.asked
            self.resumed = replace(earlier, attempts=own, seconds=seconds)

    def ask_another(self) -> None:
        """Another candidate is asked, which has all policies anew (case F4)."""
        self.repair, self.why, self.resumed = None, "", None

    def fail(self, agent: str, error: CallError) -> None:
        """The attempt under way failed."""
        message = one_line(error.message, self.ports.secrets)
        seconds = round(self.ports.clock.monotonic() - self.begun, 6)
        self.pending = AttemptFailure(self.attempt, agent, error.error, message, seconds, error.status)
        if self.attempts is None:
            self.attempts = []
        self.attempts.append(self.pending)

    def go_on(self, delay: float | None, then: str | None = None) -> None:
        """Another attempt follows the one that failed: after a delay, or with another agent at once, which may follow
        as well when no attempt was made.

        Raises:
            CancelledError: the call was told to stop, and the agent made a failure of that (case X3); or it did not
                stop, and was left behind.
        """
        task = asyncio.current_task()
        if self.is_left or (task is not None and task.cancelling()):
            raise asyncio.CancelledError
        if self.pending is not None:
            self.order.post(AttemptFailed(self.order.path, self.pending, delay, then=then))
            self.pending = None
        elif then is not None and self.tried:
            self.order.post(CallPassedOn(self.order.path, *self.tried[-1], then))

    def handle(self, category: ErrorClass, does: Does, agent: str | None) -> None:
        """`@on_error` decided what follows a failure of that class."""
        self.order.post(ErrorHandled(self.order.path, category, does, agent))

    def remaining(self) -> float | None:
        """Seconds until the first deadline of the call or of what encloses it; None: no end."""
        ends = [end for end in (self.deadline, self.order.deadline) if end is not None]
        return min(ends) - self.ports.clock.monotonic() if ends else None

    def give_up_on(self, agent: str, error: CallError) -> None:
        """A candidate failed for good, and there are others."""
        if self.tried is None:
            self.tried = []
        self.tried.append((agent, Failure(error.error, error.category, self._said(error), self.order.path)))

    def failure(self, error: CallError, *, in_doubt: bool) -> Failure:
        """The record of an error that ends the call (cases R19, F2)."""
        message = self._said(error)
        causes: tuple[Failure, ...] = ()
        if self.tried is not None and len(self.tried) > 1:
            causes = tuple(cause for _, cause in self.tried)
            told = "; ".join(f"{agent}: {cause.message}" for agent, cause in self.tried)
            message = one_line(f"all {len(self.tried)} agents failed: {told}")
        if in_doubt:
            message = one_line(message + DOUBT)
        attempts = tuple(self.attempts or ())
        limit = error.limit if isinstance(error, BudgetExceeded) else self.limit
        return Failure(error.error, error.category, message, self.order.path, attempts, causes, in_doubt, limit)

    def leave(self, error: CallError) -> None:
        """An attempt does not stop when its time is over: the call ends without it (case T8)."""
        self.why = "it does not stop and is left behind"
        self.is_left = True
        if self.behind is not None:
            self.behind()
        self.order.give_up(self.order.path, self.failure(error, in_doubt=self.is_doubtful(error)))

    def _said(self, error: CallError) -> str:
        return one_line(f"{error.message}; {self.why}" if self.why else error.message, self.ports.secrets)


Ask: TypeAlias = Callable[[Course], Awaitable[Reply]]
"""A layer inside `validated`."""
Step: TypeAlias = Callable[[Course], Awaitable[Answer]]
"""`validated` and the layers around it."""


@record
class Candidate:
    """One agent that a node may ask: the one of the call, or a fallback."""

    name: str
    agent: Agent
    is_fallback: bool
    upstream: Upstream
    is_model: bool = False
    """Whether it is told what its attempts use."""
    rates: Rates | None = None
    """What its model charges; None: nobody knows."""


class Limit(Protocol):
    """How long an attempt may take."""

    def start(self, course: Course) -> Timer | None:
        """Begin to watch the attempt that begins now; None when nothing limits this one."""
        ...

    def expired(self, course: Course) -> CallError:
        """What it means that the time of this attempt is over."""
        ...


def attempting(candidate: Candidate, call: AgentCall, *, idle: timedelta | None, limit: Limit | None) -> Ask:
    """The call itself: one attempt, one request, counted, within its limit, and noted when it fails."""
    ask, name, is_fallback = candidate.agent.call, candidate.name, candidate.is_fallback

    async def attempt(course: Course) -> Reply:
        course.begin(name, is_fallback=is_fallback)
        order = course.order
        if (unkept := order.unkept(order.path)) is not None:
            await unkept
        meter = course.meter = _meter(candidate, order, course.attempt) if candidate.is_model else None
        voice = _voice(candidate, order, course.attempt, course.ports) if order.hear is not None else None
        request = Request(
            call.action, order.args, call.result, call.declared, order.run, order.path,
            course.attempt, course.key(), call.idempotent, idle, course.repair,
            untold if meter is None else meter.note, course.tools, course.exchanges, course.must_answer,
            None if voice is None else voice.say,
            call.role,
        )  # fmt: skip
        timer = None if limit is None else limit.start(course)
        problem: BaseException | None = None
        reply: Reply | None = None
        try:
            reply = await ask(request)
        except BaseException as raised:  # what is no failure of the call is raised again below
            problem = raised
        if meter is not None:
            meter.end(reply, problem)
        if limit is not None and timer is not None and timer.stop() and _is_ours(problem):
            error = limit.expired(course)
        elif reply is not None:
            if voice is not None:
                voice.end()
            return reply
        else:
            error = _error_of(problem, name, call)
        course.fail(name, error)
        raise error from (None if error is problem else problem)

    return attempt


def _meter(candidate: Candidate, order: CallOrder, attempt: int) -> Meter:
    return Meter(order.post, order.path, attempt, agent=candidate.name, rates=candidate.rates)


def _voice(candidate: Candidate, order: CallOrder, attempt: int, ports: Ports) -> Voice | None:
    """Of an attempt that somebody listens to; what asks no model has none."""
    if not candidate.is_model or order.hear is None:
        return None
    return Voice(order.hear, order.path, attempt, agent=candidate.name, secrets=ports.secrets)


def _error_of(problem: BaseException | None, name: str, call: AgentCall) -> CallError:
    """What an agent raised, as an error of the call; what is none is raised again."""
    if isinstance(problem, CallError):
        return problem
    if isinstance(problem, Exception):
        return FunctionFailed(f"{name}.{call.action}: {type(problem).__name__}: {problem}")
    raise problem or InternalError(f"{name}.{call.action} gave no reply")


def _is_ours(problem: BaseException | None) -> bool:
    """Whether the end of an attempt whose time is over is explained by that: not when the process ends."""
    return problem is None or isinstance(problem, Exception | asyncio.CancelledError)


def validated(inner: Ask, candidate: Candidate, call: AgentCall) -> Step:
    """The reply as a value of the declared type."""
    check, name = door(call.result), candidate.name
    fallback = name if candidate.is_fallback else None

    async def answer(course: Course) -> Answer:
        reply = await inner(course)
        if reply.asked is not None:
            return Answer(None, fallback, reply.usage, asked=reply.asked)
        value = check(reply.value)
        if isinstance(value, Mismatch):
            error = _misfit(value, name, call, course.ports.secrets)
            course.fail(name, error)
            raise error
        return Answer(value, fallback, reply.usage)

    return answer


def _misfit(value: Mismatch, name: str, call: AgentCall, secrets: tuple[str, ...]) -> AnswerInvalid:
    """An answer that is not of the declared type, as an error of the call."""
    return AnswerInvalid(f"the answer of {name}.{call.action} does not fit: {value.shown(secrets)}")


def plain_caller(candidate: Candidate, call: AgentCall, ports: Ports, watch: Watch) -> Caller:
    """A call without policies: `validated` around `attempting` in one, and a course only when it fails.

    Most calls of a large flow are such, and a course with two layers costs as much as the rest of their way.
    """
    ask, name, is_model = candidate.agent.call, candidate.name, candidate.is_model
    check, now = door(call.result), ports.clock.monotonic

    async def answer(order: CallOrder) -> Answer | Failure:
        begun, number = now(), 1
        if order.earlier is not None:
            number += order.earlier.attempts
            order.post(AttemptStarted(order.path, number, name))
            if (unkept := order.unkept(order.path)) is not None:
                await unkept
        meter = _meter(candidate, order, number) if is_model else None
        voice = _voice(candidate, order, number, ports) if order.hear is not None else None
        request = Request(
            call.action, order.args, call.result, call.declared, order.run, order.path,
            number, order.key, call.idempotent, None, None, untold if meter is None else meter.note,
            hear=None if voice is None else voice.say, role=call.role,
        )  # fmt: skip
        try:
            reply = await ask(request)
        except BaseException as problem:  # what is no failure of the call is raised again
            if meter is not None:
                meter.end(None, problem)
            error = _error_of(problem, name, call)
        else:
            if meter is not None:
                meter.end(reply, None)
            if voice is not None:
                voice.end()
            value = check(reply.value)
            if not isinstance(value, Mismatch):
                return Answer(value, None, reply.usage)
            error = _misfit(value, name, call, ports.secrets)
        course = Course(order, ports, watch, repeatable=call.idempotent or order.key is not None)
        course.attempt, course.begun = number, begun
        course.fail(name, error)
        return course.failure(error, in_doubt=course.is_doubtful(error))

    return answer
