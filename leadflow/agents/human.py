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
        self._name, self._people = spec.name, people
        self._assignee = cast(str | None, spec.settings.get("assignee"))
        self._expires = cast(timedelta | None, spec.settings.get("expires"))

    async def call(self, request: Request) -> Reply:
        """Ask, and wait for the answer.

        Raises:
            NotApproved: a person said no, or nobody said yes in time. NoAnswer: nobody answered in time.
        """
        args, is_approval = request.args, request.action == "approve"
        text = str(next((args[name] for name in _TEXTS if name in args), ""))
        assignee = cast(str | None, args.get("assignee")) or self._assignee
        expires = cast(timedelta | None, args.get("expires")) or self._expires
        question = Question(request.path, self._name, text, args.get("show"), assignee, expires, is_approval)
        answer = await self._people.ask(question)
        if answer is None:
            why = f"{assignee or self._name} did not answer within {_spoken(expires)}"
            raise NotApproved(why) if is_approval else NoAnswer(why)
        if is_approval and answer.value is not True:
            raise NotApproved(_said_no(answer))
        return Reply(answer.value)

    async def aclose(self) -> None:
        """Nothing is held."""


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
