"""One attempt, plain and within policies: what the agent is asked, and what is made of its answer and of its errors."""

import asyncio
from collections.abc import Sequence

import pytest

from leadflow.events.model import AttemptFailure, Failure, Usage
from leadflow.plan.policy import Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.ports import Answer, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import Player, Scene, after, s

PLAIN: Sequence[Policy] = ()
EITHER = pytest.mark.parametrize("policies", [PLAIN, (Timeout(s(1000)),)], ids=["plain", "within policies"])
"""A call with nothing around it has a way of its own through the code: both have to say the same."""


@EITHER
@pytest.mark.parametrize("idempotent", [True, False])
def test_the_agent_is_given_the_whole_request(policies: Sequence[Policy], idempotent: bool) -> None:
    """R3: its action, arguments, type, run, path, number, key, and whether it may be repeated."""
    main = Player(7)
    scene = Scene({"main": main}, policies, result=INT, idempotent=idempotent, action="count")
    played = run_virtual(scene.play(key="k-1", args={"x": 1}))
    assert Answer(7) == played.outcome
    wanted = Request("count", {"x": 1}, INT, True, "run-1", "main/a", 1, "k-1", idempotent, None)
    assert [wanted] == main.requests


def test_a_further_attempt_has_its_number_and_what_was_wrong() -> None:
    """R3, R20: the next request is numbered, says what did not fit, and has `idle` as declared."""
    main = Player("seven", 7)
    scene = Scene({"main": main}, (Retry(2, s(1)), Timeout(idle=s(9))), result=INT)
    scene.run()
    repair = "the answer of main.do does not fit: expected int, got string"
    assert [(1, None, s(9)), (2, repair, s(9))] == [(r.attempt, r.repair, r.idle) for r in main.requests]


@EITHER
def test_the_answer_has_what_it_used(policies: Sequence[Policy]) -> None:
    """What the upstream reports goes with the value."""
    played = Scene({"main": Player(Reply(7, Usage(3, 4)))}, policies, result=INT).run()
    assert Answer(7, None, Usage(3, 4)) == played.outcome


@EITHER
def test_a_fallbacks_answer_has_its_name_and_use(policies: Sequence[Policy]) -> None:
    """F3: a degraded value says whose it is."""
    agents = {"main": Player(Rejected("no")), "spare": Player(Reply(8, Usage(1, 2)))}
    played = Scene(agents, (*policies, Fallback(("spare",))), result=INT).run()
    assert Answer(8, "spare", Usage(1, 2)) == played.outcome


@EITHER
def test_a_failure_tells_its_attempt(policies: Sequence[Policy]) -> None:
    """R19: class, path, number, agent, status, and how long it took, to the microsecond."""
    played = Scene({"main": Player(after(0.12345678, Rejected("no", status=422)))}, policies).run()
    attempt = AttemptFailure(1, "main", "agent.rejected", "no", 0.123457, 422)
    assert Failure("agent.rejected", "agent", "no", "main/a", (attempt,)) == played.failure


@EITHER
def test_an_answer_that_does_not_fit_is_a_failed_attempt(policies: Sequence[Policy]) -> None:
    """An answer of another type is a failure of the class `validation`, with its attempt."""
    failure = Scene({"main": Player(after(2, "seven"))}, policies, result=INT).run().failure
    message = "the answer of main.do does not fit: expected int, got string"
    attempt = AttemptFailure(1, "main", "validation.answer", message, 2.0)
    assert Failure("validation.answer", "validation", message, "main/a", (attempt,)) == failure


@EITHER
@pytest.mark.parametrize(
    ("idempotent", "key", "doubt"), [(False, None, True), (True, None, False), (False, "k", False)]
)
def test_a_write_that_broke_off_is_in_doubt(
    policies: Sequence[Policy], idempotent: bool, key: str | None, doubt: bool
) -> None:
    """C3: nobody knows whether it was done, unless it may be repeated or has a key."""
    failure = Scene({"main": Player(ConnectionLost("broke"))}, policies, idempotent=idempotent).run(key=key).failure
    assert doubt == failure.in_doubt
    assert doubt == failure.message.endswith("nobody knows whether it was done")


@EITHER
def test_what_an_agent_raises_is_a_failure_and_the_end_of_the_process_is_not(policies: Sequence[Policy]) -> None:
    """R17, R18: any exception is `tool.raised`; what ends the process passes untouched."""
    failure = Scene({"main": Player(KeyError("x"))}, policies).run().failure
    assert ("tool.raised", "main.do: KeyError: 'x'") == (failure.error, failure.message)
    with pytest.raises(KeyboardInterrupt):
        Scene({"main": Player(KeyboardInterrupt())}, policies).run()


@EITHER
def test_a_cancel_passes(policies: Sequence[Policy]) -> None:
    """X2: a cancelled call raises the cancel, and makes no failure of it."""

    async def cancelled() -> bool:
        task = asyncio.get_running_loop().create_task(Scene({"main": Player(after(9))}, policies).play())
        asyncio.get_running_loop().call_later(1, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(cancelled())


def test_all_candidates_failures_are_causes() -> None:
    """F2: each with its class, its message and the node's path."""
    agents = {"main": Player(Rejected("no")), "spare": Player(ConnectionLost("broke"))}
    failure = Scene(agents, (Fallback(("spare",)),)).run().failure
    causes = (
        Failure("agent.rejected", "agent", "no", "main/a"),
        Failure("network.lost", "network", "broke", "main/a"),
    )
    assert causes == failure.causes
    assert "all 2 agents failed: main: no; spare: broke" == failure.message


def test_the_first_of_two_ends_bounds_the_wait() -> None:
    """R9: a pause that outlasts what encloses the call is not begun, though the call's own time would allow it."""
    scene = Scene({"main": Player(ConnectionLost("broke"))}, (Retry(3, s(30), jitter="none"), Timeout(s(100))))
    played = scene.run(deadline=20)
    assert 0.0 == played.seconds
    assert "broke; no time is left for another attempt: 20 s" == played.failure.message
    scene = Scene({"main": Player(ConnectionLost("broke"))}, (Retry(3, s(30), jitter="none"), Timeout(s(20))))
    assert "broke; no time is left for another attempt: 20 s" == scene.run(deadline=100).failure.message
