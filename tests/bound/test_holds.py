"""The law of bounds: no run takes more than its bound says, whatever its agents do."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.bound.report import bound_of
from leadflow.plan.plan import Plan
from tests.bound.spending import known, plain, spend, spending_plans


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that do not stop are part of the game."""
    caplog.set_level(logging.CRITICAL, "leadflow")


@settings(max_examples=100)
@given(
    spending_plans(),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    st.sampled_from([None, 1, 2, 5, 500]),
)
def test_no_run_exceeds_its_bound(plan: Plan, seed: int, greed: float, calls: int | None) -> None:
    """Calls, tokens, money and (virtual) time of a run are at most what its plan says before."""
    bound = bound_of(plan, plan.main or "", known(calls), {})
    spent = spend(plan, seed=seed, greed=greed, calls=calls)
    assert spent.calls <= plain(bound.calls)
    assert spent.tokens <= plain(bound.tokens)
    assert spent.trillionths <= plain(bound.money) * 10**6
    assert spent.seconds <= plain(bound.time) / 10**6 + 1e-6
