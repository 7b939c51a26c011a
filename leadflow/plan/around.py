"""What stands around one call of a step, from the outside in: `leadflow explain FLOW.STEP` as data.

A ring is what encloses the step: a flow, a block, a call of a flow. A row is one layer of a ring or of the step itself,
in the order of wrapping (`annotations.ORDER`), with each of its values and where it comes from. Pure: reads a plan, and
decides nothing that the kernel or the policies decide.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, cast

from leadflow.plan.annotations import ORDER, ROWS
from leadflow.plan.expr import Const, Expr
from leadflow.plan.paths import Stop, node_path, owners
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Node, Parallel, Plan, Race, Repeat, Undo
from leadflow.plan.policy import (
    Applied,
    Breaker,
    Concurrency,
    Idempotent,
    OnDoubt,
    OnError,
    OnFailure,
    Policy,
    Retry,
    Timeout,
    policy_of,
)
from leadflow.plan.reactions import REPAIRS, attempts_for, reaction_to, retry_in_force, stand_ins
from leadflow.plan.text import in_force, waits
from leadflow.plan.types import Effect, show
from leadflow.plan.words import expr_words, guard_words, reaction_words, value_words, work_words
from leadflow.record import record


@record
class Argument:
    """A value of a policy."""

    name: str
    value: str
    is_default: bool
    """Nobody wrote it, or wrote what is the default anyway."""


@record
class Row:
    """One layer."""

    name: str
    """`@retry`; `catch`, `answer`, `attempt`, `undo` for what is no annotation."""
    args: tuple[Argument, ...]
    origin: str
    """As `Applied.origin` has it; empty for what every call has."""
    place: str
    does: str
    """What it absorbs, or lets pass."""


@record
class Ring:
    """Something that encloses the step."""

    path: str
    what: str
    does: str
    rows: tuple[Row, ...]


@record
class Around:
    """Everything about one node."""

    path: str
    does: str
    place: str
    doc: str | None
    type: str
    effect: Effect
    when: str | None
    """Under which condition it runs."""
    waits: tuple[tuple[str, tuple[str, ...]], ...]
    """Reasons, each with the nodes that it waits for."""
    again: str | None
    """Whether the call may be sent again, and why; None for what is no call of an agent."""
    rings: tuple[Ring, ...]
    """Outermost first."""
    rows: tuple[Row, ...]
    """Outermost first; `attempt` is the innermost."""


def around(plan: Plan, way: Sequence[Stop]) -> Around:
    """What stands around the last node of a way."""
    flow, node = way[-1].flow, way[-1].node
    call = node.work if isinstance(node.work, AgentCall) else None
    return Around(
        path=_path(way),
        does=work_words(flow, node),
        place=":".join(map(str, node.place)),
        doc=node.doc,
        type=show(node.type),
        effect=node.effect,
        when=_when(flow, node),
        waits=tuple((why, tuple(names)) for why, names in waits(flow, node).items()),
        again=None if call is None else _again(flow, node, call),
        rings=tuple(_rings(way)),
        rows=tuple(_rows(plan, flow, node)),
    )


def _when(flow: FlowPlan, node: Node) -> str | None:
    if node.id == flow.escalation:
        return f"once flow {flow.name} has failed, when all else has ended"
    return None if node.guard is None else guard_words(flow, node.guard)


def _path(way: Sequence[Stop]) -> str:
    first, *further = (node_path(stop.flow, stop.node) for stop in way)
    return "/".join((first, *(path.partition("/")[2] for path in further)))


def _again(flow: FlowPlan, node: Node, call: AgentCall) -> str:
    if call.effect in ("pure", "read"):
        return "yes: it changes nothing"
    if call.key is not None:
        return f"yes: every attempt sends the same key, {expr_words(flow, call.key)}"
    if call.idempotent:
        found = next((each for each in node.policies if isinstance(each.policy, Idempotent)), None)
        return f"yes: @idempotent says so ({found.origin})" if found else "yes: it is said to be safe to repeat"
    return "no: it changes something and has no key; only what was never sent, or turned away, is tried again"


# --- rings --------------------------------------------------------------------------------------------------------


def _rings(way: Sequence[Stop]) -> Iterator[Ring]:
    tells = max((position for position, stop in enumerate(way) if stop.node.id == stop.flow.escalation), default=-1)
    for position, stop in enumerate(way):
        flow = stop.flow
        if position <= tells:  # the flows that it tells of have ended
            if position == tells < len(way) - 1:
                yield _block(flow, stop.node)
            continue
        yield Ring(flow.name, f"flow {flow.name}", "", tuple(_group_rows(flow.policies, has_strategy=True)))
        for owner in reversed(list(owners(flow, stop.node))):
            yield _block(flow, owner)
        if position < len(way) - 1:
            yield _block(flow, stop.node)


def _block(flow: FlowPlan, node: Node) -> Ring:
    rows = _with_catch(flow, node, _group_rows(in_force(node), has_strategy=_has_strategy(node)))
    return Ring(node_path(flow, node), work_words(flow, node), _block_does(node), tuple(rows))


def _has_strategy(node: Node) -> bool:
    """Whether a failure inside does what a strategy says; members of the others are counted."""
    return isinstance(node.work, For | Repeat | Do) or (isinstance(node.work, Parallel) and node.work.need is None)


def _block_does(node: Node) -> str:
    match node.work:
        case For(limit=Const(limit)):
            return f"once per item, at most {limit} times"
        case For():
            return "once per item, however many there are"
        case Repeat(limit=Const(limit)):
            return f"once a round, at most {limit} rounds"
        case Race():
            return "a failure here is only counted: it fails when all members have failed"
        case Parallel(need=int(need)):
            return f"a failure here is only counted: it fails when fewer than {need} succeed"
        case _:
            return ""


_STOP = Applied("on_failure", OnFailure("stop"), "default", "")


def _group_rows(applied: Sequence[Applied], *, has_strategy: bool) -> Iterator[Row]:
    """The policies of a block or a flow, which govern it as a whole."""
    if has_strategy and policy_of(applied, OnFailure) is None:
        applied = sorted((*applied, _STOP), key=lambda each: ORDER.index(each.name))
    for each in applied:
        yield _row(each, _group_does(each.policy))


def _group_does(policy: Policy) -> str | None:
    match policy:
        case OnFailure("stop"):
            return "the first failure here cancels the rest and goes outwards"
        case OnFailure("continue"):
            return "a failure here stops only what depends on it, and goes outwards when all has settled"
        case OnFailure("partial"):
            return "a failure here becomes none: nothing of it goes outwards"
        case Timeout():
            return "all of it, every attempt included; its end passes through everything below"
        case Retry():
            return "all of it is run again after a failure that may pass; the last failure goes outwards"
        case Concurrency():
            return "the others wait for a free place"
        case _:
            return None


# --- rows ---------------------------------------------------------------------------------------------------------

DOES = {
    "priority": "goes first among those that may start and have as long a way before them",
    "optional": "a failure becomes none; a cancel, a write in doubt and the end of what stands around it pass",
    "on_failure": "decides what a failing member does",
    "once": "asks the journal first: what another run has done for this key is not done again",
    "fallback": "one agent failed: the next is asked, with all below anew; a write in doubt passes",
    "timeout": "one agent with queueing, pauses and all attempts; after its end, only what stands above answers",
    "cache": "an equal call is answered from memory, or by the one under way, and enters nothing below",
    "retry": "tries again what may pass, and holds nothing while it waits; the last failure goes outwards",
    "on_error": "decides by the class of a failure: another attempt, who is asked next, none, or the end of the run",
    "hedge": "a second attempt beside a slow one; the first that fits counts, two failures are one",
    "limit": "shared with all calls of the agent: an attempt waits in line until everything allows it at once",
    "concurrency": "shared with all calls of the agent: an attempt waits for a free place",
    "breaker": "turns attempts away while the other side keeps failing; these are not tried again",
    "budget": "reserves the most that an attempt may cost, and refuses what does not fit",
    "idempotent": "the call may be sent again although it may have been done",
    "on_doubt": "says what follows when the process ended in the middle of the call",
}
"""What each policy of a call absorbs or lets pass."""

_CATCH = "a failure becomes this value; a cancel, a write in doubt and the end of what stands around it pass"
_ANSWER = "an answer that does not fit is a failure (validation)"
_ATTEMPT = "one request; its time begins when it has its place"
_UNDO = "fixed when this step is done; called when the run fails or is cancelled, what was done last first"
_UNDO_NONE = "nothing is taken back when the run fails or is cancelled"
_UNDO_DOUBT = {
    True: "; also when nobody knows whether the step was done",
    False: "; when nobody knows whether it was done, the run fails with flow.compensation instead",
}


def _rows(plan: Plan, flow: FlowPlan, node: Node) -> Iterator[Row]:
    if not isinstance(node.work, AgentCall):
        yield from _with_catch(flow, node, _group_rows(in_force(node), has_strategy=_has_strategy(node)))
    else:
        yield from _with_catch(flow, node, _call_rows(plan, flow, node, node.work))


def _with_catch(flow: FlowPlan, node: Node, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a node, with its `undo` and `catch`: these stand just inside `@optional`."""
    inner = ("@priority", "@optional")
    all_rows = list(rows)
    yield from (row for row in all_rows if row.name in inner)
    if node.undo is not None:
        yield _undo_row(node.undo)
    if node.catch is not None:
        value = expr_words(flow, node.catch.value)
        yield Row("catch", (Argument("", value, is_default=False),), "step", "", _CATCH)
    yield from (row for row in all_rows if row.name not in inner)


def _undo_row(undo: Undo) -> Row:
    work = undo.work
    if work is None:
        return Row("undo", (Argument("", "none", is_default=False),), "step", "", _UNDO_NONE)
    args = [Argument("", _callee(work), is_default=False)]
    if undo.policies:
        names = " ".join(f"@{applied.name}" for applied in undo.policies)
        args.append(Argument("under", names, is_default=False))
    return Row("undo", tuple(args), "step", "", _UNDO + _UNDO_DOUBT[undo.in_doubt])


def _callee(work: AgentCall | FlowCall) -> str:
    return work.flow if isinstance(work, FlowCall) else f"{work.role or work.agent}.{work.action}"


_INNERMOST = ORDER.index("limit")
"""From here on a layer stands inside the check of the answer."""


_KEYS: Mapping[str, Callable[[AgentCall], Expr | None]] = {
    "cache": lambda call: call.cache_key,
    "once": lambda call: call.once,
}
"""Where the key of a policy is kept."""


def _call_rows(plan: Plan, flow: FlowPlan, node: Node, call: AgentCall) -> Iterator[Row]:
    spec = plan.agents.get(call.agent)
    shared = spec.policies if spec is not None else ()
    both = sorted((*node.policies, *shared), key=lambda each: ORDER.index(each.name))
    timeout, retry = policy_of(node.policies, Timeout), retry_in_force(node.policies)
    place = ""
    origin = ""
    for each in both:
        if ORDER.index(each.name) >= _INNERMOST:
            break
        if isinstance(each.policy, Timeout):
            origin, place = each.origin, each.place
            if each.policy.total is not None:
                yield _row(each, None, only=("total",))
        else:
            row, key = _row(each, None), _KEYS[each.name](call) if each.name in _KEYS else None
            keys = () if key is None else (Argument("key", expr_words(flow, key), is_default=False),)
            yield replace(row, args=(*row.args, *keys))
    answer = Argument("", show(call.result), is_default=False)
    yield Row("answer", (answer,), "", "", _answer_does(node, retry))
    for each in both:
        if isinstance(each.policy, OnDoubt) and node.probe is not None:
            yield replace(_row(each, None), args=(Argument("probe", _callee(node.probe.work), is_default=False),))
        elif ORDER.index(each.name) >= _INNERMOST:
            yield _row(each, None)
    limits = tuple(arg for arg in _arguments(timeout) if arg.name != "total") if timeout is not None else ()
    yield Row("attempt", limits, origin if limits else "", place if limits else "", _ATTEMPT)
    yield from _shared_of_stand_ins(plan, node, call)


def _answer_does(node: Node, retry: Retry | None) -> str:
    """How often an agent hears that its answer does not fit (case R20)."""
    reaction = reaction_to(policy_of(node.policies, OnError), "validation")
    most = 0 if retry is None else retry.attempts - 1
    if reaction is not None:
        most = attempts_for(retry or Retry(1), reaction) - 1
    if reaction is None or reaction.does != "retry":
        most = min(REPAIRS, most)
    often = {0: "", 1: "once", 2: "twice"}.get(most, f"{most} times")
    return f"{_ANSWER}; a retry tells the agent what was wrong, at most {often}" if often else _ANSWER


def _shared_of_stand_ins(plan: Plan, node: Node, call: AgentCall) -> Iterator[Row]:
    """What the agents bring that may stand in for the one that is called: each waits for its own places."""
    for name in stand_ins(node.policies):
        if name != call.agent:
            for shared in plan.agents[name].policies if name in plan.agents else ():
                yield _row(shared, f"when {name} is asked; {DOES[shared.name]}")


def _row(applied: Applied, does: str | None, *, only: tuple[str, ...] = ()) -> Row:
    args = tuple(arg for arg in _arguments(applied.policy) if not only or arg.name in only)
    return Row(f"@{applied.name}", args, applied.origin, applied.place, does or DOES[applied.name])


_UNSET = {"on": "whatever may pass", "max_retry_after": "any"}
"""What it means that these are not set; of others nothing is said."""


def _arguments(policy: Policy) -> tuple[Argument, ...]:
    """The values of a policy, in the order in which they are written."""
    if isinstance(policy, OnError):
        return tuple(Argument(name, reaction_words(one), is_default=False) for name, one in policy.reactions)
    defaults = {field.name: field.default for field in fields(policy)}
    if isinstance(policy, Breaker):
        policy, defaults = _ratio_in_force(policy, defaults)
    found = []
    for name in (param.name for param in ROWS[_name_of(policy)].params if param.name in defaults):
        value = getattr(policy, name)
        said = _UNSET.get(name, "") if value is None else _said(value)
        if said:
            found.append(Argument(name, said, is_default=value == defaults[name]))
    return tuple(found)


def _ratio_in_force(policy: Breaker, defaults: dict[str, Any]) -> tuple[Breaker, dict[str, Any]]:
    """A breaker with the ratio that nobody wrote; without one `min_calls` says nothing."""
    if policy.share is None:
        return policy, {name: value for name, value in defaults.items() if name != "min_calls"}
    if policy.ratio is None:
        return replace(policy, ratio=policy.share), defaults | {"ratio": policy.share}
    return policy, defaults


def _name_of(policy: Policy) -> str:
    """The annotation that makes such a policy."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(policy).__name__).lower()


def _said(value: Any) -> str:
    if isinstance(value, tuple) and type(value) is tuple and len(value) == 1:
        return _said(value[0])
    if isinstance(value, float):
        return f"{value:g}"
    return value_words(cast(Any, value))
