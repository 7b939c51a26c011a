"""`@retry`: what is tried again, when, and what is told. The cases R of SPEC.md."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import AttemptFailed, Event
from leadflow.plan.backoff import MOST_UPWARD
from leadflow.plan.policy import Retry, Timeout
from leadflow.plan.reactions import REPAIRS
from leadflow.plan.types import INT
from leadflow.run.errors import (
    AttemptTimeout,
    CallError,
    ConnectFailed,
    ConnectionLost,
    FunctionFailed,
    Overloaded,
    Permanent,
    RateLimited,
    Rejected,
    ServerError,
    StreamTruncated,
    Transient,
)
from leadflow.testing import run_virtual
from tests.policies.playing import Player, Scene, after, s

LOST = ConnectionLost("it broke")
PLAIN = Retry(3, s(1), 2.0, s(60), "none")


def retrying(player: Player, policy: Retry = PLAIN, *, idempotent: bool = True, total: float | None = None) -> Scene:
    """A call under `@retry`, and a total time."""
    policies = (policy,) if total is None else (policy, Timeout(s(total)))
    return Scene({"main": player}, policies, idempotent=idempotent)


def test_r1_attempts_are_counted_from_the_first() -> None:
    """R1: `attempts: 3` means 3 requests in total."""
    player = Player(LOST)
    played = retrying(player).run()
    assert 3 == len(player.requests) == len(played.failure.attempts)
    assert [(2, "main"), (3, "main")] == played.attempts


def test_a_call_that_succeeds_says_nothing() -> None:
    """No event but those of the kernel; no time, one request."""
    player = Player(5)
    played = retrying(player).run()
    assert (5, [], 0.0, 1) == (played.value, played.events, played.seconds, len(player.requests))


def test_r2_what_may_have_been_done_is_not_repeated() -> None:
    """R2: a call that is not idempotent and has no key is not sent again; it is in doubt."""
    player = Player(LOST)
    failure = retrying(player, idempotent=False).run().failure
    assert 1 == len(player.requests)
    assert failure.in_doubt
    assert "it broke; nobody knows whether it was done" == failure.message


def test_r2_what_was_refused_is_not_in_doubt() -> None:
    """R2: when the upstream says that it did not act, the call may be repeated."""
    player = Player(Overloaded("full"), ServerError("locked", status=409), RateLimited("slow down"), 1)
    assert 1 == retrying(player, Retry(4, jitter="none"), idempotent=False).run().value
    once = Player(ServerError("broken", status=500))
    assert not retrying(once, idempotent=False).run().failure.in_doubt
    assert 1 == len(once.requests)


def test_r3_every_attempt_has_the_same_key() -> None:
    """R3: a key makes a call repeatable, and is the same each time."""
    player = Player(LOST, LOST, 1)
    assert 1 == retrying(player, idempotent=False).run(key="k-1").value
    assert ["k-1"] * 3 == [request.key for request in player.requests]
    assert [1, 2, 3] == [request.attempt for request in player.requests]


def test_r4_nothing_sent_may_always_be_repeated() -> None:
    """R4: a failed connect is retried whatever the call is."""
    player = Player(ConnectFailed("refused", sent=False), 1)
    assert 1 == retrying(player, idempotent=False).run().value


def test_r6_no_sleep_after_the_last_attempt() -> None:
    """R6: two waits between three attempts, none behind them."""
    player = Player(LOST)
    played = retrying(player).run()
    assert [0.0, 1.0, 3.0] == player.at
    assert (3.0, [1.0, 2.0]) == (played.seconds, played.delays)


def test_r8_two_runs_differ_and_one_seed_repeats() -> None:
    """R8: jitter is drawn per attempt from the seed of the run."""

    def delays(seed: int) -> list[float | None]:
        return Scene({"main": Player(LOST)}, (Retry(5),), seed=seed).run().delays

    assert delays(1) == delays(1) != delays(2)
    assert 4 == len(set(delays(1)))


def test_r9_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    """R9: the last error is returned at once, and says so."""
    player = Player(LOST)
    played = retrying(player, Retry(9, s(4), 1.0, jitter="none"), total=10).run()
    assert (8.0, [0.0, 4.0, 8.0]) == (played.seconds, player.at)
    assert "network.lost" == played.failure.error
    assert "it broke; no time is left for another attempt: 2 s" == played.failure.message


def test_r9_an_attempt_at_the_very_end_is_not_begun_either() -> None:
    """R9: a wait that ends exactly at the deadline leaves no time for an attempt."""
    player = Player(LOST)
    played = retrying(player, Retry(9, s(5), 1.0, jitter="none"), total=10).run()
    assert (5.0, 2) == (played.seconds, len(player.requests))


def test_r9_the_deadline_of_what_encloses_the_call_counts_too() -> None:
    """R9, T11: the nearest end bounds the waits."""
    player = Player(LOST)
    played = retrying(player, Retry(9, s(4), 1.0, jitter="none"), total=100).run(deadline=6.0)
    assert (4.0, 2) == (played.seconds, len(player.requests))


def test_r10_a_server_is_obeyed_as_a_minimum() -> None:
    """R10: Retry-After is waited for in full, also beyond `max`, with a little jitter upward."""
    player = Player(RateLimited("slow down", retry_after=s(90)), 1)
    retrying(player, Retry(3, s(1), max=s(2))).run()
    assert 90.0 <= player.at[1] <= 90.0 + MOST_UPWARD
    exact = Player(RateLimited("slow down", retry_after=s(90)), 1)
    retrying(exact).run()
    assert [0.0, 90.0] == exact.at


def test_r10_the_jitter_of_a_servers_wait_is_a_tenth_at_most() -> None:
    """R10: upward only, a tenth of the wait and never more than 5 s; drawn for each."""

    def second(wait: float, seed: int) -> float:
        player = Player(RateLimited("slow down", retry_after=s(wait)), 1)
        Scene({"main": player}, (Retry(3, s(1), max=s(1)),), seed=seed).run()
        return player.at[1] - wait

    for wait, most in ((20.0, 2.0), (1000.0, MOST_UPWARD)):
        added = [second(wait, seed) for seed in range(30)]
        assert 0 <= min(added) < 0.2 * most
        assert 0.8 * most < max(added) <= most


def test_r10_jitter_does_not_miss_the_deadline() -> None:
    """R10: where the added jitter would not fit, the server's own wait is taken."""
    player = Player(RateLimited("slow down", retry_after=s(9.9)), 1)
    assert 1 == retrying(player, Retry(3), total=10).run().value
    assert 9.9 == pytest.approx(player.at[1])


def test_r10_a_pause_to_the_very_end_is_cut_to_what_was_asked_for() -> None:
    """R9, R10: where the own pause would end with the deadline, the server's shorter one leaves time for an attempt."""
    player = Player(RateLimited("slow down", retry_after=s(3)), 1)
    assert 1 == retrying(player, Retry(2, s(10), jitter="none"), total=10).run().value
    assert [0.0, 3.0] == player.at


@pytest.mark.parametrize(
    ("why", "policy", "total", "said"),
    [
        ("no", Retry(3), 30, "no; it asks to wait 90 s, and 30 s are left"),
        ("no", Retry(3), 90, "no; it asks to wait 90 s, and 90 s are left"),
        ("no", Retry(3, max_retry_after=s(60)), None, "no; it asks to wait 90 s, and max_retry_after allows 60 s"),
        ("429; it asks to wait 90 s", Retry(3), 30, "429; it asks to wait 90 s; 30 s are left"),
    ],
)
def test_r11_a_wait_that_is_too_long_fails_at_once(why: str, policy: Retry, total: float | None, said: str) -> None:
    """R11: never an early retry; the error tells what was asked for, once."""
    player = Player(RateLimited(why, retry_after=s(90)), 1)
    played = retrying(player, policy, total=total).run()
    assert (0.0, 1, said) == (played.seconds, len(player.requests), played.failure.message)


def test_r11_a_wait_of_just_what_is_allowed_is_obeyed() -> None:
    """R11: `max_retry_after` includes its end."""
    player = Player(RateLimited("slow down", retry_after=s(60)), 1)
    assert 1 == retrying(player, Retry(3, jitter="none", max_retry_after=s(60))).run().value


def test_r17_classes_are_matched_not_texts() -> None:
    """R17: an exception of a function's own is not retried, whatever it says."""
    player = Player(ValueError("network timeout, please retry"))
    failure = retrying(player).run().failure
    assert (1, "tool.raised", "tool") == (len(player.requests), failure.error, failure.category)
    assert "main.do: ValueError: network timeout, please retry" == failure.message


def test_r17_on_names_what_is_tried_again() -> None:
    """R17: with `on:` these classes are, and no others; what can never help is not."""
    named = Retry(2, s(1), on=("tool", "permission"))
    for error, requests in ((FunctionFailed("x"), 2), (LOST, 1), (Rejected("x"), 1), (Permanent("x"), 1)):
        player = Player(error)
        retrying(player, named).run()
        assert requests == len(player.requests), error
    careful = Player(FunctionFailed("x"))
    retrying(careful, named, idempotent=False).run()
    assert 1 == len(careful.requests)


@pytest.mark.parametrize("signal", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)])
def test_r18_signals_pass(signal: BaseException) -> None:
    """R18: a cancel and the end of the process pass through every policy."""
    player = Player(signal)
    with pytest.raises(type(signal)):
        retrying(player, total=10).run()
    assert 1 == len(player.requests)


def test_r18_no_memory_is_not_tried_again() -> None:
    """R18: running out of memory is a failure that is not retried."""
    player = Player(MemoryError())
    assert "tool.raised" == retrying(player).run().failure.error
    assert 1 == len(player.requests)


def test_r19_the_failure_carries_all_attempts() -> None:
    """R19: class, status and duration of each, without secrets and on one line."""
    script = (LOST, after(2, ServerError("key s3cr3t\nrefused", status=503)), AttemptTimeout("slow"))
    scene = Scene({"main": Player(*script)}, (PLAIN,), secrets=("s3cr3t",))
    told = [(a.attempt, a.agent, a.error, a.message, a.seconds, a.status) for a in scene.run().failure.attempts]
    assert [
        (1, "main", "network.lost", "it broke", 0.0, None),
        (2, "main", "agent.server", "key *** refused", 2.0, 503),
        (3, "main", "timeout.attempt", "slow", 0.0, None),
    ] == told


def test_r20_an_answer_that_does_not_fit_comes_with_a_hint() -> None:
    """R20: the next attempt is told once what was wrong, and only after such a failure; with the beginning of it."""
    player = Player("s3cr3t", LOST, None, 7)
    scene = Scene({"main": player}, (Retry(9, s(1), jitter="none"),), result=INT)
    assert 7 == scene.run().value
    assert [
        None,
        'the answer of main.do does not fit: expected int, got string: "s3cr3t"',
        None,
        "the answer of main.do does not fit: expected int, got none",
    ] == [request.repair for request in player.requests]


def test_r20_repairs_have_a_cap_of_their_own() -> None:
    """R20: so many hints and no more, however many attempts there are."""
    player = Player("x")
    failure = Scene({"main": player}, (Retry(100, s(1)),), result=INT).run().failure
    assert (1 + REPAIRS, "validation.answer") == (len(player.requests), failure.error)


def test_r21_no_log_holds_a_part_of_an_answer() -> None:
    """R21: of what was cut off no event holds a word, and of what does not fit only its beginning."""
    heard = list[Event]()
    player = Player(StreamTruncated("the stream ended early"), "word " * 40 + "half an answer", 7)
    scene = Scene({"main": player}, (Retry(9, s(1), jitter="none"),), result=INT)
    played = run_virtual(scene.play(heard=heard.append))
    assert (7, 3) == (played.value, len(player.requests))
    assert [1, 2] == [event.failure.attempt for event in heard if isinstance(event, AttemptFailed)]
    assert "half an answer" not in repr(heard)


def test_without_retry_there_is_one_attempt() -> None:
    """A node without policies pays for nothing, and its failure has its attempt."""
    player = Player(Transient("later"))
    failure = Scene({"main": player}).run().failure
    assert (1, 1, "agent.transient") == (len(player.requests), len(failure.attempts), failure.error)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 8), st.booleans())
def test_the_log_tells_every_attempt(fails: list[bool], attempts: int, repeatable: bool) -> None:
    """Requests, announced attempts and recorded failures are the same story (case R5)."""
    player = Player(*[LOST if fail else n for n, fail in enumerate(fails)], "end")
    played = retrying(player, Retry(attempts, s(1)), idempotent=repeatable).run()
    made = len(player.requests)
    assert made == min(attempts if repeatable else 1, len(list(itertools.takewhile(bool, fails))) + 1)
    assert list(range(2, made + 1)) == [number for number, _ in played.attempts]
    assert made - 1 == len(played.delays)
    assert (None not in played.delays) and all(delay is not None and delay <= 60 for delay in played.delays)


def test_waits_of_many_calls_take_no_time() -> None:
    """A thousand calls that back off for an hour each end at the same virtual time."""
    scenes = [Scene({"main": Player(LOST, 1)}, (Retry(2, s(3600), max=s(3600), jitter="none"),)) for _ in range(1000)]

    async def together() -> list[float]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for scene in scenes]
        return [task.result().seconds for task in tasks]

    assert [3600.0] * 1000 == run_virtual(together())


@pytest.mark.parametrize("kind", [CallError, Transient])
def test_what_an_error_says_is_kept(kind: type[CallError]) -> None:
    """The status and the wait that an upstream gave stay with the error."""
    error = kind("x", status=500, retry_after=s(1), sent=False)
    assert ("x", 500, s(1), False) == (error.message, error.status, error.retry_after, error.sent)
