"""`@fallback`: other agents, asked in order with the same arguments when the one before failed (rule C6).

Never after a cancel, after the end of what encloses the call, or when nobody knows whether the failed one acted
(cases F1, rule C3). Each candidate has all the policies inside anew (case F4).
"""

from collections.abc import Sequence
from datetime import timedelta

from leadflow.plan.plan import AgentCall
from leadflow.policies.call import Candidate, Course, Step
from leadflow.policies.outcomes import is_in_doubt
from leadflow.run.errors import CallError
from leadflow.run.ports import Answer


def falling_back(steps: Sequence[tuple[Candidate, Step]], call: AgentCall) -> Step:
    """The first candidate that answers."""
    last = len(steps) - 1

    async def first_answer(course: Course) -> Answer:
        number = 0
        while True:
            candidate, step = steps[number]
            try:
                return await step(course)
            except CallError as error:
                course.give_up_on(candidate.name, error)
                repeatable = call.idempotent or course.order.key is not None
                if number == last or is_in_doubt(error, repeatable=repeatable) or _is_over(course):
                    raise
            number += 1
            course.repair, course.why = None, ""
            course.go_on(None)
            await course.ports.clock.sleep(timedelta(0))  # whoever asked to stop between two attempts is heard

    return first_answer


def _is_over(course: Course) -> bool:
    """Whether what encloses the call has ended."""
    return course.order.deadline is not None and course.ports.clock.monotonic() >= course.order.deadline
