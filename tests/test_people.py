"""Questions to people, through the public door: a run pauses, is answered from outside, and goes on."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

import leadflow
from leadflow import NotAnswered, Program, Result, RunOptions, StartProblem, Status
from leadflow.events.model import Entry, NodeDone, QuestionAnswered, QuestionAsked, RunPaused, RunResumed, RunStarted
from leadflow.run.adapters import SystemClock
from leadflow.runs import UnderWay
from leadflow.testing import run_virtual

WORK = '''"""What the flows of these tests do beside asking."""
from pathlib import Path

HERE = Path(__file__).parent


def note(text):
    with (HERE / "notes").open("a") as file:
        file.write(text + "\\n")
    return text


def look(text):
    if text == "boom":
        raise ValueError(text)
    return note("look " + text)


def drop(table):
    if (gate := HERE / "gate").exists():
        gate.read_bytes()  # of a pipe: as long as somebody holds its other end
    note("drop " + table)
    return 3
'''
HEAD = """leadflow 1
@dangerous tool drop(table: string) -> int = python("work:drop")
@read tool look(text: string) -> string = python("work:look")
tool note(text: string) -> string = python("work:note")
agent desk: human { assignee: "dba" }
agent boss: human { expires: 2d }
"""
DROP = """flow main(table: string) -> int {
  step ok = desk.approve("Drop ${table}?", show: { table: table })
  step dropped = drop(table) undo none
  return dropped
}
"""
T1 = {"table": "t1"}


class Calendar(SystemClock):
    """A wall clock that goes with the loop, and can be set forward while no run is under way."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._loop = asyncio.get_running_loop()

    def timestamp(self) -> float:
        """Seconds since the epoch, in 2026."""
        return 1_780_000_000.0 + self.ahead.total_seconds() + self._loop.time()

    def now(self) -> datetime:
        """The same."""
        return datetime.fromtimestamp(self.timestamp(), UTC)


class Office:
    """A project with a flow, and the days that pass in it."""

    def __init__(self, folder: Path, flow: str) -> None:
        (folder / "work.py").write_text(WORK)
        (folder / "main.flow").write_text(HEAD + flow)
        self.folder = folder
        self.clock = Calendar()
        self.program: Program = leadflow.load(folder / "main.flow")
        self.options = RunOptions(clock=self.clock)

    async def run(self, inputs: Mapping[str, object] | None = None) -> Result:
        """A run until it ends or pauses."""
        return await self.program.run("main", inputs or {}, self.options)

    async def resume(self, result: Result) -> Result:
        """The same run, as another process goes on with it."""
        return await self.program.resume(result.run, self.options)

    async def answer(self, result: Result, step: str, value: object, *, note: str = "") -> None:
        """What somebody answers."""
        await self.program.answer(result.run, step, value, by="ada", note=note, options=self.options)

    async def refused(self, result: Result, step: str, value: object) -> str:
        """Why somebody's answer does not count."""
        with pytest.raises(NotAnswered) as caught:
            await self.answer(result, step, value)
        return str(caught.value).replace(result.run, "RUN")

    def days(self, count: float) -> None:
        """Nobody works on any run for so long."""
        self.clock.ahead += timedelta(days=count)

    @property
    def notes(self) -> list[str]:
        """What was done, in order."""
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []


Scene: TypeAlias = Callable[[Office], Awaitable[None]]
Play: TypeAlias = Callable[[str, Scene], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Plays a scene around a flow, in virtual time."""

    def run(flow: str, scene: Scene) -> None:
        async def main() -> None:
            await scene(Office(tmp_path, flow))

        run_virtual(main())

    return run


def kinds(entries: Sequence[Entry], *wanted: type) -> list[str]:
    """The events of these kinds, by name and path."""
    found = [entry.event for entry in entries if isinstance(entry.event, wanted)]
    return [f"{type(event).__name__} {getattr(event, 'path', '')}".strip() for event in found]


def test_a_run_pauses_is_answered_and_goes_on(play: Play) -> None:
    """Nothing dangerous happens before the yes; the log says who asked whom, who answered, and when."""

    async def scene(office: Office) -> None:
        paused = await office.run(T1)
        assert (Status.WAITING, True, []) == (paused.status, paused.is_paused, office.notes)
        (asked,) = paused.questions
        assert ("main/ok", "dba", "Drop t1?", {"table": "t1"}) == (
            asked.path, asked.assignee, asked.question, asked.show,
        )  # fmt: skip
        office.days(3)
        await office.answer(paused, "main/ok", True, note="fine")
        done = await office.resume(paused)
        assert (Status.DONE, 3, ["drop t1"]) == (done.status, done.value, office.notes)
        (answer,) = [entry.event for entry in done.entries if isinstance(entry.event, QuestionAnswered)]
        assert ("ada", True, "fine", 259_200) == (
            answer.by, answer.value, answer.note, round(answer.at - done.entries[0].at),
        )  # fmt: skip
        assert ["QuestionAsked main/ok", "RunPaused", "RunResumed", "QuestionAnswered main/ok"] == kinds(
            done.entries, QuestionAsked, RunPaused, RunResumed, QuestionAnswered
        )

    play(DROP, scene)


def test_a_no_is_the_failure_refused(play: Play) -> None:
    """Rule C9: nothing happens on a no; the failure says who said it and why."""

    async def scene(office: Office) -> None:
        paused = await office.run(T1)
        await office.answer(paused, "ok", False, note="not today")
        failed = await office.resume(paused)
        assert failed.failure is not None
        assert ("permission.refused", "permission", []) == (
            failed.failure.error, failed.failure.category, office.notes,
        )  # fmt: skip
        assert failed.failure.message.startswith("ada said no at ") and failed.failure.message.endswith(": not today")

    play(DROP, scene)


def test_the_first_answer_stays(play: Play) -> None:
    """Whoever comes second hears who was first; so does whoever answers once the run has gone on."""

    async def scene(office: Office) -> None:
        paused = await office.run(T1)
        await office.answer(paused, "ok", True)
        told = "the question at main/ok has an answer already, which stays: ada gave it at 2026-05-28 20:26:40 UTC"
        assert told == await office.refused(paused, "ok", False)
        await office.resume(paused)
        assert told == await office.refused(paused, "main/ok", False)

    play(DROP, scene)


def test_a_run_that_is_not_kept_asks_nobody(play: Play) -> None:
    """It could not wait: that is told before anything starts."""

    async def scene(office: Office) -> None:
        with pytest.raises(StartProblem, match="agent 'desk': people answer when they can"):
            await office.program.run("main", T1, RunOptions(durable=False))

    play(DROP, scene)


# --- several questions --------------------------------------------------------------------------------------------

LETTERS = """type Verdict { keep: bool  note: string? }
flow check(word: string) -> Verdict {
  step verdict: Verdict = boss.ask("Keep ${word}?")
  return verdict
}
flow main(words: list[string]) -> { kept: list[bool], size: int, notes: int } {
  step loop = for word in words at most 5 {
    step one = check(word)
    yield one.keep
  }
  step noted = note("noted") after loop
  step size: int = desk.ask("How many?")
  return { kept: loop, size: size, notes: len(noted) }
}
"""


def test_questions_are_answered_in_any_order(play: Play) -> None:
    """Each has a path of its own, also in a loop and in a flow that is called; each answer lets go on what it can."""

    async def scene(office: Office) -> None:
        paused = await office.run({"words": ["a", "b"]})
        paths = ["main/loop[0]/one/verdict", "main/loop[1]/one/verdict", "main/size"]
        assert paths == sorted(asked.path for asked in paused.questions)
        await office.answer(paused, paths[1], {"keep": False})
        paused = await office.resume(paused)
        assert [paths[0], paths[2]] == sorted(asked.path for asked in paused.questions)
        await office.answer(paused, paths[0], {"keep": True, "note": "fine"})
        paused = await office.resume(paused)
        assert (["main/size"], ["noted"]) == ([asked.path for asked in paused.questions], office.notes)
        await office.answer(paused, "size", 7)
        done = await office.resume(paused)
        assert {"kept": (True, False), "size": 7, "notes": 5} == done.value
        assert 3 == len(kinds(done.entries, QuestionAsked))

    play(LETTERS, scene)


def test_what_needs_no_answer_goes_on_first(play: Play) -> None:
    """The run pauses when nothing is left that could go on."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        assert ["look 1", "look 2"] == office.notes
        assert 60 <= paused.entries[-1].at - paused.entries[0].at < 90

    play(
        """flow main() -> string {
  step a = desk.ask("What?")
  step pause = clock.sleep(1m)
  step one = look("1") after pause
  step two = look("2") after one
  return "${a}${two}"
}
""",
        scene,
    )


def test_an_answer_is_heard_while_the_run_goes_on(play: Play) -> None:
    """A run that is under way need not be paused to hear of an answer, nor resumed."""

    async def scene(office: Office) -> None:
        entries: list[Entry] = []
        office.options = replace(office.options, observers=[entries.append])
        running = asyncio.get_running_loop().create_task(office.run())
        await office.clock.sleep(timedelta(seconds=10))
        assert await office.program.unfinished("main", {}, office.options) is None  # it is held
        begun = entries[0].event
        assert isinstance(begun, RunStarted)
        (asked,) = await office.program.questions(begun.run, office.options)
        await office.program.answer(asked.run, "a", "this", by="ada", options=office.options)
        done = await running
        assert ("thisx", []) == (done.value, kinds(done.entries, RunPaused))

    play(
        """flow main() -> string {
  step a = desk.ask("What?")
  step pause = clock.sleep(1m)
  step x = look("x") after pause
  return if x == "" then "" else "${a}x"
}
""",
        scene,
    )


# --- what is no answer --------------------------------------------------------------------------------------------


def test_what_is_no_answer_is_told_with_what_would_be_one(play: Play) -> None:
    """Steps that ask nothing, answers of other types: nothing is kept of them."""

    async def scene(office: Office) -> None:
        paused = await office.run({"words": ["a", "b"]})
        told = [
            await office.refused(paused, "nix", True),
            await office.refused(paused, "verdict", True),
            await office.refused(paused, "loop[0]/one/verdict", {"keep": "perhaps"}),
            await office.refused(paused, "size", "many"),
        ]
        assert [
            "run RUN has no open question at 'nix'; open: "
            "main/loop[0]/one/verdict, main/loop[1]/one/verdict, main/size",
            "2 questions end in 'verdict': main/loop[0]/one/verdict, main/loop[1]/one/verdict; name one",
            "the answer to main/loop[0]/one/verdict has to be of the type Verdict: at /keep: expected bool, got string",
            "the answer to main/size has to be of the type int: expected int, got string",
        ] == told
        assert 3 == len(await office.program.questions(paused.run, office.options))

    play(LETTERS, scene)


def test_a_run_that_has_ended_asks_nobody(play: Play) -> None:
    """An answer that nobody asked for says so."""

    async def scene(office: Office) -> None:
        done = await office.run()
        assert "run RUN of main asks nobody now; it is done" == await office.refused(done, "ok", True)

    play('flow main() -> string { return "x" }\n', scene)


# --- time ---------------------------------------------------------------------------------------------------------


def test_an_approval_that_expires_is_refused(play: Play) -> None:
    """Rule C9: nobody said yes in time. Who comes too late hears so."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        office.days(1.9)
        assert 1 == len((await office.resume(paused)).questions)
        office.days(0.2)
        assert "the question at main/ok has expired; `leadflow resume RUN` goes on without an answer" == (
            await office.refused(paused, "ok", True)
        )
        failed = await office.resume(paused)
        assert failed.failure is not None
        assert ("permission.refused", "boss did not answer within 2 days") == (
            failed.failure.error, failed.failure.message,
        )  # fmt: skip

    play('flow main() -> bool { step ok = boss.approve("Well?") return ok }\n', scene)


def test_a_question_that_expires_is_late(play: Play) -> None:
    """It fails with a class of its own; `catch` and `@optional` say what holds when nobody answers."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        office.days(3)
        done = await office.resume(paused)
        assert {"a": "timeout: boss did not answer within 2 days", "b": None, "c": False} == done.value

    play(
        """flow main() -> { a: string, b: string?, c: bool } {
  step a: string = boss.ask("What?") catch e => "${e.class}: ${e.message}"
  @optional
  step b: string = boss.ask("And?")
  step c = boss.approve("Sure?") catch e => false
  return { a: a, b: b, c: c }
}
""",
        scene,
    )


def test_an_answer_in_time_counts_whenever_it_is_heard(play: Play) -> None:
    """The question had two days; the answer came after one; the run goes on after a week."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        office.days(1)
        await office.answer(paused, "a", "in time")
        office.days(7)
        assert "in time" == (await office.resume(paused)).value

    play('flow main() -> string { step a: string = boss.ask("What?") return a }\n', scene)


def asking(where: str, limit: str) -> str:
    """A flow that asks a person, with a timeout on the step, on the flow or on the block around it."""
    step = 'step a: string = desk.ask("What?")'
    return {
        "step": f"flow main() -> string {{\n  @timeout({limit})\n  {step}\n  return a\n}}\n",
        "flow": f"@timeout({limit})\nflow main() -> string {{\n  {step}\n  return a\n}}\n",
        "block": f"flow main() -> string {{\n  @timeout({limit})\n  step b = do {{\n    {step}\n    yield a\n  }}\n"
        "  return b\n}\n",
    }[where]


@pytest.mark.parametrize("where", ["step", "flow", "block"])
@pytest.mark.parametrize(("asked", "answered", "resumed", "ends"), [
    ("5d", 1, 30, "done"), ("5d", 4.9, 5.1, "done"), ("5d", None, 4.9, "waits"), ("5d", None, 5.1, "timeout.total"),
])  # fmt: skip
def test_a_timeout_counts_the_days_in_which_a_person_was_asked(
    play: Play, where: str, asked: str, answered: float | None, resumed: float, ends: str
) -> None:
    """Case T12: a question is worked on by whoever is asked; behind the answer nobody works until the run goes on."""
    flow = asking(where, asked)

    async def scene(office: Office) -> None:
        paused = await office.run()
        if answered is not None:
            office.days(answered)
            await office.answer(paused, "a", "yes")
        office.days(resumed - (answered or 0))
        ended = await office.resume(paused)
        found = ended.failure.error if ended.failure is not None else "waits" if ended.is_paused else "done"
        assert ends == found, ended

    play(flow, scene)


@pytest.mark.parametrize(("where", "over"), [("step", "main/a"), ("flow", "main"), ("block", "main/b")])
def test_no_answer_counts_when_the_time_is_over(play: Play, where: str, over: str) -> None:
    """Case T2: whoever answers too late is told; the run ends as if it had never stopped."""
    flow = asking(where, "5d")

    async def scene(office: Office) -> None:
        paused = await office.run()
        office.days(5.1)
        told = await office.refused(paused, "a", "late")
        assert told == f"the time of {over} is over; `leadflow resume RUN` goes on without an answer"
        ended = await office.resume(paused)
        assert ended.failure is not None
        assert ended.failure.error == "timeout.total"

    play(flow, scene)


# --- policies -----------------------------------------------------------------------------------------------------


def test_a_person_stands_in_for_a_tool_that_fails(play: Play) -> None:
    """`escalate(desk)`: the failed agent is not asked again when the run goes on; the person's answer is the step's."""

    async def scene(office: Office) -> None:
        (office.folder / "work.py").write_text(
            WORK + "\n\ndef ask(prompt):\n    note('tried')\n    raise ValueError('no')\n"
        )
        paused = await office.run()
        (asked,) = paused.questions
        assert ("main/a", "desk", "What?", ["tried"]) == (asked.path, asked.agent, asked.question, office.notes)
        assert 1 == len((await office.resume(paused)).questions)
        await office.answer(paused, "a", "this")
        done = await office.resume(paused)
        assert ("this", ["tried"], 1) == (done.value, office.notes, len(kinds(done.entries, QuestionAsked)))

    play(
        """agent clerk: python { module: "work.py"  reads: ["ask"] }
flow main() -> string {
  @on_error(tool: escalate(desk))
  step a: string = clerk.ask("What?")
  return a
}
""",
        scene,
    )


def test_the_next_person_is_asked_when_one_says_no(play: Play) -> None:
    """`permission: escalate(boss)`: a refusal of the desk goes to the boss, who decides."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        await office.answer(paused, "ok", False)
        paused = await office.resume(paused)
        assert ["boss"] == [asked.agent for asked in paused.questions]
        await office.answer(paused, "ok", True)
        done = await office.resume(paused)
        assert (True, ["main/ok", "main/ok"]) == (
            done.value, [kind.split()[1] for kind in kinds(done.entries, QuestionAsked)],
        )  # fmt: skip

    play(
        """flow main() -> bool {
  @on_error(permission: escalate(boss))
  step ok = desk.approve("Well?")
  return ok
}
""",
        scene,
    )


def test_a_person_who_is_late_is_asked_again(play: Play) -> None:
    """`@retry` with `on: ["timeout"]`: a further attempt is a further question, and the late answer to the first one
    does not count for it."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        office.days(2.5)
        paused = await office.resume(paused)
        assert [2] == [asked.number for asked in paused.questions]
        office.days(1)
        await office.answer(paused, "a", "second")
        assert "second" == (await office.resume(paused)).value

    play(
        """flow main() -> string {
  @retry(2, on: ["timeout"])
  step a: string = boss.ask("What?")
  return a
}
""",
        scene,
    )


def test_a_race_between_people(play: Play) -> None:
    """The first answer wins; the other question is not open any more."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        assert 2 == len(paused.questions)
        await office.answer(paused, "b", "boss")
        done = await office.resume(paused)
        assert "boss" == done.value
        assert "run RUN of main asks nobody now; it is done" == await office.refused(paused, "a", "desk")

    play(
        """flow main() -> string {
  step won = race {
    step a: string = desk.ask("Who?")
    step b: string = boss.ask("Who?")
  }
  return won
}
""",
        scene,
    )


def test_a_run_that_fails_asks_nobody_any_more(play: Play) -> None:
    """A failure elsewhere stops the wait for a person."""

    async def scene(office: Office) -> None:
        failed = await office.run()
        assert failed.failure is not None
        assert (Status.FAILED, "tool.raised") == (failed.status, failed.failure.error)
        assert "run RUN of main asks nobody now; it is failed" == await office.refused(failed, "a", "this")

    play(
        """flow main() -> string {
  step a: string = desk.ask("What?")
  step x = look("boom")
  return "${a}${x}"
}
""",
        scene,
    )


def test_questions_of_a_desk_with_one_place_come_one_after_the_other(play: Play) -> None:
    """`@concurrency(1)` on the agent: the run pauses at the first question, and asks the next one behind its answer."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        found = []
        while paused.is_paused:
            (asked,) = paused.questions
            found.append(asked.path)
            await office.answer(paused, asked.path, asked.path[-1])
            paused = await office.resume(paused)
        assert (["main/a", "main/b"], "ab") == (sorted(found), paused.value)

    play(
        """@concurrency(1)
agent clerk: human { }
flow main() -> string {
  step a: string = clerk.ask("One?")
  step b: string = clerk.ask("Two?")
  return "${a}${b}"
}
""",
        scene,
    )


def test_a_question_inside_of_a_budget_is_paid_for_once(play: Play) -> None:
    """Each resume takes the same attempt up again: it counts as one call, however often the run was paused."""

    async def scene(office: Office) -> None:
        paused = await office.run()
        for _ in range(3):
            paused = await office.resume(paused)
        await office.answer(paused, "a", "this")
        assert "this!" == (await office.resume(paused)).value

    play(
        """@budget(calls: 2)
flow main() -> string {
  step a: string = desk.ask("What?")
  step b = look(a)
  return if b == "" then a else "${a}!"
}
""",
        scene,
    )


def test_a_question_expires_while_the_run_goes_on(play: Play) -> None:
    """Nobody has to resume a run that is under way: it notices on time, and what waits for the failure goes on."""

    async def scene(office: Office) -> None:
        done = await office.run()
        failed = {entry.event.path: entry.at for entry in done.entries if isinstance(entry.event, NodeDone)}
        assert ("late", []) == (done.value, kinds(done.entries, RunPaused))
        assert 60 <= failed["main/a"] - done.entries[0].at < 70

    play(
        """flow main() -> string {
  step a: string = desk.ask("What?", expires: 1m) catch e => "late"
  step pause = clock.sleep(1h)
  step told = note(a) after pause
  return told
}
""",
        scene,
    )


def test_two_processes_never_take_one_answer_twice(play: Play) -> None:
    """Whoever resumes a run that another process works on is told so, and that process hears of the answer."""

    async def scene(office: Office) -> None:
        paused = await office.run(T1)
        await office.answer(paused, "ok", True)
        os.mkfifo(office.folder / "gate")
        first = asyncio.get_running_loop().create_task(office.resume(paused))
        with await asyncio.to_thread((office.folder / "gate").open, "wb"):  # opens when the first is in the call
            with pytest.raises(UnderWay):
                await office.resume(paused)
            assert [] == office.notes
        assert Status.DONE is (await first).status
        assert ["drop t1"] == office.notes

    play(DROP, scene)
