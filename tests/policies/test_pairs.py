"""Every pair of policies, written in either order, under every outcome of the table: the real stack against a reference
interpreter of the one order of wrapping. `@cache` on blocks is no row: it is the kernel's, and wraps no call.

The interpreter is that order: a function per layer around the next one. What follows an outcome it reads from the
table of `test_outcomes.py`. A new policy is a row of `ROWS`, and a layer in `CALL`.

Who asks this of hundreds of mutants (LEADFLOW_GATE_MUTANTS) has a quarter of it: of outcomes that the table says the
same of one, in one of the two orders of writing.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations, product
from typing import NamedTuple, TypeAlias

import pytest

from leadflow.events.model import (
    BudgetSettled,
    CallAdmitted,
    Event,
    Failure,
    NodeDone,
    NodeFailed,
    NodeStarted,
    Usage,
)
from leadflow.plan.policy import (
    ERROR_CLASSES,
    Breaker,
    Budget,
    Cache,
    Does,
    Fallback,
    Hedge,
    Limit,
    Once,
    OnError,
    PerTime,
    Policy,
    Reaction,
    Retry,
    Timeout,
)
from leadflow.plan.types import Money
from leadflow.policies.budget import Charge, Purse
from leadflow.run.adapters import SeededRng
from leadflow.run.claims import MemoryClaims
from leadflow.run.errors import KeyTaken
from leadflow.run.ports import Answer, Reply
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, s
from tests.policies.test_outcomes import made, rows

# --- the outcomes -------------------------------------------------------------------------------------------------


class End(NamedTuple):
    """A row of the table."""

    row: tuple[str, str, str]
    error: str
    category: str
    again: str
    sees: str
    rate: str
    cost: str

    @property
    def is_sent(self) -> bool:
        """Whether the upstream may have acted."""
        return self.row[2] == "yes"


def end_of(name: str, status: str, sent: str, again: str, sees: str, rate: str, cost: str) -> End:
    """A row of the table as the interpreter reads it."""
    error = made(name, status, sent)
    return End((name, status, sent), error.error, error.category, again, sees, rate, cost)


ENDS = [end_of(*row) for row in rows()]
OF_ROW = {end.row: end for end in ENDS}
ENDS_OF_TIME = {"AttemptTimeout", "IdleTimeout", "TotalTimeout"}
DOUBTFUL = {"ConnectionLost", "BadResponse", "StreamTruncated", "FunctionCutOff"} | ENDS_OF_TIME
OPEN = DOUBTFUL | {"AnswerInvalid"}
"""After these, the other side may have acted, whether or not it may be asked once more."""


class Failed(Exception):
    """An attempt, or all of them, ended so."""

    def __init__(self, end: End) -> None:
        super().__init__(end.row)
        self.end = end


def failed(*row: str) -> Failed:
    """Something of our own ends it."""
    return Failed(next(end for end in ENDS if end.row == row))


# --- the interpreter ----------------------------------------------------------------------------------------------

HELD, WINDOW, TOTAL, EACH, PAUSE, BESIDE = 3.0, 10.0, 2.5, 0.5, 0.25, 0.375


@dataclass
class World:
    """What some calls, one after the other, find and do."""

    names: frozenset[str]
    """The rows in force."""
    script: Sequence[End | None]
    """Of the first agent, the last one again and again; the second one answers."""
    is_write: bool
    now: float = 0.0
    deadline: float = float("inf")
    requests: list[tuple[str, float]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """Those that the rate counts, each for ten seconds and a hundredth of them."""
    failures: int = 0
    paid: list[tuple[int, bool]] = field(default_factory=list)
    """Of each attempt: whether it counts as a call, and whether all that was set aside for it is taken."""
    is_open: bool = False
    """The other side may have acted in an attempt that failed."""
    kept: set[str] = field(default_factory=set)
    """Agents whose answer is remembered."""
    chance: SeededRng = field(default_factory=lambda: SeededRng(1))

    def does(self, *names: str) -> bool:
        """Whether one of these rows is in force."""
        return not self.names.isdisjoint(names)


Layer: TypeAlias = Callable[["World", str, Callable[[], None]], None]


def chain(world: World, agent: str, inner: Callable[[], None]) -> str:
    """Outermost: who is asked, and what a failure becomes. How the call ends, in a word."""
    try:
        inner()
        return agent
    except Failed as problem:
        end = problem.end
    if end.row[0] in ("BudgetExceeded", "LoopStopped"):  # nothing inside a budget makes up for its end (rule C3)
        return end.error
    if world.does("terminate"):
        return f"run {end.error}"
    if world.is_write and end.is_sent and end.row[0] in DOUBTFUL:
        return f"doubt {end.error}"
    if world.does("skip"):
        return "none"
    if world.does("fallback", "instead", "last") and agent == "main":
        return call(world, "spare")
    return end.error


def total(world: World, agent: str, inner: Callable[[], None]) -> None:
    """Two seconds and a half for each agent."""
    world.deadline = world.now + TOTAL if world.does("timeout") else float("inf")
    inner()


def cache(world: World, agent: str, inner: Callable[[], None]) -> None:
    """What an agent answered once, it answers again at once: no request, no time, no start."""
    if not world.does("cache") or agent not in world.kept:
        inner()
        world.kept.add(agent)


def retry(world: World, agent: str, inner: Callable[[], None]) -> None:
    """How often the same agent is asked. Pauses hold nothing."""
    plain = 3 if world.does("retry") else 1
    asked = world.does("again", "reset")
    most = max(2, plain) if world.does("reset") else 2 if world.does("again") else plain
    if world.does("skip", "terminate", "instead", "last"):
        most = 1
    for number in range(1, most + 1):
        try:
            return inner()
        except Failed as problem:
            end = problem.end
            safe = not world.is_write or not end.is_sent
            may = end.again == "always" or (safe and (end.again == "repeatable" or (asked and end.again == "asked")))
            if number == most or not may:
                raise
            drawn = world.chance.random()
            pause = PAUSE if world.does("retry") else drawn * 2 ** (number - 1)
            if world.now + pause >= world.deadline:
                raise
            world.now += pause


def hedge(world: World, agent: str, inner: Callable[[], None]) -> None:
    """A second attempt beside the first after a while. The first answer counts, else the failure that came last."""
    if not world.does("hedge"):
        return inner()
    begun, ends = world.now, list[tuple[float, End | None]]()
    for start in (begun, begun + BESIDE):
        if start >= world.deadline:
            break
        world.now = start
        try:
            inner()
        except Failed as problem:
            ends.append((world.now, problem.end))
        else:
            ends.append((world.now, None))
    answers = [time for time, end in ends if end is None]
    world.now = min(answers) if answers else ends[-1][0]
    if answers and len(ends) == 2 and min(answers) == ends[0][0] and world.does("budget"):
        world.paid[-1] = (1, True)  # it was stopped: nobody knows what it took
    if not answers and (end := ends[-1][1]) is not None:
        raise Failed(end)


def peek(world: World, agent: str, inner: Callable[[], None]) -> None:
    """Nobody queues for what would be turned away."""
    if world.does("breaker") and agent == "main" and world.failures >= 2:
        raise failed("BreakerOpen", "-", "no")
    inner()


def admission(world: World, agent: str, inner: Callable[[], None]) -> None:
    """Two starts in ten seconds, and a place that somebody else has for three seconds: both together or not at all."""
    if agent != "main" or not world.does("limit", "concurrency"):
        return inner()
    free = HELD if world.does("concurrency") else 0.0
    if world.does("limit") and len(world.starts) >= 2:
        free = max(free, sorted(world.starts)[-2] + WINDOW * 1.01)
    if free > world.now:
        if world.deadline < free:
            world.now = world.deadline
            raise failed("TotalTimeout", "-", "no")
        world.waits.append(round(free - world.now, 6))
        world.now = free
    start = world.now
    world.starts.append(start)
    try:
        inner()
    except Failed as problem:
        if problem.end.rate == "returned":
            world.starts.remove(start)
        raise


def breaker(world: World, agent: str, inner: Callable[[], None]) -> None:
    """Opens when it has seen two failures."""
    peek(world, agent, lambda: None)
    try:
        inner()
    except Failed as problem:
        if world.does("breaker") and agent == "main" and problem.end.sees == "failure":
            world.failures += 1
            if world.failures == 2:
                world.chance.random()  # it draws how long it stays open
        raise


def budget(world: World, agent: str, inner: Callable[[], None]) -> None:
    """What each attempt is settled at: its report, nothing where that is certain, else all that was set aside."""
    try:
        inner()
    except Failed as problem:
        end = problem.end
        world.paid.append((1, True) if end.cost != "free" else (int(end.is_sent), False))
        raise
    world.paid.append((1, False))


def attempt(world: World, agent: str) -> None:
    """Innermost: a second, or what the limits leave of it. Of two that end together the outer one is named."""
    number = sum(asked == agent for asked, _ in world.requests)
    world.requests.append((agent, round(world.now, 6)))
    own = world.now + (EACH if world.does("attempt") else float("inf"))
    if min(own, world.deadline) < world.now + 1:
        is_outer = world.deadline <= own
        world.now = min(own, world.deadline)
        world.is_open = True
        raise failed("TotalTimeout" if is_outer else "AttemptTimeout", "-", "yes")
    world.now += 1
    end = world.script[min(number, len(world.script) - 1)] if agent == "main" else None
    if end is not None:
        world.is_open = world.is_open or end.row[0] in OPEN
        raise Failed(end)


CALL: tuple[Layer, ...] = (total, cache, retry, hedge, peek, admission, breaker, budget)
"""The order between `chain` and `attempt`, outermost first (SEMANTICS, policy order)."""


def call(world: World, agent: str = "main") -> str:
    """One call, or its part with one agent."""
    inner: Callable[[], None] = partial(attempt, world, agent)
    for layer in reversed(CALL):
        inner = partial(layer, world, agent, inner)
    return chain(world, agent, inner)


def both(world: World) -> list[str]:
    """Two calls with one key. Under `@once` the second has what the first gave, unless nobody knows what that did."""
    first = call(world)
    if world.does("once") and first in ("main", "spare"):
        return [first, "main"]
    if world.does("once") and world.is_open:
        return [first, KeyTaken.error]
    return [first, call(world)]


# --- the real one -------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A policy, for the test and for the stack."""

    name: str
    kind: str
    """Of rows of one kind a call has one."""
    policy: Policy | None
    """None: it stands on the agent."""


def on_error(does: Does, *, attempts: int | None = None, agent: str | None = None) -> OnError:
    """The same for failures of every class."""
    return OnError(tuple((category, Reaction(does, attempts, agent)) for category in ERROR_CLASSES))


ROWS = (
    Row("retry", "retry", Retry(3, s(PAUSE), 1.0, jitter="none")),
    Row("timeout", "timeout", Timeout(s(TOTAL))),
    Row("attempt", "timeout", Timeout(attempt=s(EACH))),
    Row("cache", "cache", Cache(s(3600))),
    Row("fallback", "fallback", Fallback(("spare",))),
    Row("again", "on_error", on_error("retry", attempts=2)),
    Row("reset", "on_error", on_error("reset")),
    Row("skip", "on_error", on_error("skip")),
    Row("instead", "on_error", on_error("fallback", agent="spare")),
    Row("last", "on_error", on_error("escalate", agent="spare")),
    Row("terminate", "on_error", on_error("terminate")),
    Row("concurrency", "concurrency", None),
    Row("limit", "limit", None),
    Row("breaker", "breaker", None),
    Row("budget", "budget", Budget(Money(10**9))),
    Row("hedge", "hedge", Hedge(s(BESIDE))),
    Row("once", "once", Once()),
)
AT_ONCE = {"limit", "concurrency", "breaker"}
"""What two attempts at once have in common: the interpreter makes one after the other (`test_hedge_model.py`)."""


def may_stand(one: Row, other: Row) -> bool:
    """Whether the two are a pair."""
    is_beside = "hedge" in (one.name, other.name) and not AT_ONCE.isdisjoint((one.name, other.name))
    return one.kind != other.kind and not is_beside


PAIRS = [pair for pair in permutations(ROWS, 2) if may_stand(*pair)]


def scene(pair: Sequence[Row], script: Sequence[End | None], log: MemoryJournal, *, is_write: bool) -> Scene:
    """The step with both policies, in a run of that log."""
    names = {row.name for row in pair}
    answer = Reply(7, Usage(1, 1))
    acts: list[Act] = [after(1, answer if end is None else made(*end.row)) for end in script]
    main, spare, claims = Player(*acts), Player(after(1, answer)), MemoryClaims()
    claims.add("run-1", log)
    return Scene(
        {"main": main, "spare": spare},
        [row.policy for row in pair if row.policy is not None],
        idempotent=not is_write,
        slots={"main": 1} if "concurrency" in names else {},
        limits={"main": Limit((PerTime(2, s(WINDOW)),))} if "limit" in names else {},
        breakers={"main": Breaker(failures=2, window=s(3600), recovery=s(600))} if "breaker" in names else {},
        anew={"main": lambda: main, "spare": lambda: spare} if "reset" in names else {},
        settings={"model": "m", "max_tokens": 5} if "budget" in names else {},
        action="ask" if "budget" in names else "do",
        purse=Purse(dict.fromkeys(("main", "spare"), Charge(1, 1))) if "budget" in names else None,
        claims=claims,
    )


def word(played: Played) -> str:
    """How a call ended, as the interpreter says it."""
    match played.outcome:
        case Answer(None):
            return "none"
        case Answer(_, agent):
            return agent or "main"
        case Failure() as failure:
            mark = "run " if failure.limit == "" else "doubt " if failure.in_doubt else ""
            return mark + failure.error
        case other:
            raise AssertionError(other)


def settled(path: str, played: Played) -> Event:
    """What the log of the run says of a call."""
    match played.outcome:
        case Answer(value, agent, absorbed=absorbed):
            return NodeDone(path, value, absorbed, agent)
        case Failure() as failure:
            return NodeFailed(path, failure)
        case other:
            raise AssertionError(other)


async def really(pair: Sequence[Row], script: Sequence[End | None], *, is_write: bool) -> tuple[object, ...]:
    """Two calls, one after the other: how they end, when what was sent, and what waited how long."""
    log = MemoryJournal(CLOCK)
    made_of, waits = scene(pair, script, log, is_write=is_write), list[float]()
    paid = list[tuple[int, bool]]()

    def heard(event: Event) -> None:
        if isinstance(event, CallAdmitted):
            waits.append(event.waited)
        if isinstance(event, BudgetSettled):
            paid.append((event.calls, event.is_estimated))

    async with asyncio.TaskGroup() as group:
        if "concurrency" in {row.name for row in pair}:
            group.create_task(made_of.limits_held("main", s(HELD)))
            await CLOCK.sleep(s(0))
        ends = list[str]()
        for path in ("main/a", "main/b"):
            played = await made_of.play(heard=heard, args={"prompt": "x"}, path=path)
            await log.append([NodeStarted(path), settled(path, played)])
            ends.append(word(played))
        now = round(CLOCK.monotonic(), 6)
    asked = [(name, round(at, 6)) for name, player in made_of.agents.items() for at in player.at]
    return ends, now, sorted(asked, key=lambda each: (each[1], each[0])), waits, paid


def by_the_book(pair: Sequence[Row], script: Sequence[End | None], *, is_write: bool) -> tuple[object, ...]:
    """The same, by the interpreter."""
    world = World(frozenset(row.name for row in pair), script, is_write)
    if world.does("concurrency"):
        world.starts.append(0.0)  # of whoever has the place
    ends = both(world)
    asked = sorted(world.requests, key=lambda each: (each[1], each[0]))
    return ends, round(world.now, 6), asked, world.waits, world.paid if world.does("budget") else []


Case: TypeAlias = tuple[Sequence[End | None], bool]
"""What the first agent's attempts end with, and whether the step writes."""


def of_its_kind(end: End) -> bool:
    """Whether an outcome is the first of those that the table says the same of."""

    def kind(end: End) -> tuple[object, ...]:
        what = end.error
        said = what in DOUBTFUL, what in OPEN, what in ("BudgetExceeded", "LoopStopped")
        return end.is_sent, end.category, *end[3:], *said

    return end is next(each for each in ENDS if kind(each) == kind(end))


def cases(pair: tuple[Row, Row], *, is_brief: bool) -> list[Case]:
    """What is tried of a pair."""
    writes = (False,) if "hedge" in (pair[0].name, pair[1].name) else (False, True)  # nobody sends one twice (rule C9)
    ends = [end for end in ENDS if not is_brief or of_its_kind(end)]
    scripts: list[Sequence[End | None]] = [script for end in ends for script in ([end], [end, None])]
    every = list(product(scripts, writes))
    return every[ROWS.index(pair[0]) < ROWS.index(pair[1]) :: 2] if is_brief else every


def test_a_brief_look_leaves_no_kind_of_outcome_out() -> None:
    """In one order or the other each pair is tried with one outcome of each kind, once and again, read and written."""
    pair = ROWS[0], ROWS[1]
    tried = [case for each in (pair, pair[::-1]) for case in cases(each, is_brief=True)]
    assert len(tried) == 4 * sum(of_its_kind(end) for end in ENDS)
    assert {end[3:] for end in ENDS} == {end[3:] for (end, *_), _ in tried if end is not None}
    assert 4 * len(ENDS) == len(cases(pair, is_brief=False))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_pairs(pair: tuple[Row, Row]) -> None:
    """Attempts, times, waits, costs and ends of two calls are those of the order, whatever an attempt ends with."""
    for script, is_write in cases(pair, is_brief="LEADFLOW_GATE_MUTANTS" in os.environ):
        book = by_the_book(pair, script, is_write=is_write)
        assert book == run_virtual(really(pair, script, is_write=is_write)), (script, is_write)
