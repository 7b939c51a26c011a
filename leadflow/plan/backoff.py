"""How long to wait before something is tried again: arithmetic only."""

import math
from collections.abc import Callable

from leadflow.plan.policy import Retry

UPWARD, MOST_UPWARD = 0.1, 5.0
"""What is added to a server's wait at most, as a share of it and in seconds: not everybody comes back at once."""


def back_off(policy: Retry, number: int, before: float, chance: float) -> float:
    """Seconds to wait after failed attempt `number`, jitter included; never more than `max` (case R7).

    Args:
        before: the wait before this one, for `decorrelated`; the first back-off at first.
        chance: drawn evenly from [0, 1).
    """
    match policy.jitter:
        case "none":
            return plain_delay(policy, number)
        case "full":
            return chance * plain_delay(policy, number)
        case "equal":
            return (1 + chance) / 2 * plain_delay(policy, number)
        case "decorrelated":
            longest = policy.max.total_seconds()
            first = min(longest, policy.backoff.total_seconds())
            return min(longest, first + chance * max(0.0, 3 * before - first))


def plain_delay(policy: Retry, number: int) -> float:
    """Seconds to wait after failed attempt `number` before jitter; numbers of any size are safe (case R7)."""
    first, longest = policy.backoff.total_seconds(), policy.max.total_seconds()
    if first >= longest or (number - 1) * math.log(policy.base) >= math.log(longest / first):
        return longest
    return min(longest, first * policy.base ** (number - 1))


def added_wait(policy: Retry, asked: float, chance: Callable[[], float]) -> float:
    """Seconds that are added to those that a server asks for."""
    return 0.0 if policy.jitter == "none" else chance() * min(MOST_UPWARD, UPWARD * asked)


def longest_pause(policy: Retry, number: int) -> float:
    """The most seconds between failed attempt `number` and the next, when no server asks for more."""
    return policy.max.total_seconds() if policy.jitter == "decorrelated" else plain_delay(policy, number)


def longest_asked(policy: Retry) -> float | None:
    """The most seconds that a pause takes because a server asks for it; None when nothing bounds that."""
    if policy.max_retry_after is None:
        return None
    asked = policy.max_retry_after.total_seconds()
    return asked + added_wait(policy, asked, lambda: 1.0)
