"""What is in force on the call of an `undo`: all that it takes from its agent and that suits taking something back.

There is no place on an `undo` for `@x(none)`. So what would be refused on a step does not apply here: an answer from
memory, and a second attempt beside the first for what may not be sent twice. Nor does what would call an undo done that
is not, or end the run before the other undos: `skip` and `terminate` of `@on_error` (case S4).
"""

from collections.abc import Iterator
from dataclasses import replace

from leadflow.check.calls import Called, check_fallback
from leadflow.check.checked import StepInfo
from leadflow.check.context import Context
from leadflow.plan.policy import Applied, OnError
from leadflow.plan.reactions import stand_ins
from leadflow.syntax import tree


def note_undo(cx: Context, call: tree.Call, undone: Called) -> None:
    """Write down what is known of the call of an undo, and check its fallbacks (rule C6)."""
    names = {policy.name for policy in undone.inherited}
    reads = undone.effect in ("pure", "read")
    if undone.agent is None:
        is_idempotent = undone.unkeyed is None
    else:
        is_idempotent = reads or "idempotent" in names or "once" in names
    unfit = {*(() if reads else ("cache",)), *(() if is_idempotent else ("hedge",))}
    policies = tuple(_fit(policy for policy in undone.inherited if policy.name not in unfit))
    key = undone.agent.key_expr if undone.agent is not None and "idempotent" in names else None
    cx.program.steps[call.id] = StepInfo(undone.result, undone.effect, policies, is_idempotent, key)
    if others := stand_ins(policies):
        check_fallback(cx, call, undone, others, call.span, inherited=True)


def _fit(inherited: Iterator[Applied]) -> Iterator[Applied]:
    for applied in inherited:
        if not isinstance(applied.policy, OnError):
            yield applied
        elif left := [each for each in applied.policy.reactions if each[1].does not in ("skip", "terminate")]:
            yield replace(applied, policy=OnError(tuple(left)))
