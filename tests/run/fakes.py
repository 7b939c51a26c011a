"""What stands in for the world when a kernel or a driver is tried: scripted calls, and a run under virtual time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from leadflow.events.model import Failure, RunStarted
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


@dataclass(frozen=True, slots=True)
class Says:
    """A call that answers."""

    value: Value
    after: float = 0.0
    """Seconds of virtual time."""


@dataclass(frozen=True, slots=True)
class Fails:
    """A call that fails for good."""

    error: str = "agent.failed"
    after: float = 0.0
    category: ErrorClass = "agent"


Behaviour = Says | Fails


@dataclass
class Fake:
    """The `Callers` of a test: each call behaves as the script says for its path, or else for its node's name.

    What is not in the script answers with its path at once.
    """

    script: Mapping[str, Behaviour] = field(default_factory=dict)
    orders: list[CallOrder] = field(default_factory=list)
    """Every call that was made."""
    under_way: int = 0
    most: int = 0
    """The most calls that were under way at once."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            behaviour = self.script.get(order.path, self.script.get(node.name, Says(order.path)))
            self.orders.append(order)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                if behaviour.after:
                    await SystemClock().sleep(timedelta(seconds=behaviour.after))
            finally:
                self.under_way -= 1
            if isinstance(behaviour, Fails):
                return Failure(behaviour.error, behaviour.category, f"{node.name} said no", order.path)
            return Answer(behaviour.value)

        return call


def started(plan: Plan, inputs: Mapping[str, Value] | None = None) -> RunStarted:
    """The start of a run of the plan's main flow."""
    return RunStarted("run-1", plan.main or "main", plan.hash, inputs or {}, 1, STARTED)


def run(
    plan: Plan,
    fake: Fake | None = None,
    *,
    inputs: Mapping[str, Value] | None = None,
    bounds: Bounds | None = None,
    cancel_after: float | None = None,
    observers: Sequence[Observer] = (),
) -> Result:
    """Run a plan under virtual time; with `cancel_after` somebody asks it to stop after so many seconds."""

    async def main() -> Result:
        clock = SystemClock()
        driver = Driver(Program(plan), Ports(fake or Fake(), MemoryJournal(clock), clock, observers), bounds)
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after, driver.cancel, "enough")
        return await driver.run(started(plan, inputs))

    return run_virtual(main())
