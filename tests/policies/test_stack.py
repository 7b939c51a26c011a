"""The stack as a whole: its order, its slots, and cancelling it anywhere."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import Failure
from leadflow.plan.annotations import ORDER
from leadflow.plan.expr import Const
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.policy import Applied, Breaker, Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT, STRING, ListType
from leadflow.policies.call import Ports
from leadflow.policies.shared import Shared
from leadflow.policies.stack import INNER, OUTER, Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.errors import ConnectionLost, InternalError
from leadflow.run.ports import Answer
from leadflow.testing import run_virtual
from tests.plans import Making, apply, call_of
from tests.policies.playing import CLOCK, Act, Player, Scene, after, forever, s

LOST = ConnectionLost("it broke")


def test_the_order_is_the_languages() -> None:
    """The layers stand in the order that the plan shows, and each says why."""
    layers = ["fallback", *(layer.policy for layer in OUTER), *(layer.policy for layer in INNER)]
    written = [name for name in layers if name not in ("peek", "tools")]
    assert [name for name in ORDER if name in written] == written
    assert "peek" == INNER[0].policy
    assert ["cache", "tools", "retry"] == [layer.policy for layer in OUTER][1:4]
    assert all([layer.why for layer in OUTER] + [layer.why for layer in INNER])


def test_only_calls_of_agents_have_callers() -> None:
    """Whoever asks for the caller of a block has a bug."""
    flow = Making()
    flow.branch("b", Const(True))
    done = flow.done()
    with pytest.raises(InternalError):
        Stack({}, {}, Ports(CLOCK, SeededRng(1), Shared())).prepare(done, done.nodes[0])


# --- slots --------------------------------------------------------------------------------------------------------


def test_slots_bound_the_calls_of_an_agent() -> None:
    """Never more at once than there are slots, and first come, first served."""
    player = Player(after(1))
    scene = Scene({"main": player}, slots={"main": 3})

    async def ten() -> list[float]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(10)]
        return [task.result().seconds for task in tasks]

    assert [1.0] * 3 + [2.0] * 3 + [3.0] * 3 + [4.0] == run_virtual(ten())
    assert 3 == player.most


def test_who_waits_between_two_attempts_holds_no_slot() -> None:
    """A back-off of an hour keeps nobody from the agent."""
    player = Player(LOST, after(1))
    scene = Scene({"main": player}, (Retry(2, s(3600), max=s(3600), jitter="none"),), slots={"main": 1})

    async def two() -> list[float]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(2)]
        return [task.result().seconds for task in tasks]

    assert [3601.0, 1.0] == run_virtual(two())


def test_a_call_without_policies_pays_for_none() -> None:
    """It has the short way through the code; each policy of a node or of its agent takes the long one, and so does a
    call with a fallback."""

    def way(policies: Sequence[Policy], **of_agent: Any) -> str:
        return Scene({"main": Player(7), "spare": Player(8)}, policies, **of_agent).call.__qualname__.split(".")[0]

    assert "plain_caller" == way(())
    for policies in ((Timeout(s(9)),), (Retry(3),), (Fallback(("spare",)),)):
        assert "_caller" == way(policies)
    assert {"_caller"} == {way((), slots={"main": 1}), way((), breakers={"main": Breaker()})}
    assert "plain_caller" == way((), slots={"spare": 1})


def test_b11_upstreams_are_told_apart_by_their_keys() -> None:
    """B11: two agents with one key share an upstream, whatever they are called; without keys an agent is its own."""
    flow = Making()
    for number, name in enumerate(("a", "b", "c")):
        flow.node(f"n{number}", call_of(agent=name), policies=[apply("retry", Retry(3))])
    done = flow.done()
    specs = {name: AgentSpec(name, "python", {}, (), name, None) for name in ("a", "b", "c")}
    cases: Sequence[tuple[dict[str, str] | None, dict[str, str]]] = (
        ({"a": "x", "b": "x", "c": "y"}, {"x": "a", "y": "c"}),
        (None, {"a": "a", "b": "b", "c": "c"}),
    )
    for keys, wanted in cases:
        shared = Shared()
        stack = Stack(specs, {name: Player(7) for name in specs}, Ports(CLOCK, SeededRng(1), shared), keys)
        for node in done.nodes:
            stack.prepare(done, node)
        assert wanted == {key: upstream.name for key, upstream in shared.upstreams.items()}
        assert list(wanted) == [upstream.key for upstream in shared.upstreams.values()]


# --- cancelling ---------------------------------------------------------------------------------------------------

POLICIES: tuple[Policy, ...] = (
    Fallback(("spare",)),
    Timeout(s(20), s(4)),
    Retry(3, s(2), 1.0, jitter="none"),
)
ACTS = st.sampled_from([LOST, "text", 7, "slow", "stuck", "tidy"])


async def tidy(_: object) -> object:
    """Takes a second to clean up."""
    try:
        return await forever()
    finally:
        await CLOCK.sleep(s(1))


def act(name: object) -> Act:
    """What an agent does."""
    acts: dict[object, Act] = {"slow": after(3, 7), "stuck": after(1000), "tidy": tidy}
    return acts.get(name, name) if isinstance(name, str) else name


@given(st.lists(ACTS, min_size=1, max_size=6), st.floats(0, 60), st.booleans())
def test_x2_x3_a_cancel_at_any_moment_leaves_nothing(script: list[object], when: float, repeatable: bool) -> None:
    """X2, X3: in an attempt, a back-off, a queue or a clean-up; slots come back, nobody is called any more, and the
    end comes at once, or after the clean-up."""
    main, spare = Player(*map(act, script)), Player(after(1, 7))
    scene = Scene(
        {"main": main, "spare": spare}, POLICIES, result=INT, idempotent=repeatable, slots={"main": 1, "spare": 1}
    )

    async def main_task() -> None:
        loop = asyncio.get_running_loop()
        holder = loop.create_task(scene.limits_held("main", s(2.5)))
        await CLOCK.sleep(s(0))
        call = loop.create_task(scene.play())
        loop.call_later(when, call.cancel)
        await asyncio.wait([call])
        ended = CLOCK.monotonic()
        requests = len(main.requests) + len(spare.requests)
        if call.cancelled():
            assert ended - when <= 1.1
        else:
            assert isinstance(call.result().outcome, Answer | Failure)
        await asyncio.wait([holder])
        assert {asyncio.current_task()} == asyncio.all_tasks()
        for name in ("main", "spare"):
            async with asyncio.timeout(0.01):
                await scene.limits_held(name, s(0))
        await CLOCK.sleep(s(1000))
        assert requests == len(main.requests) + len(spare.requests)
        assert 0 == main.now == spare.now

    run_virtual(main_task())


def test_x3_a_cancel_that_an_agent_turns_into_a_failure_still_ends_the_call() -> None:
    """X3: nobody is asked again once the call was told to stop."""

    async def disguises(_: object) -> object:
        try:
            return await forever()
        except asyncio.CancelledError:
            raise LOST from None

    main, spare = Player(disguises), Player(7)
    for policy in (Retry(3, s(1)), Fallback(("spare",))):
        scene = Scene({"main": main, "spare": spare}, (policy,))

        async def cancelled(scene: Scene = scene) -> bool:
            call = asyncio.get_running_loop().create_task(scene.play())
            asyncio.get_running_loop().call_later(5, call.cancel)
            await asyncio.wait([call])
            return call.cancelled() and CLOCK.monotonic() == 5.0

        assert run_virtual(cancelled())
    assert (2, 0) == (len(main.requests), len(spare.requests))


@given(st.lists(ACTS, min_size=1, max_size=6), st.booleans())
def test_a_call_ends_within_its_worst_case(script: list[object], repeatable: bool) -> None:
    """Two candidates of 20 s each, with clean-ups of a second: never longer; attempts never beyond their number."""
    main, spare = Player(*map(act, script)), Player(act("stuck"))
    scene = Scene({"main": main, "spare": spare}, POLICIES, result=INT, idempotent=repeatable)
    played = scene.run()
    assert played.seconds <= 2 * 20 + 6
    assert len(main.requests) <= 3
    assert len(spare.requests) <= 3
    if isinstance(played.outcome, Failure):
        assert len(played.outcome.attempts) == len(main.requests) + len(spare.requests)
        assert not (repeatable and played.outcome.in_doubt)


def test_every_combination_ends_with_the_same_answer() -> None:
    """Each subset of the policies around an agent that answers: the answer, one request, no event, no time."""
    for chosen in range(2 ** len(POLICIES)):
        policies = [policy for bit, policy in enumerate(POLICIES) if chosen >> bit & 1]
        for slots in ({}, {"main": 1}):
            main = Player(7)
            played = Scene({"main": main, "spare": Player(8)}, policies, result=INT, slots=slots).run()
            assert (Answer(7), 1, [], 0.0) == (played.outcome, len(main.requests), played.events, played.seconds)


def test_nodes_that_call_alike_share_a_caller() -> None:
    """A thousand equal calls cost one composition; another policy, type or agent is another caller."""
    scene = Scene({"main": Player(7), "spare": Player(8)})
    flow = Making()
    base = call_of(agent="main")
    retried = [apply("retry", Retry(3))]
    works: list[tuple[AgentCall, list[Applied]]] = [
        (base, []),
        (call_of(Const(1), agent="main"), []),
        (base, retried),
        (base, list(retried)),
        (replace(base, agent="spare"), []),
        (replace(base, result=INT), []),
        (replace(base, result=ListType(INT)), []),
        (replace(base, result=ListType(STRING)), []),
        (replace(base, idempotent=False), []),
    ]
    for number, (work, policies) in enumerate(works):
        flow.node(f"n{number}", work, policies=policies)
    done = flow.done()
    callers = [scene.stack.prepare(done, node) for node in done.nodes]
    assert [0, 0, 2, 2, 4, 5, 6, 7, 8] == [callers.index(caller) for caller in callers]
