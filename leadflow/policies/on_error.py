"""`@on_error`: what follows a failed attempt, by the class of its failure (rule C5).

No layer of its own: `retrying` asks it whether the same agent is asked again, and `falling_back` asks it who comes
next once an agent has failed for good. Both questions have one answer, which depends on nothing but the policies and
the failure, so that the two never disagree.

    retry(n)      further attempts with the same agent, n in total
    reset         the agent is made anew, then a further attempt; one in all, or as many as `@retry` allows
    fallback(x)   x is asked next, then the rest of `@fallback`
    escalate(x)   the rest of `@fallback`, then x as the last resort
    skip          the value none: nobody else is asked
    terminate     the whole run fails

Pure: knows no clock and no agents.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leadflow.plan.policy import Does, ErrorClass, OnError, Reaction, Retry
from leadflow.plan.reactions import REPAIRS, attempts_for, reaction_to
from leadflow.record import record


@record
class Allowed:
    """What may follow a failed attempt with the same agent."""

    attempts: int
    """In total, the first included."""
    on: tuple[ErrorClass, ...] | None
    """The classes that the author names; None: whatever the failure itself calls transient."""
    repairs: int
    """How many answers may be of the wrong type before the agent is given up."""
    does: Does | None
    """The reaction that allows it; None: `@retry`."""


def allowed(retry: Retry, policy: OnError | None, category: ErrorClass) -> Allowed:
    """What `@retry` and `@on_error` allow after a failure of that class."""
    reaction = reaction_to(policy, category)
    if reaction is None:
        return Allowed(retry.attempts, retry.on, REPAIRS, None)
    most = attempts_for(retry, reaction)
    repairs = most if reaction.does == "retry" else REPAIRS
    return Allowed(most, (category,), repairs, reaction.does)


class Next(NamedTuple):
    """Who is asked when an agent has failed for good."""

    agent: str
    does: Does | None
    """The reaction that chose it; None: its turn in `@fallback`."""
    category: ErrorClass
    """The class of the failure that it follows, or, of a last resort, of the one that named it."""


class Chain:
    """The agents that a call may still ask. Each is asked at most once."""

    __slots__ = ("_asked", "_last", "_left")

    def __init__(self, first: str, fallbacks: Sequence[str], before: Iterable[str] = ()) -> None:
        """Begin with the first agent; `before` were asked by an earlier process."""
        self._asked = {first, *before}
        self._left = [name for name in dict.fromkeys(fallbacks) if name not in self._asked]
        self._last: dict[str, ErrorClass] = {}
        """Last resorts, with the class that named them."""

    def after(self, category: ErrorClass, reaction: Reaction | None) -> Next | None:
        """Who is asked after a failure of that class; None: nobody is left."""
        named = reaction.agent if reaction is not None and reaction.agent not in self._asked else None
        if named is not None and named in self._left:
            self._left.remove(named)
        if reaction is not None and named is not None and reaction.does == "escalate":
            self._last.setdefault(named, category)
        elif named is not None:
            self._last.pop(named, None)
            return self._ask(named, "fallback", category)
        if self._left:
            return self._ask(self._left.pop(0), None, category)
        for name in self._last:
            return self._ask(name, "escalate", self._last.pop(name))
        return None

    def _ask(self, name: str, does: Does | None, category: ErrorClass) -> Next:
        self._asked.add(name)
        return Next(name, does, category)
