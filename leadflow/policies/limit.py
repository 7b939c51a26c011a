"""`@limit` and `@concurrency` of an agent: an attempt begins when it has its turn, and tells what it took.

All calls of an upstream wait at one turnstile (`turnstile.py`), whose controller (`admission.py`) decides who is next.
Only attempts have a turn: who waits between two of them holds nothing.
"""

from leadflow.policies.admission import Ended
from leadflow.policies.call import Ask, Course
from leadflow.policies.estimate import Estimate, Estimator
from leadflow.policies.outcomes import Cost, Rate, outcome_of
from leadflow.policies.turnstile import Turnstile
from leadflow.run.errors import CallError
from leadflow.run.ports import Reply

_NOTHING = Estimate(0, 0)


def limited(inner: Ask, name: str, turnstile: Turnstile, estimator: Estimator | None) -> Ask:
    """An attempt that has its turn. Waiting counts for the total time and not for the attempt's (cases T1, T2).

    Args:
        name: the agent that is asked.
        estimator: what attempts take; None: no tokens are counted.
    """

    async def in_turn(course: Course) -> Reply:
        clock = course.ports.clock
        most = _NOTHING if estimator is None else estimator(course.order.args, course.repair is not None)
        tokens = most.input + course.further + (most.output or 0)
        ticket = await turnstile.enter(course.order, name, tokens=tokens, deadline=course.deadline, clock=clock)
        try:
            reply = await inner(course)
        except BaseException as problem:
            turnstile.leave(ticket, clock, _failed(problem))
            raise
        turnstile.leave(ticket, clock, Ended(_taken(reply, most), is_answered=True, quota=reply.quota))
        return reply

    return in_turn


def _failed(problem: BaseException) -> Ended:
    found = outcome_of(problem)
    asked = problem.retry_after if isinstance(problem, CallError) and found.rate is Rate.PAUSE else None
    tokens = 0 if found.cost is Cost.FREE else None
    return Ended(tokens, is_sent=found.rate is not Rate.RETURNED, pause=asked)


def _taken(reply: Reply, most: Estimate) -> int | None:
    """The tokens that an answer says that it took, estimated where it does not say it. None: it says nothing at all.

    A number that cannot be true adds no debt (case $10).
    """
    if reply.usage is None:
        return None
    read, written = reply.usage.input_tokens, reply.usage.output_tokens
    return max(0, most.input if read is None else read) + max(0, (most.output or 0) if written is None else written)
