"""A run whose models and tools are scripts, in virtual time: what models ask for, what they are told, what is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadflow.events.model import Event, Failure, ToolCalled, ToolEnded, Usage
from leadflow.plan.plan import Plan
from leadflow.plan.rates import Rates
from leadflow.plan.types import Value
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Granted, Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Driver, Listener, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.keys import Keys, Undone
from leadflow.run.nested import Nested
from leadflow.run.ports import Journal, Reply
from leadflow.run.toolbox import Asked, ToolResult, ToolUse
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player
from tests.run.fakes import compiled, started

MODEL = 'agent fast: openai { model: "m"  max_tokens: 100  tools: [TOOLS] }\n'
ASK = 'flow f() -> string {\n step a = fast.ask("go")\n return a\n}\n'


def use(name: str, **args: object) -> ToolUse:
    """A use of a tool."""
    return ToolUse(f"id-{name}-{args}", name, args)


def asks(*uses: ToolUse, usage: Usage | None = None) -> Reply:
    """A model's turn that asks for tools."""
    return Reply(None, usage, asked=Asked(uses, "said", 10))


@dataclass
class Talked:
    """A run that ended."""

    result: Result
    players: Mapping[str, Player]

    @property
    def failure(self) -> Failure:
        """Why it failed."""
        assert self.result.failure is not None, self.result.value
        return self.result.failure

    def told(self, agent: str = "fast") -> list[Sequence[ToolResult]]:
        """What the model was told after each of its turns, as its last request has it."""
        return [exchange.results for exchange in self.players[agent].requests[-1].exchanges]

    def texts(self, agent: str = "fast") -> list[str]:
        """The same as texts, in a row."""
        return [result.text for results in self.told(agent) for result in results]

    @property
    def events(self) -> list[Event]:
        """What the log has of tools."""
        return [entry.event for entry in self.result.entries if isinstance(entry.event, ToolCalled | ToolEnded)]


def talk(
    text: str,
    players: Mapping[str, Player],
    *,
    inputs: Mapping[str, Value] | None = None,
    charges: Mapping[str, Charge] | None = None,
    rates: Mapping[str, Rates | None] | None = None,
    hear: Listener | None = None,
    journal: Journal | None = None,
) -> Talked:
    """Run the flow `f` of a text, each agent played by its script.

    Args:
        rates: of those that are models, so that what they use and say is told.
        journal: keeps the log; None: nobody else looks at it.
    """
    plan, journal = compiled(text), journal or MemoryJournal(CLOCK)

    async def main() -> Result:
        driver = driver_of(plan, players, charges=charges, rates=rates, hear=hear, journal=journal)
        return await driver.run(started(plan, inputs))

    return Talked(run_virtual(main()), players)


def driver_of(
    plan: Plan,
    players: Mapping[str, Player],
    *,
    charges: Mapping[str, Charge] | None = None,
    rates: Mapping[str, Rates | None] | None = None,
    hear: Listener | None = None,
    journal: Journal,
) -> Driver:
    """What runs a plan whose agents are played."""
    program, rng = Program(plan), SeededRng(0)
    undone = Undone()
    nested = Nested(program, CLOCK, rng, journal=lambda: MemoryJournal(CLOCK), calls=None, undone=undone)
    purse = None if charges is None else Purse(charges)
    stack = Stack(
        plan.agents,
        players,
        PolicyPorts(CLOCK, rng, Shared(), ("hush-hush",)),
        purse=purse,
        rates=rates,
        granted=Granted({tool.key: tool for tool in plan.tools}, nested.run, Keys(undone=undone)),
    )
    listeners = () if hear is None else (hear,)
    return Driver(program, Ports(stack, journal, CLOCK, listeners=listeners))
