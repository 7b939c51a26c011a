"""`@limit` and `@concurrency` of an agent, in virtual time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from leadflow.events.model import CallAdmitted, CallWaits, Failure, Usage
from leadflow.plan.plan import SettingValue
from leadflow.plan.policy import Breaker, Fallback, Limit, PerTime, Policy, Retry, Timeout
from leadflow.plan.types import STRING
from leadflow.policies.admission import MOST_WAITING, TURNS, Admission, Ended, Ticket
from leadflow.policies.windows import Daily, Moment, Rolling
from leadflow.run.errors import CallError, NotAllowed, Overloaded, Permanent, RateLimited, ServerError
from leadflow.run.ports import Answer, Reply, Request
from leadflow.run.quota import Left, Quota
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, forever, s
from tests.soak.leaks import timers

MINUTE, DAY = s(60), timedelta(days=1)


def per(amount: int, seconds: float) -> PerTime:
    """A rate."""
    return PerTime(amount, s(seconds))


def limited(*rate: PerTime, player: Player, policies: tuple[Policy, ...] = (), **limit: object) -> Scene:
    """A scene with one agent under a limit."""
    return Scene({"main": player}, policies, limits={"main": Limit(rate, **limit)})  # type: ignore[arg-type]


async def together(scene: Scene, count: int, priorities: Mapping[int, int] | None = None) -> list[Played]:
    """So many calls at once; `priorities` by their numbers."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(scene.play(priority=(priorities or {}).get(n, 0))) for n in range(count)]
    return [task.result() for task in tasks]


def said(played: Played) -> list[tuple[object, ...]]:
    """What was told of a wait."""
    found: list[tuple[object, ...]] = []
    for event in played.events:
        if isinstance(event, CallWaits):
            found.append((event.why, event.seconds))
        elif isinstance(event, CallAdmitted):
            found.append((event.waited,))
    return found


def starts(player: Player) -> list[float]:
    """When attempts began, to the millisecond."""
    return [round(at, 3) for at in player.at]


# --- rates --------------------------------------------------------------------------------------------------------


def test_l1_starts_come_no_closer_than_the_rate_allows() -> None:
    """L1: three at once, and of any four in a row the last comes more than the window after the first."""
    player = Player(7)
    run_virtual(together(limited(per(3, 10), player=player), 10))
    assert [0.0] * 3 + [10.1] * 3 + [20.2] * 3 + [30.3] == starts(player)


def test_l1_windows_are_not_aligned() -> None:
    """L1: starts late in one minute count in the next one as well."""
    player = Player(7)
    scene = limited(per(2, 60), player=player)

    async def late() -> None:
        await scene.play()
        await CLOCK.sleep(s(59))
        await together(scene, 3)

    run_virtual(late())
    assert [0.0, 59.0, 60.6, 119.6] == starts(player)


def test_a_window_counts_each_start_by_itself_and_a_little_longer() -> None:
    """A hundredth longer, and a second at most; what began later counts later."""
    assert [1.01, 60.6, 101.0, 3601.0] == [Rolling(1, length).length for length in (1.0, 60.0, 100.0, 3600.0)]
    window = Rolling(2, 60.0)
    for at in (0.0, 0.05):
        window.count(1, Moment(at, 0.0))
    assert [60.5, 60.55] == [round(window.wait(n, Moment(0.1, 0.0)) or 0.0, 3) for n in (1, 2)]


def test_several_rates_all_hold() -> None:
    """L2: two a second and five a minute are granted together."""
    player = Player(7)
    run_virtual(together(limited(per(2, 1), per(5, 60), player=player), 7))
    assert [0.0, 0.0, 1.01, 1.01, 2.02, 60.6, 60.6] == starts(player)


def test_a_start_counts_when_it_really_begins() -> None:
    """L1: whoever was granted a turn counts from when it takes it, however long the loop needed."""
    admission = Admission("a", Limit((per(1, 10),)), None)
    first, second = Ticket(0, 0), Ticket(0, 0)
    assert admission.ask(first, Moment(0.0, 0.0))
    assert not admission.ask(second, Moment(0.0, 0.0))
    assert (None, None) == (admission.next(Moment(11.0, 0.0)), admission.due(Moment(11.0, 0.0)))
    admission.begin(first, Moment(11.0, 0.0))
    assert 10.1 == pytest.approx(admission.due(Moment(11.0, 0.0)))
    assert second is admission.next(Moment(21.1, 0.0))


def test_a_burst_bounds_how_many_start_together() -> None:
    """Two together, then one a second (and a hundredth), though the minute would allow sixty at once."""
    player = Player(7)
    played = run_virtual(together(limited(per(60, 60), player=player, burst=2), 5))
    assert [0.0, 0.0, 1.01, 2.02, 3.03] == starts(player)
    assert [("a burst of 2", 1.01), (1.01,)] == said(played[2])


def test_a_large_log_counts_too_much_rather_than_too_little() -> None:
    """L1: where starts are counted together, no window has more than allowed, and 99.9 % of it are used."""
    window = Rolling(10_000, 60.0)
    at, starts = 0.0, list[float]()
    while len(starts) < 40_000:
        now = Moment(at, 0.0)
        wait = window.wait(1, now)
        assert wait is not None
        if wait:
            at += wait
            continue
        window.count(1, now)
        starts.append(at)
        at += 0.004
    assert all(later - earlier >= 60.0 for earlier, later in zip(starts, starts[10_000:], strict=False))
    assert starts[-1] <= 4 * 60.6 * 1.001


def test_who_waits_is_told_what_for_and_how_long_at_least() -> None:
    """Of seven that come at once the second waits for a place, and the fourth for those before it to pass."""
    played = run_virtual(together(limited(per(3, 10), player=Player(after(1)), concurrent=1), 7))
    place, rate = ("1 call at once", None), ("3 per 10s", 10.1)
    assert [[], [place, (1.0,)], [place, (2.0,)], [rate, (10.1,)]] == [said(one) for one in played[:4]]
    assert {rate} == {said(one)[0] for one in played[4:]}


# --- together, or not at all --------------------------------------------------------------------------------------


def test_l2_whoever_waits_for_one_holds_nothing_of_the_others() -> None:
    """L2: two calls that need a slot and a start each never hold one while they wait for the other."""
    player = Player(after(3))
    played = run_virtual(together(limited(per(2, 10), player=player, concurrent=1), 4))
    assert [0.0, 3.0, 10.1, 13.1] == starts(player)
    assert [("1 call at once", None), (3.0,)] == said(played[1])
    assert 1 == player.most


def test_concurrency_and_limit_are_one() -> None:
    """The smaller of `@concurrency` and `concurrent` bounds the calls at once."""
    for slots, concurrent, most in ((2, 3, 2), (3, 2, 2), (None, 2, 2), (2, None, 2)):
        player = Player(after(1))
        given = {"main": slots} if slots else {}
        scene = Scene({"main": player}, slots=given, limits={"main": Limit(concurrent=concurrent)})
        run_virtual(together(scene, 6))
        assert (most, 2.0) == (player.most, player.at[-1])


def test_l3_who_is_cancelled_leaves_and_the_next_goes() -> None:
    """L3: the first in line is cancelled while it waits for many tokens, and whoever needs few goes at once."""
    player = Player(Reply("x"))
    scene = tokens(player, 200)

    async def queued() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        await scene.play(args={"prompt": "x" * 4})
        large = loop.create_task(scene.play(args={"prompt": "x" * 37}))
        await CLOCK.sleep(s(1))
        small = loop.create_task(scene.play(args={"prompt": ""}))
        loop.call_later(4, large.cancel)
        await asyncio.wait([large, small])
        return large.cancelled(), player.at[-1]

    assert (True, 5.0) == run_virtual(queued())
    assert (0, 0) == (scene.turnstile("main").admission.waiting, scene.turnstile("main").admission.under_way)


def test_l3_a_cancel_after_the_grant_wakes_the_next() -> None:
    """L3: no wake-up is lost when the woken one is cancelled in the same step."""
    player = Player(after(5))
    scene = Scene({"main": player}, slots={"main": 1})

    async def queued() -> list[float]:
        loop = asyncio.get_running_loop()
        holder = loop.create_task(scene.limits_held("main", s(2)))
        await CLOCK.sleep(s(0))
        woken, after_it = loop.create_task(scene.play()), loop.create_task(scene.play())
        loop.call_later(2, lambda: loop.call_soon(woken.cancel))
        await asyncio.wait([holder, woken, after_it])
        assert woken.cancelled()
        return player.at

    assert 2.0 == run_virtual(queued())[-1]


def test_l3_the_next_in_line_may_have_to_wait_less() -> None:
    """L3: the first needs so much that two have to pass; it leaves, and the second begins when one of them has."""
    player = Player(Reply("x"))
    scene = tokens(player, 200)

    async def queued() -> list[float]:
        loop = asyncio.get_running_loop()
        await scene.play(args={"prompt": "x" * 4})
        await CLOCK.sleep(s(30))
        await scene.play(args={"prompt": "x" * 4})
        large = loop.create_task(scene.play(args={"prompt": "x" * 40}))
        await CLOCK.sleep(s(1))
        small = loop.create_task(scene.play(args={"prompt": ""}))
        loop.call_later(9, large.cancel)
        await asyncio.wait([large, small])
        return starts(player)

    assert [0.0, 30.0, 60.6] == run_virtual(queued())


# --- priorities ---------------------------------------------------------------------------------------------------


def test_l4_first_come_first_served() -> None:
    """L4: of one priority, in the order in which they came."""
    scene = limited(player=Player(after(1)), concurrent=1)
    assert [float(n) for n in range(1, 8)] == [played.seconds for played in run_virtual(together(scene, 7))]


def test_l4_a_higher_priority_goes_first() -> None:
    """L4: whoever came later and matters more is next."""
    scene = limited(player=Player(after(1)), concurrent=1)
    played = run_virtual(together(scene, 4, {3: 5}))
    assert [1.0, 3.0, 4.0, 2.0] == [one.seconds for one in played]


def test_l4_a_lower_priority_does_not_starve() -> None:
    """L4: while higher ones come without end, every tenth grant goes to a lower one, the oldest first."""
    scene = limited(player=Player(after(1)), concurrent=1)
    low = {0: 1, 1: 0, 2: -1, 3: 0}
    played = run_virtual(together(scene, 50, low | {n: 1 for n in range(4, 50)}))
    assert [TURNS, 2 * TURNS, 3 * TURNS] == [round(played[n].seconds) - 1 for n in (1, 2, 3)]


# --- tokens -------------------------------------------------------------------------------------------------------

OVERHEAD = 64 + 16
"""Tokens of a question beside its text."""


def tokens(player: Player, limit: int, *, most: int = 0, policies: tuple[Policy, ...] = ()) -> Scene:
    """A model that may take so many tokens a minute."""
    settings: dict[str, SettingValue] = {"model": "m", "max_tokens": most}
    limits = {"main": Limit(tokens=per(limit, 60))}
    return Scene({"main": player}, policies, STRING, limits=limits, settings=settings, action="ask")


def used(read: int | None, written: int | None) -> Reply:
    """An answer that says what it took."""
    return Reply("x", Usage(read, written))


async def asked(scene: Scene, *texts: str) -> list[Played]:
    """Questions, one after the other."""
    return [await scene.play(args={"prompt": text}) for text in texts]


def test_tokens_are_reserved() -> None:
    """Two questions of 80 and 20 tokens fit into 200, the third waits until the first do not count any more."""
    player = Player(Reply("x"))
    played = run_virtual(asked(tokens(player, 200), "x" * 20, "x" * 20, "x" * 20))
    assert [0.0, 0.0, 60.6] == starts(player)
    assert [("tokens per minute", 60.6), (60.6,)] == said(played[2])


def test_l5_tokens_that_were_not_used_are_given_back() -> None:
    """L5: what the answer says counts, not what was feared."""
    player = Player(used(5, 5))
    run_virtual(asked(tokens(player, 300, most=100), *["x" * 20] * 10))
    assert [0.0] * 10 == player.at


def test_l5_over_use_is_a_debt() -> None:
    """L5: an answer that took more than all that is allowed keeps the next one away until it has passed, once."""
    player = Player(after(10, used(900, 100)), used(1, 1))
    run_virtual(asked(tokens(player, 200), "", "", ""))
    assert [0.0, 70.6, 70.6] == starts(player)


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        (used(None, None), 200 - OVERHEAD - 10), (used(7, None), 200 - 7 - 10), (used(None, 3), 200 - OVERHEAD - 3),
        (used(-5, -5), 200), (Reply("x"), 200 - OVERHEAD - 10), (NotAllowed("no"), 200), (RateLimited("429"), 200),
        (Permanent("x"), 200 - OVERHEAD - 10),
    ],
)  # fmt: skip
def test_what_is_known_of_tokens_counts(ended: Act, left: int) -> None:
    """What the answer says; what it does not say as estimated; nothing where nothing was taken (case $10)."""
    scene = tokens(Player(ended), 200, most=10)
    run_virtual(asked(scene, ""))
    largest = next(n for n in range(200, -1, -1) if probe(scene, n))
    assert left == largest


@pytest.mark.parametrize(("ended", "left"), [(used(7, None), 200 - 7), (used(7, 5), 200 - 12), (used(0, 0), 200)])
def test_l5_of_an_answer_of_any_length_what_it_says_counts(ended: Reply, left: int) -> None:
    """L5: nothing bounds the answer, so nothing is counted of it until it is said."""
    scene = Scene({"main": Player(ended)}, (), STRING, limits={"main": Limit(tokens=per(200, 60))},
                  settings={"model": "m"}, action="ask")  # fmt: skip
    run_virtual(asked(scene, ""))
    assert left == next(n for n in range(200, -1, -1) if probe(scene, n))


def probe(scene: Scene, amount: int) -> bool:
    """Whether so many tokens would be let through now."""
    admission, now = scene.turnstile("main").admission, Moment(0.0, 0.0)
    ticket = Ticket(0, amount)
    if admission.ask(ticket, now):
        admission.give_back(ticket)
        return True
    admission.leave(ticket)
    return False


def test_l6_what_never_fits_fails_at_once() -> None:
    """L6: a request larger than the whole window is refused, is not sent, and is not tried again."""
    player = Player(Reply("x"))
    (played,) = run_virtual(asked(tokens(player, 100, policies=(Retry(3),)), "x" * 21))
    message = "the request may take 101 tokens, and the limit of main allows 100 tokens per minute; nothing was sent"
    assert ("resource.too_large", message, 0.0, []) == (
        played.failure.error, played.failure.message, played.seconds, player.requests,
    )  # fmt: skip


# --- what the upstream says ---------------------------------------------------------------------------------------


def told(requests: Left | None = None, tokens: Left | None = None) -> Reply:
    """An answer that says what is left."""
    return Reply("x", None, Quota(requests, tokens))


def test_l7_what_is_left_lowers_the_limit() -> None:
    """L7: the upstream says that one more may be asked for within 30 s, and only one is."""
    player = Player(told(Left(1, s(30))), "x")
    played = run_virtual(one_by_one(limited(per(60, 60), player=player), 4))
    assert [0.0, 0.0, 30.0, 30.0] == starts(player)
    assert [("the upstream asks for it", 30.0), (30.000002,)] == said(played[2])


def test_l7_what_is_left_never_raises_the_limit() -> None:
    """L7: a generous upstream changes nothing."""
    player = Player(told(Left(10_000, s(1)), Left(10**9, s(1))))
    run_virtual(one_by_one(limited(per(2, 60), player=player), 3))
    assert [0.0, 0.0, 60.6] == starts(player)


def test_l7_what_started_meanwhile_is_taken_off() -> None:
    """L7: of the three that are left, two may have been seen by the upstream after it counted."""
    player = Player(after(1, told(Left(3, s(30)))), after(2, "x"))

    async def overlapping() -> None:
        scene = limited(per(60, 60), player=player)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(scene.play())
            await CLOCK.sleep(s(1.5))
            for _ in range(2):
                group.create_task(scene.play())

    run_virtual(overlapping())
    assert [0.0, 0.0, 0.0, 1.5, 31.0] == starts(player)


def test_l7_a_late_answer_says_nothing_new() -> None:
    """L7: the answer to an older request does not undo what a newer one said."""
    player = Player(after(5, told(Left(50, s(60)))), told(Left(0, s(20))), "x")

    async def crossing() -> None:
        scene = limited(per(60, 60), player=player)
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.play())
            await CLOCK.sleep(s(1))
            await scene.play()
            await CLOCK.sleep(s(5))
            await scene.play()

    run_virtual(crossing())
    assert [0.0, 1.0, 21.0] == starts(player)


def test_l7_tokens_that_are_left_lower_the_limit() -> None:
    """L7: 99 tokens are left for ten seconds, and the next question may take 100."""
    player = Player(told(None, Left(99, s(10))), "x")
    run_virtual(asked(tokens(player, 1000), "", "x" * 20))
    assert [0.0, 10.0] == starts(player)


def test_l7_tokens_that_are_left_are_used_up() -> None:
    """L7: of 250 tokens that are left, two questions of 100 take all but 50, though nothing more is said."""
    player = Player(told(None, Left(250, s(30))), "x")
    run_virtual(asked(tokens(player, 1000), "", *["x" * 20] * 3))
    assert [0.0, 0.0, 0.0, 30.0] == starts(player)


async def one_by_one(scene: Scene, count: int) -> list[Played]:
    """So many calls in a row."""
    return [await scene.play() for _ in range(count)]


def test_who_was_turned_away_comes_back_as_fast_as_it_was_answered() -> None:
    """R10: of six under way one is turned away, and the five that are answered later say that five can begin."""
    away = RateLimited("429", status=429, retry_after=s(5))
    player = Player(after(1, away), *[after(2, "x")] * 5, after(1, "y"))
    scene = limited(player=player, concurrent=6)
    run_virtual(together(scene, 14))
    assert [0.0] * 6 + [6.0] * 5 == starts(player)[:11]
    assert all(at > 6.0 for at in starts(player)[11:])


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
def test_r10_a_429_pauses_all_calls_of_the_upstream(kind: type[CallError]) -> None:
    """R10: nobody starts before the time that the upstream named, and then one alone, since it took no more than one
    before; whoever was under way goes on."""
    player = Player(after(1, kind("slow down", status=429, retry_after=s(20))), after(3, "x"))

    async def many() -> list[Played]:
        scene = limited(player=player, concurrent=2)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(4)]
        return [task.result() for task in tasks]

    played = run_virtual(many())
    assert [0.0, 0.0, 21.0, 24.0] == starts(player)
    assert isinstance(played[0].outcome, Failure)
    assert isinstance(played[1].outcome, Answer)


def test_r10_the_retry_waits_at_the_door_too() -> None:
    """R10: a later, longer word of the upstream holds a retry back that would have come earlier."""
    busy = RateLimited("429", status=429, retry_after=s(5))
    busier = RateLimited("429", status=429, retry_after=s(30))
    player = Player(after(1, busy), after(2, busier), "x")
    scene = limited(per(100, 60), player=player, policies=(Retry(2, jitter="none"),))
    run_virtual(together(scene, 2))
    assert [0.0, 0.0, 32.0] == [round(at, 3) for at in player.at[:3]]
    assert min(player.at[2:]) >= 32.0


# --- the other ways out -------------------------------------------------------------------------------------------


def test_l8_whatever_ends_an_attempt_gives_its_place_back() -> None:
    """L8: success, failure, timeout, cancel, and an agent that breaks: all places are free again."""
    acts: list[Act] = ["x", Permanent("no"), ValueError("broken"), after(9), KeyError("k")]
    player = Player(*acts)
    scene = Scene({"main": player}, (Timeout(attempt=s(4)),), slots={"main": 2})

    async def all_ways() -> int:
        played = await together(scene, 5)
        cancelled = asyncio.get_running_loop().create_task(scene.play())
        await CLOCK.sleep(s(0))
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert 5 == len(played)
        return scene.turnstile("main").admission.under_way

    assert 0 == run_virtual(all_ways())


def test_l9_a_clock_that_goes_back_neither_refills_nor_blocks() -> None:
    """L9: put back by a year, it gives nothing new, and the next start is one window away at most."""
    for back in (1.0, 3600.0, 31_536_000.0):
        admission = Admission("a", Limit((per(2, 60),)), None)
        for at in (1e8, 1e8 + 30):
            ticket = Ticket(0, 0)
            assert admission.ask(ticket, Moment(at, at))
            admission.begin(ticket, Moment(at, at))
        now = 1e8 + 30 - back
        assert not admission.ask(Ticket(0, 0), Moment(now, now))
        due = admission.due(Moment(now, now))
        assert due is not None
        assert 30.6 == pytest.approx(due, abs=1e-3)
        assert None is admission.next(Moment(now + due - 0.1, now))
        assert None is not admission.next(Moment(now + due + 0.1, now))


def test_l11_the_queue_is_bounded() -> None:
    """L11: whoever comes when 10,000 wait is turned away with a message that says so, and is not tried again."""
    scene = Scene({"main": Player(forever_)}, (Retry(3),), slots={"main": 1})

    async def crowd() -> Played:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(scene.play()) for _ in range(MOST_WAITING + 1)]
        await CLOCK.sleep(s(0))
        late = await scene.play()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return late

    failure = run_virtual(crowd()).failure
    assert ("resource.queue", "10,000 calls wait for main already; nothing was sent") == (
        failure.error,
        failure.message,
    )
    assert 0 == scene.turnstile("main").admission.waiting


async def forever_(_: Request) -> object:
    """Does not answer."""
    return await forever()


def test_t2_the_total_time_bounds_the_wait() -> None:
    """T2: a call whose time is over in the queue leaves it, and says what it waited for; nothing is in doubt."""
    player = Player("x")
    scene = limited(per(1, 60), player=player, policies=(Timeout(s(9)),))

    async def two() -> Played:
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.limits_held("main", s(30)))  # it may turn out that nothing was sent
            call = group.create_task(scene.play())
        return call.result()

    played = run_virtual(two())
    assert ("timeout.total", "main was not asked within the total time: 1 per minute", 9.0) == (
        played.failure.error, played.failure.message, played.seconds,
    )  # fmt: skip
    assert (False, 0) == (played.failure.in_doubt, len(player.requests))


def test_t2_who_cannot_have_its_turn_in_time_does_not_wait() -> None:
    """T2, R9: the failure is that of a time that is over, and comes at once; nothing is sent, and no wait is told."""
    player = Player("x")
    scene = limited(per(1, 60), player=player, policies=(Timeout(s(9)),))

    async def two() -> Played:
        await scene.play()
        return await scene.play()

    played = run_virtual(two())
    why = "main is not asked: it would wait 60.6 s or more (1 per minute), and 9 s of its time are left"
    assert ("timeout.total", why, 0.0, []) == (
        played.failure.error, played.failure.message, played.seconds, played.events,
    )  # fmt: skip
    assert (False, 1) == (played.failure.in_doubt, len(player.requests))


def test_t11_the_time_of_what_stands_around_it_is_known_too() -> None:
    """T11, R9: where the flow ends before a turn can come the fallback is asked while there is time."""
    agents = {"main": Player("x"), "spare": Player(after(2, "spare"))}
    scene = Scene(agents, (Fallback(("spare",)), Timeout(s(90))), STRING, limits={"main": Limit((per(1, 60),))})

    async def two() -> Played:
        await scene.play()
        return await scene.play(deadline=CLOCK.monotonic() + 9)

    played = run_virtual(two())
    assert ("spare", 2.0) == (played.value, played.seconds)


def test_t2_a_turn_within_the_total_time_is_used() -> None:
    """T2: who has its turn after 4 of 9 s has 5 s left for the attempt."""
    scene = Scene({"main": Player(after(6))}, (Timeout(s(9)),), slots={"main": 1})

    async def queued() -> tuple[float, list[float]]:
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.limits_held("main", s(4)))
            call = group.create_task(scene.play())
        return call.result().seconds, [attempt.seconds for attempt in call.result().failure.attempts]

    assert (9.0, [5.0]) == run_virtual(queued())


@pytest.mark.parametrize("limit", [Limit(concurrent=1), Limit((per(1, 60),)), Limit(tokens=per(100, 60))])
def test_x3_a_cancel_in_the_queue_is_a_cancel(limit: Limit) -> None:
    """X3: who is told to stop while it waits, for a place, a rate or tokens, ends at once and without a failure."""
    settings: dict[str, SettingValue] = {"model": "m"}
    scene = Scene({"main": Player(after(9, "x"))}, (), STRING, limits={"main": limit}, settings=settings, action="ask")

    async def cancelled() -> tuple[bool, float, int]:
        loop = asyncio.get_running_loop()
        first, second = (loop.create_task(scene.play(args={"prompt": ""})) for _ in range(2))
        loop.call_later(3, second.cancel)
        await asyncio.wait([second])
        ended = CLOCK.monotonic()
        await first
        return second.cancelled(), ended, scene.turnstile("main").admission.waiting

    assert (True, 3.0, 0) == run_virtual(cancelled())


def test_t1_the_attempts_time_begins_with_its_turn() -> None:
    """T1: an attempt of 4 s that waited for a minute has 4 s."""
    player = Player("x", after(3.9, "y"))
    scene = limited(per(1, 60), player=player, policies=(Timeout(attempt=s(4)),))
    assert ["x", "y"] == [one.value for one in run_virtual(one_by_one(scene, 2))]


def test_who_waits_for_a_rate_is_woken_when_the_breaker_opens() -> None:
    """Whoever waits for its turn when the breaker opens is turned away at once, and leaves nothing behind."""
    player = Player(after(5, ServerError("down", status=500)))
    limits, breakers = {"main": Limit((per(1, 60),))}, {"main": Breaker(failures=1)}
    scene = Scene({"main": player}, limits=limits, breakers=breakers)
    played = run_virtual(together(scene, 4))
    assert [5.0] * 4 == [one.seconds for one in played]
    assert ["resource.breaker"] * 3 == [one.failure.error for one in played[1:]]
    assert (0, 0) == (scene.turnstile("main").admission.waiting, scene.turnstile("main").admission.under_way)


def test_a_start_that_the_breaker_keeps_from_being_sent_counts_no_more() -> None:
    """A turn that ends at the breaker's door is nobody's: the rate has it back."""
    scene = limited(per(2, 60), player=Player("x"), burst=2)
    admission, now = scene.turnstile("main").admission, Moment(0.0, 0.0)
    for _ in range(5):
        ticket = Ticket(0, 0)
        assert admission.ask(ticket, now)
        admission.begin(ticket, now)
        admission.end(ticket, now, Ended(0, is_sent=False))


def test_a_fallback_has_a_turnstile_of_its_own() -> None:
    """F4: whoever is turned away here is asked there."""
    agents = {"main": Player("x"), "spare": Player("y")}
    scene = Scene(agents, (Fallback(("spare",)), Timeout(s(5))), limits={"main": Limit((per(1, 60),))})
    assert ["x", "y"] == [one.value for one in run_virtual(one_by_one(scene, 2))]


def test_runs_of_one_process_share_a_turnstile() -> None:
    """B11: two stacks over one `Shared` count together; with shared states of their own they do not."""
    one, two = Player("x"), Player("x")
    limits = {"main": Limit((per(1, 60),))}
    first = Scene({"main": one}, limits=limits)
    second = Scene({"main": two}, limits=limits, shared=first.shared)
    third = Scene({"main": Player("x")}, limits=limits)

    async def all_three() -> list[float]:
        return [(await scene.play()).seconds for scene in (first, second, third)]

    assert [0.0, 60.6, 0.0] == [round(at, 3) for at in run_virtual(all_three())]


def test_a_limit_holds_from_one_loop_to_the_next() -> None:
    """A program that runs again in a loop of its own, whose clock begins at 0, waits for what the first run began."""
    scene = limited(per(2, 60), player=Player("x"))
    assert [0.0, 0.0] == [one.seconds for one in run_virtual(together(scene, 2))]
    assert [60.6, 60.6, 121.2] == [one.seconds for one in run_virtual(together(scene, 3))]


# --- days ---------------------------------------------------------------------------------------------------------


def moment(zone: ZoneInfo, *when: int) -> Moment:
    """A moment that people call so there."""
    at = datetime(*when, tzinfo=zone).astimezone(UTC).timestamp()  # type: ignore[misc,arg-type]
    return Moment(at, at)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", (2026, 3, 29), 23), ("Europe/Paris", (2026, 10, 25), 25), ("Europe/Paris", (2026, 6, 1), 24),
        ("America/Santiago", (2026, 9, 6), 23), ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
        ("UTC", (2026, 3, 29), 24),
    ],
)  # fmt: skip
def test_l10_a_day_is_as_long_as_its_zone_says(zone: str, day: tuple[int, int, int], hours: float) -> None:
    """L10: 23 hours when the clocks go forward, 25 when they go back, also where midnight itself is left out."""
    there = ZoneInfo(zone)
    window = Daily(1, there)
    begun = moment(there, *day)
    window.count(1, begun)
    wait = window.wait(1, begun)
    assert wait is not None
    assert hours * 3600 == pytest.approx(wait)
    for late, free in ((-1.0, False), (1.0, True)):
        assert free == (window.wait(1, Moment(begun.seconds + wait + late, begun.wall + wait + late)) == 0.0)


def test_l10_a_limit_per_day_waits_for_midnight_in_its_zone() -> None:
    """L10: at 1970-01-01T00:00Z it is one o'clock in Paris; the third call of that day waits for 23 hours."""
    player = Player("x")
    played = run_virtual(one_by_one(limited(PerTime(2, DAY), player=player, zone="Europe/Paris"), 3))
    assert [0.0, 0.0, 23 * 3600.0] == [round(at) for at in player.at]
    assert [("2 per day", 82_800.0)] == said(played[2])[:1]


def test_l9_a_day_that_comes_twice_is_one() -> None:
    """L9: people's clock put back by two days gives nothing new, and 25 hours later a day is over in any case."""
    window = Daily(1)
    window.count(1, Moment(0.0, 1e9))
    assert 25 * 3600.0 == pytest.approx(window.wait(1, Moment(0.0, 1e9 - 2 * 86_400)), abs=1)
    assert 0.0 == window.wait(1, Moment(25 * 3600.1, 1e9 - 86_400))


def test_a_turn_that_came_in_time_leaves_no_timer() -> None:
    """A wait that ended before its total time does not keep its alarm: one timer stays, which all time limits share."""
    scene = Scene({"main": Player(after(1))}, (Timeout(s(86_400)),), slots={"main": 1})

    async def three() -> int:
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(scene.play())
        return len(timers(asyncio.get_running_loop()))

    assert run_virtual(three()) <= 1
