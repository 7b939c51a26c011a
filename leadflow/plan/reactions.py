"""What `@on_error` says together with `@retry` and `@fallback`: who may be asked, how often, and what follows a class.

Arithmetic on policies only. The checker, the bounds and the policies all read it here, so that what a run does never
exceeds what was said of it.
"""

from collections.abc import Iterable
from dataclasses import replace

from leadflow.plan.policy import (
    ERROR_CLASSES,
    Applied,
    ErrorClass,
    Fallback,
    OnError,
    Reaction,
    Retry,
    policy_of,
)

REPAIRS = 2
"""How often an agent is told what was wrong with its answer, where nobody says how often (case R20)."""


def reaction_to(policy: OnError | None, category: ErrorClass) -> Reaction | None:
    """What follows a failure of that class; None: what `@retry` and `@fallback` say."""
    if policy is None:
        return None
    return next((reaction for name, reaction in policy.reactions if name == category), None)


def attempts_for(retry: Retry, reaction: Reaction | None) -> int:
    """How many attempts an agent gets in total when its failures are of a class with that reaction."""
    if reaction is None:
        return retry.attempts
    match reaction.does:
        case "retry":
            return reaction.attempts or 1
        case "reset":
            return max(2, retry.attempts)
        case _:
            return 1


def retry_in_force(applied: Iterable[Applied]) -> Retry | None:
    """`@retry` with as many attempts as it and `@on_error` allow one agent at most; None: one attempt."""
    found = list(applied)
    retry, on_error = policy_of(found, Retry), policy_of(found, OnError)
    if on_error is None:
        return retry
    base = retry or Retry(1)
    most = max(attempts_for(base, reaction_to(on_error, category)) for category in ERROR_CLASSES)
    return replace(base, attempts=most) if retry is not None or most > 1 else None


def stand_ins(applied: Iterable[Applied]) -> tuple[str, ...]:
    """The agents that may be asked when the one that is called has failed, each once: those of `@fallback` in order,
    then those of `@on_error`."""
    found = list(applied)
    fallback, on_error = policy_of(found, Fallback), policy_of(found, OnError)
    named = [*(fallback.agents if fallback is not None else ()), *(agents_named(on_error))]
    return tuple(dict.fromkeys(named))


def agents_named(policy: OnError | None) -> tuple[str, ...]:
    """The agents of `fallback(x)` and `escalate(x)`, in written order."""
    reactions = policy.reactions if policy is not None else ()
    return tuple(dict.fromkeys(reaction.agent for _, reaction in reactions if reaction.agent is not None))


def repeats(policy: OnError) -> bool:
    """Whether it ever asks for another attempt with the same agent."""
    return any(attempts_for(Retry(1), reaction) > 1 for _, reaction in policy.reactions)


def resets(applied: Iterable[Applied]) -> bool:
    """Whether an agent may have to be made anew."""
    on_error = policy_of(applied, OnError)
    return on_error is not None and any(reaction.does == "reset" for _, reaction in on_error.reactions)
