"""What every store has to do. A store's own tests inherit `Conformance` and say how one is opened.

Times are the clock's that the store was given: nothing here waits.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from leadflow.events.model import (
    CancelRequested,
    Event,
    Failure,
    NodeDone,
    NodeStarted,
    QuestionAnswered,
    RunCancelled,
    RunDone,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    Status,
)
from leadflow.plan.types import Value
from leadflow.run.adapters import SystemClock
from leadflow.run.ports import Claim
from leadflow.run.store import Fenced, HeldJournal, NewRun, Store, Wanted

LEASE = timedelta(seconds=10)
STARTED = RunStarted("r", "main", "plan-1", {"n": 1}, 7, datetime(2026, 11, 29, tzinfo=UTC))


class SetClock(SystemClock):
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def timestamp(self) -> float:
        """What it was set to."""
        return self.at


def new_run(id_: str = "r", flow: str = "main") -> NewRun:
    """A run that has not begun."""
    return NewRun(id_, flow, "plan-1", "main.flow", "digest", "{}", 1_000_000.0)


class FromOutside(ABC):
    """The contract of `run.store.Store` for those who do not hold a run."""

    @abstractmethod
    def opened(self, folder: Path, clock: SetClock, owner: str) -> AbstractAsyncContextManager[Store]:
        """The store of a folder, as a worker of that name has it open."""

    @pytest.fixture
    def play(self, tmp_path: Path) -> Callable[[Callable[["Stage"], Awaitable[None]]], None]:
        """Runs a scene in which workers may have the store open."""

        def run(scene: Callable[[Stage], Awaitable[None]]) -> None:
            asyncio.run(self._play(scene, tmp_path))

        return run

    async def _play(self, scene: Callable[["Stage"], Awaitable[None]], folder: Path) -> None:
        clock = SetClock()
        async with self.opened(folder, clock, "one") as one, self.opened(folder, clock, "two") as two:
            await scene(Stage(one, two, clock))

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (Wanted(), ["c", "b", "a"]),
            (Wanted(flow="two"), ["b"]),
            (Wanted(status=Status.DONE), ["b"]),
            (Wanted(is_open=True), ["c", "a"]),
            (Wanted(is_open=True, flow="one"), ["a"]),
            (Wanted(is_open=True, run="b"), []),
            (Wanted(since=1_000_001.0), ["c", "b"]),
            (Wanted(since=1_000_001.0, until=1_000_001.0), ["b"]),
            (Wanted(inputs=(("n", (1,)),)), ["a"]),
            (Wanted(inputs=(("n", (1, "1")),)), ["b", "a"]),
            (Wanted(inputs=(("n", ("1",)), ("text", ("it's",)))), ["b"]),
            (Wanted(inputs=(("list", ((1, {"k": True}),)),)), ["b"]),
            (Wanted(inputs=(("list", ((1, {"k": False}),)),)), []),
            (Wanted(inputs=(("n", (None,)),)), ["c"]),
            (Wanted(inputs=(("n", ("' OR 1=1 --",)),)), []),
            (Wanted(flow="' OR 1=1 --"), []),
            (Wanted(run="b"), ["b"]),
            (Wanted(run="bb"), []),
            (Wanted(run="B"), []),
            (Wanted(run="b", flow="one"), []),
            (Wanted(run="b%"), []),
            (Wanted(run="' OR 1=1 --"), []),
            (Wanted(run="b\udcff"), []),
            (Wanted(flow="\udcff"), []),
        ],
    )
    def test_runs_are_found_by_what_is_known_of_them(self, play: Any, wanted: Wanted, found: list[str]) -> None:
        """By flow, state, time and input: all that is asked for has to hold, and a text is no number."""

        async def scene(stage: Stage) -> None:
            many: Value = {"n": "1", "text": "it's", "list": (1, {"k": True}), "long": "x" * 100_000}
            for number, (flow, inputs) in enumerate((("one", {"n": 1}), ("two", many), ("three", {}))):
                run = NewRun("abc"[number], flow, "plan-1", "main.flow", "digest", "{}", 1_000_000.0 + number)
                start = replace(STARTED, flow=flow, inputs=cast(Mapping[str, Value], inputs))
                await (await stage.one.create(run, "plan")).append([start, *([RunDone(1)] if flow == "two" else [])])
            assert found == [row.id for row in await stage.two.runs(wanted)]

        play(scene)

    @pytest.mark.parametrize(
        ("before", "most", "left"),
        [
            (None, None, ["held", "open", "d", "c", "b", "a"]),
            (1_000_002.0, None, ["held", "open", "d", "c"]),
            (None, 1, ["held", "open"]),
            (None, 2, ["held", "open", "d"]),
            (1_000_003.0, 3, ["held", "open", "d"]),
            (9_000_000.0, 1, ["held", "open"]),
        ],
    )
    def test_old_runs_are_forgotten(self, play: Any, before: float | None, most: int | None, left: list[str]) -> None:
        """Of those that have ended and that nobody holds, by age, by number, or both; the others are not touched."""

        async def scene(stage: Stage) -> None:
            for number, name in enumerate(("a", "b", "c", "d", "open", "held")):
                stage.clock.at = 1_000_000.0 + number
                journal = await stage.one.create(new_run(name), "plan")
                await journal.append([STARTED, NodeDone("main/a", name * 100_000)])
                await journal.append([RunDone(1)] if name != "open" else [NodeStarted("main/b")])
                if name != "held":
                    await stage.one.release(name, 1)
            assert 6 - len(left) == await stage.two.expire(before, most)
            assert left == [row.id for row in await stage.two.runs()]
            assert {3} == {len(await stage.one.load(name)) for name in left}

        play(scene)

    def test_the_first_has_a_key_until_it_gives_it_up(self, play: Any) -> None:
        """`@once`: of many that ask at once, in two processes, one has the key; another one only instead of that one,
        and of two who see that it was given up, one. It goes with its run."""

        async def scene(stage: Stage) -> None:
            await stage.one.create(new_run("a"), "plan")
            claims = [Claim("ab"[number % 2], f"main/{number}") for number in range(20)]
            stores = [(stage.one, stage.two)[number % 2] for number in range(20)]
            asked = zip(stores, claims, strict=True)
            had = await asyncio.gather(*(store.take_key("k", claim, None) for store, claim in asked))
            first = had[0]
            assert {first} == set(had) and first in claims
            other = Claim("b", "main/other")
            assert other == await stage.two.take_key("other", other, None)
            assert first == await stage.two.take_key("k", other, Claim("a", "main/nobody"))
            both = await asyncio.gather(
                stage.one.take_key("k", other, first), stage.two.take_key("k", Claim("c", "main/c"), first)
            )
            assert both[0] == both[1] and both[0] in (other, Claim("c", "main/c"))
            await stage.one.take_key("mine", Claim("a", "main/a"), None)
            await stage.one.release("a", 1)
            assert await stage.two.remove("a")
            assert other == await stage.two.take_key("mine", other, None)

        play(scene)

    def test_a_wish_lies_there_until_it_is_heard(self, play: Any) -> None:
        """Whoever works on a run hears of wishes of others, in order; they go with the run."""

        async def scene(stage: Stage) -> None:
            journal, first, second = (
                await stage.one.create(new_run(), "plan"),
                CancelRequested("a"),
                CancelRequested("b", True),
            )
            assert [] == list(await journal.wishes())
            await stage.two.wish("r", first)
            await stage.two.wish("r", replace(second, by="ada"))
            await stage.two.wish("other", first)
            assert [first, replace(second, by="ada")] == list(await journal.wishes())
            await stage.one.release("r", 1)
            await stage.two.remove("r")
            assert [] == list(await stage.two.wishes("r"))

        play(scene)

    def test_the_first_answer_stays(self, play: Any) -> None:
        """Anybody may answer a question of a run, whoever holds it; a second answer is told the first; they go with the
        run."""

        async def scene(stage: Stage) -> None:
            await stage.one.create(new_run(), "plan")
            first, second = (QuestionAnswered("main/a", 1, {"n": (1, None)}, by, 5.0) for by in ("ada", "bob"))
            again = replace(second, number=2)
            assert None is await stage.two.answer("r", first)
            assert first == await stage.one.answer("r", second)
            assert None is await stage.one.answer("r", again)
            assert [first, again] == list(await stage.two.answers("r"))
            with pytest.raises(KeyError):
                await stage.one.answer("nix", first)
            await stage.one.release("r", 1)
            await stage.two.remove("r")
            assert [] == list(await stage.two.answers("r"))

        play(scene)

    def test_a_run_that_waits_for_people_is_listed_so(self, play: Any) -> None:
        """A pause with questions is a wait; one without is none; and it is over when the run is taken up."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            for event, status in (
                (STARTED, Status.RUNNING),
                (RunPaused("it waits for people", ("main/a",)), Status.WAITING),
                (RunResumed("me"), Status.RUNNING),
                (RunPaused("SIGTERM"), Status.RUNNING),
            ):
                await journal.append([event])
                assert [status] == [row.status for row in await stage.two.runs()]

        play(scene)

    def test_whoever_watches_reads_from_where_they_were(self, play: Any) -> None:
        """The tail of a run is what came since; of a run that is not there, there is none."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            entries = await journal.append([STARTED, NodeStarted("main/a"), NodeDone("main/a", "x" * 100_000)])
            assert [list(entries), list(entries[2:]), []] == [list(await stage.two.tail("r", n)) for n in (0, 2, 3)]
            with pytest.raises(KeyError):
                await stage.two.tail("nothing", 0)

        play(scene)


class Conformance(FromOutside):
    """The contract of `run.store.Store`."""

    def test_events_are_kept_in_order(self, play: Any) -> None:
        """What was appended is loaded again, by anybody, in order and numbered without gaps."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            first = await journal.append([STARTED, NodeStarted("main/a")])
            second = await journal.append([NodeDone("main/a", {"x": (1, None)})])
            assert [*first, *second] == list(await stage.two.load("r"))
            assert [0, 1, 2] == [entry.seq for entry in await journal.load()]

        play(scene)

    def test_nothing_is_appended_by_nothing(self, play: Any) -> None:
        """An append without events keeps nothing and breaks nothing."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            assert [] == list(await journal.append([]))
            await journal.append([STARTED])
            assert 1 == len(await journal.load())

        play(scene)

    def test_a_plan_is_kept_by_its_hash(self, play: Any) -> None:
        """The text of a plan is there for as long as a run may need it; others are not."""

        async def scene(stage: Stage) -> None:
            await stage.one.keep_plan("plan-1", "text")
            await stage.one.keep_plan("plan-1", "text")
            assert ("text", None) == (await stage.two.plan("plan-1"), await stage.two.plan("plan-2"))

        play(scene)

    def test_a_new_run_brings_its_plan(self, play: Any) -> None:
        """Who forgets the last other run of a plan takes nothing from a run that is new."""

        async def scene(stage: Stage) -> None:
            old = await stage.one.create(new_run("old"), "text")
            await stage.one.release("old", old.epoch)
            await stage.two.remove("old")
            assert await stage.one.plan(new_run().plan) is None
            await stage.one.create(new_run(), "text")
            assert "text" == await stage.two.plan(new_run().plan)

        play(scene)

    @pytest.mark.parametrize(
        ("event", "status"),
        [
            (STARTED, Status.RUNNING),
            (RunDone(1), Status.DONE),
            (RunCancelled("enough"), Status.CANCELLED),
        ],
    )
    def test_the_list_says_where_a_run_stands(self, play: Any, event: Event, status: Status) -> None:
        """The list of runs follows the events that begin and end a run."""

        async def scene(stage: Stage) -> None:
            await (await stage.one.create(new_run(), "plan")).append([event])
            assert status is (await stage.two.runs())[0].status

        play(scene)

    def test_the_list_has_the_newest_first(self, play: Any) -> None:
        """Runs are listed with what they are runs of, the newest first."""

        async def scene(stage: Stage) -> None:
            for id_ in ("a", "b"):
                await stage.one.create(new_run(id_, f"flow-{id_}"), "plan")
            assert [("b", "flow-b"), ("a", "flow-a")] == [(row.id, row.flow) for row in await stage.two.runs()]

        play(scene)

    def test_a_run_is_forgotten(self, play: Any) -> None:
        """A run that nobody holds is removed with its events; others, and one that is held, stay."""

        async def scene(stage: Stage) -> None:
            journals = [await stage.one.create(new_run(id_), "plan") for id_ in ("a", "b")]
            for journal in journals:
                await journal.append([STARTED, NodeDone("main/a", "x" * 100_000)])
            assert not await stage.two.remove("a")
            await stage.one.release("a", 1)
            assert await stage.two.remove("a")
            assert ["b"] == [row.id for row in await stage.one.runs()]
            assert 2 == len(await stage.one.load("b"))
            with pytest.raises(KeyError):
                await stage.one.remove("a")

        play(scene)

    def test_an_unknown_run_is_told(self, play: Any) -> None:
        """Nobody can claim or load a run that is not there."""

        async def scene(stage: Stage) -> None:
            with pytest.raises(KeyError):
                await stage.one.load("nothing")
            with pytest.raises(KeyError):
                await stage.one.claim("nothing")

        play(scene)

    def test_a_run_that_is_held_is_nobody_elses(self, play: Any) -> None:
        """Case D18: while one worker holds a run, another one does not get it."""

        async def scene(stage: Stage) -> None:
            await stage.one.create(new_run(), "plan")
            assert (await stage.two.runs())[0].is_held
            assert None is await stage.two.claim("r")

        play(scene)

    def test_a_run_that_was_given_back_is_claimed_at_once(self, play: Any) -> None:
        """Who gives a run back lets others go on without waiting for a lease."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            await stage.one.release("r", journal.epoch)
            taken = await stage.two.claim("r")
            assert taken is not None
            assert journal.epoch + 1 == taken.epoch

        play(scene)

    def test_claims_that_were_not_given_back_are_counted(self, play: Any) -> None:
        """Case D15: each worker in a row that falls silent counts; one that gives the run back ends the row, unless it
        says that it did not work on it."""

        async def scene(stage: Stage) -> None:
            held: HeldJournal | None = await stage.one.create(new_run(), "plan")
            for crashes in (1, 2):
                stage.clock.at += 11
                assert crashes == (await stage.one.runs())[0].crashes
                held = await stage.two.claim("r")
                assert crashes == (await stage.one.runs())[0].crashes
            assert held is not None
            await stage.two.release("r", held.epoch, went_well=False)
            assert 2 == (await stage.one.runs())[0].crashes
            held = await stage.two.claim("r")
            assert held is not None
            await stage.two.release("r", held.epoch)
            assert 0 == (await stage.one.runs())[0].crashes

        play(scene)

    def test_a_lease_ends_by_the_clock_of_the_store(self, play: Any) -> None:
        """Case D13: a claim holds until its lease has passed, and longer only when it is renewed."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            stage.clock.at += 8
            assert await stage.one.renew("r", journal.epoch)
            stage.clock.at += 8
            assert None is await stage.two.claim("r")
            stage.clock.at += 3
            assert None is not await stage.two.claim("r")

        play(scene)

    def test_a_worker_that_lost_its_run_is_fenced(self, play: Any) -> None:
        """Cases D12, D14: what comes from an older epoch is refused as a whole, and changes nothing."""

        async def scene(stage: Stage) -> None:
            old = await stage.one.create(new_run(), "plan")
            await old.append([STARTED])
            stage.clock.at += 11
            new = await stage.two.claim("r")
            assert new is not None
            with pytest.raises(Fenced, match="taken over"):
                await old.append([NodeStarted("main/late"), RunFailed(_FAILURE)])
            assert not await stage.one.renew("r", old.epoch)
            await stage.one.release("r", old.epoch)
            await new.append([NodeStarted("main/a")])
            assert [STARTED, NodeStarted("main/a")] == [entry.event for entry in await new.load()]
            assert (Status.RUNNING, True, 2) == _told(await stage.one.runs())

        play(scene)

    def test_the_new_worker_continues_the_chain(self, play: Any) -> None:
        """What a claimed run appends stands behind what was there, and all of it is found to be whole."""

        async def scene(stage: Stage) -> None:
            old = await stage.one.create(new_run(), "plan")
            await old.append([STARTED, NodeDone("main/a", "x" * 100_000)])
            await stage.one.release("r", old.epoch)
            new = await stage.two.claim("r")
            assert new is not None
            await new.append([NodeDone("main/b", "x" * 100_000)])
            assert [0, 1, 2] == [entry.seq for entry in await stage.one.load("r")]

        play(scene)

    def test_many_runs_append_at_once(self, play: Any) -> None:
        """Appends of many runs at the same time each keep their own rows in their own order."""

        async def scene(stage: Stage) -> None:
            async def work(journal: HeldJournal) -> None:
                for number in range(20):
                    await journal.append([NodeStarted(f"{journal.run}/{number}")])

            journals = [await stage.one.create(new_run(f"run-{number}"), "plan") for number in range(20)]
            async with asyncio.TaskGroup() as group:
                for journal in journals:
                    group.create_task(work(journal))
            for journal in journals:
                kept = [entry.event for entry in await stage.two.load(journal.run)]
                assert [NodeStarted(f"{journal.run}/{number}") for number in range(20)] == kept

        play(scene)

    def test_claims_at_once_have_one_winner(self, play: Any) -> None:
        """Case D12: of many claims of one run at the same moment exactly one is granted."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            await stage.one.release("r", journal.epoch)
            async with asyncio.TaskGroup() as group:
                claims = [group.create_task(store.claim("r")) for store in (stage.one, stage.two) * 5]
            assert 1 == sum(claim.result() is not None for claim in claims)

        play(scene)

    def test_a_cancelled_append_is_whole_or_absent(self, play: Any) -> None:
        """Case X3: who stops waiting for a commit leaves it whole; the journal goes on behind it after a new claim."""

        async def scene(stage: Stage) -> None:
            journal = await stage.one.create(new_run(), "plan")
            waiting = asyncio.ensure_future(journal.append([STARTED, NodeStarted("main/a")]))
            await stage.clock.sleep(timedelta(0))
            waiting.cancel()
            (told,) = await asyncio.gather(waiting, return_exceptions=True)
            await stage.one.release("r", journal.epoch)
            again = await stage.two.claim("r")
            assert again is not None
            assert len(await again.load()) in ((0, 2) if isinstance(told, asyncio.CancelledError) else (2,))
            await again.append([NodeStarted("main/b")])
            await stage.one.load("r")

        play(scene)


_FAILURE = Failure("agent.failed", "agent", "too late")


def _told(rows: Any) -> tuple[Status, bool, int]:
    return rows[0].status, rows[0].is_held, rows[0].claims


class Stage:
    """Two workers with one store, and the clock that both go by."""

    def __init__(self, one: Store, two: Store, clock: SetClock) -> None:
        self.one = one
        self.two = two
        self.clock = clock
