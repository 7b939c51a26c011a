"""Taking a run up again from its log: what is ordered again, and which logs are refused."""

import pytest

from leadflow.events.model import CancelRequested, Event, NodeDone, NodeFailed, NodeStarted, RunDone
from leadflow.plan.plan import Plan
from leadflow.run.errors import InternalError
from leadflow.run.kernel import Call, CancelCall, Kernel, Program, StartTimer, TryAgain
from leadflow.run.recover import replay
from tests.plans import chain
from tests.run.fakes import Fails, Says, compiled, run, started

BOTH = """
@timeout(60s)
flow f() {
  step p = parallel {
    step a = look("1")
    step w = put("2")
  }
}
"""


def taken_up(plan: Plan, stop: int) -> tuple[Kernel, list[str]]:
    """A kernel behind the first entries of a run's log, and the commands that are open."""
    events = [entry.event for entry in run(plan, {"a": Says("A", 1), "w": Says("W", 2)}).entries]
    kernel = Kernel(Program(plan))
    step = replay(kernel, events[:stop])
    return kernel, [f"{type(command).__name__} {command.path}" for command in step.commands]


def test_calls_under_way_are_ordered_again() -> None:
    """What had started and not ended is called again; what had ended is not; deadlines run again."""
    plan = compiled(BOTH)
    assert ["StartTimer f", "Call f/p/a", "Call f/p/w"] == taken_up(plan, 1)[1]
    assert ["StartTimer f", "Call f/p/w"] == taken_up(plan, 5)[1]
    assert [] == taken_up(plan, 99)[1]


def test_what_a_fact_leads_to_is_made_up_for() -> None:
    """A log cut behind a fact lacks what follows from it: the kernel gives that out, to be committed."""
    plan = chain(2)
    events = [entry.event for entry in run(plan).entries]
    step = replay(Kernel(Program(plan)), events[:3])
    assert isinstance(events[2], NodeDone)
    assert [NodeStarted("main/n1")] == step.events


def test_a_call_that_was_told_to_stop_is_told_again() -> None:
    """A cancel in the log holds: the write that was awaited is ordered again and awaited, nothing else starts."""
    plan = compiled('flow f() { step w = put("1") step b = put(w) }')
    log = [entry.event for entry in run(plan, {"w": Says("W", 5)}, cancel_after=[2]).entries]
    cut = next(number for number, event in enumerate(log) if isinstance(event, CancelRequested))
    step = replay(Kernel(Program(plan)), log[: cut + 1])
    assert [Call, CancelCall] == [type(command) for command in step.commands]


def test_a_wait_between_attempts_of_a_block_goes_on() -> None:
    """A block that waits for its next attempt when the log ends waits again."""
    plan = compiled('flow f() { @retry(2, on: ["agent"]) step g = do { step a = look("1") } }')
    log = [entry.event for entry in run(plan, {"a": Fails()}).entries]
    cut = next(number for number, event in enumerate(log) if type(event).__name__ == "AttemptFailed")
    step = replay(Kernel(Program(plan)), log[: cut + 1])
    assert [TryAgain] == [type(command) for command in step.commands]


def test_a_failed_catch_is_not_tried_on_the_failure_again() -> None:
    """A failure in the log has been through its `catch` already; it is not absorbed the second time."""
    plan = compiled('flow f(n: int) -> string { step a = look("1") catch e => "${1 / n}" return a }')
    log = [entry.event for entry in run(plan, {"a": Fails()}, inputs={"n": 0}).entries]
    assert any(isinstance(event, NodeFailed) for event in log)
    for stop in range(1, len(log) + 1):
        step = replay(Kernel(Program(plan)), log[:stop])
        assert log[stop : stop + len(step.events)] == step.events


@pytest.mark.parametrize("what", ["empty", "headless", "foreign", "torn"])
def test_a_log_of_something_else_is_refused(what: str) -> None:
    """A log that does not follow from the plan is an error, and never continued."""
    plan = chain(3)
    log = [entry.event for entry in run(plan).entries]
    logs: dict[str, list[Event]] = {
        "empty": [],
        "headless": log[1:],
        "foreign": [started(plan), NodeStarted("main/other")],
        "torn": [*log[:2], RunDone(1)],
    }
    with pytest.raises(InternalError):
        replay(Kernel(Program(plan)), logs[what])


def test_timers_of_what_has_ended_stay_stopped() -> None:
    """No deadline runs again for a block that has settled."""
    plan = compiled('flow f() { @timeout(9s) step g = do { step a = look("1") } step b = look("2") after g }')
    log = [entry.event for entry in run(plan, {"a": Says("A", 1), "b": Says("B", 1)}).entries]
    cut = next(n for n, event in enumerate(log) if event == NodeStarted("f/b"))
    step = replay(Kernel(Program(plan)), log[: cut + 1])
    assert [Call] == [type(command) for command in step.commands if not isinstance(command, StartTimer)]
    assert [] == [command for command in step.commands if isinstance(command, StartTimer)]
