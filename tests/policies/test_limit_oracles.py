"""Our grants against two well-known libraries: what we let begin, each of them would have let begin at that time."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.plan.policy import Limit, PerTime
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, Scene, after

pyrate_limiter = pytest.importorskip("pyrate_limiter", reason="the oracle is a development dependency")
throttled = pytest.importorskip("throttled", reason="the oracle is a development dependency")

ARRIVALS = st.lists(st.floats(0, 30), min_size=1, max_size=30)
BEGIN = 1000.0
"""The oracles' time at the beginning."""


def granted(limit: Limit, arrivals: Sequence[float], takes: float) -> list[float]:
    """When attempts began, whose calls came at these times."""
    player = Player(after(takes))
    scene = Scene({"main": player}, limits={"main": limit})

    async def one(at: float) -> None:
        await CLOCK.sleep(timedelta(seconds=at))
        await scene.play()

    async def everyone() -> None:
        async with asyncio.TaskGroup() as group:
            for at in arrivals:
                group.create_task(one(at))

    run_virtual(everyone())
    assert len(arrivals) == len(player.at)
    return player.at


@settings(deadline=None)
@given(ARRIVALS, st.integers(1, 5), st.integers(1, 10), st.integers(6, 20), st.integers(2, 6), st.floats(0, 3))
def test_a_sliding_log_would_have_let_all_of_them_begin(
    arrivals: list[float], few: int, short: int, more: int, longer: int, takes: float
) -> None:
    """Two rates at once: `pyrate-limiter` refuses none of our starts, at the times at which they began."""
    long = short * longer
    rates = (PerTime(few, timedelta(seconds=short)), PerTime(min(more, few * longer), timedelta(seconds=long)))
    bucket = pyrate_limiter.InMemoryBucket(
        [pyrate_limiter.Rate(rate.amount, int(rate.period.total_seconds() * 1000)) for rate in rates]
    )
    for at in granted(Limit(rates), arrivals, takes):
        assert bucket.put(pyrate_limiter.RateItem("call", int((BEGIN + at) * 1000)))


@settings(deadline=None)
@given(ARRIVALS, st.integers(1, 20), st.integers(1, 20), st.integers(1, 6), st.floats(0, 3))
def test_a_leaky_bucket_would_have_let_all_of_them_begin(
    arrivals: list[float], amount: int, period: int, burst: int, takes: float
) -> None:
    """Behind a burst: `throttled-py` (GCRA) refuses none of our starts, at the times at which they began."""
    duration = timedelta(seconds=period)
    starts = granted(Limit((PerTime(amount, duration),), burst=burst), arrivals, takes)
    quota = throttled.rate_limiter.per_duration(duration, limit=amount, burst=burst)
    oracle = throttled.Throttled(using="gcra", quota=quota, store=throttled.MemoryStore())
    with pytest.MonkeyPatch.context() as patch:
        for number, start in enumerate(starts):
            at = BEGIN + start + number * 1e-6  # its floats refuse what comes in the very same instant
            patch.setattr(throttled.utils, "now_mono_f", lambda at=at: at)
            assert not oracle.limit("key").limited


def test_the_oracles_refuse_what_is_too_much() -> None:
    """Neither of them is a rubber stamp."""
    bucket = pyrate_limiter.InMemoryBucket([pyrate_limiter.Rate(1, 1000)])
    assert [True, False, True] == [bool(bucket.put(pyrate_limiter.RateItem("call", at))) for at in (0, 999, 1001)]
    quota = throttled.rate_limiter.per_duration(timedelta(seconds=9), limit=1, burst=2)
    oracle = throttled.Throttled(using="gcra", quota=quota, store=throttled.MemoryStore())
    assert [False, False, True] == [oracle.limit("key").limited for _ in range(3)]
