"""The tools of one agent: what its model is shown, and what one use of a tool comes to.

A model asks by name and with arguments of its own making. What is not granted is not there: a name is looked up among
the tools that the agent declares and nowhere else, whatever a prompt or a tool's result says (SECURITY 103). The
arguments go through the doors of their declared types. What a tool fails with is told to the model, unless nobody knows
whether it was done, or something around the call is over.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from leadflow.events.model import Failure
from leadflow.plan.expr import Guard
from leadflow.plan.plan import AgentCall, FlowCall, ToolPlan
from leadflow.plan.policy import Applied, Idempotent, policy_of
from leadflow.plan.schema import json_schema
from leadflow.plan.tokens import PER_MESSAGE, text_tokens
from leadflow.plan.types import HARMFUL, JSON, MapType, RecordType, Value
from leadflow.record import record
from leadflow.run.context import Compiled, RunValues
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.ports import Answer, Caller, CallOrder, Ran, may_stand
from leadflow.run.toolbox import ToolSpec, ToolUse
from leadflow.run.values import Mismatch, admit, admit_inputs

_LONGEST_NAME = 64


class Makes(Protocol):
    """Makes the callers of calls that stand in no flow."""

    def caller_of(self, call: AgentCall, policies: tuple[Applied, ...]) -> Caller:
        """The caller of a call, with policies around it."""
        ...

    async def run_flow(self, flow: str, args: Mapping[str, Value], order: CallOrder) -> Ran:
        """What a flow gives, inside of the call that is ordered."""
        ...

    def key_of(self, run: str, path: str, args: Mapping[str, Value]) -> str:
        """The key of the call of that path with these arguments, where its author gives none (case R3)."""
        ...


@record
class Refusal:
    """A use that comes to nothing: no tool of that name, or arguments that it does not take (case O3)."""

    error: str
    """As `Failure.error` has it."""
    message: str


class Tool:
    """One tool of one agent."""

    def __init__(self, name: str, plan: ToolPlan, makes: Makes) -> None:
        self.plan = plan
        self.spec = ToolSpec(name, plan.doc or f"Calls {plan.calls}.", _schema(plan))
        self._makes = makes
        self._caller: Caller | None = None
        self._args: tuple[tuple[str, Compiled], ...] = ()
        self._key: Compiled | None = None
        self._makes_key = False
        work = plan.work
        if isinstance(work, AgentCall):
            self._args = tuple((arg, compile_expr(expr)) for arg, expr in work.args)
            self._key = None if work.key is None else compile_expr(work.key)
            self._makes_key = work.key is None and policy_of(plan.policies, Idempotent) is not None

    @property
    def is_harmful(self) -> bool:
        """Whether it may change something outside."""
        return self.plan.effect in HARMFUL

    @property
    def is_flow(self) -> bool:
        """Whether it is a flow, and not one call."""
        return isinstance(self.plan.work, FlowCall)

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be called again although it may have been done."""
        work = self.plan.work
        if isinstance(work, AgentCall):
            return work.idempotent or work.key is not None
        return not self.is_harmful

    def admit(self, use: ToolUse) -> Mapping[str, Value] | Refusal:
        """The arguments of a use, each of its declared type."""
        if use.problem is not None:
            return Refusal("tool.arguments", f"the arguments cannot be read: {use.problem}")
        if self.plan.is_open:
            given = admit(MapType(JSON), use.args)
            if not isinstance(given, Mismatch):
                return cast(Mapping[str, Value], given)
            return Refusal("tool.arguments", f"the arguments do not fit: {given.message}")
        found = admit_inputs(self.plan.params, use.args)
        if isinstance(found, tuple):
            said = "; ".join(wrong.message for wrong in found)
            return Refusal("tool.arguments", f"the arguments do not fit: {said}")
        return found

    async def run(self, args: Mapping[str, Value], order: CallOrder) -> Ran:
        """What it gives for arguments that were admitted.

        Args:
            order: of the tool's call; its arguments and its key are put in here.
        """
        work = self.plan.work
        if isinstance(work, FlowCall):
            return await self._makes.run_flow(work.flow, args, order)
        env = _Params(tuple(args.get(param.name) for param in self.plan.params))
        try:
            made = args if self.plan.is_open else {name: read(env) for name, read in self._args}
            key = None if self._key is None else str(self._key(env))
        except ValueProblem as problem:
            return Ran(Failure(problem.error, problem.category, problem.message, order.path), stands=False)
        if self._caller is None:
            self._caller = self._makes.caller_of(work, self.plan.policies)
        given = {name: value for name, value in made.items() if value is not None or self.plan.is_open}
        if self._makes_key:
            key = self._makes.key_of(order.run, f"{order.path}/{self.plan.key}", given)
        return self.ran(await self._caller(_ordered(order, given, key)))

    def ran(self, outcome: Answer | Failure) -> Ran:
        """What came of its call."""
        return Ran(outcome, self.is_harmful and may_stand(outcome))


class Toolset:
    """The tools of one agent."""

    def __init__(self, plans: Sequence[ToolPlan], makes: Makes) -> None:
        names = _names(plans)
        self._tools = {name: Tool(name, plan, makes) for name, plan in zip(names, plans, strict=True)}
        self.specs = tuple(tool.spec for tool in self._tools.values())
        """What the model is shown."""
        self.tokens = sum(
            PER_MESSAGE + text_tokens(json.dumps([spec.name, spec.description, spec.schema], ensure_ascii=False))
            for spec in self.specs
        )
        """Most tokens that this takes in each request."""

    def find(self, use: ToolUse) -> Tool | Refusal:
        """The tool that a use names."""
        tool = self._tools.get(use.name)
        if tool is None:
            there = ", ".join(self._tools) or "none"
            return Refusal("tool.unknown", f"there is no tool '{use.name[:_LONGEST_NAME]}'; there is {there}")
        return tool


def _names(plans: Sequence[ToolPlan]) -> list[str]:
    """What a model calls the tools: short where that is plain, and of letters that all providers take.

    An action has its agent's name before it, so that the tool of one server can never stand for that of another.
    """
    short = [plan.key.rpartition(".")[2] if _is_declared(plan) else plan.key for plan in plans]
    names: list[str] = []
    for plan, name in zip(plans, short, strict=True):
        written = _letters(name if short.count(name) == 1 else plan.key)
        number = 2
        while written in names:
            end = f"_{number}"
            written, number = _letters(plan.key)[: _LONGEST_NAME - len(end)] + end, number + 1
        names.append(written)
    return names


def _is_declared(plan: ToolPlan) -> bool:
    """Whether it is a declared tool or a flow, and not an action of an agent."""
    return plan.key != plan.calls


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_NAME]


def _schema(plan: ToolPlan) -> Mapping[str, object]:
    schema, _ = json_schema(RecordType(plan.params))
    return schema if not plan.is_open else {**schema, "additionalProperties": True}


def _ordered(order: CallOrder, args: Mapping[str, Value], key: str | None) -> CallOrder:
    """The order of a tool's call, which nobody listens to: what is heard of the step are its own model's words."""
    return replace(order, args=args, key=key, hear=None)


class _Params:
    """Where a tool's expressions are read: its parameters are all there is."""

    fuel: int
    """Of the evaluation under way, which sets it."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._values = values
        self.nodes: Mapping[int, Value] = {}
        self.locals: list[Value] = []

    @property
    def run(self) -> RunValues:
        """There is none: a tool is the same in every run."""
        raise InternalError("a tool has no run")

    def bound(self, scope: int, slot: int) -> Value:
        """A parameter."""
        return self._values[slot]

    def let(self, let: int) -> Value:
        """There are none."""
        raise InternalError("a tool has no lets")

    def holds(self, guard: Guard) -> bool:
        """There are none."""
        raise InternalError("a tool has no arms")
