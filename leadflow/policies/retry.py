"""`@retry`: another attempt after a failure that may pass. How long to wait is arithmetic (`plan/backoff.py`); how
often, and whether the agent is made anew before, `@on_error` may say by the class of the failure.
"""

from datetime import timedelta

from leadflow.plan.backoff import added_wait, back_off
from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import OnError, Retry
from leadflow.policies.call import Course, Step
from leadflow.policies.on_error import allowed
from leadflow.policies.outcomes import may_repeat
from leadflow.policies.renewal import Renewable, made_anew
from leadflow.policies.shared import RetryBudget
from leadflow.run.errors import AnswerInvalid, CallError
from leadflow.run.ports import Answer


def retrying(
    inner: Step,
    policy: Retry,
    call: AgentCall,
    *,
    budget: RetryBudget,
    on_error: OnError | None = None,
    anew: Renewable | None = None,
) -> Step:
    """Up to so many attempts. Between two of them nothing is held: no slot, no connection.

    Args:
        budget: the further attempts that all calls of the upstream share.
        on_error: says more of some classes of failures.
        anew: the agent, where `on_error` may ask to make it anew.
    """

    async def tries(course: Course) -> Answer:
        wait = policy.backoff.total_seconds()
        before, _ = course.made_before()
        repairs, number = 0, 1 + before
        repeatable = call.idempotent or course.order.key is not None
        if course.resumed is not None and course.resumed.pause:  # the process ended between two attempts
            await course.ports.clock.sleep(timedelta(seconds=course.resumed.pause))
        while True:
            try:
                answer = await inner(course)
            except CallError as error:
                invalid = isinstance(error, AnswerInvalid)
                repairs += invalid
                further = allowed(policy, on_error, error.category)
                if number >= further.attempts or repairs > further.repairs:
                    raise
                if not may_repeat(error, repeatable=repeatable, on=further.on):
                    raise
                wait = back_off(policy, number, wait, course.ports.rng.random())
                delay = _allowed(policy, wait, error, course)
                if delay is None:
                    raise
                if not budget.take():
                    course.why = "too many attempts have failed: no further one until calls succeed again"
                    raise
                if anew is not None and further.does == "reset" and not made_anew(anew, course):
                    raise
                course.repair = error.message if invalid else None
                course.go_on(delay)
                if further.does is not None:
                    course.handle(error.category, further.does, None)
            else:
                budget.earn(number - 1 - before)
                return answer
            number += 1
            await course.ports.clock.sleep(timedelta(seconds=delay))

    return tries


def _allowed(policy: Retry, wait: float, error: CallError, course: Course) -> float | None:
    """The delay before the next attempt: as long as was asked for, and within the time that is left.

    None when there is no time for another attempt; `course.why` then says so (cases R9, R11).
    """
    remaining = course.remaining()
    if error.retry_after is None:
        if remaining is not None and wait >= remaining:
            course.why = f"no time is left for another attempt: {max(0.0, remaining):.3g} s"
            return None
        return wait
    asked = error.retry_after.total_seconds()
    asks = f"it asks to wait {asked:g} s"
    told = "" if asks in error.message else f"{asks}, and "
    if policy.max_retry_after is not None and error.retry_after > policy.max_retry_after:
        most = policy.max_retry_after.total_seconds()
        course.why = f"{told}max_retry_after allows {most:g} s"
        return None
    if remaining is not None and asked >= remaining:
        course.why = f"{told}{max(0.0, remaining):.3g} s are left"
        return None
    longer = max(wait, asked + added_wait(policy, asked, course.ports.rng.random))
    return longer if remaining is None or longer < remaining else asked
