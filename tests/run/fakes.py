"""What stands in for the world when a kernel or a driver is tried: scripted calls, and runs under virtual time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from leadflow.events.model import (
    AttemptFailure,
    BranchTaken,
    Entry,
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunStarted,
)
from leadflow.pipeline import compile_source
from leadflow.plan.plan import FlowPlan, Node, Plan
from leadflow.plan.policy import ErrorClass
from leadflow.plan.types import Value
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Bounds, Driver, Observer, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.ports import Answer, Caller, CallOrder
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual

STARTED = datetime(2026, 1, 1, tzinfo=UTC)

PRELUDE = """leadflow 1
@pure tool think(x: string) -> string = python("tools:think")
@read tool look(x: string) -> string = python("tools:look")
tool put(x: string) -> string = python("tools:put")
"""
"""What the flows of the tests call: a pure, a reading and a writing tool."""


def compiled(text: str, main: str = "f") -> Plan:
    """The plan of a flow text, under the prelude; a finding that is an error fails the test."""
    plan, report = compile_source("test.flow", PRELUDE + text)
    assert plan is not None, [str(finding.message) for finding in report.diagnostics]
    return plan if plan.main == main else replace(plan, main=main)


# --- calls --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Says:
    """A call that answers."""

    value: Value = None
    after: float = 0.0
    """Seconds of virtual time."""


@dataclass(frozen=True, slots=True)
class Fails:
    """A call that fails for good."""

    error: str = "agent.failed"
    after: float = 0.0
    category: ErrorClass = "agent"
    in_doubt: bool = False
    limit: str | None = None
    attempts: tuple[str, ...] = ()
    """How each of its attempts ended."""


@dataclass(frozen=True, slots=True)
class Ignores:
    """A call that does not stop when it is told to, and answers when it pleases."""

    after: float
    value: Value = None


@dataclass(frozen=True, slots=True)
class Breaks:
    """A call that raises what it must not."""

    problem: BaseException


Behaviour: TypeAlias = Says | Fails | Ignores | Breaks
Script: TypeAlias = Mapping[str, Behaviour | Callable[[CallOrder], Behaviour]]


@dataclass
class Fake:
    """The `Callers` of a test: each call behaves as the script says for its path, or else for its node's name.

    What is not in the script answers with its path at once.
    """

    script: Script = field(default_factory=dict)
    orders: list[CallOrder] = field(default_factory=list)
    """Every call that was made."""
    spans: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    """By path: when a call began and ended (virtual seconds), and how: `done`, `failed`, `cancelled`."""
    under_way: int = 0
    most: int = 0
    """The most calls that were under way at once."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            found = self.script.get(order.path, self.script.get(node.name, Says(order.path)))
            behaviour = found(order) if callable(found) else found
            self.orders.append(order)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            begun, how = _now(), "cancelled"
            try:
                outcome = await self._behave(behaviour, node.name, order.path)
                how = "failed" if isinstance(outcome, Failure) else "done"
            finally:
                self.under_way -= 1
                self.spans[order.path] = (begun, _now(), how)
            return outcome

        return call

    async def _behave(self, behaviour: Behaviour, name: str, path: str) -> Answer | Failure:
        match behaviour:
            case Breaks(problem):
                raise problem
            case Ignores(after, value):
                end = _now() + after
                while (left := end - _now()) > 0:
                    try:
                        await SystemClock().sleep(timedelta(seconds=left))
                    except asyncio.CancelledError:
                        continue
                return Answer(value)
            case Says(value, after):
                await _pass(after)
                return Answer(value)
            case Fails(error, after, category, in_doubt, limit, ends):
                await _pass(after)
                attempts = tuple(AttemptFailure(n, name, end, "no", 0.0) for n, end in enumerate(ends, 1))
                return Failure(error, category, f"{name} said no", path, attempts, (), in_doubt, limit)


async def _pass(seconds: float) -> None:
    if seconds:
        await SystemClock().sleep(timedelta(seconds=seconds))


def _now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


# --- runs ---------------------------------------------------------------------------------------------------------


def started(plan: Plan, inputs: Mapping[str, Value] | None = None) -> RunStarted:
    """The start of a run of the plan's main flow."""
    return RunStarted("run-1", plan.main or "main", plan.hash, inputs or {}, 1, STARTED)


def run(
    plan: Plan | str,
    script: Script | Fake | None = None,
    *,
    inputs: Mapping[str, Value] | None = None,
    bounds: Bounds | None = None,
    cancel_after: Sequence[float] = (),
    observers: Sequence[Observer] = (),
) -> Result:
    """Run a plan, or the text of a flow `f`, under virtual time.

    Args:
        cancel_after: after how many seconds somebody asks it to stop.
    """
    fake = script if isinstance(script, Fake) else Fake(script or {})
    the_plan = compiled(plan) if isinstance(plan, str) else plan

    async def main() -> Result:
        clock = SystemClock()
        driver = Driver(Program(the_plan), Ports(fake, MemoryJournal(clock), clock, observers), bounds)
        for delay in cancel_after:
            asyncio.get_running_loop().call_later(delay, driver.cancel, "enough")
        return await driver.run(started(the_plan, inputs))

    return run_virtual(main())


def ends(result: Result) -> dict[str, str]:
    """How each node settled, by its path below the flow: `done`, `skipped`, `failed` …, in the order of the log."""
    found = {}
    for entry in result.entries:
        match entry.event:
            case NodeDone(path=path, absorbed=absorbed):
                found[_below(path)] = "done" if absorbed is None else "absorbed"
            case BranchTaken(path=path, label=label):
                found[_below(path)] = f"took {label}"
            case NodeFailed(path=path, failure=failure):
                found[_below(path)] = f"failed {failure.error}"
            case NodeSkipped(path=path, why=why):
                found[_below(path)] = f"skipped: {why}"
            case NodeBlocked(path=path, by=by):
                found[_below(path)] = f"blocked by {_below(by)}"
            case NodeCancelled(path=path, why=why):
                found[_below(path)] = f"cancelled: {why}"
            case _:
                pass
    return found


def starts(result: Result) -> list[str]:
    """The paths of what started, in order."""
    return [_below(entry.event.path) for entry in result.entries if isinstance(entry.event, NodeStarted)]


def _below(path: str) -> str:
    return path.partition("/")[2]


def kinds(entries: Sequence[Entry]) -> list[str]:
    """The names of the events."""
    return [type(entry.event).__name__ for entry in entries]
