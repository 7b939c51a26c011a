"""Who answers the calls of a test (rule E10): a mock, a recording, a made-up value, or, if asked for, the agent itself.

The policies around a call are the real ones and notice nothing. What nobody answers is remembered: it fails the test,
whatever the flow makes of that failure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeAlias

from leadflow.agents.human import expires_of, unanswered
from leadflow.events.model import Usage
from leadflow.plan.forms import to_json_text
from leadflow.plan.kinds import PREDECLARED
from leadflow.plan.plan import AgentCall, AgentSpec, Node, Place, Plan
from leadflow.plan.policy import ErrorClass
from leadflow.plan.tokens import text_tokens
from leadflow.plan.trial import CallTarget, StepTarget, Target
from leadflow.plan.types import Type, Value
from leadflow.record import record
from leadflow.run.errors import FLOW_ERRORS, CallError, LoopStopped, NotAllowed, Permanent
from leadflow.run.ports import Agent, Clock, Reply, Request
from leadflow.run.support import agents_of, agents_of_tool, tools_of, with_others
from leadflow.testing.fakes import fake
from leadflow.testing.played import Played
from leadflow.testing.whereabouts import Spot, Whereabouts

MOCKED = "a mock"
"""The agent whose calls stand for blocks and calls of flows that are mocked as a whole."""


@record
class Fails:
    """An answer that is a failure."""

    error: str
    message: str


@record
class Turn:
    """What a mock answers when its turn comes."""

    answer: Value | Fails
    delay: timedelta = timedelta(0)
    """How long that takes."""


@dataclass(slots=True, eq=False)
class Standing:
    """A mock in force."""

    target: Target
    args: Mapping[str, Value] | None
    answers: Sequence[Turn]
    written: str
    place: Place
    used: int = 0
    """How many calls it has answered."""

    def next(self) -> Turn:
        """The answer whose turn it is; the last one stays."""
        turn = self.answers[min(self.used, len(self.answers) - 1)]
        self.used += 1
        return turn


@record
class Unmocked:
    """A call that nothing answers."""

    path: str
    agent: str
    action: str
    target: str
    """What a mock of it would name: `flow.step`, or `agent.action` for what takes a step back."""
    use: str | None
    """The file to be imported before it can be named; None when it can."""
    args: Mapping[str, Value]
    result: Type
    place: Place | None


@record
class Drift:
    """A call that is not the one of the recording."""

    path: str
    said: str
    """In one line."""
    changes: tuple[str, ...]
    """What is other, a line each."""
    place: Place | None


Trouble: TypeAlias = Unmocked | Drift


class Source(Protocol):
    """Answers calls as they were answered before."""

    async def answer(self, request: Request, spec: AgentSpec) -> Reply | Drift | None:
        """The answer. None: it has none for this call.

        Raises:
            CallError: what happened then.
        """
        ...


class StandIns:
    """The `Cast` of a test: all of its agents."""

    def __init__(
        self,
        plan: Plan,
        names: Mapping[str, str],
        clock: Clock,
        *,
        seed: int,
        has_fakes: bool = False,
        is_live: bool = False,
    ) -> None:
        """
        Args:
            names: what the test calls things of other files.
        """
        self._plan = plan
        self._clock = clock
        self._names = names
        self._seed = seed
        self._has_fakes = has_fakes
        self._is_live = is_live
        self._where = Whereabouts(plan)
        self._mocks: list[Standing] = []
        self.retired: list[Standing] = []
        """Mocks in whose place a later one of the same target stands."""
        self.source: Source | None = None
        self.calls: Counter[tuple[str, str]] = Counter()
        """How often the calls of a step were made, by flow and step."""
        self.troubles: list[Trouble] = []
        """What fails the test, each once for all iterations."""

    # --- mocks ----------------------------------------------------------------------------------------------------

    @property
    def mocks(self) -> Sequence[Standing]:
        """Those in force."""
        return tuple(self._mocks)

    def add(self, mock: Standing) -> None:
        """A mock is in force from here on, in place of an earlier one of the same target."""
        for other in self._mocks:
            if (other.target, other.args) == (mock.target, mock.args):
                self._mocks.remove(other)
                self.retired.append(other)
                break
        self._mocks.append(mock)

    def whole(self) -> frozenset[tuple[str, int]]:
        """The blocks and calls of flows that are mocked as a whole, by flow and node."""
        return frozenset(
            (flow.name, node.id)
            for flow in self._plan.flows.values()
            for node in flow.nodes
            if not isinstance(node.work, AgentCall) and self._has_mock(self._where.spot(flow.name, node.id))
        )

    def _has_mock(self, spot: Spot | None) -> bool:
        return spot is not None and any(fits_step(mock.target, spot) for mock in self._mocks)

    def _mock_of(self, request: Request, agent: str, spot: Spot | None) -> Standing | None:
        """The most specific mock of a call: by its step, by its arguments, by its action; the later one of equals."""
        found: tuple[tuple[int, int], Standing] | None = None
        for mock in self._mocks:
            weight = _weight(mock, request, agent, spot)
            if weight is not None and (found is None or weight >= found[0]):
                found = weight, mock
        return found[1] if found else None

    # --- the cast -------------------------------------------------------------------------------------------------

    def stands_in(self, spec: AgentSpec) -> bool:
        """Nobody needs the agent itself, unless real ones were asked for and calls of it are left to them."""
        return spec.kind not in PREDECLARED and not (self._is_live and self._is_left(spec.name))

    def _is_left(self, agent: str) -> bool:
        """Whether a call may reach an agent, by what is mocked now: of a step, of what takes it back or looks whether
        it was done, or of a tool of the model that answers it."""
        for flow in self._plan.flows.values():
            for node in flow.nodes:
                spot = self._where.spot(flow.name, node.id)
                if any(agent in self._left(each, spot if each is node else None) for each in with_others(node)):
                    return True
        return False

    def _left(self, node: Node, spot: Spot | None) -> Iterator[str]:
        """The agents that a call of a node may reach."""
        if not isinstance(node.work, AgentCall):
            return
        action, asked = node.work.action, agents_of(node, node.work)
        left = [name for name in asked if not any(_always(mock, name, action, spot) for mock in self._mocks)]
        yield from left
        for tool in tools_of(self._plan, node) if left else ():
            if isinstance(tool.work, AgentCall):
                names, does = agents_of_tool(tool), tool.work.action
                yield from (name for name in names if not any(_always(mock, name, does, None) for mock in self._mocks))

    def hide(self, secrets: Sequence[str]) -> None:
        """Nothing is written down."""

    def play(self, spec: AgentSpec, build: Callable[[], Agent]) -> Agent:
        """The stand-in of an agent."""
        itself = None if self.stands_in(spec) else build()
        return Played(lambda request: self.answer(request, spec, itself), itself)

    async def answer(self, request: Request, spec: AgentSpec, itself: Agent | None) -> Reply:
        """Answer a call.

        Raises:
            CallError: so it was written, or recorded; or nothing answers it.
        """
        spot = self._where.find(request.path)
        if spot is not None and not spot.is_undo:
            self.calls[spot.flow.name, spot.step] += 1
        mock = self._mock_of(request, spec.name, spot)
        if mock is not None:
            return await self._play(mock.next(), request, spec)
        if self.source is not None:
            reply = await self.source.answer(request, spec)
            if isinstance(reply, Drift):
                raise self._fail(reply, reply.said)
            if reply is not None:
                return reply
        if itself is not None:
            return await itself.call(request)
        if self._has_fakes:
            value = fake(request.result, f"{self._seed} {request.path} {request.action}")
            return Reply(value, _usage(spec, request, value))
        raise self._fail(_unmocked(request, spec, spot, self._names), "nothing answers this call in the test")

    async def _play(self, turn: Turn, request: Request, spec: AgentSpec) -> Reply:
        """What a mock answers, when its time has come. A question to people may have expired by then.

        Raises:
            CallError: so it was written; or nobody answered in time.
        """
        expires = expires_of(spec, request) if spec.kind == "human" else None
        if expires is not None and expires <= turn.delay:
            await self._clock.sleep(expires)
            raise unanswered(spec, request)
        if turn.delay:
            await self._clock.sleep(turn.delay)
        if isinstance(turn.answer, Fails):
            raise error_of(turn.answer)
        return Reply(turn.answer, _usage(spec, request, turn.answer))

    def _fail(self, trouble: Trouble, why: str) -> CallError:
        known = [(type(one), self._where.find(one.path) or one.path) for one in self.troubles]
        if (type(trouble), self._where.find(trouble.path) or trouble.path) not in known:
            self.troubles.append(trouble)
        return NotAllowed(why)


# --- which mock answers -------------------------------------------------------------------------------------------


def fits_step(target: Target, spot: Spot) -> bool:
    """Whether a target names a node: its last name is the step's, those before are of blocks around it, in order."""
    if not isinstance(target, StepTarget) or spot.is_undo or target.flow != spot.flow.name:
        return False
    *around, last = target.names
    names = iter(spot.names[:-1])
    return last == spot.step and all(name in names for name in around)


def _weight(mock: Standing, request: Request, agent: str, spot: Spot | None) -> tuple[int, int] | None:
    """How closely a mock fits a call; None: not at all."""
    target = mock.target
    if isinstance(target, StepTarget):
        return (2, len(target.names)) if spot is not None and fits_step(target, spot) else None
    if target.agent not in (agent, request.role) or target.action not in (None, request.action):
        return None
    if mock.args is None:
        return (0, 0)
    given = request.args
    fits = all(name in given and given[name] == value for name, value in mock.args.items())
    return (1, len(mock.args)) if fits else None


def _always(mock: Standing, agent: str, action: str, spot: Spot | None) -> bool:
    """Whether a mock answers all calls of a node by an agent."""
    match mock.target:
        case StepTarget():
            return spot is not None and fits_step(mock.target, spot)
        case CallTarget(of, only):
            return mock.args is None and of == agent and only in (None, action)


def _unmocked(request: Request, spec: AgentSpec, spot: Spot | None, names: Mapping[str, str]) -> Unmocked:
    owner, last = spec.name, f".{request.action}" if spec.calls is None else ""
    if spot is not None and not spot.is_undo:
        owner, last = spot.flow.name, f".{spot.step}"
    told, use = _told(owner, names)
    place = spot.node.place if spot is not None else None
    return Unmocked(request.path, spec.name, request.action, told + last, use, request.args, request.result, place)


def _told(qualified: str, names: Mapping[str, str]) -> tuple[str, str | None]:
    """What a test calls a declaration; and the file that it has to import for that, if it does not yet."""
    file, _, own = qualified.rpartition(".")
    if not file or qualified in names:
        return names.get(qualified, own), None
    if file in names:
        return f"{names[file]}.{own}", None
    return f"{file.rpartition('.')[2]}.{own}", file


# --- what a mock gives --------------------------------------------------------------------------------------------


def _usage(spec: AgentSpec, request: Request, value: Value) -> Usage | None:
    """What a call of a model would have used: a token for each byte, as estimates count."""
    if not isinstance(spec.settings.get("model"), str):
        return None
    said = (arg for arg in request.args.values() if not isinstance(arg, int | float))
    read = sum(text_tokens(arg if isinstance(arg, str) else to_json_text(arg)) for arg in said)
    return Usage(read, text_tokens(value if isinstance(value, str) else to_json_text(value)))


def _all_errors(kind: type[CallError]) -> Iterator[type[CallError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all_errors(below)


def error_of(fails: Fails) -> CallError:
    """The failure that an answer stands for."""
    message = fails.message or "so says the mock"
    kinds: dict[str, Callable[[str], CallError]] = {kind.error: kind for kind in _all_errors(CallError)}
    kinds |= {f"resource.loop_{bound}": partial(LoopStopped, bound=bound) for bound in LoopStopped.bounds}
    make = kinds.get(fails.error)
    if make is not None:
        known = make(message)
        known.error = fails.error
        return known
    category: ErrorClass = FLOW_ERRORS.get(fails.error, "agent")
    problem = Permanent(message)
    problem.error, problem.category = fails.error, category
    return problem
