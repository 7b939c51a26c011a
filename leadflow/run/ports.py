"""The ports: all that a run needs of the world. Adapters stand in agents, stores, policies and `run/adapters.py`.

Nothing else in the house reads a clock, draws chance, opens a socket, starts a process or writes a file during a run,
so that a simulator can run the real driver under virtual time.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from leadflow.events.model import AttemptFailure, CallEvent, Entry, Event, Failure, QuestionAnswered, Usage
from leadflow.events.words import Words
from leadflow.plan.kinds import Kind
from leadflow.plan.plan import AgentSpec, FlowPlan, Node
from leadflow.plan.policy import Budgets
from leadflow.plan.types import Type, Value
from leadflow.record import record
from leadflow.run.errors import may_be_done
from leadflow.run.quota import Quota
from leadflow.run.toolbox import Asked, Exchange, ToolSpec

LATE = timedelta(seconds=1)
"""Whoever wakes so much after their time was in a process that stood still: it was stopped, or its machine slept."""
BREATH = timedelta(seconds=1)
"""How long a process that stood still has to hear what came meanwhile, before a time limit counts as passed: those of
all that was under way are over at once, and so may their answers be there (case K3)."""


class Clock(Protocol):
    """Time. Durations are measured with `monotonic` only (case K1)."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        ...

    def now(self) -> datetime:
        """The wall clock, with a zone."""
        ...

    def timestamp(self) -> float:
        """The wall clock in seconds since the epoch. A log asks at every step, and `now` costs eight times as much."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait; a duration of zero or less gives way once."""
        ...


class Rng(Protocol):
    """Chance, seeded per run."""

    def random(self) -> float:
        """Evenly distributed in [0, 1)."""
        ...

    def uuid(self) -> str:
        """A new UUID in its usual form."""
        ...


class Journal(Protocol):
    """Where events are kept. One per run."""

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events in order; returns when they are committed.

        Raises:
            OSError: not known whether they are committed (case D9).
        """
        ...

    async def load(self) -> Sequence[Entry]:
        """All entries so far."""
        ...


@runtime_checkable
class Prompt(Protocol):
    """A journal that can make use of a run that has nothing under way."""

    async def append_idle(self, events: Sequence[Event]) -> Sequence[Entry]:
        """`Journal.append`, while no call of the run is under way: nothing of it can go on before this is committed, so
        that the loop may be stopped for as long as that takes."""
        ...


# --- agents -------------------------------------------------------------------------------------------------------


def untold(usage: Usage | None) -> None:
    """Nobody wants to know: what is no model uses nothing that is counted."""


@record
class Request:
    """One attempt of one call."""

    action: str
    args: Mapping[str, Value]
    """By parameter name; further positional ones are named `0`, `1`, …"""
    result: Type
    """What the answer has to be."""
    declared: bool
    """True when the author declared the type of the answer."""
    run: str
    path: str
    attempt: int
    """From 1."""
    key: str | None
    """The idempotency key; the same on every attempt (case R3). None when the call has none."""
    idempotent: bool
    idle: timedelta | None
    """Longest time between two bytes."""
    repair: str | None = None
    """What was wrong with the last answer, when that is why this attempt is made (case R20)."""
    used: Callable[[Usage | None], None] = untold
    """A model's agent tells each request that was answered, as soon as it knows what that used; None: it is not said.
    An agent that makes one request and tells nothing has said it with `Reply.usage`."""
    tools: tuple[ToolSpec, ...] = ()
    """What the model may use: it answers, or asks for some of these."""
    exchanges: tuple[Exchange, ...] = ()
    """What it asked for before in this call, and what it was told."""
    must_answer: bool = False
    """True: the tools are shown because they were used before, and may not be used any more."""
    hear: Callable[[str], None] | None = None
    """Somebody listens: a model's agent tells its words as they come. None: nobody does."""
    role: str | None = None
    """The role that the agent plays; None: it is asked by itself."""


@record
class Reply:
    """An answer, not yet validated."""

    value: object
    """Plain data: None, bool, int, float, str, list or tuple, dict with string keys; also datetime and timedelta."""
    usage: Usage | None = None
    quota: Quota | None = None
    """What the upstream says is left of its own quota; None: it says nothing."""
    asked: Asked | None = None
    """What a model asks of tools; there is no value then."""


class Agent(Protocol):
    """A worker made from an `AgentSpec`. Serves many calls at once."""

    async def call(self, request: Request) -> Reply:
        """Do one attempt. Never retries by itself (case R5).

        Raises:
            CallError: the attempt failed; what else is raised counts as `tool.raised`.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and processes."""
        ...


class Streamed(Protocol):
    """A response whose body is read in pieces under a cap."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The decompressed body, piece by piece."""
        ...


class Transport(Protocol):
    """HTTP. Follows no redirects and repeats nothing by itself."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        idle: timedelta | None = None,
    ) -> AbstractAsyncContextManager[Streamed]:
        """Send a request.

        Raises:
            ConnectFailed: nothing was sent. ConnectionLost, IdleTimeout, BadResponse: see run/errors.py.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


@record
class Exited:
    """A program that ended."""

    code: int
    stdout: bytes
    stderr: bytes


class Spawner(Protocol):
    """Programs. No shell, ever."""

    async def run(self, argv: Sequence[str], *, stdin: bytes, env: Mapping[str, str], cwd: Path, limit: int) -> Exited:
        """Run a program to its end; a cancel kills its whole process group and waits for it.

        Args:
            limit: most bytes kept of each output; more is the failure BadResponse.
        """
        ...


@record
class Server:
    """A server of tools that the operator allows, as it is reached."""

    name: str
    command: tuple[str, ...]
    """The argv of its program; none: it has an address."""
    url: str
    headers: Mapping[str, str]
    env: Mapping[str, str]
    """The whole environment of its program."""
    secrets: tuple[str, ...]
    """Values in its headers and its environment that no message may show."""
    start: timedelta
    """In which it is to be ready."""


@record
class Question:
    """What a call asks a person."""

    path: str
    agent: str
    text: str
    show: Value
    assignee: str | None
    expires: timedelta | None
    """From now on; None: never."""
    is_approval: bool


class People(Protocol):
    """People, who may take days. While a run waits for nothing but them its process may end."""

    async def ask(self, question: Question) -> QuestionAnswered | None:
        """The answer; None: the question has expired. A step that asked before its process ended asks nobody twice."""
        ...


@record
class World:
    """What an agent kind is given to build agents: the ports, and the operator's decisions."""

    clock: Clock
    rng: Rng
    transport: Transport
    spawner: Spawner
    root: Path
    """The project's root: Python modules are loaded from below it only."""
    commands: Mapping[str, tuple[str, ...]]
    """Programs that `process` agents may start, by name, from `leadflow.toml`."""
    env: Mapping[str, str]
    """The whole environment of started programs."""
    secrets: Mapping[str, str]
    """Values of the secrets that the plan names."""
    hidden: tuple[str, ...]
    """All values that nothing which is said may hold: these, and those that programs and servers are given."""
    servers: Mapping[str, Server] | None = None
    """Servers of tools, by name, from `leadflow.toml`."""
    takes: Mapping[str, Mapping[str, bool | str]] | None = None
    """What endpoints take, by model, from `leadflow.toml`."""
    held: MutableMapping[str, object] | None = None
    """What agents of this run share, by a name that their kind chooses: a connection to a server."""
    people: People | None = None
    """None: nobody can be asked here."""


Uses: TypeAlias = Mapping[str, tuple[tuple[str, ...], ...]]
"""What a run may ask of an agent: by action, the names of the arguments of each call. Lets a kind find at the start
what would else be found in the middle of a run."""


@runtime_checkable
class Starting(Protocol):
    """An agent that has to be ready before the first call of a run is made."""

    async def start(self) -> None:
        """Get ready.

        Raises:
            CallError: it cannot; the run does not begin.
        """
        ...


class AgentKind(Protocol):
    """What a package offers under the entry point group `leadflow.agents`, and each built-in too."""

    row: Kind
    """The catalogue row, for the checker."""

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for a declared one.

        Raises:
            CallError: it cannot be built here (a module or function is missing, a program is not allowed).
        """
        ...


class Cast(Protocol):
    """Who plays the agents of a run, where they do not do so alone: stand-ins in a test, a recorder beside them."""

    def stands_in(self, spec: AgentSpec) -> bool:
        """Whether the agent itself is not needed: then nothing of it has to be there, neither secret nor program."""
        ...

    def hide(self, secrets: Sequence[str]) -> None:
        """Values that must not be written anywhere; called before the first agent is made."""
        ...

    def play(self, spec: AgentSpec, build: Callable[[], Agent]) -> Agent:
        """Who answers for an agent. `build` makes the agent itself.

        Raises:
            CallError: it cannot be built here.
        """
        ...


# --- between the driver and the policies --------------------------------------------------------------------------

PAUSED = "the run to go on"
"""What a call waits for of which nothing begins, or nothing more, as its run pauses (`CallWaits.why`)."""


@record
class Earlier:
    """What a call did before its process ended."""

    attempts: int
    """Attempts begun, the one under way included (case R22)."""
    failed: tuple[AttemptFailure, ...]
    agent: str | None
    """Who was asked last; None: the agent that is asked first."""
    seconds: float
    """For how long it was under way, without the time in which nobody worked on the run (case T12)."""
    asks: str | None = None
    """The agent whose question to a person is open, or answered and not yet heard: its attempt goes on."""
    asked: float = 0.0
    """Seconds since that question was asked, those in which it was open while nobody worked on the run included."""
    own: tuple[int, float] = (0, 0.0)
    """Of the attempts and the seconds, those of the agent that was asked last."""
    beside: int = 0
    """Of its attempts, those that began beside another one: the two are one (case R22)."""
    pause: float = 0.0
    """Seconds until its next attempt may begin (case R10)."""


@record
class CallOrder:
    """One call that the kernel ordered: everything a node's policies need beside the plan."""

    path: str
    args: Mapping[str, Value]
    key: str | None
    """The value of `@idempotent(key:)`; None when the call has none."""
    run: str
    deadline: float | None
    """When the nearest enclosing block, flow or run must end (monotonic seconds); None: never."""
    post: Callable[[CallEvent], None]
    """Logs an event of an attempt, in order."""
    give_up: Callable[[str, Failure], None] = lambda path, failure: None
    """Ends the call of that path with a failure although it does not stop when it is told to (case T8): it is left
    behind, and what it does later changes nothing. Called at most once."""
    priority: int = 0
    """Of the node, by its own `@priority` or that of what encloses it: higher goes first in a queue."""
    cache_key: str | None = None
    """The value of `@cache(key:)`; None: equal calls are told by their arguments."""
    budgets: Budgets = ()
    """Those of the blocks and flows around it, innermost first, each with the path of what it stands on."""
    earlier: Earlier | None = None
    """None: the call begins now."""
    unkept: Callable[[str], Awaitable[None] | None] = lambda path: None
    """What the call of that path waits for before it sends anything: that all it has posted is committed, so that a
    log that ends there shows the attempt and what it may take (cases D2, R22, $8). None: it is."""
    hear: Callable[[Words], None] | None = None
    """Takes the words of a model as they come; None: nobody listens."""
    when_left: Callable[[str, Callable[[], None] | None], None] = lambda path, told: None
    """Asks to be told when the call of that path is left behind, because it does not stop although it was cancelled;
    None: no more. Whoever waits for what it does waits in vain from then on."""
    once: str | None = None
    """The value of `@once(key:)`; None: any run may make the call."""
    is_ending: Callable[[str], bool] = lambda path: False
    """Whether nothing more of the call of that path may begin: somebody asks it to stop, or its run to pause. Who sends
    several things in one call asks before each, tells with `CallWaits` that none is under way, and is cancelled."""
    hold: Callable[[str, bool], bool] = lambda path, holds: True
    """Asks not to leave the call behind while what runs in it under that path, and was told to stop, takes back what
    it did; then that this is over. False: nobody waits for that, because somebody insists, or the run is let go."""


@record
class Answer:
    """A call's validated value."""

    value: Value
    agent: str | None = None
    """The fallback that gave it; None: the agent that was asked first."""
    usage: Usage | None = None
    absorbed: Failure | None = None
    """The failure of which `@on_error` made this value."""
    asked: Asked | None = None
    """What a model asks of tools: its turn is over, the call is not."""


@record
class Ran:
    """What came of a tool that a model asked for."""

    outcome: Answer | Failure
    stands: bool
    """Whether something that it changed may stand, however it ended."""


def may_stand(outcome: Answer | Failure) -> bool:
    """Whether what a call was to do may be done."""
    failure = outcome.absorbed if isinstance(outcome, Answer) else outcome
    return failure is None or may_be_done(failure)


Caller: TypeAlias = Callable[[CallOrder], Awaitable[Answer | Failure]]
"""A node's agent with all of its policies around it. Raises nothing but `CancelledError`."""


@record
class Recalled:
    """What an equal block gave."""

    value: Value
    is_shared: bool
    """It was under way at the same time."""


class Lead(Protocol):
    """A block that runs while equal ones wait for it."""

    def land(self, value: Value, ttl: timedelta) -> None:
        """It is done: this is remembered, and those that wait have it."""
        ...

    def leave(self) -> None:
        """It gave nothing that others could use: the next one runs. After `land` it means nothing."""
        ...


class Memo(Protocol):
    """What blocks with `@cache` gave."""

    async def find(self, key: bytes, waits: Callable[[], None]) -> Recalled | Lead:
        """What an equal block gave, which may be under way; or the lead: this one has to run.

        Args:
            waits: is called when an equal one is under way.
        """
        ...

    def keep(self, key: bytes, value: Value, ttl: timedelta) -> None:
        """Remember what a block gave that nobody waited for: it began in another process."""
        ...


@record
class Claim:
    """A call that has a key of `@once`."""

    run: str
    path: str


@record
class Holding:
    """A run that has a key, as its journal has it."""

    entries: Sequence[Entry]
    has_ended: bool
    is_under_way: bool
    """Somebody works on it now."""


class Claims(Protocol):
    """Who has which key of `@once`, across the runs of a journal."""

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key to a call that nobody has, or that `instead` has; whoever has it then. Kept before it is said.

        Raises:
            OSError: it is not known who has it.
        """
        ...

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """A run that has a key; None: it was forgotten.

        Args:
            known: what was seen of it before: only what stands behind that is read.

        Raises:
            OSError: it cannot be read.
        """
        ...

    async def is_taken_back(self, claim: Claim) -> bool:
        """Whether what a call did was taken back when its run had ended: by a run of its own, or by hand.

        Raises:
            OSError: nobody can say.
        """
        ...


class Callers(Protocol):
    """Where the driver gets callers from: `policies/stack.py` composes them, once per node."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node whose work is an `AgentCall`."""
        ...
