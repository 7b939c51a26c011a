"""The breaker against its model: the same answers and the same transitions, whatever happens in whatever order."""

import pickle
from datetime import timedelta
from typing import TypeAlias

import pytest
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

from leadflow.plan.policy import Breaker
from leadflow.policies.circuit import Circuit, Forced, Permit
from leadflow.policies.outcomes import Sees
from tests.policies.models.breaker import Model
from tests.policies.models.runs import RUNS, steps
from tests.policies.playing import s

TICK = 0.125
"""Times are multiples of it: sums of them are exact."""
COUNTS = st.integers(1, 6)

World: TypeAlias = tuple[Circuit, Model, dict[int, Permit]]
"""The breaker, its model, and the permits that are out, by caller."""


def _ticks(low: int, high: int) -> "st.SearchStrategy[timedelta]":
    return st.integers(low, high).map(lambda ticks: timedelta(seconds=ticks * TICK))


POLICIES = st.builds(
    Breaker,
    failures=st.none() | COUNTS,
    ratio=st.none() | st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.0]),
    window=_ticks(1, 40),
    min_calls=COUNTS,
    slow=st.none() | _ticks(1, 20),
    probes=st.integers(1, 3),
    recovery=_ticks(1, 16),
    max_recovery=_ticks(16, 60),
)


class Both(RuleBasedStateMachine):
    """The breaker and its model, side by side."""

    @initialize(policy=POLICIES)
    def begin(self, policy: Breaker) -> None:
        """Both begin with the same policy."""
        self.circuit, self.model = Circuit(policy, "a"), Model(policy)
        self.now, self.number = 0.0, 0
        self.out: dict[int, Permit] = {}
        self.states: list[str] = []

    @rule(ticks=st.integers(1, 40))
    def wait(self, ticks: int) -> None:
        """Time passes."""
        self.now += ticks * TICK

    @rule(chance=st.sampled_from([0.0, 0.5, 0.75]))
    def look(self, chance: float) -> None:
        """Somebody asks before queueing."""
        assert self.model.looks(self.now, chance) == (self.circuit.look(self.now, lambda: chance) is None)

    @rule(chance=st.sampled_from([0.0, 0.5, 0.75]))
    def enter(self, chance: float) -> None:
        """Somebody wants to call."""
        permit = self.circuit.enter(self.now, lambda: chance)
        assert self.model.enters(self.number, self.now, chance) == isinstance(permit, Permit)
        if isinstance(permit, Permit):
            self.out[self.number] = permit
        elif permit.seconds is not None:
            assert permit.seconds >= 0
        self.number += 1

    @precondition(lambda self: self.out)
    @rule(data=st.data(), sees=st.sampled_from(Sees), chance=st.sampled_from([0.0, 0.5, 0.75]))
    def leave(self, data: st.DataObject, sees: Sees, chance: float) -> None:
        """One of those under way ends."""
        number = data.draw(st.sampled_from(sorted(self.out)))
        self.circuit.leave(self.out.pop(number), sees, self.now, lambda: chance)
        self.model.leaves(number, sees.value, self.now, chance)

    @rule(state=st.sampled_from(["forced_open", "forced_closed"]))
    def force(self, state: Forced) -> None:
        """An operator decides (case B13)."""
        self.circuit.force(state, "so")
        self.model.forced(state, self.now)

    @rule()
    def release(self) -> None:
        """An operator lets go."""
        self.circuit.release()
        self.model.forced("closed", self.now)

    @invariant()
    def agree(self) -> None:
        """Equal states, equal transitions (case B14), as many permits out as calls under way (case B6)."""
        if not hasattr(self, "model"):
            return
        self.states += [move.state for move in self.circuit.moves]
        self.circuit.moves.clear()
        assert [state for _, state, _ in self.model.moves] == self.states
        assert self.model.state == self.circuit.state
        assert len(self.out) == self.circuit.out


def test_the_breaker_is_its_model() -> None:
    """Cases B1 to B8, B10, B13, B14: no order of calls, ends, waits and operators tells the two apart."""
    run_state_machine_as_test(Both, settings=settings(max_examples=RUNS, stateful_step_count=steps(60), deadline=None))


# --- every interleaving -------------------------------------------------------------------------------------------


class Explorer:
    """All orders in which some callers can go through a breaker that opens, rests and is tried again.

    Each caller asks, and if it is let through reports a success or a failure, or is cancelled, or dies without a
    report, which is to say that it never does. In between, up to some times, so much time passes that the breaker may
    be tried again. Callers that have not begun are alike: the next of them is the first, and what is left out differs
    by names only. Every prefix is an order of its own, and is compared with the model.
    """

    def __init__(self, policy: Breaker, callers: int, pauses: int) -> None:
        self.policy, self.callers, self.pauses = policy, callers, pauses
        self.orders = self.late = 0
        self.probes = 0
        """Most probes under way at once, without those that are taken for lost (case B6)."""
        self.states: set[str] = set()

    def run(self, *, is_open: bool) -> None:
        """Explore from the beginning, or from a breaker that one call has opened, and that may be tried again."""
        world: World = (Circuit(self.policy, "a"), Model(self.policy), {})
        now = 0.0
        if is_open:
            world = self._ended(self._begun(world, 0.0, -1), 0.0, -1, Sees.FAILURE)
            now += self.policy.max_recovery.total_seconds()
        self._step(world, now, 0, self.pauses)

    def _step(self, world: World, now: float, begun: int, pauses: int) -> None:
        circuit, model, out = world
        self._check(circuit, model, out, now)
        if begun < self.callers:
            self._step(self._begun(world, now, begun), now, begun + 1, pauses)
        for number in out:
            for sees in (Sees.SUCCESS, Sees.FAILURE, Sees.UNSEEN):
                self._step(self._ended(world, now, number, sees), now, begun, pauses)
        if pauses and circuit.state in ("open", "half_open"):
            self._step(world, now + self.policy.max_recovery.total_seconds() + 1, begun, pauses - 1)

    def _begun(self, world: World, now: float, number: int) -> World:
        circuit, model, out = copy = _copy(world)
        permit = circuit.enter(now, _never)
        assert model.enters(number, now, 0.0) == isinstance(permit, Permit)
        if isinstance(permit, Permit):
            out[number] = permit
        return copy

    def _ended(self, world: World, now: float, number: int, sees: Sees) -> World:
        circuit, model, out = copy = _copy(world)
        permit = out.pop(number)
        before = circuit.state
        circuit.leave(permit, sees, now, _never)
        model.leaves(number, sees.value, now, 0.0)
        if permit.generation != len(circuit.moves) and permit.generation != len(world[0].moves):
            self.late += 1
            assert before == circuit.state  # case B4
        return copy

    def _check(self, circuit: Circuit, model: Model, out: dict[int, Permit], now: float) -> None:
        self.orders += 1
        self.states.add(circuit.state)
        assert [state for _, state, _ in model.moves] == [move.state for move in circuit.moves]
        assert (model.state, len(out)) == (circuit.state, circuit.out)
        if circuit.state == "half_open":
            probes = [permit for permit in out.values() if permit.generation == len(model.moves)]
            kept = [probe for probe in probes if now - probe.begun <= self.policy.max_recovery.total_seconds()]
            self.probes = max(self.probes, len(kept))


def _copy(world: World) -> World:
    copy: World = pickle.loads(pickle.dumps(world, pickle.HIGHEST_PROTOCOL))  # noqa: S301, five times faster than deepcopy
    return copy


def _never() -> float:
    return 0.0


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("probes", [1, 2, 3])
def test_every_order_of_four_callers(probes: int, is_open: bool) -> None:
    """Cases B3 to B7: exactly so many probes at once, late results change nothing, dead and cancelled probes leave
    nothing shut, in every order of four callers, as the model says.
    """
    pauses = (0 if is_open else 1) if RUNS <= 200 else 2
    explorer = Explorer(Breaker(failures=1, probes=probes, recovery=s(10), max_recovery=s(20)), 4, pauses)
    explorer.run(is_open=is_open)
    print(f"{explorer.orders:,} orders, {explorer.late:,} late results")
    assert explorer.orders > 500
    assert explorer.late > 100
    assert probes == explorer.probes
    assert {"closed", "open", "half_open"} == explorer.states
