"""How much a flow may do: rounds within rounds, calls at once, and budgets that no bound stands under.

Walks the statements of one flow, after its calls are known; flows come after those that they call. What nobody can
know beforehand (how long a list is) is not guessed: only what is written is multiplied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.context import Context
from leadflow.check.messages.bounds import absurd_loop, many_at_once, open_budget, open_loop
from leadflow.check.program import Agent, Loose, Program
from leadflow.check.spoken import spoken
from leadflow.diagnostics import Edit, Fix, Label, Span
from leadflow.plan.policy import DEFAULT_CONCURRENCY, Applied, Budget, Concurrency
from leadflow.plan.reactions import stand_ins
from leadflow.plan.types import Length
from leadflow.record import record
from leadflow.syntax import tree

_MOST_CALLS = 100_000
"""Calls of a model in one run beyond which nobody can have meant the product; of other agents ten times that."""
_MOST_IN_TURN = 1_000
"""Rounds of a `repeat` around a model that wait for each other."""
_MOST_AT_ONCE = 1_000
"""Calls under way at once, where nothing else limits them."""


@record
class _Loop:
    """A loop around a place."""

    span: Span
    """Of its limit, or of its word."""
    rounds: int
    """At the most, as far as that is written; else 1."""
    at_once: int
    in_turn: bool


@dataclass(slots=True)
class _Walk:
    """One flow being walked."""

    cx: Context
    loose: list[Loose] = field(default_factory=list)
    """What has no bound in it, so far."""
    calls: int = 0
    """The most calls of one agent in one run, as far as caps are written."""
    model: str = ""
    """A model that is called in it, as its author writes that."""
    said: set[int] = field(default_factory=set)


def check_bounds(cx: Context, written: Sequence[Applied]) -> None:
    """Warn about what a flow may do without measure, and note it for its callers."""
    if cx.flow is None:
        return
    walked = _Walk(cx)
    _block(walked, cx.flow.body, ())
    _budget(walked, written, 0, f"flow '{cx.flow.name.text}'")
    key = cx.scope.key(cx.flow.name.text)
    cx.program.loose[key] = tuple(walked.loose)
    cx.program.rounds[key] = (walked.calls, walked.model)


def _block(walked: _Walk, block: tree.Block, loops: tuple[_Loop, ...]) -> None:
    for statement in block.statements:
        match statement:
            case tree.Step():
                _step(walked, statement, loops)
            case tree.If():
                other: tree.Block | tree.If | None = statement
                while isinstance(other, tree.If):
                    _block(walked, other.then, loops)
                    other = other.otherwise
                if other is not None:
                    _block(walked, other, loops)
            case tree.Match(arms=arms):
                for arm in arms:
                    _block(walked, arm.body, loops)
            case _:
                pass


def _step(walked: _Walk, step: tree.Step, loops: tuple[_Loop, ...]) -> None:
    program = walked.cx.program
    info = program.steps.get(step.id)
    policies = info.policies if info is not None else ()
    before = len(walked.loose)
    match step.action:
        case tree.For(limit=limit, items=items, body=body):
            most = _number(program, limit)
            inner = (*loops, _Loop((limit or items).span, most or 1, _at_once(policies, most), in_turn=False))
            kept, walked.model = walked.model, ""
            _block(walked, body, inner)
            if limit is None and walked.model and not _length_known(walked.cx, items):
                walked.loose.append(Loose(items.span, None, f"'for' over {spoken(items)}", walked.model))
            walked.model = walked.model or kept
        case tree.Repeat(limit=limit, body=body):
            inner = (*loops, _Loop(limit.span, _number(program, limit) or 1, 1, in_turn=True))
            _block(walked, body, inner)
        case tree.Parallel(body=body) | tree.Race(body=body):
            members = len(body.statements)
            width = next((p.policy.limit for p in policies if isinstance(p.policy, Concurrency)), members)
            _block(walked, body, (*loops, _Loop(step.name.span, 1, max(1, min(width, members)), in_turn=False)))
        case tree.Do(body=body):
            _block(walked, body, loops)
        case _:
            _call(walked, step, policies, loops)
    own = [policy for policy in policies if policy.origin.endswith("step")]
    _budget(walked, own, before, f"step '{step.name.text}'")


def _number(program: Program, expr: tree.Expr | None) -> int | None:
    value = program.constants.get(expr.id) if expr is not None else None
    if isinstance(expr, tree.Int):
        value = expr.value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _at_once(policies: Sequence[Applied], most: int | None) -> int:
    """How many rounds of a `for` may be under way at once."""
    own = next((p.policy.limit for p in policies if isinstance(p.policy, Concurrency)), DEFAULT_CONCURRENCY)
    return min(own, most) if most is not None else own


def _length_known(cx: Context, items: tree.Expr) -> bool:
    """Whether it is written how long a list is at the most."""
    match items:
        case tree.ListLit():
            return True
        case tree.Name(text=text):
            if text in cx.scope.values:
                return True  # a constant
            params = cx.program.signatures[cx.scope.key(cx.flow.name.text)].params if cx.flow is not None else ()
            found = next((param for param in params if param.name == text), None)
            limits = found.constraints if found is not None else ()
            return any(isinstance(limit, Length) and limit.high is not None for limit in limits)
        case tree.Call(callee=tree.Name(text=text), args=args):
            if text in ("take", "slice", "range"):
                return all(isinstance(arg.value, tree.Int) for arg in (args if text == "range" else args[1:]))
            return False
        case _:
            return False


# --- calls --------------------------------------------------------------------------------------------------------


def _call(walked: _Walk, step: tree.Step, policies: Sequence[Applied], loops: tuple[_Loop, ...]) -> None:
    program = walked.cx.program
    call = program.calls.get(step.action.id)
    product = 1
    for loop in loops:
        product *= loop.rounds
    if isinstance(call, FlowCallInfo):
        calls, model = program.rounds.get(call.flow, (0, ""))
        for found in program.loose.get(call.flow, ()):
            walked.loose.append(Loose(step.action.span, found.agent, found.what, found.model))
        walked.model = walked.model or model
        _count(walked, step, product * calls, model, loops, name=model or call.flow)
    elif isinstance(call, ActionCall):
        agent = program.agents.get(call.agent)
        row = agent.kind.action(call.action) if agent is not None and agent.kind is not None else None
        if agent is None or row is None:
            return
        name = agent.name if agent.tool is not None else f"{agent.name}.{call.action}"
        model = name if row.asks_model else ""
        walked.model = walked.model or model
        if row.asks_model and not any(arg.param == "max_tokens" for arg in call.args):
            for key in _talkers(program, [call.agent, *stand_ins(policies)]):
                walked.loose.append(Loose(step.action.span, key, "", name))
        _count(walked, step, product, model, loops, name=name)
        _check_at_once(walked, agent, loops, name)


def _talkers(program: Program, keys: Iterable[str]) -> list[str]:
    """The agents, also by way of others, whose answers may be of any length."""
    found: list[str] = []
    waiting, seen = list(keys), set(keys)
    while waiting:
        agent = program.agents.get(waiting.pop(0))
        if agent is None or agent.kind is None:
            continue
        if agent.kind.setting("max_tokens") is not None and "max_tokens" not in agent.settings:
            found.append(agent.key)
        for key in agent.via:
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return found


def _count(walked: _Walk, step: tree.Step, calls: int, model: str, loops: tuple[_Loop, ...], *, name: str) -> None:
    """Note how often a call may be made, and say so when that is beyond measure."""
    walked.calls = max(walked.calls, calls)
    turns = [loop for loop in loops if loop.in_turn and loop.rounds > _MOST_IN_TURN]
    if not loops or loops[-1].span.start in walked.said:
        return
    if calls > (_MOST_CALLS if model else _MOST_CALLS * 10):
        walked.said.add(loops[-1].span.start)
        factors = [loop for loop in loops if loop.rounds > 1]
        at = factors[-1] if factors else loops[-1]
        labels = tuple(Label(loop.span, f"{loop.rounds:,} rounds around it") for loop in factors[:-1])
        walked.cx.report(absurd_loop(at.span, name, calls=calls, in_turn=False, labels=labels))
    elif turns and model:
        walked.said.add(loops[-1].span.start)
        walked.cx.report(absurd_loop(turns[-1].span, name, calls=turns[-1].rounds, in_turn=True, labels=()))


def _check_at_once(walked: _Walk, agent: Agent, loops: tuple[_Loop, ...], name: str) -> None:
    """Say when blocks within blocks start more calls at once than anything can serve, and the agent sets no limit."""
    at_once = 1
    for loop in loops:
        at_once *= loop.at_once
    if at_once <= _MOST_AT_ONCE or any(policy.name in ("limit", "concurrency") for policy in agent.shared):
        return
    wide = [loop for loop in loops if loop.at_once > 1]
    if wide[-1].span.start not in walked.said:
        walked.said.add(wide[-1].span.start)
        labels = tuple(Label(loop.span, f"{loop.at_once:,} at once around it") for loop in wide[:-1])
        walked.cx.report(many_at_once(wide[-1].span, name, at_once=at_once, agent=agent.name, labels=labels))


# --- budgets ------------------------------------------------------------------------------------------------------


def _budget(walked: _Walk, policies: Sequence[Applied], since: int, what: str) -> None:
    """Warn about a budget in money around calls whose price has no bound; each is said once."""
    cx, program = walked.cx, walked.cx.program
    applied = next((policy for policy in policies if policy.name == "budget"), None)
    if not _is_of_money(applied):
        return
    for found in walked.loose[since:]:
        key = found.agent or str(found.span.start)
        if not program.once("budget", f"{what} {key}"):
            continue
        agent = program.agents.get(found.agent) if found.agent is not None else None
        if agent is not None:
            cx.report(
                open_budget(found.span, agent.name, what=what, labels=_where(agent), fix=_limit_answers(cx, agent))
            )
        else:
            cx.report(open_loop(found.span, found.what, what=what, model=found.model))


def check_agent_budget(cx: Context, agent: Agent, span: Span | None) -> None:
    """Warn about a budget on an agent whose answers may be of any length.

    Args:
        span: where the budget is written.
    """
    applied = next((policy for policy in agent.inherited if policy.name == "budget"), None)
    if span is None or agent.kind is None or not _is_of_money(applied):
        return
    if not any(row.asks_model for row in agent.kind.actions.values()):
        return
    for key in _talkers(cx.program, [agent.key] if agent.key in cx.program.agents else []):
        found = cx.program.agents[key]
        what = f"agent '{agent.name}'"
        cx.report(open_budget(span, found.name, what=what, labels=_where(found), fix=_limit_answers(cx, found)))


def _is_of_money(applied: Applied | None) -> bool:
    """Whether it is a budget that limits money."""
    return applied is not None and isinstance(applied.policy, Budget) and applied.policy.money is not None


def _where(agent: Agent) -> tuple[Label, ...]:
    return (Label(agent.span, "give it 'max_tokens: …'"),) if agent.span is not None else ()


def _limit_answers(cx: Context, agent: Agent) -> Fix | None:
    """The fix that limits the answers of an agent of this file."""
    symbol = cx.scope.values.get(agent.name)
    decl = getattr(symbol, "decl", None)
    if not isinstance(decl, tree.AgentDecl) or agent.home is not cx.scope or decl.name.span != agent.span:
        return None
    if decl.settings:
        last = decl.settings[-1].span
        return Fix("limit its answers", (Edit(last._replace(start=last.end), "  max_tokens: 1_000"),))
    brace = decl.span._replace(start=decl.span.end - 1, end=decl.span.end)
    if cx.scope.module.source.at(brace) != "}":
        return None
    return Fix("limit its answers", (Edit(brace._replace(end=brace.start), " max_tokens: 1_000 "),))
