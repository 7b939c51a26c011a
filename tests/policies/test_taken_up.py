"""A call whose process ended in the middle: attempts and time go on from where they were."""

from leadflow.events.model import AttemptFailure
from leadflow.plan.policy import Fallback, Policy, Retry, Timeout
from leadflow.run.errors import ConnectFailed
from leadflow.run.ports import Answer, CallOrder, Earlier
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Played, Player, Scene, after, s

DOWN = ConnectFailed("nobody is there")
SLIP = AttemptFailure(1, "a", "network.connect", "no route", 0.5)


def taken_up(agent: Player, policies: list[Policy], earlier: Earlier, *, b: Player | None = None) -> Played:
    """Make a call that another process began."""
    scene = Scene({"a": agent} if b is None else {"a": agent, "b": b}, policies)
    played = Played()
    order = CallOrder("main/a", {}, None, "run-1", None, played.events.append, earlier=earlier)

    async def main() -> None:
        begun = CLOCK.monotonic()
        played.outcome = await scene.call(order)
        played.seconds = round(CLOCK.monotonic() - begun, 6)

    run_virtual(main())
    return played


def test_attempts_count_on() -> None:
    """Case R22: a call killed after attempt 2 of 3 has one attempt left, which is told as the third."""
    agent = Player(DOWN)
    played = taken_up(agent, [Retry(3, backoff=s(1), jitter="none")], Earlier(2, (SLIP,), None, 0.0))
    assert ([3], [(3, "a")]) == ([request.attempt for request in agent.requests], played.attempts)
    assert [1, 3] == [one.attempt for one in played.failure.attempts]


def test_the_attempt_that_was_lost_may_be_the_last() -> None:
    """Case D2: what was under way is called again even when it was the last attempt."""
    agent = Player("well")
    played = taken_up(agent, [Retry(2, backoff=s(1))], Earlier(2, (SLIP,), None, 0.0))
    assert isinstance(played.outcome, Answer)
    assert 1 == len(agent.requests)


def test_a_call_without_policies_is_told_as_a_further_attempt() -> None:
    """Case D3: that a call is made again stands in the log, whatever stands around it."""
    played = taken_up(Player("well"), [], Earlier(1, (), None, 0.0))
    assert [(2, "a")] == played.attempts


def test_r15_what_succeeds_at_once_gives_nothing_back_for_attempts_of_another_process() -> None:
    """Cases R14, R15: these were counted there. A success earns a tenth, so ten of them one further attempt."""
    scene = Scene({"a": Player("well")}, [Retry(3, backoff=s(1))])
    budget = scene.shared.upstream("a", "a").retries
    while budget.take():
        pass
    order = CallOrder("main/a", {}, None, "run-1", None, lambda _: None, earlier=Earlier(1, (), None, 0.0))

    async def main() -> list[int]:
        left = list[int]()
        for _ in range(10):
            assert isinstance(await scene.call(order), Answer)
            left.append(budget.left)
        return left

    assert [0] * 9 + [1] == run_virtual(main())


def test_two_attempts_beside_each_other_are_one() -> None:
    """Case R22: a call killed in the first pair of `@hedge` has two of three attempts left."""
    agent = Player(DOWN)
    played = taken_up(agent, [Retry(3, backoff=s(1), jitter="none")], Earlier(2, (SLIP,), None, 0.0, beside=1))
    assert [(3, "a"), (4, "a")] == played.attempts


def test_a_pause_goes_on() -> None:
    """Case R10: what is left of it is waited for before the next attempt, and not before that of another agent."""
    first, second = Player(DOWN), Player("well")
    policies: list[Policy] = [Fallback(("b",)), Retry(2, backoff=s(1), jitter="none")]
    taken_up(first, policies, Earlier(1, (SLIP,), None, 0.0, pause=60.0), b=second)
    assert ([60.0], [60.0]) == (first.at, second.at)


def test_the_total_time_runs_on() -> None:
    """Case T12: of ten seconds of which six have passed four are left."""
    played = taken_up(Player(after(60)), [Timeout(total=s(10))], Earlier(1, (), None, 6.0))
    assert ("timeout.total", 4.0) == (played.failure.error, played.seconds)


def test_an_attempt_that_asks_a_person_runs_on() -> None:
    """Case T12: of the ten seconds of the attempt that asked six had passed before the process ended; another attempt,
    or that of an agent that asked nobody, has all ten."""
    bounds: list[Policy] = [Timeout(attempt=s(10)), Retry(3, backoff=s(1), jitter="none")]
    played = taken_up(Player(after(60)), bounds, Earlier(1, (), None, 6.0, asks="a", asked=6.0))
    assert [4.0 + 6.0, 10.0] == [attempt.seconds for attempt in played.failure.attempts]
    assert ("timeout.attempt", 4.0 + 2.0 + 10.0) == (played.failure.error, played.seconds)
    played = taken_up(Player(after(60)), bounds, Earlier(1, (), None, 6.0, asks="b", asked=6.0))
    assert ("timeout.attempt", 10.0 + 2.0 + 10.0) == (played.failure.error, played.seconds)


def test_a_fallback_begins_anew() -> None:
    """Case F4: what the first agent has used up is not counted against the next one."""
    first, second = Player(DOWN), Player(DOWN)
    taken_up(first, [Fallback(("b",)), Retry(2, backoff=s(1), jitter="none")], Earlier(2, (), None, 0.0), b=second)
    assert (1, 2) == (len(first.requests), len(second.requests))


def test_a_fallback_that_was_under_way_goes_on() -> None:
    """Cases D2, R22: the agent that failed before is not asked again, which could do what the other one did, too. Of
    the other one's attempts the lost one counts, and its time runs on."""
    first, second = Player("well"), Player(DOWN)
    earlier = Earlier(4, (SLIP, SLIP), "b", 9.0, own=(2, 4.0))
    policies: list[Policy] = [Fallback(("b",)), Retry(3, backoff=s(1), jitter="none")]
    played = taken_up(first, policies, earlier, b=second)
    assert (0, [(5, "b")]) == (len(first.requests), played.attempts)
    assert "network.connect" == played.failure.error
    played = taken_up(first, [Fallback(("b",)), Timeout(total=s(10))], earlier, b=Player(after(60)))
    assert ("timeout.total", 6.0) == (played.failure.error, played.seconds)
