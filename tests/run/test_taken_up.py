"""A run whose process has ended: what is called again, what is in doubt, and how long deadlines still run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BudgetReserved,
    BudgetSettled,
    CallAdmitted,
    CallPassedOn,
    CallUsed,
    CallWaits,
    DoubtSettled,
    Entry,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeStarted,
    RunResumed,
    RunStarted,
    Status,
    ToolCalled,
    ToolEnded,
    ToolStep,
    Usage,
)
from leadflow.plan.forms import time_text
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program, StartTimer, TryAgain
from leadflow.run.ports import Earlier, Reply, Request
from leadflow.run.recover import Resumed, replay, take_up
from leadflow.run.taken_up import NOT_FOUND, Past, Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import STARTED, Fails, Fake, Says, compiled, run, started

FLOW = compiled("""
flow f() -> string {
  step seen = look("1")
  step filed = put(seen)
  step told = put(filed)
  return told
}
""")
MARKS = (RunResumed, DoubtSettled)


def log_of(plan: Plan) -> list[Event]:
    """The events of a run that nothing interrupts."""
    return [entry.event for entry in run(plan).entries]


def resumed(plan: Plan, events: Sequence[Event], told: Mapping[str, Told] | None = None) -> tuple[Result, Fake]:
    """The run of a log goes on in another process."""
    fake = Fake()
    entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(CLOCK, entries), CLOCK))
        return await driver.resume(entries, told, owner="me")

    return run_virtual(main()), fake


def cut_behind(events: Sequence[Event], event: Event) -> list[Event]:
    """The log up to an event."""
    return list(events[: events.index(event) + 1])


def test_what_changes_nothing_is_called_again() -> None:
    """Case D2: a read that was under way is called again, marked as such, and told what it did before."""
    result, fake = resumed(FLOW, cut_behind(log_of(FLOW), NodeStarted("f/seen")))
    assert Status.DONE is result.status
    marks = [entry.event for entry in result.entries if isinstance(entry.event, MARKS)]
    assert [RunResumed("me"), DoubtSettled("f/seen", "retry", "it changes nothing")] == marks
    lost = AttemptFailure(1, "look", "system.interrupted", "its process ended", 0.0)
    assert Earlier(1, (lost,), None, 0.0) == fake.orders[0].earlier
    assert [None, None] == [order.earlier for order in fake.orders[1:]]


def test_what_is_done_is_not_run_again() -> None:
    """Case D2: behind its `done` a call is never made again; only what was under way is."""
    events = log_of(FLOW)
    done = next(event for event in events if isinstance(event, NodeDone) and event.path == "f/seen")
    _, fake = resumed(FLOW, cut_behind(events, done))
    assert ["f/filed", "f/told"] == [order.path for order in fake.orders]


def test_a_write_under_way_is_in_doubt() -> None:
    """Case D2: nobody calls a write again that may have been done: the run waits, names it, and nothing is logged."""
    events = cut_behind(log_of(FLOW), NodeStarted("f/filed"))
    result, fake = resumed(FLOW, events)
    assert (Status.WAITING, []) == (result.status, fake.orders)
    assert result.failure is not None
    assert ("system.in_doubt", True) == (result.failure.error, result.failure.in_doubt)
    assert ["f/filed"] == [cause.path for cause in result.failure.causes]
    assert events == [entry.event for entry in result.entries]


@pytest.mark.parametrize(
    ("told", "called", "status"),
    [
        (Told("retry"), ["f/filed", "f/told"], Status.DONE),
        (Told("done", "T-1"), ["f/told"], Status.DONE),
        (Told("failed"), [], Status.FAILED),
    ],
)
def test_somebody_says_what_is_true(told: Told, called: list[str], status: Status) -> None:
    """Case D2: told to call again, that it was done, or that it was not, the run goes on as if it had known."""
    events = cut_behind(log_of(FLOW), NodeStarted("f/filed"))
    result, fake = resumed(FLOW, events, {"f/filed": told})
    assert (called, status) == ([order.path for order in fake.orders], result.status)
    if told.decision == "done":
        assert "T-1" == fake.orders[0].args["x"]
    if told.decision == "failed":
        assert result.failure is not None
        assert "system.not_done" == result.failure.error


def test_a_write_with_a_key_is_called_again() -> None:
    """Case R3: what has a key may be repeated, and gets the same key."""
    plan = compiled('flow f() { @idempotent(key: "k-1") step filed = put("1") }')
    result, fake = resumed(plan, cut_behind(log_of(plan), NodeStarted("f/filed")))
    assert (Status.DONE, ["k-1"]) == (result.status, [order.key for order in fake.orders])


def test_what_is_safe_to_repeat_has_a_key_of_its_own() -> None:
    """Case R3: of its run, its path and its input, so that another process sends the same, and nobody else does."""
    plan = compiled("""flow f() {
      @idempotent step filed = put("1")
      step all = for x in ["2", "2"] {
        @idempotent step again = put(x)
      }
      step told = put("1")
    }""")
    log = log_of(plan)
    (first, fake), (second, other) = [resumed(plan, cut_behind(log, NodeStarted("f/filed"))) for _ in range(2)]
    assert (Status.DONE, Status.DONE) == (first.status, second.status)
    keys = {order.path: order.key for order in fake.orders}
    assert keys == {order.path: order.key for order in other.orders}
    assert None is keys.pop("f/told")
    assert ["f/all[0]/again", "f/all[1]/again", "f/filed"] == sorted(keys)
    assert 3 == len({*keys.values()} - {None})
    assert isinstance(log[0], RunStarted)
    _, stranger = resumed(plan, [replace(log[0], run="another")])
    assert keys.items().isdisjoint((order.path, order.key) for order in stranger.orders)


SLIP = AttemptFailure(1, "put", "network.connect", "no route", 0.0)


@pytest.mark.parametrize(
    ("last", "is_in_doubt", "begun"),
    [
        ([AttemptFailed("f/filed", SLIP, 5.0)], False, 1),
        ([AttemptFailed("f/filed", SLIP, 5.0), AttemptStarted("f/filed", 2, "put")], True, 2),
        ([AttemptStarted("f/filed", 2, "put"), AttemptFailed("f/filed", SLIP, None, is_beside=True)], True, 2),
        ([CallWaits("f/filed", "put", "a place", None)], False, 0),
        ([CallWaits("f/filed", "put", "a place", None), CallAdmitted("f/filed", "put", 1.0)], True, 1),
        ([AttemptFailed("f/filed", SLIP, 5.0), CallWaits("f/filed", "put", "a place", None)], False, 1),
        (
            [RunResumed("me"), DoubtSettled("f/filed", "retry", "told"), CallWaits("f/filed", "put", "a", None)],
            False,
            1,
        ),
    ],
)
def test_between_two_attempts_nothing_is_in_doubt(last: list[Event], is_in_doubt: bool, begun: int) -> None:
    """Case R22: who waits, for another attempt or for a turn, has nothing under way; the count goes on."""
    result, fake = resumed(FLOW, [*cut_behind(log_of(FLOW), NodeStarted("f/filed")), *last])
    assert (Status.WAITING if is_in_doubt else Status.DONE) is result.status
    if not is_in_doubt:
        earlier = fake.orders[0].earlier
        assert earlier is not None
        assert (begun, len([one for one in last if isinstance(one, AttemptFailed | DoubtSettled)])) == (
            earlier.attempts,
            len(earlier.failed),
        )


AGAIN = (RunResumed("me"), DoubtSettled("f/filed", "retry", "no attempt was under way"))


@pytest.mark.parametrize("ends", [1, 2, 5])
@pytest.mark.parametrize(
    ("last", "behind", "is_in_doubt"),
    [
        ([AttemptFailed("f/filed", SLIP, 5.0)], [], False),
        ([AttemptFailed("f/filed", SLIP, 5.0)], [AttemptStarted("f/filed", 2, "put")], True),
        ([AttemptFailed("f/filed", SLIP, 5.0)], [CallWaits("f/filed", "put", "a place", None)], False),
        ([CallWaits("f/filed", "put", "a place", None)], [], True),
    ],
    ids=["between two", "in the next one", "in a queue for it", "perhaps in the first one"],
)
def test_d4_a_further_end_before_the_next_attempt_changes_nothing(
    last: list[Event], behind: list[Event], is_in_doubt: bool, ends: int
) -> None:
    """Cases D4, R22: what was between two attempts still is until the next one is logged; only of a first attempt, of
    which the start of its step tells, nobody knows."""
    log = [*cut_behind(log_of(FLOW), NodeStarted("f/filed")), *last, *AGAIN * ends, *behind]
    result, fake = resumed(FLOW, log)
    assert (Status.WAITING if is_in_doubt else Status.DONE) is result.status
    if not is_in_doubt:
        earlier = fake.orders[0].earlier
        assert earlier is not None
        assert (1, (SLIP,)) == (earlier.attempts, earlier.failed)


def test_d4_a_call_that_goes_on_logs_its_attempt_before_it_sends() -> None:
    """Case D4: also one without policies, which has none of its own log to wait for when it is new."""
    entries = [Entry(0, 0.0, started(FLOW)), Entry(1, 0.0, NodeStarted("f/seen"))]
    journal = MemoryJournal(CLOCK, entries)
    kept: list[bool] = []

    class Looks:
        """An agent that looks into the journal when it is asked."""

        async def call(self, request: Request) -> Reply:
            """Whether its attempt is kept."""
            at = [entry.event for entry in await journal.load()]
            kept.append(request.path != "f/seen" or AttemptStarted("f/seen", 2, "look") in at)
            return Reply("x")

        async def aclose(self) -> None:
            """Nothing is held."""

    async def main() -> Result:
        stack = Stack(FLOW.agents, dict.fromkeys(FLOW.agents, Looks()), PolicyPorts(CLOCK, SeededRng(1), Shared()))
        return await Driver(Program(FLOW), Ports(stack, journal, CLOCK)).resume(entries, owner="me")

    assert (Status.DONE, [True] * 3) == (run_virtual(main()).status, kept)


def test_time_and_chance_are_kept() -> None:
    """Case D7: what a clock or chance has said once is not asked again, and what reads it gets the same."""
    plan = compiled('flow f() { step now = clock.now() step id = random.uuid() step b = put("${now} ${id}") }')
    script = {"now": Says(STARTED), "id": Says("5eed")}
    whole = [entry.event for entry in run(plan, script).entries]
    result, fake = resumed(plan, cut_behind(whole, NodeStarted("f/b")), {"f/b": Told("retry")})
    assert (Status.DONE, ["f/b"]) == (result.status, [order.path for order in fake.orders])
    assert {"x": f"{time_text(STARTED)} 5eed"} == fake.orders[0].args


@given(st.data())
def test_any_number_of_ends_leads_to_the_same_log(data: st.DataObject) -> None:
    """Cases D4, D5: however often its process ends, at whatever event, a run says the same in the end."""
    whole = log_of(FLOW)
    events = whole[: data.draw(st.integers(1, len(whole)))]
    told = {path: Told("retry") for path in ("f/filed", "f/told")}
    for _ in range(data.draw(st.integers(0, 3))):
        result, _ = resumed(FLOW, events, told)
        events = [entry.event for entry in result.entries]
        events = events[: data.draw(st.integers(1, len(events)))]
    result, _ = resumed(FLOW, events, told)
    assert whole == [entry.event for entry in result.entries if not isinstance(entry.event, MARKS)]


def _timers(plan: Plan, entries: Sequence[Entry], now: float) -> dict[str, float]:
    """For how long deadlines still run, in seconds."""
    kernel = Kernel(Program(plan), deadline=timedelta(seconds=100))
    step = replay(kernel, [entry.event for entry in entries])
    found = take_up(kernel, step, entries, told={}, owner="", now=now)
    commands = cast(Resumed, found).step.commands
    return {one.path: one.duration.total_seconds() for one in commands if isinstance(one, StartTimer)}


def test_deadlines_run_on() -> None:
    """Case T12: a flow's time goes on from what was worked on it; the run's own counts the time between, too."""
    plan = compiled('@timeout(60s) flow f() { step a = look("1") }')
    begin = started(plan).started.timestamp()
    entries = [Entry(0, begin, started(plan)), Entry(1, begin, NodeStarted("f/a")),
               Entry(2, begin + 20, CallWaits("f/a", "look", "a place", None))]  # fmt: skip
    assert {"f": 40.0, "": 70.0} == _timers(plan, entries, begin + 30)
    twice = [*entries, Entry(3, begin + 30, RunResumed("")), Entry(4, begin + 35, CallWaits("f/a", "look", "x", None))]
    assert {"f": 35.0, "": 50.0} == _timers(plan, twice, begin + 50)


def test_a_past_tells_how_long_a_call_was_under_way() -> None:
    """Case T12: the time of a call is the time in which somebody worked on it."""
    plan = compiled('flow f() { step a = look("1") }')
    past = Past([Entry(0, 5.0, started(plan)), Entry(1, 7.0, NodeStarted("f/a")), Entry(2, 99.0, RunResumed("")),
                 Entry(3, 102.0, CallWaits("f/a", "look", "x", None))])  # fmt: skip
    assert 3.0 == past.earlier("f/a", DoubtSettled("f/a", "retry", "x")).seconds


def taken(*told: tuple[float, Event], now: float | None = None) -> Earlier:
    """What a call of `a` did that began at second 0, by what a log tells of it."""
    entries = [Entry(seq, at, event) for seq, (at, event) in enumerate(((0.0, NodeStarted("f/x")), *told))]
    return Past(entries, now=now).earlier("f/x", DoubtSettled("f/x", "retry", "it changes nothing"), "a")


def failed(
    attempt: int, agent: str, delay: float | None, *, is_beside: bool = False, then: str | None = None
) -> AttemptFailed:
    """An attempt of that call failed."""
    return AttemptFailed("f/x", AttemptFailure(attempt, agent, "network.lost", "x", 1.0), delay, is_beside, then)


def begun(attempt: int, agent: str) -> AttemptStarted:
    """An attempt of that call began."""
    return AttemptStarted("f/x", attempt, agent)


FIRST_PAIR = (1.0, begun(2, "a"))
FIRST_FAILED = (3.0, failed(1, "a", None, is_beside=True))
BOTH_FAILED = (4.0, failed(2, "a", 1.0))


@pytest.mark.parametrize(
    ("told", "attempts", "beside"),
    [
        ([FIRST_PAIR], 2, 1),
        ([FIRST_PAIR, FIRST_FAILED], 2, 1),
        ([FIRST_PAIR, FIRST_FAILED, BOTH_FAILED], 2, 1),
        ([FIRST_PAIR, FIRST_FAILED, BOTH_FAILED, (5.0, begun(3, "a"))], 3, 1),
        ([FIRST_PAIR, FIRST_FAILED, BOTH_FAILED, (5.0, begun(3, "a")), (6.0, begun(4, "a"))], 4, 2),
        ([FIRST_PAIR, (2.0, RunResumed("me")), (2.0, DoubtSettled("f/x", "retry", "")), (2.0, begun(3, "a"))], 3, 1),
        ([FIRST_PAIR, FIRST_FAILED, (4.0, failed(2, "a", None)), (4.0, begun(3, "b")), (5.0, begun(4, "b"))], 4, 1),
    ],
)
def test_attempts_beside_each_other_are_told(told: list[tuple[float, Event]], attempts: int, beside: int) -> None:
    """Case R22: whoever counts attempts of the agent that was asked last knows which began beside another one."""
    found = taken(*told)
    assert (attempts, beside) == (found.attempts, found.beside)


PASSED_ON = CallPassedOn("f/x", "a", Failure("resource.queue", "resource", "full"), "b")
WAITS = CallWaits("f/x", "b", "1 call at once", None)


@pytest.mark.parametrize(
    ("told", "agent", "attempts", "own"),
    [
        ([(3.0, failed(2, "a", None, then="b"))], "b", 2, (0, 0.0)),
        ([(3.0, failed(2, "a", None, then="b")), (5.0, WAITS)], "b", 2, (0, 2.0)),
        ([(3.0, failed(2, "a", None, then="b")), (5.0, WAITS), (6.0, begun(3, "b"))], "b", 3, (1, 3.0)),
        ([(3.0, failed(2, "a", 1.0)), (5.0, PASSED_ON)], "b", 2, (0, 0.0)),
        ([(3.0, failed(2, "a", 1.0))], "a", 2, (1, 1.0)),
    ],
)
def test_the_agent_that_is_next_goes_on(
    told: list[tuple[float, Event]], agent: str, attempts: int, own: tuple[int, float]
) -> None:
    """Case R22: when the first agent has failed for good the next one is asked, whether or not it was asked already."""
    found = taken((1.0, failed(1, "a", 1.0)), (2.0, begun(2, "a")), *told)
    assert (agent, attempts, own) == (found.agent, found.attempts, found.own)


def test_an_agent_that_was_never_asked_has_left_nothing_open() -> None:
    """Cases D2, F3: a call that was passed on to another agent before its first attempt has sent nothing."""
    found = taken((1.0, PASSED_ON))
    assert ("b", 0, (0, 0.0)) == (found.agent, found.attempts, found.own)
    assert not Past([Entry(0, 0.0, NodeStarted("f/x")), Entry(1, 1.0, PASSED_ON)]).is_open("f/x")


@pytest.mark.parametrize(("now", "left"), [(100.0, 3600.0), (3000.0, 700.0), (9000.0, 0.0), (50.0, 3600.0)])
def test_a_pause_lasts_as_long_as_it_was_to_last(now: float, left: float) -> None:
    """Cases R10, K1: time in which nobody works on the run counts; a clock that was set back makes it no longer."""
    assert left == taken((100.0, failed(1, "a", 3600.0)), now=now).pause
    again = (1000.0, RunResumed("me")), (1000.0, DoubtSettled("f/x", "retry", "no attempt was under way"))
    assert min(left, 2700.0) == taken((100.0, failed(1, "a", 3600.0)), *again, now=max(now, 1000.0)).pause
    assert 0.0 == taken((100.0, failed(1, "a", 3600.0)), (101.0, begun(2, "a")), now=now).pause


def test_the_pause_of_a_block_goes_on() -> None:
    """Case R10: a block that is tried again waits for the rest, wherever its process ended."""
    plan = compiled(
        'flow f() { @retry(2, backoff: 30s, jitter: "none", on: ["tool"]) step g = do { step a = look("1") } }'
    )
    entries = run(plan, {"a": Fails(category="tool")}).entries
    cut = next(at for at, entry in enumerate(entries) if isinstance(entry.event, AttemptFailed)) + 1
    kernel = Kernel(Program(plan))
    step = replay(kernel, [entry.event for entry in entries[:cut]])
    found = take_up(kernel, step, entries[:cut], told={}, owner="", now=entries[cut - 1].at + 20)
    pauses = [one.delay for one in cast(Resumed, found).step.commands if isinstance(one, TryAgain)]
    assert [timedelta(seconds=10)] == [timedelta(seconds=round(one.total_seconds(), 3)) for one in pauses]


def test_who_stops_a_call_in_its_pause_waits_for_nothing() -> None:
    """Case R10, rule A5: what is left of a pause is a pause, so that a cancel finds nothing under way."""
    log = [*cut_behind(log_of(FLOW), NodeStarted("f/filed")), AttemptFailed("f/filed", SLIP, 3600.0)]
    clock = SystemClock()
    entries = [Entry(seq, clock.timestamp(), event) for seq, event in enumerate(log)]
    driver = Driver(Program(FLOW), Ports(Fake({"filed": Says("x", 3600)}), MemoryJournal(clock, entries), clock))

    async def main() -> Result:
        asyncio.get_running_loop().call_later(1, driver.cancel, "enough")
        return await driver.resume(entries, owner="me")

    ended = [entry.event for entry in run_virtual(main()).entries if isinstance(entry.event, NodeCancelled)]
    assert ("f/filed", False) in [(event.path, event.in_doubt) for event in ended]


def test_what_was_set_aside_is_spent_once() -> None:
    """Case $8: a reservation that was open when the process ended counts as spent, however often it ends again."""
    plan = compiled('flow f() { step a = look("1") }')
    events: list[Event] = [started(plan), NodeStarted("f/a"), BudgetReserved("f/a", 1, 500, 40)]
    lost = BudgetSettled("f/a", 1, 500, 40, True)
    for _ in range(3):
        kernel = Kernel(Program(plan))
        entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]
        assert [lost] == Past(entries).spent()
        found = take_up(kernel, replay(kernel, events), entries, told={}, owner="", now=9.0)
        events += cast(Resumed, found).step.events
    assert [lost] == [event for event in events if isinstance(event, BudgetSettled)]


ASKING = compiled("""
agent fast: openai { model: "m"  max_tokens: 9  tools: [put, look] }
flow f() -> string {
  step a = fast.ask("go")
  return a
}
""")
BROKE = AttemptFailed("f/a", AttemptFailure(1, "fast", "network.lost", "broke", 1.0), 5.0)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((ToolCalled("f/a", 0, 1, "put", "write", {}),), Status.WAITING),
        (
            (
                ToolCalled("f/a", 0, 1, "put", "write", {}),
                ToolEnded("f/a", 0, "put", 1.0, None, 4),
                BROKE,
            ),
            Status.WAITING,
        ),
        (
            (
                ToolCalled("f/a", 0, 1, "look", "read", {}),
                ToolEnded("f/a", 0, "look", 1.0, None, 4),
                BROKE,
            ),
            Status.DONE,
        ),
    ],
)
def test_c8_a_step_whose_tools_have_written_is_in_doubt(events: tuple[Event, ...], status: Status) -> None:
    """C8, D2: killed in a tool that writes, or in a pause after one: somebody has to say; after reads it goes on."""
    result, fake = resumed(ASKING, [*log_of(ASKING)[:2], *events])
    assert status is result.status
    assert (status is Status.DONE) == bool(fake.orders)


@pytest.mark.parametrize("is_told", [False, True])
def test_what_a_model_used_when_its_process_ended_is_unknown(is_told: bool) -> None:
    """Case $8: it may have answered, so its cost is told as unknown, once; one that was told before is known."""
    plan = compiled('flow f() { step a = look("1") }')
    look = plan.agents["look"]
    plan = replace(plan, agents={**plan.agents, "look": replace(look, settings={**look.settings, "model": "m"})})
    known, unknown = CallUsed("f/a", 1, "look", Usage(3, 4), 10), CallUsed("f/a", 1, "look", None, None)
    events: list[Event] = [started(plan), NodeStarted("f/a"), *([known] if is_told else [])]
    for _ in range(3):
        kernel = Kernel(Program(plan))
        entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]
        found = take_up(kernel, replay(kernel, events), entries, told={}, owner="", now=9.0)
        events += cast(Resumed, found).step.events
    assert [known if is_told else unknown] == [event for event in events if isinstance(event, CallUsed)]


TALKING = compiled("""
agent fast: openai { model: "m"  max_tokens: 9  tools: [put, wise] }
agent sage: openai { model: "m"  max_tokens: 9 }
flow wise() -> string { step w = sage.ask("go")  return w }
flow f() -> string { step a = fast.ask("go")  return a }
""")
HEARD = CallUsed("f/a", 1, "fast", Usage(3, 4), 10)
PUT = (ToolCalled("f/a", 0, 1, "put", "write", {}), ToolEnded("f/a", 0, "put", 1.0, None, 4))
WISE = (ToolCalled("f/a", 0, 1, "wise", "read", {}), ToolStep("f/a~tools[0]", NodeStarted("wise/w")))
REFUSED = AttemptFailed("f/a", AttemptFailure(1, "fast", "network.connect", "refused", 1.0), 5.0)
SECOND = AttemptStarted("f/a", 2, "fast")


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        ((), [("f/a", 1, "fast")]),
        ((HEARD,), []),
        ((HEARD, PUT[0]), []),
        ((HEARD, AttemptStarted("f/a", 2, "an agent that is gone")), []),
        ((HEARD, *PUT), [("f/a", 1, "fast")]),
        ((HEARD, *PUT, PUT[0]), []),
        ((HEARD, *PUT, HEARD), []),
        ((HEARD, *PUT, REFUSED), []),
        ((HEARD, *PUT, REFUSED, SECOND), [("f/a", 2, "fast")]),
        ((HEARD, *PUT, REFUSED, SECOND, replace(HEARD, attempt=2), *PUT, HEARD), []),
        ((HEARD, *PUT, CallWaits("f/a", "fast", "its turn", None)), []),
        ((HEARD, *PUT, CallWaits("f/a", "fast", "its turn", None), CallAdmitted("f/a", "fast", 1.0)),
         [("f/a", 1, "fast")]),
        ((HEARD, *WISE), [("f/a~tools[0]/wise/w", 1, "sage")]),
        ((HEARD, *WISE, CallUsed("f/a~tools[0]/wise/w", 1, "sage", None, None)), []),
        ((HEARD, *WISE, ToolStep("f/a~tools[0]", NodeCancelled("wise/w", "enough"))), []),
    ],
)  # fmt: skip
def test_what_a_turn_used_when_its_process_ended_is_unknown(
    events: Sequence[Event], lost: list[tuple[str, int, str]]
) -> None:
    """Case $8: each turn of a model is a request of its own, and so is each in a flow that it uses as a tool."""
    log: list[Event] = [started(TALKING), NodeStarted("f/a"), *events]
    kernel, entries = Kernel(Program(TALKING)), [Entry(seq, 0.0, event) for seq, event in enumerate(log)]
    found = take_up(kernel, replay(kernel, log), entries, told={"f/a": Told("retry")}, owner="", now=9.0)
    after = cast(Resumed, found).step.events
    assert lost == [(one.path, one.attempt, one.agent) for one in after if isinstance(one, CallUsed)]


@pytest.mark.parametrize(("why", "is_open"), [("it may be repeated", True), (NOT_FOUND, False)])
def test_an_attempt_that_was_lost_counts_as_one_that_may_be_done(why: str, is_open: bool) -> None:
    """Rule C7: whatever becomes of the next one, nobody knows of it; but where a probe found that it was not done."""
    lost = AttemptFailure(1, "crm", "system.interrupted", "its process ended", 2.0)
    settled = DoubtSettled("f/a", "retry", why)
    first = [Entry(0, 1.0, NodeStarted("f/a")), Entry(1, 3.0, CallUsed("f/a", 1, "crm", None, None))]
    assert ((lost,) if is_open else ()) == Past(first).earlier("f/a", settled, "crm").failed
    again = Past([*first, Entry(2, 9.0, RunResumed("")), Entry(3, 9.0, settled),
                  Entry(4, 9.0, AttemptStarted("f/a", 2, "crm")), Entry(5, 9.5, BROKEN_OFF)])  # fmt: skip
    assert is_open == again.is_open("f/a")
    failed = again.earlier("f/a", DoubtSettled("f/a", "retry", "no attempt was under way"), "crm").failed
    assert (*((lost,) if is_open else ()), BROKEN_OFF.failure) == failed


BROKEN_OFF = AttemptFailed("f/a", AttemptFailure(2, "crm", "network.connect", "nobody is there", 0.5), 5.0)


@pytest.mark.parametrize(("error", "is_open"), [("network.lost", True), ("network.connect", False)])
def test_an_attempt_that_failed_may_leave_open_what_it_did(error: str, is_open: bool) -> None:
    """Rule C7: of a call that waits for its next attempt nobody knows more than what the last one left."""
    events: list[Event] = [NodeStarted("f/a"), AttemptFailed("f/a", AttemptFailure(1, "main", error, "x", 0.1), 5.0)]
    past = Past([Entry(seq, 0.0, event) for seq, event in enumerate(events)])
    assert is_open == past.is_open("f/a")
