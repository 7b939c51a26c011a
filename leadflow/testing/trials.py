"""Makes the tests of the language: statement by statement, with the real kernel, driver and policies (rule E10).

Time is virtual and begins on the same day, chance has a seed, nothing is kept: a test gives the same every time. With
real agents, which somebody has to ask for, time is real.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leadflow.agents.registry import Registry
from leadflow.assembly import StartProblem, callers_of, looked_at, memo_of
from leadflow.events.model import AttemptStarted, CacheUsed, Event, Failure, NodeStarted, RunStarted
from leadflow.plan.expr import Expr, Guard
from leadflow.plan.paths import is_control
from leadflow.plan.plan import AgentCall, AgentSpec, FlowCall, FlowPlan, Node, Plan
from leadflow.plan.trial import Expect, Failing, Late, Let, Mock, Part, Replay, Start, Trial, failure_meant
from leadflow.plan.types import Money, Value
from leadflow.plan.words import step_name
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.adapters import SeededRng, SystemClock, seconds_passed
from leadflow.run.claims import MemoryClaims
from leadflow.run.context import RunValues
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.inputs import read_inputs
from leadflow.run.kernel import Program
from leadflow.settings import Project
from leadflow.stores.memory import MemoryJournal
from leadflow.testing.apart import apart
from leadflow.testing.outcome import Made, Note, NotStarted, NoValue, Outcome, PartSeen, Problem, Sample, Stuck, Unmet
from leadflow.testing.playback import Playback
from leadflow.testing.rows import BadRecording, own_name, read_recording
from leadflow.testing.stand_ins import MOCKED, Fails, Standing, StandIns, Turn
from leadflow.testing.virtual import run_virtual
from leadflow.testing.whereabouts import Whereabouts

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""When every test begins."""


class TrialClock(SystemClock):
    """The clock of a test: it begins on the first day and goes with the loop."""

    def now(self) -> datetime:
        """The day and hour of the test."""
        return FIRST_DAY + timedelta(seconds=self.monotonic())

    def timestamp(self) -> float:
        """The same in seconds since the epoch."""
        return self.now().timestamp()


@record
class Subject:
    """A program whose tests are made."""

    plan: Plan
    project: Project
    registry: Registry
    folder: Path
    """Of its main file: where the recordings lie that it names."""
    programs: dict[frozenset[tuple[str, int]], Program]
    """The plan as the kernel wants it, by what of it is mocked as a whole; made when first needed."""
    recordings: list[str]
    """Files that its tests have asked for."""

    def program(self, whole: frozenset[tuple[str, int]]) -> Program:
        """The plan, with calls of a mock in place of some blocks and calls of flows."""
        found = self.programs.get(whole)
        if found is None:
            found = self.programs[whole] = Program(mocked(self.plan, whole) if whole else self.plan)
        return found


@record
class Ways:
    """How tests are made."""

    has_fakes: bool = False
    """Made-up values answer what nothing else does."""
    is_live: bool = False
    """The agents themselves answer what nothing else does."""
    seed: int = 0


def run_trial(trial: Trial, subject: Subject, ways: Ways) -> Outcome:
    """Make a test, as often as it asks for; each time is like a new process, with other chance."""
    times = 1 if trial.sampling is None else trial.sampling.runs
    samples, passed = [], seconds_passed()
    for number in range(times):
        making = _Making(trial, subject, replace(ways, seed=ways.seed + number))
        try:
            samples.append(asyncio.run(making.make()) if ways.is_live else run_virtual(making.make()))
        except RuntimeError as problem:
            samples.append(making.stuck(str(problem)))
    return Outcome(trial, tuple(samples), passed())


# --- a plan with mocked blocks ------------------------------------------------------------------------------------


def mocked(plan: Plan, whole: frozenset[tuple[str, int]]) -> Plan:
    """The plan with a call in place of each of those nodes; what stands inside of them is never reached."""
    flows = {
        name: replace(
            flow, nodes=tuple(_mocked(plan, node) if (name, node.id) in whole else node for node in flow.nodes)
        )
        for name, flow in plan.flows.items()
    }
    return replace(plan, flows=flows, agents={**plan.agents, MOCKED: AgentSpec(MOCKED, "mock", {}, (), MOCKED, None)})


_OF_CALLS = ("priority", "optional", "timeout", "retry", "cache", "idempotent")
"""Policies of blocks and calls of flows that a call of an agent may have as well."""


def _mocked(plan: Plan, node: Node) -> Node:
    work, args, result = node.work, tuple[tuple[str, Expr], ...](), node.type
    if isinstance(work, FlowCall):
        flow = plan.flows[work.flow]
        args, result = tuple(zip([param.name for param in flow.params], work.args, strict=True)), flow.result
    is_harmless = node.effect in ("pure", "read")
    call = AgentCall(MOCKED, node.name, args, result, True, node.effect, is_harmless, None)
    return replace(node, work=call, policies=tuple(each for each in node.policies if each.name in _OF_CALLS))


# --- expressions of a test ----------------------------------------------------------------------------------------


class _Names:
    """The `Env` of a test's expressions: its lets and runs by slot."""

    nodes: Mapping[int, Value] = {}
    run = RunValues("test", FIRST_DAY, "")

    def __init__(self, slots: int) -> None:
        self.locals: list[Value] = []
        self.fuel = 0
        self.slots: list[Value] = [None] * slots

    def bound(self, scope: int, slot: int) -> Value:
        """The value of a `let` or a `run`."""
        return self.slots[slot]

    def let(self, let: int) -> Value:
        """There are none of a flow's."""
        raise InternalError("a test reads a let of a flow")

    def holds(self, guard: Guard) -> bool:
        """Nothing of a test is conditional."""
        raise InternalError("a test has no guards")


# --- making one ---------------------------------------------------------------------------------------------------


class _Making:
    """A test under way."""

    def __init__(self, trial: Trial, subject: Subject, ways: Ways) -> None:
        self._trial = trial
        self._subject = subject
        self._seed = ways.seed
        self._clock = SystemClock() if ways.is_live else TrialClock()
        self._cast = StandIns(
            subject.plan, trial.names, self._clock, seed=ways.seed, has_fakes=ways.has_fakes, is_live=ways.is_live
        )
        self._rng = SeededRng(ways.seed)
        self._shared, self._claims = Shared(), MemoryClaims()
        self._names = _Names(trial.slots)
        self._problems: list[Problem] = []
        self._runs: list[Made] = []
        self._played: Playback | None = None
        self._at: Start | None = None

    async def make(self) -> Sample:
        """From the first statement to the first problem; expectations that stand together are all looked at."""
        for statement in self._trial.statements:
            if self._problems and not (isinstance(statement, Expect) and self._has_only_expected):
                break
            match statement:
                case Mock():
                    self._mock(statement)
                case Let(slot, name, value):
                    self._set(slot, value, f"let {name}", statement)
                case Replay():
                    self._replay(statement)
                case Start():
                    await self._start(statement)
                    if self._problems:
                        break
                case Expect():
                    self._expect(statement)
        return Sample(tuple(self._problems), tuple(self._runs), tuple(self._notes()))

    @property
    def _has_only_expected(self) -> bool:
        """What went wrong so far are expectations."""
        return all(isinstance(problem, Unmet) for problem in self._problems)

    def stuck(self, message: str) -> Sample:
        """What is known of a test whose run waits for ever."""
        place = self._trial.place if self._at is None else self._at.place
        return Sample((Stuck(place, message),), tuple(self._runs), ())

    def _notes(self) -> list[Note]:
        """Mocks that answered nothing."""
        mocks = [*self._cast.retired, *self._cast.mocks]
        idle = sorted((mock for mock in mocks if not mock.used), key=lambda mock: mock.place)
        notes = [Note(mock.place, f"`{mock.written}` answered no call") for mock in idle]
        if self._played is not None and self._runs and not self._cast.troubles and (left := self._played.left):
            told = f"{', '.join(left[:3])}{', …' if len(left) > 3 else ''}"
            notes.append(Note(self._played.place, f"recorded calls that were not made: {told}"))
        return notes

    # --- statements -----------------------------------------------------------------------------------------------

    def _value(self, expr: Expr) -> Value:
        return compile_expr(expr)(self._names)

    def _set(self, slot: int, value: Expr, written: str, statement: Let) -> None:
        try:
            self._names.slots[slot] = self._value(value)
        except ValueProblem as problem:
            self._problems.append(NoValue(statement.place, written, problem.message))

    def _mock(self, mock: Mock) -> None:
        try:
            answers = [self._answer(answer) for answer in mock.answers]
            args = None if mock.args is None else {name: self._value(value) for name, value in mock.args}
        except ValueProblem as problem:
            self._problems.append(NoValue(mock.place, mock.written, problem.message))
        else:
            self._cast.add(Standing(mock.target, args, answers, mock.written, mock.place))

    def _replay(self, replay: Replay) -> None:
        root, file = self._subject.project.root.resolve(), (self._subject.folder / replay.file).resolve()
        if not file.is_relative_to(root):
            problems = (f"the recording {replay.file} lies outside of the project",)
            self._problems.append(NotStarted(replay.place, problems))
            return
        self._subject.recordings.append(str(self._subject.folder / replay.file))
        try:
            recording = read_recording(file)
        except BadRecording as problem:
            self._problems.append(NotStarted(replay.place, (str(problem),)))
        else:
            self._cast.source = self._played = Playback(recording, self._clock, replay.place)

    def _answer(self, answer: Expr | Failing | Late) -> Turn:
        if not isinstance(answer, Late):
            return Turn(self._outcome(answer))
        delay = self._value(answer.delay)
        if not isinstance(delay, timedelta) or delay < timedelta(0):
            raise ValueProblem("an answer comes after a time that is not below 0s")
        return Turn(self._outcome(answer.answer), delay)

    def _outcome(self, answer: Expr | Failing) -> Value | Fails:
        if not isinstance(answer, Failing):
            return self._value(answer)
        reason = self._value(answer.reason)
        meant = failure_meant(reason) if isinstance(reason, str) else None
        if meant is None:
            raise ValueProblem(f"'{reason}' names no failure; `leadflow explain FLOW480` tells which there are")
        return Fails(*meant)

    def _expect(self, expect: Expect) -> None:
        try:
            if self._value(expect.condition) is True:
                return
        except ValueProblem as problem:
            self._problems.append(NoValue(expect.place, expect.written, problem.message))
            return
        lines: list[str] = []
        for pair in expect.equals:
            lines += self._apart(pair.left, pair.right)
        self._problems.append(Unmet(expect, tuple(filter(None, map(self._seen, expect.parts))), tuple(lines)))

    def _seen(self, part: Part) -> PartSeen | None:
        try:
            return PartSeen(part.written, self._value(part.value))
        except ValueProblem:
            return None

    def _apart(self, left: Expr, right: Expr) -> tuple[str, ...]:
        try:
            return apart(self._value(left), self._value(right))
        except ValueProblem:
            return ()

    # --- runs -----------------------------------------------------------------------------------------------------

    async def _start(self, start: Start) -> None:
        self._at = start
        flow = self._subject.plan.flows[start.flow]
        try:
            given = {param.name: self._value(arg) for param, arg in zip(flow.params, start.args, strict=True)}
        except ValueProblem as problem:
            self._problems.append(NoValue(start.place, start.written, problem.message))
            return
        inputs = read_inputs(flow.name, flow.params, given)
        if isinstance(inputs, list):
            self._problems.append(NotStarted(start.place, tuple(inputs)))
            return
        self._cast.calls.clear()
        begun = self._clock.monotonic()
        try:
            result = await self._run(flow, inputs)
        except StartProblem as problem:
            self._problems.append(NotStarted(start.place, problem.problems))
            return
        took = self._clock.monotonic() - begun
        self._runs.append(Made(start.name, start.written, flow.name, result, took))
        self._names.slots[start.slot] = self._told(flow, result, took)
        self._problems += self._cast.troubles

    async def _run(self, flow: FlowPlan, inputs: Mapping[str, Value]) -> Result:
        subject, clock = self._subject, self._clock
        program = subject.program(self._cast.whole())
        making = looked_at(program.plan, flow.name, subject.project, subject.registry, self._shared, self._cast)
        started = RunStarted(self._rng.uuid(), flow.name, subject.plan.hash, inputs, self._seed, clock.now())
        if self._played is not None:
            self._played.begin()
            head = self._played.recording.head
            if head.flow == own_name(flow.name):
                at = datetime.fromisoformat(head.started)
                started = replace(started, run=head.run, seed=head.seed, started=at)
        bounds = Bounds(calls=subject.project.settings.run.concurrency)
        journal = MemoryJournal(clock)
        self._claims.add(started.run, journal)
        async with callers_of(making, clock, started.seed, claims=self._claims) as callers:
            ports = Ports(callers, journal, clock, memo=memo_of(making, clock))
            return await Driver(program, ports, bounds).run(started)

    def _told(self, flow: FlowPlan, result: Result, took: float) -> Value:
        """The run as the test reads it."""
        return {
            "value": result.value,
            "failure": None if result.failure is None else _failure(result.failure),
            "calls": self._calls(flow, result),
            "cost": Money(result.used.money),
            "took": timedelta(seconds=round(took, 6)),
            "undone": result.undone,
        }

    def _calls(self, flow: FlowPlan, result: Result) -> Mapping[str, Value]:
        """How often the calls of each step were made; blocks and calls of flows, how often they began."""
        calls = {step_name(node): 0 for node in flow.nodes if not is_control(node)}
        for name in calls:
            calls[name] = self._cast.calls[flow.name, name]
        where = Whereabouts(self._subject.plan)
        for entry in result.entries:
            begun = _begun(entry.event)
            spot = where.find(entry.event.path) if begun and isinstance(entry.event, _BEGINS) else None
            if spot is not None and spot.flow is flow and not spot.is_undo and _is_group(spot.node):
                calls[spot.step] += begun * ((flow.name, spot.node.id) not in self._cast.whole())
        return calls


_BEGINS = (NodeStarted, AttemptStarted, CacheUsed)


def _begun(event: Event) -> int:
    """How much more often than before a block has begun; one that gives what an equal one gave has not."""
    match event:
        case NodeStarted():
            return 1
        case AttemptStarted(attempt=attempt):
            return int(attempt > 1)
        case CacheUsed():
            return -1
        case _:
            return 0


def _is_group(node: Node) -> bool:
    return not isinstance(node.work, AgentCall) and not is_control(node)


def _failure(failure: Failure) -> Mapping[str, Value]:
    return {
        "class": failure.category,
        "error": failure.error,
        "message": failure.message,
        "step": failure.path or None,
    }
