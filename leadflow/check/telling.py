"""`@on_failure(escalate: call)` on a flow: who is told that it failed (rule C11).

The call is checked as that of a step called `escalate`. It reads what the flow was given, constants, and `failure`;
nothing that a step gave, because any of them may be what failed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from leadflow.check.blocks import Checks
from leadflow.check.context import Context
from leadflow.check.env import Frame, Var
from leadflow.check.lookup import check_new
from leadflow.check.messages.policies import contradiction
from leadflow.check.policies import Written
from leadflow.check.statements import ESCALATE, escalation_of
from leadflow.check.steps import FAILURE, check_step
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

_FAILURE = "failure"
"""What the call names the failure by."""


@contextmanager
def telling(cx: Context, written: Written, checks: Checks) -> Iterator[None]:
    """Check whom a flow tells of its failure, and around the checks of its body that nothing else has its name."""
    said = written.exprs.get(("on_failure", ESCALATE))
    step = escalation_of(cx.flow) if cx.flow is not None and said is not None else None
    if said is not None and step is None:
        why = "whom to tell is written as a call: '@on_failure(escalate: desk.post(…))'"
        cx.report(contradiction(said.span, why=why))
    if step is not None and not _reads_steps(cx, step):
        _check(cx, step, checks)
    yield
    if step is not None:
        check_new(cx, step.name, "step")


def _reads_steps(cx: Context, step: tree.Step) -> bool:
    """Report a name of the call that something in the flow's body gives."""
    nodes = list(walk(cx.flow.body)) if cx.flow is not None else []
    below = {node.name.text for node in nodes if isinstance(node, tree.Step | tree.Let)}
    read = next((node for node in walk(step.action) if isinstance(node, tree.Name) and node.text in below), None)
    if read is not None:
        why = f"this is called when the flow has failed, and '{read.text}' in it may not be there; read its parameters"
        cx.report(contradiction(read.span, why=why))
    return read is not None


def _check(cx: Context, step: tree.Step, checks: Checks) -> None:
    body, bound = cx.body, len(cx.bound)
    unkeyed, attempts = (None, 1) if body is None else (body.unkeyed, body.attempts)
    frame = Frame(cx.frame)
    with cx.inside(frame):
        check_new(cx, tree.Ident(_FAILURE, id=step.name.id, span=step.name.span), "failure")
        frame.bind(Var(_FAILURE, FAILURE, (step.name.id,), step.name.span, "failure"))
        check_step(cx, step, None, checks)
    del cx.bound[bound:]  # nobody reads what it gives
    if body is not None:  # it is called once, however often the flow is tried
        body.unkeyed, body.attempts = unkeyed, attempts
    info = cx.program.steps.get(step.id)
    if info is not None and info.effect == "dangerous":
        why = "nobody approves what is called when a flow has failed, and this call is 'dangerous'"
        cx.report(contradiction(step.action.span, why=why))
