"""How long to wait before something is tried again: arithmetic only."""

import math

from leadflow.plan.policy import Retry


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
