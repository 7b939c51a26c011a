"""The controller of an upstream, exactly: what it tells, where its limits lie, what the upstream's quota takes off."""

import asyncio
from datetime import timedelta

import pytest

from leadflow.plan.policy import Limit, PerTime
from leadflow.policies import admission as room
from leadflow.policies.admission import ASKED, Admission, Ended, Ticket, Why
from leadflow.policies.windows import SAME, Caution, Moment, Pace, Rolling
from leadflow.run.errors import QueueFull
from leadflow.run.ports import Reply
from leadflow.run.quota import Left, Quota
from leadflow.testing import run_virtual
from tests.policies.playing import Player, Scene, after, s


def at(seconds: float) -> Moment:
    """A moment."""
    return Moment(seconds, seconds)


def controller(
    *rates: tuple[int, float], tokens: int | None = None, burst: int | None = None, places: int | None = None
) -> Admission:
    """So many calls in so many seconds, so many tokens a minute."""
    limit = Limit(
        tuple(PerTime(amount, s(seconds)) for amount, seconds in rates),
        None if tokens is None else PerTime(tokens, s(60)),
        None,
        burst,
    )
    return Admission("fast", limit, places)


def begun(one: Admission, now: float, tokens: int = 0) -> Ticket:
    """A call that has begun."""
    ticket = Ticket(0, tokens)
    assert one.ask(ticket, at(now))
    one.begin(ticket, at(now))
    return ticket


def waiting(one: Admission, now: float, tokens: int = 0, priority: int = 0) -> Ticket:
    """A call that has to wait."""
    ticket = Ticket(priority, tokens)
    assert not one.ask(ticket, at(now))
    return ticket


def told(one: Admission, ticket: Ticket, now: float, **quota: tuple[int, float]) -> None:
    """It has ended, and the upstream says what is left of its own quota."""
    left = {name: Left(amount, timedelta(seconds=reset)) for name, (amount, reset) in quota.items()}
    one.end(ticket, at(now), Ended(None, is_answered=True, quota=Quota(**left)))


def test_l11_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case L11: the last place of the line can be taken, and who comes then is told how many wait."""
    monkeypatch.setattr(room, "MOST_WAITING", 2)
    one = controller((1, 10.0))
    begun(one, 0)
    for _ in range(2):
        waiting(one, 0)
    with pytest.raises(QueueFull, match="2 calls wait for fast already; nothing was sent"):
        one.ask(Ticket(0, 0), at(0))


def test_what_takes_longest_is_told() -> None:
    """Of several limits the one that holds it up longest; what time decides goes before what others decide."""
    one = controller((1, 10.0), (1, 20.0), (1, 15.0))
    begun(one, 0)
    why = one.why(waiting(one, 0), at(0), ahead=0)
    assert "1 per 20s" == why.what
    assert pytest.approx(20.2) == why.seconds
    same = controller((1, 10.0), (1, 10.0))
    begun(same, 0)
    assert "1 per 10s" == same.why(waiting(same, 0), at(0), ahead=0).what
    both = controller((1, 60.0), tokens=10)
    begun(both, 0, 10)
    assert "tokens per minute" == both.why(waiting(both, 0, 10), at(0), ahead=0).what
    full = controller((1, 10.0), places=1)
    begun(full, 0)
    assert "1 per 10s" == full.why(waiting(full, 0), at(0), ahead=0).what


def test_a_pause_goes_before_a_place_that_is_promised() -> None:
    """The upstream asked for five seconds, and somebody else has its turn and has not begun: the five seconds count."""
    one = controller((1, 1.0))
    first = begun(one, 0)
    assert one.ask(Ticket(0, 0), at(1.5))
    one.end(first, at(2), Ended(None, pause=s(5)))
    why = one.why(waiting(one, 2), at(2), ahead=0)
    assert ASKED == why.what
    assert pytest.approx(5.0, abs=0.001) == why.seconds


def test_l7_the_last_of_the_upstreams_quota_may_be_used() -> None:
    """Case L7: of two requests that are left two begin, and then nobody until it is reset: never early."""
    one = controller((100, 1.0))
    told(one, begun(one, 0), 0, requests=(2, 60.0))
    begun(one, 1)
    begun(one, 1)
    waiting(one, 1)
    due = one.due(at(1))
    assert due is not None
    assert 59.0 <= due < 59.001


def test_l7_what_was_granted_since_is_taken_off() -> None:
    """Case L7: an answer to an older request does not know of the tokens of a newer one."""
    one = controller(tokens=1_000)
    first, _ = begun(one, 0, 10), begun(one, 0, 20)
    told(one, first, 0, tokens=(100, 30.0))
    waiting(one, 0, 81)
    due = one.due(at(0))
    assert due is not None
    assert 30.0 <= due < 30.001
    other = controller(tokens=1_000)
    first, _ = begun(other, 0, 10), begun(other, 0, 20)
    told(other, first, 0, tokens=(100, 30.0))
    begun(other, 0, 80)


def test_l7_one_token_that_is_left_is_enough_for_what_takes_none() -> None:
    """Case L7: a call of which nobody knows what it takes begins as long as anything is left."""
    one = controller((100, 1.0))
    told(one, begun(one, 0), 0, tokens=(1, 60.0))
    begun(one, 1)
    none = controller((100, 1.0))
    told(none, begun(none, 0), 0, tokens=(0, 60.0))
    waiting(none, 1)


def test_after_a_429_a_turn_that_is_given_back_is_free() -> None:
    """Case L8: while one may try at a time, who does not begin makes room for the next."""
    one = controller((100, 1.0))
    one.end(begun(one, 0), at(0), Ended(None, pause=s(1)))
    first = Ticket(0, 0)
    assert one.ask(first, at(2))
    second = waiting(one, 2)
    assert one.next(at(2)) is None
    one.give_back(first)
    assert second is one.next(at(2))


def test_a_start_that_was_not_sent_is_taken_off_once() -> None:
    """Of many that began together one was kept from being sent: one more may begin, and not two."""
    one = controller((2_000, 60.0))
    tickets = [begun(one, 0) for _ in range(2_000)]
    one.end(tickets[0], at(0), Ended(0, is_sent=False))
    begun(one, 0)
    waiting(one, 0)


def test_behind_a_burst_the_fastest_rate_sets_the_pace() -> None:
    """Ten a second beside sixty a minute: a tenth of a second after a burst, not a whole one."""
    one = controller((10, 1.0), (60, 60.0), burst=2)
    begun(one, 0)
    begun(one, 0)
    waiting(one, 0)
    assert 0.101 == pytest.approx(one.due(at(0)))


def test_behind_a_burst_a_loop_that_calls_a_hair_too_early_is_in_time() -> None:
    """Less than a millionth of a second is no wait, and the time that has passed since is none that is owed."""
    pace = Pace(1, 2.0)
    pace.count(at(0))
    assert [1.0, 0.0, 0.0, 0.0] == [pace.wait(at(now)) for now in (1.0, 2.0 - SAME / 2, 2.0, 9.0)]


def test_l4_turns_are_counted_while_somebody_is_passed() -> None:
    """Case L4: grants before anybody of a lower priority came do not count for the turn of that one."""
    one = controller(places=1)
    under_way = begun(one, 0)
    for _ in range(12):
        waiting(one, 0, priority=5)
        one.end(under_way, at(0), Ended(None))
        under_way = one.next(at(0)) or under_way
        one.begin(under_way, at(0))
    low, high = waiting(one, 0, priority=0), waiting(one, 0, priority=5)
    one.end(under_way, at(0), Ended(None))
    assert (high, False) == (one.next(at(0)), low is high)


def test_why_it_may_begin() -> None:
    """What nothing holds up waits for its turn only."""
    one = controller((2, 10.0))
    begun(one, 0)
    assert Why("its turn", None) == one.why(Ticket(0, 0), at(0), ahead=0)


def test_l7_what_asks_no_model_takes_no_tokens() -> None:
    """Case L7: an agent of which nobody counts tokens takes none of those that its upstream says are left."""
    told_so = Quota(tokens=Left(2, timedelta(seconds=60)))
    player = Player(Reply(1, quota=told_so), after(9, Reply(1)))
    scene = Scene({"main": player}, limits={"main": Limit((PerTime(100, s(1)),))})

    async def run() -> list[float]:
        await scene.play()
        played = await asyncio.gather(*(scene.play() for _ in range(4)))
        return [one.seconds for one in played]

    assert [9.0] * 4 == run_virtual(run())


def test_l4_the_tenth_grant_is_for_who_waited_longest() -> None:
    """Case L4: nine of the higher priority, then the one that has been passed by, whoever waits beside it."""
    one = controller(places=1)
    under_way = begun(one, 0)
    low = waiting(one, 0, priority=0)
    order = list[str]()
    for _ in range(12):
        waiting(one, 0, priority=5)
        one.end(under_way, at(0), Ended(None))
        following = one.next(at(0))
        assert following is not None
        order.append("low" if following is low else "high")
        under_way = following
        one.begin(under_way, at(0))
    assert ["high"] * 9 + ["low"] + ["high"] * 2 == order


def test_each_answer_after_a_429_makes_room_for_one_more() -> None:
    """Case L8: of an upstream that took none before it turned one away, one may try; when it is answered, two; and so
    on."""
    caution = Caution()
    caution.grant()
    caution.turned_away(1, 1)
    caution.end(1, is_answered=False)
    room_for, grant = list[int](), 1
    for _ in range(3):
        begun_now = 0
        while caution.allows():
            caution.grant()
            begun_now += 1
        room_for.append(begun_now)
        for _ in range(begun_now):
            grant += 1
            caution.end(grant, is_answered=True)
    assert [1, 2, 4] == room_for


def test_who_will_be_turned_away_as_well_says_nothing_more() -> None:
    """Of four that were granted two were answered and two turned away: two may begin at once, and not none."""
    caution = Caution()
    for _ in range(4):
        caution.grant()
    for grant in (1, 2):
        caution.end(grant, is_answered=True)
    for grant in (3, 4):
        caution.turned_away(grant, 4)
        caution.end(grant, is_answered=False)
    begin = 0
    while caution.allows():
        caution.grant()
        begin += 1
    assert 2 == begin


def test_what_begins_a_grain_apart_is_counted_together() -> None:
    """A log of thousands takes together what lies close: up to a part of its length, and no more."""
    window = Rolling(2_048, 1_024.0)
    first = window.count(1, at(0))
    assert first is window.count(1, at(1.0))
    assert first is not window.count(1, at(1.5))


def test_what_is_reported_after_its_window_has_passed_takes_nothing_off() -> None:
    """Fewer tokens than were counted, told too late: what began since then counts in full."""
    window = Rolling(10, 60.0)
    counted = window.count(8, at(0))
    assert 0 == window.used(at(70))
    window.count(4, at(70))
    window.correct(counted, -5, at(70))
    assert 4 == window.used(at(70))
