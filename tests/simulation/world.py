"""What is true in a simulation, whoever knows of it: what is committed, what upstreams were asked, and what is wrong.

The world sees every commit as it happens and every request as it arrives, and holds each against the rules of
SEMANTICS: nothing is asked before its intent and its needs are committed (D1, D2), nothing that is settled is asked
again, nothing happens behind the end of a run (X1), nothing of an older epoch is taken in (D12), what was acknowledged
stays, budgets hold. People are asked once and believed, a tool that has written is not used again, whoever was given up
for a stand-in is not asked any more, and nobody is asked while their breaker is open.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from zlib import crc32

from leadflow.events.codec import read_event
from leadflow.events.model import (
    AttemptStarted,
    BranchTaken,
    BreakerMoved,
    DoubtSettled,
    Entry,
    Event,
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    QuestionAnswered,
    QuestionAsked,
    RunCancelled,
    RunDone,
    RunFailed,
    ToolCalled,
)
from leadflow.plan.looping import TOOLS, call_of
from leadflow.plan.plan import AgentCall, FlowCall, FlowPlan, Node, Plan, Race, Scope
from leadflow.plan.policy import Budget, policy_of
from leadflow.plan.types import Value
from leadflow.run.errors import CallError, ConnectFailed, Rejected, ServerError
from leadflow.run.ports import Request
from leadflow.run.questions import Asked
from leadflow.run.taken_up import Told
from leadflow.run.toolbox import Asked as Turn
from leadflow.run.toolbox import ToolUse
from leadflow.stores.rows import Row, Rows

SETTLES = (NodeDone, NodeFailed, NodeSkipped, NodeBlocked, NodeCancelled, BranchTaken)
ENDS = (RunDone, RunFailed, RunCancelled)
COUNTED = (QuestionAsked, ToolCalled, BreakerMoved)
WRITES = ("put", "drop", "note")
_AGAIN = re.compile(r"(\[\d+\]|~\d+)+$")
"""Which round, element or attempt of a block or flow a part of a path is."""


class World:
    """One simulation: its chance, its truth, and its violations."""

    def __init__(self, plan: Plan, chance: Random, *, turbulent: bool) -> None:
        self.plan = plan
        self.chance = chance
        self.turbulent = turbulent
        """Whether anything may still go wrong."""
        self.is_over = False
        self.epoch = 0
        """Of the last claim that the store granted, whether or not the worker heard of it."""
        self.log: list[Event] = []
        """What is committed."""
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        """Of what happened, by name."""
        self._settled: set[str] = set()
        self._intents: dict[tuple[str, int], int] = {}
        """Paths, and the epochs in which their call was begun: the number of the row that says so last."""
        self.asked = Asked()
        """What people are asked."""
        self.given: dict[tuple[str, int], Value] = {}
        """What they have answered first, by the step and the number of its question."""
        self._stand_in: set[str] = set()
        """Paths of calls that another agent stands in for."""
        self._open: dict[str, tuple[int, float]] = {}
        """By agent whose breaker is open: the number of the row that says so, and until when."""
        self._would: dict[str, str] = {}
        """What models answer in the end."""
        self._asked: Counter[str] = Counter()
        self._under: Counter[str] = Counter()
        """Requests that were sent, by what has a budget around them."""
        self._done: dict[str, str] = {}
        """Writes that arrived, and what they gave."""
        self._late: set[str] = set()
        """Paths of which a worker asked that had lost the run."""
        self._keys: dict[str, str | None] = {}

    def wrong(self, text: str) -> None:
        """A rule is broken."""
        self.violations.append(text)

    # --- the journal --------------------------------------------------------------------------------------------------

    def committed(self, rows: Rows) -> None:
        """Rows are in the file now."""
        if rows.epoch != self.epoch:
            self.wrong(f"the store took in rows of epoch {rows.epoch} in epoch {self.epoch}")
        large = dict(rows.large)
        for row in rows.rows:
            if row.seq != len(self.log):
                self.wrong(f"row {row.seq} was committed behind {len(self.log)} rows")
            event = read_event(large[row.large or ""] if row.text is None else row.text)
            if self.log and isinstance(self.log[-1], ENDS):
                self.wrong(f"{type(event).__name__} was committed behind the end of the run")
            self.log.append(event)
            self._note(event, row, rows.epoch)

    def _note(self, event: Event, row: Row, epoch: int) -> None:
        match event:
            case NodeStarted(path=path) | AttemptStarted(path=path) | DoubtSettled(path=path, decision="retry"):
                self._intents[path, epoch] = row.seq
            case ToolCalled(path=path, call=call):
                self._intents[f"{path}{TOOLS}[{call}]", epoch] = row.seq
            case BreakerMoved(agent=agent, state=state, seconds=seconds):
                self._open.pop(agent, None)
                if state == "open":
                    self._open[agent] = (row.seq, row.at + (seconds or 0.0))
            case QuestionAsked(path=path) if path in self.asked.numbers:
                self.wrong(f"{path} asked a person twice")
            case QuestionAnswered(path=path, number=number, value=value) if self.given.get((path, number)) != value:
                self.wrong(f"{path} heard {value!r}, and {self.given.get((path, number))!r} was said first")
            case _ if isinstance(event, SETTLES):
                self._settled.add(event.path)
        if isinstance(event, COUNTED):
            self.counts[type(event).__name__] += 1
        if isinstance(event, AttemptStarted) and event.agent == "spare":
            self._stand_in.add(event.path)
            self.counts["stand-ins"] += 1
        if isinstance(event, NodeDone) and (said := self.given.get((event.path, 1))) not in (None, event.value):
            self.wrong(f"{event.path} gave {event.value!r}, and {said!r} was answered")
        self.asked.add(event)

    def acknowledged(self, entries: Sequence[Entry]) -> None:
        """A worker was told that these are kept."""
        for entry in entries:
            if entry.seq >= len(self.log) or self.log[entry.seq] != entry.event:
                self.wrong(f"entry {entry.seq} was acknowledged and is not committed")

    # --- upstreams ----------------------------------------------------------------------------------------------------

    def arrives(
        self, epoch: int, agent: str, request: Request, *, now: float, is_fenced: bool
    ) -> str | Turn | CallError:
        """An upstream is asked: its answer."""
        path, is_late = request.path, epoch < self.epoch
        if is_late:
            self._late.add(call_of(path))
        if is_fenced:
            self.wrong(f"{path} was asked by a worker that knew that it had lost the run")
        if (path, epoch) not in self._intents:
            self.wrong(f"{path} was asked, and no intent of epoch {epoch} is committed")
        if not is_late:
            self._is_in_time(agent, path, epoch, now)
        missing = [need for need in needs_of(self.plan, path) if need not in self._settled]
        if missing:
            self.wrong(f"{path} was asked before its needs were committed: {missing}")
        if self._keys.setdefault(path, request.key) != request.key:
            self.wrong(f"{path} was asked with another key")
        return self._answer(agent, request)

    def _is_in_time(self, agent: str, path: str, epoch: int, now: float) -> None:
        """Nothing says that the call is not made any more."""
        if self.log and isinstance(self.log[-1], ENDS):
            self.wrong(f"{path} was asked behind the end of the run")
        if call_of(path) in self._settled:
            self.wrong(f"{path} was asked, and it is settled")
        if agent != "spare" and path in self._stand_in:
            self.wrong(f"{path} asked {agent}, and spare stands in for it")
        opened, until = self._open.get(agent, (0, 0.0))
        if now < until and self._intents.get((path, epoch), 0) > opened:
            self.wrong(f"{path} asked {agent}, whose breaker is open")

    def _answer(self, agent: str, request: Request) -> str | Turn | CallError:
        path, chance = request.path, crc32(request.path.encode())
        self._asked[path] += 1
        if request.action in ("flaky", "shaky") and self._asked[path] == 1:
            return ConnectFailed("nobody answers", sent=False)
        for around, most in budgets_of(self.plan, path):
            self._under[around] += 1
            if self._under[around] > most:
                self.wrong(f"{path} is call {self._under[around]} within the budget of {around}, which allows {most}")
        if request.action in ("flaky", "shaky") and self._asked[path] == 2:
            return ServerError("not now", status=500)
        if agent == "moody" and self._asked[path] <= 2 and chance % 3:
            return ServerError("not today", status=500)
        if request.action == "never" or (agent == "weak" and chance % 2):
            return Rejected("no", status=422)
        who = "spare" if agent in ("spare", "moody") else ""  # which of these two answers depends on the hour
        value = chr(97 + crc32(f"{who}{path} {request.args}".encode()) % 26)
        if agent == "writer":
            self._would[path] = value
            if (turn := turn_of(chance, len(request.exchanges))) is not None:
                return turn
        if request.action in WRITES:
            if path in self._done and call_of(path) not in self._late and request.key is None:
                self.wrong(f"the write {path} ran twice")
            self._done[path] = value
        return value

    def said(self, answer: QuestionAnswered) -> None:
        """The store took in what a person said, as the first answer to their question."""
        if (answer.path, answer.number) in self.given:
            self.wrong(f"a second answer to {answer.path} was taken in")
        self.given[answer.path, answer.number] = answer.value

    def told(self, doubts: Failure) -> dict[str, Told]:
        """What an operator finds out of calls in doubt: whether they arrived."""
        return {each.path: self._found_out(each.path) for each in doubts.causes}

    def _found_out(self, path: str) -> Told:
        """What is true of a call. A model whose tools have written is not asked again."""
        if path in self._done:
            return Told("done", self._done[path])
        if any(done.startswith(f"{path}{TOOLS}[") for done in self._done):
            return Told("done", self._would[path])
        return Told("retry")


def turn_of(chance: int, turn: int) -> Turn | None:
    """What a model asks of tools in a turn: two reads beside each other, one write, or two; None: it answers."""
    if turn >= chance % 3:
        return None
    name, count = (("look", 2), ("note", 1), ("note", 2))[chance // 3 % 3]
    return Turn(tuple(ToolUse(f"{turn}-{each}", name, {"x": f"{turn}{each}"}) for each in range(count)), "said", 10)


# --- what a path says -------------------------------------------------------------------------------------------------


def walk(plan: Plan, path: str) -> Iterator[tuple[str, FlowPlan, Scope | None, Node | None]]:
    """From the flow to the node of a path: what each part is, without which round of it."""
    first, *parts = call_of(path).split("/")
    flow = plan.flows[_AGAIN.sub("", first)]
    yield _AGAIN.sub("", first), flow, None, None
    scope, before = flow.scopes[0], first
    for part in parts:
        name = _AGAIN.sub("", part)
        node = next(flow.nodes[each] for each in scope.nodes if flow.nodes[each].name == name)
        yield f"{before}/{name}", flow, scope, node
        before = f"{before}/{part}"
        if isinstance(node.work, FlowCall):
            flow = plan.flows[node.work.flow]
            scope = flow.scopes[0]
        else:
            scope = next((each for each in flow.scopes if each.owner == node.id), scope)


def needs_of(plan: Plan, path: str) -> list[str]:
    """The paths of the calls in the same scope that a call needs."""
    if "~undo" in path:
        return []
    *_, (_, flow, scope, node) = walk(plan, path)
    if node is None or scope is None:
        return []
    near = call_of(path).rpartition("/")[0]
    needed = [flow.nodes[need.node] for need in node.needs if need.node in scope.nodes]
    return [f"{near}/{each.name}" for each in needed if isinstance(each.work, AgentCall | FlowCall)]


def budgets_of(plan: Plan, path: str) -> list[tuple[str, int]]:
    """The paths around a call that have a budget of calls, and how many."""
    if "~undo" in path:
        return []
    found = []
    for around, flow, _, node in walk(plan, path):
        limits = [policy_of(flow.policies if node is None else node.policies, Budget)]
        if node is not None and isinstance(node.work, FlowCall):
            limits.append(policy_of(plan.flows[node.work.flow].policies, Budget))
        calls = [limit.calls for limit in limits if limit is not None and limit.calls is not None]
        if calls:
            found.append((around, min(calls)))
    return found


def is_in_race(plan: Plan, path: str) -> bool:
    """Whether a path is that of a race, or of what is in one: who wins depends on the hour."""
    return any(node is not None and isinstance(node.work, Race) for _, _, _, node in walk(plan, path))
