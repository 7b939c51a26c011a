"""How long to wait before something is tried again."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.backoff import back_off, plain_delay
from leadflow.plan.policy import Jitter, Retry


@given(
    number=st.integers(1, 10**6),
    first=st.timedeltas(timedelta(milliseconds=1), timedelta(days=366)),
    longest=st.timedeltas(timedelta(milliseconds=1), timedelta(days=366)),
    base=st.floats(1, 100),
    jitter=st.sampled_from(["full", "equal", "decorrelated", "none"]),
)
def test_r7_a_delay_is_never_longer_than_max(
    number: int, first: timedelta, longest: timedelta, base: float, jitter: Jitter
) -> None:
    """R7: for any attempt up to the millionth, after jitter, without overflow and never negative."""
    policy = Retry(number, first, base, longest, jitter)
    delay = first.total_seconds()
    rng = Random(number)
    for _ in range(3):
        delay = back_off(policy, number, delay, rng.random())
        assert 0 <= delay <= longest.total_seconds()


def test_r7_the_longest_wait_a_policy_can_ask_for() -> None:
    """R7: the last of a million attempts waits for `max`, not for for ever."""
    assert 60.0 == plain_delay(Retry(1000, base=100.0), 10**6)
    assert 1.0 == plain_delay(Retry(1000, base=1.0), 10**6)


@pytest.mark.parametrize(("jitter", "low", "high"), [("full", 0, 8), ("equal", 4, 8), ("none", 8, 8)])
def test_jitter_keeps_to_its_range(jitter: Jitter, low: float, high: float) -> None:
    """The fourth delay of 1 s doubled is 8 s: `full` draws from all of it, `equal` from its upper half."""
    rng = Random(3)
    drawn = [back_off(Retry(9, jitter=jitter), 4, 0.0, rng.random()) for _ in range(500)]
    assert low <= min(drawn) <= low + 0.1
    assert high - 0.1 <= max(drawn) <= high


def test_decorrelated_jitter_grows_from_the_last_delay() -> None:
    """Each delay lies between the first one and three times the one before."""
    first, longest = timedelta(seconds=2), timedelta(seconds=20)
    policy, rng = Retry(9, first, max=longest, jitter="decorrelated"), Random(3)
    assert 4.0 == back_off(policy, 1, 2.0, 0.5)
    before = 2.0
    for number in range(1, 200):
        delay = back_off(policy, number, before, rng.random())
        assert 2.0 <= delay <= min(20.0, 3 * before)
        before = delay
