"""`@on_error`: what follows a failure, by its class. Cases C5, R2, R14, R18, R20, F1, F2, F4 of SPEC.md."""

import asyncio

import pytest

from leadflow.events.model import AttemptFailed, AttemptStarted, ErrorHandled
from leadflow.plan.policy import ERROR_CLASSES, Fallback, Hedge, OnError, Policy, Reaction, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.run.errors import (
    AuthFailed,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Declined,
    Rejected,
    ServerError,
    TotalTimeout,
)
from leadflow.run.ports import Answer, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, s

LOST, BROKEN, LATE = ConnectionLost("it broke"), ServerError("it fell", status=500), after(60)
SKIP, RESET, TERMINATE = Reaction("skip"), Reaction("reset"), Reaction("terminate")
PLAIN = Retry(3, s(1), jitter="none")


def on(**reactions: Reaction) -> OnError:
    """`@on_error(…)`."""
    return OnError(tuple((name, reactions[name]) for name in ERROR_CLASSES if name in reactions))


def again(attempts: int) -> Reaction:
    """`retry(n)`."""
    return Reaction("retry", attempts=attempts)


def ask(agent: str, *, last: bool = False) -> Reaction:
    """`fallback(x)`, or `escalate(x)`."""
    return Reaction("escalate" if last else "fallback", agent=agent)


def main(*script: Act, policies: tuple[Policy, ...], idempotent: bool = True) -> tuple[Player, Played]:
    """A call of one agent, made."""
    player = Player(*script)
    return player, Scene({"main": player}, policies, idempotent=idempotent).run()


def handled(played: Played) -> list[tuple[str, str, str | None]]:
    """The decisions in the log."""
    events = [event for event in played.events if isinstance(event, ErrorHandled)]
    return [(event.category, event.does, event.agent) for event in events]


# --- retry --------------------------------------------------------------------------------------------------------


def test_a_class_has_attempts_of_its_own() -> None:
    """Rule C5: failures of the named class get n attempts in total; others are for `@retry`."""
    player, played = main(LOST, policies=(PLAIN, on(network=again(5))))
    assert (5, [1.0, 2.0, 4.0, 8.0]) == (len(player.requests), played.delays)
    assert [("network", "retry", None)] * 4 == handled(played)
    player, played = main(BROKEN, policies=(PLAIN, on(network=again(5))))
    assert (3, []) == (len(player.requests), handled(played))


def test_the_number_counts_all_attempts() -> None:
    """Two attempts that failed otherwise are among the n; a failure of another class ends beyond its own number."""
    player, _ = main(BROKEN, BROKEN, LOST, policies=(PLAIN, on(network=again(4))))
    assert 4 == len(player.requests)
    player, played = main(LOST, LOST, LOST, BROKEN, policies=(PLAIN, on(network=again(9))))
    assert (4, "agent.server") == (len(player.requests), played.failure.error)


def test_without_retry_the_usual_pauses_hold() -> None:
    """Nobody says how long to wait: as `@retry(n)` alone would."""
    alone = main(LOST, policies=(Retry(3),))[1]
    assert alone.delays == main(LOST, policies=(on(network=again(3)),))[1].delays
    assert 2 == len(alone.delays)


def test_one_attempt_switches_retry_off_for_a_class() -> None:
    """`retry(1)` beside `@retry(3)`: this class is not tried again."""
    player, played = main(LOST, policies=(PLAIN, on(network=again(1))))
    assert (1, "network.lost") == (len(player.requests), played.failure.error)


@pytest.mark.parametrize("reaction", [again(5), RESET])
def test_r2_a_write_that_may_be_done_is_not_sent_again(reaction: Reaction) -> None:
    """R2, R4: nobody repeats what may have been done; what was never sent is repeated."""
    fresh = {"main": lambda: Player(7)}
    for error, requests in ((LOST, 1), (ConnectFailed("no", sent=False), 2)):
        player = Player(error, 7)
        played = Scene({"main": player}, (on(network=reaction),), idempotent=False, anew=fresh).run()
        assert (requests == 1) == (played.outcome != Answer(7))


@pytest.mark.parametrize("error", [AuthFailed("no"), TotalTimeout("over"), Rejected("no")])
def test_what_never_helps_is_never_repeated(error: CallError) -> None:
    """The table of outcomes wins: a refusal stays one, however often somebody asks (row 5 and 8 of it)."""
    player, _ = main(error, policies=(on(permission=again(5), timeout=again(5), agent=again(5)),))
    assert 1 == len(player.requests)


def test_naming_a_class_is_asking() -> None:
    """What nothing speaks for is repeated when its class is named, as with `on:` (case R17)."""
    assert 1 == len(main(Declined("no"), policies=(PLAIN,))[0].requests)
    assert 2 == len(main(Declined("no"), policies=(on(agent=again(2)),))[0].requests)


def test_r14_the_upstreams_budget_counts_here_too() -> None:
    """R14: with the upstream down further attempts run out, whoever asks for them."""
    player = Player(LOST)
    scene = Scene({"main": player}, (on(network=again(3)),))

    async def many() -> None:
        for _ in range(100):
            await scene.play()

    run_virtual(many())
    assert 100 + 50 == len(player.requests)


def test_r18_a_cancel_is_no_failure() -> None:
    """R18: whoever cancels is heard; nothing answers that."""
    scene = Scene({"main": Player(after(5))}, (on(agent=SKIP, system=SKIP, timeout=SKIP),))

    async def stopped() -> bool:
        task = asyncio.ensure_future(scene.play())
        await CLOCK.sleep(s(1))
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(stopped())


def test_r20_the_number_is_the_cap_of_repairs() -> None:
    """R20: `validation: retry(5)` says how often; each attempt hears of the last answer only."""
    player = Player("a", "b", "c", "d", 5)
    scene = Scene({"main": player}, (Retry(9), on(validation=again(5))), result=INT)
    assert 5 == scene.run().value
    hints = [request.repair for request in player.requests]
    assert hints[0] is None
    assert all(hint is not None and hint.count("does not fit") == 1 for hint in hints[1:])


# --- skip ---------------------------------------------------------------------------------------------------------


def test_skip_gives_none_at_once() -> None:
    """No further attempt, no fallback: the value is none, and the failure is told with it."""
    spare, player = Player("spare"), Player(LOST)
    played = Scene({"main": player, "spare": spare}, (PLAIN, Fallback(("spare",)), on(network=SKIP))).run()
    assert isinstance(played.outcome, Answer)
    assert (None, "network.lost") == (played.value, played.outcome.absorbed and played.outcome.absorbed.error)
    assert (1, 0, 0.0) == (len(player.requests), len(spare.requests), played.seconds)
    assert [("network", "skip", None)] == handled(played)


def test_skip_is_by_the_class_of_the_last_failure() -> None:
    """A failure of another class is tried again; when the skipped class comes, that ends it."""
    player, played = main(BROKEN, LOST, 7, policies=(PLAIN, on(network=SKIP)))
    assert (2, None) == (len(player.requests), played.value)


def test_c3_skip_takes_nothing_that_is_in_doubt() -> None:
    """Rule C3: a write of which nobody knows the end is not none."""
    _, played = main(LOST, policies=(on(network=SKIP),), idempotent=False)
    assert played.failure.in_doubt


def test_c3_skip_takes_no_end_of_what_is_around() -> None:
    """Rule C3: the deadline of the flow passed; that is not this step's to skip."""
    player = Player(after(10, LOST))
    played = Scene({"main": player}, (on(network=SKIP),)).run(deadline=10.0)
    assert "network.lost" == played.failure.error


def test_skip_of_a_total_timeout() -> None:
    """The call's own total time is the call's own limit: `timeout: skip` takes it (rule C3)."""
    _, played = main(LATE, policies=(Timeout(s(5)), on(timeout=SKIP)))
    assert (None, 5.0) == (played.value, played.seconds)


# --- fallback, escalate -------------------------------------------------------------------------------------------


def four(*policies: Policy, **scripts: Act) -> tuple[dict[str, Player], Scene]:
    """`main`, `spare`, `other` and `desk`, each with one act; those that are not given answer with their names."""
    players = {name: Player(scripts.get(name, name)) for name in ("main", "spare", "other", "desk")}
    return players, Scene(players, policies)


def order(players: dict[str, Player]) -> list[str]:
    """Who was asked, by the number of the attempt."""
    asked = [(request.attempt, name) for name, player in players.items() for request in player.requests]
    return [name for _, name in sorted(asked)]


CHAIN = Fallback(("spare", "other"))


def test_fallback_is_asked_next_and_then_the_chain() -> None:
    """Rule C5: x, then the rest of `@fallback`, each once."""
    players, scene = four(CHAIN, on(network=ask("desk")), main=LOST, desk=BROKEN, spare=BROKEN)
    played = scene.run()
    assert ["main", "desk", "spare", "other"] == order(players)
    assert Answer("other", "other") == played.outcome
    assert [("network", "fallback", "desk")] == handled(played)


def test_fallback_takes_one_of_the_chain_first() -> None:
    """An agent that stands in both is asked once, where `@on_error` wants it."""
    players, scene = four(CHAIN, on(network=ask("other")), main=LOST, other=LOST)
    assert "spare" == scene.run().value
    assert ["main", "other", "spare"] == order(players)


def test_escalate_is_the_last_resort() -> None:
    """After all of `@fallback`, marked, with the class that named it."""
    players, scene = four(CHAIN, on(network=ask("desk", last=True)), main=LOST, spare=BROKEN, other=BROKEN)
    played = scene.run()
    assert ["main", "spare", "other", "desk"] == order(players)
    assert Answer("desk", "desk") == played.outcome
    assert [("network", "escalate", "desk")] == handled(played)
    kinds = [type(event) for event in played.events if isinstance(event, ErrorHandled | AttemptStarted)]
    assert [AttemptStarted, AttemptStarted, ErrorHandled, AttemptStarted] == kinds


def test_escalate_moves_a_fallback_to_the_end() -> None:
    """An agent of the chain that is named as the last resort waits for its turn as that."""
    players, scene = four(CHAIN, on(network=ask("spare", last=True)), main=LOST, other=BROKEN)
    assert "spare" == scene.run().value
    assert ["main", "other", "spare"] == order(players)


def test_nobody_is_escalated_to_when_a_fallback_answers() -> None:
    """A last resort that is not needed is neither asked nor told of."""
    players, scene = four(CHAIN, on(network=ask("desk", last=True)), main=LOST)
    played = scene.run()
    assert (["main", "spare"], []) == (order(players), handled(played))


def test_other_classes_go_the_usual_way() -> None:
    """Only the named class is answered by x."""
    players, scene = four(CHAIN, on(network=ask("desk")), main=BROKEN)
    assert ("spare", ["main", "spare"]) == (scene.run().value, order(players))


def test_f4_who_stands_in_has_all_policies_anew() -> None:
    """F4: x has its own attempts, its own time and its own slots."""
    players = {"main": Player(LOST), "desk": Player(after(20, BROKEN), after(20, "desk"))}
    policies = (Retry(2, s(1), jitter="none"), Timeout(s(45)), on(network=ask("desk")))
    played = Scene(players, policies, slots={"main": 1, "desk": 1}).run()
    assert ("desk", 1, 2) == (played.value, len(players["main"].requests), len(players["desk"].requests))


def test_f2_all_failures_are_told() -> None:
    """F2: the failure names every agent that was asked, in order."""
    _, scene = four(on(network=ask("desk", last=True)), main=LOST, desk=Rejected("no"))
    failure = scene.run().failure
    assert "all 2 agents failed: main: it broke; desk: no" == failure.message
    assert ["network.lost", "agent.rejected"] == [cause.error for cause in failure.causes]


def test_nobody_writes_a_second_time_in_doubt() -> None:
    """Rule C3: neither a fallback nor a last resort repeats a write that may be done."""
    for reaction in (ask("desk"), ask("desk", last=True)):
        players = {"main": Player(LOST), "desk": Player("desk")}
        played = Scene(players, (on(network=reaction),), idempotent=False).run()
        assert (True, []) == (played.failure.in_doubt, players["desk"].requests)


def test_two_reactions_that_name_each_other_end() -> None:
    """Every agent is asked once: no failure leads round in a circle."""
    players, scene = four(
        on(network=ask("desk"), agent=ask("spare"), timeout=ask("main")),
        main=LOST, desk=BROKEN, spare=LOST, other=LOST,
    )  # fmt: skip
    assert "network.lost" == scene.run().failure.error
    assert ["main", "desk", "spare"] == order(players)


# --- terminate ----------------------------------------------------------------------------------------------------


def test_terminate_ends_the_run_at_once() -> None:
    """The failure is the run's: no attempt, no fallback, and nothing inside the run may absorb it (rule C3)."""
    players, scene = four(CHAIN, PLAIN, on(network=TERMINATE), main=LOST)
    played = scene.run()
    assert ("", "network.lost") == (played.failure.limit, played.failure.error)
    assert (["main"], [("network", "terminate", None)]) == (order(players), handled(played))


def test_terminate_of_what_is_in_doubt_says_both() -> None:
    """The run ends, and says that nobody knows what was done."""
    _, played = main(LOST, policies=(on(network=TERMINATE),), idempotent=False)
    assert ("", True) == (played.failure.limit, played.failure.in_doubt)


# --- reset --------------------------------------------------------------------------------------------------------


class Instances:
    """All instances of an agent that were made, the first included."""

    def __init__(self, *scripts: tuple[Act, ...]) -> None:
        self.scripts = list(scripts)
        self.made: list[Held] = []

    def __call__(self) -> "Held":
        """Make one."""
        script = self.scripts[min(len(self.made), len(self.scripts) - 1)]
        self.made.append(Held(*script))
        return self.made[-1]

    def scene(self, *policies: Policy) -> Scene:
        """A call of it."""
        return Scene({"main": self()}, policies, anew={"main": self})


class Held(Player):
    """An agent that holds something."""

    closed = False

    async def aclose(self) -> None:
        """Give it back."""
        assert not self.now, "closed under a call"
        self.closed = True


def test_reset_makes_the_agent_anew_and_tries_again() -> None:
    """One further attempt with another instance; the old one is closed."""
    instances = Instances((LOST,), ("well",))
    played = instances.scene(on(network=RESET)).run()
    assert ("well", [("network", "reset", None)]) == (played.value, handled(played))
    assert [True, False] == [each.closed for each in instances.made]
    assert [1, 2] == [each.requests[0].attempt for each in instances.made]


def test_reset_is_once_per_call_unless_retry_says_more() -> None:
    """Alone two attempts in all; with `@retry(4)` each failure of the class makes it anew, four attempts in all."""
    instances = Instances((LOST,))
    assert ("network.lost", 2) == (instances.scene(on(network=RESET)).run().failure.error, len(instances.made))
    instances = Instances((LOST,))
    instances.scene(Retry(4, s(1)), on(network=RESET)).run()
    assert [1, 1, 1, 1] == [len(each.requests) for each in instances.made]


def test_another_class_is_tried_again_as_it_is() -> None:
    """Only the named class makes the agent anew."""
    instances = Instances((BROKEN, LOST), ("well",))
    assert "well" == instances.scene(PLAIN, on(network=RESET)).run().value
    assert [2, 1] == [len(each.requests) for each in instances.made]


def test_ten_that_fail_together_make_one_new_instance() -> None:
    """One reset at a time: who finds that another call has made the agent anew only tries again."""
    instances = Instances((after(1, LOST),), (after(1, "well"),))
    scene = instances.scene(on(network=RESET))

    async def ten() -> list[object]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(10)]
        return [task.result().value for task in tasks]

    assert ["well"] * 10 == run_virtual(ten())
    assert [10, 10] == [len(each.requests) for each in instances.made]


def test_calls_under_way_finish_on_the_old_instance() -> None:
    """What is under way goes on and ends well; the old instance is closed behind it."""
    instances = Instances((after(1, LOST), after(9, "slow")), ("new",))
    scene = instances.scene(Retry(2, s(2), jitter="none"), on(network=RESET))

    async def two() -> tuple[list[object], list[bool], list[bool]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(2)]
            await CLOCK.sleep(s(5))
            halfway = [each.closed for each in instances.made]
        await CLOCK.sleep(s(0))
        return [task.result().value for task in tasks], halfway, [each.closed for each in instances.made]

    assert (["new", "slow"], [False, False], [True, False]) == run_virtual(two())


def test_reset_beside_hedge_knows_which_instance_failed() -> None:
    """Two attempts beside each other fail with one instance; the next two have a new one, and so on."""
    instances = Instances((after(6, LOST),))
    instances.scene(Retry(3, s(1), jitter="none"), on(network=RESET), Hedge(s(5))).run()
    assert [2, 2, 2] == [len(each.requests) for each in instances.made]


def test_what_cannot_be_made_anew_stays() -> None:
    """The failure says why nothing follows, and the next call asks the old instance."""

    def refused() -> Player:
        raise Rejected("the file is gone")

    player = Player(LOST, "well")
    scene = Scene({"main": player}, (on(network=RESET),), anew={"main": refused})
    assert "it broke; it cannot be made anew: the file is gone" == scene.run().failure.message
    assert "well" == scene.run().value


def test_what_closing_raises_harms_nobody() -> None:
    """The old instance is of no use any more: the call goes on, and the problem is logged."""

    class Stubborn(Player):
        """Cannot be closed."""

        async def aclose(self) -> None:
            """Fails."""
            raise RuntimeError("stuck")

    scene = Scene({"main": Stubborn(LOST)}, (on(network=RESET),), anew={"main": lambda: Player("well")})
    assert "well" == scene.run().value


def test_a_reset_that_no_time_is_left_for_is_not_made() -> None:
    """R9: when the pause does not fit into the time that is left, nothing is thrown away."""
    instances = Instances((after(4, LOST),))
    played = instances.scene(Timeout(s(5)), Retry(2, s(9), jitter="none"), on(network=RESET)).run()
    assert (4.0, 1) == (played.seconds, len(instances.made))


def test_the_log_tells_the_whole_story() -> None:
    """A failed attempt, what was decided, the next attempt: in this order."""
    played = main(LOST, 7, policies=(on(network=again(2)),))[1]
    assert [AttemptFailed, ErrorHandled, AttemptStarted] == [type(event) for event in played.events]


def test_an_attempt_is_what_it_is() -> None:
    """Attempts are numbered through whatever is decided between them."""
    seen: list[Request] = []

    async def see(request: Request) -> object:
        seen.append(request)
        raise LOST

    main(see, policies=(on(network=again(3)),))
    assert [1, 2, 3] == [request.attempt for request in seen]
