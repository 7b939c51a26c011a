"""Whether a block, a called flow or the run's flow is tried again as a whole, and when (rules C4, C10).

Calls of agents are retried by their policies. The kernel has no chance of its own: the jitter of a wait follows from
the run's seed, the path and the attempt, so that a log taken up again waits as long as it said (case R8).
"""

from datetime import timedelta
from hashlib import blake2b

from leadflow.events.model import AttemptFailed, AttemptFailure, Failure
from leadflow.plan.backoff import back_off
from leadflow.plan.policy import Retry
from leadflow.run.errors import CallError, Transient
from leadflow.run.kernel_state import Block, State, TryAgain


def _transient(base: type[CallError]) -> frozenset[str]:
    found = {base.error} if base.transient else set()
    return frozenset(found.union(*(_transient(kind) for kind in base.__subclasses__())))


TRANSIENT = _transient(Transient)
"""Names of failures that may pass."""


def try_again(state: State, path: str, policy: Retry | None, failure: Failure, attempt: int) -> bool:
    """Order a further attempt after a failed one, when there is to be one; its events and commands are given out."""
    if policy is None or attempt >= policy.attempts or not _may_pass(failure, policy):
        return False
    delay = _delay(state, path, policy, attempt)
    record = AttemptFailure(attempt, "", failure.error, failure.message, 0.0)
    state.events.append(AttemptFailed(path, record, delay))
    state.commands.append(TryAgain(path, attempt + 1, timedelta(seconds=delay)))
    return True


def forget(block: Block) -> None:
    """A block that waited for its next attempt begins it with nothing of the last one."""
    block.begun, block.failure, block.blocked, block.items = 0, None, None, ()
    block.results, block.failures, block.is_degraded = [], [], False


def _may_pass(failure: Failure, policy: Retry) -> bool:
    """Whether trying again may help; of several causes all have to pass, of rivals one is enough."""
    if failure.in_doubt or failure.limit is not None:
        return False
    if policy.on is not None:
        return failure.category in policy.on
    if not failure.causes:
        return failure.error in TRANSIENT
    each = [_may_pass(cause, policy) for cause in failure.causes]
    return all(each) if failure.error == "flow.members" else any(each)


def _delay(state: State, path: str, policy: Retry, attempt: int) -> float:
    """Seconds until the next attempt. `decorrelated` is walked again from the first wait."""
    wait = policy.backoff.total_seconds()
    for number in range(1, attempt + 1):
        wait = back_off(policy, number, wait, _chance(f"{state.started.seed}/{path}/{number}"))
    return wait


def _chance(name: str) -> float:
    """A number in [0, 1) that belongs to a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest()) / (1 << 48)
