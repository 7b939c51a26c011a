"""What `explain` says that a call takes at worst, against calls that are really made, in virtual time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.bound.asks import Known
from leadflow.bound.prices import read_prices
from leadflow.bound.report import bound_of
from leadflow.bound.worst import Worst, worst, worst_data, worst_facts
from leadflow.plan.kinds import BUILT_IN, LATER, PREDECLARED
from leadflow.plan.paths import NoSuchStep, Stop, find_steps
from leadflow.plan.policy import GRACE, Fallback, Policy, Retry, Timeout
from leadflow.resources import prices_text
from leadflow.run.errors import ConnectionLost, RateLimited
from tests.graph.dumps import plan_of
from tests.plan.test_around import SOURCE
from tests.plans import plan
from tests.policies.playing import Player, Scene, after, s

KNOWN = Known({**LATER, **BUILT_IN, **PREDECLARED}, read_prices(prices_text()), {}, 500)
TIMES = st.integers(1, 60).map(s)
JITTERS = st.sampled_from(["full", "equal", "decorrelated", "none"])
ENDS = st.just(ConnectionLost("cut off")) | st.integers(0, 30).map(lambda n: RateLimited("wait", retry_after=s(n)))
SCRIPTS = st.lists(st.builds(after, st.integers(0, 80), ENDS), min_size=1, max_size=6)


def bounds(scene: Scene) -> Worst:
    """The bounds of the only node of a scene."""
    return worst(plan(scene.flow, agents=[*scene.agents]), (Stop(scene.flow, scene.flow.nodes[0]),), KNOWN)


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
    """A call that is cut off at every attempt takes as long as `explain` says, but for what there is to clean up."""
    policies = (Retry(3, s(1), 2.0, s(60), "none", None, s(1)), Timeout(attempt=s(5)), Fallback(("b",)))
    scene = Scene({"a": Player(after(9)), "b": Player(after(9))}, policies)
    bound, played = bounds(scene), scene.run()
    cleaning = 2 * 3 * GRACE
    assert bound.time is not None
    assert (6, 2 * (15 + 1 + 2)) == (bound.attempts, round((bound.time - cleaning).total_seconds(), 2))
    assert 2 * (15 + 1 + 2) == played.seconds


def test_a_total_bounds_one_agent() -> None:
    """`@timeout(30s) @fallback(b)` may take 30 s for each of the two (rule C5)."""
    scene = Scene({"a": Player(after(99)), "b": Player(after(99))}, (Timeout(s(30)), Fallback(("b",))))
    assert (s(70), "35s with a, then 35s with b") == (bounds(scene).time, bounds(scene).time_why)
    assert 60.0 == scene.run().seconds


def only(path: str) -> Worst:
    """The bounds of the one node of a path."""
    made = plan_of(SOURCE)
    ways = find_steps(made, path)
    assert not isinstance(ways, NoSuchStep), ways.said
    return worst(made, ways[0], KNOWN)


def test_deadlines_around_cut_the_worst_time() -> None:
    """A call takes no longer than what stands around it (case T11)."""
    assert (s(70), "35s with r, then 35s with spare") == (only("inner/all/one").time, only("inner/all/one").time_why)
    found = only("main/loop/seen")
    assert (s(9) + GRACE, "the deadline of main/loop") == (found.time, found.time_why)
    assert (10, "2 attempts of loop x 5 rounds of loop") == (found.calls, found.calls_why)


def test_a_loop_over_what_is_not_known_has_no_bound() -> None:
    """A `for` without `at most` runs as often as its list is long."""
    found = only("inner/all/one")
    assert (None, "all has as many rounds as its list has items") == (found.calls, found.calls_why)


def test_what_has_no_end_says_what_would_give_it_one() -> None:
    """The same words as in the bound of the whole run."""
    found = only("inner/put")
    assert (s(305), "the deadline of flow inner") == (found.time, found.time_why)
    endless = only("main/got@2")
    assert endless.time is None
    assert "write `@timeout(…)` on it or on agent 'n'" in endless.time_why


GROUPS = {
    "rounds": "step all = for x in xs at most 10 { step one = inner() yield one }",
    "rounds in groups": "@concurrency(3)\nstep all = for x in xs at most 10 { step one = inner() yield one }",
    "rounds that queue for places": "step all = for x in xs at most 10 { step one = few.get() yield one }",
    "a flow": "step all = inner()",
    "a flow that is tried again": "@retry(3, backoff: 1s)\nstep all = inner()",
    "members": "step all = parallel { step a = r.get() step b = few.get() }",
    "one after the other": "step all = do { step a = r.get() step b = r.get() after a yield b }",
    "a deadline that is shorter": "@timeout(3s)\nstep all = do { step a = r.get() yield a }",
    "a deadline that is longer": "@timeout(1h)\nstep all = inner()",
    "a budget, for which calls wait": "@budget($1)\nstep all = parallel { step a = r.get() step b = r.get() }",
    "as many as there are": "step all = for x in xs { step one = inner() yield one }",
    "no deadline anywhere": "step all = do { step a = bare.get() yield a }",
}


@pytest.mark.parametrize("step", GROUPS.values(), ids=GROUPS)
def test_a_group_takes_as_long_as_a_run_of_nothing_else(step: str) -> None:
    """`explain` says of a block or the call of a flow what `plan` says of the flow around it."""
    made = plan_of(
        '@timeout(5s)\nagent r: python { module: "r.py"  reads: ["get"] }\n'
        '@timeout(7s) @concurrency(2)\nagent few: python { module: "few.py"  reads: ["get"] }\n'
        'agent bare: python { module: "b.py"  reads: ["get"] }\n'
        "flow inner() -> json {\n step one = r.get()\n return one\n}\n"
        f"flow main(xs: list[int]) -> json {{\n {step}\n return all\n}}\n"
    )
    ways = find_steps(made, "main.all")
    assert not isinstance(ways, NoSuchStep), ways.said
    found, planned = worst(made, ways[0], KNOWN), bound_of(made, "main", KNOWN, {}).time
    assert (-(-planned.known // 1000) if planned.is_plain else None) == (
        None if found.time is None else found.time // timedelta(milliseconds=1)
    )


def test_a_group_without_an_end_says_what_would_give_it_one() -> None:
    """The line that makes it so, and what to write there; not that inputs may be given: `explain` takes none."""
    step = "step all = for x in xs { step one: json = r.get() yield one }"
    made = plan_of(
        '@timeout(5s)\nagent r: python { module: "r.py"  reads: ["get"] }\n'
        f"flow main(xs: list[int]) -> list[json] {{\n {step}\n return all\n}}\n"
    )
    ways = find_steps(made, "main.all")
    assert not isinstance(ways, NoSuchStep), ways.said
    assert (
        "`all` takes as many as there are in xs; write `at most …` behind the list, or `@length(…)` behind its type"
        == worst(made, ways[0], KNOWN).time_why
    )


def test_the_same_for_machines() -> None:
    """Times as everywhere in JSON; names that people read too."""
    assert "PT1M10S" == worst_data(only("inner/all/one"))["time"]
    assert ["time", "attempts", "in one run"] == [name for name, _ in worst_facts(only("inner/all/one"))]
