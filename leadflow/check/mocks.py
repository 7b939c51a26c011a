"""What a mock stands in for, and what it may answer (rule E10): each of its answers fits all that it can answer."""

from collections.abc import Callable, Sequence

from leadflow.check.args import Slot, bind
from leadflow.check.calls import target_of
from leadflow.check.checked import ActionCall, BoundArg, FlowCallInfo, MockInfo
from leadflow.check.context import Context
from leadflow.check.infer import expect, infer
from leadflow.check.messages.names import unknown_name
from leadflow.check.messages.policies import bad_mock
from leadflow.check.messages.trials import no_is_failure, unknown_failure
from leadflow.check.program import Agent, AgentSymbol, BrokenSymbol, FlowSymbol, ModuleScope, Symbol, ToolSymbol
from leadflow.check.reached import parts_of, walk_called
from leadflow.check.statements import steps_of
from leadflow.diagnostics import nearest
from leadflow.plan.expr import SlotKind
from leadflow.plan.kinds import PREDECLARED
from leadflow.plan.trial import FAILURES, CallTarget, StepTarget, Target, failure_meant
from leadflow.plan.types import DURATION, JSON, STRING, UNKNOWN, Type
from leadflow.record import record
from leadflow.syntax import tree


@record
class _Found:
    """What a target names."""

    target: Target
    types: Sequence[Type] = ()
    """Of all that it can answer; empty when none of them says a type."""
    params: Sequence[tuple[Slot, Type, SlotKind]] = ()
    """Of the action."""
    is_open: bool = False
    """It takes arguments of any name."""
    calls: Sequence[ActionCall] = ()
    """Further ones that it can answer, as far as its arguments let it."""
    is_approval: bool = False
    """It answers with a person's yes, or fails."""
    tool: ToolSymbol | None = None
    """A tool that is a call of an agent: what it sends is worked out from all of its arguments."""


def answerable(cx: Context, decl: tree.TestDecl) -> frozenset[int]:
    """The calls that mocks of actions can answer in a test: of the flows that it runs, but those that a mock answers by
    their step.
    """
    by_step: set[int] = set()
    keys: list[str] = []
    for statement in decl.body:
        if isinstance(statement, tree.Mock) and len(statement.target) > 1:
            named = _named(cx, statement)
            if isinstance(named.symbol, FlowSymbol) and len(named.rest) == 1:
                steps = steps_of(named.symbol.decl)
                by_step.update(step.action.id for step in steps if step.name.text == named.rest[0].text)
        elif isinstance(statement, tree.TestRun) and isinstance(statement.call, tree.Call):
            target = target_of(cx, statement.call.callee)
            if target is not None and isinstance(target.symbol, FlowSymbol):
                keys.append(target.symbol.key)
    flows = [cx.program.flows[key].decl for key in dict.fromkeys(keys) if key in cx.program.flows]
    bodies = [part for flow in flows for part in parts_of(flow)]
    return frozenset(node.id for node in walk_called(cx.program, bodies, with_tools=True)) - by_step


def check_mock(cx: Context, mock: tree.Mock, calls: frozenset[int]) -> None:
    """A stand-in: its target exists, and each of its answers fits all that it can answer.

    Args:
        calls: what a mock of an action can answer here.
    """
    found = _find(cx, mock, calls)
    args = _args(cx, mock, found)
    if found is not None:
        written_out = _written_out(cx, mock, found.tool, args) if found.tool is not None and args is not None else None
        cx.program.mocks[mock.id] = written_out or MockInfo(found.target, args)
    types: Sequence[Type] = ()
    if found is not None:
        types = _unique([*found.types, *(call.result for call in found.calls if _may_answer(args, call))])
    for given in mock.answers:
        answer = given.answer if isinstance(given, tree.Late) else given
        if isinstance(given, tree.Late):
            expect(cx, given.delay, DURATION, f"what stands behind 'after' in the mock of '{_written(mock)}'")
        if isinstance(answer, tree.Fail):
            _reason(cx, answer.reason)
        elif not types:
            infer(cx, answer)
        else:
            for type_ in types:
                expect(cx, answer, type_, f"the answer of '{_written(mock)}'")
        if found is not None and found.is_approval and isinstance(answer, tree.Bool) and not answer.value:
            cx.report(no_is_failure(answer.span))


def _reason(cx: Context, reason: tree.Expr) -> None:
    """A reason names a failure, where it is written right here."""
    expect(cx, reason, STRING, "the reason behind 'fail'")
    plain = reason.plain if isinstance(reason, tree.Text) else None
    if plain is not None and failure_meant(plain) is None:
        cx.report(unknown_failure(reason.span, plain.partition(":")[0].strip(), known=FAILURES))


def _written(mock: tree.Mock) -> str:
    return ".".join(part.text for part in mock.target)


def _args(cx: Context, mock: tree.Mock, found: _Found | None) -> tuple[BoundArg, ...] | None:
    """The arguments that a call must have: those that are written, matched with the action's parameters."""
    if mock.args is None:
        return None
    if found is not None and isinstance(found.target, StepTarget):
        why = "a step is told by its name alone; arguments stand behind an action: 'agent.action(…)'"
        cx.report(bad_mock(mock.target[-1].span, mock.target[-1].text, why=why))
    if found is None or isinstance(found.target, StepTarget):
        for arg in mock.args:
            infer(cx, arg.value)
        return None
    slots = [slot for slot, _, _ in found.params]
    span = mock.target[0].span.to(mock.target[-1].span)
    bound = bind(cx, mock.args, slots, owner=f"'{_written(mock)}'", span=span, open_ended=found.is_open)
    args: list[BoundArg] = []
    for slot, type_, kind in found.params:
        value = bound.one(slot.name)
        if value is not None:
            expect(cx, value, type_, f"the argument '{slot.name}' of '{_written(mock)}'")
            args.append(BoundArg(slot.name, value, kind))
    place = 0
    for arg in bound.extra:
        infer(cx, arg.value)
        args.append(BoundArg(arg.name.text if arg.name is not None else str(place), arg.value, "text"))
        place += arg.name is None
    for arg in bound.loose:
        infer(cx, arg.value)
    return tuple(args)


def _written_out(cx: Context, mock: tree.Mock, tool: ToolSymbol, args: Sequence[BoundArg]) -> MockInfo | None:
    """What a tool that is a call sends, given these arguments; None when it cannot be worked out, which is reported."""
    given = {arg.param: arg.value for arg in args}
    params = cx.program.signatures[tool.key].params
    lacking = [param.name for param in params if param.required and param.name not in given]
    if lacking:
        why = f"'{_written(mock)}' is a call of an agent: say all of its arguments, {', '.join(lacking)} too, or none"
        cx.report(bad_mock(mock.target[-1].span, mock.target[-1].text, why=why))
        return None
    stands = tuple((param.id, given.get(param.name.text, param.default)) for param in tool.decl.params)
    return MockInfo(CallTarget(tool.key, None), cx.program.agents[tool.key].tool_args, stands)


# --- targets ------------------------------------------------------------------------------------------------------


@record
class _Named:
    """A target, as far as its names lead: what has a name in a file, and the names behind that."""

    home: ModuleScope
    symbol: Symbol | None
    first: tree.Ident
    rest: Sequence[tree.Ident]


def _named(cx: Context, mock: tree.Mock) -> _Named:
    first, *rest = mock.target
    symbol = cx.symbol(first.text)
    module = getattr(symbol, "scope", None)
    if isinstance(module, ModuleScope) and rest:
        first, *rest = rest
        return _Named(module, module.values.get(first.text), first, rest)
    return _Named(cx.scope, symbol, first, rest)


def _find(cx: Context, mock: tree.Mock, calls: frozenset[int]) -> _Found | None:
    """What the target names; None when that was reported."""
    named = _named(cx, mock)
    first, rest = named.first, named.rest
    match named.symbol:
        case FlowSymbol() as flow:
            return _of_step(cx, mock, flow, rest)
        case ToolSymbol() as symbol if not rest:
            return _of_tool(cx, symbol, calls)
        case AgentSymbol() as symbol if len(rest) == 1:
            return _of_action(cx, symbol.key, rest[0], calls)
        case BrokenSymbol():
            return None
        case None if first.text in PREDECLARED and len(rest) == 1:
            return _of_action(cx, first.text, rest[0], calls)
        case None:
            hint = _not_taken(named.home, first.text)
            known = () if hint else cx.program.known(named.home.values)
            cx.report(unknown_name(first.span, first.text, what="flow, agent or tool", known=known, hint=hint))
        case _:
            why = f"'{_written(mock)}' is nothing to stand in for: name a step 'flow.step', an 'agent.action' or a tool"
            cx.report(bad_mock(mock.target[0].span.to(mock.target[-1].span), first.text, why=why))
    return None


def _not_taken(scope: ModuleScope, name: str) -> str:
    """That a file has this name from which others were taken: a test imports what it mocks, too."""
    for taken, symbol in scope.values.items():
        home = getattr(symbol, "home", None)
        if not isinstance(home, ModuleScope) or home is scope:
            continue
        found = home.values.get(name)
        if isinstance(found, AgentSymbol | ToolSymbol | FlowSymbol) and found.home is home:
            what = {AgentSymbol: "an agent", ToolSymbol: "a tool"}.get(type(found), "a flow")
            return f"{home.module.source.name} has {what} '{name}': take it, too, as in 'use … ({taken}, {name})'"
    return ""


_MOST_NAMED = 12
"""Steps that are told by name."""


def _of_step(cx: Context, mock: tree.Mock, symbol: FlowSymbol, rest: Sequence[tree.Ident]) -> _Found | None:
    steps = list(steps_of(symbol.decl))
    if not rest:
        why = f"'{_written(mock)}' is a flow; name one of its steps: '{_written(mock)}.step'"
        cx.report(bad_mock(mock.target[-1].span, _written(mock), why=why))
        return None
    names = dict.fromkeys(step.name.text for step in steps)
    for part in rest:
        if part.text not in names:
            why = f"flow '{symbol.decl.name.text}' has no step '{part.text}'"
            if nearest(part.text, names) is None:
                why += f"; its steps: {', '.join([*names][:_MOST_NAMED]) or 'none'}"
            cx.report(bad_mock(part.span, part.text, why=why, known=cx.program.known(names)))
            return None
    found: list[Type] = []
    for step in steps:
        if step.name.text == rest[-1].text:
            call = cx.program.calls.get(step.action.id)
            info = cx.program.steps.get(step.id)
            if isinstance(call, ActionCall | FlowCallInfo):
                found.append(call.result)
            elif info is not None:
                found.append(info.type)
    is_approval = all(cx.program.is_approval(step.action) for step in steps if step.name.text == rest[-1].text)
    return _Found(StepTarget(symbol.key, tuple(part.text for part in rest)), _unique(found), is_approval=is_approval)


def _of_tool(cx: Context, symbol: ToolSymbol, calls: frozenset[int]) -> _Found:
    signature = cx.program.signatures[symbol.key]
    params = [(Slot(param.name), param.type, _TEXT) for param in signature.params]
    is_call = cx.program.agents[symbol.key].tool_args is not None
    results = [call.result for call in _of_calls(cx, symbol.key, None, calls)]
    types = _unique([*results, signature.result])  # a model is given what it declares
    return _Found(CallTarget(symbol.key, None), types, params, tool=symbol if is_call else None)


_TEXT: SlotKind = "text"


def _of_action(cx: Context, key: str, action: tree.Ident, calls: frozenset[int]) -> _Found | None:
    agent: Agent | None = cx.program.agents.get(key)
    if agent is None or agent.kind is None:
        return None
    row = agent.kind.action(action.text)
    if row is None:
        why = f"agent '{agent.name}' has no action '{action.text}'"
        cx.report(bad_mock(action.span, action.text, why=why, known=cx.program.known(agent.kind.actions)))
        return None
    params = [(Slot(param.name, positional=param.positional), param.type, param.slot) for param in row.params]
    found = _of_calls(cx, key, action.text, calls)
    return _Found(CallTarget(key, action.text), (), params, row.any_args, found, row.approves)


def _of_calls(cx: Context, agent: str, action: str | None, calls: frozenset[int]) -> list[ActionCall]:
    """Those of the calls that are of an agent's action."""
    return [
        call
        for id_, call in cx.program.calls.items()
        if id_ in calls and isinstance(call, ActionCall) and call.agent == agent and action in (None, call.action)
    ]


def _may_answer(args: Sequence[BoundArg] | None, call: ActionCall) -> bool:
    """Whether a call can have the arguments of a mock, by what is written in both."""
    given = {arg.param: arg.value for arg in call.args}
    return all(arg.param not in given or _may_equal(arg.value, given[arg.param]) for arg in args or ())


_PLAIN = (tree.Int, tree.Float, tree.Bool, tree.NoneLit, tree.Money, tree.Duration)


def _may_equal(one: tree.Expr, other: tree.Expr) -> bool:
    """Whether two expressions can have one value; of texts, whether they begin and end alike."""
    if isinstance(one, tree.Text) and isinstance(other, tree.Text):
        if one.plain is not None and other.plain is not None:
            return one.plain == other.plain
        head, end = _edge(one, 0), _edge(one, -1)
        return _meet(head, _edge(other, 0), str.startswith) and _meet(end, _edge(other, -1), str.endswith)
    if isinstance(one, tree.Int | tree.Float) and isinstance(other, tree.Int | tree.Float):
        return one.value == other.value
    if isinstance(one, _PLAIN) and isinstance(other, _PLAIN):
        return one == other
    return not (isinstance(one, (*_PLAIN, tree.Text)) and isinstance(other, (*_PLAIN, tree.Text)))


def _meet(one: str, other: str, has: Callable[[str, str], bool]) -> bool:
    return has(one, other) or has(other, one)


def _edge(text: tree.Text, at: int) -> str:
    """What a text begins or ends with, up to its first hole."""
    part = text.parts[at] if text.parts else ""
    return part if isinstance(part, str) else ""


def _unique(types: Sequence[Type]) -> list[Type]:
    found: list[Type] = []
    for type_ in types:
        if type_ not in found and type_ not in (JSON, UNKNOWN):
            found.append(type_)
    return found
