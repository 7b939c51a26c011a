"""The controller against its model: the same grants in the same order, whatever happens; and what no model is needed
to know: no window has more starts than allowed, nothing is lost, and the announced wait is exact."""

from datetime import timedelta
from typing import TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from leadflow.plan.policy import Limit, PerTime
from leadflow.policies.admission import Admission, Ended, Ticket
from leadflow.policies.windows import Moment
from leadflow.run.errors import TooLarge
from leadflow.run.quota import Left, Quota
from tests.policies.models.limit import DAY, Model, Try
from tests.policies.models.runs import RUNS, steps

TICK = 0.125
Pair: TypeAlias = tuple[Ticket, Try]


def seconds(low: int, high: int) -> "st.SearchStrategy[timedelta]":
    """Durations in ticks."""
    return st.integers(low, high).map(lambda ticks: timedelta(seconds=ticks * TICK))


RATES = st.builds(PerTime, st.integers(1, 6), seconds(1, 80) | st.just(timedelta(days=1)))
LIMITS = st.builds(
    Limit,
    rate=st.lists(RATES, max_size=2).map(tuple),
    tokens=st.none() | st.builds(PerTime, st.integers(20, 60), seconds(1, 80) | st.just(timedelta(days=1))),
    burst=st.none() | st.integers(1, 4),
)
QUOTAS = st.builds(
    Quota,
    st.none() | st.builds(Left, st.integers(0, 5), seconds(0, 100)),
    st.none() | st.builds(Left, st.integers(0, 60), seconds(0, 100)),
)
HOW = st.builds(
    Ended,
    tokens=st.none() | st.integers(0, 80),
    is_answered=st.just(True),
    quota=st.none() | st.none() | QUOTAS,
) | st.builds(Ended, tokens=st.none() | st.just(0), pause=st.none() | seconds(0, 100))


class Both(RuleBasedStateMachine):
    """The controller and its model, side by side."""

    @initialize(limit=LIMITS, places=st.none() | st.integers(1, 4), wall=st.integers(0, 86_000))
    def begin(self, limit: Limit, places: int | None, wall: int) -> None:
        """Both begin with the same limit, at some time of the day."""
        self.limit = limit
        self.admission, self.model = Admission("a", limit, places), Model(limit, places)
        self.now = self.put_back = 0.0
        self.midnight = DAY * 10 + wall
        self.waiting: list[Pair] = []
        self.granted: list[Pair] = []
        self.begun: list[Pair] = []
        self.starts: list[float] = []
        self.not_before = 0.0
        """When somebody may begin at the earliest, as far as that was ever certain."""

    @property
    def moment(self) -> Moment:
        """What the clocks say."""
        return Moment(self.now - self.put_back, self.midnight + self.now)

    @property
    def at(self) -> float:
        """The time of the model."""
        return self.midnight + self.now

    @rule(ticks=st.integers(1, 60) | st.integers(60, 400_000))
    def wait(self, ticks: int) -> None:
        """Time passes."""
        self.now += ticks * TICK

    @precondition(lambda self: self.waiting)
    @rule(ticks=st.integers(1, 10_000))
    def put_back_the_clock(self, ticks: int) -> None:
        """L9: the clock that only goes forward goes back after all, while somebody looks at it."""
        self.admission.due(self.moment)
        self.put_back += ticks * TICK
        self.admission.due(self.moment)

    @rule(priority=st.integers(-1, 1), tokens=st.integers(0, 30))
    def ask(self, priority: int, tokens: int) -> None:
        """Somebody wants to begin."""
        ticket, one = Ticket(priority, tokens), Try(priority, tokens)
        if self.limit.tokens is not None and tokens > self.limit.tokens.amount:
            try:
                self.admission.ask(ticket, self.moment)
            except TooLarge:
                return
            raise AssertionError("it fits nowhere")
        expected = not self.model.line and self.model.may(tokens, self.at)
        assert expected == self.admission.ask(ticket, self.moment)
        if expected:
            assert self.now >= self.not_before
            self.model.grant(one)
            self.granted.append((ticket, one))
        else:
            self.model.line.append(one)
            self.waiting.append((ticket, one))

    @precondition(lambda self: self.waiting)
    @rule()
    def let_in(self) -> None:
        """Everyone whose turn it is."""
        while self.waiting:
            first = self.model.first()
            ticket = self.admission.next(self.moment)
            assert self.model.may(first.tokens, self.at) == (ticket is not None)
            if ticket is None:
                break
            pair = next(pair for pair in self.waiting if pair[1] is first)
            assert pair[0] is ticket
            assert self.now >= self.not_before
            self.model.grant(first)
            self.waiting.remove(pair)
            self.granted.append(pair)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """L3: somebody does not wait any more."""
        pair = data.draw(st.sampled_from(self.waiting))
        self.admission.leave(pair[0])
        self.model.line.remove(pair[1])
        self.waiting.remove(pair)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """Somebody who may begin does."""
        pair = data.draw(st.sampled_from(self.granted))
        self.admission.begin(pair[0], self.moment)
        pair[1].begun = self.at
        self.granted.remove(pair)
        self.begun.append(pair)
        self.starts.append(self.now)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """Somebody who may begin does not."""
        pair = data.draw(st.sampled_from(self.granted))
        self.admission.give_back(pair[0])
        self.model.end(pair[1], self.at, None)
        self.granted.remove(pair)

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), how=HOW)
    def end(self, data: st.DataObject, how: Ended) -> None:
        """Somebody has ended."""
        pair = data.draw(st.sampled_from(self.begun))
        self.admission.end(pair[0], self.moment, how)
        self.model.end(pair[1], self.at, how)
        self.begun.remove(pair)

    @precondition(lambda self: self.begun and self.limit.burst is None)
    @rule(data=st.data())
    def not_sent(self, data: st.DataObject) -> None:
        """Somebody was kept from being sent after all: the start is nobody's."""
        pair = data.draw(st.sampled_from(self.begun))
        self.admission.end(pair[0], self.moment, Ended(None, is_sent=False))
        self.model.end(pair[1], self.at, Ended(0, is_sent=False))
        self.begun.remove(pair)

    @precondition(lambda self: self.waiting)
    @rule()
    def the_wait_that_is_announced_is_exact(self) -> None:
        """Just before, the first in line may not begin; then, when nothing else happens, it may."""
        due, first = self.admission.due(self.moment), self.model.first()
        if due is not None and due > 0.01:
            assert not self.model.may(first.tokens, self.at + due - 0.01)
            if self.now + due < 40_000:
                assert self.model.may(first.tokens, self.at + due + 0.001) or self._is_longer(due)
        elif due is not None:
            assert self.model.may(first.tokens, self.at + due + 0.001)

    def _is_longer(self, due: float) -> bool:
        """Whether another limit is told of when this one has passed, and is longer."""
        self.now += due + 0.001
        again = self.admission.due(self.moment)
        return again is None or again > 0

    @invariant()
    def what_is_certain_holds(self) -> None:
        """T2: nobody begins before a wait that was ever said to be certain is over, whatever comes between."""
        if hasattr(self, "admission"):
            least = self.admission.at_least(self.moment)
            self.not_before = max(self.not_before, self.now + (0.0 if least is None else least[1] - 0.001))

    @invariant()
    def nothing_is_lost(self) -> None:
        """L8: who waits and who is under way is known exactly."""
        if hasattr(self, "admission"):
            assert len(self.waiting) == self.admission.waiting
            assert len(self.granted) + len(self.begun) == self.admission.under_way

    @invariant()
    def no_window_has_too_much(self) -> None:
        """L1: of all that was sent."""
        if not hasattr(self, "limit"):
            return
        sent = [one.begun for one in self.model.grants if one.begun is not None and (not one.how or one.how.is_sent)]
        sent.sort()
        for rate in self.limit.rate:
            length = rate.period.total_seconds()
            for earlier, later in zip(sent, sent[rate.amount :], strict=False):
                assert later // DAY > earlier // DAY if length == DAY else later - earlier > length


def test_the_controller_is_its_model() -> None:
    """Cases L1 to L5, L7 to L9: after any sequence of events both give the same answers."""
    run_state_machine_as_test(Both, settings=settings(max_examples=RUNS, stateful_step_count=steps(60), deadline=None))
