"""Answers of people to the questions of kept runs: which are open, and what counts as an answer.

Whoever answers need not hold the run, and may do it while another process works on it: an answer lies in the store
until that run hears of it. The first one stays. What a run makes of an answer is none of its business.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from leadflow.events.model import Entry, QuestionAnswered, QuestionAsked
from leadflow.keeping import Kept, kernel_of
from leadflow.plan.paths import NoSuchStep, ending_in, find_steps, several_end
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.types import BOOL, JSON, FieldType, Type, Value, show
from leadflow.record import record
from leadflow.run.inputs import parse_input, read_json
from leadflow.run.questions import Asked
from leadflow.run.store import Store
from leadflow.run.values import Mismatch, door
from leadflow.run.waking import too_late


class NotAnswered(Exception):
    """What was said is no answer, or comes too late; the text is one line, and says what can be done."""

    def __init__(self, said: str, wanted: Type | None = None) -> None:
        super().__init__(said)
        self.wanted = wanted
        """The type that an answer has to be of, where it is of another."""


@record
class Typed:
    """An answer as a person types it: JSON, or whatever an input of the type may look like on the command line."""

    text: str


@record
class OpenQuestion:
    """A question that nobody has answered."""

    run: str
    asked: QuestionAsked
    since: float
    """When it was asked, in seconds since the epoch."""
    type: Type
    """Of an answer."""


async def open_questions(store: Store, kept: Kept) -> Sequence[OpenQuestion]:
    """The questions of a run that nobody has answered, in the order in which they were asked."""
    run = kept.row.id
    given = {(answer.path, answer.number) for answer in await store.answers(run)}
    entries = await store.load(run)
    return [one for one in _open(kept, entries) if (one.asked.path, one.asked.number) not in given]


async def give(
    store: Store, kept: Kept, step: str, value: object, *, by: str, now: float, note: str = ""
) -> OpenQuestion:
    """Answer a question of a run: kept from then on.

    Args:
        step: its path, or the end of that where only one open question ends so.
        value: plain data as from JSON, or `Typed`.
        by: who answers.
        now: the wall clock, in seconds since the epoch.

    Raises:
        NotAnswered: there is no such question, it has an answer, has expired, the time of its step or of what stands
            around that is over, or this is no answer to it.
    """
    run, entries = kept.row.id, await store.load(kept.row.id)
    given = [*_in_log(entries), *await store.answers(run)]
    found = _find(_open(kept, entries), kept, step, given)
    asked = found.asked
    if asked.expires is not None and asked.expires <= now:
        raise NotAnswered(
            f"the question at {asked.path} has expired; `leadflow resume {run}` goes on without an answer"
        )
    if (over := too_late(kernel_of(kept), entries, given, now, asked.path)) is not None:
        raise NotAnswered(f"the time of {over} is over; `leadflow resume {run}` goes on without an answer")
    answer = QuestionAnswered(asked.path, asked.number, _value(found, value), by, now, note)
    if (before := await store.answer(run, answer)) is not None:
        raise NotAnswered(_told(before))
    return found


def _in_log(entries: Sequence[Entry]) -> list[QuestionAnswered]:
    return [entry.event for entry in entries if isinstance(entry.event, QuestionAnswered)]


def _open(kept: Kept, entries: Sequence[Entry]) -> list[OpenQuestion]:
    """Those that the log leaves open."""
    if kept.row.status.is_settled:
        return []
    since = {(e.event.path, e.event.number): e.at for e in entries if isinstance(e.event, QuestionAsked)}
    return [
        OpenQuestion(kept.row.id, asked, since[asked.path, asked.number], type_of(kept.plan, asked))
        for asked in Asked(entries).unanswered
    ]


def type_of(plan: Plan, asked: QuestionAsked) -> Type:
    """The type of an answer."""
    return BOOL if asked.is_approval else type_at(plan, asked.path)


def type_at(plan: Plan, path: str) -> Type:
    """The type of a step's answer; any JSON where the path names no call."""
    ways = find_steps(plan, path)
    works = () if isinstance(ways, NoSuchStep) else tuple(way[-1].node.work for way in ways)
    return next((work.result for work in works if isinstance(work, AgentCall)), JSON)


def _find(found: Sequence[OpenQuestion], kept: Kept, step: str, given: Sequence[QuestionAnswered]) -> OpenQuestion:
    """The open question that is meant.

    Raises:
        NotAnswered: there is none, or there are several.
    """
    paths = ending_in(step, [one.asked.path for one in found])
    if len(paths) > 1:
        raise NotAnswered(several_end("questions", step, paths))
    if paths:
        return next(one for one in found if one.asked.path == paths[0])
    if before := ending_in(step, [one.path for one in given]):
        raise NotAnswered(_told(next(one for one in reversed(given) if one.path == before[-1])))
    if not found:
        raise NotAnswered(f"run {kept.row.id} of {kept.row.flow} asks nobody now; it is {kept.row.status}")
    open_ones = ", ".join(one.asked.path for one in found)
    raise NotAnswered(f"run {kept.row.id} has no open question at '{step}'; open: {open_ones}")


def _told(answer: QuestionAnswered) -> str:
    at = datetime.fromtimestamp(answer.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"the question at {answer.path} has an answer already, which stays: {answer.by} gave it at {at}"


def _value(question: OpenQuestion, given: object) -> Value:
    """What was said, as a value of the type of an answer.

    Raises:
        NotAnswered: it is none.
    """
    admit = door(question.type)
    if isinstance(given, Typed):
        data = read_json(given.text)
        value = data if isinstance(data, Mismatch) else admit(data)
        if not isinstance(value, Mismatch):
            return value
        typed = parse_input(f"answer={given.text}", (FieldType("answer", question.type),))
        given = replace(typed, path=typed.path.removeprefix("/answer")) if isinstance(typed, Mismatch) else typed[1]
    value = given if isinstance(given, Mismatch) else admit(given)
    if isinstance(value, Mismatch):
        raise NotAnswered(
            f"the answer to {question.asked.path} has to be of the type {show(question.type)}: {value.message}",
            question.type,
        )
    return value
