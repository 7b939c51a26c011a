"""What an `undo` becomes: its call, the policies that it takes from its agent, whether it is called in doubt."""

import pytest

from leadflow.pipeline import compile_source
from leadflow.plan.expr import Const, Template
from leadflow.plan.plan import AgentCall, FlowCall, Undo
from leadflow.plan.policy import OnError, Reaction
from leadflow.plan.undoing import undo_flow

HEAD = """leadflow 1
agent m: python { module: "m.py"  reads: ["get"] }
%s
agent n: python { module: "n.py"  reads: ["get"] }
"""


def undo_of(text: str, *, on_agent: str = "", flows: str = "") -> Undo:
    """The undo of the last step of a flow; `on_agent` stands on the agent `n`."""
    plan, report = compile_source("main.flow", f"{HEAD % on_agent}flow main(x: string) {{\n{text}\n}}\n{flows}")
    assert plan is not None, [found.message for found in report]
    found = [node.undo for node in plan.flows["main"].nodes if node.undo is not None]
    return found[-1]


PUT = "@retry(none) @hedge(none) @cache(none) step a: string = m.put(x) undo n.drop(%s)"


def test_an_undo_is_under_the_policies_of_its_agent() -> None:
    """Rules C4, C7: those of the agent that is called, whole; nothing of its step."""
    undo = undo_of(f"@timeout(9s) {PUT % 'a'}", on_agent="@idempotent @retry(3) @timeout(2s)")
    assert [("timeout", "agent n"), ("retry", "agent n"), ("idempotent", "agent n")] == [
        (applied.name, applied.origin) for applied in undo.policies
    ]


def test_what_could_hide_that_nothing_was_undone_is_not_in_force() -> None:
    """Case S4: no answer from memory, no second call beside a write, and a failure is neither skipped nor the end."""
    reactions = "@on_error(timeout: skip, system: terminate, agent: retry(2))"
    undo = undo_of(PUT % "a", on_agent=f"@cache(5m) @hedge(after: 1s) {reactions}")
    (applied,) = undo.policies
    assert OnError((("agent", Reaction("retry", 2)),)) == applied.policy
    assert () == undo_of(PUT % "a", on_agent="@on_error(timeout: skip)").policies


def test_what_is_idempotent_may_be_tried_beside_itself() -> None:
    """A hedge is in force on an undo that may be said twice."""
    undo = undo_of(PUT % "a", on_agent="@idempotent @hedge(after: 1s)")
    assert ["hedge", "idempotent"] == [applied.name for applied in undo.policies]


@pytest.mark.parametrize(
    ("arg", "on_agent", "in_doubt"),
    [("x", "@idempotent", True), ("a", "@idempotent", False), ("x", "", False), ('"${x} ${a}"', "@idempotent", False)],
)
def test_an_undo_in_doubt_is_safe_and_does_not_read_its_step(arg: str, on_agent: str, in_doubt: bool) -> None:
    """Rule C7: both, or it is not called when nobody knows whether the step was done."""
    assert in_doubt is undo_of(PUT % arg, on_agent=on_agent).in_doubt


@pytest.mark.parametrize(("body", "in_doubt"), [("@idempotent step b = m.put(y)", True), ("step b = m.put(y)", False)])
def test_a_flow_is_safe_when_all_that_it_writes_is(body: str, in_doubt: bool) -> None:
    """Rule C7: a flow that takes something back may be called in vain when each of its writes may."""
    undo = undo_of("step a: string = m.put(x) undo mend(x)", flows=f"flow mend(y: string) {{ {body} }}")
    assert (FlowCall, in_doubt) == (type(undo.work), undo.in_doubt)


def test_the_key_of_an_undo_is_not_that_of_its_step() -> None:
    """Case R3: whoever remembers keys must not take the undo for the call that it takes back."""
    work = undo_of(PUT % "x", on_agent='@idempotent(key: "k")').work
    assert isinstance(work, AgentCall)
    assert Template((Const("k"), "~undo")) == work.key


def test_an_undo_is_a_flow_of_one_call() -> None:
    """Its parameters are what is fixed when the step is done."""
    plan, _ = compile_source("main.flow", f"{HEAD % ''}flow main(x: string) {{ {PUT % 'a'} }}")
    assert plan is not None
    node = plan.flows["main"].nodes[0]
    assert node.undo is not None
    assert node.undo.work is not None
    flow = undo_flow(node, node.undo.work)
    assert (["0"], ["a~undo"]) == ([param.name for param in flow.params], [one.name for one in flow.nodes])
