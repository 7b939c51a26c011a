"""A small cut of the storm of 429s, for every run of the tests; and that it would find what it looks for."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import nullcontext as nothing
from datetime import timedelta

import pytest

from leadflow.plan.types import JSON
from leadflow.run.errors import RateLimited
from leadflow.run.ports import Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.soak.storm import POLICIES, STORMS, Storm, Upstream, blow, is_bad, main

WHAT = [
    (what, name)
    for what, policies in POLICIES.items()
    for name, storm in STORMS.items()
    if "@limit" in policies or not storm.is_short
]


@pytest.mark.parametrize(("what", "name"), WHAT)
def test_r10_r14_in_a_storm_sends_stay_near_the_calls(what: str, name: str) -> None:
    """R10, R14: sends <= 1.1 x calls + 50 for each time that it gets bad, and nobody comes back too early."""
    told = blow(STORMS[name], POLICIES[what], 1_000, 1)
    assert not is_bad(told), told
    assert int(str(told["sends"])) > 0


def test_in_fair_weather_each_call_is_sent_once() -> None:
    """Where nobody is turned away there is nothing to repeat."""
    told = blow(STORMS["fair"], POLICIES["retry"], 500, 1)
    assert (500, 500, 0, {"done": 500}) == tuple(told[key] for key in ("calls", "sends", "turned_away", "outcomes"))


def test_storms_turn_calls_away() -> None:
    """The storms are storms: without retry calls are lost in each of them."""
    for name, storm in STORMS.items():
        outcomes = blow(storm, "@retry(1)", 1_000, 1)["outcomes"]
        assert (name == "fair") == (outcomes == {"done": 1_000})


def sent(*moments: tuple[str, float]) -> Upstream:
    """An upstream that is over its limit for ten seconds, and to which requests of calls come at these moments."""
    upstream = Upstream(Storm(bad=((0.0, 10.0, "rate"),)), 10)

    async def one(path: str, at: float) -> None:
        await CLOCK.sleep(timedelta(seconds=at))
        request = Request("look", {}, JSON, True, "run-1", path, 1, None, True, None)
        with pytest.raises(RateLimited) if at < 10 else nothing():
            await upstream.call(request)

    async def all_of(moments: Sequence[tuple[str, float]]) -> None:
        async with asyncio.TaskGroup() as group:
            for path, at in moments:
                group.create_task(one(path, at))

    run_virtual(all_of(moments))
    return upstream


def test_who_comes_back_early_is_found() -> None:
    """A call that comes again after one second instead of ten is early; another call is so only where waits are
    shared, and not when it was sent before anybody was told."""
    assert (1, 1) == counts(sent(("a", 0.0), ("a", 1.0), ("a", 10.0)))
    assert (0, 1) == counts(sent(("a", 0.0), ("b", 1.0)))
    assert (0, 0) == counts(sent(("a", 0.0), ("b", 0.01), ("a", 10.0), ("b", 12.0)))


def counts(upstream: Upstream) -> tuple[int, int]:
    """Early ones by call, and among all calls."""
    return upstream.early(shared=False), upstream.early(shared=True)


@pytest.mark.parametrize(("sends", "early", "bad"), [(1150, 0, False), (1151, 0, True), (1000, 1, True)])
def test_what_is_too_much(sends: int, early: int, bad: bool) -> None:
    """One send more than allowed, and one early one, are bad."""
    assert bad == is_bad({"most": 1150, "sends": sends, "early": early})


def test_what_is_allowed() -> None:
    """A tenth more than there are calls, and fifty for each time that it gets bad."""
    assert [1150, 1600, 1950] == [
        blow(STORMS[name], POLICIES["retry"], 1_000, 1)["most"]
        for name in ("down", "over it again and again", "too many")
    ]


def test_the_script_tells_each_storm(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each storm and set of policies, and 0 when none was bad."""
    assert 0 == main(["--calls", "100"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(WHAT) + 1 == len(lines)
    assert ("all", 0) == (lines[-1]["storm"], lines[-1]["bad"])
