"""`@once` against its reference model: calls of many runs that go on one await at a time, in any order, while their
runs end, die, are taken up again, undo what they did and are forgotten.
"""

from collections.abc import Coroutine, Generator
from datetime import timedelta
from types import coroutine
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from leadflow.events.model import (
    AttemptFailure,
    CallAdmitted,
    CallEvent,
    CallWaits,
    Entry,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    UndoBegan,
)
from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import GRACE
from leadflow.plan.types import INT
from leadflow.policies.call import Course, Ports
from leadflow.policies.once import once
from leadflow.policies.shared import Shared
from leadflow.policies.watch import Watch
from leadflow.run.adapters import SeededRng
from leadflow.run.claims import MemoryClaims
from leadflow.run.errors import KeyTaken
from leadflow.run.ports import Answer, CallOrder, Claim, Holding
from tests.policies.models.once import ENDS, Model
from tests.policies.models.runs import RUNS, steps
from tests.policies.playing import LoopClock

PATH = "f/a"
LOST = Failure("network.lost", "network", "x", PATH, (AttemptFailure(1, "main", "network.lost", "x", 0.0),))
REFUSED = Failure("agent.rejected", "agent", "x", PATH)
CALL = AgentCall("main", "put", (), INT, True, "write", False, None)


@coroutine
def stop(where: str) -> Generator[str, None, None]:
    """Wait until the machine goes on here."""
    yield where


class HandClock(LoopClock):
    """Time that passes when the machine says so."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        """A wait, of which the machine decides how long it is."""
        await stop("sleep")


class Logs(MemoryClaims):
    """Keys as they are kept in memory, and the logs of runs as others find them."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.logs: dict[int, list[Event]] = {}

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """When the machine goes on."""
        await stop("ask")
        return await super().take(key, claim, instead)

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """When the machine goes on."""
        await stop("look")
        number = int(run)
        if number not in self.logs:
            return None
        entries = [Entry(seq, 0.0, event) for seq, event in enumerate(self.logs[number])]
        has_ended = "over" in self.model.of(number)
        return Holding(entries, has_ended, not self.model.is_alone(number))


class Calls(RuleBasedStateMachine):
    """The two together."""

    @initialize()
    def begin(self) -> None:
        """An empty journal."""
        self.model, self.clock = Model(), HandClock()
        self.claims = Logs(self.model)
        self.keys: dict[int, str] = {}
        self.calls: dict[int, Coroutine[Any, Any, Answer]] = {}
        self.at: dict[int, str] = {}
        """Of each call that is under way: where it stops."""
        self.found: dict[int, int | None] = {}
        """Of each, who had the key when it asked last; whom it saw leave it."""
        self.left: dict[int, int | None] = {}
        self.since: dict[int, float] = {}
        self.posted: dict[int, list[CallEvent]] = {}
        self.step = once(self._made, CALL, self.claims)

    async def _made(self, course: Course) -> Answer:
        await stop("make")
        return Answer(int(course.order.run))

    def _some(self, data: st.DataObject, wanted: list[int]) -> int:
        return data.draw(st.sampled_from(wanted))

    def _start(self, call: int) -> None:
        self.posted[call], self.since[call] = [], self.clock.seconds
        order = CallOrder(PATH, {}, None, str(call), None, self.posted[call].append, once=self.keys[call])
        ports = Ports(self.clock, SeededRng(1), Shared(), claims=self.claims)
        begun = self.step(Course(order, ports, Watch(self.clock, GRACE)))
        self.calls[call] = cast("Coroutine[Any, Any, Answer]", begun)
        self.found[call] = self.left[call] = None
        self.at[call] = self.calls[call].send(None)
        assert "ask" == self.at[call]

    def _end(self, call: int, *events: Event) -> None:
        """The call is over: what its log says of that."""
        self.calls.pop(call).close()
        del self.at[call]
        self.claims.logs[call] += events

    @rule(key=st.sampled_from("ab"))
    def comes(self, key: str) -> None:
        """A run comes to its call."""
        call = len(self.keys) + 1
        self.keys[call], self.claims.logs[call] = key, [NodeStarted(PATH)]
        self._start(call)

    @precondition(lambda self: any(at != "make" for at in self.at.values()))
    @rule(data=st.data(), seconds=st.sampled_from([0.0, 0.5, 3.0]))
    def goes_on(self, data: st.DataObject, seconds: float) -> None:
        """One that has not its key comes to the next await, or to its end."""
        call = self._some(data, [call for call, at in self.at.items() if at != "make"])
        self.clock.seconds += seconds
        key, stood, holder = self.keys[call], self.at[call], self.found[call]
        if stood == "ask":
            self.found[call] = self.model.holder(key)
            wanted = self.model.asks(call, key, self.left[call])
        elif stood == "sleep":
            self.left[call], wanted = None, "ask"
        else:
            assert holder is not None
            fate = self.model.fate(holder)
            self.left[call] = holder if fate == "free" else None
            wanted = {"free": "ask", "waits": "sleep"}.get(fate, fate)
        assert wanted == self._next(call, holder)

    def _next(self, call: int, holder: int | None) -> str:
        """Go on; where it stops, or how it ends."""
        waited, before = CallWaits(PATH, "main", f"run {holder}, which makes the same call", None), self.at[call]
        is_first = not self.posted[call]
        try:
            self.at[call] = self.calls[call].send(None)
        except StopIteration as ended:
            assert Answer(holder) == ended.value
            assert OnceFound(PATH, str(holder), PATH) == self.posted[call][-1]
            self._end(call, NodeDone(PATH, holder))
            return "done"
        except KeyTaken as problem:
            assert f"step {PATH} of run {holder} " in problem.message
            self._end(call, NodeFailed(PATH, REFUSED))
            return "odd" if "gave string, and int is asked for now" in problem.message else "stuck"
        if self.at[call] == "sleep":
            assert not is_first or [waited] == self.posted[call]
        assert sum(isinstance(event, CallWaits) for event in self.posted[call]) <= 1
        if self.at[call] == "make" and before == "ask" and not is_first:
            assert CallAdmitted(PATH, "main", round(self.clock.seconds - self.since[call], 6)) == self.posted[call][-1]
        return self.at[call]

    @precondition(lambda self: "make" in self.at.values())
    @rule(data=st.data(), end=st.sampled_from(sorted(ENDS)))
    def ends(self, data: st.DataObject, end: str) -> None:
        """A call that is made ends in some way."""
        call = self._some(data, [call for call, at in self.at.items() if at == "make"])
        log: dict[str, Event] = {
            "done": NodeDone(PATH, call),
            "odd": NodeDone(PATH, "text"),
            "refused": NodeFailed(PATH, REFUSED),
            "given up": NodeDone(PATH, None, REFUSED),
            "lost": NodeFailed(PATH, LOST),
            "lost, given up": NodeDone(PATH, None, LOST),
            "cancelled": NodeCancelled(PATH, "enough"),
            "cut": NodeCancelled(PATH, "enough", in_doubt=True),
        }
        self.model.note(call, self.keys[call], end)
        self._end(call, log[end])

    def _over(self, call: int) -> bool:
        return "over" in self.model.of(call) or "gone" in self.model.of(call)

    def _ready(self, *, alone: bool) -> list[int]:
        """Runs that are kept and have not ended."""
        return [call for call in self.keys if not self._over(call) and self.model.is_alone(call) == alone]

    @precondition(lambda self: self._ready(alone=False))
    @rule(data=st.data())
    def dies(self, data: st.DataObject) -> None:
        """The process of a run ends, in any moment."""
        call = self._some(data, self._ready(alone=False))
        self.model.note(call, self.keys[call], "dies")
        if call in self.at:
            self._end(call)

    @precondition(lambda self: self._ready(alone=True))
    @rule(data=st.data())
    def wakes(self, data: st.DataObject) -> None:
        """Somebody goes on with a run: its call, when that is not over, asks for its key again."""
        call = self._some(data, self._ready(alone=True))
        self.model.note(call, self.keys[call], "wakes")
        if self.claims.logs[call] == [NodeStarted(PATH)]:
            self._start(call)

    def _undoing(self, *, begun: bool) -> list[int]:
        """Runs that may undo their call, or are about to."""
        ready = [call for call in self._ready(alone=False) if {"done", "odd"}.intersection(self.model.of(call))]
        settled = {"undone", "kept"}
        return [
            call
            for call in ready
            if ("undoes" in self.model.of(call)) == begun and settled.isdisjoint(self.model.of(call))
        ]

    @precondition(lambda self: self._undoing(begun=False))
    @rule(data=st.data())
    def undoes(self, data: st.DataObject) -> None:
        """A run begins to take back what it did."""
        call = self._some(data, self._undoing(begun=False))
        self.model.note(call, self.keys[call], "undoes")
        self.claims.logs[call].append(UndoBegan((PATH,), None))

    @precondition(lambda self: self._undoing(begun=True))
    @rule(data=st.data(), how=st.sampled_from(["undone", "kept", "kept, given up"]))
    def has_undone(self, data: st.DataObject, how: str) -> None:
        """It has, or could not."""
        call, path = self._some(data, self._undoing(begun=True)), f"{PATH}~undo"
        self.model.note(call, self.keys[call], how.partition(",")[0])
        given_up = NodeDone(path, None, REFUSED) if "," in how else NodeFailed(path, REFUSED)
        self.claims.logs[call].append(NodeDone(path, 1) if how == "undone" else given_up)

    @precondition(lambda self: any(call not in self.at for call in self._ready(alone=False)))
    @rule(data=st.data(), gone=st.booleans())
    def is_over(self, data: st.DataObject, gone: bool) -> None:
        """A run ends; some are forgotten."""
        call = self._some(data, [call for call in self._ready(alone=False) if call not in self.at])
        self.model.note(call, self.keys[call], "over")
        if gone:
            self.model.note(call, self.keys[call], "gone")
            del self.claims.logs[call]

    @invariant()
    def none_is_made_twice(self) -> None:
        """A call is made only when all that were made before it with its key were not done, or are not any more."""
        for call, at in self.at.items():
            if at == "make":
                made = {who for who, key, what in self.model.happened if what == "makes" and key == self.keys[call]}
                assert {"free"} >= {self.model.fate(who) for who in made - {call}}

    def teardown(self) -> None:
        """Nothing is left under way."""
        for each in getattr(self, "calls", {}).values():
            each.close()


Calls.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=steps(50), deadline=None)
TestCalls = Calls.TestCase
