"""`@on_doubt`: what follows when a process ended in the middle of a step (case D2), and the call that looks.

A probe is checked as a step's call is, above the step: it reads what the step could read, and not the step.
"""

from leadflow.check.calls import Called, check_call
from leadflow.check.checked import StepInfo
from leadflow.check.context import Context
from leadflow.check.infer import infer
from leadflow.check.messages.doubt import bad_probe
from leadflow.check.messages.policies import contradiction
from leadflow.check.policies import Written
from leadflow.plan.types import NONE, optional
from leadflow.syntax import tree


def check_doubt(cx: Context, step: tree.Step, written: Written, called: Called) -> None:
    """Report what a step says of doubt that its call can never be in, and check its probe."""
    probe, at, name = written.exprs.get(("on_doubt", "probe")), written.spans.get("on_doubt"), step.name.text
    if at is not None and called.flow is not None:
        why = f"step '{name}' calls a flow, and only the calls in it can be in doubt: write '@on_doubt' on these"
        cx.report(contradiction(at, why=why))
    elif at is not None and called.effect in ("pure", "read") and "on_doubt" not in written.removed:
        cx.report(contradiction(at, why=f"step '{name}' changes nothing, so it is called again whatever this says"))
    if probe is not None:
        _check_probe(cx, step, probe, called)


def _check_probe(cx: Context, step: tree.Step, probe: tree.Expr, called: Called) -> None:
    name = step.name.text
    if not isinstance(probe, tree.Call):
        infer(cx, probe)
        cx.report(bad_probe(probe.span, "a probe is a call, as a step makes one: '@on_doubt(probe: crm.get(…))'"))
        return
    found = check_call(cx, probe, optional(called.result))
    if found is None:
        return
    if called.result == NONE:
        why = f"step '{name}' gives nothing, so no answer of a probe could say that it was done"
        cx.report(bad_probe(probe.span, why))
    elif found.effect not in ("pure", "read"):
        cx.report(bad_probe(probe.span, f"a probe only looks, but this call is '{found.effect}'"))
    cx.program.steps[probe.id] = StepInfo(found.result, found.effect, tuple(found.inherited), True, None)
