"""Our delays and attempts against those of a well-known library, where both mean the same: without jitter."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import Failure
from leadflow.plan.backoff import plain_delay
from leadflow.plan.policy import Retry
from leadflow.run.errors import ConnectionLost
from tests.policies.playing import Player, Scene

tenacity = pytest.importorskip("tenacity", reason="the oracle is a development dependency")

TIMES = st.timedeltas(timedelta(milliseconds=1), timedelta(days=366))


@given(TIMES, TIMES, st.floats(1, 100), st.integers(1, 10**6))
def test_delays_are_those_of_the_oracle(first: timedelta, longest: timedelta, base: float, number: int) -> None:
    """The delay after any failed attempt, up to the millionth."""
    oracle = tenacity.wait_exponential(multiplier=first.total_seconds(), exp_base=base, max=longest.total_seconds())
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.attempt_number = number
    assert oracle(state) == pytest.approx(plain_delay(Retry(9, first, base, longest, "none"), number))


@given(st.integers(0, 9), st.integers(1, 8), TIMES)
def test_attempts_are_those_of_the_oracle(fails: int, attempts: int, first: timedelta) -> None:
    """As many attempts, the same waits between them, the same end."""
    slept: list[float] = []
    left = iter([True] * fails)

    def work() -> None:
        if next(left, False):
            raise ConnectionLost("x")

    oracle = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        wait=tenacity.wait_exponential(multiplier=first.total_seconds(), max=timedelta(days=9).total_seconds()),
        retry=tenacity.retry_if_exception_type(ConnectionLost),
        sleep=slept.append,
        reraise=True,
    )
    try:
        oracle(work)
        failed = False
    except ConnectionLost:
        failed = True
    player = Player(*[ConnectionLost("x")] * fails, "done")
    played = Scene({"main": player}, (Retry(attempts, first, 2.0, timedelta(days=9), "none"),)).run()
    assert failed == isinstance(played.outcome, Failure)
    assert oracle.statistics["attempt_number"] == len(player.requests)
    assert slept == pytest.approx([delay for delay in played.delays if delay is not None])
