"""An agent in front of another one: nothing that it says holds a secret of the run (case 129 of the bad inputs).

What an upstream says may repeat the credential that it was sent: as it is, escaped as JSON, in a URL, in Base64; in an
answer, in what a model wants of tools, in a failure. It is replaced by `***` before anybody sees it, so that neither
the log of a run nor what follows from it can hold it, and no tool is given it. An answer is whole when it gets here, so
that it does not matter in which pieces it came (case 130); so is a failure, of which only a beginning is shown later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from leadflow.run.errors import CallError
from leadflow.run.ports import Agent, Reply, Request, Starting
from leadflow.run.redact import without
from leadflow.run.toolbox import Asked


class Discreet:
    """Hands calls on, and hides secrets in the answers."""

    def __init__(self, agent: Agent, forms: Sequence[str]) -> None:
        """Forms: how the secrets may stand in a text, the longest first."""
        self._agent, self._forms = agent, forms

    async def start(self) -> None:
        """Have the agent ready, where it has to be; see the port."""
        if isinstance(self._agent, Starting):
            await self._agent.start()

    async def call(self, request: Request) -> Reply:
        """One attempt of the agent."""
        try:
            reply = await self._agent.call(request)
        except CallError as problem:
            problem.message = without(problem.message, self._forms)
            raise
        value, asked = hide(reply.value, self._forms), self._asked(reply.asked)
        is_same = value is reply.value and asked is reply.asked
        return reply if is_same else Reply(value, reply.usage, reply.quota, asked)

    def _asked(self, asked: Asked | None) -> Asked | None:
        """What a model wants of tools. What it said itself goes back to its provider and to nobody else."""
        if asked is None:
            return None
        uses = tuple(
            replace(
                use,
                name=without(use.name, self._forms),
                args=cast("Mapping[str, Any]", hide(use.args, self._forms)),
                problem=None if use.problem is None else without(use.problem, self._forms),
            )
            for use in asked.uses
        )
        return asked if uses == asked.uses else replace(asked, uses=uses)

    async def aclose(self) -> None:
        """Close the agent."""
        await self._agent.aclose()


_DEEPEST = 200
"""No value is as deep: what is, is refused when it is looked at."""


def hide(value: object, forms: Sequence[str], depth: int = 0) -> object:
    """A value without secrets in its texts and names; the same one where there are none."""
    if depth > _DEEPEST:
        return None
    match value:
        case str():
            return without(value, forms)
        case Mapping():
            down = depth + 1
            pairs = [(name, hide(name, forms), part, hide(part, forms, down)) for name, part in value.items()]
            is_same = all(name is shown and part is told for name, shown, part, told in pairs)
            return value if is_same else {shown: told for _, shown, _, told in pairs}
        case list() | tuple() if type(value) in (list, tuple):
            parts = [hide(part, forms, depth + 1) for part in value]
            is_same = all(part is told for part, told in zip(value, parts, strict=True))
            return value if is_same else type(value)(parts)
        case _:
            return value
