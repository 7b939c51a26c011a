"""Somebody is told that a flow failed, by `@on_failure(escalate:)` (rule C11)."""

from pathlib import Path

import pytest

from leadflow.events.model import NodeFailed, RunFailed, Status
from leadflow.plan.types import Value
from leadflow.run.driver import Bounds, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from tests.durable.crashes import Kill, Scenario, try_scenario
from tests.run.fakes import Fails, Fake, Says, Script, compiled, run, starts
from tests.run.sagas import TOOLS, failure_of

PAGE = TOOLS + '@idempotent tool page(x: string) = python("tools:page")\n'
ONE = (
    PAGE
    + """
@on_failure(escalate: drop("${n} ${failure.class} ${failure.step}: ${failure.message}"))
flow f(n: int = 7) -> string {
  step a = put("1") undo wipe(a)
  step b = put(a)
  return b
}
"""
)


def told(text: str, script: Script) -> tuple[str, list[str], list[Value]]:
    """How a run ended, what began in it, and what was told."""
    fake = Fake(script)
    result = run(text, fake, inputs={"n": 7})
    said = [order.args["x"] for order in fake.orders if order.path.endswith("escalate")]
    return str(result.status), starts(result), said


def problems(result: Result) -> list[tuple[str, str]]:
    """What failed, and where."""
    failed = [entry.event for entry in result.entries if isinstance(entry.event, NodeFailed)]
    return [(one.path, one.failure.error) for one in failed]


def test_a_failed_flow_is_told_once_behind_its_undos() -> None:
    """Rule C11: what failed, with what the flow was given, last of all; the failure of the run stays its own."""
    result = run(ONE, {"b": Fails("x.b")}, inputs={"n": 7})
    assert ["a", "b", "a~undo", "escalate"] == starts(result)
    assert ("x.b", "f/b") == (failure_of(result).error, failure_of(result).path)
    assert [RunFailed] == [type(entry.event) for entry in result.entries[-1:]]


def test_what_is_told() -> None:
    """Rule C11: the call reads parameters, and the failure by its name."""
    _, _, said = told(ONE, {"b": Fails("tool.raised", category="tool")})
    assert ["7 tool b: b said no"] == said


def test_a_flow_that_ends_well_tells_nothing() -> None:
    """Rule C11: neither does one whose step was absorbed."""
    assert ("done", ["a", "b"], []) == told(ONE, {})
    calm = ONE.replace("step b = put(a)", 'step b = put(a) catch e => "x"')
    assert ("done", ["a", "b"], []) == told(calm, {"b": Fails()})


def test_its_own_failure_changes_nothing() -> None:
    """Rule C11: it is in the log, and the run ends as it would have."""
    result = run(ONE, {"b": Fails("x.b"), "escalate": Fails("x.told", limit="")}, inputs={"n": 7})
    assert "x.b" == failure_of(result).error
    assert [("f/b", "x.b"), ("f/escalate", "x.told")] == problems(result)


def test_a_cancelled_run_tells_nobody() -> None:
    """Rule C11: whoever cancelled it knows."""
    result = run(ONE, {"b": Fails("x.b", 5)}, inputs={"n": 7}, cancel_after=[1.0])
    assert Status.CANCELLED is result.status
    assert "escalate" not in starts(result)


def test_a_called_flow_tells_itself_and_its_caller_goes_on() -> None:
    """Rule C11: each flow tells of itself, in the order in which they failed, when the run has ended otherwise."""
    inner = """
@on_failure(escalate: page("outer"))
flow f() -> string {
  step g = inner(x: "1") {CATCH}
  step b = put(g)
  return b
}
@retry(3, backoff: 1s, on: ["agent"])
@on_failure(escalate: page("inner ${x} ${failure.step}"))
flow inner(x: string) -> string {
  step a = look(x)
  return a
}
"""
    caught = PAGE + inner.replace("{CATCH}", 'catch e => "2"')
    status, began, said = told(caught, {"f/g/a": Fails(), "f/g~2/a": Fails(), "f/g~3/a": Fails()})
    assert ("done", ["inner 1 a"]) == (status, said)
    assert "g/escalate" == began[-1]
    _, _, both = told(PAGE + inner.replace("{CATCH}", ""), {"f/g/a": Fails("network.lost", category="network")})
    assert ["inner 1 a", "outer"] == both


def test_a_flow_out_of_time_is_told() -> None:
    """Rule C11: its deadline is over, and does not bound what tells of that."""
    late = ONE.replace("@on_failure", "@timeout(2s)\n@on_failure")
    status, _, said = told(late, {"b": Says("B", 9)})
    assert "failed" == status
    assert 1 == len(said)
    assert str(said[0]).startswith("7 timeout")


def test_no_budget_and_no_deadline_of_the_flow_is_around_it() -> None:
    """Rule C11: a flow whose budget or time is used up says so."""
    fake = Fake({"b": Fails("resource.budget", category="resource", limit="f")})
    run(ONE.replace("@on_failure", "@timeout(2s) @budget(calls: 1)\n@on_failure"), fake, inputs={"n": 7})
    first, *_, last = fake.orders
    assert ("f/a", True, 1) == (first.path, first.deadline is not None, len(first.budgets))
    assert ("f/escalate", False, 0) == (last.path, last.deadline is not None, len(last.budgets))


def test_who_insists_ends_it() -> None:
    """Rule C11, case S3: a cancel is noted while somebody is told; a second one cuts that off, and the run ends as it
    would have."""
    slow: Script = {"b": Fails("x.b"), "escalate": Says("told", 5)}
    once = run(ONE, slow, inputs={"n": 7}, cancel_after=[1.0])
    assert ("x.b", []) == (failure_of(once).error, problems(once)[1:])
    twice = run(ONE, slow, inputs={"n": 7}, cancel_after=[1.0, 2.0])
    assert "x.b" == failure_of(twice).error


def test_an_argument_without_a_value_is_its_own_failure() -> None:
    """Rule C11: nothing is called, and the log says why."""
    odd = ONE.replace('"${n} ', '"${1 / (n - 7)} ')
    result = run(odd, {"b": Fails("x.b")}, inputs={"n": 7})
    assert ["a", "b", "a~undo"] == starts(result)
    assert ["f/b", "f/escalate"] == [path for path, _ in problems(result)]
    assert "x.b" == failure_of(result).error


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_killed_run_tells_once(tmp_path: Path, when: str) -> None:
    """Cases D1, D2 and rule C11: a process is killed at each of its commits, and nobody is told twice."""
    for commit in range(1, 12):
        folder = tmp_path / str(commit)
        folder.mkdir()
        kill = Kill(commit, "before" if when == "before" else "behind")
        assert [] == try_scenario(Scenario("told", [kill]), folder), commit


def test_a_log_that_is_replayed_gives_the_same_events() -> None:
    """Case D5: what is told follows from the log."""
    plan = compiled(ONE)
    result = run(plan, {"b": Fails("x.b")})
    kernel = Kernel(Program(plan), calls=Bounds().calls, deadline=None)
    replay(kernel, [entry.event for entry in result.entries])
    assert kernel.has_ended
