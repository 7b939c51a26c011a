"""`@cache`: what is remembered, for how long, for whom; and equal calls at the same time. The cases C of SPEC.md."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import AttemptFailed, AttemptStarted, CacheUsed, CallAdmitted, CallWaits, Event, Usage
from leadflow.plan.plan import AgentCall, AgentSpec, Place
from leadflow.plan.policy import Cache, Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT, JSON, STRING, FieldType, RecordType, Value
from leadflow.policies.cache import telling
from leadflow.policies.memory import Kept, Memory
from leadflow.policies.shared import Shared
from leadflow.run.errors import CallError, ConnectionLost, NotAllowed, Rejected, ServerError
from leadflow.run.ports import Answer, CallOrder, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, forever, s

KEPT = Cache(s(60))
NEGATIVE = Cache(s(60), s(5))
BAD = Rejected("no such city", status=404)


def caching(*script: Act, policies: Sequence[Policy] = (KEPT,), **more: Any) -> tuple[Scene, Player]:
    """A call under `@cache`, and its agent."""
    player = Player(*script)
    return Scene({"main": player}, policies, **more), player


async def many(scene: Scene, count: int) -> list[Played]:
    """So many calls at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(scene.play()) for _ in range(count)]
    return [task.result() for task in tasks]


async def one_after_the_other(scene: Scene, *pauses: float) -> list[Played]:
    """A call, and one more after each pause."""
    played = [await scene.play()]
    for pause in pauses:
        await CLOCK.sleep(s(pause))
        played.append(await scene.play())
    return played


def events(played: Sequence[Played], kind: type[Event] = CacheUsed) -> list[Event]:
    """Those of one class that the calls posted."""
    return [event for each in played for event in each.events if isinstance(event, kind)]


# --- what is kept, and for how long -------------------------------------------------------------------------------


def test_an_equal_call_is_answered_from_memory() -> None:
    """$6: a hit costs nothing and takes no time: no request, no attempt; the log says so."""
    scene, player = caching(after(2, {"a": (1, 2)}))
    first, second = run_virtual(one_after_the_other(scene, 30))
    assert 1 == len(player.requests)
    assert first.value == second.value == {"a": (1, 2)}
    assert (2.0, 0.0) == (first.seconds, second.seconds)
    assert ([], [CacheUsed("main/a", "main", False)]) == (first.events, second.events)


@pytest.mark.parametrize(("pause", "requests"), [(59.999, 1), (60.0, 2), (60.001, 2)])
def test_c4_expires_at_exactly_its_time(pause: float, requests: int) -> None:
    """C4: kept for less than `ttl`, and gone at that very moment."""
    scene, player = caching(1)
    run_virtual(one_after_the_other(scene, pause))
    assert requests == len(player.requests)


def test_c4_time_runs_from_the_answer() -> None:
    """C4: what took long to answer is not older for that; a hit does not make it younger."""
    scene, player = caching(after(50, 1))
    run_virtual(one_after_the_other(scene, 59, 1))
    assert [0.0, 110.0] == player.at


def test_c4_a_clock_that_goes_back_revives_nothing() -> None:
    """C4: after a jump back all is forgotten, what was over and what was not."""
    memory = Memory()
    kept = Kept(b"1")
    memory.keep(b"old", kept, seconds=10, now=100)
    memory.keep(b"new", kept, seconds=1000, now=100)
    assert memory.find(b"old", 110) is None
    assert [None, None] == [memory.find(key, 105) for key in (b"old", b"new")]


def test_c1_an_answer_that_does_not_fit_is_not_kept() -> None:
    """C1: only what passed the validation is remembered."""
    scene, player = caching("many", 3, result=INT)
    first, second, third = run_virtual(one_after_the_other(scene, 1, 1))
    assert "validation.answer" == first.failure.error
    assert (3, 3, 2) == (second.value, third.value, len(player.requests))


def test_c1_failures_are_not_kept() -> None:
    """C1: without `negative_ttl` each call that follows a failure is made."""
    scene, player = caching(BAD)
    run_virtual(one_after_the_other(scene, 0, 0))
    assert 3 == len(player.requests)


@pytest.mark.parametrize(("pause", "requests"), [(4.999, 1), (5.0, 2)])
def test_c1_failures_are_kept_for_their_own_time(pause: float, requests: int) -> None:
    """C1: with `negative_ttl` a failure is remembered, for exactly that long."""
    scene, player = caching(BAD, policies=(NEGATIVE,))
    first, second = run_virtual(one_after_the_other(scene, pause))
    assert requests == len(player.requests)
    assert "agent.rejected" == first.failure.error == second.failure.error
    if requests == 1:
        assert second.failure.message == "no such city; an equal call failed so just now"
        assert () == second.failure.attempts


def test_c1_what_says_nothing_of_the_upstream_is_not_kept() -> None:
    """C1: a refusal of our own and a time that is over are not remembered as failures of the upstream."""
    for act, policies in ((NotAllowed("no"), (NEGATIVE,)), (after(9), (NEGATIVE, Timeout(s(1))))):
        scene, player = caching(act, 7, policies=policies)
        first, second = run_virtual(one_after_the_other(scene, 0))
        assert first.failure.error in ("permission.local", "timeout.total")
        assert (7, 2) == (second.value, len(player.requests))


def test_a_kept_failure_holds_nothing_of_the_call() -> None:
    """The error that is kept has no traceback, whose frames would hold prompts and answers."""
    scene, _ = caching(BAD, policies=(NEGATIVE,))
    run_virtual(scene.play())
    kept = [entry.kept.error for entry in scene.shared.memory._entries.values()]
    assert [("no such city", 404, None, None, None)] == [
        (e.message, e.status, e.__traceback__, e.__cause__, e.__context__) for e in kept if e is not None
    ]


def test_c5_what_is_given_is_the_callers_own() -> None:
    """C5: a consumer that changes its answer changes nobody else's, nor what is kept."""
    scene, _ = caching({"list": [1], "map": {"a": 1}})
    first, second, third = run_virtual(one_after_the_other(scene, 0, 0))
    for each in (first, second):
        given: Any = each.value
        given["map"]["a"] = 2
        given["new"] = 1
    assert {"list": (1,), "map": {"a": 1}} == third.value


def test_c6_nothing_that_is_kept_fails_a_call() -> None:
    """C6: the memory is this process's own, so none can be down; what is too large for it is answered all the same."""
    scene, player = caching("x" * 5000, shared=Shared())
    scene.shared.memory = Memory(most=4000)
    first, second = run_virtual(one_after_the_other(scene, 0))
    assert first.value == second.value == "x" * 5000
    assert (2, 0) == (len(player.requests), scene.shared.memory.size)


def test_what_was_used_least_makes_room() -> None:
    """The memory is bounded, and what was not asked for longest goes first."""
    memory = Memory(most=2 * Kept(b"1").size)
    for key in (b"a", b"b"):
        memory.keep(key, Kept(b"1"), seconds=10, now=0)
    memory.find(b"a", 1)
    memory.keep(b"c", Kept(b"1"), seconds=10, now=1)
    assert [True, False, True] == [memory.find(key, 2) is not None for key in (b"a", b"b", b"c")]
    assert memory.size == 2 * Kept(b"1").size
    memory.find(b"a", 100)
    assert 0 == memory.size


def test_usage_of_a_hit_is_nothing() -> None:
    """$6: where the upstream says what an answer cost, a hit says that it cost nothing; else nothing is known."""

    class Paid(Player):
        async def call(self, request: Request) -> Reply:
            return Reply((await super().call(request)).value, Usage(10, 20))

    scene = Scene({"main": Paid(1)}, (KEPT,))
    answers = [played.outcome for played in run_virtual(one_after_the_other(scene, 0))]
    assert [Usage(10, 20), Usage(0, 0)] == [getattr(answer, "usage", None) for answer in answers]


# --- with the other policies --------------------------------------------------------------------------------------


def test_f3_a_fallbacks_answer_is_not_the_agents() -> None:
    """F3: what a fallback answers is kept as its own: the next call asks the agent first, and is degraded again."""
    main, other = Player(BAD), Player("other")
    scene = Scene({"main": main, "other": other}, (Fallback(("other",)), KEPT))
    first, second = run_virtual(one_after_the_other(scene, 1))
    assert ("other", "other") == tuple(getattr(each.outcome, "agent", None) for each in (first, second))
    assert (2, 1) == (len(main.requests), len(other.requests))
    assert [CacheUsed("main/a", "other", False)] == events([second])


def test_f3_a_kept_failure_goes_on_to_the_fallback() -> None:
    """F3, C1: a failure from memory is followed by what follows any failure."""
    main, other = Player(BAD), Player("other")
    scene = Scene({"main": main, "other": other}, (Fallback(("other",)), NEGATIVE))
    _, second = run_virtual(one_after_the_other(scene, 1))
    assert ("other", 1) == (second.value, len(main.requests))


def test_retries_stand_inside() -> None:
    """The attempts of one call are one flight: those that wait see its end only."""
    scene, player = caching(
        ConnectionLost("it broke"), after(1, 5), policies=(KEPT, Retry(2, s(10), max=s(10), jitter="none"))
    )
    played = run_virtual(many(scene, 5))
    assert [5] * 5 == [each.value for each in played]
    assert 2 == len(player.requests)
    assert 1 == len(events(played, AttemptFailed)) == len(events(played, AttemptStarted))


# --- equal calls at the same time ---------------------------------------------------------------------------------


def test_c3_equal_calls_at_once_are_one() -> None:
    """C3: a hundred equal calls are one request; the others wait for it, and the log says whose answer they have."""
    scene, player = caching(after(3, "same"))
    played = run_virtual(many(scene, 100))
    assert ["same"] * 100 == [each.value for each in played]
    assert [3.0] * 100 == [each.seconds for each in played]
    assert (1, 1) == (len(player.requests), player.most)
    assert [CacheUsed("main/a", "main", True)] * 99 == events(played)
    assert [CallWaits("main/a", "main", "an equal call that is under way", None)] * 99 == events(played, CallWaits)
    assert 0 == len(scene.shared.flights)


def test_c3_across_nodes_and_runs() -> None:
    """C3: calls of other nodes and other runs of the process are the same call, when all that matters is equal."""
    shared = Shared()
    player = Player(after(1, 1))
    scenes = [Scene({"main": player}, (KEPT,), shared=shared) for _ in range(3)]

    async def all_of_them() -> list[Played]:
        return list(await asyncio.gather(*(scene.play() for scene in scenes)))

    assert [1, 1, 1] == [each.value for each in run_virtual(all_of_them())]
    assert 1 == len(player.requests)


def test_c3_a_failure_is_one_for_all() -> None:
    """C3: when the call fails, those that waited have its failure: not ninety-nine calls at once."""
    scene, player = caching(after(1, ServerError("down", status=500)))
    played = run_virtual(many(scene, 100))
    assert 1 == len(player.requests)
    assert {"agent.server"} == {each.failure.error for each in played}
    assert {"down", "down; an equal call failed so at the same time"} == {each.failure.message for each in played}
    assert 0 == len(scene.shared.flights)


def test_c3_other_policies_try_for_themselves() -> None:
    """C3: who would have tried longer does: a failure is only theirs whose policies are the same, and one call at a
    time is made.
    """
    shared = Shared()
    player = Player(after(1, ConnectionLost("it broke")), after(1, ConnectionLost("it broke")), after(1, "well"))
    hasty = Scene({"main": player}, (KEPT,), shared=shared)
    patient = Scene({"main": player}, (KEPT, Retry(2, s(1), jitter="none")), shared=shared)

    async def both() -> tuple[Played, list[Played]]:
        async with asyncio.TaskGroup() as group:
            one = group.create_task(hasty.play())
            others = group.create_task(many(patient, 10))
        return one.result(), others.result()

    one, others = run_virtual(both())
    assert "network.lost" == one.failure.error
    assert ["well"] * 10 == [each.value for each in others]
    assert (3, 1) == (len(player.requests), player.most)


@pytest.mark.parametrize("cancelled", [(0,), (0, 1), (0, 1, 2), (0, 2), (1,), (2, 0), (3, 0, 1)])
def test_c3_a_cancelled_leader_is_followed_by_another(cancelled: tuple[int, ...]) -> None:
    """C3, X3: whoever is cancelled, in whatever order and in one tick, the next that waits makes the call."""
    scene, player = caching(after(2, "same"))

    async def run() -> list[object]:
        tasks = [asyncio.create_task(scene.play()) for _ in range(5)]
        await CLOCK.sleep(s(1))
        for number in cancelled:
            tasks[number].cancel()
        await asyncio.wait(tasks)
        return [None if task.cancelled() else task.result().value for task in tasks]

    assert [None if number in cancelled else "same" for number in range(5)] == run_virtual(run())
    assert 1 + (0 in cancelled) == len(player.requests)
    assert 0 == player.now == len(scene.shared.flights)


def test_c3_an_heir_that_is_cancelled_as_it_is_woken_hands_on() -> None:
    """C3: a follower that is made the leader and cancelled in the same tick does not take the call with it."""
    scene, player = caching(after(2, "same"))

    async def run() -> object:
        first, second, third = (asyncio.create_task(scene.play()) for _ in range(3))
        await CLOCK.sleep(s(1))
        first.cancel()
        await CLOCK.sleep(s(0))
        assert first.done()
        second.cancel()  # it has been woken, and has not run yet
        return (await third).value

    assert "same" == run_virtual(run())
    assert 2 == len(player.requests)


def test_c3_everybody_is_cancelled() -> None:
    """C3, X2: when nobody is left, nothing is: the next call is made anew."""
    scene, player = caching(after(2, "same"))

    async def run() -> object:
        tasks = [asyncio.create_task(scene.play()) for _ in range(5)]
        await CLOCK.sleep(s(1))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert 0 == len(scene.shared.flights) == player.now
        return (await scene.play()).value

    assert "same" == run_virtual(run())


def test_t2_who_waits_has_its_own_deadline() -> None:
    """T2: the wait for an equal call counts for the own total time, and the error says what was waited for."""
    shared = Shared()
    player = Player(after(10, "late"))
    slow = Scene({"main": player}, (KEPT,), shared=shared)
    quick = Scene({"main": player}, (KEPT, Timeout(s(3))), shared=shared)

    async def both() -> tuple[Played, Played]:
        task = asyncio.create_task(slow.play())
        await CLOCK.sleep(s(1))
        return await quick.play(), await task

    second, first = run_virtual(both())
    assert ("late", 3.0, 1) == (first.value, second.seconds, len(player.requests))
    assert "timeout.total" == second.failure.error
    assert "an equal call of main gave no answer within the total time" == second.failure.message
    assert not second.failure.in_doubt


def test_t2_a_leader_that_is_out_of_time_is_followed_by_another() -> None:
    """T2, C3: the end of a leader's own time is not its followers' failure; the next of them goes on."""
    scene, player = caching(after(9, "late"), after(0.5, "well"), policies=(KEPT, Timeout(s(3))))

    async def run() -> list[Played]:
        first = asyncio.create_task(scene.play())
        await CLOCK.sleep(s(1))
        return [await scene.play(), await first]

    second, first = run_virtual(run())
    assert ("timeout.total", "well", 2) == (first.failure.error, second.value, len(player.requests))
    assert [CallAdmitted("main/a", "main", 2.0)] == events([second], CallAdmitted)


def test_t8_a_leader_that_does_not_stop_is_left_by_its_followers() -> None:
    """T8: when an attempt is left behind, those that wait do not wait for it; what it does later harms nobody."""
    stubborn = asyncio.Event()

    async def deaf(request: Request) -> object:
        while not stubborn.is_set():
            with suppress(asyncio.CancelledError):
                await stubborn.wait()
        return "too late"

    player = Player(deaf, after(1, "well"))
    shared = Shared()
    limited = Scene({"main": player}, (KEPT, Timeout(s(3))), shared=shared)
    free = Scene({"main": player}, (KEPT,), shared=shared)

    async def run() -> tuple[object, float, object]:
        first = asyncio.create_task(limited.play())
        await CLOCK.sleep(s(1))
        second = await free.play()
        stubborn.set()
        await asyncio.wait([first])
        return second.value, CLOCK.monotonic(), (await free.play()).value

    assert ("well", 9.0) == run_virtual(run())[:2]  # 3 s, a grace of 5 s, 1 s
    assert 0 == len(shared.flights)


def test_t8_a_call_that_is_over_is_told_of_no_more() -> None:
    """T8: it asks to be told when it is left behind, and at its end no more."""
    asked = list[bool]()
    order = CallOrder(
        "main/a",
        {},
        None,
        "run-1",
        None,
        lambda event: None,
        when_left=lambda path, told: asked.append(told is not None),
    )
    scene, _ = caching(after(1, "same"))

    async def main() -> object:
        return getattr(await scene.call(order), "value", None)

    assert ("same", [True, False]) == (run_virtual(main()), asked)


def test_x2_cancel_at_any_moment_leaks_nothing() -> None:
    """X2: whichever call is cancelled at whatever step of the loop, no flight stays and all others are answered."""
    for steps in range(12):
        for victim in range(3):
            scene, player = caching(after(1, "same"))

            async def run(scene: Scene = scene, steps: int = steps, victim: int = victim) -> list[object]:
                tasks = [asyncio.create_task(scene.play()) for _ in range(3)]
                for _ in range(steps):
                    await CLOCK.sleep(s(0))
                tasks[victim].cancel()
                await asyncio.wait(tasks)
                return [None if task.cancelled() else task.result().value for task in tasks]

            values = run_virtual(run())
            assert {"same"} == {value for number, value in enumerate(values) if number != victim}
            assert 0 == len(scene.shared.flights) == player.now


# --- what tells calls from each other -----------------------------------------------------------------------------

SPEC = AgentSpec("fast", "openai", {"model": "m", "temperature": 0.5, "system": "Be brief"}, (), "fast", None)
CALL = AgentCall("fast", "ask", (), STRING, True, "pure", True, None)
ARGS: Mapping[str, Value] = {"prompt": "hello", "max_tokens": 5}


def key(
    spec: AgentSpec = SPEC, scope: str = "tenant", call: AgentCall = CALL, *, args: Mapping[str, Value] = ARGS,
    cache_key: str | None = None, path: str = "main/a", run: str = "run-1",
) -> bytes:  # fmt: skip
    """The key of a call."""
    order = CallOrder(path, args, None, run, None, lambda _: None, cache_key=cache_key)
    return telling(spec, scope, call)(order)


def setting(name: str, value: Value) -> AgentSpec:
    """The agent with another setting."""
    return replace(SPEC, settings={**SPEC.settings, name: value})


def test_c2_everything_that_matters_is_in_the_key() -> None:
    """C2: agent, kind, model, parameters, tools, prompt, action, type, and whose credentials: none is shared."""
    keys = [
        key(),
        key(replace(SPEC, name="slow")),
        key(replace(SPEC, kind="local")),
        key(setting("model", "n")),
        key(setting("temperature", 0.6)),
        key(setting("system", "Be long")),
        key(setting("tools", ("files",))),
        key(scope="another tenant"),
        key(call=replace(CALL, action="chat")),
        key(call=replace(CALL, result=JSON)),
        key(call=replace(CALL, result=INT)),
        key(call=replace(CALL, declared=False)),
        key(args={**ARGS, "prompt": "hell"}),
        key(args={**ARGS, "max_tokens": 5.0}),
        key(args={**ARGS, "max_tokens": "5"}),
        key(args={"prompt": "hello"}),
        key(cache_key="hello"),
        key(cache_key=""),
    ]
    assert len(keys) == len(set(keys))
    assert {32} == set(map(len, keys))


def test_c2_nothing_else_is_in_the_key() -> None:
    """C2: not the run, the path, the order of arguments, nor, with `key:`, the arguments."""
    assert key() == key(run="run-2", path="main/b[3]/c") == key(args=dict(reversed(list(ARGS.items()))))
    assert key(cache_key="k") == key(cache_key="k", args={"prompt": "something else"})
    assert key() == key(call=replace(CALL, idempotent=False, cache_key=None))
    assert key() == key(replace(SPEC, place=Place("main.flow", 9, 1)))
    one, other = (
        key(call=replace(CALL, result=RecordType((FieldType("a", INT, doc=doc),)))) for doc in ("how many", "how much")
    )
    assert one != other  # what stands beside a field is told to the model


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_c2_texts_do_not_run_into_each_other(scope: str, action: str, other_scope: str, other_action: str) -> None:
    """C2: where one part of a key ends and the next begins is part of the key."""
    same = (scope, action) == (other_scope, other_action)
    one = key(scope=scope, call=replace(CALL, action=action))
    assert same == (one == key(scope=other_scope, call=replace(CALL, action=other_action)))


def test_errors_of_any_form_can_be_kept() -> None:
    """An error class of a plug-in whose building takes other arguments is kept as it is."""

    class Odd(CallError):
        def __init__(self, left: str, right: timedelta) -> None:
            super().__init__(f"{left} {right}")
            self.right = right

    scene, player = caching(Odd("a", s(1)), policies=(NEGATIVE,))
    first, second = run_virtual(one_after_the_other(scene, 0))
    assert 1 == len(player.requests)
    assert second.failure.message.startswith(first.failure.message)


def test_a_waiting_call_ends_with_its_loop() -> None:
    """A loop that ends with calls under way keeps nobody of the next loop waiting."""
    scene, player = caching(lambda _: forever(), "well")

    async def abandon() -> None:
        loose.append(asyncio.create_task(scene.play()))
        await CLOCK.sleep(s(1))

    loose: list[asyncio.Task[Played]] = []
    run_virtual(abandon())
    assert "well" == run_virtual(scene.play()).value
    assert 2 == len(player.requests)


def test_f3_a_hit_is_the_agents_own_answer() -> None:
    """Case F3: what the agent that was called has answered is not told as a fallback's, whoever is given it."""
    reported = Scene({"main": Player(Reply(7, Usage(3, 4)))}, (KEPT,))
    silent = Scene({"main": Player(7)}, (KEPT,))

    async def twice(scene: Scene) -> list[object]:
        return [(await scene.play()).outcome for _ in range(2)]

    assert [Answer(7, None, Usage(3, 4)), Answer(7, None, Usage(0, 0))] == run_virtual(twice(reported))
    assert [Answer(7), Answer(7)] == run_virtual(twice(silent))


def test_t2_who_waited_too_long_sent_nothing() -> None:
    """Case T2: a follower whose time is over has asked nobody: it is not in doubt, whatever it would have done."""
    shared = Shared()
    first = Scene({"main": Player(after(60, 7))}, (KEPT,), shared=shared, idempotent=False)
    late = Scene({"main": Player(after(60, 7))}, (KEPT, Timeout(s(2))), shared=shared, idempotent=False)

    async def run() -> Played:
        leading = asyncio.create_task(first.play())
        await CLOCK.sleep(s(1))
        played = await late.play()
        await leading
        return played

    played = run_virtual(run())
    assert ("timeout.total", False, 2.0) == (played.failure.error, played.failure.in_doubt, played.seconds)
