"""One attempt, plain and within policies: what the agent is asked, and what is made of its answer and of its errors."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadflow.events.model import AttemptFailure, AttemptStarted, CallUsed, ErrorHandled, Failure, Usage
from leadflow.events.words import Words
from leadflow.plan.policy import Breaker, Fallback, OnError, Policy, Reaction, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.ports import Answer, CallOrder, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, Scene, after, s

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
    repair = 'the answer of main.do does not fit: expected int, got string: "seven"'
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
    message = 'the answer of main.do does not fit: expected int, got string: "seven"'
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


def test_a_failed_attempt_is_told_once() -> None:
    """An attempt that failed before the breaker opened is told when the next agent is asked, and not again."""
    scene = Scene(
        {"main": Player(ConnectionLost("it broke")), "spare": Player(7)},
        (Retry(3, s(1), jitter="none"), Fallback(("spare",))),
        breakers={"main": Breaker(failures=1)},
    )
    played = scene.run()
    assert 7 == played.value
    assert [1.0] == played.delays
    assert [("main/a", 2, "spare")] == [
        (event.path, event.attempt, event.agent) for event in played.events if isinstance(event, AttemptStarted)
    ]


def test_nothing_is_sent_before_what_led_to_it_is_kept() -> None:
    """Case D2: an attempt waits until all that its call has posted is committed."""
    main = Player(7)
    scene = Scene({"main": main}, (Timeout(s(1000)),))

    async def run() -> tuple[int, object]:
        kept = asyncio.get_running_loop().create_future()
        order = CallOrder("main/a", {}, None, "run-1", None, lambda event: None, unkept=lambda path: kept)
        calling = asyncio.ensure_future(scene.call(order))
        await CLOCK.sleep(s(5))
        before = len(main.requests)
        kept.set_result(None)
        return before, await calling

    assert (0, Answer(7)) == run_virtual(run())


def test_what_on_error_does_is_told_with_its_step() -> None:
    """The event names the step, the class and what was done; a skipped failure is in doubt for nobody."""
    skips = OnError((("network", Reaction("skip", None, None)),))
    played = Scene({"main": Player(ConnectionLost("it broke"))}, (skips,)).run()
    (told,) = [event for event in played.events if isinstance(event, ErrorHandled)]
    assert ("main/a", "network", "skip", None) == (told.path, told.category, told.does, told.agent)
    assert isinstance(played.outcome, Answer)
    assert played.outcome.absorbed is not None
    assert not played.outcome.absorbed.in_doubt


@EITHER
def test_the_words_of_a_model_are_heard_by_who_listens(policies: Sequence[Policy]) -> None:
    """As it says them; where nobody listens it is not asked to say any."""
    heard = list[Words]()

    async def says(request: Request) -> object:
        if request.hear is not None:
            request.hear("Hel")
            request.hear("lo")
        return "Hello"

    player = Player(says)
    scene = Scene({"a": player}, policies, settings={"model": "m"}, action="ask", rates={"a": None})

    async def main() -> list[Answer | Failure]:
        order = CallOrder("f/a", {}, None, "run-1", None, lambda event: None)
        return [await scene.call(replace(order, hear=hear)) for hear in (heard.append, None)]

    assert ["Hello", "Hello"] == [getattr(each, "value", each) for each in run_virtual(main())]
    assert [Words("f/a", 1, "a", "Hel", True), Words("f/a", 1, "a", "lo", False)] == heard
    assert player.requests[1].hear is None


@pytest.mark.parametrize("policies", [(), (Timeout(s(60)),)], ids=["plain", "in a stack"])
def test_3_what_a_request_took_that_failed_is_told_as_unknown(policies: Sequence[Policy]) -> None:
    """Case $3: it was sent and nobody knows what it cost; of one that was never sent nothing is told."""
    told = []
    for sent in (True, False):
        player = Player(ConnectionLost("x", sent=sent))
        played = Scene({"a": player}, policies, settings={"model": "m"}, action="ask", rates={"a": None}).run()
        told.append([event for event in played.events if isinstance(event, CallUsed)])
        assert "network.lost" == played.failure.error
    assert [[CallUsed("main/a", 1, "a", None, None)], []] == told
