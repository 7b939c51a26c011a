"""`@fallback`: other agents, asked in order with the same arguments when the one before failed (rule C6). `@on_error`
may name the next one, make a value or the end of the run of a failure, by its class.

Never after a cancel, after the end of what encloses the call, or when nobody knows whether the failed one acted
(cases F1, rule C3). Each candidate has all the policies inside anew (case F4).
"""

from collections.abc import Collection, Mapping
from datetime import timedelta

from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import Fallback, OnError
from leadflow.plan.reactions import reaction_to
from leadflow.policies.call import Candidate, Course, Step
from leadflow.policies.on_error import Chain
from leadflow.run.errors import BudgetExceeded, CallError, LoopStopped
from leadflow.run.ports import Answer


def falling_back(
    steps: Mapping[str, tuple[Candidate, Step]], call: AgentCall, fallback: Fallback | None, on_error: OnError | None
) -> Step:
    """The first candidate that answers, or what `on_error` makes of a failure.

    Args:
        steps: all agents that may be asked, by name.
    """
    others = fallback.agents if fallback is not None else ()

    async def first_answer(course: Course) -> Answer:
        first, before = _first(steps, call, course)
        chain = Chain(first, others, before)
        candidate, step = steps[first]
        while True:
            try:
                return await step(course)
            except (BudgetExceeded, LoopStopped):
                raise  # nothing inside a budget makes up for its end (case F1, rule C3)
            except CallError as error:
                reaction = reaction_to(on_error, error.category)
                does = None if reaction is None else reaction.does
                if does == "terminate":
                    course.limit = ""
                    course.handle(error.category, does, None)
                course.give_up_on(candidate.name, error)
                is_kept = course.is_doubtful(error) if does == "skip" else course.is_stuck(error)
                if does == "terminate" or is_kept or _is_over(course):
                    raise
                if does == "skip":
                    course.handle(error.category, does, None)
                    return Answer(None, absorbed=course.failure(error, in_doubt=False))
                following = chain.after(error.category, reaction)
                if following is None:
                    raise
            candidate, step = steps[following.agent]
            course.ask_another()
            course.go_on(None, following.agent)
            if following.does is not None:
                course.handle(following.category, following.does, following.agent)
            await course.ports.clock.sleep(timedelta(0))  # whoever asked to stop between two attempts is heard

    return first_answer


def _first(steps: Mapping[str, tuple[Candidate, Step]], call: AgentCall, course: Course) -> tuple[str, Collection[str]]:
    """Who is asked first, and who has been asked before the process ended: whoever stood in then goes on. What that one
    may have done it can do again under the same key; another one would do it beside it (cases D2, R3)."""
    earlier = course.order.earlier
    agent = None if earlier is None else earlier.asks or earlier.agent
    if earlier is None or agent is None or agent == call.agent or agent not in steps:
        return call.agent, ()
    course.resume_with(agent)
    return agent, {call.agent, *(failed.agent for failed in earlier.failed)}


def _is_over(course: Course) -> bool:
    """Whether what encloses the call has ended."""
    return course.order.deadline is not None and course.ports.clock.monotonic() >= course.order.deadline
