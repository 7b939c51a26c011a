"""Approval before danger (rule C9): on every path to a dangerous call a person has said yes to all that it reads.

Walks the statements of one flow in their order with what has been approved so far. Arms are walked apart, and what
holds after them is what holds after each of them that goes on. Knows calls, effects and policies from the checks
before it; types play no part.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.context import Context
from leadflow.check.granted import granted
from leadflow.check.messages.approval import shows_too_little, without_approval
from leadflow.check.program import Agent, AgentSymbol, Program
from leadflow.check.shown import Shown, as_called, names_in, shown_by
from leadflow.check.spoken import spoken
from leadflow.check.statements import steps_in, undo_of
from leadflow.diagnostics import Edit, Fix, Label, Span
from leadflow.plan.policy import OnError, OnFailure
from leadflow.record import record
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

_MOST = 16
"""Approvals of one arm that are compared with those of another."""


@record
class Approval:
    """A yes that holds from here on."""

    steps: tuple[tree.Step, ...]
    """The approving steps: one, or one of each arm."""
    shown: tuple[tree.Expr, ...]
    after: frozenset[str] = frozenset()
    """Steps that a call must wait for by name: where a failure does not stop what stands below."""


@dataclass(slots=True)
class _State:
    """What holds at one place of a flow."""

    approvals: list[Approval] = field(default_factory=list)
    made: dict[str, tuple[tree.Expr, ...] | None] = field(default_factory=dict)

    def copy(self) -> "_State":
        return _State(list(self.approvals), dict(self.made))


@dataclass(slots=True)
class _Walk:
    """One flow being walked."""

    cx: Context
    lost: dict[int, tuple[tree.Step, str]] = field(default_factory=dict)
    """Approving steps that do not hold everywhere below, with why, by id."""
    exits: list[_State] = field(default_factory=list)
    """What holds where the flow returns."""
    around: list[tree.Step] = field(default_factory=list)
    """The block steps around this place."""


def check_approvals(cx: Context, *, loose: bool) -> None:
    """Check a flow, and note for its callers what a person has approved when it is done.

    Args:
        loose: the flow goes on after a failure (`@on_failure` with `continue` or `partial`).
    """
    program, decl = cx.program, cx.flow
    if decl is None or not _any_danger(program):
        return
    walked = _Walk(cx)
    state = _State()
    is_open = _statements(walked, decl.body, state, loose)
    exits = [*walked.exits, state] if is_open else walked.exits
    key = cx.scope.key(decl.name.text)
    if exits:
        params = {param.name.text for param in decl.params}
        program.approved[key] = tuple(
            tuple(part for part in approval.shown if names_in(part) <= params)
            for approval in _merged([found.approvals for found in exits])
            if not approval.after
        )


def _any_danger(program: Program) -> bool:
    """Whether anything in the program is dangerous."""
    return any(_is_dangerous(agent) for agent in program.agents.values())


def _is_dangerous(agent: Agent) -> bool:
    rows = () if agent.kind is None else (*agent.kind.actions.values(), agent.kind.open_action)
    return "dangerous" in agent.effects.values() or any(row is not None and row.effect == "dangerous" for row in rows)


# --- statements ---------------------------------------------------------------------------------------------------


def _statements(walked: _Walk, block: tree.Block, state: _State, loose: bool) -> bool:
    """Walk a block; True when its end can be reached."""
    for statement in block.statements:
        match statement:
            case tree.Step():
                _step(walked, statement, state, loose)
            case tree.Let(name=name, value=value):
                state.made[name.text] = (value,)
            case tree.If():
                if not _if(walked, statement, state, loose):
                    return False
            case tree.Match(arms=arms):
                if not _arms(walked, [arm.body for arm in arms], state, loose):
                    return False
            case tree.Return():
                walked.exits.append(state)
                return False
            case tree.Yield() | tree.Fail():
                return False
    return True


def _if(walked: _Walk, statement: tree.If, state: _State, loose: bool) -> bool:
    blocks: list[tree.Block | None] = [statement.then]
    other = statement.otherwise
    while isinstance(other, tree.If):
        blocks.append(other.then)
        other = other.otherwise
    return _arms(walked, [*blocks, other], state, loose)


def _arms(walked: _Walk, blocks: Sequence[tree.Block | None], state: _State, loose: bool) -> bool:
    """Walk the arms of a statement, None for a missing `else`; True when one of them goes on."""
    going: list[_State] = []
    for block in blocks:
        inside = state.copy()
        if block is None or _statements(walked, block, inside, loose):
            going.append(inside)
    if not going:
        return False
    merged = _merged([found.approvals for found in going])
    kept = {step.id for approval in merged for step in approval.steps}
    for found in going:
        for approval in found.approvals:
            _lose(walked, (step for step in approval.steps if step.id not in kept), "only some paths pass it")
    state.approvals = merged
    for name in dict.fromkeys(name for found in going for name in found.made):
        parts = [found.made[name] for found in going if name in found.made]
        known = [part for part in parts if part is not None]
        state.made[name] = (
            tuple(dict.fromkeys(expr for part in known for expr in part)) if len(known) == len(parts) else None
        )
    return True


def _merged(paths: Sequence[Sequence[Approval]]) -> list[Approval]:
    """What is approved after several paths: what all of them share, and for approvals of their own what each shows."""
    result = list(paths[0])
    for path in paths[1:]:
        both = [approval for approval in result if any(approval is other for other in path)]
        mine = [approval for approval in result if not any(approval is other for other in both)][:_MOST]
        others = [approval for approval in path if not any(approval is other for other in both)][:_MOST]
        for one in mine:
            for other in others:
                shown = tuple(expr for expr in one.shown if expr in other.shown)
                both.append(Approval((*one.steps, *other.steps), shown, one.after | other.after))
        result = both
    return result


def _lose(walked: _Walk, steps: Iterable[tree.Step], why: str) -> None:
    for step in steps:
        walked.lost.setdefault(step.id, (step, why))


# --- steps --------------------------------------------------------------------------------------------------------


def _step(walked: _Walk, step: tree.Step, state: _State, loose: bool) -> None:
    before = len(state.approvals)
    if isinstance(step.action, tree.For | tree.Repeat | tree.Parallel | tree.Race | tree.Do):
        walked.around.append(step)
        _block(walked, step, step.action, state)
        walked.around.pop()
    else:
        _call(walked, step, state)
    new = state.approvals[before:]
    state.made[step.name.text] = () if walked.cx.program.is_approval(step.action) else None  # a yes is always true
    why = _absorbed(walked.cx.program, step)
    if why:
        for approval in new:
            _lose(walked, approval.steps, f"{why} lets the flow go on after a no")
        new = []
    elif loose:
        new = [Approval(found.steps, found.shown, frozenset({step.name.text})) for found in new]
    state.approvals[before:] = new


def _absorbed(program: Program, step: tree.Step) -> str:
    """What makes a failure of a step, or of a member of it, no failure; empty when nothing does."""
    if any(isinstance(clause, tree.Catch) for clause in step.clauses):
        return "'catch'"
    info = program.steps.get(step.id)
    for applied in info.policies if info is not None else ():
        if applied.name == "optional":
            return "'@optional'"
        if applied.policy == OnFailure("partial"):
            return "'@on_failure(\"partial\")'"
        reactions = applied.policy.reactions if isinstance(applied.policy, OnError) else ()
        if any(reaction.does == "skip" for _, reaction in reactions):
            return "'@on_error' with 'skip'"
    return ""


def _block(walked: _Walk, step: tree.Step, action: tree.Action, state: _State) -> None:
    """Walk a block step; what it approves for those below is put into `state`."""
    inside = state.copy()
    match action:
        case tree.For(item=item, index=index, items=items, body=body):
            inside.made[item.text] = (items,)
            if index is not None:
                inside.made[index.text] = ()
            _statements(walked, body, inside, False)
            for approval in inside.approvals[len(state.approvals) :]:
                _lose(walked, approval.steps, "a loop may have no round")
            return
        case tree.Repeat(name=name, index=index, body=body):
            inside.made[name.text] = None
            if index is not None:
                inside.made[index.text] = ()
            _statements(walked, body, inside, _goes_on(walked.cx.program, step))
        case tree.Do(body=body):
            _statements(walked, body, inside, _goes_on(walked.cx.program, step))
        case tree.Parallel(body=body):
            need = walked.cx.program.needs.get(action.id)
            states = _members(walked, body, state)
            found = [approval for member in states for approval in member.approvals[len(state.approvals) :]]
            if any(arg.name is not None and arg.name.text == "need" for arg in action.args) and need != len(states):
                for approval in found:
                    _lose(walked, approval.steps, "'need' lets the flow go on without it")
                found = []
            inside.approvals.extend(found)
        case tree.Race(body=body):
            states = _members(walked, body, state)
            inside.approvals = _merged([member.approvals for member in states]) if states else inside.approvals
    bound = {other.name.text for other in steps_in(tree.Block((step,), id=0, span=step.span)) if other is not step}
    bound |= {node.name.text for node in walk(step) if isinstance(node, tree.Let | tree.Repeat)}
    for approval in inside.approvals[len(state.approvals) :]:
        seen = tuple(expr for expr in approval.shown if not names_in(expr) & bound)
        state.approvals.append(Approval(approval.steps, seen))


def _goes_on(program: Program, step: tree.Step) -> bool:
    """Whether a failing member does not keep what stands below it from starting."""
    info = program.steps.get(step.id)
    return info is not None and any(
        isinstance(applied.policy, OnFailure) and applied.policy.strategy != "stop" for applied in info.policies
    )


def _members(walked: _Walk, body: tree.Block, state: _State) -> list[_State]:
    """Walk members, each from what held above the block."""
    states = []
    for member in body.statements:
        if isinstance(member, tree.Step):
            inside = state.copy()
            _step(walked, member, inside, False)
            states.append(inside)
    return states


# --- calls --------------------------------------------------------------------------------------------------------


def _call(walked: _Walk, step: tree.Step, state: _State) -> None:
    program = walked.cx.program
    call = program.calls.get(step.action.id)
    undo = undo_of(step)
    for node in (step.action, undo.call if undo is not None else None):
        info = program.calls.get(node.id) if node is not None else None
        danger = _danger(program, info) if isinstance(info, ActionCall) else ""
        if danger and isinstance(node, tree.Call):
            _require(walked, step, node, danger, state)
    if isinstance(call, ActionCall) and program.is_approval(step.action):
        state.approvals.append(Approval((step,), _shown_in(program, step, state)))
    elif isinstance(call, FlowCallInfo):
        flow = program.flows.get(call.flow)
        names = [param.name for param in flow.params] if flow is not None else []
        args = {
            name: arg
            for name, arg, given in zip(names, call.args, call.given, strict=False)
            if given and isinstance(arg, tree.Node)
        }
        for inner in program.approved.get(call.flow, ()):
            seen = [as_called(expr, args) for expr in inner]
            parts = [part for expr in seen if expr is not None for part in shown_by(expr, state.made)]
            state.approvals.append(Approval((step,), tuple(parts)))


def _shown_in(program: Program, step: tree.Step, state: _State) -> tuple[tree.Expr, ...]:
    """What an approving step shows."""
    call = program.calls.get(step.action.id)
    args = call.args if isinstance(call, ActionCall) else ()
    show = next((arg.value for arg in args if arg.param == "show"), None)
    return () if show is None else shown_by(show, state.made)


def _danger(program: Program, call: ActionCall) -> str:
    """What is dangerous about a call, as its author writes it; empty when nothing is. A flow that a model may call
    has its own approvals, so it is none."""
    if call.effect != "dangerous":
        return ""
    agent = program.agents.get(call.agent)
    row = agent.kind.action(call.action) if agent is not None and agent.kind is not None else None
    if agent is None or row is None:
        return ""
    if agent.effects.get(call.action, row.effect) == "dangerous":
        return agent.name if agent.tool is not None else f"{agent.name}.{call.action}"
    return _dangerous_tool(program, agent)


def _dangerous_tool(program: Program, agent: Agent) -> str:
    """The dangerous tool or action that a model may call, also by way of another model."""
    found = (one.name for one in granted(program, agent) if one.effect == "dangerous" and not one.is_flow)
    return next(found, "")


def _require(walked: _Walk, step: tree.Step, call: tree.Call, danger: str, state: _State) -> None:
    """Report a dangerous call that no approval, or none that shows all it reads, stands above."""
    cx = walked.cx
    reads = [arg.value for arg in call.args]
    waits = _waits_for(walked, step) if any(found.after for found in state.approvals) else set()
    linked = [found for found in state.approvals if found.after <= waits]
    own = {step.name.text} if call is not step.action else set()
    best: list[tree.Expr] | None = None
    nearest: Approval | None = None
    for approval in linked:
        shown = Shown(approval.shown, state.made, cx.program.refs)
        missing = [part for expr in reads for part in shown.missing(expr) if not names_in(part) & own]
        if not missing:
            return
        if best is None or len(missing) <= len(best):
            best, nearest = missing, approval
    what = f"'{danger}' is dangerous and"
    if isinstance(cx.program.calls[call.id], ActionCall) and danger != _called(call):
        what = f"step '{step.name.text}' may call '{danger}', which is dangerous, and"
    if best is not None and nearest is not None:
        names = list(dict.fromkeys(spoken(part) for part in best))
        labels = tuple(Label(found.name.span, "this is what was approved") for found in nearest.steps)
        fix = _show(cx, nearest, best)
        cx.report(shows_too_little(best[0].span, names, step=step.name.text, labels=labels, fix=fix))
        return
    loose = next((found for found in state.approvals if found not in linked), None)
    if loose is not None:
        name = sorted(loose.after)[0]
        label = Label(loose.steps[0].name.span, "after a no here, the flow goes on")
        why = f"is reached also after a no, because '@on_failure' lets the flow go on; write 'after {name}' behind it"
        cx.report(without_approval(call.callee.span, what, why=why, labels=(label,), fix=_wait(step, name)))
        return
    lost = [found for found in walked.lost.values() if found[0].span.start < step.span.start]
    labels = tuple(Label(found.name.span, f"this does not count: {why}") for found, why in lost[-1:])
    hint, fix = _ask(cx, step, reads)
    if (below := _asked_below(cx, step, reads, state)) is not None:
        hint, fix = f"'{below.name.text}', which asks, stands below it: move that above", None
        labels = (*labels, Label(below.name.span, "this asks too late"))
    if walked.around and isinstance(walked.around[-1].action, tree.Parallel | tree.Race):
        fix = None  # a member cannot wait for another
    why = f"is reached on a path without 'approve'; {hint}"
    cx.report(without_approval(call.callee.span, what, why=why, labels=labels, fix=fix))


def _asked_below(cx: Context, step: tree.Step, reads: Sequence[tree.Expr], state: _State) -> tree.Step | None:
    """The first step below a dangerous one that would do above it: it asks a person on every path, shows all that the
    call reads, and reads nothing that is made only here or below."""
    nodes = [] if cx.flow is None else list(walk(cx.flow.body))
    late = {
        node.name.text for node in nodes if isinstance(node, tree.Step | tree.Let) and node.span.end >= step.span.end
    }
    for block in [] if cx.flow is None else _blocks_around(cx.flow.body, nodes, step):
        for other in block.statements:
            if not isinstance(other, tree.Step) or other.span.start <= step.span.start or _mentions(other) & late:
                continue
            if not cx.program.is_approval(other.action) or _absorbed(cx.program, other):
                continue
            shown = Shown(_shown_in(cx.program, other, state), state.made, cx.program.refs)
            if not any(shown.missing(expr) for expr in reads):
                return other
    return None


def _blocks_around(body: tree.Block, nodes: Sequence[tree.Node], step: tree.Step) -> list[tree.Block]:
    """The blocks of a flow that a step stands in, the innermost first; not those whose members have no order."""
    unordered = {node.body.id for node in nodes if isinstance(node, tree.Parallel | tree.Race)}
    blocks = [body, *(node for node in nodes if isinstance(node, tree.Block) and node.id != body.id)]
    around = [block for block in blocks if block.span.start <= step.span.start and step.span.end <= block.span.end]
    return sorted((block for block in around if block.id not in unordered), key=lambda block: -block.span.start)


def _called(call: tree.Call) -> str:
    return spoken(call.callee).strip("'")


def _waits_for(walked: _Walk, step: tree.Step) -> set[str]:
    """The steps that a step waits for by name, in data or in `after`, itself or by way of others."""
    decl = walked.cx.flow
    if decl is None:
        return set()
    needs: dict[str, set[str]] = {}
    for node in walk(decl.body):
        if isinstance(node, tree.Step | tree.Let):
            needs.setdefault(node.name.text, set()).update(_mentions(node))
    found: set[str] = set()
    waiting = [name for node in (step, *walked.around) for name in _mentions(node, deep=node is step)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs.get(name, ()))
    return found


def _mentions(node: tree.Step | tree.Let, *, deep: bool = True) -> set[str]:
    """Names that a statement reads or waits for; only those of its clauses when it is not looked into."""
    clauses = node.clauses if isinstance(node, tree.Step) else ()
    names = {ident.text for clause in clauses if isinstance(clause, tree.After) for ident in clause.names}
    if deep:
        names |= {part.text for part in walk(node) if isinstance(part, tree.Name)}
        names |= {ident.text for part in walk(node) if isinstance(part, tree.After) for ident in part.names}
    return names


# --- what would help ----------------------------------------------------------------------------------------------


def _show(cx: Context, approval: Approval, missing: Sequence[tree.Expr]) -> Fix | None:
    """The fix that shows what is missing, where the approval stands alone in this flow."""
    action = approval.steps[0].action if len(approval.steps) == 1 else None
    call = cx.program.calls.get(action.id) if action is not None else None
    entries = _entries(cx, missing)
    if not isinstance(call, ActionCall) or not isinstance(action, tree.Call) or not entries:
        return None
    show = next((arg.value for arg in call.args if arg.param == "show"), None)
    if show is None:
        end = action.span._replace(start=action.span.end - 1, end=action.span.end - 1)
        return Fix("show it", (Edit(end, f", show: {{ {entries} }}"),))
    if not isinstance(show, tree.RecordLit) or not show.entries:
        return None
    last = show.entries[-1].value.span
    return Fix("show it, too", (Edit(last._replace(start=last.end), f", {entries}"),))


def _entries(cx: Context, values: Sequence[tree.Expr]) -> str:
    """Entries of a record that shows these values; empty when one of them has no name to show it under."""
    found: dict[str, str] = {}
    for value in values:
        text = cx.scope.module.source.at(value.span)
        name = value.name.text if isinstance(value, tree.Member) else value.text if isinstance(value, tree.Name) else ""
        if not name or found.get(name, text) != text:
            return ""
        found[name] = text
    return ", ".join(f"{name}: {text}" for name, text in found.items())


def _wait(step: tree.Step, name: str) -> Fix:
    """The fix that makes a step wait for a yes by name."""
    clause = next((clause for clause in step.clauses if isinstance(clause, tree.After)), None)
    end = clause.span.end if clause is not None else step.action.span.end
    text = f", {name}" if clause is not None else f" after {name}"
    return Fix(f"wait for '{name}'", (Edit(step.span._replace(start=end, end=end), text),))


def _ask(cx: Context, step: tree.Step, reads: Sequence[tree.Expr]) -> tuple[str, Fix | None]:
    """How to ask a person first, in words and as a fix."""
    people = [
        name
        for name, symbol in cx.scope.values.items()
        if isinstance(symbol, AgentSymbol) and _approves(cx.program.agents.get(symbol.key))
    ]
    person = people[0] if people else "desk"
    nothing = Shown((), {}, cx.program.refs)
    entries = _entries(cx, [part for expr in reads for part in nothing.missing(expr)])
    show = f", show: {{ {entries} }}" if entries else ""
    written = f'step approved = {person}.approve("…"{show})'
    hint = f"ask a person first: '{written}'"
    if not people:
        hint += f", with 'agent {person}: human {{ }}'"
    taken = {node.name.text for node in walk(cx.flow) if isinstance(node, tree.Step | tree.Let)} if cx.flow else set()
    if not people or "approved" in taken or cx.frame.find("approved") is not None:
        return hint, None
    line = cx.scope.module.source.at(Span(step.span.file, 0, step.span.start)).rpartition("\n")[2]
    indent = line if not line.strip() else " "
    question = f'step approved = {person}.approve("Go on with {step.name.text}?"{show})'
    start = step.span._replace(end=step.span.start)
    return hint, Fix("ask a person first", (Edit(start, f"{question}\n{indent}"),))


def _approves(agent: Agent | None) -> bool:
    return agent is not None and agent.kind is not None and any(row.approves for row in agent.kind.actions.values())
