"""Random plans of every construct, and a world without time for the kernel: calls end in any order one likes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zlib import crc32

from hypothesis import strategies as st

from leadflow.events.model import (
    AttemptStarted,
    CancelRequested,
    DeadlinePassed,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
)
from leadflow.plan.expr import Binary, Const, Guard, ListOf, NodeValue
from leadflow.plan.plan import Branch, Do, FlowCall, For, Need, NeedWhy, Parallel, Plan, Race, Repeat, Undo
from leadflow.plan.policy import Applied, Concurrency, OnFailure, Optional, Priority, Retry, Timeout
from leadflow.plan.types import Effect, Value
from leadflow.run.kernel import Call, CancelCall, Command, Kernel, Program, StartTimer, Step, StopTimer, TryAgain
from tests.plans import Block, Making, apply, call_of, plan
from tests.run.fakes import started

Pick = Callable[[int], int]
"""One of so many, from 0."""

POLICIES: Sequence[Applied | None] = (
    None,
    None,
    None,
    apply("optional", Optional()),
    apply("on_failure", OnFailure("continue")),
    apply("on_failure", OnFailure("partial")),
    apply("concurrency", Concurrency(1)),
    apply("concurrency", Concurrency(2)),
    apply("priority", Priority(5)),
    apply("timeout", Timeout(total=timedelta(seconds=5))),
    apply("retry", Retry(2, on=("agent",))),
    apply("retry", Retry(3, on=("agent",))),
)
EFFECTS: Sequence[Effect] = ("pure", "read", "write")
UNDOS = ("call", "call", "call", "flow", "broken", "none", "")
WHYS: Sequence[NeedWhy] = ("data", "after", "order")
WORDS = ("call", "call", "call", "call", "do", "for", "repeat", "parallel", "race", "if", "flow")


@st.composite
def plans(draw: st.DrawFn, *, calm: bool = False) -> Plan:
    """A program of a main flow, one that it calls, and one that undos call; `calm`: nothing in it depends on the order
    in which calls end."""

    def pick(count: int) -> int:
        return draw(st.integers(0, count - 1))

    mend = _Author(Making("mend", params=("what",)), pick, calm=calm, flows=())
    mend.write(None, [], 1)
    inner = _Author(Making("inner"), pick, calm=calm, flows=())
    inner.flow.policies = inner.policies()
    inner.write(None, [], 2)
    outer = _Author(Making("main"), pick, calm=calm, flows=("inner",))
    outer.flow.policies = outer.policies()
    outer.write(None, [], 3)
    return plan(outer.flow.done(), inner.flow.done(), mend.flow.done())


@dataclass
class _Author:
    """Writes random statements into a flow."""

    flow: Making
    pick: Pick
    calm: bool
    flows: tuple[str, ...]
    count: int = 0

    def write(self, inside: int | None, visible: list[int], depth: int) -> None:
        """The statements of a scope, and its value."""
        visible = list(visible)
        guard: Guard | None = None
        for _ in range(1 + self.pick(4)):
            visible.append(self.statement(inside, visible, depth, guard))
            if self.flow.nodes[-1].name.startswith("if"):
                guard = Guard(visible[-1], (self.pick(2),))
            elif guard is not None and self.pick(2):
                merge = self.flow.merge(self.name("merge"), guard, Guard(guard.node, (0,)), inside=inside)
                guard = Guard(merge)
        reads = self.some(visible)
        self.flow.give(ListOf(tuple(map(NodeValue, reads))), *reads, inside=inside, guard=guard)

    def name(self, word: str) -> str:
        self.count += 1
        return f"{word}{self.count}"

    def some(self, visible: Sequence[int]) -> list[int]:
        """A few of the nodes that may be read."""
        return sorted({visible[self.pick(len(visible))] for _ in range(self.pick(3))}) if visible else []

    def policies(self) -> list[Applied]:
        found = None if self.calm else POLICIES[self.pick(len(POLICIES))]
        return [found] if found else []

    def statement(self, inside: int | None, visible: list[int], depth: int, guard: Guard | None) -> int:
        """One step, or a condition."""
        word, reads = WORDS[self.pick(len(WORDS))], self.some(visible)
        if depth == 0 or (word == "flow" and not self.flows) or (self.calm and word == "race"):
            word = "call"
        name, policies = self.name(word), self.policies()
        if word == "call":
            return self.call(name, reads, inside, guard, policies)
        if word == "if":
            subject = Binary("==", NodeValue(reads[0]), Const("yes")) if reads else Const(bool(self.pick(2)))
            return self.flow.node(name, self.flow_branch(subject), reads, inside=inside, guard=guard)
        if word == "flow":
            work, undo = FlowCall("inner", ()), self.undo()
            return self.flow.node(name, work, reads, inside=inside, guard=guard, policies=policies, undo=undo)
        make, slots = self.block(word)
        block = self.flow.block(name, make, *reads, slots=slots, inside=inside, guard=guard, policies=policies)
        if word in ("parallel", "race"):
            for _ in range(1 + self.pick(3)):
                self.call(self.name("call"), self.some(visible), block, None, self.policies())
        else:
            self.write(block, visible, depth - 1)
        return block

    def call(
        self, name: str, reads: list[int], inside: int | None, guard: Guard | None, policies: list[Applied]
    ) -> int:
        work = call_of(*map(NodeValue, reads), effect=EFFECTS[self.pick(len(EFFECTS))])
        needs = [Need(read, "data" if self.calm else WHYS[self.pick(len(WHYS))]) for read in reads]
        undo = self.undo() if work.effect == "write" else None
        return self.flow.node(name, work, needs, inside=inside, guard=guard, policies=policies, undo=undo)

    def undo(self) -> Undo | None:
        """What takes the next node back, if anything; its argument may have no value."""
        own, word = NodeValue(len(self.flow.nodes)), UNDOS[self.pick(len(UNDOS))]
        match word:
            case "call":
                return Undo(call_of(own, effect="write"), in_doubt=bool(self.pick(2)))
            case "flow":
                return Undo(FlowCall("mend", (own,)))
            case "broken":
                return Undo(call_of(Binary("/", Const(1), Const(0)), effect="write"))
            case _:
                return Undo(None) if word == "none" else None

    def flow_branch(self, subject: Binary | Const) -> Branch:
        return Branch(subject, ((True,), None), ("then", "else"))

    def block(self, word: str) -> tuple[Callable[[int], Block], tuple[str, ...]]:
        """A block without its body, and its slots."""
        count = self.pick(4)
        match word:
            case "for":
                return lambda scope: For(Const(tuple(range(count))), None, scope), ("item", "index")
            case "repeat":
                return (
                    lambda scope: Repeat(Const("v"), Const(1 + count), scope, Const(False), Const("end")),
                    ("value", "round"),
                )
            case "parallel":
                return lambda scope: Parallel(scope, 1 if count == 3 else None), ()
            case "race":
                return Race, ()
            case _:
                return Do, ()


# --- a world without time -----------------------------------------------------------------------------------------


def outcome_of(path: str, *, failing: int) -> Event:
    """How the call of a path ends, always the same; `failing` of a hundred fail."""
    chance = crc32(path.encode()) % 100
    if chance < failing:
        around = enclosing(path)
        in_doubt, limit = chance % 3 == 0, around[chance % len(around)] if chance % 4 == 1 else None
        failure = Failure("agent.failed", "agent", f"{path} said no", path, in_doubt=in_doubt, limit=limit)
        return NodeFailed(path, failure)
    return NodeDone(path, "yes" if chance % 2 else "no")


def enclosing(path: str) -> list[str]:
    """The paths of all that is around a node and may have a limit: the run, its flow, each block."""
    parts = path.split("/")[:-1]
    return ["", *(re.sub(r"(\[\d+\]|~\d+)+$", "", "/".join(parts[: n + 1])) for n in range(len(parts)))]


@dataclass
class World:
    """Obeys a kernel's commands, and ends the calls under way one by one, as `pick` says."""

    kernel: Kernel
    pick: Pick
    failing: int = 0
    log: list[Event] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    calls: dict[str, bool] = field(default_factory=dict)
    """Calls under way: whether they were told to stop."""
    timers: dict[str, None] = field(default_factory=dict)
    pauses: dict[str, int] = field(default_factory=dict)
    """Further attempts to begin."""

    def take(self, step: Step) -> None:
        """Write the events down and obey the commands."""
        self.steps.append(step)
        self.log.extend(step.events)
        for command in step.commands:
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case Call(path=path):
                assert path not in self.calls, f"{path} was ordered twice"
                self.calls[path] = False
            case CancelCall(path=path, force=force):
                self.calls[path] = self.calls[path] or force
            case StartTimer(path=path):
                self.timers[path] = None
            case StopTimer(path=path):
                self.timers.pop(path, None)
            case TryAgain(path=path, attempt=attempt):
                self.pauses[path] = attempt

    def next_fact(self) -> Event:
        """Something happens."""
        paths = [*self.calls, *self.pauses, *([] if self.failing == 0 else self.timers)]
        path = paths[self.pick(len(paths))]
        if path in self.pauses:
            return AttemptStarted(path, self.pauses.pop(path), "")
        if path not in self.calls:
            del self.timers[path]
            return DeadlinePassed(path, Failure("timeout.total", "timeout", "late", path))
        told = self.calls.pop(path)
        return (
            NodeCancelled(path, "told to", crc32(path.encode()) % 2 == 0)
            if told
            else outcome_of(path, failing=self.failing)
        )

    def give(self, *facts: Event) -> None:
        """Tell the kernel."""
        for fact in facts:
            if not isinstance(fact, DeadlinePassed | CancelRequested):
                self.calls.pop(getattr(fact, "path", ""), None)
        self.facts.extend(facts)
        self.take(self.kernel.on(facts))

    def to_the_end(self, cancel_at: int | None = None) -> None:
        """Until the run has ended; somebody cancels it after so many facts, and again, and insists."""
        for count in range(100_000):
            if self.kernel.has_ended:
                return
            if cancel_at is not None and count in (cancel_at, cancel_at + 2):
                self.give(CancelRequested("enough"))
            elif cancel_at is not None and count == cancel_at + 6:
                self.give(CancelRequested("now", force=True))
            else:
                assert self.calls or self.timers or self.pauses, "the run waits for nothing"
                self.give(self.next_fact())
        raise AssertionError("the run does not end")


def world(program: Program, pick: Pick, *, failing: int = 0, calls: int | None = None) -> World:
    """A run that has begun."""
    made = World(Kernel(program, calls=calls), pick, failing)
    made.take(made.kernel.start(started(program.plan)))
    return made


def value_of(log: Sequence[Event]) -> Value:
    """The run's value."""
    return getattr(log[-1], "value", None)
