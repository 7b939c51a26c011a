"""Runs that can go on although nobody works on them: which these are, since when, and staying with one to its end."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadflow import Result, RunOptions, Status
from leadflow.due import Due, idle_runs, stay_with
from leadflow.events.model import Entry, NodeDone, NodeStarted
from leadflow.keeping import opened
from leadflow.run.brake import Brake
from tests.test_people import T1, Office, Play, play

__all__ = ["play"]

ASK = """flow main() -> string {
  step why = boss.ask("Why?") catch e => e.class
  step noted = note(why)
  return noted
}
"""
TIMED = """flow main() -> string {
  step both = late() catch e => e.class
  return both
}
@timeout(3h) flow late() -> string {
  step why: string = desk.ask("Why?")
  return why
}
"""
TWO = """flow main() -> string {
  step seen = look("x")
  step noted = note("y") after seen
  return noted
}
"""
SOON = ASK.replace("boss.ask(", "boss.ask(expires: 90s, question: ")
STEP_TIMED = ASK.replace("step why", "@timeout(5h) step why").replace("boss", "desk")
DROP = """flow main(table: string) -> int {
  step ok = desk.approve("Drop ${table}?", show: { table: table })
  step dropped = drop(table) undo none
  return dropped
}
"""


async def due(office: Office) -> Sequence[Due]:
    """What can go on now."""
    async with opened(office.program.project, office.clock) as store:
        rows, project = await store.runs(), office.program.project
        return (await idle_runs(store, rows, project, office.clock.timestamp())).due


async def told(office: Office) -> list[str]:
    """The same, in words, with the hours since."""
    now = office.clock.timestamp()
    return [f"{one.wake.why} {round((now - one.wake.at) / 3600)} h ago" for one in await due(office)]


def test_a_run_is_due_when_its_question_has_expired(play: Play) -> None:
    """Not before; resumed it goes on without an answer, and is not due any more."""

    async def scene(office: Office) -> None:
        result = await office.run()
        office.days(1.9)
        assert [] == await told(office)
        office.days(0.225)
        assert ["the question at main/why expired 3 h ago"] == await told(office)
        done = await office.resume(result)
        assert (Status.DONE, "timeout") == (done.status, done.value)
        assert [] == await told(office)

    play(ASK, scene)


def test_a_run_is_due_when_somebody_has_answered(play: Play) -> None:
    """An answer that was only kept lets it go on, and no other run."""

    async def scene(office: Office) -> None:
        result, _ = await office.run(T1), await office.run(T1)
        assert [] == await told(office)
        await office.answer(result, "ok", True)
        office.days(0.5)
        assert [(result.run, "main/ok has an answer")] == [(one.row.id, one.wake.why) for one in await due(office)]
        assert 3 == (await office.resume(result)).value

    play(DROP, scene)


@pytest.mark.parametrize(("flow", "hours", "what"), [(TIMED, 3, "main/both"), (STEP_TIMED, 5, "main/why")])
def test_a_run_is_due_when_the_time_around_a_question_is_over(play: Play, flow: str, hours: int, what: str) -> None:
    """Case T12: the wait for a person counts in the `@timeout` of the step, and of what stands around it."""

    async def scene(office: Office) -> None:
        result = await office.run()
        office.days((hours - 1) / 24)
        assert [] == await told(office)
        office.days(3 / 24)
        (text,) = await told(office)
        assert text.startswith(f"the time of {what}") and text.endswith("was over 2 h ago")
        done = await office.resume(result)
        assert (Status.DONE, "timeout") == (done.status, done.value)

    play(flow, scene)


def test_a_run_is_due_when_its_deadline_has_passed(play: Play) -> None:
    """The time of the whole run goes on while it waits."""

    async def scene(office: Office) -> None:
        options = RunOptions(clock=office.clock, deadline=timedelta(hours=4))
        result = await office.program.run("main", {}, options)
        office.days(0.25)
        assert ["the time of the run was over 2 h ago"] == await told(office)
        failed = await office.resume(result)
        assert failed.failure is not None
        assert (Status.FAILED, "timeout.total") == (failed.status, failed.failure.error)

    play(ASK, scene)


def test_a_run_that_cannot_be_read_keeps_no_other_from_going_on(play: Play) -> None:
    """Its log is not what this leadflow would have made of its plan."""

    async def scene(office: Office) -> None:
        odd, good = await office.run({}), await office.run({})
        async with opened(office.program.project, office.clock) as store:
            claimed = await store.claim(odd.run)
            assert claimed is not None
            await claimed.append([NodeDone("main/nowhere", 1)])
            await store.release(odd.run, claimed.epoch)
        office.days(3)
        assert [good.run] == [one.row.id for one in await due(office)]

    play(ASK, scene)


@pytest.mark.parametrize(("why", "seen"), [("SIGTERM", ["it was stopped by SIGTERM 0 h ago"]), ("SIGINT", [])])
def test_a_run_that_was_stopped_by_hand_is_left_alone(play: Play, why: str, seen: list[str]) -> None:
    """A machine that shuts down means no run; who presses Ctrl-C means this one."""

    async def scene(office: Office) -> None:
        brake = Brake()

        def at_the_first_step(entry: Entry) -> None:
            if isinstance(entry.event, NodeStarted):
                brake.pull(why)

        options = RunOptions(clock=office.clock, brake=brake, observers=(at_the_first_step,))
        result = await office.program.run("main", {}, options)
        assert (True, ["look x"]) == (result.is_paused, office.notes)
        assert seen == await told(office)
        assert "y" == (await office.resume(result)).value

    play(TWO, scene)


@pytest.mark.parametrize(("why", "seen"), [("SIGTERM", ["it was stopped by SIGTERM 0 h ago"]), ("SIGINT", [])])
def test_a_run_that_was_stopped_before_its_first_call_was_stopped(play: Play, why: str, seen: list[str]) -> None:
    """By hand or by a machine that shuts down: its log says which, though nothing of it has begun."""

    async def scene(office: Office) -> None:
        brake = Brake()
        brake.pull(why)
        result = await office.program.run("main", {}, RunOptions(clock=office.clock, brake=brake))
        assert (True, []) == (result.is_paused, office.notes)
        assert seen == await told(office)
        assert ("y", ["look x", "y"]) == ((await office.resume(result)).value, office.notes)

    play(TWO, scene)


def test_a_clock_that_is_set_back_keeps_nobody_from_it(play: Play) -> None:
    """Case K1: a run whose process ended, or that has its answer, is due whatever the wall clock says by now; what was
    asked before the jump still expires at its own hour."""

    async def scene(office: Office) -> None:
        result = await office.run(T1)
        await office.answer(result, "ok", True)
        office.days(-2)
        assert ["main/ok has an answer 0 h ago"] == await told(office)
        assert 3 == (await office.resume(result)).value

    play(DROP, scene)


def test_whoever_stays_waits_for_the_end_of_a_question(play: Play) -> None:
    """The run is nobody's meanwhile, and goes on in the second in which the question expires."""

    async def scene(office: Office) -> None:
        begun = office.clock.timestamp()
        result = await stayed(office, await office.run())
        assert (Status.DONE, "timeout") == (result.status, result.value)
        assert 90 <= office.clock.timestamp() - begun < 95

    play(SOON, scene)


def test_whoever_stays_hears_an_answer(play: Play) -> None:
    """Given by another process, which leaves the run to this one or goes on with it itself."""

    async def scene(office: Office) -> None:
        for resumes in (False, True):
            waits = await office.run(T1)
            staying = asyncio.get_running_loop().create_task(stayed(office, waits))
            await office.clock.sleep(timedelta(minutes=1))
            await office.answer(waits, "ok", True)
            if resumes:
                await office.resume(waits)
            assert 3 == (await staying).value
        assert ["drop t1", "drop t1"] == office.notes

    play(DROP, scene)


def test_a_brake_ends_the_staying(play: Play) -> None:
    """The run waits as before."""

    async def scene(office: Office) -> None:
        waits, brake = await office.run(T1), Brake()
        asyncio.get_running_loop().call_later(60, brake.pull, "SIGTERM")
        result = await stayed(office, waits, brake)
        assert (True, ["main/ok"]) == (result.is_paused, [asked.path for asked in result.questions])

    play(DROP, scene)


async def stayed(office: Office, waits: Result, brake: Brake | None = None) -> Result:
    """Go on with a run to its end."""
    options = RunOptions(clock=office.clock, brake=brake)
    program = office.program
    return await stay_with(waits.run, lambda: program.resume(waits.run, options), program.project, options)
