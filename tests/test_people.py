"""Questions to people, through the public door: a run pauses, is answered from outside, and goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

import leadflow
from leadflow import NotAnswered, Program, Result, RunOptions, StartProblem, Status
from leadflow.events.model import Entry, QuestionAnswered, QuestionAsked, RunPaused, RunResumed
from leadflow.run.adapters import SystemClock
from leadflow.testing import run_virtual

WORK = '''"""What the flows of these tests do beside asking."""
from pathlib import Path

HERE = Path(__file__).parent


def note(text):
    with (HERE / "notes").open("a") as file:
        file.write(text + "\\n")
    return text


def look(text):
    return note("look " + text)


def drop(table):
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
