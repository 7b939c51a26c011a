"""Questions to people below the public door: an inbox of a test, and a driver that sees who waits for it."""

from collections.abc import Sequence
from datetime import timedelta

from leadflow.events.model import Failure, QuestionAnswered, Status
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


class Box:
    """An inbox: what was answered, and what is wrong with it."""

    def __init__(self, *answers: QuestionAnswered) -> None:
        self.answers = list(answers)
        self.problem: OSError | None = None

    async def __call__(self) -> Sequence[QuestionAnswered]:
        """All that was answered so far."""
        await SystemClock().sleep(timedelta(0))
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
