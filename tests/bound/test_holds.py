"""The law of bounds: no run takes more than its bound says, whatever its agents do."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.bound.report import bound_of
from leadflow.plan.plan import Plan
from tests.bound.spending import known, plain, spend, spending_plans
from tests.policies.playing import s


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


@settings(max_examples=100)
@given(spending_plans(calm=True), st.integers(0, 2**32), st.sampled_from([None, 1, 2, 5]))
def test_no_patient_run_exceeds_its_bound(plan: Plan, seed: int, calls: int | None) -> None:
    """Where every call takes nearly all of its time and none fails, the longest way and the queues still suffice."""
    bound = bound_of(plan, plan.main or "", known(calls), {})
    spent = spend(plan, seed=seed, greed=0.0, calls=calls, pace=s(199.9))
    assert spent.calls <= plain(bound.calls)
    assert spent.seconds <= plain(bound.time) / 10**6 + 1e-6
