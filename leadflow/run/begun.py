"""What a log says of the attempts that began: of whom they asked, and which of them nobody has heard of.

An attempt has an event when it is the first of a node, a further one, or has waited for its turn. The further turns of
a model have none: each begins when the tools that the last one asked for have ended. A use of a tool is told once, with
its attempts that failed. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    CacheUsed,
    CallAdmitted,
    CallPassedOn,
    CallUsed,
    CallWaits,
    DoubtSettled,
    Event,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    ToolCalled,
    ToolEnded,
    ToolStep,
)
from leadflow.events.places import in_place
from leadflow.plan.looping import TOOLS, inside_tool
from leadflow.plan.paths import NoSuchStep, find_steps, without_numbers
from leadflow.plan.plan import AgentCall, FlowCall, Plan, Work
from leadflow.plan.undoing import SUFFIX, undo_node
from leadflow.record import record

TELLING = (
    NodeStarted, AttemptStarted, AttemptFailed, CallPassedOn, CallWaits, CallAdmitted, CacheUsed, OnceFound, CallUsed,
    ToolCalled, ToolEnded, ToolStep, DoubtSettled,
)  # fmt: skip
"""The events that say what began."""
_NOT_CALLED = ("tool.unknown", "tool.arguments", "tool.calls")
"""Failures of uses that called nothing."""
_WAITED = 0
"""Number of an attempt that has its turn, until its own start says it."""


@record
class Open:
    """An attempt that nobody has heard of."""

    path: str
    attempt: int
    agent: str


class Begun:
    """What began in a run, or in a part of its log."""

    def __init__(self, plan: Plan | None) -> None:
        self._plan = plan
        self._calls: dict[str, _Call] = {}

    def read(self, event: Event) -> None:
        """The next event of the log."""
        event = in_place(event)
        path = getattr(event, "path", "")
        self._call(path).read(event)
        if isinstance(event, ToolCalled | ToolEnded):
            self._call(f"{path}{TOOLS}[{event.call}]").read_use(event, self._plan)

    def asked(self) -> Iterator[str]:
        """The agent of each attempt."""
        for path, call in self._calls.items():
            for agent in call.asked:
                if named := agent or self._first(path):
                    yield named

    def open(self) -> Iterator[Open]:
        """Attempts that nobody has heard of."""
        for path, call in self._calls.items():
            for attempt, agent in call.open.items():
                if named := agent or self._first(path):
                    yield Open(path, attempt or 1, named)

    def _call(self, path: str) -> "_Call":
        found = self._calls.get(path)
        if found is None:
            found = self._calls[path] = _Call()
        return found

    def _first(self, path: str) -> str | None:
        """The agent that a path's call asks first; None where it names no call."""
        in_tool = inside_tool(path)
        works = () if self._plan is None else _works_of(self._plan, path if in_tool is None else in_tool[1])
        return next((work.agent for work in works if isinstance(work, AgentCall)), None)


@dataclass(slots=True)
class _Call:
    """A node, or a use of a tool."""

    asked: list[str | None] = field(default_factory=list)
    """The agent of each attempt; None: the one that is asked first."""
    open: dict[int, str | None] = field(default_factory=dict)
    """Of these, those that nobody has heard of, by number."""
    last: int = _WAITED
    """Number of the last one."""
    agent: str | None = None
    """Who was asked last."""
    uses: int = 0
    """Tools under way."""
    is_turn: bool = False
    """The last one is a turn that begins unless the one before has asked for another tool."""

    def read(self, event: Event) -> None:
        """What happened to a node."""
        match event:
            case NodeStarted():
                self._begin(1, None)
            case AttemptStarted(attempt=attempt, agent=agent):
                self._take_back(_WAITED)
                self.uses = 0
                self._begin(attempt, agent)
            case CallAdmitted(agent=agent):
                self._begin(_WAITED, agent)
            case CallPassedOn() | CallWaits() | CacheUsed() | OnceFound():
                self._take_back(self.last)
            case CallUsed(attempt=attempt):
                self._hear(attempt)
            case AttemptFailed(failure=failure):
                self._hear(failure.attempt)
            case ToolCalled():
                if self.is_turn:
                    self._take_back(self.last)
                self.uses += 1
            case ToolEnded():
                self.uses -= 1
                if not self.uses:
                    self._begin(1, self.agent)
                    self.is_turn = True
            case NodeDone() | NodeFailed() | NodeCancelled():
                self.open.clear()
            case DoubtSettled(decision="retry") if not self.asked:  # it had only waited: its first attempt has no event
                self._begin(1, None)
            case _:
                pass

    def read_use(self, event: ToolCalled | ToolEnded, plan: Plan | None) -> None:
        """A tool is called, or has ended, and its attempts are known."""
        if isinstance(event, ToolCalled):
            tools = () if plan is None else plan.tools
            works = (tool.work for tool in tools if tool.key == event.tool)
            self.agent = next((work.agent for work in works if isinstance(work, AgentCall)), None)
            if self.agent is not None:
                self._begin(1, self.agent)
            return
        self.open.clear()
        failure = event.failure
        if self.agent is None:
            return
        if failure is None:
            self.asked[-1:-1] = [attempt.agent for attempt in event.again]
        elif failure.attempts or failure.error in _NOT_CALLED:
            self.asked[-1:] = [attempt.agent for attempt in failure.attempts]

    def _begin(self, attempt: int, agent: str | None) -> None:
        self.asked.append(agent)
        self.open[attempt] = agent
        self.last, self.agent, self.is_turn = attempt, agent, False

    def _take_back(self, attempt: int) -> None:
        """It has not begun: it waits, was turned away, or is not needed."""
        if attempt in self.open:
            del self.open[attempt]
            self.asked.pop()

    def _hear(self, attempt: int) -> None:
        self.open.pop(_WAITED, None)
        self.open.pop(attempt, None)


def _works_of(plan: Plan, path: str) -> tuple[Work, ...]:
    """What the nodes of that path do, also where that takes a step back."""
    ways = find_steps(plan, path)
    if not isinstance(ways, NoSuchStep):
        return tuple(way[-1].node.work for way in ways)
    step, undo, inside = without_numbers(path).partition(SUFFIX)
    found = find_steps(plan, step) if undo else ways
    nodes = () if isinstance(found, NoSuchStep) else tuple(undo_node(way[-1].node) for way in found)
    works = tuple(node.work for node in nodes if node is not None)
    if not inside:
        return works
    return tuple(work for flow in works if isinstance(flow, FlowCall) for work in _works_of(plan, flow.flow + inside))
