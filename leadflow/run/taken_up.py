"""What a log says of what was under way when it ended, and what may follow (cases D2, T12, R22).

A call whose start is logged and whose end is not was under way. Whether it was done, nobody knows, unless it was
between two attempts: then nothing of it was. What changes nothing, or may be repeated, is called again; of anything
else somebody has to say what is true. Pure: reads entries, and decides for each call on its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BudgetReserved,
    BudgetSettled,
    CallAdmitted,
    CallPassedOn,
    CallUsed,
    CallWaits,
    Decision,
    DoubtSettled,
    Entry,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    QuestionAnswered,
    QuestionAsked,
    RunResumed,
    RunStarted,
    ToolCalled,
)
from leadflow.plan.looping import call_of
from leadflow.plan.paths import is_inside
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.policy import OnDoubt, policy_of
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.begun import Begun
from leadflow.run.errors import has_left_open
from leadflow.run.kernel import Call
from leadflow.run.ports import Earlier

ASKED = "a person was asked"
"""Why a call goes on: its question is open, or answered."""
NOT_FOUND = "the probe found nothing"
"""Why a call goes on: its attempt that was lost was not done."""


@record
class Told:
    """What somebody found out about a call in doubt."""

    decision: Decision
    value: Value = None
    """What it gave, when it is `done`."""
    why: str = "told by the operator"


@dataclass(slots=True)
class _Way:
    """A call on its way."""

    begun: float
    """Seconds in which the run was worked on, when it began."""
    attempts: int = 1
    failed: list[AttemptFailure] = field(default_factory=list)
    agent: str | None = None
    is_pausing: bool = False
    """No attempt is under way: between two, or in a queue."""
    is_lost: bool = False
    """Its process ended in an attempt."""
    tried: float = 0.0
    """How long it had been under way when its last attempt began."""
    is_unsent: bool = False
    """It waits for its first attempt."""
    is_sent: bool = False
    """A model has answered it: what it waits for now is not its first attempt."""
    has_written: bool = False
    """A tool that writes was called: between two attempts it may be done, too."""
    asks: QuestionAsked | None = None
    """Its question to a person, while it has not gone on from it."""
    waited: float = 0.0
    """Seconds in which nobody worked on the run, and something in it waited for a person."""

    asked: float = 0.0
    """How long it had been under way when it asked."""
    own: int = 0
    """Attempts of the agent, where that is not the one that was asked first."""
    since: float = 0.0
    """How long it had been under way when that agent was asked first."""
    open: int = 1
    """Attempts under way."""
    beside: int = 0
    """Attempts of the agent that was asked last that began beside another one."""
    pause: tuple[float, float] | None = None
    """When its pause began (seconds since the epoch), and how long it lasts, while that is what it waits for."""

    def ask(self, agent: str | None, seconds: float) -> None:
        """That agent is asked from now on; it may be another one."""
        if agent != self.agent:
            self.own, self.beside, self.since, self.agent = 0, 0, seconds, agent

    def fail(self, failed: AttemptFailed, at: float) -> None:
        """An attempt failed, and the call goes on."""
        self.failed.append(failed.failure)
        self.is_pausing, self.asks, self.open = not failed.is_beside, None, self.open - 1
        self.pause = None if failed.delay is None else (at, failed.delay)

    def wait(self) -> None:
        """No attempt is under way any more, or none yet."""
        self.is_pausing, self.pause = True, None
        self.is_unsent = self.attempts == 1 and not (self.failed or self.is_lost or self.is_sent)

    def begin(self, attempt: int, agent: str | None, seconds: float) -> None:
        """An attempt begins, perhaps beside another one. Each turn of a model numbers its attempts anew."""
        self.ask(agent, seconds)
        if attempt <= self.attempts:
            self.beside = 0
        self.beside += attempt > 1 and self.open > 0
        self.own, self.open = self.own + 1, self.open + 1
        self.attempts, self.tried, self.is_pausing, self.is_unsent = attempt, seconds, False, False
        self.pause = None

    def seconds(self, worked: float) -> float:
        """For how long it has been under way."""
        return worked - self.begun + self.waited


class Past:
    """A log, read for what goes on behind it."""

    def __init__(
        self, entries: Sequence[Entry], answers: Sequence[QuestionAnswered] = (), *, now: float | None = None
    ) -> None:
        """Read a log.

        Args:
            answers: what people have answered since.
            now: when the run is taken up, in seconds since the epoch; None: when its log ends.
        """
        self._entries = entries
        self._ways: dict[str, _Way] = {}
        self._reserved: dict[tuple[str, int], BudgetReserved] = {}
        """What was set aside for attempts that have not settled."""
        self._settled: list[BudgetSettled] = []
        self._worked = 0.0
        """Seconds in which somebody worked on the run."""
        self._answered = {
            (answer.path, answer.number): answer.at
            for answer in (*(entry.event for entry in entries), *answers)
            if isinstance(answer, QuestionAnswered)
        }
        """When people answered, by step and number of the question."""
        before = entries[0].at if entries else 0.0
        for entry in entries:
            if isinstance(entry.event, RunResumed):
                self._wait(before, entry.at)
            else:
                self._worked += max(0.0, entry.at - before)
            before = entry.at
            self._read(entry)
        self._now = before if now is None else now
        self._wait(before, self._now)

    def _read(self, entry: Entry) -> None:
        match entry.event:
            case RunStarted(flow=path) | NodeStarted(path=path):
                self._ways[path] = _Way(self._worked)
            case AttemptStarted(path=path, attempt=attempt, agent=agent) if path in self._ways:
                way = self._ways[path]
                way.begin(attempt, agent or None, way.seconds(self._worked))
            case AttemptFailed(path=path, then=then) as failed if path in self._ways:
                way = self._ways[path]
                way.fail(failed, entry.at)
                if then is not None:
                    way.ask(then, way.seconds(self._worked))
            case CallPassedOn(path=path, then=then) if path in self._ways:
                way = self._ways[path]
                way.wait()
                way.open = 0
                way.ask(then, way.seconds(self._worked))
            case CallWaits(path=path) if path in self._ways:
                self._ways[path].wait()
            case ToolCalled(path=path, effect="write" | "dangerous") if path in self._ways:
                self._ways[path].has_written = True
            case CallUsed(path=path) if path in self._ways:
                self._ways[path].is_sent = True
            case BudgetReserved() as reserved:
                self._reserved[reserved.path, reserved.attempt] = reserved
            case BudgetSettled() as settled:
                self._reserved.pop((settled.path, settled.attempt), None)
                self._settled.append(settled)
            case DoubtSettled(path=path) as settled if path in self._ways:
                way = self._ways[path]
                way.failed += self._lost(way, settled)
                way.is_lost = way.is_lost or not way.is_pausing
                way.open = 0
                # what goes on with a further attempt sends nothing before it has logged that one (case D4)
                way.is_pausing = way.is_pausing and not (way.is_unsent or way.has_written)
            case CallAdmitted(path=path) if path in self._ways:
                way = self._ways[path]
                way.is_pausing, way.is_unsent, way.tried = False, False, way.seconds(self._worked)
            case QuestionAsked(path=path) as asked if path in self._ways:
                way = self._ways[path]
                way.asks, way.asked = asked, way.seconds(self._worked)
            case NodeDone(path=path) | NodeFailed(path=path) | NodeCancelled(path=path) if path in self._ways:
                self._ways[path].asks = None
            case _:
                pass

    def _lost(self, way: _Way, settled: DoubtSettled) -> tuple[AttemptFailure, ...]:
        """The attempt of a call that was under way when its process ended, when the call goes on. It counts as one that
        failed and may be done: what follows says nothing of it, however plainly the next attempt is turned away."""
        is_between = way.is_pausing and not way.has_written
        if is_between or way.asks is not None or settled.decision != "retry" or settled.why == NOT_FOUND:
            return ()
        seconds = round(way.seconds(self._worked) - way.tried, 6)
        return (AttemptFailure(way.attempts, way.agent or "", "system.interrupted", "its process ended", seconds),)

    def _wait(self, since: float, until: float) -> None:
        """Nobody worked on the run from then to then; but what waits for a person's answer waited for that."""
        open_ones = [way.asks for way in self._ways.values() if way.asks is not None]
        ends = {asked.path: self._end_of(asked, until) for asked in open_ones}
        for path, way in self._ways.items():
            within = [end for asked, end in ends.items() if path == asked or is_inside(asked, path)]
            way.waited += max(0.0, max(within, default=since) - since)

    def _end_of(self, asked: QuestionAsked, until: float) -> float:
        """Until when a question that is open at that time was waited for."""
        answered = self._answered.get((asked.path, asked.number), until)
        return min(until, answered, until if asked.expires is None else asked.expires)

    def worked_since(self, path: str) -> timedelta:
        """How long a block or flow has been worked on, or has waited for people, since it began (case T12)."""
        way = self._ways.get(path)
        return timedelta(seconds=0.0 if way is None else way.seconds(self._worked))

    def has_begun(self, path: str) -> bool:
        """Whether the log has the start of a node."""
        return path in self._ways

    def is_open(self, path: str) -> bool:
        """Whether nobody knows what an attempt of a call did: how it ended, or whether the other side acted in it."""
        way = self._ways.get(path)
        return way is not None and (not way.is_pausing or way.has_written or has_left_open(way.failed))

    def earlier(self, path: str, settled: DoubtSettled, first: str = "") -> Earlier:
        """What a call did so far that goes on.

        Args:
            settled: why it does.
            first: the agent that was asked first.
        """
        way = self._ways[path]
        seconds = way.seconds(self._worked)
        known = (*way.failed, *self._lost(way, settled))
        failed = tuple(one if one.agent else replace(one, agent=first) for one in known)
        if way.asks is not None:  # the attempt that asked goes on
            return Earlier(way.attempts - 1, failed, way.agent, seconds, way.asks.agent, seconds - way.asked)
        own, begun, pause = (way.own, seconds - way.since), way.attempts - way.is_unsent, self.pause_of(path) or 0.0
        return Earlier(begun, failed, way.agent, seconds, own=own, beside=way.beside, pause=pause)

    def pause_of(self, path: str) -> float | None:
        """Seconds that are left of the pause between two attempts of a call or a block, if that is where it is (case
        R10). By the wall clock; where that was set back, no more than all of it (case K1)."""
        way = self._ways.get(path)
        if way is None or way.pause is None:
            return None
        since, delay = way.pause
        return min(delay, max(0.0, since + delay - self._now))

    def unsettled(self) -> list[BudgetSettled]:
        """What was set aside when the process ended counts as spent, because nobody knows better (case $8); an attempt
        that goes on sets it aside again."""
        left = [one for one in self._reserved.values() if one.path not in self._ways or not self._ways[one.path].asks]
        return [BudgetSettled(one.path, one.attempt, one.money, one.tokens, True) for one in left]

    def unheard(self, calls: Iterable[Call], plan: Plan) -> list[CallUsed]:
        """Models that may have answered when the process ended: nobody knows what that used (case $8).

        Args:
            calls: those that were under way.
        """
        begun, paths = Begun(plan), {call.path for call in calls}
        for entry in self._entries:
            if call_of(getattr(entry.event, "path", "")) in paths:
                begun.read(entry.event)
        models = {name for name, spec in plan.agents.items() if "model" in spec.settings}
        return [CallUsed(one.path, one.attempt, one.agent, None, None) for one in begun.open() if one.agent in models]

    def spent(self) -> list[BudgetSettled]:
        """All that attempts took, those that were under way included."""
        return [*self._settled, *self.unsettled()]

    def settled(self, call: Call, told: Mapping[str, Told]) -> DoubtSettled | None:
        """What follows for a call that was under way; None: nobody knows whether it was done, and somebody has to say.

        Args:
            told: what somebody found out, by path.
        """
        path, work = call.path, call.layout.node.work
        if path in told:
            return DoubtSettled(path, told[path].decision, told[path].why)
        if self._ways[path].asks is not None:
            return DoubtSettled(path, "retry", ASKED)
        if self._ways[path].is_pausing and not self._ways[path].has_written:
            return DoubtSettled(path, "retry", "no attempt was under way")
        if call.layout.node.effect in ("pure", "read"):
            return DoubtSettled(path, "retry", "it changes nothing")
        written = policy_of(call.layout.node.policies, OnDoubt)
        match written and written.does:
            case "retry":
                return DoubtSettled(path, "retry", "@on_doubt says so")
            case "fail":
                return DoubtSettled(path, "failed", FAILS)
            case None if isinstance(work, AgentCall) and (work.idempotent or call.key is not None):
                return DoubtSettled(path, "retry", "it may be repeated")
            case _:
                return None


def under_way(entries: Sequence[Entry]) -> Sequence[str]:
    """Paths of the steps of which a log has the start and not the end, in that order; blocks, too."""
    begun: dict[str, None] = {}
    for entry in entries:
        match entry.event:
            case NodeStarted(path=path):
                begun[path] = None
            case NodeDone(path=path) | NodeFailed(path=path) | NodeCancelled(path=path):
                begun.pop(path, None)
            case _:
                pass
    return list(begun)


FAILS = "@on_doubt says that it fails"


def failure_of(settled: DoubtSettled) -> Failure:
    """The failure of a call that somebody found not to have been done, or of which nobody knows and nobody asks."""
    if settled.why == FAILS:
        return Failure("system.in_doubt", "system", f"{_NOBODY}, and {FAILS}", settled.path, in_doubt=True)
    return Failure("system.not_done", "system", "its process ended, and it was not done", settled.path)


_NOBODY = "its process ended, and nobody knows whether it was done"


def in_doubt(paths: Sequence[str], why: Mapping[str, str]) -> Failure:
    """Why a run does not go on: of these calls nobody knows whether they were done.

    Args:
        why: what is known beside, by path: that a probe could not tell.
    """
    causes = tuple(
        Failure("system.in_doubt", "system", _NOBODY + (f"; {why[path]}" if path in why else ""), path, in_doubt=True)
        for path in paths
    )
    listed = ", ".join(paths)
    return Failure("system.in_doubt", "system", f"nobody knows whether this was done: {listed}", "", (), causes, True)
