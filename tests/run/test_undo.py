"""Steps are taken back when their run does not end well (rule C7, cases S1, S4, S5, D2)."""

from datetime import timedelta

import pytest

from leadflow.events.model import (
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    RunCancelled,
    RunFailed,
    Status,
    UndoBegan,
    UndoKept,
)
from leadflow.run.driver import Bounds
from tests.run.fakes import Fails, Fake, Says, Script, ends, kinds, run, starts
from tests.run.sagas import THREE, TOOLS, causes, failure_of, log_of, undos

# --- what is undone, and when -------------------------------------------------------------------------------------


def test_done_steps_are_undone_last_first() -> None:
    """Case S1: the steps that are done, in reverse order of completion; the run keeps its own failure."""
    result = run(THREE, {"a": Says("A"), "b": Says("B"), "d": Fails("x.d")})
    assert ["b: A B", "a: A"] == undos(result)
    assert ("x.d", "f/d") == (failure_of(result).error, failure_of(result).path)
    assert ("f/b", "f/a") == result.undone


def test_the_order_is_that_of_completion_not_of_the_text() -> None:
    """Case S1: of two steps side by side the one that was done last is undone first."""
    text = (
        TOOLS
        + """
flow f() {
  step p = parallel {
    step a = put("1") undo drop(a)
    step b = put("2") undo drop(b)
  }
  step c = look("3") after p
}
"""
    )
    later_a: Script = {"a": Says("A", 2), "b": Says("B", 1), "c": Fails()}
    later_b: Script = {"a": Says("A", 1), "b": Says("B", 2), "c": Fails()}
    assert ["p/a: A", "p/b: B"] == undos(run(text, later_a))
    assert ["p/b: B", "p/a: A"] == undos(run(text, later_b))


def test_a_run_that_ends_well_undoes_nothing() -> None:
    """Rule C7: undos run if and only if the run fails or is cancelled."""
    result = run(THREE)
    assert Status.DONE is result.status
    assert ([], ()) == (undos(result), result.undone)


def test_what_partial_lets_pass_undoes_nothing() -> None:
    """Rule C7: under `partial` a run with failures ends well."""
    text = TOOLS + '@on_failure("partial") flow f() { step a = put("1") undo drop(a) step b = look("2") }'
    result = run(text, {"b": Fails()})
    assert (Status.DONE, []) == (result.status, undos(result))


def test_a_cancelled_run_undoes_what_is_done() -> None:
    """Cases S1, X1: a write under way is awaited (rule A5), then undone; the run ends cancelled, nothing follows."""
    fake = Fake({"a": Says("A", 1), "b": Says("B", 5), "a~undo": Says(after=3)})
    result = run(THREE, fake, cancel_after=[2])
    assert Status.CANCELLED is result.status
    assert ["b: A B", "a: A"] == undos(result)
    assert (6, 9, "done") == fake.spans["f/a~undo"]
    assert ["NodeStarted", "NodeDone", "RunCancelled"] == kinds(result.entries)[-3:]


def test_a_step_that_failed_or_was_caught_has_nothing_to_undo() -> None:
    """Case S1: a step whose failure became a value is not done."""
    text = TOOLS + 'flow f() { @optional step a = put("1") undo drop(a) step b = look("2") after a }'
    assert [] == undos(run(text, {"a": Fails(), "b": Fails()}))


def test_undos_read_what_the_step_gave() -> None:
    """Rules A4, C7: an undo sees its own step and names above, as they were when the step was done."""
    text = (
        TOOLS
        + """
tool open_case(x: string) -> { id: string } = python("tools:open_case")
flow f(who: string) {
  step all = for t in ["x", "y"] { step a = open_case(t) undo drop("${who} ${t} ${a.id}") }
  step b = look("2") after all
}
"""
    )
    script: Script = {"f/all[0]/a": Says({"id": "7"}), "f/all[1]/a": Says({"id": "8"}, 1), "b": Fails()}
    result = run(text, script, inputs={"who": "me"})
    assert ["all[1]/a: me y 8", "all[0]/a: me x 7"] == undos(result)


def test_undos_of_a_called_flow_join_its_callers() -> None:
    """Rule C7: what a finished sub-flow did is undone with the run; the undo of the call itself comes on top."""
    text = (
        TOOLS
        + """
flow f() { step s = g() undo drop("all") step b = look("2") after s }
flow g() { step a = put("1") undo drop(a) }
"""
    )
    assert ["s: all", "s/a: A"] == undos(run(text, {"a": Says("A"), "b": Fails()}))


def test_an_undo_may_be_a_flow() -> None:
    """Rule C7: the steps of a flow that takes something back are nodes below the undo, and are not undone."""
    text = (
        TOOLS
        + """
flow f() { step a = put("1") undo g(a) step b = look("2") after a }
flow g(x: string) { step c = put(x) undo drop(c) step d = look(c) }
"""
    )
    result = run(text, {"a": Says("A"), "b": Fails("x.b"), "d": Says("D", 1)})
    assert ["a", "b", "a~undo", "a~undo/c", "a~undo/d"] == starts(result)
    assert (("f/a",), "x.b") == (result.undone, failure_of(result).error)
    assert ["f/a"] == [e.event.path for e in result.entries if isinstance(e.event, UndoKept)]


def test_undos_that_fail_with_calls_in_line_are_in_nobodys_way() -> None:
    """Where one call may be under way at a time, what an undo that failed had waiting is passed over."""
    text = (
        TOOLS
        + """
flow f() { step a = put("1") undo g(a) step b = put("2") undo g(b) step c = look("3") after b }
flow g(x: string) { step p = parallel { step d = put("${x} 1") step e = put("${x} 2") } }
"""
    )
    result = run(text, {"c": Fails(), "d": Fails(), "e": Says("E", 1)}, bounds=Bounds(calls=1))
    assert [f"{name}~undo/p/d" for name in "ba"] == [path for path in starts(result) if path[-1] in "de"]
    assert "2 steps are not undone, of 2: f/b, f/a" == failure_of(result).message


def test_branches_are_undone_when_all_have_stopped() -> None:
    """Case S5: a write that a sibling's failure stopped is awaited, and then undone; no undo begins before."""
    text = (
        TOOLS
        + """
flow f() {
  step p = parallel {
    step a = do { step x = put("1") undo drop(x) step y = put(x) undo drop(y) }
    step b = look("2")
  }
}
"""
    )
    fake = Fake({"x": Says("X", 1), "y": Says("Y", 9), "b": Fails(after=2)})
    result = run(text, fake)
    assert ["p/a/y: Y", "p/a/x: X"] == undos(result)
    assert (9 + 1, 10, "done") == fake.spans["f/p/a/y~undo"]
    log = [e.event for e in result.entries]
    began = next(at for at, event in enumerate(log) if isinstance(event, UndoBegan))
    assert all(path.endswith("~undo") for path in (getattr(event, "path", "~undo") for event in log[began:]))


def test_one_undo_at_a_time() -> None:
    """Case S5: the next undo begins when the one before has ended."""
    fake = Fake({"d": Fails(), "a~undo": Says(after=1), "b~undo": Says(after=2)})
    run(THREE, fake)
    assert ((0, 2, "done"), (2, 3, "done")) == (fake.spans["f/b~undo"], fake.spans["f/a~undo"])


def test_the_log_tells_all_of_it() -> None:
    """Case S2: what is kept stands behind the step, then why the run fails and what is undone, then each undo."""
    text = TOOLS + 'flow f(n: int) { step a = put("1") undo drop("${1 / n}") step b = put("2") undo drop(b) fail "no" }'
    result = run(text, {"a": Says("A"), "b": Says("B"), "b~undo": Says("gone")}, inputs={"n": 0})
    no = Failure("flow.failed", "agent", "no", "f/fail@1")
    broken = Failure("validation.value", "validation", "division by zero", "f/a~undo")
    message = "1 step is not undone, of 2: f/a"
    assert [
        NodeDone("f/a", "A"),
        UndoKept("f/a", {}, failure=broken),
    ] == log_of(result, NodeDone)[:2]
    assert [
        UndoKept("f/b", {"x": "B"}),
    ] == [event for event in log_of(result, UndoKept)[1:] if isinstance(event, UndoKept)]
    assert [
        UndoBegan(("f/b", "f/a"), no),
        NodeStarted("f/b~undo"),
        NodeDone("f/b~undo", "gone"),
        NodeFailed("f/a~undo", broken),
        RunFailed(Failure("flow.compensation", "agent", message, "", (), (no, broken))),
    ] == log_of(result, UndoBegan)


def test_the_log_of_a_cancelled_run_tells_why() -> None:
    """Case X1: nothing failed, so the reason is that of whoever asked; also where an undo fails."""
    script: Script = {"a": Says("A"), "b": Says("B"), "c": Says("C", 5)}
    result = run(THREE, script, cancel_after=[2])
    assert UndoBegan(("f/b", "f/a"), None) == log_of(result, UndoBegan)[0]
    assert RunCancelled("enough") == result.entries[-1].event
    failed = run(THREE, {**script, "a~undo": Fails("x.a")}, cancel_after=[2])
    assert Failure("run.cancelled", "system", "enough") == failure_of(failed).causes[0]


def test_an_undo_that_is_a_flow_may_do_anything() -> None:
    """A flow that takes something back computes as any other."""
    text = (
        TOOLS
        + """
flow f() { step a = put("1") undo g(["x", a]) step b = look("2") after a }
flow g(xs: list[string]) { step c = for t in ["${x}${x}" for x in xs] { step d = put(t) yield d } }
"""
    )
    fake = Fake({"a": Says("A"), "b": Fails()})
    assert ("f/a",) == run(text, fake).undone
    assert [("f/a~undo/c[0]/d", "xx"), ("f/a~undo/c[1]/d", "AA")] == [
        (order.path, order.args["x"]) for order in fake.orders if order.path.endswith("/d")
    ]


# --- failing undos ------------------------------------------------------------------------------------------------


def test_a_failing_undo_does_not_stop_the_others() -> None:
    """Case S4: all undos are tried; the run ends `flow.compensation` with the failure of the run and each of theirs."""
    result = run(THREE, {"d": Fails("x.d"), "b~undo": Fails("x.b")})
    failure = failure_of(result)
    assert ("flow.compensation", "1 step is not undone, of 2: f/b") == (failure.error, failure.message)
    assert [("x.d", "f/d"), ("x.b", "f/b~undo")] == causes(failure)
    assert ("f/a",) == result.undone


def test_a_cancelled_run_with_a_failing_undo_is_failed() -> None:
    """Case S4: what is left behind is told also when the run was cancelled."""
    result = run(THREE, {"c": Says("C", 5), "b~undo": Fails("x.b"), "a~undo": Fails("x.a")}, cancel_after=[2])
    failure = failure_of(result)
    assert "2 steps are not undone, of 2: f/b, f/a" == failure.message
    assert ["run.cancelled", "x.b", "x.a"] == [cause.error for cause in failure.causes]


def test_an_undo_without_arguments_fails_when_its_turn_comes() -> None:
    """Rule E3: the step stays done; that it cannot be undone is known from then on, and counts at the end."""
    text = (
        TOOLS
        + """
flow f(n: int) { step a = put("1") undo drop("${1 / n}") step b = put("2") undo drop("b") step c = look("3") after b }
"""
    )
    fine = run(text, inputs={"n": 0})
    assert (Status.DONE, "done") == (fine.status, ends(fine)["a"])
    failure = failure_of(run(text, {"c": Fails("x.c")}, inputs={"n": 0}))
    assert [("x.c", "f/c"), ("validation.value", "f/a~undo")] == causes(failure)


# --- in doubt -----------------------------------------------------------------------------------------------------

DOUBT = TOOLS + 'flow f() { step a = put("1") undo drop(a) step b = put(a) undo %s }'


def test_a_doubtful_step_is_undone_when_that_is_safe() -> None:
    """Cases S1, D2: nobody knows whether `b` was done; its undo does not read it and is idempotent, so it is called."""
    result = run(DOUBT % "wipe(a)", {"a": Says("A"), "b": Fails("network.lost", in_doubt=True)})
    assert ["b: A", "a: A"] == undos(result)
    assert ("network.lost", True) == (failure_of(result).error, failure_of(result).in_doubt)


@pytest.mark.parametrize("undo", ["drop(a)", "wipe(b)"])
def test_a_doubtful_step_that_is_not_safe_to_undo_is_told(undo: str) -> None:
    """Cases S1, D2: an undo that is not idempotent, or reads the step, is not called; the others are."""
    result = run(DOUBT % undo, {"a": Says("A"), "b": Fails("network.lost", in_doubt=True)})
    failure = failure_of(result)
    assert [("network.lost", "f/b"), ("flow.not_undone", "f/b~undo")] == causes(failure)
    assert (("f/a",), True) == (result.undone, failure.in_doubt)


@pytest.mark.parametrize("end", ["network.lost", "timeout.attempt", "agent.bad_response", "validation.answer"])
def test_a_step_that_failed_may_have_been_done(end: str) -> None:
    """Cases S1, D2: also what is idempotent, where an attempt was cut off, and what gave an answer of another type."""
    fails: Script = {"a": Says("A"), "b": Fails("agent.rejected", attempts=(end, "agent.rejected"))}
    assert ("f/b", "f/a") == run(DOUBT % "wipe(a)", fails).undone
    failure = failure_of(run(DOUBT % "wipe(b)", fails))
    assert [("agent.rejected", "f/b"), ("flow.not_undone", "f/b~undo")] == causes(failure)


def test_a_step_that_was_turned_away_was_not_done() -> None:
    """Case S1: whoever answers that it refuses has not acted."""
    fails = Fails("agent.rejected", attempts=("resource.rate", "network.connect", "agent.rejected"))
    assert ("f/a",) == run(DOUBT % "drop(b)", {"a": Says("A"), "b": fails}).undone


def test_what_may_have_been_done_is_undone_behind_a_catch_too() -> None:
    """Rule C7: the flow goes on with another value, but when it fails the effect may stand."""
    text = TOOLS + 'flow f() { @optional step a = put("1") undo wipe("1") step b = look("2") after a }'
    fails = {"a": Fails("validation.answer", attempts=("validation.answer",)), "b": Fails()}
    assert ("f/a",) == run(text, fails).undone


def test_a_write_that_is_cut_off_is_in_doubt() -> None:
    """Rule A5, case D2: a write that outlasts the drain of a cancelled run may have been done."""
    bounds = Bounds(drain=timedelta(seconds=3))
    slow = {"a": Says("A"), "b": Says("B", 50)}
    unsafe = run(DOUBT % "drop(b)", slow, cancel_after=[2], bounds=bounds)
    assert ["run.cancelled", "flow.not_undone"] == [cause.error for cause in failure_of(unsafe).causes]
    kept = [event for event in log_of(unsafe, UndoKept) if isinstance(event, UndoKept)]
    assert [(False, None), (True, failure_of(unsafe).causes[1])] == [(one.in_doubt, one.failure) for one in kept]
    safe = run(DOUBT % "wipe(a)", slow, cancel_after=[2], bounds=bounds)
    assert (Status.CANCELLED, ("f/b", "f/a")) == (safe.status, safe.undone)
    assert [True] == [e.event.in_doubt for e in safe.entries if isinstance(e.event, NodeCancelled)]
