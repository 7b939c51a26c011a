"""`@cache`: equal calls are answered from memory, and of equal calls at the same time one is made (cases C1 to C7).

A call is looked up by everything that its answer depends on: the agent with its settings, whose credentials it uses,
the action, the arguments (or what `key:` says instead), and the type that is asked for (case C2). Each candidate
has a key of its own, so what a fallback answers is never taken for the agent's own answer (case F3).

             nothing kept, nobody asks            it fits                    ttl is over
    (none) ------------------------> under way ------------------> kept ------------------> (none)
                                      |  ^   |  it failed                    negative_ttl is over
      cancelled, out of time: the     |  |   +------------> kept, if negative_ttl ----------> (none)
      next one that waits takes over  +--+

Who waits does so in its own total time (case T2), and is told how the call ended. A failure is one for those too whose
policies are the same; who would have tried longer, or elsewhere, tries. What says nothing of the upstream (a budget, an
open breaker, a time that was over) is nobody else's failure.
"""

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import TypeAlias

from leadflow.events.model import CacheUsed, CallAdmitted, CallWaits, Usage
from leadflow.plan.forms import canonical, from_kept, kept
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.policy import Cache, Policy
from leadflow.plan.shapes import writer
from leadflow.plan.types import Type
from leadflow.policies.call import Candidate, Course, Step
from leadflow.policies.memory import Kept
from leadflow.policies.outcomes import Sees, outcome
from leadflow.policies.watch import Timer
from leadflow.record import record
from leadflow.run.errors import CallError, TotalTimeout
from leadflow.run.ports import Answer, CallOrder

Tell: TypeAlias = Callable[[CallOrder], bytes]
"""The key of a call."""


Land: TypeAlias = Callable[[Kept], None]
"""Tells those that wait for a call how it ended."""


@record
class Landed:
    """How a call ended that others waited for."""

    kept: Kept
    policies: tuple[Policy, ...]


Turn: TypeAlias = asyncio.Future[Landed | None]
"""Of one that waits: how the call ended; None: it makes the call itself now."""


def telling(spec: AgentSpec, scope: str, call: AgentCall) -> Tell:
    """What tells the calls of a node from each other, and from those of all other nodes that mean something else.

    Args:
        scope: whose answers the agent gives: credentials, and whatever else its settings do not say.
    """
    fixed = blake2b(digest_size=32)
    said = (writer(AgentSpec, full=False)(spec), scope, call.action, writer(Type, full=True)(call.result))
    for text in (*said, str(call.declared), call.role or ""):
        data = text.encode("utf-8", "surrogatepass")
        fixed.update(b"%d:%b" % (len(data), data))

    def tell(order: CallOrder) -> bytes:
        digest = fixed.copy()
        if order.cache_key is None:
            digest.update(b"args:" + canonical(order.args))
        else:
            digest.update(b"key:" + order.cache_key.encode("utf-8", "surrogatepass"))
        return digest.digest()

    return tell


def remembering(inner: Step, policy: Cache, candidate: Candidate, *, tell: Tell, policies: tuple[Policy, ...]) -> Step:
    """A call that is made when no equal one was made of late and none is under way.

    Args:
        policies: those in force on the node; a failure is shared by calls that have the same.
    """
    layer = _Layer(inner, policy, candidate, policies)

    async def remembered(course: Course) -> Answer:
        key = tell(course.order)
        while True:
            found = course.ports.shared.memory.find(key, course.ports.clock.monotonic())
            if found is not None:
                return layer.give(course, found, is_shared=False)
            answer = await layer.join(course, key)
            if answer is not None:
                return answer

    return remembered


class _Layer:
    """What the calls of one node have in common."""

    def __init__(self, inner: Step, policy: Cache, candidate: Candidate, policies: tuple[Policy, ...]) -> None:
        self._inner = inner
        self._policy = policy
        self._name = candidate.name
        self._fallback = candidate.name if candidate.is_fallback else None
        self._policies = policies

    def give(self, course: Course, found: Kept, *, is_shared: bool) -> Answer:
        """The answer, which is this call's own and cost it nothing (cases C5, $6); a failure is raised."""
        course.order.post(CacheUsed(course.order.path, self._name, is_shared))
        if found.error is not None:
            course.why = "an equal call failed so at the same time" if is_shared else "an equal call failed so just now"
            raise _bare(found.error)
        return Answer(from_kept(found.answer), self._fallback, Usage(0, 0) if found.has_usage else None)

    async def join(self, course: Course, key: bytes) -> Answer | None:
        """Make the call, or wait for the equal one. None: that one failed, which says nothing of this one."""
        loop = asyncio.get_running_loop()
        flights, group = course.ports.shared.flights, (loop, key)  # who waits is woken in its own loop
        turn: Turn = loop.create_future()

        def leave() -> None:
            _wake(flights.leave(group, turn), None)

        def land(ended: Kept) -> None:
            for other in flights.land(group, turn):
                _wake(other, Landed(ended, self._policies))

        try:
            landed = None if flights.join(group, turn) else await self._wait(course, turn)
            if landed is None:
                course.behind = leave
                course.order.when_left(course.order.path, leave)
                return await self._lead(course, key, land)
        finally:
            course.behind = None
            course.order.when_left(course.order.path, None)
            leave()
        if landed.kept.error is not None and landed.policies != self._policies:
            return None
        return self.give(course, landed.kept, is_shared=True)

    async def _lead(self, course: Course, key: bytes, land: Land) -> Answer:
        """Make the call, and keep how it ends."""
        memory, clock = course.ports.shared.memory, course.ports.clock
        try:
            answer = await self._inner(course)
        except CallError as error:
            if outcome(error).sees is not Sees.UNSEEN:  # else it says nothing of the upstream
                ended = Kept(b"", error=_bare(error))
                if self._policy.negative_ttl is not None:
                    seconds = self._policy.negative_ttl.total_seconds()
                    memory.keep(key, ended, seconds=seconds, now=clock.monotonic())
                land(ended)
            raise
        ended = Kept(kept(answer.value), answer.usage is not None)
        memory.keep(key, ended, seconds=self._policy.ttl.total_seconds(), now=clock.monotonic())
        land(ended)
        return answer

    async def _wait(self, course: Course, turn: Turn) -> Landed | None:
        """Wait for the equal call, in the own total time (case T2)."""
        order, clock = course.order, course.ports.clock
        begun = clock.monotonic()
        order.post(CallWaits(order.path, self._name, "an equal call that is under way", None))
        if course.deadline is None:
            landed = await turn
        else:
            timer = Timer(course.deadline, course.watch, lambda: course.leave(self._late()))
            try:
                landed = await turn
            except BaseException as problem:
                if not timer.stop() or not isinstance(problem, asyncio.CancelledError):
                    raise
                raise self._late() from None
            if timer.stop():
                raise self._late()
        if landed is None:
            order.post(CallAdmitted(order.path, self._name, round(clock.monotonic() - begun, 6)))
        return landed

    def _late(self) -> TotalTimeout:
        return TotalTimeout(f"an equal call of {self._name} gave no answer within the total time", sent=False)


def _wake(turn: Turn | None, landed: Landed | None) -> None:
    """Tell one that waits; one that is being cancelled passes it on by itself."""
    if turn is not None and not turn.done():
        turn.set_result(landed)


def _bare(error: CallError) -> CallError:
    """The same error without where it was raised, which would hold what was asked."""
    bare = type(error).__new__(type(error), *error.args)
    bare.__dict__.update(error.__dict__)
    return bare
