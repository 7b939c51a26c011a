"""`@fallback`: who is asked next, and what is told. The cases F of SPEC.md."""

import asyncio

import pytest

from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    BreakerMoved,
    CacheUsed,
    CallPassedOn,
    CallWaits,
    Event,
    Failure,
)
from leadflow.plan.policy import Breaker, Cache, Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.run.errors import CallError, ConnectFailed, ConnectionLost, Rejected, ServerError, ValueProblem
from leadflow.run.ports import Answer
from leadflow.testing import run_virtual
from tests.policies.playing import Act, Player, Scene, after, s

LOST = ConnectionLost("it broke")
SPARE = Fallback(("spare",))


def pair(main: Player, spare: Player, *policies: Policy, idempotent: bool = True) -> Scene:
    """A call of `main` that falls back to `spare`."""
    return Scene({"main": main, "spare": spare}, (SPARE, *policies), idempotent=idempotent)


@pytest.mark.parametrize("act", [LOST, Rejected("no"), ValueError("x"), after(60), ServerError("x", status=500)])
def test_f1_every_failure_of_the_first_is_answered_by_the_next(act: Act) -> None:
    """F1: exhausted retries, a total timeout and permanent failures all go on to the fallback."""
    played = pair(Player(act), Player("spare"), Timeout(s(30)), Retry(2, s(1))).run()
    assert Answer("spare", "spare") == played.outcome


def test_f1_not_when_what_encloses_the_call_has_ended() -> None:
    """F1: at the deadline of the flow nobody else is asked."""
    spare = Player("spare")
    played = pair(Player(after(10, LOST)), spare).run(deadline=10.0)
    assert ("network.lost", []) == (played.failure.error, spare.requests)


def test_f1_not_when_nobody_knows_what_was_done() -> None:
    """Rule C3: a write in doubt is not written a second time by somebody else; one that was not sent may be."""
    spare = Player("spare")
    played = pair(Player(LOST), spare, idempotent=False).run()
    assert played.failure.in_doubt
    assert [] == spare.requests
    assert "spare" == pair(Player(ConnectFailed("x", sent=False)), spare, idempotent=False).run().value


def test_f2_all_failures_are_told() -> None:
    """F2: the failure names each agent's, in order, and is of the last one's class."""
    failure = pair(Player(LOST), Player(Rejected("no", status=422))).run().failure
    assert "agent.rejected" == failure.error
    assert "all 2 agents failed: main: it broke; spare: no" == failure.message
    assert [("network.lost", "it broke"), ("agent.rejected", "no")] == [(c.error, c.message) for c in failure.causes]
    assert [(1, "main"), (2, "spare")] == [(attempt.attempt, attempt.agent) for attempt in failure.attempts]


def test_f2_the_first_success_ends_the_chain() -> None:
    """F2: those behind it are not asked."""
    agents = {"main": Player(LOST), "second": Player(2), "third": Player(3)}
    played = Scene(agents, (Fallback(("second", "third")),)).run()
    assert Answer(2, "second") == played.outcome
    assert [] == agents["third"].requests


def test_f2_each_candidate_has_its_own_time() -> None:
    """F2, rule C5: `@timeout(30s)` bounds the first and then the fallback anew."""
    played = pair(Player(after(60)), Player(after(25, "spare")), Timeout(s(30))).run()
    assert ("spare", 55.0) == (played.value, played.seconds)


def test_f3_the_value_of_a_fallback_is_marked() -> None:
    """F3: the answer names the fallback; that of the first agent names nobody."""
    assert Answer("spare", "spare") == pair(Player(LOST), Player("spare")).run().outcome
    assert Answer("main", None) == pair(Player("main"), Player("spare")).run().outcome


def test_f4_each_candidate_has_its_own_slots() -> None:
    """F4: the fallback waits for a slot of its own agent, not of the first one's."""
    scene = Scene({"main": Player(LOST), "spare": Player(after(5, "spare"))}, (SPARE,), slots={"main": 1, "spare": 1})

    async def both() -> float:
        await scene.limits_held("main", s(0))
        return (await scene.play()).seconds

    assert 5.0 == run_virtual(both())


def test_a_fallback_follows_a_queue_that_took_too_long() -> None:
    """When the first agent was never asked, it is told why, and the only attempt is the one that the fallback makes."""
    agents = {"main": Player(1), "spare": Player(2)}
    scene = Scene(agents, (SPARE, Timeout(s(9))), slots={"main": 1})

    async def queued() -> tuple[object, float, list[object]]:
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.limits_held("main", s(60)))
            call = group.create_task(scene.play())
        played = call.result()
        return played.value, played.seconds, list(played.events)

    late = Failure("timeout.total", "timeout", "main was not asked within the total time: 1 call at once", "main/a")
    events = [
        CallWaits("main/a", "main", "1 call at once", None),
        CallPassedOn("main/a", "main", late, "spare"),
        AttemptStarted("main/a", 1, "spare"),
    ]
    assert (2, 9.0, events) == run_virtual(queued())
    assert [] == agents["main"].requests


def test_retries_and_validation_are_inside_each_candidate() -> None:
    """Each has all its attempts, its repairs and its hints anew; attempts are counted through."""
    main, spare = Player("x"), Player("y", 7)
    scene = Scene({"main": main, "spare": spare}, (SPARE, Retry(2, s(1), jitter="none")), result=INT)
    played = scene.run()
    assert Answer(7, "spare") == played.outcome
    assert [1, 2, 3, 4] == [request.attempt for request in (*main.requests, *spare.requests)]
    assert [None, None] == [main.requests[0].repair, spare.requests[0].repair]


def test_the_log_tells_the_whole_story() -> None:
    """A failed attempt is followed by a delay, or by none when a fallback follows at once, which is named."""
    played = pair(Player(LOST), Player("spare"), Retry(2, s(1), jitter="none")).run()
    failed = [event for event in played.events if isinstance(event, AttemptFailed)]
    assert [(1, 1.0), (2, None)] == [(event.failure.attempt, event.delay) for event in failed]
    assert [None, "spare"] == [event.then for event in failed]
    assert [AttemptFailed, AttemptStarted] * 2 == [type(event) for event in played.events]
    assert [(2, "main"), (3, "spare")] == played.attempts


def test_it_is_told_why_an_agent_is_not_asked() -> None:
    """F1: with its breaker open the agent is passed over, and that is no attempt: the only one is the fallback's. An
    agent that was asked and is turned away at its next attempt is passed over behind that one."""
    main, spare = Player(LOST), Player("spare")
    scene = Scene({"main": main, "spare": spare}, (SPARE, Retry(2, s(1), jitter="none")), breakers={"main": Breaker(1)})
    first, second = scene.run(), scene.run()
    assert [BreakerMoved, AttemptFailed, CallPassedOn, AttemptStarted] == [type(event) for event in first.events]
    (passed,) = [event for event in first.events if isinstance(event, CallPassedOn)]
    assert ("main", "resource.breaker", "spare") == (passed.agent, passed.failure.error, passed.then)
    assert [CallPassedOn, AttemptStarted] == [type(event) for event in second.events]
    assert ([(1, "spare")], 1) == (second.attempts, len(main.requests))


def test_who_waited_for_an_equal_call_says_why_it_asks_another() -> None:
    """C3: its own agent was not asked by it, and failed all the same."""
    agents = {"main": Player(after(1, Rejected("no such model"))), "spare": Player("spare")}
    scene = Scene(agents, (SPARE, Cache(s(60))))

    async def both() -> list[list[type[Event]]]:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(scene.play()) for _ in range(2)]
        return [[type(event) for event in call.result().events] for call in calls]

    leads, follows = run_virtual(both())
    assert [AttemptFailed, AttemptStarted] == leads
    assert [CallWaits, CacheUsed, CallPassedOn] == follows[:3]


def test_an_error_of_no_call_is_a_failure_too() -> None:
    """Any `CallError` is answered, whatever its class."""
    for error in (CallError("x"), ValueProblem("x")):
        assert "spare" == pair(Player(error), Player("spare")).run().value
