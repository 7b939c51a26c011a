"""A small cut of the cancels at each await, for every run of the tests; and that they would find what they look for."""

import asyncio
import json
from datetime import timedelta

import pytest

from leadflow.run.ports import Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, forever
from tests.soak.cancels import (
    ON_AGENT,
    ON_STEP,
    POLICIES,
    SCRIPTS,
    Trial,
    cancelled_runs,
    groups,
    interrupted_runs,
    main,
    plan_with,
    trials,
)


@pytest.mark.parametrize("policies", groups(pairs=False), ids="+".join)
def test_x2_x3_a_cancel_at_each_await_of_a_call_leaves_nothing(policies: tuple[str, ...]) -> None:
    """X2, X3, L3, B5: cancelled while it waits, or in the turn in which its wait is over, a call ends at once and
    leaves no task, permit, slot, waiter or timer; the others are answered as ever."""
    found = list(trials(policies, list(SCRIPTS)))
    assert [] == [f"{name}: {text}" for name, trial in found for text in trial.violations]
    assert len([trial for _, trial in found if trial.real is not None]) >= 10


def test_x2_a_cancel_at_each_commit_of_a_run_leaves_nothing() -> None:
    """X2: wherever a run is cancelled, nothing of it goes on behind its end."""
    found = list(cancelled_runs(2, 3))
    assert [] == [f"{name}: {text}" for name, wrong in found for text in wrong]
    assert len(found) > 10


def test_every_policy_of_a_call_is_tried() -> None:
    """Each that runs is somewhere among the groups, alone and with all others."""
    assert set(POLICIES) <= {*ON_AGENT, *ON_STEP}
    found = groups(pairs=True)
    assert all((name,) in found for name in POLICIES)
    assert tuple(POLICIES) in found


def test_each_suspension_is_found() -> None:
    """A call is cancelled at its one wait in both ways; one that is tried three times at all of its four."""
    found = [trial for name, trial in trials((), ["answers"]) if trial.real is not None]
    assert {1} == {trial.suspensions for trial in found}
    assert 2 == len(found)
    names = [name for name, trial in trials(("retry",), ["breaks"]) if trial.real is not None]
    assert [f"retry, breaks, {when} {at}" for when in ("waiting", "woken") for at in (1, 2, 3, 4)] == names


def test_a_kept_run_is_cancelled_at_each_commit() -> None:
    """Case X3: a run that is cancelled while a commit to the disk is under way ends in its journal, and is let go."""
    assert [] == [text for _, found in cancelled_runs(1, 2, kept=True) for text in found]


def test_x2_the_task_of_a_kept_run_is_cancelled_at_each_of_its_waits() -> None:
    """X2: also while what goes on beside the run stops, and while the run is let go, a cancel is heard."""
    found = list(interrupted_runs(2, 3))
    assert [] == [f"{name}: {text}" for name, wrong in found for text in wrong]
    assert len(found) >= 16


# --- planted leaks ------------------------------------------------------------------------------------------------


async def _leaves(_: Request) -> object:
    """Begins something when it is cancelled."""
    try:
        return await forever()
    finally:
        asyncio.get_running_loop().create_task(CLOCK.sleep(timedelta(days=90)), name="left")


async def _lingers(_: Request) -> object:
    """Takes its time when it is cancelled."""
    try:
        return await forever()
    finally:
        await CLOCK.sleep(timedelta(seconds=1))


@pytest.mark.parametrize(("act", "told"), [(_leaves, "tasks are left"), (_lingers, "it took 1 s to end")])
def test_a_planted_leak_is_found(act: object, told: str) -> None:
    """A task that is left, and an end that comes late, are told."""
    trial = Trial(plan_with(()), (act,), 1, "waiting")
    run_virtual(trial.play())
    assert told in " ".join(trial.found.violations)


def test_the_script_says_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 0 when nothing is left, and tells how many cancels there were."""
    assert 0 == main(["--programs", "1"])
    told = json.loads(capsys.readouterr().out)
    assert told["calls"] >= 100
    assert 0 == told["violated"]
