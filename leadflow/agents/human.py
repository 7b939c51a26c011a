"""The kind `human`: people, who are asked and may take days.

`approve` gives true on a yes, and fails otherwise (rule C9); `ask` gives an answer of the step's type. How a person
hears of a question, and how long the run waits, are none of its business: it asks the world's `People`.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from leadflow.events.model import QuestionAnswered
from leadflow.plan.kinds import BUILT_IN, PROMPT
from leadflow.plan.plan import AgentSpec
from leadflow.run.errors import NoAnswer, NotAllowed, NotApproved
from leadflow.run.ports import Agent, People, Question, Reply, Request, Uses, World

_TEXTS = ("question", PROMPT.name, "0")
"""What the question is called among the arguments, by the kind of agent that a call is written for: a person may stand
in for a model, or for a function."""


class HumanKind:
    """Builds agents for people."""

    row = BUILT_IN["human"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for a person or a group.

        Raises:
            NotAllowed: nobody can be asked here.
        """
        if world.people is None:
            raise NotAllowed(
                f"agent '{spec.name}': people answer when they can, and a run that is not kept cannot wait for them: "
                "run it with its journal"
            )
        return HumanAgent(spec, world.people)


class HumanAgent:
    """Asks, and makes a value or a failure of what is said."""

    def __init__(self, spec: AgentSpec, people: People) -> None:
        self._spec, self._people = spec, people

    async def call(self, request: Request) -> Reply:
        """Ask, and wait for the answer.

        Raises:
            NotApproved: a person said no, or nobody said yes in time. NoAnswer: nobody answered in time.
        """
        args, is_approval = request.args, request.action == "approve"
        text = str(next((args[name] for name in _TEXTS if name in args), ""))
        assignee, expires = _assignee(self._spec, request), expires_of(self._spec, request)
        question = Question(request.path, self._spec.name, text, args.get("show"), assignee, expires, is_approval)
        answer = await self._people.ask(question)
        if answer is None:
            raise unanswered(self._spec, request)
        if is_approval and answer.value is not True:
            raise NotApproved(_said_no(answer))
        return Reply(answer.value)

    async def aclose(self) -> None:
        """Nothing is held."""


def expires_of(spec: AgentSpec, request: Request) -> timedelta | None:
    """How long a question waits for its answer, as the call says or the agent does; None: for ever."""
    return cast(timedelta | None, request.args.get("expires") or spec.settings.get("expires"))


def unanswered(spec: AgentSpec, request: Request) -> NotApproved | NoAnswer:
    """What a question has come to that nobody answered in its time."""
    why = f"{_assignee(spec, request) or spec.name} did not answer within {_spoken(expires_of(spec, request))}"
    return NotApproved(why) if request.action == "approve" else NoAnswer(why)


def _assignee(spec: AgentSpec, request: Request) -> str | None:
    return cast(str | None, request.args.get("assignee") or spec.settings.get("assignee"))


def _said_no(answer: QuestionAnswered) -> str:
    at = datetime.fromtimestamp(answer.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{answer.by} said no at {at}" + (f": {answer.note}" if answer.note else "")


def _spoken(expires: timedelta | None) -> str:
    """A duration in words; the question may have been asked by an earlier process, with another one."""
    if expires is None:
        return "its time"
    seconds = int(expires.total_seconds())
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}{'s' * (seconds // size > 1)}"
    return f"{seconds} seconds"
