"""Questions to people below the public door: an inbox of a test, and a driver that sees who waits for it."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from leadflow.events.model import Event, Failure, QuestionAnswered, Status
from leadflow.plan.plan import FlowPlan, Node
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.ports import Answer, Caller, CallOrder, Question
from leadflow.run.questions import Questions
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import compiled, started

TWO = compiled('flow f() -> string { step a = look("1") step b = look("2") return "${a}${b}" }')


class Desk:
    """The `Callers` of a test: every call asks a person."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """A call that gives what is answered."""

        async def call(order: CallOrder) -> Answer | Failure:
            question = Question(order.path, "desk", "What?", None, None, timedelta(hours=1), is_approval=False)
            answer = await self._questions.ask(question)
            return Failure("timeout.answer", "timeout", "late", order.path) if answer is None else Answer(answer.value)

        return call


async def passes(seconds: float) -> None:
    """Time passes; not in whole microseconds, as under a clock that is told to sleep."""
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, over.set_result, None)
    await over


class Box:
    """An inbox: what was answered, and what is wrong with it."""

    def __init__(self, *answers: QuestionAnswered) -> None:
        self.answers = list(answers)
        self.problem: OSError | None = None
        self.looks = 0
        self.takes = 0.0
        """Seconds that the first look takes."""

    async def __call__(self) -> Sequence[QuestionAnswered]:
        """All that was answered so far."""
        self.looks += 1
        assert self.looks < 100, "somebody looks again and again"
        await passes(self.takes if self.looks == 1 else 0.0)
        if self.problem is not None:
            raise self.problem
        return self.answers


def asked(box: Box) -> Result:
    """A run that asks two questions, with that inbox."""
    clock = SystemClock()

    async def main() -> Result:
        questions = Questions(clock)
        questions.listen(box)
        ports = Ports(Desk(questions), MemoryJournal(clock), clock, (), questions)
        return await Driver(Program(TWO), ports).run(started(TWO))

    return run_virtual(main())


def answer(path: str, number: int = 1, at: float = 0.0) -> QuestionAnswered:
    """Somebody's answer."""
    return QuestionAnswered(path, number, path[-1], "ada", at)


def test_answers_that_lie_there_are_taken_before_the_run_pauses() -> None:
    """What came while the last call asked is heard, and the run goes on."""
    result = asked(Box(answer("f/a"), answer("f/b")))
    assert (Status.DONE, "ab") == (result.status, result.value)


def test_answers_to_other_questions_count_for_nothing() -> None:
    """Of another number, of a step that asks nothing, or after the end of the question."""
    late = SystemClock().timestamp() + 7200
    result = asked(Box(answer("f/a", 2), answer("f/x"), answer("f/b", at=late)))
    assert (True, ["f/a", "f/b"]) == (result.is_paused, sorted(one.path for one in result.questions))


def test_an_inbox_that_cannot_be_read_stops_the_run_where_it_is() -> None:
    """Case D8: nothing is made up; the run says why, and can go on."""
    box = Box()
    box.problem = OSError("disk gone")
    result = asked(box)
    assert (Status.WAITING, False, ()) == (result.status, result.is_paused, result.questions)
    assert result.failure is not None
    assert ("system.journal", "the journal cannot be used: disk gone") == (result.failure.error, result.failure.message)


# --- looking for answers while something else of the run is under way -------------------------------------------------

HALF_PAST = timedelta(seconds=2.5)
"""How long the question below is open."""


class Wall(SystemClock):
    """A clock whose wall is virtual too. Seconds since the epoch are told in steps of a quarter of a microsecond."""

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return 1767225600.0 + self.monotonic()


def looked(box: Box, *, begun: float = 0.0, mended: float | None = None) -> tuple[float, QuestionAnswered | None]:
    """Ask a question: how many seconds it took, and what came of it.

    Args:
        begun: when, in seconds of virtual time.
        mended: how many seconds later the inbox can be read again.
    """
    clock = Wall()
    looking: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        looking.append(asyncio.get_running_loop().create_task(work))

    def post(event: Event) -> None:
        """Nobody reads the log."""

    async def main() -> tuple[float, QuestionAnswered | None]:
        await clock.sleep(timedelta(seconds=begun))
        asked_at = clock.monotonic()
        if mended is not None:
            asyncio.get_running_loop().call_later(mended, setattr, box, "problem", None)
        questions = Questions(clock)
        questions.listen(box)
        questions.begin(post=post, wake=lambda: None, spawn=spawn)
        question = Question("f/a", "desk", "What?", None, None, HALF_PAST, is_approval=False)
        asking = asyncio.get_running_loop().create_task(questions.ask(question))
        await clock.sleep(timedelta(0))
        await asyncio.wait([asking, *looking], return_when=asyncio.FIRST_COMPLETED)
        took = clock.monotonic() - asked_at
        if not asking.done():
            looking[0].result()  # it says why nobody looks any more
        await asyncio.wait(looking)
        return took, asking.result()

    return run_virtual(main())


def test_a_question_expires_at_its_end_wherever_the_clock_stands() -> None:
    """A duration tells time in coarser steps than the clock: who would wake in front of the end by less than a step
    would wait for nothing; in virtual time, where nothing else can happen then, for ever."""
    chance = Random(1)
    for _ in range(200):
        box = Box()
        box.takes = chance.random() / 2
        took, told = looked(box, begun=chance.uniform(0, 1000))
        assert (None, 4) == (told, box.looks)
        assert took == pytest.approx(HALF_PAST.total_seconds(), abs=5e-6)


@pytest.mark.parametrize("answers", [(), (answer("f/a", at=1.0),)], ids=["nobody answered", "answered in time"])
def test_an_inbox_that_cannot_be_read_is_looked_into_at_leisure(answers: Sequence[QuestionAnswered]) -> None:
    """Case D8: a question that expires meanwhile is not over, since an answer may lie there; and nobody asks a broken
    disk for it without a pause."""
    box = Box(*answers)
    box.problem = OSError("disk gone")
    took, told = looked(box, mended=5.5)
    assert (6.0, 7) == (took, box.looks)
    assert told == (answers[0] if answers else None)
