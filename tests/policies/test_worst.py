"""What `explain` says that a call takes at worst, against calls that are really made, in virtual time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.paths import Stop
from leadflow.plan.policy import Fallback, Policy, Retry, Timeout
from leadflow.plan.worst import Worst, worst
from leadflow.run.errors import ConnectionLost, RateLimited
from tests.plans import plan
from tests.policies.playing import Player, Scene, after, s

TIMES = st.integers(1, 60).map(s)
JITTERS = st.sampled_from(["full", "equal", "decorrelated", "none"])
ENDS = st.just(ConnectionLost("cut off")) | st.integers(0, 30).map(lambda n: RateLimited("wait", retry_after=s(n)))
SCRIPTS = st.lists(st.builds(after, st.integers(0, 80), ENDS), min_size=1, max_size=6)


def bounds(scene: Scene) -> Worst:
    """The bounds of the only node of a scene."""
    return worst(plan(scene.flow), (Stop(scene.flow, scene.flow.nodes[0]),))


@given(
    script=SCRIPTS,
    retry=st.builds(
        Retry,
        st.integers(1, 5),
        TIMES,
        st.floats(1, 3),
        TIMES,
        JITTERS,
        st.none(),
        st.none() | st.integers(1, 20).map(s),
    ),
    timeout=st.builds(Timeout, st.none() | TIMES, st.none() | TIMES),
    fallbacks=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_no_call_outlasts_its_bounds(
    script: list[object], retry: Retry, timeout: Timeout, fallbacks: int, seed: int
) -> None:
    """However the agents answer, a call ends within its worst time and its number of attempts (rule C5)."""
    agents = {name: Player(*script) for name in ["a0", "a1", "a2"][: 1 + fallbacks]}
    policies: list[Policy] = [retry, timeout, *([Fallback(tuple(agents)[1:])] if fallbacks else [])]
    scene = Scene(agents, policies, seed=seed)
    bound, played = bounds(scene), scene.run()
    assert bound.time is None or timedelta(seconds=played.seconds) <= bound.time + timedelta(milliseconds=1)
    assert bound.attempts is not None
    assert sum(len(player.requests) for player in agents.values()) <= bound.attempts


def test_the_bounds_are_reached() -> None:
    """A call that is cut off at every attempt takes as long as `explain` says, with all its fallbacks."""
    policies = (Retry(3, s(1), 2.0, s(60), "none", None, s(1)), Timeout(attempt=s(5)), Fallback(("b",)))
    scene = Scene({"a": Player(after(9)), "b": Player(after(9))}, policies)
    bound, played = bounds(scene), scene.run()
    assert (s(2 * (15 + 1.1 + 2)), 6) == (bound.time, bound.attempts)
    assert 2 * (15 + 1 + 2) == played.seconds


def test_a_total_bounds_one_agent() -> None:
    """`@timeout(30s) @fallback(b)` may take 30 s for each of the two (rule C5)."""
    scene = Scene({"a": Player(after(99)), "b": Player(after(99))}, (Timeout(s(30)), Fallback(("b",))))
    assert (s(60), "2 agents x 30s (its total time)") == (bounds(scene).time, bounds(scene).time_why)
    assert 60.0 == scene.run().seconds
