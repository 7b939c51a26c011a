"""Plans in words: expressions, work, reasons and policies as an author would write or say them. For people only.

The names of a flow's nodes, lets and slots stand where its plan has numbers. Nothing here is read back.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import assert_never

from leadflow.plan.expr import (
    Apply,
    Binary,
    Bound,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Guard,
    Index,
    LetValue,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    RunValue,
    Template,
    Unary,
)
from leadflow.plan.forms import to_text
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Do,
    Fail,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Need,
    Node,
    Parallel,
    Race,
    Repeat,
    Return,
    Yield,
)
from leadflow.plan.policy import (
    PER_UNITS,
    Breaker,
    Budget,
    Cache,
    Concurrency,
    Fallback,
    Hedge,
    Idempotent,
    Limit,
    Once,
    OnDoubt,
    OnError,
    OnFailure,
    Optional,
    PerTime,
    Policy,
    Priority,
    Reaction,
    Retry,
    Timeout,
)
from leadflow.plan.types import Money, Value

# --- values -------------------------------------------------------------------------------------------------------

_UNITS = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms"))


def duration_words(value: timedelta) -> str:
    """`1h30m`, as an author writes it."""
    rest = value // timedelta(microseconds=1)
    sign, rest = ("-", -rest) if rest < 0 else ("", rest)
    found = ""
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        found += f"{count}{unit}" if count else ""
    return sign + (found or "0s")


def per_words(period: timedelta) -> str:
    """What stands behind `per`: `minute`, `90s`."""
    return next((unit for unit, length in PER_UNITS.items() if length == period), duration_words(period))


def value_words(value: Value | PerTime) -> str:
    """A value as a literal."""
    match value:
        case PerTime(amount, period):
            return f"{amount} per {per_words(period)}"
        case str():
            return f'"{_escape(value)}"'
        case timedelta():
            return duration_words(value)
        case Money():
            return "$" + str(value).removeprefix("USD ")
        case tuple():
            return "[" + ", ".join(map(value_words, value)) + "]" if type(value) is tuple else to_text(value)
        case Mapping():
            return "{ " + ", ".join(f"{name}: {value_words(item)}" for name, item in value.items()) + " }"
        case _:
            return to_text(value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


# --- expressions --------------------------------------------------------------------------------------------------

_BINDS = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "not in": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "??": 7,
}  # fmt: skip
_NOT, _MINUS, _POSTFIX = 3, 8, 9


def expr_words(flow: FlowPlan, expr: Expr, outer: int = 0) -> str:
    """An expression on one line, in parentheses where what stands around binds tighter than `outer`."""
    text, binds = _words(flow, expr)
    return f"({text})" if binds < outer else text


def _words(flow: FlowPlan, expr: Expr) -> tuple[str, int]:
    """The text of an expression, and how tightly its loosest operator binds."""

    def inside(part: Expr, outer: int = 0) -> str:
        return expr_words(flow, part, outer)

    match expr:
        case Binary(op, left, right):
            binds = _BINDS[op]
            return f"{inside(left, binds + (binds == 4))} {op} {inside(right, binds + 1)}", binds
        case Unary("not", operand):
            return f"not {inside(operand, _NOT)}", _NOT
        case Unary(_, operand):
            return f"-{inside(operand, _MINUS)}", _MINUS
        case Member(target, name, safe):
            return f"{inside(target, _POSTFIX)}{'?.' if safe else '.'}{name}", _POSTFIX
        case Index(target, index):
            return f"{inside(target, _POSTFIX)}[{inside(index)}]", _POSTFIX
        case Choose(subject, cases):
            return _choice(flow, subject, cases), 0
        case _:
            return _atom(flow, expr), _POSTFIX


def _atom(flow: FlowPlan, expr: Expr) -> str:
    def inside(part: Expr) -> str:
        return expr_words(flow, part)

    match expr:
        case Const(value):
            return value_words(value)
        case Bound(scope, slot):
            return flow.scopes[scope].slots[slot]
        case NodeValue(node):
            return step_name(flow.nodes[node])
        case LetValue(let):
            return flow.lets[let].name
        case Local(slot):
            return "it" if slot == 0 else f"it{slot + 1}"
        case RunValue(name):
            return f"run.{name}"
        case Phi(cases):
            return " | ".join(dict.fromkeys(inside(value) for _, value in cases)) or "none"
        case Template(parts):
            return '"' + "".join(_escape(p) if isinstance(p, str) else f"${{{inside(p)}}}" for p in parts) + '"'
        case ListOf(items):
            return "[" + ", ".join(map(inside, items)) + "]"
        case RecordOf(entries):
            return "{ " + ", ".join(f"{name}: {inside(value)}" for name, value in entries) + " }"
        case Comprehension(value, slot, items, condition):
            tail = "" if condition is None else f" if {inside(condition)}"
            return f"[{inside(value)} for {_atom(flow, Local(slot))} in {inside(items)}{tail}]"
        case Apply(function, args):
            return f"{function}({', '.join(map(inside, args))})"
        case Fit(value):
            return inside(value)
        case Binary() | Unary() | Member() | Index() | Choose():
            return _words(flow, expr)[0]
        case _:
            assert_never(expr)


def _choice(flow: FlowPlan, subject: Expr, cases: tuple[tuple[tuple[Value, ...] | None, Expr], ...]) -> str:
    match cases:
        case (((True,), then), (None, otherwise)):
            parts = [expr_words(flow, part) for part in (subject, then, otherwise)]
            return f"if {parts[0]} then {parts[1]} else {parts[2]}"
    arms = [f"{pattern_words(values)} then {expr_words(flow, value)}" for values, value in cases]
    return f"match {expr_words(flow, subject)} {{ {', '.join(arms)} }}"


def pattern_words(values: tuple[Value, ...] | None) -> str:
    """The patterns of an arm."""
    return "_" if values is None else " | ".join(map(value_words, values))


def step_name(node: Node) -> str:
    """A step's name as its readers write it: `r` for `r@2`."""
    return node.name.partition("@")[0]


# --- nodes --------------------------------------------------------------------------------------------------------


def call_words(agent: str, action: str) -> str:
    """A call by its agent and action; a tool, which is an agent of its own, has one name."""
    return agent if agent.rpartition(".")[2] == action else f"{agent}.{action}"


def work_words(flow: FlowPlan, node: Node) -> str:
    """What a node does, on one line."""

    def words(expr: Expr) -> str:
        return expr_words(flow, expr)

    match node.work:
        case AgentCall(agent, action, role=role):
            return call_words(role or agent, action)
        case FlowCall(name):
            return f"flow {name}"
        case For(items, limit, scope):
            item, index = flow.scopes[scope].slots
            names = f"{item}, {index}" if index else item
            return f"for {names} in {words(items)}" + ("" if limit is None else f" at most {words(limit)}")
        case Repeat(limit=limit, until=until):
            return f"repeat at most {words(limit)} until {words(until)}"
        case Parallel(need=need):
            return "parallel" if need is None else f"parallel(need: {need})"
        case Race():
            return "race"
        case Do():
            return "do"
        case Branch(subject):
            return "all settled" if is_join(node) else f"{node.name.partition('@')[0]} {words(subject)}"
        case Merge(guards):
            return "goes on " + ", or ".join(guard_words(flow, guard) for guard in guards)
        case Return(value):
            return f"return {words(value)}"
        case Yield(value):
            return f"yield {words(value)}"
        case Fail(reason):
            return f"fail {words(reason)}"
        case _:
            assert_never(node.work)


def is_join(node: Node) -> bool:
    """Whether a node only waits for many: a branch with one arm, which everything takes."""
    return isinstance(node.work, Branch) and node.work.arms == (None,)


def guard_words(flow: FlowPlan, guard: Guard) -> str:
    """When a guard holds: `when verdict.urgent`, `unless x`, `when topic is "bug"`."""
    work = flow.nodes[guard.node].work
    if isinstance(work, Merge):
        return " or ".join(guard_words(flow, inner) for inner in work.guards)
    if not isinstance(work, Branch) or guard.arms is None:
        return f"when {flow.nodes[guard.node].name} is done"
    subject = expr_words(flow, work.subject, 4)
    if work.arms == ((True,), None) and len(guard.arms) == 1:
        condition = expr_words(flow, work.subject)
        return f"when {condition}" if guard.arms == (0,) else f"unless {condition}"
    return f"when {subject} is " + " or ".join(work.labels[arm] for arm in guard.arms)


def why_words(flow: FlowPlan, node: Node, need: Need) -> str:
    """Why a node waits for another: `data`, `after`, `order (write)`, …"""
    if need.why != "order":
        return need.why
    match node.work:
        case Return() | Yield():
            return "settled"
        case For() | Repeat() | Parallel() | Race() | Do():
            return "order (timeout)"
        case Fail():
            return "order (fail)"
        case Branch():
            return "order"
        case _:
            return "order (write)"


# --- policies -----------------------------------------------------------------------------------------------------


def policy_words(policy: Policy) -> str:
    """The values of a policy that is in force."""
    match policy:
        case Retry():
            return _retry(policy)
        case Timeout(total, attempt, idle):
            parts = (("", total), (" an attempt", attempt), (" between two bytes", idle))
            return ", ".join(duration_words(limit) + what for what, limit in parts if limit is not None)
        case Fallback(agents):
            return ", then ".join(agents)
        case Optional():
            return "a failure gives none"
        case OnFailure(strategy):
            return strategy
        case Concurrency(limit):
            return f"{limit} at once"
        case Priority(level):
            return str(level)
        case Idempotent():
            return "safe to repeat"
        case OnError(reactions):
            return ", ".join(f"{name}: {reaction_words(reaction)}" for name, reaction in reactions)
        case OnDoubt(does):
            return _DOUBT[does]
        case Once():
            return "at most once across runs"
        case Breaker() if policy.ratio != policy.share:
            return policy_words(replace(policy, ratio=policy.share))
        case Cache(ttl, negative_ttl):
            tail = "" if negative_ttl is None else f", failures for {duration_words(negative_ttl)}"
            return f"kept for {duration_words(ttl)}{tail}"
        case Hedge(after):
            return f"a second attempt after {duration_words(after)}"
        case Breaker() | Limit() | Budget():
            given = ((field.name, getattr(policy, field.name), field.default) for field in fields(policy))
            return ", ".join(f"{name}: {_argument(value)}" for name, value, default in given if value != default)
        case _:
            assert_never(policy)


_DOUBT: Mapping[str, str] = {
    "retry": "called again",
    "fail": "it fails",
    "ask": "somebody has to say",
    "probe": "another call looks whether it was done",
}
"""What follows when nobody knows whether a call was done."""


def reaction_words(reaction: Reaction) -> str:
    """A reaction to a class of failures, as it is written."""
    given = reaction.attempts if reaction.agent is None else reaction.agent
    return reaction.does if given is None else f"{reaction.does}({given})"


def _retry(retry: Retry) -> str:
    tail = "" if retry.on is None else f", on {' '.join(retry.on)}"
    if retry.max_retry_after is not None:
        tail += f", asked to wait at most {duration_words(retry.max_retry_after)}"
    jitter = "" if retry.jitter == "none" else f", jitter {retry.jitter}"
    grows = f"{retry.base:g}"
    waits = f"waits {duration_words(retry.backoff)} x{grows} up to {duration_words(retry.max)}"
    return f"{retry.attempts} attempts, {waits}{jitter}{tail}"


def _argument(value: Value | PerTime) -> str:
    if type(value) is tuple and len(value) == 1:
        return value_words(value[0])
    return value_words(value)
